/** How the nodes learn where users are, and how messages find them: what Seti asks of each way, and gives to it. */
import type { Oort } from '../oort.ts';
import type { AddressErrorCode } from '../powers.ts';
import type { Presences } from './presences.ts';
import type { PresenceRecord, UserRecord } from './records.ts';

/** What Seti gives to its routing. */
export interface SetiDesk {
  readonly oort: Oort;
  /** Of this node, as part of a channel. */
  readonly id: string;
  readonly presences: Presences;
  /** Brings a message to the sessions the user has here. */
  deliver(record: UserRecord): void;
  /** Publishes by the session of Seti. */
  publish(channel: string, data: PresenceRecord | UserRecord): void;
  /** Users have come to another node, and left it: notes all of it, then tells what is new. */
  note(url: string, added: Iterable<string>, removed: Iterable<string>): void;
}

/** A way to find users. Used from `start` to `stop`, once. */
export interface Routing {
  /** Whether it knows the users of all nodes at any time. */
  readonly knowsAll: boolean;
  start(): Promise<void>;
  /** The users of this node are present nowhere else any more. */
  stop(): Promise<void>;
  /** A user has the first session here. Throws when there can be no way to this user; then nothing is changed. */
  came(userId: string): void;
  /** A user has no session here any more. */
  went(userId: string): void;
  /** Sends to the other nodes that have the user. False when none is known to, or the message could not be sent. */
  send(record: UserRecord): boolean;
  /** As `send`, and resolves with whether one has. Rejects with `AddressError` when that cannot be known. */
  reach(record: UserRecord): Promise<boolean>;
  /** Whether another node has the user. Rejects as `reach` does. */
  ask(userId: string): Promise<boolean>;
  /** From now on it notes where this user is, too. */
  watch(userId: string): void;
  unwatch(userId: string): void;
}

/** For some users it could not be known whether anybody has them; to the others the message was delivered. */
export class SetiError extends Error {
  override readonly name = 'SetiError';
  readonly code: AddressErrorCode;
  /** Of whom it is not known. They may have got the message when `code` is `timeout`. */
  readonly userIds: readonly string[];
  /** Whom nobody has. */
  readonly nobody: readonly string[];

  constructor(code: AddressErrorCode, message: string, userIds: readonly string[], nobody: readonly string[]) {
    super(message);
    this.code = code;
    this.userIds = userIds;
    this.nobody = nobody;
  }
}

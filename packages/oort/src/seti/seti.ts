/** Users across the cluster: who is where, and messages to them wherever they are. Book section 9.6. */
import type { LocalSession, Registration, ServerSession } from '@cometd-ts/server';
import { Events } from '../events.ts';
import { localSession } from '../local.ts';
import type { Oort } from '../oort.ts';
import { AddressError, type AddressErrorCode } from '../powers.ts';
import { setiId } from '../wire.ts';
import { Interest } from './interest.ts';
import { NewsByBucket } from './news-bucket.ts';
import { NewsByMessages } from './news-messages.ts';
import { Presences } from './presences.ts';
import type { UserRecord } from './records.ts';
import { type Routing, type SetiDesk, SetiError } from './routing.ts';
import { Table } from './table.ts';

export interface SetiOptions {
  /**
   * How users are found; the same on all nodes. `table`: every node knows every user, told by messages as Java nodes do it.
   * `bucket`: the same, kept in a bucket of the message system. `interest`: a node knows its own users alone, and messages find
   * the others by their address. `bucket` and `interest` need an engine that can do it. Default `table`.
   */
  readonly routing?: 'table' | 'bucket' | 'interest';
  /**
   * With `interest`: users share so many addresses instead of having one each, for millions of users; the same on all nodes. Costs:
   * a message to a user reaches every node that has any user of the shard, and that nobody has a user is known only when
   * `timeout` is over. Default 0: an address for each user.
   */
  readonly shards?: number;
  /** With `interest`: how long the answer of a node that has a user may take, in ms. Default 2000. */
  readonly timeout?: number;
}

/** A user has come to a node, or left it. */
export interface PresenceEvent {
  readonly userId: string;
  /** URL of the node. */
  readonly url: string;
  /** Whether it is this node. */
  readonly isLocal: boolean;
}

/** A user that is watched has come to a node, or left it. */
export interface WatchEvent extends PresenceEvent {
  readonly isPresent: boolean;
}

export interface SetiEvents {
  /** The first session of a user on a node. With routing `interest`, on this node, or of a user that is watched. */
  presenceAdded: (event: PresenceEvent) => void;
  /** The last session of a user on a node is gone, or the node is. */
  presenceRemoved: (event: PresenceEvent) => void;
}

/** How many questions about users are under way at a time. */
const QUESTIONS = 1_000;

export class Seti {
  readonly oort: Oort;
  /** Of this node, as part of a channel. */
  readonly #id: string;
  readonly #presences: Presences = new Presences();
  readonly #events: Events<SetiEvents>;
  readonly #routing: Routing;
  readonly #watchers: Map<string, Set<(event: WatchEvent) => void>> = new Map();
  /** The listener for the end of a session, by session and user: a session may have several users. */
  readonly #ends: Map<ServerSession, Map<string, Registration>> = new Map();
  #session: LocalSession | null = null;

  /** Throws `RangeError` for options out of range. */
  constructor(oort: Oort, { routing = 'table', shards = 0, timeout = 2_000 }: SetiOptions = {}) {
    if (!Number.isSafeInteger(shards) || shards < 0 || shards > 65_536)
      throw new RangeError(`The option 'shards' must be from 0 to 65536, not ${shards}`);
    if (!(timeout > 0 && timeout < 2 ** 31))
      throw new RangeError(`The option 'timeout' must be ms above 0, not ${timeout}`);
    this.oort = oort;
    this.#id = setiId(oort.url);
    this.#events = new Events(oort.server.diagnostics);
    const desk: SetiDesk = {
      oort,
      id: this.#id,
      presences: this.#presences,
      deliver: (record) => this.#deliver(record),
      publish: (channel, data) => {
        const session = this.#session;
        // When the server stops, its local sessions end in any order.
        if (session?.isHandshook) void oort.server.createChannelIfAbsent(channel).channel.publish(session, data);
      },
      note: (url, added, removed) => this.#note(url, added, removed),
    };
    if (routing === 'interest') this.#routing = new Interest(desk, { shards, timeout });
    else if (routing === 'bucket') this.#routing = new Table(desk, new NewsByBucket(desk));
    else if (routing === 'table') this.#routing = new Table(desk, new NewsByMessages(desk));
    else throw new RangeError(`The option 'routing' must be 'table', 'bucket' or 'interest', not '${String(routing)}'`);
  }

  /**
   * Call it after the start of `oort`. Rejects with `TypeError` when that has not started, or this has, and when the engine
   * cannot do what `routing` needs; with `BucketError` when the bucket cannot be reached.
   */
  async start(): Promise<void> {
    const { oort } = this;
    if (!oort.isStarted) throw new TypeError('Start the Oort before its Seti');
    if (this.#session) throw new TypeError('This Seti was started before');
    const session = await localSession(oort.server, `seti-${this.#id}`);
    this.#session = session;
    try {
      await this.#routing.start();
    } catch (error) {
      this.#session = null;
      await session.disconnect();
      throw error;
    }
  }

  /** The users of this node are present nowhere else any more. Their sessions go on. */
  async stop(): Promise<void> {
    const session = this.#session;
    if (!session) return;
    await this.#routing.stop();
    this.#session = null;
    for (const ends of this.#ends.values()) for (const end of ends.values()) end.remove();
    this.#ends.clear();
    this.#watchers.clear();
    for (const user of this.#presences.localUsers)
      for (const own of this.#presences.sessions(user)) this.#presences.removeSession(user, own);
    for (const user of this.#presences.users)
      for (const node of this.#presences.nodes(user)) this.#presences.removeNode(user, node);
    if (session.isHandshook) await session.disconnect();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  // Users of this node

  /**
   * The session is one of the user's, until it ends or is disassociated. False when it is already, or has ended.
   * Throws `TypeError` before `start`, for an id that is no text, and for a session whose handshake is still under way, as
   * it is in `canHandshake`: whether it is let in nobody knows yet. `sessionAdded` is the place. Throws `RangeError` for an id
   * that is too long to have an address.
   */
  associate(userId: string, session: ServerSession): boolean {
    this.#started();
    if (typeof userId !== 'string' || userId === '') throw new TypeError('The id of a user must be a text');
    if (session.isTerminated) return false;
    if (!session.isHandshook)
      throw new TypeError('The handshake of the session is still under way: associate it in sessionAdded');
    const added = this.#presences.addSession(userId, session);
    if (added === 'none') return false;
    try {
      if (added === 'first') this.#routing.came(userId);
    } catch (error) {
      this.#presences.removeSession(userId, session);
      throw error;
    }
    const ends = this.#ends.get(session) ?? new Map<string, Registration>();
    this.#ends.set(session, ends);
    ends.set(
      userId,
      session.addListener('removed', () => void this.disassociate(userId, session)),
    );
    if (added === 'first') this.#tell(userId, this.oort.url, true);
    return true;
  }

  /** The session is the user's no more. False when it was not. */
  disassociate(userId: string, session: ServerSession): boolean;
  /** No session of this node is the user's any more. Answers those that were. */
  disassociate(userId: string): readonly ServerSession[];
  disassociate(userId: string, session?: ServerSession): boolean | readonly ServerSession[] {
    if (session === undefined) return this.#presences.sessions(userId).filter((own) => this.disassociate(userId, own));
    const removed = this.#presences.removeSession(userId, session);
    if (removed === 'none') return false;
    const ends = this.#ends.get(session);
    ends?.get(userId)?.remove();
    ends?.delete(userId);
    if (ends?.size === 0) this.#ends.delete(session);
    if (removed === 'last') {
      this.#routing.went(userId);
      this.#tell(userId, this.oort.url, false);
    }
    return true;
  }

  /** Whether the user has a session on this node. */
  isAssociated(userId: string): boolean {
    return this.#presences.sessionCount(userId) > 0;
  }

  /** Sessions the user has on this node. */
  getAssociationCount(userId: string): number {
    return this.#presences.sessionCount(userId);
  }

  /** The users of this node. */
  get associatedUserIds(): readonly string[] {
    return this.#presences.localUsers;
  }

  // Users of the cluster

  /**
   * Whether the user is on any node. With routing `interest` that is known of users that are here or watched; of others it
   * throws `TypeError`: `askPresent` finds out.
   */
  isPresent(userId: string): boolean {
    return this.isAssociated(userId) || this.getPresenceCount(userId) > 0;
  }

  /**
   * Sessions the user has here, and nodes elsewhere: how many the user has there is not known here. With routing `interest`
   * it throws `TypeError` for users that are not watched.
   */
  getPresenceCount(userId: string): number {
    if (!this.#watchers.has(userId)) this.#knowing('Watch the user, or use askPresent');
    return this.#presences.sessionCount(userId) + this.#presences.nodeCount(userId);
  }

  /** All users of the cluster, as known at this moment. Throws `TypeError` with routing `interest`. */
  get userIds(): readonly string[] {
    this.#knowing('associatedUserIds are those of this node');
    return this.#presences.users;
  }

  /** Whether the user is on any node, with every routing. Rejects with `SetiError` when that cannot be known. */
  async askPresent(userId: string): Promise<boolean> {
    this.#started();
    if (this.isAssociated(userId)) return true;
    return (await this.#each([userId], (user) => this.#routing.ask(user))).length === 0;
  }

  /**
   * `watcher` is told when the user comes to a node or leaves it, with every routing, beginning with the nodes where the user
   * is; never before this returns. Throws `TypeError` before `start`.
   */
  watch(userId: string, watcher: (event: WatchEvent) => void): Registration {
    this.#started();
    if (typeof watcher !== 'function') throw new TypeError('A watcher must be a function');
    // What comes before it has been told where the user is is part of that.
    let hasBegun = false;
    const entry = (event: WatchEvent): void => {
      if (hasBegun) watcher(event);
    };
    const watchers = this.#watchers.get(userId) ?? new Set();
    if (watchers.size === 0) this.#routing.watch(userId);
    this.#watchers.set(userId, watchers.add(entry));
    queueMicrotask(() => {
      if (!this.#watchers.get(userId)?.has(entry)) return;
      hasBegun = true;
      const here = this.isAssociated(userId) ? [this.oort.url] : [];
      for (const url of [...here, ...this.#presences.nodes(userId)])
        this.oort.server.diagnostics.notify('watcher', [entry], this.#event(userId, url, true));
    });
    return {
      remove: () => {
        watchers.delete(entry);
        if (watchers.size > 0 || this.#watchers.get(userId) !== watchers) return;
        this.#watchers.delete(userId);
        this.#routing.unwatch(userId);
      },
    };
  }

  addListener<Name extends keyof SetiEvents>(name: Name, listener: SetiEvents[Name]): Registration {
    return this.#events.add(name, listener);
  }

  // Messages to users

  /**
   * Delivers to all sessions of these users, wherever they are, subscribed or not: a service channel is the usual choice.
   * Answers the users nobody is known to have; the other nodes are asked for these, too. At most once: whoever is moving
   * from one node to another may miss it. With routing `interest` it answers those of other nodes the message could not be sent to,
   * because this one is cut off: that nobody has a user is not known at once, see `reachUsers`.
   * Throws `TypeError` before `start`, and what the JSON context throws for data it cannot write.
   */
  sendMessage(userIds: string | readonly string[], channel: string, data: unknown): readonly string[] {
    this.#started();
    return distinct(userIds).filter((userId) => {
      const record: UserRecord = { userId, channel, setiId: this.#id, data };
      this.#deliver(record);
      return !this.#routing.send(record) && !this.isAssociated(userId);
    });
  }

  /**
   * As `sendMessage`, and resolves with the users nobody has, with every routing. Rejects with `SetiError` when that cannot be known
   * of some; to the others the message was delivered.
   */
  async reachUsers(userIds: string | readonly string[], channel: string, data: unknown): Promise<readonly string[]> {
    this.#started();
    return this.#each(distinct(userIds), async (userId) => {
      const record: UserRecord = { userId, channel, setiId: this.#id, data };
      this.#deliver(record);
      // Whoever else has a user of this node is sent it; nobody waits for that.
      if (!this.isAssociated(userId)) return this.#routing.reach(record);
      this.#routing.send(record);
      return true;
    });
  }

  /** The users of which `found` is false. */
  async #each(userIds: readonly string[], found: (userId: string) => Promise<boolean>): Promise<readonly string[]> {
    const nobody: string[] = [];
    const unknown: string[] = [];
    let problem: { readonly code: AddressErrorCode; readonly message: string } | null = null;
    for (let from = 0; from < userIds.length; from += QUESTIONS)
      await Promise.all(
        userIds.slice(from, from + QUESTIONS).map(async (userId) => {
          try {
            if (!(await found(userId))) nobody.push(userId);
          } catch (error) {
            if (!(error instanceof AddressError)) throw error;
            problem = error;
            unknown.push(userId);
          }
        }),
      );
    if (problem === null) return nobody;
    const { code, message } = problem as { readonly code: AddressErrorCode; readonly message: string };
    throw new SetiError(code, `Whether anybody has ${unknown.length} users is not known: ${message}`, unknown, nobody);
  }

  #deliver({ userId, channel, data }: UserRecord): void {
    const session = this.#session;
    if (session) for (const own of this.#presences.sessions(userId)) void own.deliver(session, channel, data);
  }

  // What is known of other nodes

  #note(url: string, added: Iterable<string>, removed: Iterable<string>): void {
    const gone = [...removed].filter((user) => this.#presences.removeNode(user, url));
    const come = [...added].filter((user) => this.#presences.addNode(user, url));
    for (const userId of gone) this.#tell(userId, url, false);
    for (const userId of come) this.#tell(userId, url, true);
  }

  #tell(userId: string, url: string, isPresent: boolean): void {
    const { isPresent: _, ...event } = this.#event(userId, url, isPresent);
    this.#events.tell(isPresent ? 'presenceAdded' : 'presenceRemoved', event);
    const watchers = this.#watchers.get(userId);
    if (watchers) this.oort.server.diagnostics.notify('watcher', [...watchers], this.#event(userId, url, isPresent));
  }

  #event(userId: string, url: string, isPresent: boolean): WatchEvent {
    return { userId, url, isLocal: url === this.oort.url, isPresent };
  }

  #knowing(instead: string): void {
    if (!this.#routing.knowsAll)
      throw new TypeError(`With routing 'interest' a node knows its own users alone. ${instead}`);
  }

  #started(): LocalSession {
    if (!this.#session?.isHandshook) throw new TypeError('Start the Seti first');
    return this.#session;
  }
}

function distinct(userIds: string | readonly string[]): readonly string[] {
  return [...new Set(typeof userIds === 'string' ? [userIds] : userIds)];
}

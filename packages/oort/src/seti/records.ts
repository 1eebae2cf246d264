/** The two messages of Seti as they travel: presence of users, and messages to them. */
import { ChannelId, isMeta } from '@cometd-ts/protocol';

/** Users of a node came or went. `replace`: these are all it has. `alive`: it asks for the list of whoever hears it. */
export interface PresenceRecord {
  readonly userIds: readonly string[];
  readonly oortURL: string;
  readonly presence: boolean;
  readonly replace: boolean;
  readonly alive?: boolean;
  /** Counts what a node says, so that what overtook it can be told. Java nodes neither send nor read it. */
  readonly seq?: number;
}

/** A message for a user. `setiId` is the sender's. */
export interface UserRecord {
  readonly userId: string;
  readonly channel: string;
  readonly setiId?: string;
  readonly data: unknown;
}

/** What arrived, or null when it is neither. */
export function readRecord(data: unknown): PresenceRecord | UserRecord | null {
  if (typeof data !== 'object' || data === null) return null;
  return 'presence' in data ? readPresence(data as Readonly<Record<string, unknown>>) : readUserRecord(data);
}

export function readUserRecord(data: unknown): UserRecord | null {
  if (typeof data !== 'object' || data === null) return null;
  const { userId, channel, data: value } = data as Partial<Record<keyof UserRecord, unknown>>;
  if (typeof userId !== 'string' || typeof channel !== 'string' || !isForUsers(channel)) return null;
  return { userId, channel, data: value };
}

/** Meta messages are the server's alone: with them another node could end or lead astray the clients of this one. */
function isForUsers(channel: string): boolean {
  return ChannelId.problem(channel) === undefined && !isMeta(channel) && !channel.endsWith('*');
}

export function isPresence(record: PresenceRecord | UserRecord): record is PresenceRecord {
  return 'presence' in record;
}

function readPresence(fields: Readonly<Record<string, unknown>>): PresenceRecord | null {
  const { userIds, oortURL, presence, seq } = fields;
  if (typeof oortURL !== 'string' || typeof presence !== 'boolean') return null;
  if (!Array.isArray(userIds) || !userIds.every((user) => typeof user === 'string')) return null;
  return {
    userIds,
    oortURL,
    presence,
    replace: fields.replace === true,
    alive: fields.alive === true,
    ...(Number.isSafeInteger(seq) && { seq: seq as number }),
  };
}

/** What nodes on NATS say to each other beside the messages they carry: read with care, because anybody with the permission can write it. */
import type { Msg, MsgHdrs } from '@nats-io/transport-node';
import type { NodeRecord } from './membership.ts';
import type { Entry } from './outbox.ts';

/** Id of the node that sends. */
export const SOURCE = 'Oort-Src';
/** Number of the message, of all that this node sends. */
export const NUMBER = 'Oort-Seq';
/** What it is; a broadcast without it. */
export const KIND = 'Oort-Kind';
/** `2/3` is the second of three pieces of a message that is over the payload limit. */
export const PIECE = 'Oort-Piece';

/** Of the words below. */
export const WIRE_VERSION = 1;

/** Said to all, on the subject of the heartbeats of a node. */
export interface Heartbeat {
  readonly revision: number;
  /** All shall answer with a heartbeat. */
  readonly isCall?: boolean;
  /** The record, when it has changed. */
  readonly record?: NodeRecord;
  /** The node leaves. */
  readonly isFarewell?: boolean;
  /** Absent in an answer to one. */
  readonly pulse?: Pulse;
}

/** In a heartbeat that is said to all. */
export interface Pulse {
  /** Number of the heartbeat. */
  readonly beat: number;
  /** Number of the last message that was sent before it. */
  readonly sent: number;
}

/** Said to one node. */
export interface Introduction {
  readonly record: NodeRecord;
  readonly lost: number;
  readonly asks: boolean;
}

/** Asks for all that was sent after a message. */
export interface Missed {
  readonly after: number;
}

/** What follows is what was asked for. */
export interface Again {
  /** Nothing of it is missing. */
  readonly isWhole: boolean;
}

/** What one node says to another about the cluster itself, by its kind. */
export interface Words {
  readonly heartbeat: Heartbeat;
  readonly introduction: Introduction;
  readonly missed: Missed;
  readonly again: Again;
}

export type Talk = keyof Words;

/** The header of a message that carries a Bayeux message. */
export interface Letter {
  readonly source: string;
  readonly number: number;
  readonly kind: Entry['kind'];
  /** Which piece it is, from 1, and of how many. */
  readonly piece: number;
  readonly pieces: number;
}

/** Undefined when it is something else. */
export function letterOf(headers: MsgHdrs | undefined): Letter | undefined {
  if (!headers) return undefined;
  const source = headers.get(SOURCE);
  const number = Number(headers.get(NUMBER));
  const kind = headers.get(KIND) || 'broadcast';
  if (source === '' || !Number.isSafeInteger(number) || number < 1) return undefined;
  if (kind !== 'broadcast' && kind !== 'delivery' && kind !== 'message') return undefined;
  const text = headers.get(PIECE);
  if (text === '') return { source, number, kind, piece: 1, pieces: 1 };
  const [, piece, pieces] = /^(\d{1,6})\/(\d{1,6})$/.exec(text)?.map(Number) ?? [];
  if (piece === undefined || pieces === undefined || piece < 1 || piece > pieces) return undefined;
  return { source, number, kind, piece, pieces };
}

export function readHeartbeat({ data }: Pick<Msg, 'data'>): Heartbeat | undefined {
  const value = read(data);
  if (!value || !isCount(value.revision)) return undefined;
  const heartbeat = {
    revision: value.revision,
    isCall: value.isCall === true,
    isFarewell: value.isFarewell === true,
    ...(isPulse(value.pulse) && { pulse: value.pulse }),
  };
  if (value.record === undefined) return heartbeat;
  const record = recordOf(value.record);
  return record && { ...heartbeat, record };
}

export function readIntroduction({ data }: Pick<Msg, 'data'>): Introduction | undefined {
  const value = read(data);
  const record = recordOf(value?.record);
  if (!value || !record || !isCount(value.lost)) return undefined;
  return { record, lost: value.lost, asks: value.asks === true };
}

export function readMissed({ data }: Pick<Msg, 'data'>): Missed | undefined {
  const value = read(data);
  return isCount(value?.after) ? { after: value.after } : undefined;
}

export function readAgain({ data }: Pick<Msg, 'data'>): Again | undefined {
  const value = read(data);
  return typeof value?.isWhole === 'boolean' ? { isWhole: value.isWhole } : undefined;
}

function recordOf(value: unknown): NodeRecord | undefined {
  if (!isObject(value)) return undefined;
  const { id, url, started, version, revision, observed, interest, alsoOn } = value;
  if (typeof id !== 'string' || id === '' || typeof url !== 'string' || url === '') return undefined;
  if (!isCount(started) || !isCount(version) || !isCount(revision) || !isTexts(observed) || !isTexts(interest))
    return undefined;
  if (alsoOn !== undefined && typeof alsoOn !== 'string') return undefined;
  return { id, url, started, version, revision, observed, interest, ...(alsoOn !== undefined && { alsoOn }) };
}

function read(data: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(data));
    return isObject(value) ? value : undefined;
  } catch {
    // What is no JSON is no talk of a node either; the caller counts it.
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isPulse(value: unknown): value is Pulse {
  return isObject(value) && isCount(value.beat) && isCount(value.sent);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

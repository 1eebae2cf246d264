/** The Oort block of handshakes, and the secret in it: who knows it is a node. Book section 9.5.7. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Message } from '@cometd-ts/protocol';
import type { Member } from '../engine.ts';

/** The field of `ext` with the block. */
export const OORT_EXT = 'org.cometd.oort';

export type Digest = 'sha512' | 'sha1';

/** The secret as it travels: `sha512` since CometD 4.0.5, `sha1` before. */
export function digestOf(secret: string, digest: Digest): string {
  return createHash(digest).update(secret, 'utf8').digest('base64');
}

/** What a node says of itself when it shakes hands. */
export interface Knock extends Member {
  /** The URL by which it has reached us. */
  readonly reached: string;
  /** When it connects back: the URL by which we had reached it. */
  readonly alias?: string;
  readonly secret: string;
}

/** Whether a handshake claims to come from a node. */
export function hasBlock(message: Message): boolean {
  return message.ext?.[OORT_EXT] !== undefined;
}

/** The block of a handshake request; null when it is not whole. */
export function knockIn(message: Message): Knock | null {
  const block: unknown = message.ext?.[OORT_EXT];
  if (!isObject(block)) return null;
  const { oortURL, oortId, oortSecret, cometURL, oortAliasURL } = block;
  if (!isURL(oortURL) || !isText(oortId) || !isText(oortSecret) || !isText(cometURL)) return null;
  if (oortAliasURL !== undefined && !isText(oortAliasURL)) return null;
  const knock: Knock = { id: oortId, url: oortURL, reached: cometURL, secret: oortSecret };
  return oortAliasURL === undefined ? knock : { ...knock, alias: oortAliasURL };
}

/** Who has answered a handshake; null when it is no node. */
export function memberIn(reply: Message): Member | null {
  const block: unknown = reply.ext?.[OORT_EXT];
  if (!isObject(block)) return null;
  const { oortURL, oortId } = block;
  return isURL(oortURL) && isText(oortId) ? { id: oortId, url: oortURL } : null;
}

/** Compares in a time that says nothing about where they differ. */
export function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(a, b);
}

/** Whether a value has fields. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Longest URL or id of a node. */
const LONGEST = 2048;

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST;
}

/** Whether a value is the absolute http(s) URL of a node. */
export function isURL(value: unknown): value is string {
  return isText(value) && /^https?:\/\/[^/]/.test(value) && URL.canParse(value);
}

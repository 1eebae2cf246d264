/** How the entries of a bucket are written: the subjects of keys, what says that a value is gone, values in pieces. */
import { decodeKey, encodeKey } from './subjects.ts';

/** Ends the texts of a key in its subject; no text is written like this. So `['a']` and what begins with it have one pattern, `a.>`. */
const END = '=';
/** Subjects are lines of a protocol that may have 4096 bytes. */
const MAX_KEY = 2048;

/** `DEL`: this key is gone. `PURGE`: all that begins with it. The names are those of NATS. */
export const OPERATION = 'KV-Operation';
/** What is there before a write. */
export const EXPECTED = 'Nats-Expected-Last-Subject-Sequence';
/** Why a server itself has written that a value is gone. */
export const MARKER = 'Nats-Marker-Reason';
/** `<count> <id>`: the value is in so many pieces of this id, which stand before this message. */
export const PIECES = 'Oort-Pieces';

/** What says that something is gone stays so long, in ms, for those whose watch is interrupted. */
export const REMEMBERED = 300_000;

/** The subject of a key, without the prefix of the bucket. Throws `TypeError` for what is no key. */
export function subjectOf(key: readonly string[]): string {
  return `${tokensOf(key)}.${END}`;
}

/** The pattern of all that begins with a key, itself included. */
export function patternOf(prefix: readonly string[]): string {
  return prefix.length === 0 ? '>' : `${tokensOf(prefix)}.>`;
}

/** The subject of a piece of the value of a key. */
export function pieceOf(subject: string, id: string, index: number | '>'): string {
  return `${subject}.${id}.${index}`;
}

/** What stands at a subject, or null when others wrote there. */
export function readSubject(
  subject: string,
): { readonly key: readonly string[]; readonly piece: { readonly id: string; readonly index: number } | null } | null {
  const tokens = subject.split('.');
  const end = tokens.indexOf(END);
  if (end < 1) return null;
  const key = decodeKey(tokens.slice(0, end).join('.'));
  const [id, index] = tokens.slice(end + 1);
  return { key, piece: id === undefined ? null : { id, index: Number(index) } };
}

/** How many pieces a value has, and their id. */
export function readPieces(header: string): { readonly count: number; readonly id: string } {
  const [count, id = ''] = header.split(' ');
  return { count: Number(count), id };
}

function tokensOf(key: readonly string[]): string {
  if (key.length === 0 || !key.every((text) => typeof text === 'string' && text !== ''))
    throw new TypeError('A key is a list of texts, none of them empty');
  const tokens = encodeKey(key);
  if (tokens.length <= MAX_KEY) return tokens;
  throw new TypeError(`Too long a key for NATS: ${tokens.slice(0, 80)}…`);
}

/** Identifiers nobody can guess: letters and digits from the system's random numbers. */
import { randomFillSync } from 'node:crypto';

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz';
/** The largest multiple of 36 in a byte: bytes from here on are skipped, so that every character is equally likely. */
const FAIR = 252;
/** Characters of a session id: 25 × log2(36) = 129 bits. */
const SESSION_ID_LENGTH = 25;

const pool = new Uint8Array(4096);
const cursor = { at: pool.length };

/** `length` characters of `[0-9a-z]`. */
export function randomText(length: number): string {
  let text = '';
  while (text.length < length) {
    if (cursor.at === pool.length) {
      randomFillSync(pool);
      cursor.at = 0;
    }
    const byte = pool[cursor.at++] ?? FAIR;
    if (byte < FAIR) text += alphabet[byte % 36];
  }
  return text;
}

/** An id for a session that comes from outside; it begins with the mark of the server. */
export function sessionId(mark: string): string {
  return mark + randomText(SESSION_ID_LENGTH);
}

/** An id for a local session; `hint` makes it readable. */
export function localSessionId(hint: string): string {
  return hint ? `${hint}_${randomText(SESSION_ID_LENGTH)}` : randomText(SESSION_ID_LENGTH);
}

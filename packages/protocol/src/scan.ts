/** One pass over a JSON text before it is parsed: is it within the limits, and would re-encoding change a number? */
import type { LimitName, Limits } from './limits.ts';

/** The limits a payload can hit as a whole; the others belong to one message. */
export type PayloadLimit = Extract<LimitName, 'maxMessages' | 'maxDepth' | 'maxKeys' | 'maxNodes'>;

/** What is counted over all texts of one payload. */
export interface Tally {
  messages: number;
  nodes: number;
  /** Some number would not come back from parse and generate as it was written. */
  inexact: boolean;
}

const quote = 0x22;
const comma = 0x2c;
const minus = 0x2d;
const dot = 0x2e;
const zero = 0x30;
const nine = 0x39;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const letterF = 0x66;
const letterN = 0x6e;
const letterT = 0x74;

/** Numbers of so many digits survive a double. */
const exactDigits = 15;
/** Longer than any number that `JSON.stringify` writes. */
const longestNumber = 25;

/**
 * Adds a text to the tally and names the first limit it exceeds. The text need not be valid JSON: what is counted up to
 * the first mistake is right, and the parser never gets past it.
 */
export function scan(text: string, limits: Limits, tally: Tally): PayloadLimit | undefined {
  const { maxMessages, maxDepth, maxKeys, maxNodes } = limits;
  const length = text.length;
  // With room for what most payloads have: growing it by one would make room for many.
  const keys: number[] = [0, 0, 0, 0, 0, 0];
  const outermost = text.charCodeAt(skipSpace(text, 0)) === openBracket ? 1 : 0;
  const deepest = maxDepth + outermost;
  // The array around the messages is no value of theirs.
  let nodes = tally.nodes - outermost;
  let depth = 0;
  if (++tally.messages > maxMessages) return 'maxMessages';
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    switch (unit) {
      case quote:
        index = endOfString(text, index);
        nodes++;
        break;
      case colon:
        // What stood before it was a name, not a value.
        nodes--;
        keys[depth] = (keys[depth] as number) + 1;
        if ((keys[depth] as number) > maxKeys) return 'maxKeys';
        break;
      case comma:
        if (depth === outermost && depth === 1 && ++tally.messages > maxMessages) return 'maxMessages';
        break;
      case openBrace:
      case openBracket:
        nodes++;
        if (++depth > deepest) return 'maxDepth';
        keys[depth] = 0;
        break;
      case closeBrace:
      case closeBracket:
        if (depth > 0) depth--;
        break;
      case letterT:
      case letterF:
      case letterN:
        nodes++;
        index += 3;
        break;
      default:
        if (unit !== minus && !(unit >= zero && unit <= nine)) continue;
        nodes++;
        {
          const end = endOfNumber(text, index);
          if (!tally.inexact && !isExact(text, index, end)) tally.inexact = true;
          index = end - 1;
        }
    }
    if (nodes > maxNodes) return 'maxNodes';
  }
  tally.nodes = nodes;
  return undefined;
}

/** Index of the first character that is not white space. */
export function skipSpace(text: string, from: number): number {
  let index = from;
  while (isSpace(text.charCodeAt(index))) index++;
  return index;
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;
}

/** Index of the quote that closes the string which opens at `start`; the length of the text if none does. */
export function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = end;
    while (text.charCodeAt(escapes - 1) === backslash) escapes--;
    if ((end - escapes) % 2 === 0) return end;
  }
  return text.length;
}

/** Index behind the number that starts at `start`. */
export function endOfNumber(text: string, start: number): number {
  let index = start + 1;
  while (isNumberPart(text.charCodeAt(index))) index++;
  return index;
}

/** Digits, sign, point and exponent. */
function isNumberPart(unit: number): boolean {
  return (unit >= zero && unit <= nine) || unit === dot || unit === 0x2b || unit === minus || (unit | 0x20) === 0x65;
}

/** Whether a number is written just as `JSON.stringify` would write its value. */
export function isExact(text: string, start: number, end: number): boolean {
  if (end - start <= exactDigits && isPlain(text, start, end)) return true;
  if (end - start > longestNumber) return false;
  const number = text.slice(start, end);
  return String(Number(number)) === number;
}

/** Whether a short number is an ordinary integer or decimal, without zeros that could go. Most are, so this is quick. */
function isPlain(text: string, start: number, end: number): boolean {
  const first = text.charCodeAt(start) === minus ? start + 1 : start;
  let point = -1;
  for (let index = first; index < end; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= zero && unit <= nine) continue;
    if (unit !== dot || point >= 0) return false;
    point = index;
  }
  if (point >= 0 && text.charCodeAt(end - 1) === zero) return false;
  if (text.charCodeAt(first) !== zero) return true;
  return point === first + 1 ? text.charCodeAt(point + 1) !== zero : first === start;
}

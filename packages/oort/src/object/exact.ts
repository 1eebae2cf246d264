/** Whole numbers of 64 bits, and what the JSON of a server can carry. */
import type { Oort } from '../oort.ts';

/** A whole number of 64 bits: a `number` where that is exact, else a `bigint`. `5n` is taken as `5`. */
export type Long = number | bigint;

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

/** The one way to write a long. Throws `TypeError` for what is no number, `RangeError` for what is no exact whole number of 64 bits. */
export function toLong(value: unknown): Long {
  if (typeof value !== 'number' && typeof value !== 'bigint')
    throw new TypeError(`A long was expected, not ${typeof value}`);
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
    throw new RangeError(`${value} is no exact whole number: use a bigint beyond 2^53`);
  }
  if (value < MIN || value > MAX) throw new RangeError(`${value} does not fit into 64 bits`);
  return shortest(value);
}

/** A long from its digits, as keys of maps are written. */
export function parseLong(text: string): Long {
  if (!/^-?\d{1,19}$/.test(text)) throw new TypeError('A long was expected');
  return toLong(BigInt(text));
}

/** The sum, exact however large. */
export function addLongs(a: Long, b: Long): Long {
  return shortest(BigInt(a) + BigInt(b));
}

function shortest(value: bigint): Long {
  const near = Number(value);
  return Number.isSafeInteger(near) ? near : value;
}

/** Throws `RangeError` when other nodes could not be told this value as it is. */
export function carry(oort: Oort, value: unknown): void {
  if (typeof value === 'string' || typeof value === 'boolean') return;
  if (typeof value !== 'number') void textOf(oort, value);
  else if (!Number.isFinite(value)) throw new RangeError(`${value} has no JSON form`);
}

/** The value as the other nodes get it. Throws `RangeError` as `carry` does. */
export function carried<T>(oort: Oort, value: T): T {
  if (typeof value === 'object' || typeof value === 'bigint')
    return oort.server.settings.jsonContext.parse(textOf(oort, value)) as T;
  carry(oort, value);
  return value === 0 ? (0 as T) : value;
}

function textOf(oort: Oort, value: unknown): string {
  try {
    return oort.server.settings.jsonContext.generate(value);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RangeError(
      `The JSON context of the server cannot carry this (ExactJSONContext carries bigint): ${reason}`,
      { cause },
    );
  }
}

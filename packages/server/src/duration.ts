/** Times that the application sets: what a timer can wait for, or −1 to leave it to somebody else. */

/** Longest delay of a timer, in ms: a longer one would be over at once. */
const LONGEST = 2 ** 31 - 1;

/** The time itself. Throws `RangeError` for what is no number of ms from −1 to 2147483647. */
export function duration(name: string, ms: number): number {
  if (typeof ms === 'number' && ms >= -1 && ms <= LONGEST) return ms;
  throw new RangeError(`${name} must be a number of ms from -1 to ${LONGEST}, not ${String(ms)}`);
}

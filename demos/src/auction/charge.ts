/** Which node is in charge of a lot: the same answer on every node that knows the same others, and few lots move when one leaves. */
import { createHash } from 'node:crypto';

/** Of all nodes the one whose URL, hashed together with the lot, comes out highest. Throws `RangeError` without nodes. */
export function inChargeOf(lot: string, urls: readonly string[]): string {
  const ranks = urls.map((url) => ({ url, rank: createHash('sha256').update(`${lot} ${url}`).digest('hex') }));
  const [first, ...others] = ranks;
  if (!first) throw new RangeError('No node is there to be in charge');
  return others.reduce((best, one) => (one.rank > best.rank ? one : best), first).url;
}

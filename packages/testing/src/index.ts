/** What applications that use Bayeux servers and clients need for their tests. */

export { type Direction, type LineOptions, MemoryLine } from './line.ts';
export { Pair, type PairOptions, pair } from './pair.ts';

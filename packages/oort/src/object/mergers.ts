/** How the parts of all nodes become one value. */
import { addLongs, type Long } from './exact.ts';
import type { Info } from './info.ts';

/** Makes one value of all parts, which come sorted by URL, so that all nodes make the same. */
export type Merger<T, Result> = (infos: readonly Info<T>[]) => Result;

export interface OortObjectMergers {
  /** The sum, exact however large. */
  longSum(): Merger<Long, Long>;
  /** All entries; where several nodes have a key, the node with the greatest URL wins. */
  mapUnion<K, V>(): Merger<ReadonlyMap<K, V>, Map<K, V>>;
  /** All elements, one list after the other. */
  listUnion<E>(): Merger<readonly E[], E[]>;
}

/** The mergers of the book, section 9.7.1.5. */
export const OortObjectMergers: OortObjectMergers = {
  longSum: () => (infos) => infos.reduce<Long>((sum, { object }) => addLongs(sum, object), 0),
  mapUnion: () => (infos) => new Map(infos.flatMap(({ object }) => [...object])),
  listUnion: () => (infos) => infos.flatMap(({ object }) => [...object]),
};

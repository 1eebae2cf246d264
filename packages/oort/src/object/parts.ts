/** The parts of one object, by the URL of their node and sorted by it. */
import type { OwnInfo } from './info.ts';
import { Part } from './part.ts';

export class Parts<T> {
  #parts: Map<string, Part<T>> = new Map();

  get(url: string): Part<T> | undefined {
    return this.#parts.get(url);
  }

  /** The part of a node, a new one if there is none. */
  of(url: string): Part<T> {
    const known = this.#parts.get(url);
    if (known) return known;
    const part = new Part<T>();
    const parts: [string, Part<T>][] = [...this.#parts, [url, part]];
    this.#parts = new Map(parts.sort(([a], [b]) => (a < b ? -1 : 1)));
    return part;
  }

  /** Those of which the value is known. */
  get infos(): OwnInfo<T>[] {
    return [...this.#parts.values()].flatMap(({ info }) => (info ? [info] : []));
  }

  get urls(): string[] {
    return [...this.#parts.keys()];
  }

  /** What was known of the part. */
  remove(url: string): OwnInfo<T> | null {
    const part = this.#parts.get(url);
    part?.stopAsking();
    this.#parts.delete(url);
    return part?.info ?? null;
  }
}

/** What a bucket tells of the parts of other nodes, and when it may be told on: from the whole part on, while its node is there. */
import { isItem, type ObjectRecord, versionOf } from './records.ts';

/** What is known of the part of one start of a node. */
interface Tale {
  /** Null until it is there, and as soon as it was told. */
  whole: ObjectRecord | null;
  /** Changes that may come after the whole, in the order they were written. */
  items: ObjectRecord[];
  /** What is heard is told on at once. */
  isTold: boolean;
}

export class Tales {
  readonly #tell: (record: ObjectRecord) => void;
  readonly #tales: Map<string, Tale> = new Map();
  /** Nodes that are there, by id. */
  readonly #urls: Map<string, string> = new Map();
  /** Nodes that have left after their part was told: it is not known any more, and must be read anew when they are back. */
  readonly #lost: Set<string> = new Set();

  constructor(tell: (record: ObjectRecord) => void) {
    this.#tell = tell;
  }

  /** False when all must be read anew. */
  joined(id: string, url: string): boolean {
    this.#urls.set(id, url);
    if (this.#lost.has(id)) return false;
    const tale = this.#tales.get(id);
    if (tale) this.#tellOn(id, tale);
    return true;
  }

  left(id: string): void {
    this.#urls.delete(id);
    if (this.#tales.get(id)?.isTold) this.#lost.add(id);
    if (this.#lost.has(id)) this.#tales.delete(id);
  }

  /** Whether it is the part of a node that is not there. */
  isStranger(id: string): boolean {
    return !this.#urls.has(id);
  }

  /** Those of whom something is in the bucket. */
  get ids(): string[] {
    return [...this.#tales.keys(), ...this.#lost];
  }

  heard(id: string, record: ObjectRecord): void {
    if (this.#lost.has(id)) return;
    const tale = this.#tales.get(id) ?? { whole: null, items: [], isTold: false };
    this.#tales.set(id, tale);
    if (tale.isTold) return this.#tell(record);
    if (isItem(record)) tale.items.push(record);
    else {
      const version = versionOf(record);
      tale.whole = record;
      tale.items = tale.items.filter((item) => versionOf(item) > version);
    }
    this.#tellOn(id, tale);
  }

  /** Nothing of the part is in the bucket any more. What was told of a node that is there stays told: it will write it again. */
  gone(id: string): void {
    this.#lost.delete(id);
    if (this.isStranger(id)) this.#tales.delete(id);
  }

  /** All that is there will be heard anew. */
  restart(): void {
    this.#tales.clear();
    this.#lost.clear();
  }

  #tellOn(id: string, tale: Tale): void {
    const { whole, items } = tale;
    if (!whole || !this.#urls.has(id)) return;
    tale.isTold = true;
    tale.whole = null;
    tale.items = [];
    for (const record of [whole, ...items]) this.#tell(record);
  }
}

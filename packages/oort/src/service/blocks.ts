/** Numbers in blocks: each node takes one from a bucket, by compare and set, and gives its numbers out without asking anybody. */
import { addLongs, type Long, parseLong, toLong } from '../object/exact.ts';
import type { Oort } from '../oort.ts';
import { type Bucket, BucketError } from '../powers.ts';
import { OortServiceError } from './answer.ts';

export class Blocks {
  readonly #oort: Oort;
  readonly #name: string;
  readonly #size: number;
  readonly #initial: Long;
  readonly #timeout: number;
  #bucket: Bucket | null = null;
  /** What is left of the last block: from `#next` to before `#end`. */
  #next: Long = 0;
  #end: Long = 0;
  /** One taker at a time, in the order they came. */
  #line: Promise<unknown> = Promise.resolve();

  /** @param size numbers of a block; @param initial the first of all; @param timeout how long taking a block may last, in ms */
  constructor(oort: Oort, name: string, size: number, initial: Long, timeout: number) {
    this.#oort = oort;
    this.#name = name;
    this.#size = size;
    this.#initial = initial;
    this.#timeout = timeout;
  }

  async open(): Promise<void> {
    const { engine } = this.#oort;
    if (!engine.buckets) throw new TypeError(`Blocks need an engine with buckets, and '${engine.name}' has none`);
    this.#bucket = await engine.buckets.open('counters');
  }

  /** What is left of the block is given to nobody. */
  close(): void {
    this.#bucket = null;
    this.#next = this.#end;
  }

  /** The first of `count` numbers in a row that nobody else gets. */
  take(count: Long): Promise<Long> {
    return this.#inLine(async () => {
      if (BigInt(this.#end) - BigInt(this.#next) < BigInt(count)) await this.#claim(count);
      const first = this.#next;
      this.#next = addLongs(first, count);
      return first;
    });
  }

  /** The first number that is in no block yet. */
  peek(): Promise<Long> {
    return this.#inLine(async () => {
      const entry = await this.#there().get(this.#key);
      return entry ? parseLong(String(entry.value)) : this.#initial;
    });
  }

  async #claim(count: Long): Promise<void> {
    const size = BigInt(count) > BigInt(this.#size) ? count : this.#size;
    const until = performance.now() + this.#timeout;
    do {
      const bucket = this.#there();
      const entry = await bucket.get(this.#key);
      const from = entry ? parseLong(String(entry.value)) : this.#initial;
      const to = toLong(addLongs(from, size));
      // As text: whatever the JSON of the servers can carry.
      const written = entry
        ? await bucket.update(this.#key, String(to), entry.revision)
        : await bucket.create(this.#key, String(to));
      if (written === null) continue;
      // A block that follows on the last one goes on with it.
      if (from !== this.#end) this.#next = from;
      this.#end = to;
      return;
    } while (performance.now() < until);
    throw new OortServiceError('timeout', `No block of '${this.#name}' could be taken within ${this.#timeout} ms`);
  }

  get #key(): readonly string[] {
    return [this.#name];
  }

  #there(): Bucket {
    if (!this.#bucket) throw new OortServiceError('stopped', `The service '${this.#name}' is not started`);
    return this.#bucket;
  }

  #inLine<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#line.then(task).catch((error: unknown) => {
      if (!(error instanceof BucketError)) throw error;
      // It may have been written all the same: that block is lost, and given to nobody.
      throw new OortServiceError('unreachable', `The blocks of '${this.#name}' cannot be reached: ${error.message}`);
    });
    this.#line = result.catch(() => undefined);
    return result;
  }
}

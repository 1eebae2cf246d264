/** A number of every node, known on all nodes, and their sum. Book section 9.7.1.6. */
import type { Oort } from '../oort.ts';
import { addLongs, carry, type Long, toLong } from './exact.ts';
import { OortObjectFactories } from './factories.ts';
import { OortObjectMergers } from './mergers.ts';
import { OortObject } from './object.ts';

/**
 * A counter. Numbers beyond 2^53 are `bigint`, and need `ExactJSONContext` in the server. Promises reject with `TypeError` for
 * what is no number, and with `RangeError` beyond 64 bits or what the server's JSON can carry: nothing is changed then.
 */
export class OortLong extends OortObject<Long> {
  constructor(oort: Oort, name: string, initial: Long = 0) {
    super(oort, name, OortObjectFactories.forLong(initial));
  }

  /** The number of this node. */
  get(): Long {
    return this.localInfo.object;
  }

  /** The sum of the numbers of all nodes. */
  sum(): Long {
    return this.merge(OortObjectMergers.longSum());
  }

  /** Resolves with the number after the addition. */
  addAndGet(delta: Long): Promise<Long> {
    return this.#become((current) => addLongs(current, toLong(delta)), 'after');
  }

  /** Resolves with the number before the addition. */
  getAndAdd(delta: Long): Promise<Long> {
    return this.#become((current) => addLongs(current, toLong(delta)), 'before');
  }

  /** Resolves with the number before. */
  getAndSet(value: Long): Promise<Long> {
    return this.#become(() => value, 'before');
  }

  /** Sets the number if it is `expected`. Resolves with whether it was. */
  compareAndSet(expected: Long, value: Long): Promise<boolean> {
    return this.share<boolean>((current) => {
      if (current !== toLong(expected)) return { result: false };
      return { next: this.#sound(value), result: true };
    });
  }

  #become(step: (current: Long) => Long, answer: 'before' | 'after'): Promise<Long> {
    return this.share((current) => {
      const next = this.#sound(step(current));
      return { next, result: answer === 'after' ? next : current };
    });
  }

  #sound(value: Long): Long {
    const long = toLong(value);
    carry(this.oort, long);
    return long;
  }
}

/** A token bucket in one number: the time at which it is full again. It needs no timer, and nobody has to fill it. */

/** Sums of times are a little off; so much, in ms, makes no difference. */
const ROUNDING = 1e-3;

/** The size of buckets, and how fast they fill. What is in one of them is kept by whoever has it, and begins at 0. */
export class Bucket {
  /** ms until one more is in it. */
  readonly #step: number;
  /** ms that a bucket may be from full, and still give one. */
  readonly #slack: number;

  constructor(perSecond: number, burst: number) {
    this.#step = perSecond > 0 ? 1_000 / perSecond : Number.POSITIVE_INFINITY;
    this.#slack = perSecond > 0 && burst > 0 ? (burst - 1) * this.#step + ROUNDING : Number.NEGATIVE_INFINITY;
  }

  /** ms until the bucket that is `full` at that time gives one; 0 when it does so now, infinite when it never will. */
  wait(full: number, now: number): number {
    return Math.max(Math.max(full - now, 0) - this.#slack, 0);
  }

  /** When the bucket is full again, once one is taken. */
  taken(full: number, now: number): number {
    return Math.max(full, now) + this.#step;
  }
}

/** How often a worker may end before the supervisor gives up, and how long it waits between attempts. */

/** Waits before a worker is started again, in ms: one for each time it ended in a row. */
const WAITS: readonly number[] = [0, 200, 400, 800];
/** Who has served for this long has not ended in a row with the one before, in ms. */
const STEADY = 10_000;

/** The ends of one worker. */
export class Patience {
  #ends = 0;

  /** How often it has ended in a row. */
  get ends(): number {
    return this.#ends;
  }

  /** It has ended, after it had served for `served` ms. The wait before the next start, or null: it has ended too often. */
  ended(served: number): number | null {
    this.#ends = served >= STEADY ? 1 : this.#ends + 1;
    return WAITS[this.#ends - 1] ?? null;
  }
}

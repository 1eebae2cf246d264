/** How many users to try next: twice as many while it goes well, then between what went well and what did not. */

/** The search ends when the number is known to a tenth. */
const PRECISION = 0.1;

export class Climb {
  readonly #most: number;
  #next: number;
  #good = 0;
  #bad = Number.POSITIVE_INFINITY;

  /** Begins with `from` users; `most` is the end even when all goes well. */
  constructor(from: number, most: number) {
    this.#most = most;
    this.#next = Math.min(from, most);
  }

  /** The number to try; null when nothing more is to be learnt. */
  get next(): number | null {
    const isKnown = this.#isOpen
      ? this.#good === this.#most
      : this.#bad - this.#good <= Math.max(1, this.#bad * PRECISION);
    return isKnown ? null : this.#next;
  }

  /** Most users with whom it went well; 0 when it never did. */
  get best(): number {
    return this.#good;
  }

  /** How it went with the number to try. */
  tell(wentWell: boolean): void {
    if (wentWell) this.#good = this.#next;
    else this.#bad = this.#next;
    const next = this.#isOpen ? this.#good * 2 : Math.floor((this.#good + this.#bad) / 2);
    this.#next = Math.min(this.#most, next);
  }

  /** Nothing has gone wrong yet. */
  get #isOpen(): boolean {
    return this.#bad === Number.POSITIVE_INFINITY;
  }
}

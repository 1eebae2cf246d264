/** The clock that sessions and connections expire by: monotonic, and standing still while the process itself did. */

/** Lateness of the sweeper that is ordinary load and no pause, in ms. */
const ORDINARY_LATENESS = 50;

/** Milliseconds of time in which this process could have noticed that a client is alive. */
export class SessionClock {
  #stalled = 0;
  #expected = Number.POSITIVE_INFINITY;
  #late = 0;

  now(): number {
    return performance.now() - this.#stalled;
  }

  /** Says when the sweeper is due, in ms from now. */
  expect(delay: number): void {
    this.#expected = performance.now() + delay;
  }

  /** The sweeper runs: what it is late by is time in which the process was paused, and counts against nobody. */
  arrived(): void {
    this.#late = Math.max(performance.now() - this.#expected, 0);
    if (this.#late > ORDINARY_LATENESS) this.#stalled += this.#late;
  }

  /** How late the sweeper last was, or is by now, in ms. */
  get lateness(): number {
    return Math.max(this.#late, performance.now() - this.#expected);
  }
}

/** The clock that sessions and connections expire by: monotonic, and standing still while the process itself did. */

/** Lateness of the sweeper that is ordinary load and no pause, in ms. */
const ORDINARY_LATENESS = 50;

/** Milliseconds of time in which this process could have noticed that a client is alive. */
export class SessionClock {
  #stalled = 0;
  #expected = Number.POSITIVE_INFINITY;

  now(): number {
    return performance.now() - this.#stalled;
  }

  /** Says when the sweeper is due, in ms from now. */
  expect(delay: number): void {
    this.#expected = performance.now() + delay;
  }

  /** The sweeper runs: what it is late by is time in which the process was paused, and counts against nobody. */
  arrived(): void {
    const late = performance.now() - this.#expected;
    if (late > ORDINARY_LATENESS) this.#stalled += late;
  }
}

/**
 * Lets in what arrives, in its order, and so much in one turn of the event loop. The client of NATS hands over all it has read at once, which
 * can be thousands of messages when the connection is back; what they bring to local clients is sent at the end of a turn, and would
 * be more than their queues may hold.
 */

/** Messages in one turn: a fraction of what the queue of a client holds by default. */
const MOST = 200;

export class Inflow {
  readonly #waiting: (() => void)[] = [];
  /** The first of them that is still to come in. */
  #next = 0;
  #room = MOST;
  #isScheduled = false;

  /** Runs `act` now, or after all that came before it. */
  take(act: () => void): void {
    this.#schedule();
    if (this.#room === 0 || this.#next < this.#waiting.length) this.#waiting.push(act);
    else {
      this.#room--;
      act();
    }
  }

  /** Nothing that waits comes in any more. */
  stop(): void {
    this.#waiting.length = 0;
    this.#next = 0;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#room = MOST;
      this.#go();
    });
  }

  #go(): void {
    while (this.#room > 0 && this.#next < this.#waiting.length) {
      this.#room--;
      const act = this.#waiting[this.#next++] as () => void;
      act();
    }
    if (this.#next < this.#waiting.length) this.#schedule();
    else this.stop();
  }
}

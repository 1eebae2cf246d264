/** How long to wait before the next attempt: a little longer each time, up to a limit. */

export interface BackoffOptions {
  backoffIncrement: number;
  maxBackoff: number;
  jitter: number;
}

export class Backoff {
  readonly #options: BackoffOptions;
  /** The present pause in ms, before jitter. */
  period = 0;
  /** When it last came to a new handshake, and how many in a row came too soon after the one before. */
  #last = 0;
  #hasty = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Makes the pause longer by one increment; answers it. Never longer than `maxBackoff`. */
  increase(): number {
    const { backoffIncrement, maxBackoff } = this.#options;
    this.period = Math.max(0, Math.min(this.period + backoffIncrement, maxBackoff));
    return this.period;
  }

  reset(): void {
    this.period = 0;
  }

  /**
   * The pause before a new handshake. The first is immediate; a server that answers each session with "handshake" must
   * not be asked without end.
   */
  rehandshake(): number {
    const now = Date.now();
    const { backoffIncrement, maxBackoff } = this.#options;
    const soon = now - this.#last < Math.max(1, backoffIncrement) * 2 * (this.#hasty + 1);
    this.#hasty = soon ? this.#hasty + 1 : 0;
    this.#last = now;
    this.reset();
    return Math.min(this.#hasty * backoffIncrement, maxBackoff);
  }

  /** A pause shortened by a random part, so that many clients do not come back at the same moment. */
  spread(delay: number): number {
    return delay - Math.floor(delay * this.#options.jitter * Math.random());
  }
}

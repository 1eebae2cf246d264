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

  /** A pause shortened by a random part, so that many clients do not come back at the same moment. */
  spread(delay: number): number {
    return delay - Math.floor(delay * this.#options.jitter * Math.random());
  }
}

/** The wait of a session's lazy messages: one timer, for the one among them that may wait least. */
export class LazyWait {
  readonly #over: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** When it is over, in ms of the server's clock. */
  #at = 0;

  constructor(over: () => void) {
    this.#over = over;
  }

  /** A message may wait `wait` ms from `now` on: then it is over, unless another one has less time. */
  begin(now: number, wait: number): void {
    if (this.#timer && this.#at <= now + wait) return;
    clearTimeout(this.#timer);
    this.#at = now + wait;
    this.#timer = setTimeout(this.#over, wait);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

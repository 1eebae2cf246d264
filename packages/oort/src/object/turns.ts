/** One thing at a time: what is begun inside a turn, by a listener say, is done when that turn is over. */

export class Turns {
  readonly #waiting: (() => void)[] = [];
  #isBusy = false;

  /** Runs the task now, or after those that are under way. Tasks do not throw. */
  run(task: () => void): void {
    this.#waiting.push(task);
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) next();
    } finally {
      this.#isBusy = false;
    }
  }
}

/** How fast one session may talk: a bucket that refills while it is silent. */

const most = 12;
const refillPerSecond = 2;

export class Pace {
  #left = most;
  #since = performance.now();

  /** Takes one turn; false when there is none left. */
  take(): boolean {
    const now = performance.now();
    this.#left = Math.min(most, this.#left + ((now - this.#since) / 1000) * refillPerSecond);
    this.#since = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}

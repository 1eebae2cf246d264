/** The part of one node, and the changes to it that wait for earlier ones that have not come. */
import type { Change, OwnInfo } from './info.ts';

/** How many changes wait; what comes then is forgotten, and the whole part is asked for instead. */
const MAX_WAITING = 1_000;
/** A request for a whole part is repeated after this long, in ms, then after twice as long, and so on. */
const RETRY = 5_000;
const MAX_RETRY = 60_000;

export class Part<T> {
  /** Null when single changes have come, but never the whole. */
  info: OwnInfo<T> | null = null;
  readonly #waiting: Map<number, Change<T>> = new Map();
  #highest = -1;
  #retry: NodeJS.Timeout | undefined;

  get version(): number {
    return this.info?.version ?? -1;
  }

  /** Whether something is known to be missing. */
  get hasGap(): boolean {
    return this.#highest > this.version;
  }

  /** There was a change of this version, and it is lost. */
  missed(version: number): void {
    this.#highest = Math.max(this.#highest, version);
  }

  /** A change waits for its turn. False when too many do. */
  wait(version: number, change: Change<T>): boolean {
    this.missed(version);
    if (this.#waiting.size >= MAX_WAITING && version !== this.version + 1) return false;
    this.#waiting.set(version, change);
    return true;
  }

  /** Makes the changes whose turn it is. */
  catchUp(): void {
    const { info } = this;
    if (!info) return;
    for (const version of this.#waiting.keys()) if (version <= info.version) this.#waiting.delete(version);
    for (let change = this.#next(info); change; change = this.#next(info)) {
      info.version++;
      change(info).tell();
    }
  }

  get isAsking(): boolean {
    return this.#retry !== undefined;
  }

  /** Asks now, and again and again, until `stopAsking`. */
  ask(pull: () => void): void {
    if (this.#retry) return;
    const again = (delay: number): void => {
      this.#retry = setTimeout(() => {
        again(Math.min(delay * 2, MAX_RETRY));
        pull();
      }, delay);
      this.#retry.unref();
    };
    again(RETRY);
    pull();
  }

  stopAsking(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  #next(info: OwnInfo<T>): Change<T> | undefined {
    const change = this.#waiting.get(info.version + 1);
    this.#waiting.delete(info.version + 1);
    return change;
  }
}

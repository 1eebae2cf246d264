/** A clock that moves server and clients together: sessions expire, polls end and clients retry, and nobody waits. */
import { install } from '@sinonjs/fake-timers';
import { realSetImmediate, realSetTimeout, turn } from './real-time.ts';

type Clock = ReturnType<typeof install>;

/** What is faked: all that server and clients measure time by. `setImmediate` and promises go on as they do. */
const parts = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] as const;

/** Turns of the event loop that everything gets between one timer and the next: a message makes a few of them. */
const TURNS = 32;
/** Step of timers that are not ours, in ms. */
const STEP = 25;
/** How far `until` goes, in ms of the clock. */
const FAR = 3_600_000;

/** The fake timers of vitest (`vi`) are such. */
export interface ForeignTimers {
  advanceTimersByTimeAsync(ms: number): Promise<unknown>;
}

export interface FakeClockOptions {
  /** What `Date.now()` begins with, as a date or in ms since 1970. Default: the real time. */
  readonly now?: Date | number;
  /** Fake timers that are in place already, and stay those of the test runner: they are moved, and nothing is installed. */
  readonly timers?: ForeignTimers;
}

/**
 * Make it before the server and the clients, whose timers are real otherwise; `restore` it in the end. While it stands,
 * time passes by `advance` and `until` alone.
 */
export class FakeClock implements Disposable {
  /** What to let other fake timers fake: `vi.useFakeTimers({ toFake: [...FakeClock.parts] })`. */
  static readonly parts: readonly (typeof parts)[number][] = Object.freeze([...parts]);
  readonly #foreign: ForeignTimers | undefined;
  readonly #own: Clock | undefined;
  readonly #begin: number;

  /**
   * Throws `TypeError` when the timers are faked already, by whomever, and `timers` does not name them; or when those fake
   * more than `parts`.
   */
  constructor(options: FakeClockOptions = {}) {
    this.#foreign = options.timers;
    if (options.timers) {
      // Whoever awaits a turn of the event loop, a server that stops for one, would wait for ever.
      if (globalThis.setImmediate !== realSetImmediate)
        throw new TypeError('setImmediate must stay real: let the timers fake FakeClock.parts, no more');
    } else {
      if (areFaked())
        throw new TypeError('The timers are faked already: give them as the option timers, or restore them first');
      const now = options.now ?? Date.now();
      this.#own = install({ now, toFake: [...parts], shouldClearNativeTimers: true });
    }
    this.#begin = performance.now();
  }

  /** How far the clock has come, in ms. */
  get elapsed(): number {
    return performance.now() - this.#begin;
  }

  /**
   * Moves the clock by `ms`. Timers fire in their order, each at its time, and what they cause (messages in memory,
   * promises) is over before the next one fires.
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`A clock cannot be advanced by ${ms}`);
    await this.settle();
    await this.#move(ms, () => false);
  }

  /** Moves the clock until the promise settles, and answers it. Rejects when that takes more than `within` ms of the clock, default one hour. */
  async until<T>(promise: Promise<T>, within: number = FAR): Promise<T> {
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
    };
    promise.then(settled, settled);
    await this.settle();
    await this.#move(within, () => isSettled);
    if (!isSettled) throw new Error(`The promise is still pending ${within} ms of the clock later`);
    return promise;
  }

  /** Lets everything happen that happens at this moment of the clock. */
  async settle(): Promise<void> {
    for (let count = 0; count < TURNS; count++) await turn();
  }

  /** Gives the real timers back. Foreign timers stay: whoever faked them restores them. */
  restore(): void {
    this.#own?.uninstall();
  }

  [Symbol.dispose](): void {
    this.restore();
  }

  async #move(ms: number, isEnough: () => boolean): Promise<void> {
    if (this.#foreign) await this.#step(this.#foreign, ms, isEnough);
    else if (this.#own) await this.#jump(this.#own, ms, isEnough);
  }

  /** From timer to timer. One of our own marks the end. */
  async #jump(own: Clock, ms: number, isEnough: () => boolean): Promise<void> {
    let isOver = false;
    const end = own.setTimeout(() => {
      isOver = true;
    }, ms);
    while (!isOver && !isEnough()) {
      own.next();
      await this.settle();
    }
    own.clearTimeout(end);
    if (!isOver) return;
    // What became due at the very end, after our own timer was set.
    own.tick(0);
    await this.settle();
  }

  /** By small steps: nobody tells us when foreign timers are due. */
  async #step(foreign: ForeignTimers, ms: number, isEnough: () => boolean): Promise<void> {
    const begin = performance.now();
    for (let left = ms; left > 0 && !isEnough(); left -= STEP) {
      await foreign.advanceTimersByTimeAsync(Math.min(left, STEP));
      if (performance.now() - begin < ms - left)
        throw new TypeError('These fake timers leave performance.now() alone, by which the server measures time');
      await this.settle();
    }
  }
}

/** Whether somebody has faked the timers: by other functions than there were, or before this package was loaded. */
function areFaked(): boolean {
  return globalThis.setTimeout !== realSetTimeout || 'clock' in globalThis.setTimeout;
}

/** Time that stands still until a test moves it: the timers of the fake window, and `Date`. */
import { vi } from 'vitest';

/** What `setTimeout` returns here. Nothing but identity may be asked of it. */
class TimerHandle {}

interface Timer {
  readonly at: number;
  readonly delay: number;
  readonly handle: TimerHandle;
  run(): void;
}

/** Lets everything that is already decided happen: promise jobs, not timers. */
export function jobsDone(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class VirtualClock {
  now = 1_000_000;
  /** Delays as they were asked for, for tests that look at the numbers. */
  readonly delays: unknown[] = [];
  readonly errors: unknown[] = [];
  #timers: Timer[] = [];

  constructor() {
    vi.useFakeTimers({ toFake: ['Date'], now: this.now });
  }

  readonly setTimeout = (run: () => void, delay = 0): TimerHandle => {
    const handle = new TimerHandle();
    this.delays.push(delay);
    this.#timers.push({ at: this.now + Math.max(0, delay), delay, handle, run });
    return handle;
  };

  readonly clearTimeout = (handle: unknown): void => {
    this.#timers = this.#timers.filter((timer) => timer.handle !== handle);
  };

  get pending(): number {
    return this.#timers.length;
  }

  /** Runs whatever is due within `ms`, in order, with the promise jobs after each. */
  async advance(ms: number): Promise<void> {
    const target = this.now + ms;
    await jobsDone();
    for (let timer = this.#next(target); timer; timer = this.#next(target)) {
      this.clearTimeout(timer.handle);
      this.#set(Math.max(this.now, timer.at));
      try {
        timer.run();
      } catch (error) {
        this.errors.push(error);
      }
      await jobsDone();
    }
    this.#set(target);
  }

  stop(): void {
    this.#timers = [];
    vi.useRealTimers();
  }

  #set(now: number): void {
    this.now = now;
    vi.setSystemTime(now);
  }

  #next(target: number): Timer | undefined {
    const due = this.#timers.filter((timer) => timer.at <= target);
    return due.reduce<Timer | undefined>((first, timer) => (first && first.at <= timer.at ? first : timer), undefined);
  }
}

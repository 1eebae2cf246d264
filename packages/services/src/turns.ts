/** Whose turn it is: asynchronous calls of one service, in an order one can state. */
import { attempt, isPromise, type Maybe } from '@cometd-ts/protocol';

/** How many calls of a service may be under way, and how many may wait. */
export interface TurnOptions {
  /**
   * How many asynchronous calls for one session may be under way at the same time. Default 1: one after another, in the
   * order in which the messages came. With more they still begin in that order, and may end in any.
   */
  readonly concurrency?: number;
  /**
   * How many calls for one session may wait for their turn. Default 1000. What comes beyond that keeps the session's next
   * messages waiting in the server, so that nothing is lost; see the decorators for those that cannot wait.
   */
  readonly maxWaiting?: number;
}

/** A call. `late` when it had to wait: the message it is about has gone on its way meanwhile. */
export type Call<T> = (late: boolean) => Maybe<T>;

interface Lane {
  running: number;
  readonly waiting: (() => void)[];
}

/**
 * Runs calls by session. A call that is synchronous, and has nobody before it, runs at once and costs nothing. No session
 * waits for another.
 */
export class Turns {
  readonly #concurrency: number;
  readonly #maxWaiting: number;
  readonly #failed: (error: unknown) => void;
  readonly #lanes: Map<unknown, Lane> = new Map();

  /** `failed` hears what late and asynchronous calls throw. Throws `RangeError` for limits that are none. */
  constructor({ concurrency = 1, maxWaiting = 1000 }: TurnOptions, failed: (error: unknown) => void) {
    this.#concurrency = atLeast(1, 'concurrency', concurrency);
    this.#maxWaiting = atLeast(0, 'maxWaiting', maxWaiting);
    this.#failed = failed;
  }

  /** Whether another call of this session would find all places to wait taken. */
  isFull(key: unknown): boolean {
    const lane = this.#lanes.get(key);
    return lane !== undefined && lane.running >= this.#concurrency && lane.waiting.length >= this.#maxWaiting;
  }

  /**
   * Calls, now or when it is this session's turn. Answers what a synchronous call answers that ran at once, and throws
   * what it throws; undefined when the call goes on by itself; a promise of undefined when too many wait already, which
   * is kept when the call begins.
   */
  run<T>(key: unknown, call: Call<T>): Maybe<T | undefined> {
    const lane = this.#lanes.get(key);
    // Nobody overtakes those who wait, not even what they call themselves.
    if (lane && (lane.running >= this.#concurrency || lane.waiting.length > 0)) return this.#wait(lane, key, call);
    const value = call(false);
    if (!isPromise(value)) return value;
    this.#goesOn(key, value);
    return undefined;
  }

  #wait<T>(lane: Lane, key: unknown, call: Call<T>): Maybe<undefined> {
    const isFull = lane.waiting.length >= this.#maxWaiting;
    const begin = (): void => this.#begin(key, call);
    if (!isFull) {
      lane.waiting.push(begin);
      return undefined;
    }
    return new Promise((resolve) => {
      lane.waiting.push(() => {
        resolve(undefined);
        begin();
      });
    });
  }

  #begin<T>(key: unknown, call: Call<T>): void {
    const value = attempt<unknown>(
      () => call(true),
      (error) => this.#failed(error),
    );
    if (isPromise(value)) this.#goesOn(key, value);
  }

  #goesOn(key: unknown, value: PromiseLike<unknown>): void {
    let lane = this.#lanes.get(key);
    if (!lane) {
      lane = { running: 0, waiting: [] };
      this.#lanes.set(key, lane);
    }
    lane.running++;
    value.then(undefined, (error: unknown) => this.#failed(error)).then(() => this.#ended(key, lane));
  }

  #ended(key: unknown, lane: Lane): void {
    lane.running--;
    // One that is synchronous after all leaves its place to the next.
    while (lane.running < this.#concurrency) {
      const next = lane.waiting.shift();
      if (!next) break;
      next();
    }
    if (lane.running === 0) this.#lanes.delete(key);
  }
}

function atLeast(least: number, name: string, value: number): number {
  if (!(value >= least) || (value !== Number.POSITIVE_INFINITY && !Number.isInteger(value))) {
    throw new RangeError(`${name} must be a whole number of at least ${least}, not ${value}`);
  }
  return value;
}

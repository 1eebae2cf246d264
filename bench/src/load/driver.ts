/** What the drivers of all scenarios share: who they are, how they count, and how they connect their clients. */
import { createHistogram } from 'node:perf_hooks';
import { giveUp } from '../child.ts';
import type { Scenario } from '../scenarios.ts';
import type { Route } from './line.ts';
import type { Connect } from './peer.ts';

/** Clients being connected at one time. */
const CONNECTING = 32;
/** Clients with one loopback address. */
const PER_ADDRESS = 8_000;
/** Traffic that pauses this long has lost a message, in µs. */
export const STALLED = 2_000_000;

export interface Driver {
  /** Connects all clients, or the first ones when `first`. */
  setUp(first: boolean): Promise<void>;
  /** Starts the traffic, where there is any. */
  start?(): void;
  /** Starts counting and timing anew. */
  reset(): void;
  /** Throws when something published never arrived. */
  check?(): void;
  readonly done: number;
  readonly latency: Latency;
}

export const percentiles = [50, 75, 90, 95, 99, 99.9] as const;

/** In µs. */
export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  /** At `percentiles`. */
  readonly at: readonly number[];
}

/** Who connects, to whom, for what. */
export interface Circumstances {
  readonly connect: Connect;
  readonly scenario: Scenario;
  readonly port: number;
  /** Whether the publisher receives a copy because it cannot be left out. */
  readonly echoes: boolean;
}

export abstract class Counter {
  done = 0;
  readonly #histogram = createHistogram();

  protected record(age: number): void {
    this.#histogram.record(Math.max(1, age));
  }

  reset(): void {
    this.done = 0;
    this.#histogram.reset();
  }

  get latency(): Latency {
    const histogram = this.#histogram;
    const [p50, p90, p99] = [50, 90, 99].map((p) => histogram.percentile(p));
    return {
      p50: p50!,
      p90: p90!,
      p99: p99!,
      max: histogram.max,
      at: percentiles.map((p) => histogram.percentile(p)),
    };
  }
}

/** A loss is a failed run: the process says why and ends. */
export const onLost = (error: Error): void => giveUp(error.message);

export async function connectMany(count: number, one: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: Math.min(CONNECTING, count) }, lane));
}

/** Where the client with this number comes from: one address is enough for most scenarios. */
export function routeOf({ tls, clients }: Scenario, port: number, index: number): Route {
  const address = clients > PER_ADDRESS ? { from: `127.0.0.${2 + Math.floor(index / PER_ADDRESS)}` } : {};
  return { port, tls, ...address };
}

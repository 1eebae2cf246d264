/** Drives the clients of one scenario: who publishes when, what is counted, what is timed. */
import { createHistogram } from 'node:perf_hooks';
import { FIRST_SESSIONS, type Scenario } from '../scenarios.ts';
import { agesOf, countMessages, now } from './chatter.ts';
import type { Connect, Peer, PeerOptions } from './peer.ts';

/** Clients being connected at one time. */
const CONNECTING = 32;
/** One of so many subscribers is timed: enough for percentiles, too few to slow the load down. */
const SAMPLE = 25;
/** More than the messages in flight in any scenario. */
const RING = 64;
/** Traffic that pauses this long has lost a message, in µs. */
const STALLED = 2_000_000;

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

/** In µs. */
export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

abstract class Counter {
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
    return { p50: p50!, p90: p90!, p99: p99!, max: histogram.max };
  }
}

/** A loss after set-up is a failed run: the process says why and ends. */
const onLost = (error: Error): void => {
  console.error(error.message);
  process.exit(1);
};

async function connectMany(count: number, one: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: Math.min(CONNECTING, count) }, lane));
}

/**
 * Publishes again as soon as everybody has the oldest of the messages in flight. Every server keeps the order of one
 * publisher, so the n-th message of a subscriber is the n-th published.
 */
class FanOut extends Counter implements Driver {
  readonly #connect: Connect;
  readonly #scenario: Scenario;
  readonly #port: number;
  /** Whether the publisher receives a copy because it cannot be left out. */
  readonly #echoes: boolean;
  readonly #waitsForReply: boolean;
  readonly #receivers: number;
  /** Receivers that have message n, at n modulo its length. */
  readonly #arrivals = new Uint32Array(RING);
  #publisher!: Peer;
  #published = 0;
  #complete = 0;
  #replies = 0;
  #publishedAt = 0;
  #pumping = false;

  constructor(connect: Connect, scenario: Scenario, port: number, echoes: boolean) {
    super();
    this.#connect = connect;
    this.#scenario = scenario;
    this.#port = port;
    this.#echoes = echoes;
    this.#receivers = scenario.clients + (echoes ? 1 : 0);
    this.#waitsForReply = scenario.name === 'long-polling';
  }

  async setUp(): Promise<void> {
    await connectMany(this.#scenario.clients, async (index) => {
      await this.#connect(this.#optionsFor(true, this.#receiver(index % SAMPLE === SAMPLE >> 1)));
    });
    const receiver = this.#echoes ? this.#receiver(false) : (): void => undefined;
    this.#publisher = await this.#connect(this.#optionsFor(false, receiver));
  }

  start(): void {
    this.#pump();
  }

  check(): void {
    if (now() - this.#publishedAt < STALLED) return;
    const missing = this.#receivers - this.#arrivals[this.#complete % RING]!;
    throw new Error(`The traffic stalled: ${missing} subscribers never got message ${this.#complete + 1}`);
  }

  #optionsFor(subscribes: boolean, onBytes: (bytes: Buffer) => void): PeerOptions {
    return { port: this.#port, subscribes, onBytes, onReply: () => this.#replied(), onLost };
  }

  #receiver(timed: boolean): (bytes: Buffer) => void {
    let received = 0;
    return (bytes) => {
      if (timed) agesOf(bytes, (age) => this.record(age));
      const count = countMessages(bytes);
      this.done += count;
      for (let i = 0; i < count; i++) this.#arrived(received++);
    };
  }

  #arrived(message: number): void {
    const slot = message % RING;
    const arrivals = this.#arrivals[slot]! + 1;
    if (arrivals < this.#receivers) {
      this.#arrivals[slot] = arrivals;
      return;
    }
    this.#arrivals[slot] = 0;
    this.#complete++;
    this.#pump();
  }

  #replied(): void {
    this.#replies++;
    this.#pump();
  }

  /** What is due after all bytes of a read is published together: frames of their own, but one write. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    process.nextTick(() => {
      this.#pumping = false;
      this.#publish(this.#scenario.inFlight - (this.#published - this.#complete));
    });
  }

  #publish(count: number): void {
    // An HTTP connection carries one request at a time.
    if (count === 0 || (this.#waitsForReply && this.#replies < this.#published)) return;
    this.#published += count;
    this.#publishedAt = now();
    this.#publisher.publish(this.#publishedAt, count);
  }
}

/** Every client publishes again as soon as its last publish was answered. */
class Replies extends Counter implements Driver {
  readonly #connect: Connect;
  readonly #scenario: Scenario;
  readonly #port: number;
  readonly #starts: (() => void)[] = [];
  #repliedAt = 0;

  constructor(connect: Connect, scenario: Scenario, port: number) {
    super();
    this.#connect = connect;
    this.#scenario = scenario;
    this.#port = port;
  }

  async setUp(): Promise<void> {
    await connectMany(this.#scenario.clients, async () => {
      let sent = 0;
      const publish = (): void => {
        sent = now();
        peer.publish(sent, 1);
      };
      const onReply = (): void => {
        this.done++;
        this.#repliedAt = now();
        this.record(this.#repliedAt - sent);
        publish();
      };
      const peer = await this.#connect({
        port: this.#port,
        subscribes: false,
        onBytes: () => undefined,
        onReply,
        onLost,
      });
      this.#starts.push(publish);
    });
  }

  start(): void {
    for (const start of this.#starts) start();
  }

  check(): void {
    if (now() - this.#repliedAt >= STALLED) throw new Error('The traffic stalled: no reply for two seconds');
  }
}

/** Clients connect, subscribe and stay. */
class Idle extends Counter implements Driver {
  readonly #connect: Connect;
  readonly #scenario: Scenario;
  readonly #port: number;

  constructor(connect: Connect, scenario: Scenario, port: number) {
    super();
    this.#connect = connect;
    this.#scenario = scenario;
    this.#port = port;
  }

  async setUp(first: boolean): Promise<void> {
    await connectMany(first ? FIRST_SESSIONS : this.#scenario.clients, async () => {
      await this.#connect({
        port: this.#port,
        subscribes: true,
        onBytes: () => undefined,
        onReply: () => undefined,
        onLost,
      });
      this.done++;
    });
  }
}

export function driverOf(connect: Connect, scenario: Scenario, port: number, echoes: boolean): Driver {
  switch (scenario.name) {
    case 'reply':
      return new Replies(connect, scenario, port);
    case 'memory':
      return new Idle(connect, scenario, port);
    default:
      return new FanOut(connect, scenario, port, echoes);
  }
}

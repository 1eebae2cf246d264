/** Drives the clients of one scenario: who publishes when, what is counted, what is timed. */
import { createHistogram } from 'node:perf_hooks';
import { giveUp } from '../child.ts';
import { CHANNEL, FIRST_SESSIONS, patternsOf, type Scenario } from '../scenarios.ts';
import { agesOf, chatOf, now } from './chatter.ts';
import type { Route } from './line.ts';
import type { Connect, Peer, PeerOptions } from './peer.ts';

/** Clients being connected at one time. */
const CONNECTING = 32;
/** One of so many subscribers is timed: enough for percentiles, too few to slow the load down. */
const SAMPLE = 25;
/** More than the messages in flight in any scenario, even when a server falls behind a fixed rate. */
const RING = 4_096;
/** Traffic that pauses this long has lost a message, in µs. */
const STALLED = 2_000_000;
/** A server this far behind a fixed rate, in µs, does not hold it. */
const BEHIND = 10_000_000;
/** Clients with one loopback address. */
const PER_ADDRESS = 8_000;
/** Channels that one client makes exist by subscribing to them; servers bound the number. */
const PER_KEEPER = 500;

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
const onLost = (error: Error): void => giveUp(error.message);

async function connectMany(count: number, one: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: Math.min(CONNECTING, count) }, lane));
}

/** Where the client with this number comes from: one address is enough for most scenarios. */
function routeOf({ tls, clients }: Scenario, port: number, index: number): Route {
  const address = clients > PER_ADDRESS ? { from: `127.0.0.${2 + Math.floor(index / PER_ADDRESS)}` } : {};
  return { port, tls, ...address };
}

/**
 * Publishes again as soon as everybody has the oldest of the messages in flight, or at a fixed rate. Every server keeps
 * the order of one publisher, so the n-th message of a subscriber is the n-th published.
 */
class FanOut extends Counter implements Driver {
  readonly #given: Circumstances;
  readonly #waitsForReply: boolean;
  readonly #receivers: number;
  /** Receivers that have message n, at n modulo its length. */
  readonly #arrivals = new Uint32Array(RING);
  readonly #hanging: Peer[] = [];
  #publisher!: Peer;
  #published = 0;
  #complete = 0;
  #replies = 0;
  #publishedAt = 0;
  #pumping = false;

  constructor(given: Circumstances) {
    super();
    this.#given = given;
    this.#receivers = given.scenario.clients + (given.echoes ? 1 : 0);
    this.#waitsForReply = given.scenario.transport === 'long-polling';
  }

  async setUp(): Promise<void> {
    const { connect, scenario } = this.#given;
    const { clients, stopped, channels } = scenario;
    await connectMany(Math.ceil(channels / PER_KEEPER), async (keeper) => {
      const first = keeper * PER_KEEPER;
      const length = Math.min(PER_KEEPER, channels - first);
      const subscriptions = Array.from({ length }, (_, index) => `/other/${first + index}`);
      await connect({ ...this.#optionsFor(0, () => undefined), subscribes: true, subscriptions });
    });
    await connectMany(clients, async (index) => {
      const receiver = this.#receiver(index % SAMPLE === SAMPLE >> 1 || clients < SAMPLE);
      await connect({ ...this.#optionsFor(index, receiver), subscribes: true });
    });
    await connectMany(Math.ceil(clients * stopped), async (index) => {
      this.#hanging.push(await connect({ ...this.#optionsFor(index, () => undefined), subscribes: true }));
    });
    const receiver = this.#given.echoes ? this.#receiver(false) : (): void => undefined;
    this.#publisher = await connect({ ...this.#optionsFor(0, receiver), subscribes: false });
  }

  start(): void {
    for (const peer of this.#hanging) peer.stop();
    if (this.#given.scenario.rate > 0) this.#pace(this.#given.scenario.rate);
    else this.#pump();
  }

  check(): void {
    const { rate } = this.#given.scenario;
    if (rate > 0) {
      const behind = ((this.#published - this.#complete) / rate) * 1e6;
      if (behind > BEHIND) throw new Error(`The server does not hold ${rate} publishes a second`);
      return;
    }
    if (now() - this.#publishedAt < STALLED) return;
    const missing = this.#receivers - this.#arrivals[this.#complete % RING]!;
    throw new Error(`The traffic stalled: ${missing} subscribers never got message ${this.#complete + 1}`);
  }

  #optionsFor(index: number, onMessages: PeerOptions['onMessages']): Omit<PeerOptions, 'subscribes'> {
    const { scenario, port } = this.#given;
    const { ack, http2, depth } = scenario;
    const subscriptions = depth > 0 ? [patternsOf(depth)[index % depth]!] : [CHANNEL];
    return {
      route: routeOf(scenario, port, index),
      chat: chatOf(scenario),
      subscriptions,
      ack,
      http2,
      onMessages,
      onReply: () => this.#replied(),
      onLost,
    };
  }

  #receiver(timed: boolean): PeerOptions['onMessages'] {
    let received = 0;
    return (bytes, count) => {
      if (timed) agesOf(bytes, (age) => this.record(age));
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
    if (this.#given.scenario.rate === 0) this.#pump();
  }

  #replied(): void {
    this.#replies++;
    if (this.#waitsForReply) this.#pump();
  }

  /** What is due after all bytes of a read is published together: frames of their own, but one write. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    process.nextTick(() => {
      this.#pumping = false;
      const { inFlight, together } = this.#given.scenario;
      this.#publish(Math.floor((inFlight - (this.#published - this.#complete)) / together), now());
    });
  }

  /** Messages are stamped with the time at which they were due, so that a load that is late cannot hide a delay. */
  #pace(rate: number): void {
    const from = now();
    let sent = 0;
    const next = (): void => {
      for (let due = dueAt(sent); due <= now(); due = dueAt(++sent)) this.#publish(1, due);
      setTimeout(next, (dueAt(sent) - now()) / 1_000);
    };
    const dueAt = (count: number): number => from + Math.floor((count * 1e6) / rate);
    next();
  }

  #publish(frames: number, stamp: number): void {
    // An HTTP connection carries one request at a time.
    if (frames === 0 || (this.#waitsForReply && this.#replies < this.#published)) return;
    this.#published += frames * this.#given.scenario.together;
    if (this.#published - this.#complete > RING) onLost(new Error('The server fell behind too far'));
    this.#publishedAt = stamp;
    this.#publisher.publish(stamp, frames);
  }
}

/** Every client publishes again as soon as its last publish was answered. */
class Replies extends Counter implements Driver {
  readonly #given: Circumstances;
  readonly #starts: (() => void)[] = [];
  #repliedAt = 0;

  constructor(given: Circumstances) {
    super();
    this.#given = given;
  }

  async setUp(): Promise<void> {
    const { connect, scenario, port } = this.#given;
    await connectMany(scenario.clients, async (index) => {
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
      const peer = await connect({
        route: routeOf(scenario, port, index),
        chat: chatOf(scenario),
        subscribes: false,
        onMessages: () => undefined,
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
  readonly #given: Circumstances;

  constructor(given: Circumstances) {
    super();
    this.#given = given;
  }

  async setUp(first: boolean): Promise<void> {
    const { connect, scenario, port } = this.#given;
    const count = first ? Math.min(FIRST_SESSIONS, scenario.clients) : scenario.clients;
    await connectMany(count, async (index) => {
      await connect({
        route: routeOf(scenario, port, index),
        subscribes: true,
        onMessages: () => undefined,
        onReply: () => undefined,
        onLost,
      });
      this.done++;
    });
  }
}

export function driverOf(given: Circumstances): Driver {
  switch (given.scenario.kind) {
    case 'reply':
      return new Replies(given);
    case 'idle':
      return new Idle(given);
    case 'fan-out':
      return new FanOut(given);
  }
}

/** One publisher, many subscribers. */
import { CHANNEL, patternsOf } from '../scenarios.ts';
import { agesOf, chatOf, now } from './chatter.ts';
import { type Circumstances, Counter, connectMany, type Driver, onLost, routeOf, STALLED } from './driver.ts';
import type { Peer, PeerOptions } from './peer.ts';

/** One of so many subscribers is timed: enough for percentiles, too few to slow the load down. */
const SAMPLE = 25;
/** More than the messages in flight in any scenario, even when a server falls behind a fixed rate. */
const RING = 4_096;
/** A server this far behind a fixed rate, in µs, does not hold it. */
const BEHIND = 10_000_000;
/** Channels that one client makes exist by subscribing to them; servers bound the number. */
const PER_KEEPER = 500;

/**
 * Publishes again as soon as everybody has the oldest of the messages in flight, or at a fixed rate. Every server keeps
 * the order of one publisher, so the n-th message of a subscriber is the n-th published.
 */
export class FanOut extends Counter implements Driver {
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

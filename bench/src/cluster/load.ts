/** The process of the load of one cluster: subscribers at every node, a publisher at the first. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { answer } from '../child.ts';
import { connectBayeux } from '../load/bayeux-websocket.ts';
import { agesOf, now, smallTalk } from '../load/chatter.ts';
import type { Connect, Peer, PeerOptions } from '../load/peer.ts';
import { connectSocketIo } from '../load/socket-io.ts';
import { CHANNEL } from '../scenarios.ts';
import { roomOf, type Traffic } from './scenarios.ts';

/** In µs, from publishing to hearing. */
export interface Delay {
  readonly p50: number;
  readonly p99: number;
}

/** What the load saw since the last `mark`. */
export interface Heard {
  /** Messages that have reached all subscribers. */
  readonly messages: number;
  readonly seconds: number;
  /** Share of one CPU that the load took. */
  readonly busy: number;
  /** By node. */
  readonly delays: readonly Delay[];
}

/** More than ever are in flight: at a fixed rate that is what a node falls behind. */
const RING = 1 << 17;
/** How often a fixed rate is looked after, in ms. */
const TICK = 2;
/** Traffic that pauses this long has lost a message, in ms. */
const STALLED = 5_000;

const arrivals = new Uint16Array(RING);
const delays: RecordableHistogram[] = [];
/** Ports of nodes that may go. */
const leaving: Set<number> = new Set();
/** Where messages go: one of the channel, or one for each room. */
let publisher: Peer | undefined;
const rooms: Peer[] = [];
let isInRooms = false;
let receivers = 0;
let published = 0;
let complete = 0;
let marked = 0;
let inFlight = 0;
let pumping = false;
let ticks: NodeJS.Timeout | undefined;
let markedAt = 0;
let markedCpu: NodeJS.CpuUsage;
let quiet: (() => void) | undefined;

function lost(error: Error): never {
  console.error(error.message);
  process.exit(1);
}

/** Nodes keep the order of one publisher, so the n-th message of a subscriber is the n-th published since it has come. */
function receiver(histogram: RecordableHistogram): PeerOptions['onMessages'] {
  let next = published;
  return (bytes, count) => {
    agesOf(bytes, (age) => histogram.record(Math.max(1, age)));
    for (let left = count; left > 0; left--) arrived(next++);
  };
}

function arrived(message: number): void {
  const slot = message % RING;
  const count = arrivals[slot]! + 1;
  arrivals[slot] = count < receivers ? count : 0;
  if (count < receivers) return;
  complete++;
  if (inFlight > 0) pump();
  else if (complete === published) quiet?.();
}

/** What is due after one read is published together, in frames of their own. */
function pump(): void {
  if (pumping) return;
  pumping = true;
  process.nextTick(() => {
    pumping = false;
    publish(inFlight - (published - complete));
  });
}

function publish(count: number): void {
  if (count <= 0) return;
  if (published - complete > RING - count) lost(new Error('The nodes fell behind too far'));
  published += count;
  if (isInRooms) for (const room of rooms) room.publish(now(), count);
  else publisher?.publish(now(), count);
}

function pace(rate: number): void {
  const from = performance.now();
  let sent = 0;
  ticks = setInterval(() => {
    const due = Math.floor(((performance.now() - from) * rate) / 1_000) - sent;
    sent += due;
    publish(due);
  }, TICK);
}

/** How clients of this cluster speak. */
const connect: Connect = process.argv[2] === 'socket.io' ? (options) => connectSocketIo(options, false) : connectBayeux;

answer({
  /** Subscribers for one more node; with the first comes the publisher. */
  enter: async ({ port, subscribers }: { readonly port: number; readonly subscribers: number }) => {
    const histogram = createHistogram();
    delays.push(histogram);
    const onLost = (error: Error): void => {
      if (!leaving.has(port)) lost(error);
    };
    const common = { route: { port }, onReply: () => undefined, onLost };
    for (let i = 0; i < subscribers; i++)
      await connect({
        ...common,
        subscribes: true,
        subscriptions: [CHANNEL, roomOf(0)],
        onMessages: receiver(histogram),
      });
    receivers += subscribers;
    const silent = { ...common, subscribes: false, onMessages: () => undefined };
    publisher ??= await connect(silent);
    // The first is published last: whoever has heard it has what was published before.
    for (let room = 9; room >= 0 && rooms.length < 10; room--)
      rooms.push(await connect({ ...silent, chat: { ...smallTalk, channel: roomOf(room) } }));
  },
  /** The node that came last is about to go, with its subscribers. */
  leave: ({ port, subscribers }: { readonly port: number; readonly subscribers: number }) => {
    leaving.add(port);
    delays.pop();
    receivers -= subscribers;
  },
  start: ({ inFlight: most, rate, rooms: inRooms }: Traffic) => {
    isInRooms = inRooms !== undefined;
    if (rate !== undefined) return pace(rate);
    inFlight = most ?? 1;
    pump();
  },
  mark: () => {
    marked = complete;
    for (const histogram of delays) histogram.reset();
    markedAt = performance.now();
    markedCpu = process.cpuUsage();
  },
  take: (): Heard => {
    const milliseconds = performance.now() - markedAt;
    const { user, system } = process.cpuUsage(markedCpu);
    return {
      messages: complete - marked,
      seconds: milliseconds / 1_000,
      busy: (user + system) / 1_000 / milliseconds,
      delays: delays.map((histogram) => ({ p50: histogram.percentile(50), p99: histogram.percentile(99) })),
    };
  },
  /** No more is published. Resolves when all that was is heard. */
  stop: async () => {
    clearInterval(ticks);
    inFlight = 0;
    if (complete === published) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => lost(new Error(`${published - complete} messages did not arrive`)), STALLED);
      quiet = () => {
        clearTimeout(timer);
        quiet = undefined;
        resolve();
      };
    });
  },
});

/** A cluster that shrinks, with its load; what its traffic costs; and what it costs two fresh nodes to meet. */
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Child } from '../child.ts';
import { busyTime } from '../cpu.ts';
import { CHANNEL } from '../scenarios.ts';
import { Host } from './host.ts';
import type { Delay, Heard } from './load.ts';
import { CHANGES, type ClusterName, hasAck, type Meeting, SUBSCRIBERS, type Traffic } from './scenarios.ts';

/** Of all nodes. */
export const NODES_CPU = 0;
export const LOAD_CPU = 1;
/** More than this share of the nodes' CPU for others, and a run counts as disturbed. */
const FOREIGN = 0.06;
/** Before a run is measured, in ms. */
const SETTLE = 100;

/** Warm is who has carried so many messages, or was busy with it for so many seconds. */
const WARM = { messages: 20_000, seconds: 12 };

const isWarm = ({ messages, seconds }: Heard): boolean => messages >= WARM.messages || seconds >= WARM.seconds;

interface Circumstances {
  readonly cluster: ClusterName;
  readonly round: number;
  /** Share of the nodes' CPU that others took. */
  readonly foreign: number;
  readonly clean: boolean;
}

export interface TrafficRun extends Circumstances {
  readonly traffic: Traffic['name'];
  readonly nodes: number;
  /** CPU in µs per published message, by node; the first one is where it is published. */
  readonly costs: readonly number[];
  /** Messages a second. */
  readonly rate: number;
  readonly loadBusy: number;
  readonly delays: readonly Delay[];
}

export interface ChangeRun extends Circumstances {
  readonly nodes: number;
  /** CPU in µs per user that comes or goes, by node; the first one is where. */
  readonly costs: readonly number[];
}

export interface MeetingRun extends Circumstances {
  readonly meeting: string;
  /** In ms, until both know all. */
  readonly time: number;
  /** In ms, of both nodes. */
  readonly cpu: number;
  /** Written by both nodes. */
  readonly bytes: number;
}

/** Commands that start nodes, less their arguments. */
export type Commands = (cluster: ClusterName) => readonly string[];

/** How ours are started; `options` go to Node.js. */
export function ourCommand(options: readonly string[] = []): readonly string[] {
  return [process.execPath, ...options, fileURLToPath(new URL('node.js', import.meta.url))];
}

function startNode(cluster: ClusterName, commandOf: Commands): Promise<Host> {
  return Host.start([...commandOf(cluster), CHANNEL, hasAck(cluster) ? 'ack' : 'no-ack'], NODES_CPU);
}

export class Cluster {
  readonly name: ClusterName;
  readonly #commandOf: Commands;
  readonly #load: Child;
  readonly #nodes: Host[] = [];

  constructor(name: ClusterName, commandOf: Commands) {
    this.name = name;
    this.#commandOf = commandOf;
    this.#load = new Child('./cluster/load.js', [name], LOAD_CPU);
  }

  /** One more node, joined with all others, with subscribers of its own. */
  async grow(): Promise<void> {
    const node = await startNode(this.name, this.#commandOf);
    const others = this.#nodes.slice();
    this.#nodes.push(node);
    if (others[0]) await node.ask('observe', others[0].url);
    await this.#settled();
    await this.#load.ask('enter', { port: node.port, subscribers: SUBSCRIBERS });
  }

  /** The node that came last takes leave of the others. */
  async shrink(): Promise<void> {
    const node = this.#nodes.pop();
    if (!node) return;
    await this.#load.ask('leave', { port: node.port, subscribers: SUBSCRIBERS });
    await node.ask('stop');
    await this.#settled();
    await node.end();
  }

  async #settled(): Promise<void> {
    await Promise.all(this.#nodes.map((one) => one.ask('members', this.#nodes.length - 1)));
  }

  /** Until the code that matters is compiled. */
  async warmUp(traffic: Traffic): Promise<void> {
    await this.#load.ask('start', traffic);
    await this.#load.ask('mark');
    for (let heard: Heard | undefined; !heard || !isWarm(heard); heard = await this.#load.ask<Heard>('take'))
      await wait(100);
    await this.#load.ask('stop');
    if (this.#nodes.length > 1) await this.#change();
  }

  async run(traffic: Traffic, round: number, seconds: number): Promise<TrafficRun> {
    await this.#load.ask('start', traffic);
    await wait(SETTLE);
    await this.#load.ask('mark');
    const clock = new Clock(this.#nodes);
    await wait(seconds * 1_000);
    const heard = await this.#load.ask<Heard>('take');
    const { cpu, foreign } = clock.stop();
    await this.#load.ask('stop');
    if (heard.messages === 0) throw new Error('The traffic stalled');
    return {
      cluster: this.name,
      traffic: traffic.name,
      nodes: this.#nodes.length,
      round,
      costs: cpu.map((time) => time / 1_000 / heard.messages),
      rate: heard.messages / heard.seconds,
      loadBusy: heard.busy,
      delays: heard.delays,
      foreign,
      clean: foreign <= FOREIGN,
    };
  }

  /** Users come to the first node and go. */
  async change(round: number): Promise<ChangeRun> {
    const { cpu, foreign } = await this.#change();
    return {
      cluster: this.name,
      nodes: this.#nodes.length,
      round,
      costs: cpu.map((time) => time / 1_000 / (2 * CHANGES)),
      foreign,
      clean: foreign <= FOREIGN,
    };
  }

  async end(): Promise<void> {
    // The load first, or it would tell how it lost its nodes.
    await this.#load.end();
    await Promise.all(this.#nodes.map((node) => node.end()));
  }

  async #change(): Promise<Spent> {
    const [first, ...others] = this.#nodes;
    for (const node of others) await node.ask('forget');
    const clock = new Clock(this.#nodes);
    const heard = others.map((node) => node.ask('heard', 2 * CHANGES));
    await first?.ask('churn', CHANGES);
    await Promise.all(heard);
    return clock.stop();
  }
}

/** Two nodes that have just started, and what each of them has, are made known to each other. */
export async function meet(
  cluster: ClusterName,
  meeting: Meeting,
  round: number,
  commandOf: Commands,
): Promise<MeetingRun> {
  const started = await Promise.allSettled([startNode(cluster, commandOf), startNode(cluster, commandOf)]);
  const nodes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  try {
    const [one, other] = nodes;
    if (!one || !other) throw new Error('A node did not start');
    const { what, count, name } = meeting;
    for (const node of nodes) await node.ask(what === 'entries' ? 'fill' : 'users', count);
    const clock = new Clock(nodes);
    const begun = performance.now();
    const before = one.written + other.written;
    await one.ask('observe', other.url);
    await Promise.all(nodes.map((node) => node.ask(what === 'entries' ? 'equal' : 'present', count)));
    const time = performance.now() - begun;
    const { cpu, foreign } = clock.stop();
    return {
      cluster,
      meeting: name,
      round,
      time,
      cpu: cpu.reduce((sum, each) => sum + each, 0) / 1e6,
      bytes: one.written + other.written - before,
      foreign,
      clean: foreign <= FOREIGN,
    };
  } finally {
    await Promise.all(nodes.map((node) => node.end()));
  }
}

interface Spent {
  /** In ns, by node. */
  readonly cpu: readonly number[];
  readonly foreign: number;
}

/** Counts from when it is made. */
class Clock {
  readonly #nodes: readonly Host[];
  readonly #before: readonly number[];
  readonly #all: number;
  readonly #from: number = performance.now();

  constructor(nodes: readonly Host[]) {
    this.#nodes = nodes.slice();
    this.#before = this.#nodes.map(({ cpu }) => cpu);
    this.#all = busyTime(NODES_CPU) ?? 0;
  }

  stop(): Spent {
    const cpu = this.#nodes.map((node, index) => Math.max(0, node.cpu - this.#before[index]!));
    const all = (busyTime(NODES_CPU) ?? 0) - this.#all;
    const wall = (performance.now() - this.#from) * 1e6;
    const own = cpu.reduce((sum, each) => sum + each, 0);
    return { cpu, foreign: Math.max(0, (all - own) / wall) };
  }
}

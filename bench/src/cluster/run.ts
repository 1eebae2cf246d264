/** A cluster that shrinks, with its load; what its traffic costs; and what it costs two fresh nodes to meet. */
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Child } from '../child.ts';
import { busyTime } from '../cpu.ts';
import { CHANNEL } from '../scenarios.ts';
import { Host } from './host.ts';
import type { Delay, Heard } from './load.ts';
import { Middle, type Program } from './middle.ts';
import {
  CHANGES,
  type ClusterName,
  hasAck,
  hasState,
  type Meeting,
  middleOf,
  SUBSCRIBERS,
  type Traffic,
} from './scenarios.ts';

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
  /** The same of what stands between them; 0 where nothing does. */
  readonly middle: number;
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

/** How clusters are started. */
export interface Programs {
  /** Of a node, less its arguments. */
  readonly node: (cluster: ClusterName) => readonly string[];
  /** Of what stands between nodes. */
  readonly middle: (cluster: ClusterName) => Program | null;
}

/** A script of ours beside this file; `options` go to Node.js. */
export function ourCommand(script: string, options: readonly string[] = []): readonly string[] {
  return [process.execPath, ...options, fileURLToPath(new URL(script, import.meta.url))];
}

function startNode(cluster: ClusterName, { node }: Programs, middle: Middle | null): Promise<Host> {
  const way = middle?.url ?? (hasAck(cluster) ? 'ack' : 'no-ack');
  return Host.start([...node(cluster), CHANNEL, way], NODES_CPU);
}

async function startMiddle(cluster: ClusterName, { middle }: Programs): Promise<Middle | null> {
  if (middleOf(cluster) === null) return null;
  const program = middle(cluster);
  if (!program || 'obstacle' in program)
    throw new Error(program?.obstacle ?? 'There is nothing to stand between nodes');
  return Middle.start(program, NODES_CPU);
}

export class Cluster {
  readonly name: ClusterName;
  readonly #programs: Programs;
  readonly #load: Child;
  readonly #nodes: Host[] = [];
  #middle: Middle | null = null;

  constructor(name: ClusterName, programs: Programs) {
    this.name = name;
    this.#programs = programs;
    this.#load = new Child('./cluster/load.js', [name], LOAD_CPU);
  }

  /** One more node, joined with all others, with subscribers of its own. */
  async grow(): Promise<void> {
    this.#middle ??= await startMiddle(this.name, this.#programs);
    const node = await startNode(this.name, this.#programs, this.#middle);
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
    if (this.#nodes.length > 1 && hasState(this.name)) await this.#change();
  }

  async run(traffic: Traffic, round: number, seconds: number): Promise<TrafficRun> {
    await this.#load.ask('start', traffic);
    await wait(SETTLE);
    await this.#load.ask('mark');
    const clock = new Clock(this.#nodes, this.#middle);
    await wait(seconds * 1_000);
    const heard = await this.#load.ask<Heard>('take');
    const { cpu, middle, foreign } = clock.stop();
    await this.#load.ask('stop');
    if (heard.messages === 0) throw new Error('The traffic stalled');
    return {
      cluster: this.name,
      traffic: traffic.name,
      nodes: this.#nodes.length,
      round,
      costs: cpu.map((time) => time / 1_000 / heard.messages),
      middle: middle / 1_000 / heard.messages,
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
    await this.#middle?.end();
  }

  async #change(): Promise<Spent> {
    const [first, ...others] = this.#nodes;
    for (const node of others) await node.ask('forget');
    const clock = new Clock(this.#nodes, this.#middle);
    const heard = others.map((node) => node.ask('heard', 2 * CHANGES));
    await first?.ask('churn', CHANGES);
    await Promise.all(heard);
    return clock.stop();
  }
}

/**
 * Two nodes that have just started, and what each of them has, are made known to each other. Where something stands between them they
 * meet from the start: there it is the second node whose start is measured, until it knows what the first one has.
 */
export async function meet(
  cluster: ClusterName,
  meeting: Meeting,
  round: number,
  programs: Programs,
): Promise<MeetingRun> {
  const nodes: Host[] = [];
  const middle = await startMiddle(cluster, programs);
  try {
    const { what, count, name } = meeting;
    const start = async (): Promise<Host> => {
      const node = await startNode(cluster, programs, middle);
      nodes.push(node);
      return node;
    };
    const fill = (node: Host): Promise<void> => node.ask(what === 'entries' ? 'fill' : 'users', count);
    const know = (node: Host): Promise<void> => node.ask(what === 'entries' ? 'equal' : 'present', count);
    const one = await start();
    await fill(one);
    if (!middle) await fill(await start());
    const begun = performance.now();
    const clock = new Clock(nodes, middle);
    const before = nodes.reduce((sum, { written }) => sum + written, 0);
    if (middle) await know(await start());
    else {
      await one.ask('observe', (nodes[1] as Host).url);
      await Promise.all(nodes.map(know));
    }
    const time = performance.now() - begun;
    const { cpu, middle: between, foreign } = clock.stop(nodes);
    return {
      cluster,
      meeting: name,
      round,
      time,
      cpu: (cpu.reduce((sum, each) => sum + each, 0) + between) / 1e6,
      bytes: nodes.reduce((sum, { written }) => sum + written, 0) - before,
      foreign,
      clean: foreign <= FOREIGN,
    };
  } finally {
    await Promise.all(nodes.map((node) => node.end()));
    await middle?.end();
  }
}

interface Spent {
  /** In ns, by node. */
  readonly cpu: readonly number[];
  /** In ns, of what stands between them. */
  readonly middle: number;
  readonly foreign: number;
}

/** Counts from when it is made. */
class Clock {
  readonly #nodes: readonly Host[];
  readonly #middle: Middle | null;
  readonly #before: readonly number[];
  readonly #middleBefore: number;
  readonly #all: number;
  readonly #from: number = performance.now();

  constructor(nodes: readonly Host[], middle: Middle | null) {
    this.#nodes = nodes.slice();
    this.#middle = middle;
    this.#before = this.#nodes.map(({ cpu }) => cpu);
    this.#middleBefore = middle?.cpu ?? 0;
    this.#all = busyTime(NODES_CPU) ?? 0;
  }

  /** @param nodes with those that have come meanwhile, whose start counts */
  stop(nodes: readonly Host[] = this.#nodes): Spent {
    const cpu = nodes.map((node, index) => Math.max(0, node.cpu - (this.#before[index] ?? 0)));
    const middle = (this.#middle?.cpu ?? 0) - this.#middleBefore;
    const all = (busyTime(NODES_CPU) ?? 0) - this.#all;
    const wall = (performance.now() - this.#from) * 1e6;
    const own = cpu.reduce((sum, each) => sum + each, middle);
    return { cpu, middle, foreign: Math.max(0, (all - own) / wall) };
  }
}

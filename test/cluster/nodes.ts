/** Starts nodes as processes, cuts their links, kills them, and hears what they tell. */
import { type ChildProcess, fork } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { ToxicProxy } from '@cometd-ts/testkit';
import { build } from 'esbuild';
import { vi } from 'vitest';
import type { Plan, Report, Request } from './words.ts';

const root = join(import.meta.dirname, '../..');

/** The program of the nodes, made once for each file of tests. */
let program: Promise<string> | undefined;

export function nodeProgram(): Promise<string> {
  program ??= bundled();
  return program;
}

async function bundled(): Promise<string> {
  // Below the repository, so that the packages it needs are found.
  await mkdir(join(root, '.tmp'), { recursive: true });
  const folder = await mkdtemp(join(root, '.tmp/cluster-'));
  const file = join(folder, 'node.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'node.ts')],
    outfile: file,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['source'],
    packages: 'bundle',
    external: ['ws', 'tough-cookie', 'proxy-agent', '@nats-io/*'],
    logLevel: 'warning',
  });
  process.once('exit', () => rmSync(folder, { recursive: true }));
  return file;
}

/** A node that runs, or did. */
export class Node {
  readonly url: string;
  readonly port: number;
  /** Identity of this start. */
  readonly id: string;
  /** All it has told, in order: `joined <url>`, `left <url>`, `present bob <url>`, … */
  readonly log: string[] = [];
  readonly #process: ChildProcess;
  readonly #asked: Map<number, { resolve(value: unknown): void; reject(error: Error): void }> = new Map();
  #ids = 0;

  /** A process that runs the program of the nodes, when it is ready. */
  static async launch(program: string, plan: Plan): Promise<Node> {
    const child = fork(program, [JSON.stringify(plan)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    // Who finds others by itself may tell of them before it is ready.
    const early: Report[] = [];
    const note = (report: Report): void => void early.push(report);
    child.on('message', note);
    const ready = await new Promise<Report & { event: 'ready' }>((resolve, reject) => {
      child.on('message', (report: Report) => report.event === 'ready' && resolve(report));
      child.once('exit', (code) => reject(new Error(`The node ended with ${code} before it was ready`)));
    });
    child.off('message', note);
    return new Node(child, ready, early);
  }

  private constructor(child: ChildProcess, { url, id }: Report & { event: 'ready' }, early: readonly Report[]) {
    this.#process = child;
    this.url = url;
    this.port = Number(new URL(url).port);
    this.id = id;
    for (const report of early) this.#heard(report);
    child.on('message', (report: Report) => this.#heard(report));
    child.on('exit', () => {
      for (const { reject } of this.#asked.values()) reject(new Error(`The node ${url} is gone`));
    });
  }

  /** Has the node do something: see `deeds` in node.ts. */
  ask<Value = unknown>(deed: string, ...args: readonly unknown[]): Promise<Value> {
    const id = ++this.#ids;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve: (value) => resolve(value as Value), reject });
      this.#process.send({ id, deed, args } satisfies Request);
    });
  }

  /** Names of the nodes it has joined. */
  async members(): Promise<string[]> {
    return (await this.ask<{ url: string }[]>('members')).map(({ url }) => url).sort();
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    await this.ask('stop');
    await gone;
  }

  /** Without a word. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await gone;
  }

  /** Stands still, as a process does whose machine is overloaded. */
  freeze(): void {
    this.#process.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process.kill('SIGCONT');
  }

  #heard(report: Report): void {
    if (report.event === 'done') this.#asked.get(report.id)?.resolve(report.value);
    else if (report.event === 'failed') this.#asked.get(report.id)?.reject(new Error(report.reason));
    else if (report.event === 'joined' || report.event === 'left') this.log.push(`${report.event} ${report.url}`);
    else if (report.event === 'present' || report.event === 'absent')
      this.log.push(`${report.event} ${report.user} ${report.url}`);
    else if (report.event === 'message') this.log.push(`message ${report.user} ${JSON.stringify(report.data)}`);
    if (report.event === 'done' || report.event === 'failed') this.#asked.delete(report.id);
  }
}

/** Nodes of one cluster, whatever it stands on, and what can be done to the ways between them. */
export interface Cluster {
  /** Starts a node; with `port`, where another was before. It finds those that are there when it is told of one: see `meet`. */
  start(plan?: Partial<Plan>): Promise<Node>;
  /** Tells a node of another, where nodes do not find each other by themselves. */
  meet(node: Node, other: Node): Promise<void>;
  /** Nodes that have all joined each other. */
  together(count: number, plan?: Partial<Plan>): Promise<Node[]>;
  settled(nodes: readonly Node[]): Promise<void>;
  /** A node that is gone for good. */
  forget(node: Node): void;
  /** The connections between these break, and may be made again at once. */
  jolt(...nodes: readonly Node[]): void;
  /** None of these reaches another any more. */
  part(...nodes: readonly Node[]): void;
  join(...nodes: readonly Node[]): void;
  close(): Promise<void>;
}

/** A cluster in a mesh: its nodes, and a proxy on every link, from each node to each other. */
export class Nodes implements Cluster {
  readonly #program: string;
  readonly #nodes: Set<Node> = new Set();
  /** By `from to`, both as ports. */
  readonly #links: Map<string, ToxicProxy> = new Map();

  private constructor(program: string) {
    this.#program = program;
  }

  /** Readies the program of the nodes, made of the sources as they are. */
  static async ready(): Promise<Nodes> {
    return new Nodes(await nodeProgram());
  }

  get all(): readonly Node[] {
    return [...this.#nodes];
  }

  /** Starts a node; with `port`, where another was before. */
  async start(plan: Partial<Plan> = {}): Promise<Node> {
    const whole: Plan = { port: 0, channels: [], server: {}, ...plan, addresses: { ...plan.addresses } };
    if (whole.port !== 0)
      for (const { port, url } of this.#nodes)
        if (port !== whole.port) whole.addresses[url] = await this.#link(whole.port, url);
    const node = await Node.launch(this.#program, whole);
    for (const other of this.#nodes) {
      if (other.port === node.port) this.#nodes.delete(other);
    }
    for (const other of this.#nodes) {
      await node.ask('addresses', { [other.url]: await this.#link(node.port, other.url) });
      await other.ask('addresses', { [node.url]: await this.#link(other.port, node.url) });
    }
    this.#nodes.add(node);
    return node;
  }

  /** Nodes that have all joined each other. */
  async together(count: number, plan: Partial<Plan> = {}): Promise<Node[]> {
    const nodes: Node[] = [];
    for (let each = 0; each < count; each++) nodes.push(await this.start(plan));
    for (const node of nodes.slice(1)) await this.meet(node, nodes[0] as Node);
    await this.settled(nodes);
    return nodes;
  }

  async meet(node: Node, other: Node): Promise<void> {
    await node.ask('observe', other.url);
  }

  settled(nodes: readonly Node[]): Promise<void> {
    return settled(nodes);
  }

  /** A node that is gone for good. */
  forget(node: Node): void {
    this.#nodes.delete(node);
  }

  /** The link from one node to another, to be troubled. */
  link(from: Node, to: Node): ToxicProxy {
    const link = this.#links.get(`${from.port} ${to.port}`);
    if (!link) throw new Error(`There is no link from ${from.url} to ${to.url}`);
    return link;
  }

  /** Nothing passes between the two; the connections break. */
  cut(one: Node, other: Node): void {
    for (const link of [this.link(one, other), this.link(other, one)]) {
      link.refuse();
      link.reset();
    }
  }

  heal(one: Node, other: Node): void {
    for (const link of [this.link(one, other), this.link(other, one)]) link.heal();
  }

  jolt(...nodes: readonly Node[]): void {
    for (const [one, other] of pairs(nodes)) this.link(one, other).reset();
  }

  part(...nodes: readonly Node[]): void {
    for (const [one, other] of pairs(nodes)) this.cut(one, other);
  }

  join(...nodes: readonly Node[]): void {
    for (const [one, other] of pairs(nodes)) this.heal(one, other);
  }

  async close(): Promise<void> {
    for (const node of this.#nodes) {
      node.thaw();
      await node.kill();
    }
    for (const link of this.#links.values()) await link.close();
  }

  async #link(from: number, to: string): Promise<string> {
    const name = `${from} ${new URL(to).port}`;
    const link = this.#links.get(name) ?? (await ToxicProxy.start(Number(new URL(to).port)));
    this.#links.set(name, link);
    return link.through(to);
  }
}

function pairs(nodes: readonly Node[]): [Node, Node][] {
  return nodes.flatMap((one) => nodes.filter((other) => other !== one).map((other): [Node, Node] => [one, other]));
}

/** Resolves when each of these has joined all others, and nobody else. */
export async function settled(nodes: readonly Node[]): Promise<void> {
  await eventually(async () => {
    for (const node of nodes) {
      const expected = nodes.filter((other) => other !== node).map(({ url }) => url);
      const members = await node.members();
      if (members.join() !== expected.sort().join())
        throw new Error(`${node.url} has joined ${members.join(', ') || 'nobody'}, not ${expected.join(', ')}`);
    }
  });
}

/** Waits until what is expected is so; up to 30 s, which only a failure takes. */
export function eventually(expected: () => unknown): Promise<unknown> {
  return vi.waitFor(expected, { timeout: 30_000, interval: 20 });
}

/** `npm run bench -- crowd`: many nodes on one or three NATS servers, and what they cost each other and the servers. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type NatsServer, readyNats, startNats, startNatsCluster } from '@cometd-ts/testkit/nats';
import { ANY_CPU, Child } from '../child.ts';
import { processTime } from '../cpu.ts';
import { numberOf } from '../flags.ts';
import { table } from '../table.ts';
import type { Opening, Talk } from './crowd-nodes.ts';

export const usage = `npm run bench -- crowd [--nodes A,B] [--servers N] [--heartbeat MS] [--seconds S] [--channels N]

  --nodes A,B     how many nodes, each in a run of its own (default 10,30,100)
  --servers N     NATS servers, up to 5 (default 1)
  --heartbeat MS  how often a node says that it lives (default 1000, as of the engine)
  --seconds S     measured in each step (default 3)
  --channels N    how many channels are subscribed to find out what one weighs; 0 leaves that out (default 50000)`;

interface Settings {
  readonly servers: number;
  readonly heartbeat: number;
  readonly seconds: number;
  readonly channels: number;
}

/** The servers of NATS, as they are measured. */
interface Middle {
  readonly all: readonly NatsServer[];
  readonly close: () => Promise<void>;
}

/** What was spent in a step. CPU in µs, of all processes of a kind. */
interface Spent {
  readonly seconds: number;
  /** Of the first node, which has a process of its own. */
  readonly first: number;
  /** Of all other nodes. */
  readonly others: number;
  readonly nats: number;
  /** Messages that came to NATS from nodes, and that went from it to nodes. */
  readonly came: number;
  readonly went: number;
}

/** Lines of the page: what was done, and what came of it. */
type Line = readonly [step: string, figure: string, value: string];

/** Messages that nodes of one process hear in a ms, together. */
const HEARD = 10;

/** Between two steps, in ms: for what is still on its way. */
const QUIET = 500;

const config = 'pid_file: "pid"';

export async function benchCrowd(args: readonly string[]): Promise<void> {
  const text = { type: 'string' } as const;
  const options = { nodes: text, servers: text, heartbeat: text, seconds: text, channels: text };
  const { values } = parseArgs({ args: [...args], options });
  const settings = {
    servers: numberOf('servers', values.servers ?? '1', 1, 5),
    heartbeat: numberOf('heartbeat', values.heartbeat ?? '1000', 100, 60_000),
    seconds: numberOf('seconds', values.seconds ?? '3', 0.5, 30),
    channels: numberOf('channels', values.channels ?? '50000', 0, 1_000_000),
  };
  await readyNats((line) => console.error(line));
  for (const nodes of (values.nodes ?? '10,30,100').split(',')) {
    const lines = await measured(numberOf('nodes', nodes, 2, 1_000), settings);
    const { servers, heartbeat } = settings;
    console.log(
      `\n${nodes} nodes, ${servers} NATS server${servers === 1 ? '' : 's'}, a heartbeat in ${heartbeat} ms\n`,
    );
    console.log(table(['step', 'figure', 'value'], lines).join('\n'));
  }
}

async function measured(nodes: number, settings: Settings): Promise<Line[]> {
  const middle = await startMiddle(settings.servers);
  const first = new Child('./scaling/crowd-nodes.js', ['first'], ANY_CPU);
  const others = new Child('./scaling/crowd-nodes.js', ['others'], ANY_CPU);
  try {
    return await new Crowd(middle, first, others, nodes, settings).measured();
  } finally {
    await Promise.all([first.end(), others.end()]);
    await middle.close();
  }
}

async function startMiddle(servers: number): Promise<Middle> {
  if (servers === 1) {
    const server = await startNats({ jetStream: false, config });
    return { all: [server], close: () => server.close() };
  }
  const cluster = await startNatsCluster({ jetStream: false, config, servers });
  return { all: cluster.servers, close: () => cluster.close() };
}

class Crowd {
  readonly #middle: Middle;
  readonly #first: Child;
  readonly #others: Child;
  readonly #nodes: number;
  readonly #settings: Settings;
  readonly #lines: Line[] = [];

  constructor(middle: Middle, first: Child, others: Child, nodes: number, settings: Settings) {
    this.#middle = middle;
    this.#first = first;
    this.#others = others;
    this.#nodes = nodes;
    this.#settings = settings;
  }

  async measured(): Promise<Line[]> {
    const { seconds, channels, servers } = this.#settings;
    await Promise.all([this.#first.ask('hear', 0), this.#others.ask('hear', 0)]);
    const empty = this.#memory();
    await this.#meet();
    this.#note('memory', 'kB of an empty server', empty / 1_000 / servers);
    this.#note('memory', 'kB of NATS for each node', (this.#memory() - empty) / 1_000 / this.#nodes);
    if (servers > 1) await this.#routes();
    // Code that has run before is measured.
    await this.#say('/all/news', 2 * seconds);
    const rest = await this.#rest();
    const quiet = await this.#talk('/quiet', seconds, rest);
    const alone = await this.#talk('/rooms/empty', seconds, rest);
    this.#note(
      'a message nobody else hears',
      'µs of the node that sends, beyond publishing',
      alone.first - quiet.first,
    );
    this.#note('a message nobody else hears', 'µs of NATS', alone.nats);
    const all = await this.#talk('/all/news', seconds, rest);
    this.#note('a message all hear', 'µs of the node that sends, beyond publishing', all.first - quiet.first);
    this.#note('a message all hear', 'µs of each that hears', all.others / (this.#nodes - 1));
    this.#note('a message all hear', 'µs of NATS for each that hears', (all.nats - alone.nats) / (this.#nodes - 1));
    this.#note('a message all hear', 'messages from NATS', all.went);
    if (channels > 0) await this.#subscribe(channels);
    if (servers === 1) await this.#again();
    return this.#lines;
  }

  /** All nodes start at once. */
  async #meet(): Promise<void> {
    const { heartbeat } = this.#settings;
    const servers = this.#middle.all.map(({ url }) => url);
    const spent = await this.#spent(async () => {
      const opening = { servers, heartbeat };
      await Promise.all([
        this.#first.ask('open', { ...opening, name: 'first', count: 1 } satisfies Opening),
        this.#others.ask('open', { ...opening, name: 'other', count: this.#nodes - 1 } satisfies Opening),
      ]);
      await this.#know();
    });
    this.#met('all nodes start at once', spent);
  }

  async #routes(): Promise<void> {
    const counts = await Promise.all(
      this.#middle.all.map((server) => server.monitor<{ readonly num_routes: number }>('routez')),
    );
    this.#note('between servers', 'connections of all', sum(counts.map((one) => one.num_routes)) / 2);
  }

  /** The server is gone, and is started again as soon as all nodes know it. */
  async #again(): Promise<void> {
    const [server] = this.#middle.all;
    if (!server) return;
    await server.kill();
    await Promise.all([this.#first.ask('miss'), this.#others.ask('miss')]);
    await server.start();
    const from = performance.now();
    let seconds = 0;
    const spent = await this.#spent(async () => {
      await this.#know();
      seconds = (performance.now() - from) / 1_000;
      // Heartbeats are what makes each ask each for what it has missed.
      await pause(3 * this.#settings.heartbeat);
    });
    this.#met('NATS is started again', { ...spent, seconds });
  }

  async #know(): Promise<void> {
    const others = this.#nodes - 1;
    await Promise.all([this.#first.ask('meet', others), this.#others.ask('meet', others)]);
  }

  #met(step: string, { seconds, came, went, nats, others }: Spent): void {
    this.#note(step, 'seconds until each knows all', seconds);
    this.#note(step, 'messages to NATS', came);
    this.#note(step, 'messages from NATS', went);
    this.#note(step, 'ms of NATS', nats / 1_000);
    this.#note(step, 'ms of each node', others / 1_000 / (this.#nodes - 1));
  }

  /** Nobody says anything but that it lives. */
  async #rest(): Promise<Spent> {
    const spent = await this.#spent(() => pause(1_000 * 2 * this.#settings.seconds));
    const { seconds, came, went, nats, others } = spent;
    this.#note('at rest', 'messages a second to NATS', came / seconds);
    this.#note('at rest', 'messages a second from NATS', went / seconds);
    this.#note('at rest', '% of a core, NATS', nats / 1e4 / seconds);
    this.#note('at rest', '% of a core, each node', others / 1e4 / seconds / (this.#nodes - 1));
    this.#note('at rest', 'µs of NATS for a heartbeat that is heard', nats / went);
    this.#note('at rest', 'µs of a node for a heartbeat that it hears', others / went);
    return spent;
  }

  /** What a message costs, less what is spent at rest. It is published before, so that code is warm. */
  async #talk(channel: string, seconds: number, rest: Spent): Promise<Spent> {
    await this.#say(channel, seconds / 2);
    let count = 0;
    const spent = await this.#spent(async () => {
      count = await this.#say(channel, seconds);
    });
    const each = (pick: (spent: Spent) => number): number =>
      (pick(spent) - (pick(rest) * spent.seconds) / rest.seconds) / count;
    return {
      seconds: spent.seconds / count,
      first: each((one) => one.first),
      others: each((one) => one.others),
      nats: each((one) => one.nats),
      came: each((one) => one.came),
      went: each((one) => one.went),
    };
  }

  /** As fast as half a core can hear it for all nodes. Resolves when all have, with the count of messages. */
  async #say(channel: string, seconds: number): Promise<number> {
    const hearers = channel.startsWith('/all/') ? this.#nodes - 1 : 0;
    const every = Math.max(5, (10 * hearers) / HEARD);
    const count = await this.#first.ask<number>('talk', { channel, seconds, every } satisfies Talk);
    await this.#others.ask('hear', count * hearers);
    await pause(QUIET);
    return count;
  }

  /** What a channel weighs, here and at NATS, that a node is told of because somebody there is subscribed to it. */
  async #subscribe(count: number): Promise<void> {
    const plain = await this.#first.ask<number>('subscribe', { below: '/quiet', count });
    const before = this.#memory();
    const wanted = await this.#first.ask<number>('subscribe', { below: '/rooms', count });
    const nats = this.#memory() - before;
    this.#note('a channel with subscribers', 'bytes of its node, beyond the channel', (wanted - plain) / count);
    this.#note('a channel with subscribers', 'bytes of NATS, all servers', nats / count);
  }

  #note(step: string, figure: string, value: number): void {
    this.#lines.push([step, figure, value.toLocaleString('en', { maximumSignificantDigits: 4 })]);
  }

  async #spent(act: () => Promise<unknown>): Promise<Spent> {
    const before = await this.#now();
    await act();
    const after = await this.#now();
    const grown = (pick: (spent: Spent) => number): number => pick(after) - pick(before);
    return {
      seconds: grown((one) => one.seconds),
      first: grown((one) => one.first),
      others: grown((one) => one.others),
      nats: grown((one) => one.nats),
      came: grown((one) => one.came),
      went: grown((one) => one.went),
    };
  }

  /** All counters, from whenever they count. */
  async #now(): Promise<Spent> {
    const counts = await Promise.all(
      this.#middle.all.map((server) => server.monitor<{ connections: Traffic[] }>('connz?limit=2048')),
    );
    const all = counts.flatMap(({ connections }) => connections);
    return {
      seconds: performance.now() / 1_000,
      first: micros(this.#first.pid),
      others: micros(this.#others.pid),
      nats: sum(this.#middle.all.map((server) => micros(pidOf(server)))),
      came: sum(all.map((one) => one.in_msgs)),
      went: sum(all.map((one) => one.out_msgs)),
    };
  }

  /** Resident bytes of all servers. */
  #memory(): number {
    return sum(
      this.#middle.all.map((server) => {
        const status = readFileSync(`/proc/${pidOf(server)}/status`, 'latin1');
        return 1_024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
      }),
    );
  }
}

/** What a server says of a connection, seen from itself. */
interface Traffic {
  readonly in_msgs: number;
  readonly out_msgs: number;
}

function pidOf(server: NatsServer): number {
  return Number(readFileSync(server.file('pid'), 'latin1'));
}

function micros(pid: number): number {
  const time = processTime(pid);
  if (time === undefined) throw new Error('Processes are measured through /proc, which is not here');
  return time / 1_000;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** `npm run bench -- workers`: what `cometd serve --workers` costs and brings, beside the command without workers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { familyMemory, familyTime } from '../cpu.ts';
import { numberOf } from '../flags.ts';
import { crossing } from './crossing.ts';
import { Poller, Talker } from './visitors.ts';

export const usage = `npm run bench -- workers [--seconds S] [--rounds N] [--program FILE]

  --seconds S     measured in each run (default 2)
  --rounds N      interleaved rounds (default 3)
  --program FILE  the command cometd (default: the one that was built here)`;

/** How a server is started: without workers, or with how many. */
const ways = [0, 1, 2] as const;
type Way = (typeof ways)[number];

/** Resident memory of all processes of a server that nobody has visited yet, in MB. */
interface Weight {
  readonly way: Way;
  readonly memory: number;
}

interface Figure {
  readonly scenario: string;
  readonly way: Way;
  /** Messages or requests a second. */
  readonly rate: number;
  /** CPU of all processes of the server for each, in µs. */
  readonly cost: number;
}

/** How long code runs before it is measured, in ms. */
const WARM_UP = 3_000;
/** Rates are measured without the limits that clients have. */
const unbounded = ['maxPublishRate', 'maxSubscribeRate', 'maxHandshakeRate', 'maxChannelRate'];

export async function benchWorkers(args: readonly string[]): Promise<void> {
  const options = { seconds: { type: 'string' }, rounds: { type: 'string' }, program: { type: 'string' } } as const;
  const { values } = parseArgs({ args: [...args], options });
  const time = 1_000 * numberOf('seconds', values.seconds ?? '2', 0.5, 15);
  const rounds = numberOf('rounds', values.rounds ?? '3', 1, 20);
  const cli = dirname(createRequire(import.meta.url).resolve('@cometd-ts/cli/package.json'));
  const program = values.program ?? join(cli, 'bin/cometd.js');
  const figures: Figure[] = [];
  const weights: Weight[] = [];
  for (let round = 0; round < rounds; round++)
    for (const way of ways) figures.push(...(await measured(program, way, time, weights)));
  console.log(pageOf(figures, weights));
  for (const inFlight of [1, 10, 64])
    console.log(`| crossing to one other node, ${inFlight} under way | | ${(await crossing(inFlight)).toFixed(1)} | |`);
}

async function measured(program: string, way: Way, time: number, weights: Weight[]): Promise<Figure[]> {
  const flags = ['serve', '--port', '0', ...(way > 0 ? ['--workers', String(way)] : [])];
  const settings = unbounded.flatMap((name) => ['--set', `${name}=-1`]);
  const server = spawn(process.execPath, [program, ...flags, ...settings], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const port = await portOf(server);
    weights.push({ way, memory: (familyMemory(server.pid ?? 0) ?? Number.NaN) / 1_000_000 });
    const figures: Figure[] = [];
    const run = async (scenario: string, act: () => Promise<number>): Promise<void> => {
      const before = familyTime(server.pid ?? 0) ?? Number.NaN;
      const begun = performance.now();
      const count = await act();
      const spent = (familyTime(server.pid ?? 0) ?? Number.NaN) - before;
      const seconds = (performance.now() - begun) / 1_000;
      figures.push({ scenario, way, rate: count / seconds, cost: spent / 1_000 / count });
    };
    const talkers = await many(64, () => Talker.open(port));
    const own = await many(32, () => Poller.open(port, 'own', Math.max(way, 1)));
    const foreign = way === 2 ? await many(32, () => Poller.open(port, 'foreign', way)) : [];
    for (const isWarm of [false, true]) {
      const phase = isWarm ? time : WARM_UP;
      const note = (scenario: string, act: () => Promise<number>): Promise<unknown> =>
        isWarm ? run(scenario, act) : act();
      await note('publish and reply, WebSocket', () => sum(talkers, (one) => one.publish('/quiet', phase)));
      await note('publish and reply, long-polling', () => sum(own, (one) => one.publish('/quiet', phase)));
      if (way === 2)
        await note('publish and reply, long-polling, handed on', () =>
          sum(foreign, (one) => one.publish('/quiet', phase)),
        );
    }
    const hearers = await many(500, () => Talker.open(port));
    for (const hearer of hearers) await hearer.subscribe('/news');
    const [speaker] = talkers;
    for (const isWarm of [false, true]) {
      const phase = isWarm ? time : WARM_UP;
      const act = (): Promise<number> => (speaker ? speaker.fanOut('/news', hearers, phase) : Promise.resolve(0));
      await (isWarm ? run('fan-out to 500, delivered', act) : act());
    }
    for (const one of [...talkers, ...own, ...foreign, ...hearers]) one.close();
    return figures;
  } finally {
    server.kill('SIGINT');
    await once(server, 'exit');
  }
}

/** One after another: connections are given to workers in turn. */
async function many<One>(count: number, open: () => Promise<One>): Promise<One[]> {
  const all: One[] = [];
  for (let each = 0; each < count; each++) all.push(await open());
  return all;
}

async function sum<One>(all: readonly One[], act: (one: One) => Promise<number>): Promise<number> {
  return (await Promise.all(all.map(act))).reduce((total, count) => total + count, 0);
}

async function portOf(server: ChildProcess): Promise<number> {
  let said = '';
  for await (const chunk of server.stdout ?? []) {
    said += String(chunk);
    const port = /is listening on \S+:(\d+)/.exec(said)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error('The server did not start');
}

function pageOf(figures: readonly Figure[], weights: readonly Weight[]): string {
  const lines = ['| scenario | workers | µs CPU each, median (range) | a second |', '|---|---|---|---|'];
  for (const scenario of new Set(figures.map((figure) => figure.scenario))) {
    for (const way of ways) {
      const runs = figures.filter((figure) => figure.scenario === scenario && figure.way === way);
      if (runs.length === 0) continue;
      const costs = runs.map(({ cost }) => cost).sort((a, b) => a - b);
      const [least = 0, most = 0] = [costs[0], costs.at(-1)];
      const rate = median(runs.map((one) => one.rate));
      const shown = `${median(costs).toFixed(1)} (${least.toFixed(1)}–${most.toFixed(1)})`;
      lines.push(`| ${scenario} | ${way || 'none'} | ${shown} | ${Math.round(rate).toLocaleString('en')} |`);
    }
  }
  for (const way of ways) {
    const memory = median(weights.filter((one) => one.way === way).map((one) => one.memory));
    lines.push(`| memory of all processes before the first visit | ${way || 'none'} | ${Math.round(memory)} MB | |`);
  }
  return lines.join('\n');
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** One run: a server and a load in fresh processes, warmed up, measured for a while, and ended. */
import { setTimeout as wait } from 'node:timers/promises';
import { Child, canPin } from './child.ts';
import { busyTime, processTime } from './cpu.ts';
import type { Latency } from './load/drive.ts';
import type { Seen } from './load/main.ts';
import type { Scenario, ScenarioName, ServerName } from './scenarios.ts';

const SERVER_CPU = 0;
export const LOAD_CPU = 1;
/** More than this share of the server's CPU for others, and the run does not count as clean. */
const FOREIGN = 0.06;
/** A load busier than this may have been what limits the throughput. */
const SATURATED = 0.95;
const RETRIES = 2;

export interface Run {
  readonly scenario: ScenarioName;
  readonly server: ServerName;
  readonly round: number;
  /** What ratios are made of: CPU in µs per message, or kB of RSS per session. */
  readonly cost: number;
  /** Live heap per session in kB, of the memory scenario only. */
  readonly heap?: number;
  /** Messages, requests or sessions per second. */
  readonly rate: number;
  readonly latency?: Latency;
  /** Shares of one CPU: of the server, of the load, and of everybody else on the server's CPU. */
  readonly serverBusy: number;
  readonly loadBusy: number;
  readonly foreign?: number;
  readonly clean: boolean;
  readonly saturated: boolean;
}

/** A run that came to nothing. */
export interface Failure {
  readonly scenario: ScenarioName;
  readonly server: ServerName;
  readonly round: number;
  readonly reason: string;
}

export interface Plan {
  /** Seconds measured, and seconds before. */
  readonly seconds: number;
  readonly warmUp: number;
}

/** Repeats a run in which others disturbed the server; the last one stays, even when it is not clean. */
export async function run(scenario: Scenario, server: ServerName, round: number, plan: Plan): Promise<Run> {
  for (let retries = 0; ; retries++) {
    const result = await once(scenario, server, round, plan);
    if (result.clean || retries === RETRIES) return result;
  }
}

async function once(scenario: Scenario, server: ServerName, round: number, plan: Plan): Promise<Run> {
  const host = new Child('./servers/main.js', [server, scenario.name], SERVER_CPU);
  const load = new Child('./load/main.js', [server, scenario.name], LOAD_CPU);
  try {
    const port = await host.ask<number>('listen');
    const measured =
      scenario.name === 'memory' ? await sessions(scenario, host, load, port) : await traffic(host, load, port, plan);
    return { scenario: scenario.name, server, round, ...measured };
  } finally {
    await Promise.all([host.end(), load.end()]);
  }
}

type Measured = Omit<Run, 'scenario' | 'server' | 'round'>;

async function traffic(host: Child, load: Child, port: number, plan: Plan): Promise<Measured> {
  await load.ask('setUp', { port, first: false });
  await load.ask('start');
  await wait(plan.warmUp * 1_000);
  const clock = await clockOf(host);
  await load.ask('mark');
  await clock.start();
  await wait(plan.seconds * 1_000);
  const seen = await load.ask<Seen>('take');
  const spent = await clock.stop();
  if (seen.done === 0) throw new Error('Nothing was delivered');
  return {
    cost: spent.server / 1_000 / seen.done,
    rate: seen.done / seen.seconds,
    latency: seen.latency,
    loadBusy: seen.busy,
    saturated: seen.busy > SATURATED,
    ...sharesOf(spent),
  };
}

interface Memory {
  readonly rss: number;
  readonly heap: number;
}

async function sessions(scenario: Scenario, host: Child, load: Child, port: number): Promise<Measured> {
  await load.ask('setUp', { port, first: true });
  const before = await host.ask<Memory>('memory');
  const clock = await clockOf(host);
  await load.ask('mark');
  await clock.start();
  await load.ask('setUp', { port, first: false });
  const seen = await load.ask<Seen>('take');
  const spent = await clock.stop();
  const after = await host.ask<Memory>('memory');
  return {
    cost: (after.rss - before.rss) / 1_000 / scenario.clients,
    heap: (after.heap - before.heap) / 1_000 / scenario.clients,
    rate: scenario.clients / seen.seconds,
    loadBusy: seen.busy,
    saturated: false,
    ...sharesOf(spent),
    // Memory does not depend on who else is busy.
    clean: true,
  };
}

interface Spent {
  /** In ns. */
  readonly wall: number;
  readonly server: number;
  /** Of the server's CPU, by anybody. */
  readonly all: number | undefined;
}

interface Clock {
  start(): Promise<void>;
  stop(): Promise<Spent>;
}

/** Reads the kernel's counters, or asks the server where there are none. */
async function clockOf(host: Child): Promise<Clock> {
  const serverTime = async (): Promise<number> => processTime(host.pid) ?? (await host.ask<number>('cpu'));
  let [server, all, wall] = [0, busyTime(SERVER_CPU), 0];
  return {
    start: async () => {
      server = await serverTime();
      all = busyTime(SERVER_CPU);
      wall = performance.now();
    },
    stop: async () => {
      const allNow = busyTime(SERVER_CPU);
      const wallNow = performance.now();
      return {
        server: (await serverTime()) - server,
        all: all === undefined || allNow === undefined ? undefined : allNow - all,
        wall: (wallNow - wall) * 1_000_000,
      };
    },
  };
}

function sharesOf({ wall, server, all }: Spent): Pick<Run, 'serverBusy' | 'foreign' | 'clean'> {
  const serverBusy = server / wall;
  // Without pinning there is no CPU of the server that others could take.
  if (all === undefined || !canPin) return { serverBusy, clean: true };
  const foreign = Math.max(0, (all - server) / wall);
  return { serverBusy, foreign, clean: foreign <= FOREIGN };
}

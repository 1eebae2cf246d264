/** One run: a server and a load in fresh processes, warmed up, measured for a while, and ended. */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ANY_CPU, Child, canPin } from '../child.ts';
import { busyTime, familyMemory, familyTime } from '../cpu.ts';
import type { Latency } from '../load/driver.ts';
import type { Seen } from '../load/main.ts';
import type { Scenario, ServerName } from '../scenarios.ts';
import type { Memory } from '../servers/start.ts';

const SERVER_CPU = 0;
export const LOAD_CPU = 1;
/** More than this share of the server's CPU for others, and the run does not count as clean. */
export const FOREIGN = 0.06;
/** A load busier than this may have been what limits the throughput. */
export const SATURATED = 0.95;
/** How long messages that come before the measurement may take, in ms. */
const PATIENCE = 15_000;
/** How long a server may take to end by itself, in ms. */
const FAREWELL = 1_000;

export interface Run {
  readonly scenario: string;
  readonly server: ServerName;
  readonly round: number;
  /** What ratios are made of: CPU in µs per message or request, or kB of RSS per session. */
  readonly cost: number;
  /** Live heap in kB per session, of idle sessions only. */
  readonly heap?: number;
  /** CPU in µs for a session that connects and subscribes, of idle sessions only. */
  readonly arrival?: number;
  /** Messages, requests or sessions per second. */
  readonly rate: number;
  readonly latency?: Latency;
  /** MB that the server grew by while some subscribers did not read. */
  readonly grown?: number;
  /** Shares of one CPU: of the server, of the load, and of everybody else on the server's CPU. */
  readonly serverBusy: number;
  readonly loadBusy: number;
  readonly foreign?: number;
  readonly clean: boolean;
  readonly saturated: boolean;
}

/** A run that came to nothing. */
export interface Failure {
  readonly scenario: string;
  readonly server: ServerName;
  readonly round: number;
  readonly reason: string;
}

export interface Plan {
  /** Seconds measured, and seconds before. */
  readonly seconds: number;
  readonly warmUp: number;
  /** Seconds that a server may take to come to rest after the warming up. */
  readonly settle: number;
  /** How often a run that is not clean is repeated. */
  readonly retries: number;
  /** Where CPU profiles of servers in Node.js go; undefined for none. */
  readonly profile: string | undefined;
}

/** Repeats a run in which others disturbed the server; the last one stays, even when it is not clean. */
export async function run(scenario: Scenario, server: ServerName, round: number, plan: Plan): Promise<Run> {
  for (let retries = 0; ; retries++) {
    const result = await once(scenario, server, round, plan);
    if (result.clean || retries >= plan.retries) return result;
  }
}

async function once(scenario: Scenario, server: ServerName, round: number, plan: Plan): Promise<Run> {
  const isPinned = scenario.cores === 1;
  const what = [server, JSON.stringify(scenario)];
  const host = new Child('./servers/main.js', what, isPinned ? SERVER_CPU : ANY_CPU);
  const load = new Child('./load/main.js', what, isPinned ? LOAD_CPU : ANY_CPU);
  try {
    const port = await host.ask<number>('listen');
    const measured =
      scenario.kind === 'idle'
        ? await sessions(scenario, host, load, port)
        : await traffic(scenario, host, load, port, plan, `${scenario.name}-${server}-${round}`);
    return { scenario: scenario.name, server, round, ...measured };
  } finally {
    // The load first, or it would tell how it lost its server.
    await load.end();
    // One that is gone already needs no telling.
    const told = host.ask('stop').catch(() => undefined);
    await Promise.race([told, wait(FAREWELL, undefined, { ref: false })]);
    await host.end();
  }
}

type Measured = Omit<Run, 'scenario' | 'server' | 'round'>;

async function traffic(
  scenario: Scenario,
  host: Child,
  load: Child,
  port: number,
  plan: Plan,
  name: string,
): Promise<Measured> {
  await load.ask('setUp', { port, first: false });
  const small = familyMemory(host.pid);
  await load.ask('mark');
  await load.ask('start');
  await wait(plan.warmUp * 1_000);
  await heardBefore(scenario, load);
  await Promise.race([host.ask('settle'), wait(plan.settle * 1_000, undefined, { ref: false })]);
  const clock = await clockOf(host, scenario.cores === 1);
  if (plan.profile !== undefined) await host.ask('profile');
  await load.ask('mark');
  await clock.start();
  await wait(plan.seconds * 1_000);
  const seen = await load.ask<Seen>('take');
  const spent = await clock.stop();
  if (plan.profile !== undefined) await host.ask('keepProfile', join(plan.profile, `${name}.cpuprofile`));
  const large = familyMemory(host.pid);
  if (seen.done === 0) throw new Error('Nothing was delivered');
  const held = scenario.stopped > 0 && small !== undefined && large !== undefined;
  return {
    cost: spent.server / 1_000 / seen.done,
    rate: seen.done / seen.seconds,
    latency: seen.latency,
    ...(held && { grown: (large - small) / 1e6 }),
    loadBusy: seen.busy,
    saturated: seen.busy > SATURATED,
    ...sharesOf(spent),
  };
}

/** Resolves when every subscriber has had as many messages as the scenario wants, or after a while without. */
async function heardBefore({ before, clients }: Scenario, load: Child): Promise<void> {
  for (const from = performance.now(); before > 0 && performance.now() - from < PATIENCE; await wait(100)) {
    if ((await load.ask<Seen>('take')).done >= before * clients) return;
  }
}

async function sessions(scenario: Scenario, host: Child, load: Child, port: number): Promise<Measured> {
  const { clients } = scenario;
  await load.ask('setUp', { port, first: true });
  const before = await host.ask<Memory>('memory');
  const clock = await clockOf(host, true);
  await load.ask('mark');
  await clock.start();
  await load.ask('setUp', { port, first: false });
  const seen = await load.ask<Seen>('take');
  const spent = await clock.stop();
  const after = await host.ask<Memory>('memory');
  return {
    cost: (after.rss - before.rss) / 1_000 / clients,
    heap: (after.heap - before.heap) / 1_000 / clients,
    arrival: spent.server / 1_000 / clients,
    rate: clients / seen.seconds,
    loadBusy: seen.busy,
    saturated: seen.busy > SATURATED,
    ...sharesOf(spent),
  };
}

interface Spent {
  /** In ns. */
  readonly wall: number;
  readonly server: number;
  /** Of the server's CPU, by anybody; `undefined` when it has none of its own, or the kernel does not tell. */
  readonly all: number | undefined;
}

interface Clock {
  start(): Promise<void>;
  stop(): Promise<Spent>;
}

/** Reads the kernel's counters, or asks the server where there are none. */
async function clockOf(host: Child, isPinned: boolean): Promise<Clock> {
  const serverTime = async (): Promise<number> => familyTime(host.pid) ?? (await host.ask<number>('cpu'));
  const allTime = (): number | undefined => (isPinned && canPin ? busyTime(SERVER_CPU) : undefined);
  let [server, all, wall] = [0, allTime(), 0];
  return {
    start: async () => {
      server = await serverTime();
      all = allTime();
      wall = performance.now();
    },
    stop: async () => {
      const allNow = allTime();
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
  if (all === undefined) return { serverBusy, clean: true };
  const foreign = Math.max(0, (all - server) / wall);
  return { serverBusy, foreign, clean: foreign <= FOREIGN };
}

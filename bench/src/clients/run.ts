/** One run: a server and a client in fresh processes, warmed up, measured for a while, and ended. */
import { setTimeout as wait } from 'node:timers/promises';
import { Child, canPin } from '../child.ts';
import { busyTime, processTime } from '../cpu.ts';
import type { Done } from './main.ts';
import type { ClientName, ClientScenario, Transport } from './scenarios.ts';
import type { Address } from './server.ts';

/** The conductor sits here, too: the client shall be alone. */
export const SERVER_CPU = 0;
export const CLIENT_CPU = 1;
/** More than this share of the client's CPU for others, and the run does not count as clean. */
const FOREIGN = 0.06;
/** Warm is who has dealt with so many messages: their code is compiled then. */
const WARM: Readonly<Record<Transport, number>> = { websocket: 10_000, 'long-polling': 2_000 };
/** Bounds of the warming up, in seconds: a slow client is not waited for for ever. */
const LEAST = 1;
const MOST = 4;

export interface ClientRun {
  readonly scenario: string;
  readonly client: ClientName;
  readonly round: number;
  /** CPU of the client in µs per message. */
  readonly cost: number;
  /** Messages per second. */
  readonly rate: number;
  /** Shares of one CPU: of the client, of the server, and of everybody else on the client's CPU. */
  readonly clientBusy: number;
  readonly serverBusy: number;
  readonly foreign?: number;
  readonly clean: boolean;
}

export interface ClientFailure {
  readonly scenario: string;
  readonly client: ClientName;
  readonly round: number;
  readonly reason: string;
}

export interface Plan {
  /** Seconds measured. */
  readonly seconds: number;
  /** How often a run that is not clean is repeated. */
  readonly retries: number;
}

/** Repeats a run in which others disturbed the client; the last one stays, even when it is not clean. */
export async function run(
  scenario: ClientScenario,
  client: ClientName,
  round: number,
  { seconds, retries: most }: Plan,
): Promise<ClientRun> {
  for (let retries = 0; ; retries++) {
    const result = { scenario: scenario.name, client, round, ...(await once(scenario, client, seconds)) };
    if (result.clean || retries === most) return result;
  }
}

type Measured = Omit<ClientRun, 'scenario' | 'client' | 'round'>;

async function once(scenario: ClientScenario, client: ClientName, seconds: number): Promise<Measured> {
  const server = new Child('./clients/server.js', [client, scenario.name], SERVER_CPU);
  const guest = new Child('./clients/main.js', [client, scenario.name], CLIENT_CPU);
  try {
    await guest.ask('setUp', await server.ask<Address>('listen'));
    const transports = await server.ask<string[]>('transports');
    if (transports.join() !== scenario.transport) throw new Error(`The client uses '${transports.join()}'`);
    await Promise.all([server.ask('start'), guest.ask('start')]);
    await warmUp(guest, WARM[scenario.transport]);
    return await measure(server, guest, seconds);
  } finally {
    // The client first, or it would tell how it lost its server.
    await guest.end();
    await server.end();
  }
}

async function warmUp(guest: Child, messages: number): Promise<void> {
  await guest.ask('mark');
  const begin = performance.now();
  for (;;) {
    await wait(100);
    const seconds = (performance.now() - begin) / 1_000;
    if (seconds < LEAST || (seconds < MOST && (await guest.ask<Done>('take')).messages < messages)) continue;
    return;
  }
}

async function measure(server: Child, guest: Child, seconds: number): Promise<Measured> {
  await guest.ask('mark');
  const before = readings(server, guest);
  await wait(seconds * 1_000);
  const done = await guest.ask<Done>('take');
  const after = readings(server, guest);
  if (done.messages === 0) throw new Error('The traffic stalled: no message in all the time');
  const wall = done.seconds * 1e9;
  const spent = (pick: keyof Readings): number | undefined => {
    const [from, to] = [before[pick], after[pick]];
    return from === undefined || to === undefined ? undefined : to - from;
  };
  const client = spent('client') ?? done.cpu;
  const all = spent('all');
  const shares = {
    cost: client / 1_000 / done.messages,
    rate: done.messages / done.seconds,
    clientBusy: client / wall,
    serverBusy: (spent('server') ?? 0) / wall,
  };
  // Without pinning there is no CPU of the client that others could take.
  if (all === undefined || !canPin) return { ...shares, clean: true };
  const foreign = Math.max(0, (all - client) / wall);
  return { ...shares, foreign, clean: foreign <= FOREIGN };
}

/** In ns, since each process or the machine began. */
interface Readings {
  readonly client: number | undefined;
  readonly server: number | undefined;
  readonly all: number | undefined;
}

function readings(server: Child, guest: Child): Readings {
  return { client: processTime(guest.pid), server: processTime(server.pid), all: busyTime(CLIENT_CPU) };
}

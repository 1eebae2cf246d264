/** `cometd serve --workers`: the process that starts the others, watches over them, and answers operators. */
import cluster from 'node:cluster';
import type { ServeArguments } from '../arguments.ts';
import { Complaint } from '../complaint.ts';
import type { Configured, WorkersOptions } from '../config.ts';
import { farewell } from '../farewell.ts';
import { announce, createManagement, listen, originOf } from '../listener.ts';
import { Crew } from './crew.ts';
import { Pages } from './pages.ts';
import { Reception } from './reception.ts';

/** What workers run. */
export interface Program {
  readonly exec: string;
  readonly args: readonly string[];
}

/** How much longer than `--drain` workers may take to end, in ms. */
const LAST_GRACE = 5_000;

/** Serves until SIGTERM or SIGINT; a second signal ends it at once. Throws `Complaint` when there is no way to go on. */
export async function supervise(
  given: ServeArguments,
  { bayeux, place }: Configured,
  { count }: WorkersOptions,
  program: Program,
): Promise<void> {
  if (!cluster.isPrimary)
    throw new Complaint(
      '--workers cannot be had where this process is a worker itself: leave it out, or start cometd alone',
    );
  const { diagnostics } = bayeux;
  const reception = new Reception(diagnostics);
  const patience = given.drain + LAST_GRACE;
  const crew: Crew = new Crew({
    ...program,
    count,
    reception,
    patience,
    diagnostics,
    page: (name) => pages.page(name),
  });
  const pages = new Pages(crew, await metricsOf(crew, count, place !== null));
  const management = place?.port === undefined ? null : createManagement(pages.listener);
  const close = management && farewell(management);
  obeySignals(crew);
  try {
    const port = await reception.open({ ...given, choice: '--port or PORT' });
    let url: string | undefined;
    if (management && place?.port !== undefined) {
      const own = await listen(management, { port: place.port, host: place.host, choice: '--management' });
      url = originOf('http', place.host, own);
    }
    await crew.start();
    if (crew.hasStarted) announce(given, port, url);
    await crew.ended;
  } finally {
    reception.close();
    await close?.();
  }
}

function obeySignals(crew: Crew): void {
  let isLeaving = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (isLeaving) {
      crew.kill();
      process.exit(1);
    }
    isLeaving = true;
    crew.end(signal === 'SIGTERM' ? 'drain' : 'stop');
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
}

/** The metrics of the supervisor and its crew, when somebody is to see them. */
async function metricsOf(crew: Crew, count: number, isWanted: boolean): Promise<() => Promise<string>> {
  if (!isWanted) return async () => '';
  const { default: prometheus } = await import('prom-client');
  const registry = new prometheus.Registry();
  registry.setDefaultLabels({ worker: 'supervisor' });
  prometheus.collectDefaultMetrics({ register: registry });
  const crewRegistry = new prometheus.Registry();
  const registers = [crewRegistry];
  new prometheus.Gauge({
    name: 'cometd_workers',
    help: 'Workers that are wanted, and that serve.',
    labelNames: ['state'],
    registers,
    collect() {
      this.set({ state: 'wanted' }, count);
      this.set({ state: 'serving' }, crew.listening);
    },
  });
  new prometheus.Counter({
    name: 'cometd_workers_ended_total',
    help: 'Workers that have ended without being told to.',
    registers,
    collect() {
      this.reset();
      this.inc(crew.ends);
    },
  });
  return async () => `${await registry.metrics()}\n${await crewRegistry.metrics()}`;
}

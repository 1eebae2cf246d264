/** The process of one server: starts the one named on the command line and tells its port, CPU time and memory. */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { answer, measureInstead } from '../child.ts';
import type { Scenario, ServerName } from '../scenarios.ts';
import { starts } from './all.ts';
import type { Memory, Served } from './start.ts';

/** Between two samples of a profile, in µs. */
const SAMPLING = 200;

const [name, json] = process.argv.slice(2) as [ServerName, string];
const scenario = JSON.parse(json) as Scenario;
let served: Served | undefined;
let profiler: Session | undefined;

answer({
  listen: async () => {
    const { start } = await starts[name](scenario);
    served = await start(scenario);
    if (served.pid !== undefined) measureInstead(served.pid);
    return served.port;
  },
  cpu: () => served?.cpu?.() ?? cpuHere(),
  memory: () => served?.memory?.() ?? memoryHere(),
  settle: () => served?.settle?.(),
  profile,
  keepProfile,
  stop: () => served?.stop?.(),
});
process.on('exit', () => served?.stop?.());

/** Begins a CPU profile, where this process is the server. */
async function profile(): Promise<void> {
  if (served?.pid !== undefined) return;
  profiler = new Session();
  profiler.connect();
  await profiler.post('Profiler.enable');
  await profiler.post('Profiler.setSamplingInterval', { interval: SAMPLING });
  await profiler.post('Profiler.start');
}

async function keepProfile(file: string): Promise<void> {
  const taken = await profiler?.post('Profiler.stop');
  if (taken) writeFileSync(file, JSON.stringify(taken.profile));
}

/** In ns. */
function cpuHere(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1_000;
}

async function memoryHere(): Promise<Memory> {
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.();
    await turn();
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
}

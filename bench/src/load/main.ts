/** The process of the load: connects the clients, keeps them busy, and tells what was delivered and how long it took. */
import { answer } from '../child.ts';
import type { Scenario, ServerName } from '../scenarios.ts';
import { driverOf } from './drive.ts';
import type { Driver, Latency } from './driver.ts';
import { connectOf } from './peer.ts';

const [server, json] = process.argv.slice(2) as [ServerName, string];
const scenario = JSON.parse(json) as Scenario;

/** What the load saw since the last `mark`. */
export interface Seen {
  readonly done: number;
  readonly seconds: number;
  /** Share of one CPU that the load itself took. */
  readonly busy: number;
  readonly latency: Latency;
}

let driver: Driver | undefined;
let markedAt = 0;
let markedCpu: NodeJS.CpuUsage;

answer({
  setUp: async ({ port, first }: { readonly port: number; readonly first: boolean }) => {
    // Socket.IO emits to all its clients, so the publisher receives a copy too.
    const echoes = server === 'socket.io';
    driver ??= driverOf({ connect: await connectOf(server, scenario), scenario, port, echoes });
    await driver.setUp(first);
  },
  start: () => driver?.start?.(),
  mark: () => {
    driver?.reset();
    markedAt = performance.now();
    markedCpu = process.cpuUsage();
  },
  take: (): Seen => {
    const milliseconds = performance.now() - markedAt;
    const { user, system } = process.cpuUsage(markedCpu);
    if (!driver) throw new Error('Nothing was set up');
    driver.check?.();
    const { done, latency } = driver;
    return { done, seconds: milliseconds / 1_000, busy: (user + system) / 1_000 / milliseconds, latency };
  },
});

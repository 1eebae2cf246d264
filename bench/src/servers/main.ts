/** The process of one server: starts the one named on the command line and tells its port, CPU time and memory. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { answer } from '../child.ts';
import type { ScenarioName, ServerName } from '../scenarios.ts';
import type { Start } from './start.ts';

const [name, scenario] = process.argv.slice(2) as [ServerName, ScenarioName];

const starts: Readonly<Record<ServerName, () => Promise<{ readonly start: Start }>>> = {
  ours: () => import('./ours.ts'),
  'socket.io': () => import('./socket-io.ts'),
  faye: () => import('./faye.ts'),
  'cometd-nodejs-server': () => import('./cometd-nodejs-server.ts'),
  floor: () => import('./floor.ts'),
};

const http = createServer();
// Idle keep-alive connections must not vanish between two polls, whoever the server is.
http.keepAliveTimeout = 120_000;
const { start } = await starts[name]();
start(http, scenario);

answer({
  listen: () =>
    new Promise<number>((resolve) => {
      http.listen({ port: 0, host: '127.0.0.1', backlog: 2_048 }, () => resolve((http.address() as AddressInfo).port));
    }),
  /** Where /proc does not tell. In ns. */
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) * 1_000;
  },
  memory: async () => {
    for (let i = 0; i < 5; i++) {
      globalThis.gc?.();
      await turn();
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    return { rss, heap: heapUsed + external };
  },
});

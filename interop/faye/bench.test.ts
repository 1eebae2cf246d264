/** `cometd bench client` measures a Faye server, which knows nothing of it. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { main } from '@cometd-ts/cli';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

const faye = createRequire(import.meta.url)('faye') as {
  NodeAdapter: new (options: { mount: string }) => { attach(server: Server): void };
};
const server = createServer();
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cometd-bench-faye-'));
  new faye.NodeAdapter({ mount: '/bayeux' }).attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await rm(folder, { recursive: true });
});

it.each(['websocket', 'long-polling'])('every message arrives over %s, and is measured', async (transport) => {
  vi.spyOn(console, 'log').mockReturnValue();
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const file = path.join(folder, 'result.json');
  const { port } = server.address() as AddressInfo;
  const place = ['--yes', '--host', '127.0.0.1', '--port', String(port), '--path', '/bayeux', '--processes', '1'];
  const load = [
    '--clients',
    '6',
    '--rooms',
    '3',
    '--rooms-per-client',
    '2',
    '--batch-count',
    '20',
    '--batch-size',
    '2',
  ];
  expect(await main(['bench', 'client', ...place, ...load, '--transport', transport, '--json', file], {})).toBe(0);
  vi.restoreAllMocks();
  const { runs } = JSON.parse(await readFile(file, 'utf8'));
  expect(runs).toMatchObject([{ refused: 0, lost: 0, server: null, outgoing: { messages: 40 } }]);
  expect(runs[0].latency.count).toBe(runs[0].expected);
});

/** `cometd bench client` measures a CometD 8 server, which knows nothing of it. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { main } from '@cometd-ts/cli';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { launchJava } from './launch-java.ts';

let server: ReturnType<typeof launchJava>;
let port = '';
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cometd-bench-java-'));
  server = launchJava('OracleServer', '0');
  const [line] = await once(createInterface({ input: server.stdout }), 'line');
  [, port = ''] = String(line).split(' ');
});

afterAll(async () => {
  const gone = once(server, 'exit');
  server.stdin.end();
  await gone;
  await rm(folder, { recursive: true });
});

it.each([
  ['websocket', []],
  ['websocket', ['--ack']],
  ['long-polling', []],
])('every message arrives over %s %j, and is measured', async (transport, more) => {
  vi.spyOn(console, 'log').mockReturnValue();
  const file = path.join(folder, 'result.json');
  const place = ['--yes', '--host', '127.0.0.1', '--port', port, '--processes', '1', '--json', file];
  const load = ['--clients', '20', '--rooms', '5', '--rooms-per-client', '2', '--batch-count', '50'];
  expect(await main(['bench', 'client', ...place, ...load, '--transport', transport, ...more], {})).toBe(0);
  const { runs } = JSON.parse(await readFile(file, 'utf8'));
  expect(runs).toMatchObject([{ refused: 0, lost: 0, server: null, outgoing: { messages: 500 } }]);
  expect(runs[0].latency.count).toBe(runs[0].expected);
});

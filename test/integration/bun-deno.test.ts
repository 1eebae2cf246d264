/** The client's Node.js entry under Bun and Deno, which come from npm on demand: they are too big to be installed by all. */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BayeuxServer } from '@cometd-ts/server';
import { certificate, furnish } from '@cometd-ts/testkit';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

const runtimes = [
  { name: 'Bun', of: 'bun@1.4.5', command: ['bun', '--conditions=source'] },
  { name: 'Deno', of: 'deno@2.9.6', command: ['deno', 'run', '--allow-all', '--conditions=source'] },
];
const repository = join(import.meta.dirname, '../..');
const visit = join(repository, 'packages/client/test/node/visit-platform.ts');
const session = join(repository, 'test/integration/bun-deno-visit.ts');

/** A furnished server on a free port, and every upgrade it saw; gone when the test is. */
async function serve(secure: boolean): Promise<{ url: string; cert: string; upgradeCookies: (string | undefined)[] }> {
  const pair = secure ? await certificate() : { private: '', cert: '' };
  const server: Server = secure ? createSecureServer({ key: pair.private, cert: pair.cert }) : createServer();
  const bayeux = new BayeuxServer();
  furnish(bayeux);
  bayeux.attach(server, { path: '/cometd' });
  const upgradeCookies: (string | undefined)[] = [];
  server.on('upgrade', (request) => upgradeCookies.push(request.headers.cookie));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    await bayeux.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `${secure ? 'https' : 'http'}://127.0.0.1:${port}/cometd`, cert: pair.cert, upgradeCookies };
}

/** Runs a program to its end; rejects, with what it complained about, unless it ended well. */
function run(command: readonly string[], ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const [program = '', ...first] = command;
    const child = spawn(program, [...first, ...args], { cwd: repository, stdio: ['ignore', 'pipe', 'pipe'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    let output = '';
    let complaints = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints += text;
    });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`exit ${code}: ${complaints}`))));
  });
}

describe.each(runtimes)('Under $name', ({ of, command: [program = '', ...options] }) => {
  let home = '';
  let command: string[] = [];
  let missing = '';

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'cometd-runtime-'));
    try {
      const args = ['install', '--prefix', home, '--no-save', '--no-audit', '--no-fund', of];
      await promisify(execFile)('npm', args, { cwd: home });
      command = [join(home, 'node_modules/.bin', program), ...options];
    } catch (error) {
      missing = `npm cannot fetch ${of}: ${String((error as { stderr?: string }).stderr ?? error).split('\n')[0]}`;
    }
  }, 180_000);
  afterAll(() => rm(home, { recursive: true, force: true }));

  test('a platform of Node.js speaks Bayeux over HTTP and WebSocket with one cookie', async ({ skip }) => {
    if (missing) skip(missing);
    const { url, upgradeCookies } = await serve(false);
    const said = JSON.parse(await run([...command, visit], url));
    expect(said).toEqual({ byHttp: 'ä€😀', byWebSocket: 'ä€😀', untrusted: [] });
    expect(upgradeCookies).toEqual([expect.stringMatching(/^BAYEUX_BROWSER=/)]);
  });

  test('it trusts the certificate it is given, and no other', async ({ skip }) => {
    if (missing) skip(missing);
    const { url, cert, upgradeCookies } = await serve(true);
    const said = JSON.parse(await run([...command, visit], url, cert));
    expect(said).toMatchObject({ byHttp: 'ä€😀', byWebSocket: 'ä€😀' });
    const refused = expect.stringMatching(/self.signed|certificate/i);
    expect(said.untrusted).toEqual([refused, refused]);
    expect(upgradeCookies).toEqual([expect.stringMatching(/^BAYEUX_BROWSER=/)]);
  });

  test.for<[string, boolean]>([
    ['in clear', false],
    ['over TLS', true],
  ])('both clients spend a session over each transport, %s', async ([, secure], { skip }) => {
    if (missing) skip(missing);
    const { url, cert } = await serve(secure);
    const said = JSON.parse(await run([...command, session], url, ...(secure ? [cert] : [])));
    const good = { published: true, heard: 'ä€😀', echoed: 'ä€😀', ended: 'disconnected' };
    expect(said).toEqual({
      'BayeuxClient websocket': { ...good, transport: 'websocket' },
      'BayeuxClient long-polling': { ...good, transport: 'long-polling' },
      'CometD websocket': { ...good, transport: 'websocket' },
      'CometD long-polling': { ...good, transport: 'long-polling' },
      ...(secure && { untrusted: 'unconnected' }),
    });
  });
});

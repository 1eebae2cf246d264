/** `cometd serve` as a person runs it: a process, its output, its exit code, and a client that talks to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:http2';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { certificate, openSession } from '@cometd-ts/testkit';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const built = path.join(root, '.test-build');
let folder: string;
const children: ChildProcess[] = [];

interface Run {
  readonly child: ChildProcess;
  /** What has been printed so far. */
  readonly output: () => string;
  readonly errors: () => string;
  /** Resolves with a line on standard output that matches, or rejects when the process ends without it. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
}

function run(args: readonly string[], env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [path.join(built, 'cometd.js'), ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const line = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(output);
        if (match) resolve(match);
      };
      child.stdout.on('data', look);
      child.on('close', () => reject(new Error(`ended without ${pattern}; printed:\n${output}${errors}`)));
      look();
    });
  return { child, output: () => output, errors: () => errors, line, ended };
}

async function urlOf(serving: Run): Promise<string> {
  const [, url = ''] = await serving.line(/^CometD is listening on (\S+)$/m);
  return url.replace('localhost', '127.0.0.1');
}

/** Runs a command that is to fail; answers its one sentence. */
async function complaint(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const failing = run(args, env);
  expect(await failing.ended).toBe(1);
  expect(failing.output()).toBe('');
  expect(failing.errors().trim().split('\n')).toHaveLength(1);
  return failing.errors().trim();
}

const local = ['serve', '--port', '0', '--host', '127.0.0.1'];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cometd-cli-'));
  // Bundled from the sources, so that the test needs no build and disturbs none; beside package.json, whose version it tells.
  await build({
    entryPoints: [path.join(root, 'src/index.ts')],
    outfile: path.join(built, 'index.js'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['source'],
    external: ['ws', 'yaml'],
    logLevel: 'silent',
  });
  const start = `import { main } from './index.js';\nprocess.exitCode = await main(process.argv.slice(2), process.env);\n`;
  await writeFile(path.join(built, 'cometd.js'), start);
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await rm(built, { recursive: true, force: true });
});

describe('cometd serve', () => {
  it('prints one line with its URL, and serves clients there', async () => {
    const serving = run(local);
    const url = await urlOf(serving);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/cometd$/);
    const session = await openSession('websocket', url);
    expect((await session.handshake()).successful).toBe(true);
    await session.close();
    expect(serving.output().trim().split('\n')).toHaveLength(1);
  });

  it('honours PORT and HOST, and flags before them', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    taken.close();
    await once(taken, 'close');
    const byEnvironment = run(['serve', '--path', '/bayeux'], { PORT: String(port), HOST: '127.0.0.1' });
    expect(await urlOf(byEnvironment)).toBe(`http://127.0.0.1:${port}/bayeux`);
    const byFlag = run(local, { PORT: String(port) });
    expect(await urlOf(byFlag)).not.toContain(`:${port}/`);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('stops cleanly on %s, sessions and all', async (signal) => {
    const serving = run(local);
    const session = await openSession('websocket', await urlOf(serving));
    await session.handshake();
    serving.child.kill(signal);
    expect(await serving.ended).toBe(0);
    expect(serving.errors()).toBe('');
    await session.close();
  });

  it('takes options from a JSON file, a YAML file, and --set, the later one winning', async () => {
    await writeFile(path.join(folder, 'options.json'), JSON.stringify({ timeout: 111, 'ws.timeout': 222 }));
    await writeFile(path.join(folder, 'options.yaml'), 'timeout: 333\nallowedTransports:\n  - long-polling\n');
    const log = ['--log-level', 'debug'];
    const json = run([...local, ...log, '--config', 'options.json', '--set', 'interval=7']);
    await urlOf(json);
    expect(json.output()).toMatch(/websocket\.timeout = 222/);
    expect(json.output()).toMatch(/longPolling\.timeout = 111/);
    expect(json.output()).toMatch(/websocket\.interval = 7/);
    const yaml = run([
      ...local,
      ...log,
      '--config',
      'options.yaml',
      '--set',
      'timeout=444',
      '--set',
      'limits.maxDepth=9',
    ]);
    const url = await urlOf(yaml);
    expect(yaml.output()).toMatch(/longPolling\.timeout = 444/);
    expect(yaml.output()).toMatch(/limits\.maxDepth = 9/);
    const session = await openSession('long-polling', url);
    expect((await session.handshake()).supportedConnectionTypes).toEqual(['long-polling']);
    await session.close();
  });

  it('speaks TLS, with HTTP/2 and HTTP/1.1', async () => {
    const { private: key, cert } = await certificate();
    await writeFile(path.join(folder, 'key.pem'), key);
    await writeFile(path.join(folder, 'cert.pem'), cert);
    const url = await urlOf(run([...local, '--cert', 'cert.pem', '--key', 'key.pem']));
    expect(url).toMatch(/^https:/);
    const client = connect(url, { ca: cert });
    const stream = client.request({ ':path': '/cometd', ':method': 'OPTIONS' });
    const [headers] = await once(stream, 'response');
    expect(headers[':status']).toBe(200);
    client.destroy();
    const old = request(url, { method: 'OPTIONS', ca: cert }).end();
    const [response] = await once(old, 'response');
    expect([response.statusCode, response.httpVersion]).toEqual([200, '1.1']);
  });

  it('hands the server to the modules of the user', async () => {
    await writeFile(
      path.join(folder, 'services.mjs'),
      `export async function services(bayeux) {
        bayeux.createChannelIfAbsent('/service/echo').channel.addListener('message', (from, channel, message) => {
          from.deliver(null, channel.id, message.data);
        });
      }`,
    );
    const session = await openSession('websocket', await urlOf(run([...local, '--services', 'services.mjs'])));
    await session.handshake();
    await session.connect(0);
    await session.publish('/service/echo', 'hello');
    expect((await session.event('/service/echo')).data).toBe('hello');
    await session.close();
  });

  it('closes foreign origins out, but for those it is told', async () => {
    const url = await urlOf(run([...local, '--allowed-origins', 'https://app.example.com']));
    const ask = async (origin: string) => (await fetch(url, { method: 'OPTIONS', headers: { origin } })).status;
    expect(await ask('https://app.example.com')).toBe(200);
    expect(await ask('https://evil.example.com')).toBe(403);
  });

  it('tells in one sentence that the port is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    expect(await complaint(['serve', '--host', '127.0.0.1', '--port', String(port)])).toMatch(
      new RegExp(`Port ${port} is taken`),
    );
    holder.close();
  });

  it.each([
    [['serve', '--prot', '1'], "There is no flag '--prot'; did you mean '--port'?"],
    [['serve', '--port'], "Option '-p, --port <value>' argument missing"],
    [['serve', '--port', 'x'], "The port must be a number from 0 to 65535, not 'x'"],
    [['serve', '--set', 'timeot=1'], "There is no option 'timeot'; did you mean 'timeout'?"],
    [['serve', '--set', 'timeout=soon'], "The option 'timeout' must be a number, not 'soon'"],
    [['serve', '--set', 'timeout'], "--set takes name=value, not 'timeout'"],
    [['serve', '--set', 'limits.maxDept=3'], 'maxDept'],
    [['serve', '--set', 'logger=x'], "The option 'logger' can only be set in code"],
    [['serve', '--config', 'missing.json'], 'The configuration cannot be read'],
    [['serve', '--config', 'broken.json'], 'The configuration broken.json is not valid JSON'],
    [['serve', '--config', 'broken.yaml'], 'The configuration broken.yaml is not valid YAML'],
    [['serve', '--cert', 'cert.pem'], '--cert and --key belong together'],
    [['serve', '--cert', 'broken.json', '--key', 'broken.json'], 'The certificate and key are not usable'],
    [['serve', '--services', 'missing.mjs'], 'The services missing.mjs cannot be loaded'],
    [
      ['serve', '--services', 'broken.mjs'],
      "The services broken.mjs must export a function, as default or as 'services'",
    ],
    [['serve', '--path', 'cometd'], "The path 'cometd' must begin with a slash"],
    [['serve', '--allowed-origins', 'example.com'], "'example.com' in the option 'allowedOrigins' is no origin"],
    [['swerve'], "There is no command 'swerve'"],
  ])('answers %j with one sentence', async (args, sentence) => {
    await writeFile(path.join(folder, 'broken.json'), '{');
    await writeFile(path.join(folder, 'broken.yaml'), 'a: [');
    await writeFile(path.join(folder, 'broken.mjs'), 'export const services = 1;');
    expect(await complaint(args)).toContain(sentence);
  });

  it('tells how it is used, and its version', async () => {
    for (const [args, text] of [
      [['--help'], 'cometd serve'],
      [['serve', '--help'], '--allowed-origins'],
      [['--version'], '0.1.0'],
    ] as const) {
      const asked = run(args);
      expect(await asked.ended).toBe(0);
      expect(asked.output()).toContain(text);
    }
  });
});

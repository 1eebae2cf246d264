/** `cometd serve` as a person runs it: a process, its output, its exit code, and a client that talks to it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:http2';
import { request } from 'node:https';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import { certificate, openSession } from '@cometd-ts/testkit';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
/** An empty project, in which the command is run; what it has installed is below `installed`. */
let folder: string;
let installed: string;
let command: string;
/** Ended after the test that started them. */
const children: ChildProcess[] = [];
/** Ended after all tests: those of tests that run at the same time. */
const lasting: ChildProcess[] = [];

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

function run(args: readonly string[], env: Record<string, string> = {}, group: ChildProcess[] = children): Run {
  const child = spawn(process.execPath, [command, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  group.push(child);
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
  return url;
}

/** Runs a command that is to fail; answers its one sentence. */
async function complaint(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const failing = run(args, env, lasting);
  expect(await failing.ended).toBe(1);
  expect(failing.output()).toBe('');
  expect(failing.errors().trim().split('\n')).toHaveLength(1);
  return failing.errors().trim();
}

// Each test waits for processes to start, which a busy machine takes its time for.
vi.setConfig({ testTimeout: 30_000 });

const local = ['serve', '--port', '0', '--host', '127.0.0.1'];

/** What is installed from elsewhere. */
const others = ['ws', 'yaml', 'prom-client', 'proxy-agent', 'tough-cookie', '@nats-io/transport-node'];

/** Bundles the sources of one of our packages to where its build would be. */
async function install(name: string, sources: string): Promise<string> {
  const home = path.join(installed, name);
  await build({
    entryPoints: [path.join(sources, 'src/index.ts')],
    outfile: path.join(home, 'dist/index.js'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['source'],
    external: [...others],
    logLevel: 'silent',
  });
  await copyFile(path.join(sources, 'package.json'), path.join(home, 'package.json'));
  return home;
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cometd-cli-'));
  installed = path.join(folder, 'node_modules');
  // From the sources, so that the test needs no build and disturbs none; outside the repository, where nothing else is
  // found by chance, as on the machine of a user.
  const home = await install('@cometd-ts/cli', root);
  command = path.join(home, 'bin/cometd.js');
  await mkdir(path.dirname(command));
  await copyFile(path.join(root, 'bin/cometd.js'), command);
  for (const name of others) {
    await mkdir(path.dirname(path.join(installed, name)), { recursive: true });
    await symlink(path.join(root, '../../node_modules', name), path.join(installed, name), 'junction');
  }
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

afterAll(async () => {
  for (const child of lasting) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
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
    // Nobody reads what a drain would tell: half a second of it is enough.
    const serving = run([...local, '--drain', '500']);
    const session = await openSession('websocket', await urlOf(serving));
    await session.handshake();
    serving.child.kill(signal);
    expect(await serving.ended).toBe(0);
    expect(serving.errors()).toBe('');
    await session.close();
  });

  it('answers a held connect before it leaves', async () => {
    const serving = run([...local, '--drain', '0']);
    const session = await openSession('long-polling', await urlOf(serving));
    await session.handshake();
    await session.connect(0);
    const held = expect(session.connect()).rejects.toThrow('503');
    // The reply to a message sent after it tells that the connect has arrived.
    await session.subscribe('/news');
    serving.child.kill('SIGTERM');
    await held;
    expect(await serving.ended).toBe(0);
    await session.close();
  });

  it('drains on SIGTERM: whoever waits is sent elsewhere, and then it ends', async () => {
    const serving = run([...local, '--drain', '8000']);
    const session = await openSession('websocket', await urlOf(serving));
    await session.handshake();
    await session.connect(0);
    const held = session.connect();
    await session.subscribe('/news');
    serving.child.kill('SIGTERM');
    expect((await held).advice).toMatchObject({ reconnect: 'handshake' });
    expect(await serving.ended).toBe(0);
    await session.close();
    expect(await complaint([...local, '--drain', 'soon'])).toContain("'soon'");
  });

  describe('with management', () => {
    const managementOf = async (serving: Run): Promise<string> => {
      const [, url = ''] = await serving.line(/^Management is listening on (\S+)$/m);
      return url;
    };
    const ask = async (url: string, token?: string) => {
      const response = await fetch(url, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
      return { status: response.status, body: await response.text() };
    };

    it('answers probes on a port of its own, which is for this machine only', async () => {
      const serving = run([...local, '--management', '0']);
      const url = await managementOf(serving);
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      for (const probe of ['livez', 'readyz', 'startupz']) {
        expect(await ask(`${url}/${probe}`)).toEqual({ status: 200, body: '{"status":"ok","reasons":[]}\n' });
      }
      const metrics = await ask(`${url}/metrics`);
      expect(metrics.status).toBe(200);
      expect(metrics.body).toMatch(/^cometd_channels \d+$/m);
      expect(metrics.body).toMatch(/^process_open_fds|^process_cpu_seconds_total/m);
      expect((await ask(`${url}/cometd`)).status).toBe(404);
      expect((await ask(`${await urlOf(serving)}/readyz`)).status).toBe(400);
    });

    it('is not ready as soon as SIGTERM has come, and serves newcomers until that was noticed', async () => {
      const serving = run([...local, '--management', '0', '--drain', '9000', '--notice', '2000']);
      const [url, management] = [await urlOf(serving), await managementOf(serving)];
      serving.child.kill('SIGTERM');
      const draining = { status: 503, body: '{"status":"unavailable","reasons":["draining"]}\n' };
      await vi.waitFor(async () => expect(await ask(`${management}/readyz`)).toEqual(draining), { timeout: 1_000 });
      expect((await ask(`${management}/livez`)).status).toBe(200);
      const session = await openSession('websocket', url);
      expect((await session.handshake()).successful).toBe(true);
      await session.connect(0);
      expect((await session.connect()).advice).toMatchObject({ reconnect: 'handshake' });
      expect(await serving.ended).toBe(0);
      await session.close();
    });

    it('tells that it is starting while the modules of the user are loaded', async () => {
      await writeFile(
        path.join(folder, 'slow.mjs'),
        `import { createServer } from 'node:http';
        export default (bayeux) => new Promise((resolve) => {
          const gate = createServer((request, response) => { response.end(); gate.close(resolve); });
          gate.listen(0, '127.0.0.1', () => console.log('gate ' + gate.address().port));
        });`,
      );
      await writeFile(path.join(folder, 'port.json'), JSON.stringify({ management: { port: 0 } }));
      const probe = createServer().listen(0, '127.0.0.1');
      await once(probe, 'listening');
      const { port } = probe.address() as AddressInfo;
      probe.close();
      await once(probe, 'close');
      const serving = run([...local, '--services', 'slow.mjs', '--config', 'port.json', '--management', String(port)]);
      const [, gate] = await serving.line(/^gate (\d+)$/m);
      const starting = { status: 503, body: '{"status":"unavailable","reasons":["starting"]}\n' };
      expect(await ask(`http://127.0.0.1:${port}/startupz`)).toEqual(starting);
      expect(await ask(`http://127.0.0.1:${port}/readyz`)).toEqual(starting);
      expect((await ask(`http://127.0.0.1:${port}/livez`)).status).toBe(200);
      await fetch(`http://127.0.0.1:${gate}`);
      await urlOf(serving);
      expect((await ask(`http://127.0.0.1:${port}/startupz`)).status).toBe(200);
      expect((await ask(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
    });

    it('is found on a path of the port of the clients by who shows the token', async () => {
      await writeFile(
        path.join(folder, 'management.yaml'),
        'timeout: 20000\nmanagement:\n  path: /ops\n  token: of-the-file\n',
      );
      const byFile = new URL(await urlOf(run([...local, '--config', 'management.yaml']))).origin;
      const byFlag = new URL(
        await urlOf(run([...local, '--management-path', '/ops'], { COMETD_MANAGEMENT_TOKEN: 'of-the-environment' })),
      ).origin;
      for (const [origin, token] of [
        [byFile, 'of-the-file'],
        [byFlag, 'of-the-environment'],
      ] as const) {
        expect((await ask(`${origin}/ops/readyz`)).status).toBe(401);
        expect((await ask(`${origin}/ops/readyz`, `${token}r`)).status).toBe(401);
        expect((await ask(`${origin}/ops/readyz`, token)).status).toBe(200);
        expect((await ask(`${origin}/readyz`, token)).status).toBe(404);
        expect((await ask(`${origin}/ops/nothing`, token)).status).toBe(404);
        expect((await ask(`${origin}/ops/metrics`)).status).toBe(401);
        expect((await ask(`${origin}/ops/metrics`, token)).body).toContain('cometd_channels');
      }
    });

    describe('that cannot be', () => {
      const files = {
        'token.json': '{"management":{"token":"secret"}}',
        'path.json': '{"management":{"url":"/ops"}}',
        'number.json': '{"management":9090}',
        'host.json': '{"management":{"host":1}}',
      };

      beforeAll(async () => {
        for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
      });

      it.concurrent.each([
        [['--management', 'x'], "The port must be a number from 0 to 65535, not 'x'"],
        [['--management', '0', '--management-host', '192.0.2.1'], 'This machine has no address 192.0.2.1'],
        [['--management-path', '/ops'], 'set COMETD_MANAGEMENT_TOKEN'],
        [['--management-path', 'ops', '--config', 'token.json'], "must be such as /ops, not 'ops'"],
        [['--management-path', '/cometd/ops', '--config', 'token.json'], 'must not be below /cometd'],
        [['--config', 'path.json'], "'management' in the configuration has no 'url'"],
        [['--config', 'number.json'], 'must be an object with port, host, path or token'],
        [['--config', 'host.json'], "'management.host' in the configuration must be a string"],
        [['--notice', 'soon'], "not 'soon'"],
      ])('answers %j with one sentence', async (args, sentence) => {
        expect(await complaint([...local, ...args])).toContain(sentence);
      });
    });
  });

  it('cuts off who does not hang up, and leaves in spite of what a module forgot', async () => {
    await writeFile(path.join(folder, 'forgetful.mjs'), 'export default () => { setInterval(() => {}, 1_000); };');
    const serving = run([...local, '--services', 'forgetful.mjs']);
    const { hostname, port } = new URL(await urlOf(serving));
    const silent = connectTcp({ host: hostname, port: Number(port), allowHalfOpen: true });
    await once(silent, 'connect');
    silent.write('POST /cometd HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n');
    silent.on('error', () => silent.destroy());
    serving.child.kill('SIGTERM');
    expect(await serving.ended).toBe(0);
    silent.destroy();
  });

  it('leaves at once when told twice', async () => {
    // The module blocks the clean way for good: it never lets the process come to rest.
    await writeFile(
      path.join(folder, 'busy.mjs'),
      `export default (bayeux) => {
        bayeux.stop = () => new Promise(() => {});
        process.on('SIGTERM', () => console.log('heard'));
      };`,
    );
    const serving = run([...local, '--services', 'busy.mjs']);
    await urlOf(serving);
    serving.child.kill('SIGTERM');
    await serving.line(/^heard$/m);
    serving.child.kill('SIGINT');
    expect(await serving.ended).toBe(1);
  });

  it('listens to this machine only, unless told otherwise; an empty HOST tells nothing', async () => {
    expect(await urlOf(run(['serve', '--port', '0'], { HOST: '', PORT: '' }))).toMatch(/^http:\/\/127\.0\.0\.1:/);
    expect(await urlOf(run(['serve', '--port', '0', '--host', '0.0.0.0']))).toMatch(/^http:\/\/localhost:/);
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
    expect(json.output()).toMatch(/serve\.path = \/cometd/);
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

  describe('with a certificate', () => {
    let cert: string;
    const secure = [...local, '--cert', 'cert.pem', '--key', 'key.pem'];

    beforeAll(async () => {
      const made = await certificate();
      cert = made.cert;
      await writeFile(path.join(folder, 'key.pem'), made.private);
      await writeFile(path.join(folder, 'cert.pem'), cert);
    });

    it('speaks TLS, with HTTP/2 and HTTP/1.1', async () => {
      const url = await urlOf(run(secure));
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

    it('says goodbye to all of them: HTTP/2, WebSocket, and a held connect', async () => {
      const serving = run([...secure, '--drain', '0']);
      const url = await urlOf(serving);
      const polling = await openSession('long-polling', url, { http2: true });
      await polling.handshake();
      await polling.connect(0);
      const held = expect(polling.connect()).rejects.toThrow('503');
      await polling.subscribe('/news');
      const socket = await openSession('websocket', url);
      await socket.handshake();
      const idle = connect(url, { ca: cert });
      await once(idle, 'connect');
      const dismissed = once(idle, 'close');
      serving.child.kill('SIGTERM');
      await Promise.all([dismissed, held]);
      expect(await serving.ended).toBe(0);
      expect(serving.errors()).toBe('');
      await Promise.all([polling.close(), socket.close()]);
    });
  });

  it('reads 16 KiB of header fields, and no more', async () => {
    const url = await urlOf(run(local));
    const ask = async (size: number) => (await fetch(url, { headers: { 'x-long': 'x'.repeat(size) } })).status;
    // Without a message it is no Bayeux; what counts is that it was read.
    expect([await ask(15_000), await ask(16_384)]).toEqual([400, 431]);
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

  it('serves the demos, or says where they are', async () => {
    expect(await complaint([...local, '--demo'])).toContain('The demos are not installed here');
    const demos = path.join(root, '../../demos');
    const home = await install('@cometd-ts/demos', demos);
    await symlink(path.join(demos, 'public'), path.join(home, 'public'), 'junction');
    // The pages bring the client for browsers, as it is published.
    const client = path.join(root, '../client');
    execFileSync(process.execPath, [path.join(client, 'bundle.js')]);
    await symlink(client, path.join(installed, '@cometd-ts/client'), 'junction');
    const url = await urlOf(run([...local, '--demo']));
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(await (await fetch(url)).text()).toMatch(/<!doctype html>/i);
    const session = await openSession('websocket', `${url}cometd`);
    expect((await session.handshake()).successful).toBe(true);
    await session.close();
    expect(await complaint([...local, '--demo', '--path', '/x'])).toContain('The demos want the path /cometd');
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

  describe('that cannot be', () => {
    const files = {
      'broken.json': '{',
      'broken.yaml': 'a: [',
      'logger.json': '{"logger":{}}',
      'port.yaml': 'port: 1',
      'wrong.yaml': 'intervall: 1',
      'list.json': '[]',
      'broken.mjs': 'export const services = 1;',
      'failing.mjs': "export default async () => { throw new Error('no table\\n  at all'); };",
    };

    beforeAll(async () => {
      for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
    });

    // As long as the others complain, for whom this one need not wait.
    it.concurrent('cuts off who dribbles a request, as without TLS', async () => {
      const { private: key, cert } = await certificate();
      await writeFile(path.join(folder, 'slow-key.pem'), key);
      await writeFile(path.join(folder, 'slow-cert.pem'), cert);
      const ways = [local, [...local, '--cert', 'slow-cert.pem', '--key', 'slow-key.pem']];
      const [clear = '', encrypted = ''] = await Promise.all(ways.map((args) => urlOf(run(args, {}, lasting))));
      const slow = [
        connectTcp(Number(new URL(clear).port), '127.0.0.1'),
        connectTls({ port: Number(new URL(encrypted).port), host: '127.0.0.1', ca: cert, ALPNProtocols: ['http/1.1'] }),
      ];
      const answers = slow.map(async (socket) => {
        let answer = '';
        socket.on('data', (chunk) => {
          answer += chunk;
        });
        socket.write('GET /cometd HTTP/1.1\r\nHost: x\r\n');
        await once(socket, 'close');
        return answer.split('\r\n')[0];
      });
      expect(await Promise.all(answers)).toEqual(['HTTP/1.1 408 Request Timeout', 'HTTP/1.1 408 Request Timeout']);
    });

    it.concurrent.each([
      [['serve', '--prot', '1'], "There is no flag '--prot'; did you mean '--port'?"],
      [['serve', '--port'], "The flag '--port' needs a value"],
      [['serve', '--port', '--demo'], "The flag '--port' needs a value"],
      [['serve', '--host='], "The flag '--host' needs a value"],
      [['serve', '--demo=yes'], "The flag '--demo' takes no value"],
      [['serve', '-x'], "There is no flag '-x'"],
      [['serve', 'chat'], "'chat' is no flag"],
      [['serve', '--host', 'nowhere.invalid'], 'nowhere.invalid'],
      [['serve', '--host', '192.0.2.1'], 'This machine has no address 192.0.2.1'],
      [['serve', '--port', 'x'], "The port must be a number from 0 to 65535, not 'x'"],
      [['serve', '--set', 'timeot=1'], "There is no option 'timeot'; did you mean 'timeout'?"],
      [['serve', '--set', 'timeout=soon'], "The option 'timeout' must be a number, not 'soon'"],
      [['serve', '--set', 'timeout'], "--set takes name=value, not 'timeout'"],
      [['serve', '--set', 'limits.maxDept=3'], 'maxDept'],
      [['serve', '--set', 'limits=3'], 'A limit is set by its name'],
      [['serve', '--set', 'logger=x'], "The option 'logger' can only be set in code"],
      [['serve', '--set', 'port=1'], "'port' is no option of the server: give --port"],
      [['serve', '--config', 'logger.json'], "The option 'logger' can only be set in code"],
      [['serve', '--config', 'port.yaml'], "'port' is no option of the server: give --port"],
      [['serve', '--config', 'wrong.yaml'], "There is no option 'intervall'; did you mean 'interval'?"],
      [['serve', '--config', 'list.json'], 'The configuration list.json must be an object of options'],
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
      [['serve', '--services', 'failing.mjs'], 'The services failing.mjs failed: no table'],
      [['serve', '--path', 'cometd'], "The path 'cometd' must begin with a slash"],
      [['serve', '--allowed-origins', 'example.com'], "'example.com' in the option 'allowedOrigins' is no origin"],
      [['swerve'], "There is no command 'swerve'"],
    ])('answers %j with one sentence', async (args, sentence) => {
      expect(await complaint(args)).toContain(sentence);
    });
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

describe('cometd serve on a cluster', () => {
  const secret = 'a secret that is nowhere else';

  /** A port that was free a moment ago: a node has to know its URL before it listens. */
  async function freePort(): Promise<number> {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    taken.close();
    await once(taken, 'close');
    return port;
  }

  async function get(url: string, wanted: RegExp): Promise<string> {
    return vi.waitFor(
      async () => {
        const text = await (await fetch(url)).text();
        expect(text).toMatch(wanted);
        return text;
      },
      { timeout: 20_000, interval: 50 },
    );
  }

  it('is a node: by flags and by a file, with metrics, health, users and services', async () => {
    const [one, two] = [await freePort(), await freePort()];
    const urls = [one, two].map((port) => `http://127.0.0.1:${port}/cometd`) as [string, string];
    await writeFile(
      path.join(folder, 'users.mjs'),
      `export default (bayeux, { oort, seti }) => {
        bayeux.createChannelIfAbsent('/service/user').channel.addListener('message', (sender, _channel, { data }) => {
          if (data.to) seti.sendMessage(data.to, '/service/user', { from: oort.url });
          else seti.associate(data.me, sender);
        });
      };`,
    );
    await writeFile(
      path.join(folder, 'node.yaml'),
      `oort.url: ${urls[1]}
oort.multicast.allow: []
oort.multicast.groupPort: ${await freePort()}
oort:
  secret: ${secret}
  cloud: [${urls.join(', ')}]
  channels: /chat/**
  readyz: degraded
  patience: 200
management: { port: 0 }
`,
    );
    const common = ['--host', '127.0.0.1', '--services', 'users.mjs', '--log-level', 'debug'];
    const first = run(
      [
        'serve',
        '--port',
        String(one),
        ...common,
        '--oort-url',
        urls[0],
        '--oort-channels',
        '/chat/**',
        '--drain',
        '4000',
      ],
      { COMETD_OORT_SECRET: secret },
    );
    await urlOf(first);
    const second = run(['serve', '--port', String(two), ...common, '--config', 'node.yaml']);
    await urlOf(second);
    const [, management] = await second.line(/^Management is listening on (\S+)$/m);
    const metrics = await get(`${management}/metrics`, /cometd_cluster_nodes\{state="joined"\} 1/);
    expect(metrics).toContain('cometd_cluster_state 0');
    expect(metrics).toContain('cometd_cluster_rejected_total{reason="oort_forged"} 0');
    await get(`${management}/readyz`, /"ok"/);

    const [ada, bob] = await Promise.all(urls.map((url) => openSession('websocket', url)));
    for (const session of [ada, bob]) await session?.handshake();
    await bob?.subscribe('/chat/lobby');
    await bob?.publish('/service/user', { me: '__proto__' });
    // Held until bob goes himself.
    const held = bob?.connect().then(
      () => 'answered',
      () => 'cut off',
    );
    const heard = Promise.all([bob?.event('/chat/lobby', 20_000), bob?.event('/service/user', 20_000)]);
    // Presence of a user takes its time to the other node.
    const spoken: unknown[] = [];
    const speaking = setInterval(() => {
      spoken.push(ada?.publish('/chat/lobby', 'across'), ada?.publish('/service/user', { to: '__proto__' }));
    }, 200);
    const [chat, user] = await heard;
    clearInterval(speaking);
    await Promise.all(spoken);
    expect(chat).toMatchObject({ data: 'across' });
    expect(user).toMatchObject({ data: { from: urls[0] } });
    await ada?.close();

    // The drain empties it of clients, then it leaves: the other hears it at once, and is alone.
    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    await get(`${management}/metrics`, /cometd_cluster_nodes\{state="joined"\} 0/);
    await bob?.close();
    expect(await held).toMatch(/answered|cut off/);
    second.child.kill('SIGINT');
    expect(await second.ended).toBe(0);
    const { createHash } = await import('node:crypto');
    const said = first.output() + first.errors() + second.output() + second.errors();
    expect(said).toContain('oort.url');
    expect(said).toContain('websocket.maxMessageSize = 1048576');
    expect(said).not.toContain(secret);
    expect(said).not.toContain(createHash('sha512').update(secret).digest('base64'));
  });

  it('is not ready while the cluster is not whole, if the configuration says so', async () => {
    const port = await freePort();
    await writeFile(
      path.join(folder, 'alone.json'),
      JSON.stringify({
        oort: { url: `http://127.0.0.1:${port}/cometd`, secret, cloud: 'http://127.0.0.1:1/cometd', readyz: 'down' },
        management: { port: 0 },
      }),
    );
    const alone = run(['serve', '--port', String(port), '--host', '127.0.0.1', '--config', 'alone.json']);
    const [, management] = await alone.line(/^Management is listening on (\S+)$/m);
    await get(`${management}/readyz`, /"cluster: down: http:\/\/127\.0\.0\.1:1\/cometd cannot be reached/);
  });

  it.concurrent.each<[string, object, string, Record<string, string>?]>([
    [
      'no secret',
      { url: 'http://a/cometd' },
      'A node of a cluster needs the secret of all nodes: set COMETD_OORT_SECRET',
    ],
    ['no URL', { secret }, 'A node of a cluster needs its URL'],
    ['a URL that is none', { url: 'a/cometd', secret }, 'An Oort URL must be absolute'],
    [
      'a name that is none',
      { url: 'http://a/cometd', secret, chanels: [] },
      "has no 'chanels'; did you mean 'channels'?",
    ],
    ['a name of nothing', { url: 'http://a/cometd', secret, constructor: 1 }, "has no 'constructor'"],
    [
      'multicast that trusts all',
      { url: 'http://a/cometd', secret, multicast: {} },
      'Anybody on the network can call out',
    ],
    ['a multicast name', { url: 'http://a/cometd', secret, multicast: { grupPort: 1 } }, "did you mean 'groupPort'?"],
    [
      'a number that is none',
      { url: 'http://a/cometd', secret, maxBackoff: 'soon' },
      "'oort.maxBackoff' must be a number",
    ],
    ['a number out of range', { url: 'http://a/cometd', secret, maxLinkQueue: -5 }, 'maxLinkQueue'],
    ['a wrong readyz', { url: 'http://a/cometd', secret, readyz: 'up' }, "'oort.readyz' is ignore, down or degraded"],
    ['a secret that is no text', { url: 'http://a/cometd', secret: { it: secret } }, "'oort.secret' must be a text"],
  ])('says in one sentence what keeps it from being a node: %s', async (title, oort, sentence, env) => {
    const file = `${title}.json`;
    await writeFile(path.join(folder, file), JSON.stringify({ oort }));
    const said = await complaint([...local, '--config', file], env);
    expect(said).toContain(sentence);
    expect(said).not.toContain(secret);
  });

  it('takes options by --set, but never the secret', async () => {
    const flags = [...local, '--oort-url', 'http://a/cometd'];
    expect(await complaint([...flags, '--set', `oort.secret=${secret}`])).not.toContain(secret);
    expect(await complaint([...flags, '--set', 'oort.nats.token=open sesame'])).toMatch(/COMETD_NATS_TOKEN/);
    const said = await complaint([...flags, '--set', 'oort.maxBackof=1'], { COMETD_OORT_SECRET: secret });
    expect(said).toContain("did you mean 'maxBackoff'?");
  });
});

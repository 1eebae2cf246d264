/** `cometd serve --workers`: several processes that are one server to their clients. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type AddressInfo, connect, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { BayeuxClient } from '@cometd-ts/client/node';
import { certificate, History, type Mark, RawHttp, RawSession, RawWebSocket } from '@cometd-ts/testkit';
import { CometD } from 'cometd';
import { adapt } from 'cometd-nodejs-client';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { bundleClient, chatVisit, enter } from './chat-visit.ts';
import { type FayeClient, fayeVisit, goodFayeVisit } from './faye-visit.ts';
import { goodVisit, type OfficialClient, officialVisit } from './official-visit.ts';
import { openStage, type Serving, type Stage } from './workers-stage.ts';

// Faye has no types of its own.
const { Client: Faye } = createRequire(import.meta.url)('faye') as {
  Client: new (url: string, options: object) => FayeClient;
};

/** Tells who serves, and does what visitors want. */
const services = `
export default function services(bayeux, { worker }) {
  const answer = (channel, data) => bayeux.createChannelIfAbsent(channel).channel.addListener('message', (from, { id }, message) => {
    from?.deliver(null, { id: message.id ?? '', channel: id, successful: true, data: data(message.data, message.context) });
  });
  answer('/service/echo', (data) => data);
  answer('/service/worker', (_data, context) => ({ ...worker, pid: process.pid, address: context.remoteAddress.address }));
  bayeux.createChannelIfAbsent('/service/kick').channel.addListener('message', (from) => from?.disconnect());
}
`;

// Each test waits for several processes to start, which a busy machine takes its time for.
vi.setConfig({ testTimeout: 60_000 });

let stage: Stage;
let module: string;
beforeAll(async () => {
  stage = await openStage();
  module = await stage.write('services.mjs', services);
});
afterEach(() => stage.clear());
afterAll(() => stage.close());

function workers(count: number, ...flags: string[]): Promise<Serving> {
  return stage.serve(['--workers', String(count), '--services', module, '--log-level', 'warn', ...flags]);
}

/** Sessions over WebSocket, one on each worker. */
async function onEach(count: number, url: string): Promise<Map<number, RawSession>> {
  const sessions = new Map<number, RawSession>();
  await vi.waitFor(
    async () => {
      const session = await enter('websocket', url);
      if (sessions.has(workerOf(session))) await session.close();
      else sessions.set(workerOf(session), session);
      expect([...sessions.keys()].sort()).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    },
    { timeout: 10_000, interval: 10 },
  );
  return sessions;
}

function workerOf({ clientId }: RawSession): number {
  return Number.parseInt(clientId, 36);
}

interface Serves {
  readonly number: number;
  readonly pid: number;
  readonly address: string;
}

async function whoServes(session: RawSession): Promise<Serves> {
  const answer = session.event('/service/worker');
  await session.publish('/service/worker', {});
  return (await answer).data as Serves;
}

describe.each([2, 3])('%i workers', (count) => {
  it('keep a session that polls on ever new connections', async () => {
    const { url } = await workers(count);
    const other = await enter('websocket', url);
    for (let each = 0; each < 2 * count; each++) {
      const session = await enter('long-polling', url);
      expect((await session.subscribe('/news')).successful).toBe(true);
      const seen = new Set<number>();
      for (let number = 0; number < 8; number++) {
        expect((await session.connect(0)).successful).toBe(true);
        seen.add((await whoServes(session)).number);
      }
      expect([...seen]).toEqual([workerOf(session)]);
      const heard = session.event('/news');
      // With the reply, or with the connect that is held.
      const held = session.connect();
      expect((await session.publish('/news', each)).successful).toBe(true);
      expect((await heard).data).toBe(each);
      // What another one says can only come with the connect, which is there by then: it came on a connection of its own.
      expect((await other.publish('/news', 'last')).successful).toBe(true);
      expect((await held).successful).toBe(true);
      expect((await session.disconnect()).successful).toBe(true);
    }
  });

  it('carry what is published on one to all others, once and in order', async () => {
    const { url } = await workers(count);
    const sessions = await onEach(count, url);
    const history = new History();
    for (const [number, session] of sessions) {
      await session.subscribe('/news');
      history.subscribed(String(number), '/news');
    }
    const messages = 100;
    await Promise.all(
      [...sessions].map(async ([number, session]) => {
        for (let each = 0; each < messages; each++) {
          const mark = history.publish(String(number), '/news');
          if ((await session.publish('/news', mark)).successful) history.confirmed(mark);
        }
      }),
    );
    const events = (session: RawSession): Mark[] =>
      session.inbox.all
        .filter(({ channel, data }) => channel === '/news' && data !== undefined)
        .map(({ data }) => data as Mark);
    await vi.waitFor(
      () =>
        expect([...sessions.values()].map((session) => events(session).length)).toEqual(
          Array(count).fill(count * messages),
        ),
      10_000,
    );
    for (const [number, session] of sessions)
      for (const mark of events(session)) history.heard(String(number), '/news', mark);
    expect(history.check()).toEqual({ ghosts: [], unexpected: [], duplicates: [], inversions: [], lost: [] });
  });
});

describe('two workers', () => {
  it('lead a WebSocket to the session it names, wherever it was opened', async () => {
    const { url } = await workers(2);
    const session = await enter('long-polling', url);
    for (let each = 0; each < 6; each++) {
      const socket = new RawSession(await RawWebSocket.open(url));
      onTestFinished(() => socket.close());
      socket.clientId = session.clientId;
      expect((await socket.connect(0)).successful).toBe(true);
      expect(await whoServes(socket)).toMatchObject({ number: workerOf(session), address: '127.0.0.1' });
      await socket.close();
    }
  });

  it('serve all tabs of a browser on one of them', async () => {
    const { url } = await workers(2);
    const tab = await enter('long-polling', url);
    for (let each = 0; each < 6; each++) {
      const http = new RawHttp(url);
      for (const [name, value] of (tab.client as RawHttp).jar) http.jar.set(name, value);
      const other = new RawSession(http);
      onTestFinished(() => other.close());
      await other.handshake();
      expect(workerOf(other)).toBe(workerOf(tab));
    }
    expect((await tab.connect(0)).successful).toBe(true);
  });

  it('refuse what is too large where it comes in, with one answer', async () => {
    const { url } = await workers(2, '--set', 'maxMessageSize=5000');
    const session = await enter('long-polling', url);
    for (let each = 0; each < 4; each++)
      await expect(session.publish('/news', 'x'.repeat(6_000))).rejects.toThrow('413');
  });

  it.each(['websocket', 'long-polling'])(
    'are one server to the official client over %s, also when all workers die',
    async (transport) => {
      adapt();
      const serving = await workers(2, '--set', 'timeout=5000', '--set', 'sweepPeriod=100');
      const report = await officialVisit(new CometD() as unknown as OfficialClient, {
        url: serving.url,
        transport,
        restart: () => killAll(serving, 2),
      });
      expect(report).toEqual(goodVisit);
    },
  );

  it.each(['websocket', 'long-polling'])(
    'are one server to the Faye client over %s, also when all workers die',
    async (transport) => {
      const serving = await workers(2, '--set', 'timeout=5000', '--set', 'sweepPeriod=100');
      const report = await fayeVisit(new Faye(serving.url, { retry: 0.1, timeout: 10 }), {
        transport,
        restart: () => killAll(serving, 2),
      });
      expect(report).toEqual(goodFayeVisit);
    },
  );

  it('speak TLS, HTTP/2 and HTTP/1.1', async () => {
    const { cert, private: key } = await certificate();
    const tls = ['--cert', await stage.write('cert.pem', cert), '--key', await stage.write('key.pem', key)];
    const { url } = await workers(2, ...tls);
    for (const http2 of [true, false]) {
      const sessions: RawSession[] = [];
      for (let each = 0; each < 4; each++) {
        const session = await enter('long-polling', url, { http2 });
        expect((await session.subscribe('/news')).successful).toBe(true);
        sessions.push(session);
      }
      const heard = sessions.map((session) => session.event('/news'));
      const held = sessions.map((session) => session.connect());
      await sessions[0]?.publish('/news', 'hello');
      expect((await Promise.all(heard)).map(({ data }) => data)).toEqual(Array(4).fill('hello'));
      for (const one of held) one.catch(() => undefined);
    }
  });
});

/** Kills the workers one after another, and waits until they are replaced. */
async function killAll(serving: Serving, count: number): Promise<void> {
  for (const session of (await onEach(count, serving.url)).values())
    process.kill((await whoServes(session)).pid, 'SIGKILL');
  await vi.waitFor(() => expect(serving.output().match(/has ended with SIGKILL/g)).toHaveLength(count), 5_000);
}

describe('the chat of the demos on two workers', () => {
  it('is one: members, what is said, and what is whispered', async () => {
    bundleClient();
    const { url } = await stage.serve(['--workers', '2', '--demo']);
    const [anna, ben] = [...(await onEach(2, `${url}cometd`)).values()] as [RawSession, RawSession];
    await chatVisit(anna, ben, () => enter('websocket', `${url}cometd`));
  });
});

describe('a worker that dies', () => {
  it('is replaced; its clients come back by themselves, and those of others notice nothing', async () => {
    const serving = await workers(2);
    const sessions = await onEach(2, serving.url);
    const [staying, going] = [sessions.get(1), sessions.get(2)] as [RawSession, RawSession];
    const polling = await enter('long-polling', serving.url);
    const history = new History();
    const clients = new Map<string, BayeuxClient>();
    /** Those that say they may have missed something: who had come in through the worker that died, too. */
    const gaps = new Set<string>();
    // Enough of them for some to be on either worker.
    for (let each = 0; each < 8; each++) {
      const name = `client ${each}`;
      const client = new BayeuxClient(serving.url, {
        transports: [each % 2 ? 'websocket' : 'long-polling'],
        backoffIncrement: 50,
        logLevel: 'error',
      });
      onTestFinished(() => client.abort());
      client.addListener('status', (status) => {
        if (status.type === 'connected' && status.gap) gaps.add(name);
      });
      await client.handshake();
      await client.getChannel('/news').subscribe(({ data }) => history.heard(name, '/news', data as Mark));
      history.subscribed(name, '/news');
      clients.set(name, client);
    }
    const before = new Map([...clients].map(([name, { id }]) => [name, id ?? '']));
    const isGone = (name: string): boolean => before.get(name)?.startsWith('2-') ?? false;
    const publish = async (): Promise<void> => {
      const mark = history.publish('staying', '/news');
      if ((await staying.publish('/news', mark)).successful) history.confirmed(mark);
    };
    for (let each = 0; each < 20; each++) await publish();
    const { pid } = await whoServes(going);
    const from = performance.now();
    process.kill(pid, 'SIGKILL');
    const begun = { over: false };
    const publishing = (async () => {
      while (!begun.over) await publish();
    })();
    await serving.said(/Worker 2 has ended with SIGKILL/);
    // What is under way there, or names a session of it, is answered as unknown.
    if (workerOf(polling) === 2) {
      expect(await polling.connect()).toMatchObject({
        error: '402::session_unknown',
        advice: { reconnect: 'handshake' },
      });
    } else expect((await polling.connect(0)).successful).toBe(true);
    await vi.waitFor(
      () => {
        for (const [name, client] of clients)
          expect([name, client.isConnected, client.id !== before.get(name)]).toEqual([name, true, isGone(name)]);
      },
      { timeout: 10_000, interval: 50 },
    );
    const again = await onEach(2, serving.url);
    expect((await whoServes(again.get(2) as RawSession)).pid).not.toBe(pid);
    begun.over = true;
    await publishing;
    for (const [name, { transport }] of clients)
      if (transport === 'websocket') expect([name, gaps.has(name)]).toEqual([name, isGone(name)]);
    for (const name of gaps) history.excuse(name, null, from - 1_000);
    const last = history.publish('again', '/news');
    if ((await (again.get(2) as RawSession).publish('/news', last)).successful) history.confirmed(last);
    const heardLast = (): string[] => history.check().lost.filter((line) => line.startsWith('again#'));
    await vi.waitFor(() => expect(heardLast()).toEqual([]), 5_000);
    await vi.waitFor(
      () => expect(history.check()).toEqual({ ghosts: [], unexpected: [], duplicates: [], inversions: [], lost: [] }),
      5_000,
    );
    expect((await staying.publish('/news', history.publish('end', '/news'))).successful).toBe(true);
  });

  it('at every start is not started for ever: the command ends with a sentence and 1', async () => {
    const dying = await stage.write('dying.mjs', 'export default () => { console.error("Oh no"); process.exit(7); };');
    const serving = stage.run(['--workers', '1', '--services', dying, '--log-level', 'error']);
    expect(await serving.ended).toBe(1);
    expect(serving.output()).toMatch(
      /^cometd: Worker 1 has ended 5 times in a row, at last with code 7: see what it has said$/m,
    );
    expect(serving.output()).not.toContain('listening');
  });

  it('after a good start, again and again, ends the command as well, and the others drain', async () => {
    const flag = `${stage.folder}/fail`;
    const later = await stage.write(
      'later.mjs',
      `import { existsSync } from 'node:fs';
       export { default as services } from './services.mjs';
       if (existsSync(${JSON.stringify(flag)})) process.exit(9);`,
    );
    const serving = await stage.serve(['--workers', '2', '--services', later, '--drain', '4000']);
    const sessions = await onEach(2, serving.url);
    await stage.write('fail', '');
    process.kill((await whoServes(sessions.get(2) as RawSession)).pid, 'SIGKILL');
    const staying = sessions.get(1) as RawSession<RawWebSocket>;
    staying.client.post([staying.message('/meta/connect', { connectionType: 'websocket' })]);
    await staying.inbox.next(({ advice }) => advice?.reconnect === 'handshake', 20_000);
    expect(await serving.ended).toBe(1);
    expect(serving.output()).toMatch(/^cometd: Worker 2 has ended \d times in a row/m);
  });

  it('because of what it was told is told in one sentence', async () => {
    const wrong = await stage.write('wrong.mjs', 'export default () => { throw new Error("no database"); };');
    const serving = stage.run(['--workers', '2', '--services', wrong]);
    expect(await serving.ended).toBe(1);
    expect(serving.output()).toBe(`cometd: The services ${wrong} failed: no database\n`);
  });

  it('leaves with SIGTERM when it is asked itself, and another one comes', async () => {
    const serving = await workers(2);
    const sessions = await onEach(2, serving.url);
    const leaving = sessions.get(1) as RawSession;
    const { pid } = await whoServes(leaving);
    const held = leaving.connect();
    process.kill(pid, 'SIGTERM');
    expect((await held).advice).toMatchObject({ reconnect: 'handshake' });
    await leaving.close();
    await serving.said(/Worker 1 has ended with code 0/);
    expect((await (sessions.get(2) as RawSession).connect(0)).successful).toBe(true);
    await onEach(2, serving.url);
  });
});

describe('the port of the workers', () => {
  /** Asks for a page there is not, on a connection of its own. */
  const ask = async (url: string): Promise<number> => (await fetch(new URL('/nothing', url), close)).status;
  const close = { headers: { connection: 'close' } };

  it('belongs to the supervisor from the start: when it is taken that is told at once', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const serving = stage.run(['--workers', '2', '--port', String(port)]);
    expect(await serving.ended).toBe(1);
    expect(serving.output()).toBe(
      `cometd: Port ${port} is taken: stop who has it, or choose another with --port or PORT\n`,
    );
  });

  it('stays with it while all workers are dead, and who comes then is served by those that follow', async () => {
    const gate = `${stage.folder}/closed`;
    const gated = await stage.write(
      'gated.mjs',
      `import { existsSync, unwatchFile, watchFile } from 'node:fs';
       import inner from './services.mjs';
       export default async function services(bayeux, node) {
         inner(bayeux, node);
         if (!existsSync(${JSON.stringify(gate)})) return;
         console.log('waits');
         await new Promise((resolve) => {
           const look = () => existsSync(${JSON.stringify(gate)}) || resolve();
           watchFile(${JSON.stringify(gate)}, { interval: 10 }, look);
           look();
         });
         unwatchFile(${JSON.stringify(gate)});
       }`,
    );
    const serving = await stage.serve(['--workers', '2', '--services', gated]);
    const pids = [];
    for (const session of (await onEach(2, serving.url)).values()) pids.push((await whoServes(session)).pid);
    await stage.write('closed', '');
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await serving.said(/waits.*waits/s);
    const answers = Array.from({ length: 20 }, () => ask(serving.url));
    const other = createServer().listen(Number(new URL(serving.url).port), '127.0.0.1');
    const [refusal] = (await once(other, 'error')) as [NodeJS.ErrnoException];
    expect(refusal.code).toBe('EADDRINUSE');
    await rm(gate);
    expect(await Promise.all(answers)).toEqual(Array(20).fill(404));
  });

  it('leads a connection to another worker when the one that was to have it dies', async () => {
    const serving = await workers(2);
    const sessions = await onEach(2, serving.url);
    const { pid } = await whoServes(sessions.get(1) as RawSession);
    process.kill(pid, 'SIGSTOP');
    let answered = 0;
    const answers = Array.from({ length: 10 }, async () => {
      const status = await ask(serving.url);
      answered++;
      return status;
    });
    // One waits for the worker that does not move; all others are served by the one that does.
    await vi.waitFor(() => expect(answered).toBe(9), 10_000);
    process.kill(pid, 'SIGKILL');
    expect(await Promise.all(answers)).toEqual(Array(10).fill(404));
  });

  it.runIf(existsSync('/usr/bin/prlimit'))('leads connections past a worker that may open no more', async () => {
    const serving = await workers(2);
    const sessions = await onEach(2, serving.url);
    const { pid } = await whoServes(sessions.get(1) as RawSession);
    const limit = (files: number): unknown =>
      execFileSync('/usr/bin/prlimit', ['--pid', String(pid), `--nofile=${files}:`]);
    limit(3);
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(serving.url)));
    expect(answers).toEqual(Array(10).fill(404));
    await serving.said(/^Worker 1 cannot take connections: /m);
    limit(1_000);
    await onEach(2, serving.url);
  });

  it('is no place for those who never finish a request, with TLS or without', async () => {
    const { cert, private: key } = await certificate();
    const tls = ['--cert', await stage.write('cert.pem', cert), '--key', await stage.write('key.pem', key)];
    const answers = [[], tls].map(async (flags) => {
      const { hostname, port, protocol } = new URL((await workers(1, ...flags)).url);
      const where = { host: hostname, port: Number(port), rejectUnauthorized: false };
      const slow = protocol === 'https:' ? connectTls(where) : connect(where);
      onTestFinished(() => void slow.destroy());
      slow.write('POST /cometd HTTP/1.1\r\n');
      const [said] = (await once(slow, 'data')) as [Buffer];
      return [protocol, said.toString().split('\r\n', 1)[0]];
    });
    expect(await Promise.all(answers)).toEqual([
      ['http:', 'HTTP/1.1 408 Request Timeout'],
      ['https:', 'HTTP/1.1 408 Request Timeout'],
    ]);
  });
});

describe('the command with workers', () => {
  it('drains all of them on SIGTERM, and ends with 0', async () => {
    const serving = await workers(2, '--drain', '5000');
    const sessions = [...(await onEach(2, serving.url)).values(), await enter('long-polling', serving.url)];
    const held = sessions.map((session) => session.connect());
    for (const session of sessions) await session.subscribe('/news');
    serving.child.kill('SIGTERM');
    for (const reply of await Promise.all(held)) expect(reply.advice).toMatchObject({ reconnect: 'handshake' });
    expect(await serving.ended).toBe(0);
    expect(serving.output()).not.toContain('has ended');
  });

  it('ends all of them at once on SIGINT', async () => {
    const serving = await workers(3);
    const [session] = [...(await onEach(3, serving.url)).values()];
    serving.child.kill('SIGINT');
    expect(await (session as RawSession<RawWebSocket>).client.closed).toMatchObject({ code: 1012 });
    expect(await serving.ended).toBe(0);
  });

  it('leaves no worker behind when it is killed', async () => {
    const serving = await workers(2);
    const [session] = [...(await onEach(2, serving.url)).values()] as [RawSession];
    const { pid } = await whoServes(session);
    serving.child.kill('SIGKILL');
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), 5_000);
  });

  it('has one place for metrics and health, beside the clients as well', async () => {
    const serving = await stage.serve(
      ['--workers', '2', '--services', module, '--management', '0', '--management-path', '/ops'],
      { COMETD_MANAGEMENT_TOKEN: 'open' },
    );
    const [, management = ''] = await serving.said(/^Management is listening on (\S+)$/m);
    for (const name of ['livez', 'readyz', 'startupz']) {
      const probe = await fetch(`${management}/${name}`);
      expect([name, probe.status, await probe.json()]).toEqual([name, 200, { status: 'ok', reasons: [] }]);
    }
    const sessions = await onEach(2, serving.url);
    const inside = new URL('/ops/metrics', serving.url);
    expect((await fetch(inside)).status).toBe(401);
    for (const text of [
      await (await fetch(`${management}/metrics`)).text(),
      await (await fetch(inside, { headers: { authorization: 'Bearer open' } })).text(),
    ]) {
      expect(text.match(/^# TYPE cometd_sessions /gm)).toHaveLength(1);
      for (const number of sessions.keys())
        expect(text).toMatch(new RegExp(`^cometd_sessions\\{.*worker="${number}".*\\} [1-9]`, 'm'));
      expect(text).toContain('cometd_workers{state="serving"} 2');
      expect(text).toMatch(/^process_cpu_seconds_total\{worker="supervisor"\} /m);
    }
    process.kill((await whoServes(sessions.get(2) as RawSession)).pid, 'SIGKILL');
    const ready = async (): Promise<unknown> => (await fetch(`${management}/readyz`)).json();
    await vi.waitFor(
      async () => expect(await ready()).toEqual({ status: 'unavailable', reasons: ['worker 2: starting'] }),
      {
        timeout: 2_000,
        interval: 5,
      },
    );
    await vi.waitFor(async () => expect(await ready()).toMatchObject({ status: 'ok' }), 10_000);
    expect(await (await fetch(`${management}/metrics`)).text()).toContain('cometd_workers_ended_total 1');
    serving.child.kill('SIGTERM');
    await vi.waitFor(
      async () => expect(await ready()).toEqual({ status: 'unavailable', reasons: ['draining'] }),
      2_000,
    );
    expect(await serving.ended).toBe(0);
  });

  it('takes the number from the environment and from the file', async () => {
    const file = await stage.write('three.yaml', 'workers: 3\n');
    const serving = await stage.serve(['--config', file, '--services', module]);
    const [session] = [...(await onEach(3, serving.url)).values()] as [RawSession];
    const answer = session.event('/service/worker');
    await session.publish('/service/worker', {});
    expect((await answer).data).toMatchObject({ count: 3 });
    stage.clear();
    const two = await stage.serve(['--config', file, '--services', module], { COMETD_WORKERS: '2' });
    expect(await whoServes(await enter('websocket', two.url))).toMatchObject({ count: 2 });
  });

  it.each([
    [['--workers', 'many'], "The number of workers must be auto, or from 1 to 128, not 'many'"],
    [['--workers', '0'], "The number of workers must be auto, or from 1 to 128, not '0'"],
    [
      ['--workers', '2', '--oort-url', 'http://10.0.0.7:8080/cometd'],
      'Workers are a cluster of their own, without oort.url: for a larger one start a node for each core, each with its own port and --oort-url, and leave out --workers',
    ],
    [
      ['--workers', '2', '--cluster', 'nats://127.0.0.1:4222'],
      'Workers are a cluster of their own, without oort.nats: for a larger one start a node for each core, each with its own port and --oort-url, and leave out --workers',
    ],
    [['--workers', '2', '--set', 'maxQueu=1'], "There is no option 'maxQueu'; did you mean 'maxQueue'?"],
  ])('refuses %j', async (flags, sentence) => {
    const serving = stage.run(flags);
    expect(await serving.ended).toBe(1);
    expect(serving.output()).toBe(`cometd: ${sentence}\n`);
  });
});

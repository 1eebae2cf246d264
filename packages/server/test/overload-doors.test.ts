/** What clients notice of each level of overload, on real sockets: who pauses, who stays outside, who has to go. */
import { once } from 'node:events';
import { request } from 'node:http';
import { performance } from 'node:perf_hooks';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { host, Notebook, reaches, takeTheLoop } from './hosting.ts';

/** Levels change within 40 ms of what the test says of the event loop. */
const watchful = { maxEventLoopDelay: 150, sweepPeriod: 20 };

describe('a busy server', () => {
  afterEach(() => void vi.restoreAllMocks());

  it('asks long-pollers to pause, each for another time; who has a WebSocket need not', async () => {
    vi.spyOn(performance, 'eventLoopUtilization').mockReturnValue({ idle: 1, active: 9, utilization: 0.9 });
    const house = await host({ maxEventLoopDelay: 1e6, sweepPeriod: 20 });
    const busy = reaches(house.bayeux, 1);
    const [polling, socket] = [await house.enter('long-polling'), await house.enter('websocket')];
    await busy;
    const intervals: number[] = [];
    for (let index = 0; index < 10; index++) {
      const { advice } = await polling.connect(0);
      expect(advice).toMatchObject({ reconnect: 'retry', timeout: 30_000 });
      intervals.push(Number(advice?.interval));
    }
    expect(Math.min(...intervals)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...intervals)).toBeLessThanOrEqual(2_000);
    expect(new Set(intervals).size).toBeGreaterThan(3);
    expect((await socket.connect(0)).advice?.interval ?? 0).toBe(0);
    expect(house.bayeux.isReady).toBe(true);
    expect(await (await house.knock('long-polling')).handshake()).toMatchObject({ successful: true });
  });

  it('leaves alone who pauses longer anyway', async () => {
    vi.spyOn(performance, 'eventLoopUtilization').mockReturnValue({ idle: 1, active: 9, utilization: 0.9 });
    const house = await host({ maxEventLoopDelay: 1e6, sweepPeriod: 20, interval: 5_000 });
    const busy = reaches(house.bayeux, 1);
    const polling = await house.enter('long-polling');
    await busy;
    expect((await polling.connect(0)).advice?.interval).toBe(5_000);
  });

  it('writes no debug lines', async () => {
    vi.spyOn(performance, 'eventLoopUtilization').mockReturnValue({ idle: 1, active: 9, utilization: 0.9 });
    const log = new Notebook();
    const house = await host({ maxEventLoopDelay: 1e6, sweepPeriod: 20, logger: log, logLevel: 'debug' });
    const busy = reaches(house.bayeux, 1);
    const polling = await house.enter('long-polling');
    await polling.call('no channel', {});
    expect(log.lines.filter((line) => line.startsWith('debug'))).not.toEqual([]);
    await busy;
    log.lines.length = 0;
    await polling.call('no channel', {});
    expect(log.lines).toEqual([]);
  });
});

describe('a server that can no longer do what there is to do', () => {
  it('refuses requests before it has read them, and new connections; who has one is served', async () => {
    const loop = takeTheLoop();
    const house = await host(watchful);
    const here = await house.enter('websocket');
    loop.delay = 501;
    await reaches(house.bayeux, 3);
    expect(house.bayeux.isReady).toBe(false);

    const unread = request(house.url, { method: 'POST', headers: { 'Content-Length': '60000' } });
    unread.on('error', () => undefined);
    unread.flushHeaders();
    const [response] = await once(unread, 'response');
    expect(response.statusCode).toBe(503);
    expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(5);
    expect(Number(response.headers['retry-after'])).toBeLessThanOrEqual(15);
    expect(response.headers.connection).toBe('close');
    unread.destroy();

    const upgrade = request(house.url, {
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      },
    }).end();
    const [refused] = await once(upgrade, 'response');
    expect(refused.statusCode).toBe(503);
    upgrade.destroy();

    expect(house.bayeux.diagnostics.counters.get('limit_hit.maxEventLoopDelay')).toBe(2);
    expect(await here.publish('/a', 1)).toMatchObject({ successful: true });
  });

  it('says so to pages of other origins, too', async () => {
    takeTheLoop().delay = 501;
    const house = await host({ ...watchful, allowedOrigins: ['https://app.example.com'] });
    await reaches(house.bayeux, 3);
    const answer = await fetch(house.url, {
      method: 'POST',
      headers: { Origin: 'https://app.example.com' },
      body: '[]',
    });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
  });

  it('ends the sessions with the longest queues, and leaves those whose queues are short', async () => {
    const loop = takeTheLoop();
    const house = await host(watchful);
    const sides = [];
    for (const size of [200_000, 100_000, 65_536 - 100]) {
      const session = await house.knock('long-polling');
      await session.handshake();
      const side = house.sideOf(session);
      side.deliver(null, '/a', 'x'.repeat(size));
      sides.push(side);
    }
    const [longest, longer, short] = sides;
    const ended: unknown[] = [];
    const both = new Promise<void>((resolve) => {
      house.bayeux.addListener('sessionRemoved', (session) => {
        ended.push(session);
        if (ended.length === 2) resolve();
      });
    });
    loop.delay = 501;
    await both;
    expect(ended).toEqual([longest, longer]);
    expect(short?.isHandshook).toBe(true);
    expect(house.bayeux.diagnostics.counters.get('sessions_ended.overflow')).toBe(2);
    expect(house.bayeux.diagnostics.counters.get('queue_dropped.disconnect')).toBe(2);
  });
});

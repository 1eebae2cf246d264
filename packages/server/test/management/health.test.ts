/** What probes are told: each state of a server, and what the application adds. */
import { type HealthCheck, healthEndpoints, type ServerOptions } from '@cometd-ts/server';
import { launch, openSession } from '@cometd-ts/testkit';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { found, Notebook, reaches, takeTheLoop } from '../hosting.ts';

async function house(
  checks: Readonly<Record<string, HealthCheck>> = {},
  path = '',
  options: ServerOptions = { maxHandshakeRate: 0 },
) {
  const log = new Notebook();
  const bayeux = found({ logger: log, ...options });
  const probes = await launch({ pages: healthEndpoints(bayeux, { checks, path }) });
  onTestFinished(() => probes.close());
  const ask = async (place: string, method = 'GET') => {
    const response = await fetch(new URL(place, probes.url), { method });
    return { status: response.status, headers: response.headers, body: await response.text() };
  };
  const reasons = async (place: string): Promise<string[]> => {
    const { status, body } = await ask(place);
    const told: { status: string; reasons: string[] } = JSON.parse(body);
    expect([status, told.status]).toEqual(told.reasons.length === 0 ? [200, 'ok'] : [503, 'unavailable']);
    return told.reasons;
  };
  return { bayeux, log, ask, reasons };
}

describe('the endpoints of health', () => {
  it('tell that the server is starting, serving, draining and stopped; it is alive all the time', async () => {
    const { bayeux, reasons } = await house();
    expect(await reasons('/startupz')).toEqual(['starting']);
    expect(await reasons('/readyz')).toEqual(['starting']);
    bayeux.start();
    expect(await reasons('/startupz')).toEqual([]);
    expect(await reasons('/readyz')).toEqual([]);
    bayeux.newLocalSession('guest').handshake();
    const drained = bayeux.drain({ timeout: 60_000 });
    expect(await reasons('/readyz')).toEqual(['draining']);
    expect(await reasons('/startupz')).toEqual([]);
    expect(await reasons('/livez')).toEqual([]);
    await bayeux.stop();
    await drained;
    expect(await reasons('/readyz')).toEqual(['stopped']);
    expect(await reasons('/livez')).toEqual([]);
  });

  it('tell that there is far too much to do, and not that there is only too much', async () => {
    const loop = takeTheLoop();
    const { bayeux, reasons } = await house({}, '', { maxEventLoopDelay: 150, sweepPeriod: 20 });
    bayeux.start();
    loop.delay = 151;
    await reaches(bayeux, 2);
    expect(await reasons('/readyz')).toEqual([]);
    loop.delay = 501;
    await reaches(bayeux, 3);
    expect(await reasons('/readyz')).toEqual(['overloaded']);
    expect(await reasons('/livez')).toEqual([]);
    expect(await reasons('/startupz')).toEqual([]);
  });

  it('ask the application, and tell which of its checks are not well', async () => {
    const { bayeux, log, reasons } = await house({
      well: () => true,
      database: () => 'no connection',
      disk: () => false,
      broken: () => {
        throw new Error('out of order');
      },
      slow: (() => Promise.reject(new Error('late'))) as never,
    });
    bayeux.start();
    expect(await reasons('/readyz')).toEqual(['database: no connection', 'disk', 'broken', 'slow']);
    expect(await reasons('/livez')).toEqual([]);
    expect(log.lines).toEqual([
      expect.stringContaining('out of order'),
      expect.stringContaining("The check 'slow' must answer true, false or a reason, and at once"),
    ]);
  });

  it('answer GET and HEAD on their own paths, and leave all others alone', async () => {
    const { bayeux, ask } = await house({}, '/health');
    bayeux.start();
    const { headers, body } = await ask('/health/readyz?verbose');
    expect(body).toBe('{"status":"ok","reasons":[]}\n');
    expect(headers.get('cache-control')).toBe('no-store');
    expect((await ask('/health/readyz', 'HEAD')).status).toBe(200);
    expect((await ask('/health/readyz', 'POST')).status).toBe(405);
    expect((await ask('/readyz')).status).toBe(404);
    expect((await ask('/health/constructor')).status).toBe(404);
  });

  it('pass what is not theirs on, mounted before a Bayeux server, and are not counted by its limits', async () => {
    const bayeux = found({ maxHandshakeRate: 0 });
    const health = healthEndpoints(bayeux);
    const bayeuxHandler = bayeux.handler();
    const house = await launch({
      pages: (request, response) => health(request, response, () => bayeuxHandler(request, response)),
    });
    onTestFinished(() => house.close());
    for (let probe = 0; probe < 50; probe++) expect((await fetch(new URL('/livez', house.url))).status).toBe(200);
    expect(bayeux.diagnostics.counters.size).toBe(0);
    expect((await fetch(new URL('/other', house.url))).status).toBe(400);
  });

  it('tell that the event loop stood still for more than ten seconds, until it is on time again', async () => {
    const { bayeux, reasons } = await house();
    bayeux.start();
    expect(await reasons('/livez')).toEqual([]);
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + 11_500);
    onTestFinished(() => void vi.restoreAllMocks());
    expect(await reasons('/livez')).toEqual(['stalled']);
    expect(bayeux.management.lateness).toBeGreaterThan(10_000);
    await vi.waitFor(async () => expect(await reasons('/livez')).toEqual([]), { timeout: 5_000, interval: 200 });
  });

  it('are as quick with many sessions as with none: they look at none of them', async () => {
    const { bayeux, reasons } = await house();
    bayeux.start();
    const look = vi.spyOn(bayeux, 'sessions', 'get');
    onTestFinished(() => look.mockRestore());
    expect(await reasons('/readyz')).toEqual([]);
    expect(look).not.toHaveBeenCalled();
  });
});

describe('drain', () => {
  it('refuses what is no time, and can be called again as if nothing had been said', async () => {
    const house = await launch({ options: { logger: new Notebook() } });
    onTestFinished(() => house.close());
    await expect(house.bayeux.drain({ timeout: -5 })).rejects.toThrow("'timeout' must be a time in ms, not -5");
    await expect(house.bayeux.drain({ notice: Number.NaN })).rejects.toThrow("'notice' must be a time in ms");
    expect(house.bayeux.isReady).toBe(true);
    const session = await openSession('websocket', house.url);
    expect((await session.handshake()).successful).toBe(true);
    await session.close();
    await expect(house.bayeux.drain({ timeout: 100, notice: 0 })).resolves.toBeUndefined();
    expect(house.bayeux.management.server.state).toBe('stopped');
  });
});

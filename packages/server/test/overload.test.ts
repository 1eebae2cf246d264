/** Too much to do: newcomers are told when and where to come, those who are here notice nothing. */
import type { ServerOptions } from '@cometd-ts/server';
import { resolveOptions, ServerMessage } from '@cometd-ts/server';
import type { WireMessage } from '@cometd-ts/testkit';
import { describe, expect, it, vi } from 'vitest';
import { Diagnostics } from '../src/diagnostics.ts';
import { Overload } from '../src/policy/overload.ts';
import { SessionClock } from '../src/session/clock.ts';
import { host, lodge, Notebook, stopTheClock, transports } from './hosting.ts';

const around = [
  ['one less than the limit', -1],
  ['the limit', 0],
  ['one more than the limit', 1],
] as const;

describe.each(transports)('a server over %s that has maxSessions', (transport) => {
  it.each(around)('takes so many sessions: %s', async (_how, by) => {
    const house = await host({
      maxSessions: 3,
      overloadHosts: ['b.example.com', 'c.example.com'],
      overloadInterval: 4000,
    });
    const replies: WireMessage[] = [];
    const sessions = [];
    for (let index = 0; index < 3 + by; index++) {
      const session = await house.knock(transport);
      sessions.push(session);
      replies.push(await session.handshake());
    }
    expect(replies.filter((reply) => reply.successful)).toHaveLength(Math.min(3 + by, 3));
    if (by <= 0) return;
    const [first, , , last] = sessions;
    expect(replies.at(-1)).toMatchObject({
      successful: false,
      error: '503:maxSessions:overloaded',
      advice: { reconnect: 'handshake', hosts: ['b.example.com', 'c.example.com'] },
    });
    expect(replies.at(-1)?.advice?.interval).toBeGreaterThanOrEqual(2000);
    expect(replies.at(-1)?.advice?.interval).toBeLessThanOrEqual(6000);
    expect(house.bayeux.diagnostics.counters.get('limit_hit.maxSessions')).toBe(1);
    // Those who are here go on, the server's own sessions are its own affair, and who leaves makes room.
    await first?.connect(0);
    expect(await first?.subscribe('/a')).toMatchObject({ successful: true });
    expect(await first?.publish('/a', 1)).toMatchObject({ successful: true });
    expect(lodge(house.bayeux).isConnected).toBe(true);
    await first?.disconnect();
    house.bayeux.sessions.find((session) => session.isLocalSession)?.disconnect();
    expect(await last?.handshake()).toMatchObject({ successful: true });
  });
});

/** The gauge in the test's hand. */
function watched(options: ServerOptions = {}) {
  const log = new Notebook();
  const gauge = {
    delay: 0,
    started: 0,
    start: () => void gauge.started++,
    stop: () => void gauge.started--,
    read: () => gauge.delay,
  };
  const diagnostics = new Diagnostics(log, 'info');
  const settings = resolveOptions({ maxEventLoopDelay: 150, ...options });
  const overload = new Overload(settings, new SessionClock(), diagnostics, () => 0, gauge);
  const reply = new ServerMessage({ channel: '/meta/handshake' });
  return {
    log,
    gauge,
    overload,
    reply,
    diagnostics,
    look: (delay: number) => {
      gauge.delay = delay;
      overload.sweep();
      return overload.sheds(reply);
    },
  };
}

describe('an event loop', () => {
  it('that is late in two looks in a row is overloaded, until it was not for ten seconds', () => {
    stopTheClock();
    const { look, log, reply, diagnostics } = watched();
    expect([look(150), look(151), look(10), look(151)]).toEqual([false, false, false, false]);
    expect(look(400)).toBe(true);
    expect(reply).toMatchObject({ error: '503:maxEventLoopDelay:overloaded', advice: { reconnect: 'handshake' } });
    expect(reply.advice?.hosts).toBeUndefined();
    vi.advanceTimersByTime(9_000);
    expect(look(10)).toBe(true);
    vi.advanceTimersByTime(1_000);
    expect(look(10)).toBe(false);
    expect(diagnostics.counters.get('limit_hit.maxEventLoopDelay')).toBe(2);
    expect(log.lines).toEqual([
      'warn The event loop is 400 ms late: handshakes are refused (option maxEventLoopDelay)',
      'info The event loop is on time again: handshakes are taken',
    ]);
  });

  it('that goes on being late stays overloaded, and is told of once', () => {
    stopTheClock();
    const { look, log } = watched();
    for (let second = 0; second < 60; second++) {
      expect(look(200)).toBe(second >= 1);
      vi.advanceTimersByTime(1_000);
    }
    expect(log.lines).toHaveLength(1);
  });

  it('is not looked at where nobody has said how late it may be', () => {
    const { look, overload, gauge } = watched({ maxEventLoopDelay: -1 });
    overload.start();
    expect([look(9_999), look(9_999), gauge.started]).toEqual([false, false, 0]);
  });

  it('asks each newcomer to come back at another time, from half the interval to one and a half', () => {
    const { look, overload, reply } = watched({ overloadInterval: 1_000 });
    look(200);
    look(200);
    const intervals = Array.from({ length: 500 }, () => {
      overload.sheds(reply);
      return reply.advice?.interval ?? 0;
    });
    expect(Math.min(...intervals)).toBeGreaterThanOrEqual(500);
    expect(Math.min(...intervals)).toBeLessThan(600);
    expect(Math.max(...intervals)).toBeLessThanOrEqual(1_500);
    expect(Math.max(...intervals)).toBeGreaterThan(1_400);
    expect(new Set(intervals).size).toBeGreaterThan(200);
  });

  it('that really is late sends newcomers away; whoever is here is served', { timeout: 20_000 }, async () => {
    const house = await host({ maxEventLoopDelay: 30, sweepPeriod: 50, maxHandshakeRate: -1 });
    const [here, newcomer] = [await house.enter(), await house.knock()];
    // Every turn of the loop takes its time from now on.
    const idle = new Int32Array(new SharedArrayBuffer(4));
    let isBusy = true;
    const hog = (): void => {
      Atomics.wait(idle, 0, 0, 60);
      if (isBusy) setImmediate(hog);
    };
    hog();
    let reply: WireMessage = {};
    while (reply.error === undefined) reply = await newcomer.handshake();
    isBusy = false;
    expect(reply).toMatchObject({ error: '503:maxEventLoopDelay:overloaded' });
    expect(await here.publish('/a', 1)).toMatchObject({ successful: true });
    expect(await here.connect(0)).toMatchObject({ successful: true });
    expect(house.log.lines.filter((line) => line.includes('maxEventLoopDelay'))).toHaveLength(1);
  });
});

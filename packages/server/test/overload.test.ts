/** Too much to do: newcomers are told when and where to come, those who are here notice nothing. */
import type { OverloadLevel, ServerOptions } from '@cometd-ts/server';
import { resolveOptions, ServerMessage } from '@cometd-ts/server';
import type { WireMessage } from '@cometd-ts/testkit';
import { describe, expect, it, vi } from 'vitest';
import { Diagnostics } from '../src/diagnostics.ts';
import { Overload, type Relief } from '../src/policy/overload.ts';
import { ProcessGauge, type Signs } from '../src/policy/strain.ts';
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
    signs: { delay: 0, utilization: 0, heap: 0 },
    started: 0,
    start: () => void gauge.started++,
    stop: () => void gauge.started--,
    read: () => gauge.signs,
  };
  const diagnostics = new Diagnostics(log, 'info');
  const settings = resolveOptions({ maxEventLoopDelay: 150, ...options });
  const changes: [OverloadLevel, OverloadLevel][] = [];
  let relieved = 0;
  const relief: Relief = {
    changed: (level, previous) => changes.push([level, previous]),
    critical: () => void relieved++,
  };
  const overload = new Overload(settings, new SessionClock(), diagnostics, () => 0, relief, gauge);
  const reply = new ServerMessage({ channel: '/meta/handshake' });
  const see = (signs: Partial<Signs>): OverloadLevel => {
    gauge.signs = { delay: 0, utilization: 0, heap: 0, ...signs };
    overload.sweep();
    return overload.level;
  };
  return {
    log,
    gauge,
    overload,
    reply,
    diagnostics,
    changes,
    relieved: () => relieved,
    see,
    look: (delay: number) => {
      see({ delay });
      return overload.sheds(reply);
    },
  };
}

describe('the level of overload', () => {
  it.each<[string, Partial<Signs>, OverloadLevel]>([
    ['an event loop that is late by a third of maxEventLoopDelay', { delay: 50 }, 0],
    ['one that is later', { delay: 50.1 }, 1],
    ['one that is at work four fifths of its time', { utilization: 0.8 }, 0],
    ['one that is at work longer', { utilization: 0.801 }, 1],
    ['one that is late by maxEventLoopDelay', { delay: 150 }, 1],
    ['one that is later than that', { delay: 150.1 }, 2],
    ['one that is late by ten thirds of it', { delay: 500 }, 2],
    ['one that is later than those', { delay: 500.1 }, 3],
    ['a heap that is as full as maxHeapUse says', { heap: 76 }, 0],
    ['one that is fuller', { heap: 76.1 }, 2],
    ['one that is full halfway to the end', { heap: 88 }, 2],
    ['one that is fuller than halfway', { heap: 88.1 }, 3],
    ['the worse of two signs', { delay: 60, heap: 80 }, 2],
  ])('is told by %s', (_what, signs, level) => {
    const { see } = watched({ maxHeapUse: 76 });
    expect([see(signs), see(signs)]).toEqual([0, level]);
  });

  it('rises with the second look, and falls when there was less to do for ten seconds, one level after another', () => {
    stopTheClock();
    const { see, changes, relieved, log } = watched();
    see({ delay: 600 });
    expect(see({ delay: 600 })).toBe(3);
    expect(relieved()).toBe(1);
    vi.advanceTimersByTime(4_000);
    see({ delay: 200 });
    expect(see({ delay: 200 })).toBe(3);
    vi.advanceTimersByTime(5_999);
    expect(see({})).toBe(3);
    vi.advanceTimersByTime(1);
    expect(see({})).toBe(2);
    vi.advanceTimersByTime(4_000);
    expect(see({})).toBe(0);
    expect(changes).toEqual([
      [3, 0],
      [2, 3],
      [0, 2],
    ]);
    expect(relieved()).toBe(4);
    expect(log.lines).toEqual([
      'warn The event loop is 600 ms late: HTTP requests and new connections are refused (option maxEventLoopDelay)',
      'info The event loop is on time again: handshakes are taken',
    ]);
  });

  it('names the heap where that is too full', () => {
    stopTheClock();
    const { see, overload, reply, log } = watched({ maxEventLoopDelay: -1, maxHeapUse: 75 });
    see({ heap: 80, delay: 9_999 });
    see({ heap: 80, delay: 9_999 });
    expect(overload.sheds(reply)).toBe(true);
    expect(reply.error).toBe('503:maxHeapUse:overloaded');
    vi.advanceTimersByTime(10_000);
    see({});
    expect(log.lines).toEqual([
      'warn The heap is 80 % full: handshakes are refused (option maxHeapUse)',
      'info The heap has room again: handshakes are taken',
    ]);
  });

  it('asks for a pause from 500 to 2000 ms, another one each time, and for none when there is no need', () => {
    const { see, overload } = watched();
    expect(overload.pause()).toBe(0);
    see({ delay: 60 });
    see({ delay: 60 });
    const pauses = Array.from({ length: 500 }, () => overload.pause());
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(2_000);
    expect(new Set(pauses).size).toBeGreaterThan(200);
  });

  it('closes the doors at its highest, for at least a second', () => {
    const { see, overload, diagnostics } = watched({ overloadInterval: 0 });
    see({ delay: 400 });
    see({ delay: 400 });
    expect([overload.level, overload.closes()]).toEqual([2, null]);
    see({ delay: 600 });
    see({ delay: 600 });
    expect([overload.level, overload.closes()]).toEqual([3, 1]);
    expect(diagnostics.counters.get('limit_hit.maxEventLoopDelay')).toBe(1);
  });

  it('can be read of this process', () => {
    const gauge = new ProcessGauge();
    gauge.start();
    const signs = gauge.read();
    gauge.stop();
    expect(signs.heap).toBeGreaterThan(0);
    expect(signs.heap).toBeLessThan(100);
    expect(signs.utilization).toBeGreaterThanOrEqual(0);
    expect(signs.utilization).toBeLessThanOrEqual(1);
    expect(signs.delay).not.toBeNaN();
  });
});

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

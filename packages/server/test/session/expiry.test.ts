/** When sessions expire, when they do not, and what their clients learn of it. */
import { describe, expect, it, vi } from 'vitest';
import { SessionClock } from '../../src/session/clock.ts';
import { found, gate, held, host, lodge, pass, stopTheClock, transports } from '../hosting.ts';

const times = { timeout: 2000, interval: 100, maxInterval: 1000, sweepPeriod: 100 };

describe.each(transports)('a session over %s', (transport) => {
  it('expires when its client never connects', async () => {
    stopTheClock();
    const house = await host(times);
    const session = await house.knock(transport);
    await session.handshake();
    const side = house.sideOf(session);
    const seen: unknown[] = [];
    house.bayeux.addListener('sessionRemoved', (_session, message, timeout) => seen.push(['server', message, timeout]));
    side.addListener('removed', (_session, message, timeout) => seen.push(['session', message, timeout]));
    await pass(1000);
    expect(side.isHandshook).toBe(true);
    await pass(300);
    expect(side.isTerminated).toBe(true);
    expect(seen).toEqual([
      ['server', null, true],
      ['session', null, true],
    ]);
    expect(house.bayeux.diagnostics.counters.get('sessions_ended.expired')).toBe(1);
  });

  it('expires interval + maxInterval after a connect reply, and is then told to handshake', async () => {
    stopTheClock();
    const house = await host(times);
    const session = await house.enter(transport);
    await session.subscribe('/a');
    await pass(1000);
    expect(house.bayeux.sessions).toHaveLength(1);
    await pass(300);
    expect(house.bayeux.sessions).toEqual([]);
    expect(house.bayeux.getChannel('/a')?.subscribers ?? []).toEqual([]);
    expect(await session.connect()).toMatchObject({
      successful: false,
      error: '402::session_unknown',
      advice: { reconnect: 'handshake' },
    });
  });

  it('does not expire while its connect is held, for however long', async () => {
    stopTheClock();
    const house = await host({ ...times, timeout: 60_000 });
    const session = await house.enter(transport);
    await held(house, session);
    await pass(50_000, 500);
    expect(house.sideOf(session).isConnected).toBe(true);
  });

  it('gains one maxInterval by every other message', async () => {
    stopTheClock();
    const house = await host(times);
    const session = await house.enter(transport);
    for (let index = 0; index < 3; index++) {
      await pass(900);
      expect(await session.publish('/a', 1)).toMatchObject({ successful: true });
    }
    await pass(900);
    expect(house.bayeux.sessions).toHaveLength(1);
    await pass(300);
    expect(house.bayeux.sessions).toEqual([]);
  });

  it('lives as long as the client announced to sleep', async () => {
    stopTheClock();
    const house = await host(times);
    const session = await house.enter(transport);
    await session.connect(0, { advice: { timeout: 0, interval: 5000 } });
    await pass(5900);
    expect(house.bayeux.sessions).toHaveLength(1);
    await pass(300);
    expect(house.bayeux.sessions).toEqual([]);
  });

  it('lives by its own maxInterval and interval when the application sets them', async () => {
    stopTheClock();
    const house = await host(times);
    const session = await house.knock(transport);
    await session.handshake();
    Object.assign(house.sideOf(session), { maxInterval: 3000, interval: 1000 });
    await session.connect(0);
    await pass(3900);
    expect(house.bayeux.sessions).toHaveLength(1);
    await pass(300);
    expect(house.bayeux.sessions).toEqual([]);
  });

  it('is removed when a connect is processed for longer than maxProcessing', async () => {
    stopTheClock();
    const house = await host({ ...times, maxProcessing: 3000 });
    const session = await house.enter(transport);
    const reached = gate();
    house.bayeux.getChannel('/meta/connect')?.addListener('message', () => {
      reached.open();
      return new Promise<never>(() => undefined);
    });
    session.connect().catch(() => undefined);
    await reached.opened;
    await pass(2900);
    expect(house.bayeux.sessions).toHaveLength(1);
    await pass(300);
    expect(house.bayeux.sessions).toEqual([]);
  });

  it('that is swept while its connect is held gets no messages and no advice against reconnecting', async () => {
    stopTheClock();
    const house = await host({ ...times, timeout: 60_000, maxProcessing: 1000 });
    const session = await house.enter(transport);
    const { reply } = await held(house, session);
    const failed = expect(reply).rejects.toThrow();
    await pass(1300);
    expect(house.bayeux.sessions).toEqual([]);
    if ('closed' in session.client) expect(await session.client.closed).toMatchObject({ code: 1000 });
    await failed;
    expect(session.inbox.all.some((message) => message.advice?.reconnect === 'none')).toBe(false);
  });

  it('expires when an extension keeps its connect replies from it', async () => {
    stopTheClock();
    const house = await host(times);
    const session = await house.enter(transport);
    const swallowed = gate();
    house.bayeux.addExtension({
      sendMeta: (_from, _to, message) => {
        if (message.channel !== '/meta/connect') return true;
        swallowed.open();
        return false;
      },
    });
    session.connect(0).catch(() => undefined);
    await swallowed.opened;
    await pass(1300);
    expect(house.bayeux.sessions).toEqual([]);
  });

  it('outlives a pause of the server itself', async () => {
    stopTheClock();
    const now = performance.now.bind(performance);
    let paused = 0;
    const spy = vi.spyOn(performance, 'now').mockImplementation(() => now() + paused);
    try {
      const house = await host(times);
      const session = await house.enter(transport);
      paused = 600_000;
      await pass(100);
      expect(await session.publish('/a', 1)).toMatchObject({ successful: true });
      expect(house.bayeux.sessions).toHaveLength(1);
      await pass(1400);
      expect(house.bayeux.sessions).toEqual([]);
    } finally {
      spy.mockRestore();
    }
  });
});

describe('a session whose connect is held on a WebSocket', () => {
  it('expires when its client goes on over another one, and away', async () => {
    stopTheClock();
    const house = await host({ ...times, timeout: 60_000 });
    const session = await house.enter();
    await held(house, session);
    const other = await house.knock();
    other.clientId = session.clientId;
    expect(await other.publish('/a', 1)).toMatchObject({ successful: true });
    await other.close();
    await pass(1300);
    expect(house.bayeux.sessions).toEqual([]);
  });

  it('expires when its client handshakes anew over the same one', async () => {
    stopTheClock();
    const house = await host({ ...times, timeout: 60_000 });
    const session = await house.enter();
    await held(house, session);
    const first = session.clientId;
    await session.handshake();
    await session.connect(0);
    await held(house, session);
    await pass(1300);
    expect(house.bayeux.getSession(first)).toBeUndefined();
    expect(house.sideOf(session).isConnected).toBe(true);
  });

  it('keeps what was about to be written when its client handshakes anew', async () => {
    const house = await host();
    const session = await house.enter();
    const side = house.sideOf(session);
    await session.subscribe('/a');
    const published = session.publish('/a', 'mine');
    const first = session.clientId;
    await session.handshake();
    await published;
    if (session.inbox.events('/a').length > 0) return;
    const again = await house.knock();
    again.clientId = first;
    await again.connect(0);
    expect(again.inbox.events('/a')).toMatchObject([{ data: 'mine' }]);
    expect(side.isConnected).toBe(true);
  });
});

describe('a session over HTTP', () => {
  it('does not expire because an older connect ends late, while a newer one is held', async () => {
    stopTheClock();
    const house = await host({ ...times, timeout: 30_000 });
    const session = await house.enter('long-polling');
    const entered = gate();
    const release = gate();
    let first = true;
    // The outgoing extension keeps the reply of the first connect until long after the second one is held.
    house.bayeux.addExtension({
      sendMeta: (_from, _to, message) => {
        if (message.channel !== '/meta/connect' || !first) return true;
        first = false;
        entered.open();
        return release.opened.then(() => true);
      },
    });
    session.connect(0).catch(() => undefined);
    await entered.opened;
    await held(house, session);
    release.open();
    await pass(5000);
    expect(house.sideOf(session).isConnected).toBe(true);
  });
});

describe('a local session', () => {
  it('never expires', async () => {
    stopTheClock();
    const bayeux = found(times);
    bayeux.start();
    const local = lodge(bayeux);
    await pass(60_000, 1000);
    expect(local.isConnected).toBe(true);
  });
});

describe('the session clock', () => {
  it('stands still for a pause, runs on through ordinary lateness, and never runs backwards', () => {
    stopTheClock();
    const clock = new SessionClock();
    const start = clock.now();
    clock.expect(100);
    vi.advanceTimersByTime(140);
    clock.arrived();
    expect(clock.now() - start).toBe(140);
    clock.expect(100);
    vi.advanceTimersByTime(10_100);
    expect(clock.now() - start).toBeGreaterThanOrEqual(140);
    const before = clock.now();
    clock.arrived();
    const after = clock.now();
    expect(after - start).toBe(240);
    expect(before).toBeGreaterThanOrEqual(after);
    vi.advanceTimersByTime(5);
    expect(clock.now() - after).toBe(5);
  });
});

import { FakeClock, happened, pair, until } from '@cometd-ts/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';

const kinds = [
  ['of its own', () => new FakeClock()],
  [
    'over the fake timers of vitest',
    () => {
      vi.useFakeTimers({ toFake: [...FakeClock.parts] });
      return new FakeClock({ timers: vi });
    },
  ],
] as const;

afterEach(() => {
  vi.useRealTimers();
});

describe.each(kinds)('a clock %s', (_, newClock) => {
  it.each(['websocket', 'long-polling'] as const)(
    'ends a held connect over %s after its timeout',
    async (transport) => {
      using clock = newClock();
      await using app = pair({ server: { timeout: 10_000 }, client: { transports: [transport] } });
      const { client, server } = app;
      await clock.until(client.handshake());
      await clock.until(client.waitFor('connected'));
      await clock.settle();
      const resumed: number[] = [];
      const [session] = server.sessions;
      session?.addListener('resumed', () => void resumed.push(Math.round(clock.elapsed)));
      const begin = clock.elapsed;
      await clock.advance(32_000);
      expect(resumed).toHaveLength(3);
      expect((resumed[0] ?? 0) - begin).toBeGreaterThan(9_000);
      expect(client.isConnected).toBe(true);
      expect(clock.elapsed - begin).toBeCloseTo(32_000, 0);
    },
  );

  it('expires the session of a client that is gone', async () => {
    using clock = newClock();
    await using app = pair({ server: { maxInterval: 10_000 } });
    const { client, server, line } = app;
    await clock.until(client.handshake());
    await clock.until(client.waitFor('connected'));
    const removed: boolean[] = [];
    server.addListener('sessionRemoved', (_session, _message, timeout) => void removed.push(timeout));
    line.cut();
    await clock.advance(8_000);
    expect(server.sessions).toHaveLength(1);
    await clock.advance(4_000);
    expect(server.sessions).toEqual([]);
    expect(removed).toEqual([true]);
  });

  it('takes a client through its pauses, and to a new session', async () => {
    using clock = newClock();
    await using app = pair({ server: { maxInterval: 10_000 }, client: { backoffIncrement: 1_000 } });
    const { client, line } = app;
    await clock.until(client.handshake());
    await clock.until(client.waitFor('connected'));
    const { id } = client;
    const attempts: number[] = [];
    client.addListener('status', (status) => {
      if (status.type === 'unconnected') attempts.push(status.nextTry);
    });
    line.cut();
    await clock.advance(20_000);
    expect(attempts.slice(0, 4)).toEqual([...attempts.slice(0, 4)].sort((a, b) => a - b));
    expect(attempts.length).toBeGreaterThan(3);
    line.restore();
    await clock.until(until(() => client.status.type === 'connected', client, 'status'));
    expect(client.id).not.toBe(id);
  });
});

describe('a clock', () => {
  it('moves dates, timers and intervals together, and gives the real ones back', async () => {
    const before = globalThis.setTimeout;
    {
      using clock = new FakeClock({ now: new Date('2030-01-01T00:00:00Z') });
      const ticks: number[] = [];
      const interval = setInterval(() => ticks.push(Date.now() % 86_400_000), 1_000);
      setTimeout(() => setTimeout(() => ticks.push(-1), 500), 2_000);
      await clock.advance(2_500);
      clearInterval(interval);
      expect(ticks).toEqual([1_000, 2_000, -1]);
      expect(new Date().toISOString()).toBe('2030-01-01T00:00:02.500Z');
      expect(clock.elapsed).toBe(2_500);
    }
    expect(globalThis.setTimeout).toBe(before);
  });

  it('refuses to stand on timers that are faked already', () => {
    using clock = new FakeClock();
    expect(() => new FakeClock()).toThrow(/faked already/);
    clock.restore();
    vi.useFakeTimers();
    expect(() => new FakeClock()).toThrow(/faked already/);
  });

  it('says so when the timers it is given leave performance.now() alone', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    const clock = new FakeClock({ timers: vi });
    await expect(clock.advance(1_000)).rejects.toThrow(/performance\.now/);
  });

  it('refuses timers that fake what has to stay real', () => {
    vi.useFakeTimers();
    expect(() => new FakeClock({ timers: vi })).toThrow(/setImmediate must stay real/);
  });

  it('does not wait for ever for a promise that never settles', async () => {
    using clock = new FakeClock();
    await expect(clock.until(new Promise(() => undefined), 5_000)).rejects.toThrow(/5000 ms of the clock/);
    expect(clock.elapsed).toBe(5_000);
    await expect(clock.until(Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(clock.advance(-1)).rejects.toThrow(RangeError);
  });

  it('leaves patience to real time', async () => {
    using _clock = new FakeClock();
    await using app = pair();
    await expect(happened(app.server, 'sessionAdded', undefined, { within: 5 })).rejects.toThrow(
      /'sessionAdded' did not come within 5 ms/,
    );
    await expect(until(() => app.client.isConnected, app.client, 'status', { within: 5 })).rejects.toThrow(
      /isConnected/,
    );
  });
});

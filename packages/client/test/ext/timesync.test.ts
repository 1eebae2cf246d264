import type { BayeuxServer, ServerMessage } from '@cometd-ts/server';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TimeSyncExtension } from '../../src/ext/timesync.ts';
import type { Message } from '../../src/message.ts';
import { enter, feed, reply, routes, serve } from './clients.ts';

const answer = (timesync: unknown): Message => ({ channel: '/meta/connect', successful: true, ext: { timesync } });

describe('the timesync extension', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 10_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('sends our time, and what it knows, with every meta message', () => {
    const { incoming, outgoing } = feed(new TimeSyncExtension());
    expect(outgoing({ channel: '/meta/handshake' })?.ext).toEqual({ timesync: { tc: 10_000, l: 0, o: 0 } });
    // Sent at 9900, received at 5030 by a clock that is 4900 behind, answered after 40, received 30 later.
    incoming(answer({ tc: 9900, ts: 5030, p: 40, a: 0 }));
    const ext = { token: 't' };
    expect(outgoing({ channel: '/meta/connect', ext })?.ext).toEqual({
      token: 't',
      timesync: { tc: 10_000, l: 30, o: -4900 },
    });
    expect(ext).toEqual({ token: 't' });
    expect(outgoing({ channel: '/a' })).toEqual({ channel: '/a' });
  });

  it('takes averages of the latest measurements, rounded', () => {
    const extension = new TimeSyncExtension({ maxSamples: 2 });
    const { incoming } = feed(extension);
    for (const lag of [1000, 10, 21]) incoming(answer({ tc: 10_000 - 2 * lag, ts: 10_500 - lag, p: 0 }));
    expect(extension.getNetworkLag()).toBe(16);
    expect(extension.getTimeOffset()).toBe(500);
    expect(extension.getTimeOffsetSamples()).toEqual([500, 500]);
  });

  it('keeps ten measurements unless told otherwise', () => {
    const extension = new TimeSyncExtension();
    const { incoming } = feed(extension);
    for (let count = 0; count < 12; count++) incoming(answer({ tc: 10_000, ts: 10_500 + count, p: 0 }));
    expect(extension.getTimeOffsetSamples()).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((count) => 500 + count));
  });

  it('ignores answers that make no sense, and messages that are not meta', () => {
    const extension = new TimeSyncExtension();
    const { incoming } = feed(extension);
    for (const sample of [null, 1, {}, { tc: 1 }, { tc: '1', ts: 2, p: 0 }, { tc: 1, ts: 2, p: 'x' }]) {
      incoming(answer(sample));
    }
    incoming({ ...answer({ tc: 1, ts: 2, p: 0 }), channel: '/a' });
    expect(extension.getTimeOffsetSamples()).toEqual([]);
    expect([extension.getTimeOffset(), extension.getNetworkLag()]).toEqual([0, 0]);
  });

  it('tells the time of the server', () => {
    const extension = new TimeSyncExtension();
    feed(extension).incoming(answer({ tc: 10_000, ts: 70_000, p: 0 }));
    expect(extension.getServerTime()).toBe(70_000);
    expect(extension.getServerDate()).toEqual(new Date(70_000));
    vi.advanceTimersByTime(5);
    expect(extension.getServerTime()).toBe(70_005);
  });

  it('wakes at a time of the server, given as number or date, and never before now', () => {
    const delays: number[] = [];
    const extension = new TimeSyncExtension();
    const { incoming } = feed(extension, { setTimeout: (_: () => void, delay: number) => delays.push(delay) });
    incoming(answer({ tc: 10_000, ts: 70_000, p: 0 }));
    expect(extension.setTimeout(() => undefined, 70_100)).toBe(1);
    extension.setTimeout(() => undefined, new Date(71_000));
    extension.setTimeout(() => undefined, 12_000);
    expect(delays).toEqual([100, 1000, 0]);
  });

  it('forgets its measurements when it is unregistered, and has no timers then', () => {
    const extension = new TimeSyncExtension();
    feed(extension).incoming(answer({ tc: 10_000, ts: 70_000, p: 0 }));
    extension.unregistered();
    expect(extension.getTimeOffset()).toBe(0);
    expect(() => extension.setTimeout(() => undefined, 0)).toThrow(TypeError);
  });
});

const hour = 3_600_000;

/** The server's half, with a clock that is fast by an hour. */
function fastClock(bayeux: BayeuxServer): void {
  const received = new WeakMap<ServerMessage, number>();
  bayeux.addExtension({
    rcvMeta: (_, message) => void received.set(message, Date.now()),
    sendMeta: (_, __, message) => {
      const request = message.associated;
      const timesync = request?.ext?.timesync as { tc: number; l: number; o: number } | undefined;
      const at = request && received.get(request);
      if (!timesync || !at) return;
      const { tc, l, o } = timesync;
      const ts = at + hour;
      message.ext = { ...message.ext, timesync: { tc, ts, p: Date.now() - at, a: tc + o + l - ts } };
    },
  });
}

describe.each(routes)('with %s over %s', (_, transport, open) => {
  it('finds out how far the clock of the server is from ours', async () => {
    const { bayeux, url } = await serve({ options: { timeout: 1 } });
    fastClock(bayeux);
    const client = enter(open, url, transport);
    const extension = new TimeSyncExtension();
    client.registerExtension('timesync', extension);
    let connects = 0;
    const synchronised = reply((done) => {
      client.addListener('/meta/connect', (message) => {
        if (++connects === 3) done(message);
      });
    });
    client.handshake(() => undefined);
    await synchronised;
    expect(extension.getTimeOffsetSamples()).toHaveLength(4);
    expect(Math.abs(extension.getTimeOffset() - hour)).toBeLessThan(1000);
    expect(extension.getNetworkLag()).toBeLessThan(1000);

    const early = extension.getServerTime() + 20;
    await new Promise<void>((resolve) => void extension.setTimeout(resolve, early));
    expect(extension.getServerTime()).toBeGreaterThanOrEqual(early - 5);
  });
});

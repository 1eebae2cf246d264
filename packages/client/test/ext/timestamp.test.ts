import { describe, expect, it, vi } from 'vitest';
import { TimeStampExtension } from '../../src/ext/timestamp.ts';
import { enter, feed, reply, routes, serve } from './clients.ts';

it('writes the time on every message that leaves, and on none that arrives', () => {
  vi.useFakeTimers({ now: 0 });
  const { incoming, outgoing } = feed(new TimeStampExtension());
  const timestamp = 'Thu, 01 Jan 1970 00:00:00 GMT';
  expect(outgoing({ channel: '/meta/connect' })).toEqual({ channel: '/meta/connect', timestamp });
  expect(outgoing({ channel: '/a', timestamp: 'old' })).toEqual({ channel: '/a', timestamp });
  expect(incoming({ channel: '/a' })).toEqual({ channel: '/a' });
  vi.useRealTimers();
});

describe.each(routes)('with %s over %s', (_, transport, open) => {
  it('the server reads the time of every message', async () => {
    const { bayeux, url } = await serve();
    const times = new Map<string, unknown>();
    const note = (__: unknown, { channel, timestamp }: { channel: string; timestamp?: string }): void => {
      times.set(channel, timestamp);
    };
    bayeux.addExtension({ rcv: note, rcvMeta: note });
    const client = enter(open, url, transport);
    client.registerExtension('timestamp', new TimeStampExtension());
    const since = Math.floor(Date.now() / 1000) * 1000;
    await reply((done) => client.handshake(done));
    await reply((done) => client.subscribe('/a', () => undefined, done));
    await reply((done) => client.publish('/a', 1, done));
    await reply((done) => client.disconnect(done));
    const channels = ['/meta/handshake', '/meta/connect', '/meta/subscribe', '/a', '/meta/disconnect'];
    expect([...times.keys()].sort()).toEqual(channels.sort());
    for (const time of times.values()) {
      expect(time).toMatch(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
      expect(Date.parse(String(time))).toBeGreaterThanOrEqual(since);
    }
  });
});

import { afterEach, describe, expect, it, vi } from 'vitest';
import { TimestampExtension } from '../../src/ext/timestamp.ts';
import { host, transports } from '../hosting.ts';

afterEach(() => void vi.useRealTimers());

const moment = new Date('2026-11-21T03:20:33.456Z');
const stand = (at: Date): void => void vi.useFakeTimers({ toFake: ['Date'], now: at });

describe.each(transports)('a timestamp over %s', (transport) => {
  it('is on what is published, what is delivered, and on every reply', async () => {
    stand(moment);
    const house = await host();
    house.bayeux.addExtension(new TimestampExtension({ timeZone: 'UTC' }));
    const session = await house.enter(transport);
    await session.subscribe('/a');
    await session.publish('/a', 1);
    house.sideOf(session).deliver(null, '/b', 2);
    await session.connect(0);
    await session.disconnect();
    expect(session.inbox.all.map(({ channel }) => channel).sort()).toEqual(
      [
        '/meta/handshake',
        '/meta/connect',
        '/meta/subscribe',
        '/a',
        '/a',
        '/b',
        '/meta/connect',
        '/meta/disconnect',
      ].sort(),
    );
    for (const message of session.inbox.all) expect(message.timestamp).toBe('Sat Nov 21 03:20:33 UTC 2026');
  });
});

describe('the timestamp extension', () => {
  const stamped = (options?: ConstructorParameters<typeof TimestampExtension>[0]): ((at: Date) => unknown) => {
    const extension = new TimestampExtension(options);
    return (at) => {
      stand(at);
      const message: Record<string, unknown> = {};
      extension.sendMeta(null, null, message as never);
      return message.timestamp;
    };
  };

  it('knows time zones', () => {
    expect(stamped({ timeZone: 'Asia/Kolkata' })(moment)).toBe('Sat Nov 21 08:50:33 GMT+5:30 2026');
    expect(stamped()(moment)).toMatch(/^[SF]\w\w Nov \d\d \d\d:\d\d:\d\d \S+ 2026$/);
    expect(stamped({ timeZone: 'UTC' })(new Date('2026-01-02T00:00:00Z'))).toBe('Fri Jan 02 00:00:00 UTC 2026');
    expect(() => new TimestampExtension({ timeZone: 'Nowhere/None' })).toThrow(RangeError);
  });

  it('tells each second', () => {
    const stamp = stamped({ timeZone: 'UTC' });
    expect([0, 500, 1000].map((ms) => String(stamp(new Date(moment.getTime() + ms))).slice(11, 19))).toEqual([
      '03:20:33',
      '03:20:33',
      '03:20:34',
    ]);
  });

  it('takes any other format', () => {
    expect(stamped({ format: (now) => now.toISOString() })(moment)).toBe('2026-11-21T03:20:33.456Z');
    expect(() => new TimestampExtension({ format: 'ISO' as never })).toThrow(TypeError);
  });
});

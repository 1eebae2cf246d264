import type { WireMessage } from '@cometd-ts/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { TimesyncExtension } from '../../src/ext/timesync.ts';
import { held, host, transports } from '../hosting.ts';

afterEach(() => void vi.useRealTimers());

const now = 1_000_000;
const stand = (): void => void vi.useFakeTimers({ toFake: ['Date'], now });
const asked = (timesync: unknown): WireMessage => ({ ext: { timesync } });

describe.each(transports)('timesync over %s', (transport) => {
  it.each([
    ['a client that knows nothing yet', { tc: now - 300, l: 0, o: 0 }, { tc: now - 300, ts: now, p: 0, a: -300 }],
    ['one whose clock is right but that has no lag', { tc: now, l: 0, o: 0 }, { tc: now, ts: now, p: 0, a: 0 }],
    ['one that says nothing of its lag', { tc: 7 }, { tc: 7, ts: now, p: 0 }],
    ['one that is 25 ms late', { tc: now - 40, l: 10, o: 5 }, { tc: now - 40, ts: now, p: 0, a: -25 }],
    ['one that is 25 ms early', { tc: now + 10, l: 10, o: 5.9 }, { tc: now + 10, ts: now, p: 0, a: 25 }],
    ['one that is 24 ms late', { tc: now - 39, l: 10, o: 5 }, undefined],
    ['one that is less than 25 ms early', { tc: now + 10, l: 10, o: 4.9 }, undefined],
    ['one that does not say when', { l: 0, o: 0 }, undefined],
    ['one that does not know its offset', { tc: now, l: 0 }, undefined],
    ['words', { tc: 'now', l: 0, o: 0 }, undefined],
    ['a text', 'now', undefined],
    ['null', null, undefined],
  ])('answers %s', async (_, timesync, answer) => {
    stand();
    const house = await host();
    house.bayeux.addExtension(new TimesyncExtension());
    const session = await house.knock(transport);
    const handshake = await session.handshake(asked(timesync));
    expect([handshake.successful, handshake.ext]).toEqual([true, answer && { timesync: answer }]);
    expect((await session.connect(0, asked(timesync))).ext).toEqual(answer && { timesync: answer });
  });

  it('answers all kinds of meta messages, and no others', async () => {
    const house = await host();
    house.bayeux.addExtension(new TimesyncExtension());
    const session = await house.enter(transport);
    const measure = asked({ tc: 1, l: 0, o: 0 });
    for (const [channel, fields] of [
      ['/meta/subscribe', { subscription: '/a' }],
      ['/meta/unsubscribe', { subscription: '/a' }],
      ['/meta/nothing', {}],
      ['/meta/disconnect', {}],
    ] as const) {
      expect((await session.call(channel, { ...fields, ...measure })).ext?.timesync).toMatchObject({ tc: 1 });
    }
    const other = await house.enter(transport);
    expect((await other.call('/a', { data: 1, ...measure })).ext).toBeUndefined();
  });

  it('counts the time a connect is held as spent in the server', async () => {
    const house = await host({ timeout: 20_000 });
    house.bayeux.addExtension(new TimesyncExtension());
    const session = await house.enter(transport);
    stand();
    const suspended = new Promise<void>((resolve) => house.sideOf(session).addListener('suspended', () => resolve()));
    const reply = session.connect(undefined, asked({ tc: now - 100, l: 0, o: 0 }));
    await suspended;
    vi.setSystemTime(now + 1234);
    house.sideOf(session).disconnect();
    expect((await reply).ext?.timesync).toMatchObject({ tc: now - 100, ts: now, p: 1234 });
  });

  it('keeps what clients say of their lag', async () => {
    const house = await host();
    house.bayeux.addExtension(new TimesyncExtension());
    const session = await house.knock(transport);
    await session.handshake(asked({ tc: 1, l: 12, o: 0 }));
    expect(house.sideOf(session).attributes.get('lag')).toBe(12);
    await session.connect(0, asked({ tc: 1, l: 34.5, o: 0 }));
    expect(house.sideOf(session).attributes.get('lag')).toBe(34.5);
    await session.connect(0, asked({ tc: 1, l: 'slow' }));
    expect(house.sideOf(session).attributes.get('lag')).toBe(34.5);
  });
});

describe('the timesync extension', () => {
  it('has another accuracy when it is asked to', async () => {
    stand();
    const house = await host();
    house.bayeux.addExtension(new TimesyncExtension({ accuracyTarget: 0 }));
    const session = await house.knock();
    expect((await session.handshake(asked({ tc: now, l: 1, o: -1 }))).ext?.timesync).toMatchObject({ a: 0 });
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, '25' as never])('refuses an accuracy of %s', (accuracyTarget) => {
    expect(() => new TimesyncExtension({ accuracyTarget })).toThrow(RangeError);
  });

  it('says nothing with messages that answer nobody', async () => {
    const house = await host({ timeout: 20_000 });
    house.bayeux.addExtension(new TimesyncExtension());
    const session = await house.enter();
    await held(house, session);
    house.sideOf(session).disconnect();
    expect((await session.event('/meta/disconnect')).ext).toBeUndefined();
  });
});

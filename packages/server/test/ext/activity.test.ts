import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ActivityExtension, SessionActivityExtension } from '../../src/ext/activity.ts';
import { held, host, lodge, transports } from '../hosting.ts';

/** Only the clock that measures activity stands still; timers and sockets go on. */
beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());
const later = (ms: number): void => void vi.advanceTimersByTime(ms);

const gone = {
  successful: false,
  error: '402::session_unknown',
  advice: { reconnect: 'none', interval: 0 },
};

describe.each(transports)('activity over %s', (transport) => {
  it('of a client keeps its session; connects are none', async () => {
    const house = await host();
    house.bayeux.addExtension(new ActivityExtension({ maxInactivity: 1000 }));
    const session = await house.enter(transport);
    for (const act of [
      () => session.publish('/a', 1),
      () => session.publish('/service/a', 1),
      () => session.subscribe('/a'),
      () => session.unsubscribe('/a'),
    ]) {
      later(900);
      await act();
      later(900);
      expect((await session.connect(0)).successful).toBe(true);
    }
    later(101);
    expect(await session.connect(0)).toMatchObject(gone);
    expect(session.inbox.all.at(-2)).toEqual({ channel: '/meta/disconnect', successful: true });
    expect(house.bayeux.sessions).toEqual([]);
  });

  it('is allowed to pause exactly as long as the limit', async () => {
    const house = await host();
    house.bayeux.addExtension(new ActivityExtension({ maxInactivity: 1000 }));
    const session = await house.enter(transport);
    later(1000);
    expect((await session.connect(0)).successful).toBe(true);
    later(1);
    expect((await session.connect(0)).successful).toBe(false);
  });

  it('of the server counts only when it is asked to', async () => {
    const house = await host();
    const session = await house.enter(transport);
    const other = await house.enter(transport);
    house
      .sideOf(session)
      .addExtension(new SessionActivityExtension({ activity: 'client-server', maxInactivity: 1000 }));
    house.sideOf(other).addExtension(new SessionActivityExtension({ maxInactivity: 1000 }));
    later(900);
    for (const one of [session, other]) {
      house.sideOf(one).deliver(null, '/a', 1);
      await one.connect(0);
    }
    later(900);
    expect((await session.connect(0)).successful).toBe(true);
    expect(await other.connect(0)).toMatchObject(gone);
    later(1001);
    expect(await session.connect(0)).toMatchObject(gone);
  });

  it('of one session is watched without the others', async () => {
    const house = await host();
    const [watched, free] = [await house.enter(transport), await house.enter(transport)];
    house.sideOf(watched).addExtension(new SessionActivityExtension({ maxInactivity: 1000 }));
    later(5000);
    expect((await watched.connect(0)).successful).toBe(false);
    expect((await free.connect(0)).successful).toBe(true);
  });
});

describe('the activity extension', () => {
  it('leaves local sessions alone', async () => {
    const house = await host();
    house.bayeux.addExtension(new ActivityExtension({ maxInactivity: 0 }));
    const local = lodge(house.bayeux);
    later(5000);
    expect(await local.getChannel('/a').publish(1)).toMatchObject({ successful: true });
  });

  it('does nothing while a connect is held', async () => {
    const house = await host({ timeout: 20_000 });
    house.bayeux.addExtension(new ActivityExtension({ maxInactivity: 1000 }));
    const session = await house.enter();
    await held(house, session);
    later(5000);
    expect(house.sideOf(session).isConnected).toBe(true);
  });

  it.each([
    [{}, TypeError],
    [{ maxInactivity: '1' }, TypeError],
    [{ maxInactivity: -1 }, RangeError],
    [{ maxInactivity: Number.NaN }, RangeError],
    [{ maxInactivity: 1, activity: 'server' }, RangeError],
  ])('refuses %j', (options, error) => {
    expect(() => new ActivityExtension(options as never)).toThrow(error);
    expect(() => new SessionActivityExtension(options as never)).toThrow(error);
  });
});

/** `/meta/connect`: when its reply waits, what ends the waiting, and when advice is given. */
import { describe, expect, it } from 'vitest';
import { held, host, pass, stopTheClock, transports } from '../hosting.ts';

const normal = { reconnect: 'retry', interval: 0, timeout: 30_000 };

describe.each(transports)('a connect over %s', (transport) => {
  it('is answered at once the first time, and held from then on', async () => {
    const house = await host();
    const session = await house.knock(transport);
    await session.handshake();
    expect(await session.connect()).toEqual({ id: '2', channel: '/meta/connect', successful: true });
    expect(house.sideOf(session).isConnected).toBe(true);
    const { reply } = await held(house, session);
    house.sideOf(session).disconnect();
    expect(await reply).toMatchObject({ successful: true });
  });

  it('carries advice when the client gave advice, and then no more', async () => {
    const house = await host({ timeout: 5000 });
    const session = await house.knock(transport);
    await session.handshake();
    expect(await session.connect(0)).toMatchObject({ advice: { ...normal, timeout: 5000 } });
    expect(await session.connect(0)).toMatchObject({ advice: { ...normal, timeout: 5000 } });
    stopTheClock();
    const { reply } = await held(house, session);
    await pass(5000);
    expect(await reply).toEqual({ id: expect.any(String), channel: '/meta/connect', successful: true });
  });

  it('is held for as long as the client asks, else the session says, else the transport', async () => {
    const house = await host({ timeout: 5000 });
    const session = await house.enter(transport);
    const side = house.sideOf(session);
    const times: number[] = [];
    side.addListener('suspended', (_session, _message, holdTime) => times.push(holdTime));
    stopTheClock();
    const { reply } = await held(house, session);
    await pass(5000, 1000);
    await reply;
    side.timeout = 3000;
    const second = await held(house, session);
    await pass(3000, 1000);
    expect(await second.reply).toMatchObject({ advice: { timeout: 3000 } });
    const third = session.connect(2000);
    await new Promise<void>((resolve) => void side.addListener('suspended', () => resolve()));
    await pass(2000, 1000);
    expect(await third).toMatchObject({ successful: true, advice: { timeout: 3000 } });
    expect(times).toEqual([5000, 3000, 2000]);
  });

  it('advises the interval in force', async () => {
    const house = await host({ interval: 100 });
    const session = await house.enter(transport);
    const sleeping = await session.call('/meta/connect', {
      connectionType: transport,
      advice: { timeout: 0, interval: 60_000 },
    });
    expect(sleeping.advice).toEqual({ reconnect: 'retry', interval: 60_000, timeout: 30_000 });
    house.sideOf(session).interval = 50;
    expect((await session.connect(0)).advice).toMatchObject({ interval: 50 });
  });

  it('tells a change that came while it was held', async () => {
    const house = await host({ timeout: 5000 });
    const session = await house.enter(transport);
    stopTheClock();
    const { reply } = await held(house, session);
    house.sideOf(session).timeout = 1234;
    await pass(5000);
    expect(await reply).toMatchObject({ advice: { reconnect: 'retry', timeout: 1234 } });
  });

  it('of an unknown session is told to handshake', async () => {
    const session = await (await host()).knock(transport);
    session.clientId = 'unknown';
    expect(await session.connect()).toEqual({
      id: '1',
      channel: '/meta/connect',
      successful: false,
      error: '402::session_unknown',
      advice: { reconnect: 'handshake', interval: 0 },
    });
  });

  it('ends with the advice not to reconnect when the client disconnects', async () => {
    const house = await host();
    const session = await house.enter(transport);
    const { reply } = await held(house, session);
    expect(await session.disconnect()).toMatchObject({ successful: true });
    expect(await reply).toMatchObject({ successful: true, advice: { reconnect: 'none' } });
  });

  it('takes with it the disconnect of the server, in front', async () => {
    const house = await host();
    const session = await house.enter(transport);
    const { reply } = await held(house, session);
    house.sideOf(session).disconnect();
    expect(await reply).toMatchObject({ successful: true, advice: { reconnect: 'none' } });
    expect(session.inbox.all.slice(-2)).toEqual([
      { channel: '/meta/disconnect', successful: true },
      expect.objectContaining({ channel: '/meta/connect' }),
    ]);
    expect(await session.connect()).toMatchObject({ error: '402::session_unknown' });
  });

  it('tells its listeners that it is held, and that its time or its waiting is over', async () => {
    const house = await host({ timeout: 1000 });
    const session = await house.enter(transport);
    const side = house.sideOf(session);
    const seen: unknown[] = [];
    side.addListener('suspended', (_session, message, holdTime) => seen.push(['suspended', message.channel, holdTime]));
    side.addListener('resumed', (_session, message, timeout) => seen.push(['resumed', message.channel, timeout]));
    stopTheClock();
    const { reply } = await held(house, session);
    await pass(1000);
    await reply;
    side.metaConnectDeliverOnly = true;
    const second = await held(house, session);
    side.deliver(null, '/a', 1);
    await second.reply;
    expect(seen).toEqual([
      ['suspended', '/meta/connect', 1000],
      ['resumed', '/meta/connect', true],
      ['suspended', '/meta/connect', 1000],
      ['resumed', '/meta/connect', false],
    ]);
  });

  it('answers at once when a listener sends something while it is being held', async () => {
    const house = await host();
    const session = await house.enter(transport);
    const side = house.sideOf(session);
    side.metaConnectDeliverOnly = true;
    side.addListener('suspended', () => void side.deliver(null, '/a', 1));
    await session.connect();
    expect(session.inbox.events('/a')).toHaveLength(1);
  });

  it.each([
    ['too long', 1e308],
    ['past the range of timers', 2_147_483_648],
    ['negative', -1],
    ['no number', '5'],
    ['an object', {}],
    ['null', null],
  ])('is held for at most a minute when the client asks for a timeout that is %s', async (_what, timeout) => {
    const house = await host();
    const session = await house.enter(transport);
    let hold = -1;
    house.sideOf(session).addListener('suspended', (_session, _message, holdTime) => {
      hold = holdTime;
    });
    const suspended = new Promise<void>((resolve) => {
      house.sideOf(session).addListener('suspended', () => resolve());
    });
    session
      .call('/meta/connect', { connectionType: transport, advice: { timeout, interval: timeout } })
      .catch(() => undefined);
    await suspended;
    expect(hold).toBeGreaterThanOrEqual(30_000);
    expect(hold).toBeLessThanOrEqual(60_000);
  });
});

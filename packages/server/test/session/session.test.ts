/** A session as the application sees it: its states, its transport, its attributes, and what it hears. */
import { describe, expect, it } from 'vitest';
import { found, host, httpOf, lodge, withCookiesOf } from '../hosting.ts';

describe('the states of a session', () => {
  it('follow its messages', async () => {
    const house = await host();
    const session = await house.knock();
    const states: unknown[] = [];
    house.bayeux.securityPolicy = {
      canHandshake: (_server, side) => {
        states.push([side.isHandshook, side.isConnected, side.isTerminated]);
      },
    };
    await session.handshake();
    const side = house.sideOf(session);
    const note = (): void => void states.push([side.isHandshook, side.isConnected, side.isTerminated]);
    note();
    await session.connect(0);
    note();
    await session.disconnect();
    note();
    expect(states).toEqual([
      [false, false, false],
      [true, false, false],
      [true, true, false],
      [false, false, true],
    ]);
  });
});

describe('a session', () => {
  it('has an id of 25 random letters and digits, and no two are alike', async () => {
    const bayeux = found();
    const ids = Array.from({ length: 2000 }, () => {
      const local = lodge(bayeux, '');
      return local.id;
    });
    for (const id of ids) expect(id).toMatch(/^[0-9a-z]{25}$/);
    expect(new Set(ids).size).toBe(2000);
    for (let at = 0; at < 25; at++) expect(new Set(ids.map((id) => id[at])).size).toBeGreaterThan(30);
  });

  it('remembers what the application attaches, and the browser it came with', async () => {
    const house = await host();
    const session = await house.knock('long-polling');
    await httpOf(session).post(
      [{ id: '1', channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling'] }],
      { headers: { 'user-agent': 'Lynx/2.9' } },
    );
    const [side] = house.bayeux.sessions;
    side?.attributes.set('user', 'ada');
    expect(house.bayeux.sessions[0]?.attributes.get('user')).toBe('ada');
    expect(side?.userAgent).toBe('Lynx/2.9');
  });

  it.each([Number.NaN, -2, 2 ** 31, Number.POSITIVE_INFINITY, '5', null])(
    'takes no time that is none: %j',
    async (time) => {
      const house = await host();
      const side = house.sideOf(await house.enter());
      for (const name of ['timeout', 'interval', 'maxInterval'] as const)
        expect(() => Object.assign(side, { [name]: time })).toThrow(RangeError);
      const { channel } = house.bayeux.createChannelIfAbsent('/a');
      expect(() => Object.assign(channel, { lazyTimeout: time })).toThrow(RangeError);
      expect([side.timeout, side.interval, side.maxInterval, channel.lazyTimeout, channel.lazy]).toEqual([
        -1,
        -1,
        -1,
        -1,
        false,
      ]);
    },
  );

  it('knows the transport that serves it, and is advised anew when that changes', async () => {
    const house = await host({ trustClientSession: true, 'ws.timeout': 7000 });
    const polling = await house.enter('long-polling');
    const side = house.sideOf(polling);
    expect(side.transport).toBe('long-polling');
    const socket = await house.knock('websocket');
    socket.clientId = polling.clientId;
    expect(await socket.call('/meta/connect', { connectionType: 'websocket', advice: { timeout: 0 } })).toMatchObject({
      advice: { timeout: 7000 },
    });
    expect(side.transport).toBe('websocket');
    expect(await polling.connect(0)).toMatchObject({ advice: { timeout: 30_000 } });
    expect(side.transport).toBe('long-polling');
  });

  it('takes its messages along to another connection', async () => {
    const house = await host();
    const first = await house.enter();
    await first.subscribe('/a');
    const second = await house.knock();
    second.clientId = first.clientId;
    await second.connect(0);
    house.bayeux.getChannel('/a')?.publish(null, 1);
    expect(await second.event('/a')).toMatchObject({ data: 1 });
    expect(first.inbox.events('/a')).toEqual([]);
  });

  it('shares its browser with other sessions, each with its own mail', async () => {
    const house = await host();
    const one = await house.enter('long-polling');
    const other = await house.knock('long-polling');
    withCookiesOf(one, other);
    await other.handshake();
    await other.connect(0);
    house.sideOf(one).deliver(null, '/mail', 'one');
    expect(await other.publish('/service/a', 1)).toMatchObject({ successful: true });
    expect(other.inbox.events('/mail')).toEqual([]);
    await one.publish('/service/a', 1);
    expect(one.inbox.events('/mail')).toMatchObject([{ data: 'one' }]);
  });

  it('hears of a message for it with its sender, and of one without', async () => {
    const house = await host();
    const [publisher, subscriber] = [await house.enter(), await house.enter()];
    await subscriber.subscribe('/a');
    const senders: unknown[] = [];
    house.sideOf(subscriber).addListener('message', (session, sender, message) => {
      senders.push([session.id === subscriber.clientId, sender?.id, message.data]);
    });
    await publisher.publish('/a', 1);
    house.sideOf(subscriber).deliver(null, '/b', 2);
    expect(senders).toEqual([
      [true, publisher.clientId, 1],
      [true, undefined, 2],
    ]);
  });

  it('may be asked by local senders, by their server session or themselves', async () => {
    const house = await host();
    const session = await house.enter();
    const local = lodge(house.bayeux, 'service');
    const senders: unknown[] = [];
    const side = house.sideOf(session);
    side.addListener('message', (_session, sender) => void senders.push(sender));
    side.deliver(local, '/a', 1);
    side.deliver(local.serverSession, '/a', 2);
    expect(senders).toEqual([local.serverSession, local.serverSession]);
    expect(() => side.deliver({} as never, '/a', 3)).toThrow(TypeError);
  });
});

describe('without validateMessageFields', () => {
  it('ids and channels may have any characters, but not any shape', async () => {
    const house = await host({ validateMessageFields: false });
    const session = await house.enter();
    await session.subscribe(['/ü', '/*']);
    const [strange, shapeless, missing] = await session.ask(
      { ...session.message('/ü', { data: 1 }), id: 'm-1' },
      { ...session.message('/a//b', { data: 1 }), id: 'm-2' },
      { id: 'm-3', clientId: session.clientId, data: 1 },
    );
    expect([strange, shapeless, missing].map((reply) => reply?.error)).toEqual([
      undefined,
      '405::channel_invalid',
      '400::channel_missing',
    ]);
    expect(await session.event('/ü')).toEqual({ channel: '/ü', data: 1 });
    expect(await session.publish('/service/ü', 1)).toMatchObject({ successful: true });
    expect(await session.subscribe('/service/ü')).toMatchObject({ successful: true });
    expect(await session.publish('/neu/ü', 1)).toMatchObject({ successful: true });
    expect(await session.unsubscribe('/ü')).toMatchObject({ successful: true });
    expect(house.bayeux.diagnostics.counters.get('failed.receive')).toBeUndefined();
  });
});

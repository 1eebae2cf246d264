/** `/meta/disconnect`, and the other ways a session ends: who is told what, in which order. */
import { describe, expect, it } from 'vitest';
import { host, lodge, transports } from '../hosting.ts';

describe.each(transports)('a disconnect over %s', (transport) => {
  it('ends the session and its subscriptions, and listeners hear of the message that did it', async () => {
    const house = await host();
    const session = await house.enter(transport);
    const side = house.sideOf(session);
    await session.subscribe('/a');
    const seen: unknown[] = [];
    house.bayeux.addListener('sessionRemoved', (_session, message, timeout) => {
      seen.push(['server', message?.channel, timeout, side.isTerminated]);
    });
    house.bayeux.addListener('unsubscribed', (_session, channel, message) =>
      seen.push(['unsubscribed', channel.id, message]),
    );
    side.addListener('removed', (_session, message, timeout) => seen.push(['session', message?.channel, timeout]));
    expect(await session.disconnect()).toEqual({
      id: expect.any(String),
      channel: '/meta/disconnect',
      successful: true,
    });
    expect(seen).toEqual([
      ['server', '/meta/disconnect', false, false],
      ['unsubscribed', '/a', null],
      ['session', '/meta/disconnect', false],
    ]);
    expect(side).toMatchObject({ isHandshook: false, isConnected: false, isTerminated: true });
    expect(house.bayeux.getChannel('/a')?.subscribers).toEqual([]);
    expect(await session.publish('/a', 1)).toMatchObject({ error: '402::session_unknown' });
    expect(await session.disconnect()).toMatchObject({ error: '402::session_unknown' });
  });
});

describe('a session that the server ends', () => {
  it('by disconnect() is told so over WebSocket without a held connect', async () => {
    const house = await host();
    const session = await house.enter();
    house.sideOf(session).disconnect();
    expect(await session.event('/meta/disconnect')).toEqual({ channel: '/meta/disconnect', successful: true });
  });

  it('by removeSession() is told nothing', async () => {
    const house = await host();
    const session = await house.enter();
    const side = house.sideOf(session);
    const seen: unknown[] = [];
    side.addListener('removed', (_session, message, timeout) => seen.push([message, timeout]));
    expect(house.bayeux.removeSession(side)).toBe(true);
    expect(house.bayeux.removeSession(side)).toBe(false);
    expect(await session.publish('/a', 1)).toMatchObject({ error: '402::session_unknown' });
    expect(session.inbox.all.filter((message) => message.channel === '/meta/disconnect')).toEqual([]);
    expect(seen).toEqual([[null, false]]);
  });

  it('is removed once, whoever else asks for it meanwhile', async () => {
    const house = await host();
    const session = await house.enter();
    const side = house.sideOf(session);
    let removed = 0;
    house.bayeux.addListener('sessionRemoved', (gone) => {
      removed++;
      gone.disconnect();
    });
    side.disconnect();
    expect(removed).toBe(1);
    expect(await session.event('/meta/disconnect')).toMatchObject({ successful: true });
  });

  it('gets its farewell past the extensions, which may keep it', async () => {
    const house = await host();
    const session = await house.enter();
    const seen: string[] = [];
    house.bayeux.addExtension({
      sendMeta: (_from, _to, message) => {
        seen.push(message.channel);
        return message.channel !== '/meta/disconnect';
      },
    });
    house.sideOf(session).disconnect();
    await session.subscribe('/fence');
    expect(seen[0]).toBe('/meta/disconnect');
    expect(session.inbox.all.some((message) => message.channel === '/meta/disconnect')).toBe(false);
  });
});

describe('stop()', () => {
  it('ends all sessions, with or without clients', async () => {
    const house = await host();
    const session = await house.enter();
    const local = lodge(house.bayeux);
    await session.subscribe('/a');
    const announced: string[] = [];
    house.bayeux.addListener('channelAdded', (channel) => announced.push(channel.id));
    await house.bayeux.stop();
    expect(house.bayeux.sessions).toEqual([]);
    expect(local.isHandshook).toBe(false);
    expect('closed' in session.client && (await session.client.closed).code).toBe(1012);
    expect(house.bayeux.channels.every((channel) => channel.isMeta)).toBe(true);
    expect(announced).toEqual([]);
    expect(() => house.bayeux.start()).toThrow(TypeError);
    await house.bayeux.stop();
  });
});

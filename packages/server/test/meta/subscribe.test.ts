/** `/meta/subscribe` and `/meta/unsubscribe`: to one channel or several, all or none. */
import { describe, expect, it } from 'vitest';
import { gate, host, pass, stopTheClock } from '../hosting.ts';

const denied = 'denied_by_security_policy';

describe('subscribing', () => {
  it('to one channel or to several is answered in the same shape', async () => {
    const house = await host();
    const session = await house.enter();
    expect(await session.subscribe('/a')).toMatchObject({ subscription: '/a', successful: true });
    expect(await session.subscribe(['/b', '/c/*', '/d/**'])).toMatchObject({
      subscription: ['/b', '/c/*', '/d/**'],
      successful: true,
    });
    expect(house.sideOf(session).subscriptions.map((channel) => channel.id)).toEqual(['/a', '/b', '/c/*', '/d/**']);
  });

  it('twice succeeds, and is told once: to the channel first, then to the server', async () => {
    const house = await host();
    const session = await house.enter();
    const seen: string[] = [];
    house.bayeux.addListener('subscribed', (_session, channel, message) =>
      seen.push(`server ${channel.id} ${message?.channel}`),
    );
    house.bayeux
      .createChannelIfAbsent('/a')
      .channel.addListener('subscribed', (_session, channel) => seen.push(`channel ${channel.id}`));
    await session.subscribe('/a');
    expect(await session.subscribe('/a')).toMatchObject({ successful: true });
    expect(seen).toEqual(['channel /a', 'server /a /meta/subscribe']);
  });

  it.each([
    ['nothing', undefined, '403::subscription_missing'],
    ['null', null, '403::subscription_missing'],
    ['an empty array', [], '403::subscription_invalid'],
    ['a number', 5, '403::subscription_invalid'],
    ['an object', { 0: '/a', length: 1 }, '403::subscription_invalid'],
    ['a number in an array', ['/a', 5], '403::subscription_invalid'],
    ['a name without a slash', 'a', '403::subscription_invalid'],
    ['an illegal character', '/a<b>', '403::subscription_invalid'],
    ['an empty segment', '/a//b', '403::subscription_invalid'],
    ['a trailing slash', '/a/', '403::subscription_invalid'],
    ['a wildcard in the middle', '/a/*/b', '403::subscription_invalid'],
    ['an illegal name among legal ones', ['/a', '/b/'], '403:/b/:subscription_invalid'],
    ['a meta channel', '/meta/connect', `403:${denied}:subscribe_denied`],
    ['an unknown meta channel', '/meta/foo', `403:${denied}:create_denied`],
    ['all meta channels', '/meta/*', `403:${denied}:create_denied`],
    ['a meta channel among others', ['/a', '/meta/connect'], `403:${denied}:subscribe_denied`],
  ])('to %s fails and subscribes to nothing', async (_what, subscription, error) => {
    const house = await host();
    const session = await house.enter();
    const reply = await session.call('/meta/subscribe', { subscription: subscription as never });
    expect(reply.successful).toBe(false);
    expect(String(reply.error).replace(/^(403:)[^:]*(?=:subscribe_denied|:create_denied)/, `$1${denied}`)).toBe(error);
    expect(house.sideOf(session).subscriptions).toEqual([]);
  });

  it('to several of which one is denied subscribes to none', async () => {
    const house = await host();
    const session = await house.enter();
    house.bayeux.securityPolicy = { canSubscribe: (_server, _session, channel) => channel.id !== '/b' };
    const reply = await session.subscribe(['/a', '/b', '/c']);
    expect(reply).toMatchObject({ successful: false, subscription: ['/a', '/b', '/c'] });
    expect(reply.error).toMatch(/^403:.*:subscribe_denied$/);
    expect(house.sideOf(session).subscriptions).toEqual([]);
  });

  it('to several of which one may not be created subscribes to none', async () => {
    const house = await host();
    const session = await house.enter();
    house.bayeux.createChannelIfAbsent('/a');
    house.bayeux.securityPolicy = { canCreate: () => false };
    expect((await session.subscribe(['/a', '/b'])).error).toMatch(/^403:.*:create_denied$/);
    expect(house.sideOf(session).subscriptions).toEqual([]);
    expect(house.bayeux.getChannel('/b')).toBeUndefined();
  });

  it('to a service channel succeeds and means nothing', async () => {
    const house = await host();
    const session = await house.enter();
    expect(await session.subscribe('/service/a')).toMatchObject({ successful: true });
    expect(house.sideOf(session).subscriptions).toEqual([]);
    expect(house.bayeux.getChannel('/service/a')).toBeUndefined();
  });

  it('of a session that ends while its policy thinks fails', async () => {
    const house = await host();
    const session = await house.enter();
    const asked = gate();
    const answer = gate();
    house.bayeux.securityPolicy = {
      canSubscribe: () => {
        asked.open();
        return answer.opened;
      },
    };
    const reply = session.subscribe('/a');
    await asked.opened;
    house.bayeux.removeSession(house.sideOf(session));
    answer.open();
    expect(await reply).toMatchObject({ successful: false, error: '403::subscribe_failed' });
  });

  it('works when the policy thinks for so long that the sweeper has found the new channel unused', async () => {
    stopTheClock();
    const house = await host();
    const session = await house.enter();
    const asked = gate();
    const answer = gate();
    house.bayeux.securityPolicy = {
      canSubscribe: () => {
        asked.open();
        return answer.opened;
      },
    };
    const reply = session.subscribe('/a');
    await asked.opened;
    await pass(5_000);
    answer.open();
    expect(await reply).toMatchObject({ successful: true });
    await house.bayeux.getChannel('/a')?.publish(null, 1);
    expect(await session.event('/a')).toMatchObject({ data: 1 });
  });

  it('of an unknown session is told so, without advice', async () => {
    const session = await (await host()).knock();
    session.clientId = 'stale';
    expect(await session.subscribe('/a')).toEqual({
      id: '1',
      channel: '/meta/subscribe',
      subscription: '/a',
      successful: false,
      error: '402::session_unknown',
    });
  });
});

describe('unsubscribing', () => {
  it('is told once: to the channel first, then to the server', async () => {
    const house = await host();
    const session = await house.enter();
    await session.subscribe(['/a', '/b']);
    const seen: string[] = [];
    house.bayeux.addListener('unsubscribed', (_session, channel, message) =>
      seen.push(`server ${channel.id} ${message?.channel}`),
    );
    house.bayeux
      .getChannel('/a')
      ?.addListener('unsubscribed', (_session, channel) => seen.push(`channel ${channel.id}`));
    expect(await session.unsubscribe('/a')).toMatchObject({ subscription: '/a', successful: true });
    expect(await session.unsubscribe('/a')).toMatchObject({ successful: true });
    expect(seen).toEqual(['channel /a', 'server /a /meta/unsubscribe']);
    expect(house.sideOf(session).subscriptions.map((channel) => channel.id)).toEqual(['/b']);
  });

  it('asks nobody for permission', async () => {
    const house = await host();
    const session = await house.enter();
    await session.subscribe('/a');
    house.bayeux.securityPolicy = { canSubscribe: () => false, canCreate: () => false, canPublish: () => false };
    expect(await session.unsubscribe('/a')).toMatchObject({ successful: true });
  });

  it.each([
    ['an unknown channel', '/nowhere', '400::channel_missing'],
    ['an unknown channel among known ones', ['/a', '/nowhere'], '400::channel_missing'],
    ['a meta channel', '/meta/connect', '403::unsubscribe_failed'],
    ['nothing', undefined, '403::subscription_missing'],
    ['an illegal name', '/a/', '403::subscription_invalid'],
  ])('from %s fails and leaves everything as it is', async (_what, subscription, error) => {
    const house = await host();
    const session = await house.enter();
    await session.subscribe('/a');
    expect(await session.call('/meta/unsubscribe', { subscription: subscription as never })).toMatchObject({
      successful: false,
      error,
    });
    expect(house.sideOf(session).subscriptions).toHaveLength(1);
  });

  it('from a service channel succeeds', async () => {
    const session = await (await host()).enter();
    expect(await session.unsubscribe('/service/a')).toMatchObject({ successful: true });
  });
});

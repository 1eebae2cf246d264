/** Who may do what: the policy, then the authorizers from `/**` down, and the channels of the cluster that nobody may touch. */
import {
  type Authorizer,
  type AuthorizerResult,
  DefaultSecurityPolicy,
  deny,
  GrantAuthorizer,
  grant,
  ignore,
} from '@cometd-ts/server';
import { describe, expect, it } from 'vitest';
import { found, host, lodge } from '../hosting.ts';

const always = (result: AuthorizerResult): Authorizer => ({ authorize: () => result });

describe('the default policy', () => {
  const bayeux = found;

  it('lets remote clients create and use broadcast and service channels, and no meta channels', async () => {
    const house = await host();
    const session = await house.enter();
    expect(await session.publish('/a', 1)).toMatchObject({ successful: true });
    expect(await session.publish('/service/a', 1)).toMatchObject({ successful: true });
    expect(await session.publish('/meta/foo', 1)).toMatchObject({
      error: '403:denied_by_security_policy:channel_create_denied',
    });
    expect(await session.subscribe('/meta/connect')).toMatchObject({
      error: '403:denied_by_security_policy:subscribe_denied',
    });
  });

  it('lets local sessions create meta channels, which nobody can publish to or subscribe to all the same', async () => {
    const server = bayeux();
    const local = lodge(server);
    const policy = new DefaultSecurityPolicy();
    expect(policy.canCreate(server, local.serverSession, '/meta/foo', {} as never)).toBe(true);
    expect(await local.send({ channel: '/meta/foo', data: 1 })).toMatchObject({ successful: false });
    expect(await local.send({ channel: '/meta/subscribe', subscription: '/meta/connect' })).toMatchObject({
      error: '403::subscribe_failed',
    });
  });

  it('refuses those who have no session', () => {
    const server = bayeux();
    const policy = new DefaultSecurityPolicy();
    const { channel } = server.createChannelIfAbsent('/a');
    expect(policy.canCreate(server, null, '/a', {} as never)).toBe(false);
    expect(policy.canSubscribe(server, null, channel, {} as never)).toBe(false);
    expect(policy.canPublish(server, null, channel, {} as never)).toBe(false);
  });
});

describe('a policy', () => {
  it('that answers nothing allows, and so does none at all', async () => {
    const house = await host();
    house.bayeux.securityPolicy = { canHandshake: () => undefined, canCreate: () => undefined };
    const session = await house.enter();
    expect(await session.publish('/a', 1)).toMatchObject({ successful: true });
    house.bayeux.securityPolicy = null;
    expect(await session.subscribe('/a')).toMatchObject({ successful: true });
  });

  it('may ask elsewhere and answer later', async () => {
    const house = await host();
    house.bayeux.securityPolicy = { canPublish: async (_server, _session, channel) => channel.id === '/a' };
    const session = await house.enter();
    expect(await session.publish('/a', 1)).toMatchObject({ successful: true });
    expect(await session.publish('/b', 1)).toMatchObject({ error: '403:denied_by_security_policy:publish_denied' });
  });

  it('that denies is not followed by authorizers, and creates nothing', async () => {
    const house = await host();
    const session = await house.enter();
    const asked: string[] = [];
    house.bayeux.createChannelIfAbsent('/**').channel.addAuthorizer({
      authorize: (operation) => {
        asked.push(operation);
        return grant();
      },
    });
    house.bayeux.securityPolicy = { canCreate: () => false };
    expect(await session.publish('/a', 1)).toMatchObject({
      error: '403:denied_by_security_policy:channel_create_denied',
    });
    expect(house.bayeux.getChannel('/a')).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('sees exactly the channel that is used', async () => {
    const house = await host();
    const session = await house.enter();
    const seen: string[] = [];
    house.bayeux.securityPolicy = {
      canCreate: (_server, _session, channel, message) => void seen.push(`create ${channel} by ${message.channel}`),
      canSubscribe: (_server, _session, channel, message) =>
        void seen.push(`subscribe ${channel.id} by ${message.channel}`),
      canPublish: (_server, _session, channel, message) =>
        void seen.push(`publish ${channel.id} by ${message.channel}`),
    };
    await session.subscribe('/a/*');
    await session.publish('/a/b', 1);
    expect(seen).toEqual([
      'create /a/* by /meta/subscribe',
      'subscribe /a/* by /meta/subscribe',
      'create /a/b by /a/b',
      'publish /a/b by /a/b',
    ]);
  });
});

describe('authorizers', () => {
  it.each<[string, Record<string, AuthorizerResult[]>, string | undefined]>([
    ['none at all', {}, undefined],
    ['one that grants', { '/a/b': [grant()] }, undefined],
    ['one that ignores', { '/a/b': [ignore()] }, 'denied_by_not_granting'],
    ['one that ignores and one that grants', { '/a/b': [ignore(), grant()] }, undefined],
    ['one that grants further up', { '/**': [grant()], '/a/b': [ignore()] }, undefined],
    ['one that ignores further up only', { '/a/*': [ignore()] }, 'denied_by_not_granting'],
    ['one that denies although another grants', { '/**': [grant()], '/a/*': [deny('no')] }, 'no'],
    [
      'two that deny, of which the more general counts',
      { '/**': [deny('general')], '/a/b': [deny('exact')] },
      'general',
    ],
    [
      'some on channels that are not concerned',
      { '/a': [deny('a')], '/a/c': [deny('c')], '/*': [deny('w')] },
      undefined,
    ],
  ])('%s', async (_what, results, reason) => {
    const house = await host();
    for (const [name, list] of Object.entries(results))
      for (const result of list) house.bayeux.createChannelIfAbsent(name).channel.addAuthorizer(always(result));
    house.bayeux.createChannelIfAbsent('/a/b');
    const session = await house.enter();
    expect((await session.publish('/a/b', 1)).error).toBe(reason && `403:${reason}:publish_denied`);
    expect((await session.subscribe('/a/b')).error).toBe(reason && `403:${reason}:subscribe_denied`);
  });

  it("are asked about creation, subscription and publishing, with the channel and not the message's", async () => {
    const house = await host();
    const seen: string[] = [];
    house.bayeux.createChannelIfAbsent('/**').channel.addAuthorizer({
      authorize: async (operation, channel, session, message) => {
        seen.push(`${operation} ${channel.id} ${session?.id === house.bayeux.sessions[0]?.id} ${message.channel}`);
        return grant();
      },
    });
    const session = await house.enter();
    await session.subscribe('/a');
    await session.publish('/a', 1);
    await session.unsubscribe('/a');
    expect(seen).toEqual(['CREATE /a true /meta/subscribe', 'SUBSCRIBE /a true /meta/subscribe', 'PUBLISH /a true /a']);
  });

  it('are asked about local sessions too, and no more once they are removed', async () => {
    const bayeux = found();
    const { channel } = bayeux.createChannelIfAbsent('/a');
    const registration = channel.addAuthorizer(always(deny('closed')));
    const local = lodge(bayeux);
    expect(local.getChannel('/a').publish(1)).toMatchObject({ error: '403:closed:publish_denied' });
    registration.remove();
    expect(local.getChannel('/a').publish(1)).toMatchObject({ successful: true });
  });

  it('on a broader wildcard are asked about a subscription to a narrower one', async () => {
    const house = await host();
    house.bayeux.createChannelIfAbsent('/a/**').channel.addAuthorizer(always(deny('closed')));
    const session = await house.enter();
    expect(await session.subscribe('/a/*')).toMatchObject({ error: '403:closed:create_denied' });
    expect(await session.subscribe('/**')).toMatchObject({ successful: true });
  });

  it('deny with a reason that cannot break the error text', async () => {
    const house = await host();
    house.bayeux.createChannelIfAbsent('/a').channel.addAuthorizer(always(deny('a:b,c\nd')));
    const session = await house.enter();
    expect(await session.publish('/a', 1)).toMatchObject({ error: '403:a_b_c_d:publish_denied' });
  });

  it.each([
    ['GRANT_CREATE', ['CREATE']],
    ['GRANT_SUBSCRIBE', ['SUBSCRIBE']],
    ['GRANT_PUBLISH', ['PUBLISH']],
    ['GRANT_CREATE_SUBSCRIBE', ['CREATE', 'SUBSCRIBE']],
    ['GRANT_SUBSCRIBE_PUBLISH', ['SUBSCRIBE', 'PUBLISH']],
    ['GRANT_ALL', ['CREATE', 'SUBSCRIBE', 'PUBLISH']],
    ['GRANT_NONE', []],
  ] as const)('the stock one %s grants what it says and ignores the rest', (name, granted) => {
    const operations = ['CREATE', 'SUBSCRIBE', 'PUBLISH'] as const;
    for (const operation of operations) {
      const result = GrantAuthorizer[name].authorize(operation, undefined as never, null, undefined as never);
      expect(result).toEqual((granted as readonly string[]).includes(operation) ? grant() : ignore());
    }
  });
});

describe('the channels of the cluster', () => {
  const reserved = [
    '/oort',
    '/oort/cloud',
    '/oort/*',
    '/oort/**',
    '/oort/a/b',
    '/seti',
    '/seti/**',
    '/seti/a',
    '/service/oort',
    '/service/oort/a',
    '/service/oort/*',
    '/service/oort/**',
    '/service/seti',
  ];

  it.each(reserved)('%s is closed to remote clients, whatever the policy says', async (name) => {
    const house = await host();
    house.bayeux.securityPolicy = null;
    house.bayeux.createChannelIfAbsent('/**').channel.addAuthorizer(GrantAuthorizer.GRANT_ALL);
    const session = await house.enter();
    expect((await session.subscribe(name)).error).toMatch(/^403:denied_by_not_granting:(create|subscribe)_denied$/);
    expect((await session.publish(name, 1)).error).toMatch(
      name.endsWith('*') ? /^405:/ : /^403:denied_by_not_granting:channel_create_denied$/,
    );
    expect(house.bayeux.getChannel(name)).toBeUndefined();
    house.bayeux.createChannelIfAbsent(name);
    expect((await session.subscribe(['/a', name])).error).toBe('403:denied_by_not_granting:subscribe_denied');
    expect(house.sideOf(session).subscriptions).toEqual([]);
  });

  it('do not reach remote clients through a wildcard, but local sessions they do', async () => {
    const house = await host();
    const remote = await house.enter();
    await remote.subscribe('/**');
    const heard: unknown[] = [];
    const [node, other] = ['node', 'other'].map((hint) => lodge(house.bayeux, hint));
    other?.getChannel('/**').subscribe((_channel, message) => heard.push(message.channel));
    for (const name of ['/oort/cloud', '/seti/all', '/oorts', '/a'])
      expect(await node?.getChannel(name).publish(1)).toMatchObject({ successful: true });
    await remote.event('/a');
    expect(remote.inbox.all.filter((message) => 'data' in message).map((message) => message.channel)).toEqual([
      '/oorts',
      '/a',
    ]);
    expect(heard).toEqual(['/oort/cloud', '/seti/all', '/oorts', '/a']);
  });
});

/** Channels: how they come to be, what they remember, who listens, and when they go. */
import type { ServerChannel } from '@cometd-ts/server';
import { describe, expect, it, vi } from 'vitest';
import { found, host, lodge, pass, stopTheClock } from '../hosting.ts';

describe('creating a channel', () => {
  it('configures it before anybody else can see it, then announces it', () => {
    const bayeux = found();
    const seen: string[] = [];
    const visible = (): string => (bayeux.getChannel('/a') ? 'visible' : 'hidden');
    bayeux.addListener('configureChannel', () => seen.push(`server initialiser ${visible()}`));
    bayeux.addListener('channelAdded', (channel) => seen.push(`added ${channel.id} ${visible()}`));
    const initializers = ['first', 'second'].map((name) => () => void seen.push(`${name} ${visible()}`));
    const { channel, created } = bayeux.createChannelIfAbsent('/a', ...initializers);
    expect(created).toBe(true);
    expect(seen.splice(0)).toEqual(['first hidden', 'second hidden', 'server initialiser hidden', 'added /a visible']);
    expect(bayeux.createChannelIfAbsent('/a', ...initializers)).toEqual({ channel, created: false });
    expect(seen).toEqual([]);
  });

  it('goes on when an initialiser throws', () => {
    const bayeux = found();
    const { channel } = bayeux.createChannelIfAbsent(
      '/a',
      () => {
        throw new Error('broken');
      },
      (one) => {
        one.persistent = true;
      },
    );
    expect(channel.persistent).toBe(true);
    expect(bayeux.diagnostics.counters.get('failed.channel initializer')).toBe(1);
  });

  it.each(['', '/', 'a', '/a/', '/a//b', ' /a', '/a ', '/a/*/b', '/a/**/b', '/{x}/*', '/a<b>', '/ü'])(
    'refuses the name %j',
    (name) => {
      expect(() => found().createChannelIfAbsent(name)).toThrow(RangeError);
    },
  );

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length'])(
    'takes /%s as a name like any other',
    (name) => {
      const bayeux = found();
      expect(bayeux.getChannel(`/${name}`)).toBeUndefined();
      expect(bayeux.getChannel(name)).toBeUndefined();
      expect(bayeux.createChannelIfAbsent(`/${name}`).created).toBe(true);
    },
  );
});

describe('a channel', () => {
  it.each([
    ['/meta/connect', { isMeta: true, isService: false, isBroadcast: false, isWild: false, persistent: true }],
    ['/service/a', { isMeta: false, isService: true, isBroadcast: false, isWild: false, persistent: true }],
    ['/a/**', { isMeta: false, isService: false, isBroadcast: true, isWild: true, persistent: false }],
    ['/meta', { isMeta: false, isService: false, isBroadcast: true }],
    ['/service', { isMeta: false, isService: false, isBroadcast: true }],
    ['/metal/a', { isMeta: false, isBroadcast: true }],
  ])('%s knows its kind', (name, kind) => {
    expect(found().createChannelIfAbsent(name).channel).toMatchObject(kind);
  });

  it('has its defaults', () => {
    expect(found().createChannelIfAbsent('/a').channel).toMatchObject({
      lazy: false,
      lazyTimeout: -1,
      broadcastToPublisher: true,
      subscribers: [],
      authorizers: [],
    });
  });

  it('remembers what the application tells it', () => {
    const bayeux = found();
    bayeux.createChannelIfAbsent('/a').channel.attributes.set('owner', 'me');
    expect(bayeux.getChannel('/a')?.attributes.get('owner')).toBe('me');
  });

  it('takes sessions that are there, and no others', async () => {
    const house = await host();
    const session = await house.enter();
    const side = house.sideOf(session);
    const { channel } = house.bayeux.createChannelIfAbsent('/a');
    const seen: unknown[] = [];
    channel.addListener('subscribed', (_session, _channel, message) => seen.push(message));
    expect(channel.subscribe(side)).toBe(true);
    expect(seen).toEqual([null]);
    expect(side.subscriptions).toEqual([channel]);
    expect(channel.unsubscribe(side)).toBe(true);
    await session.disconnect();
    expect(channel.subscribe(side)).toBe(false);
    expect(house.bayeux.getChannel('/meta/connect')?.subscribe(side)).toBe(false);
    expect(channel.subscribers).toEqual([]);
  });

  it('may lose and gain subscribers and listeners while a message is on its way', async () => {
    const bayeux = found();
    const seen: string[] = [];
    const { channel } = bayeux.createChannelIfAbsent('/a');
    const registration = channel.addListener('message', () => {
      seen.push('first');
      registration.remove();
      channel.addListener('message', () => void seen.push('late'));
    });
    channel.addListener('message', () => void seen.push('second'));
    const [one, two] = ['one', 'two'].map((name) => lodge(bayeux, name));
    one?.getChannel('/a').subscribe(() => {
      seen.push('one');
      if (two) channel.unsubscribe(two.serverSession);
    });
    two?.getChannel('/a').subscribe(() => seen.push('two'));
    channel.publish(null, 1);
    channel.publish(null, 2);
    expect(seen).toEqual(['first', 'second', 'one', 'two', 'second', 'late', 'one']);
  });
});

describe('listeners', () => {
  it('end with their registration or their signal', () => {
    const { channel } = found().createChannelIfAbsent('/a');
    const seen: string[] = [];
    const controller = new AbortController();
    const registration = channel.addListener('message', () => void seen.push('registered'));
    channel.addListener('message', () => void seen.push('signalled'), { signal: controller.signal });
    channel.addListener('message', () => void seen.push('never'), { signal: AbortSignal.abort() });
    channel.publish(null, 1);
    registration.remove();
    registration.remove();
    controller.abort();
    channel.publish(null, 2);
    expect(seen).toEqual(['registered', 'signalled']);
  });

  it('must be functions', () => {
    const { channel } = found().createChannelIfAbsent('/a');
    expect(() => channel.addListener('message', undefined as never)).toThrow(TypeError);
  });
});

describe('the sweeper', () => {
  /** Lets the server sweep so many times. */
  const sweep = (times: number): Promise<void> => pass(times * 997, 997);

  it('removes a channel in its third pass without use, and says so', async () => {
    stopTheClock();
    const bayeux = found();
    bayeux.start();
    const removed: string[] = [];
    bayeux.addListener('channelRemoved', (name) => removed.push(name));
    bayeux.createChannelIfAbsent('/a');
    bayeux.createChannelIfAbsent('/a/b', (channel) => {
      channel.persistent = true;
    });
    await sweep(2);
    expect(bayeux.getChannel('/a')).toBeDefined();
    await sweep(1);
    expect(bayeux.getChannel('/a')).toBeUndefined();
    expect(removed).toEqual(['/a']);
  });

  it.each<[string, (channel: ServerChannel) => void]>([
    ['is persistent', (channel) => Object.assign(channel, { persistent: true })],
    ['has an authorizer', (channel) => channel.addAuthorizer({ authorize: () => ({ verdict: 'grant' }) })],
    ['has a message listener', (channel) => channel.addListener('message', () => true)],
    ['has a subscription listener', (channel) => channel.addListener('subscribed', () => undefined)],
  ])('leaves a channel alone that %s', async (_what, configure) => {
    stopTheClock();
    const bayeux = found();
    bayeux.start();
    bayeux.createChannelIfAbsent('/a', configure);
    await sweep(5);
    expect(bayeux.getChannel('/a')).toBeDefined();
  });

  it('leaves meta channels and channels with subscribers alone', async () => {
    stopTheClock();
    const bayeux = found();
    bayeux.start();
    const local = lodge(bayeux);
    local.getChannel('/a').subscribe(() => undefined);
    await sweep(5);
    expect(bayeux.channels.map((channel) => channel.id).sort()).toEqual([
      '/a',
      '/meta/connect',
      '/meta/disconnect',
      '/meta/handshake',
      '/meta/subscribe',
      '/meta/unsubscribe',
    ]);
  });

  it('does not mind weak listeners, nor those that were removed', async () => {
    stopTheClock();
    const bayeux = found();
    bayeux.start();
    const { channel } = bayeux.createChannelIfAbsent('/a');
    channel.addListener('message', () => true, { weak: true });
    channel.addListener('message', () => true).remove();
    await sweep(3);
    expect(bayeux.getChannel('/a')).toBeUndefined();
  });

  it.each<[string, (channel: ServerChannel) => void]>([
    ['asking for it', () => undefined],
    ['a listener that came and went', (channel) => channel.addListener('message', () => true).remove()],
    [
      'an authorizer that came and went',
      (channel) => channel.addAuthorizer({ authorize: () => ({ verdict: 'grant' }) }).remove(),
    ],
    ['making it not persistent', (channel) => Object.assign(channel, { persistent: false })],
  ])('begins to count anew after %s', async (what, use) => {
    stopTheClock();
    const bayeux = found();
    bayeux.start();
    const { channel } = bayeux.createChannelIfAbsent('/a');
    await sweep(2);
    if (what === 'asking for it') bayeux.createChannelIfAbsent('/a');
    use(channel);
    await sweep(2);
    expect(bayeux.getChannel('/a')).toBe(channel);
    await sweep(1);
    expect(bayeux.getChannel('/a')).toBeUndefined();
  });

  it('is not held up by publishing, and a removed channel still reaches wildcard subscribers', async () => {
    stopTheClock();
    const bayeux = found();
    bayeux.start();
    const { channel } = bayeux.createChannelIfAbsent('/a');
    const local = lodge(bayeux);
    const heard = vi.fn();
    local.getChannel('/*').subscribe((_channel, message) => heard(message.data));
    for (let index = 0; index < 3; index++) {
      await channel.publish(null, index);
      await sweep(1);
    }
    expect(bayeux.getChannel('/a')).toBeUndefined();
    await channel.publish(null, 'after');
    expect(heard.mock.calls.flat()).toEqual([0, 1, 2, 'after']);
  });

  it('runs at the pace of sweepPeriod, and an idle server keeps no process alive', async () => {
    stopTheClock();
    const bayeux = found({ sweepPeriod: 100 });
    bayeux.start();
    bayeux.createChannelIfAbsent('/a');
    await pass(300);
    expect(bayeux.getChannel('/a')).toBeUndefined();
  });
});

describe('service channels', () => {
  it('that nobody listens to are not made by publishing or subscribing', async () => {
    const house = await host();
    const session = await house.enter();
    const before = house.bayeux.channels.length;
    for (let index = 0; index < 10; index++) {
      expect(await session.publish(`/service/${index}`, 1)).toMatchObject({ successful: true });
      expect(await session.subscribe(`/service/${index}`)).toMatchObject({ successful: true });
    }
    expect(house.bayeux.channels).toHaveLength(before);
  });

  it('tell wildcard listeners all the same', async () => {
    const house = await host();
    const session = await house.enter();
    const seen: unknown[] = [];
    house.bayeux
      .createChannelIfAbsent('/service/**')
      .channel.addListener('message', (from, channel, message) => void seen.push([from?.id, channel.id, message.data]));
    await session.publish('/service/a/b', 1);
    expect(seen).toEqual([[session.clientId, '/service/a/b', 1]]);
  });

  it('show listeners the id and the clientId of the sender, which broadcast channels do not', async () => {
    const house = await host();
    const session = await house.enter();
    const seen: unknown[] = [];
    house.bayeux.createChannelIfAbsent('/**').channel.addListener('message', (_from, channel, message) => {
      seen.push([channel.id, 'id' in message, 'clientId' in message]);
    });
    await session.publish('/service/a', 1);
    await session.publish('/a', 1);
    expect(seen).toEqual([
      ['/service/a', true, true],
      ['/a', false, false],
    ]);
  });
});

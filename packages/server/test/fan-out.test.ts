/** From one publish to its subscribers: who gets it, once, and what exactly arrives. */
import { ServerMessage, type SessionEvents } from '@cometd-ts/server';
import { describe, expect, it } from 'vitest';
import { found, host, httpOf, transports } from './hosting.ts';

describe('a published message', () => {
  it.each(transports)(
    'reaches a session once over %s, through however many channels it is subscribed',
    async (transport) => {
      const house = await host();
      const session = await house.enter(transport);
      await session.subscribe(['/a/b', '/a/*', '/a/**', '/**']);
      await session.publish('/a/b', 1);
      await session.publish('/a/c', 2);
      expect(session.inbox.all.filter((message) => 'data' in message)).toEqual([
        { channel: '/a/b', data: 1 },
        { channel: '/a/c', data: 2 },
      ]);
    },
  );

  it('is offered again through the exact channel to a session that refused it through a wildcard', async () => {
    const house = await host();
    const session = await house.enter();
    await session.subscribe(['/a', '/*']);
    let asked = 0;
    house
      .sideOf(session)
      .addListener('message', (_session, _sender, message) => message.channel !== '/a' || asked++ > 0);
    await session.publish('/a', 1);
    expect(asked).toBe(2);
    expect(session.inbox.events('/a')).toHaveLength(1);
  });

  it('reaches nobody after unsubscribing', async () => {
    const session = await (await host()).enter();
    await session.subscribe('/a');
    await session.unsubscribe('/a');
    await session.publish('/a', 1);
    expect(session.inbox.events('/a')).toEqual([]);
  });

  it('is encoded once, whatever the number of subscribers', async () => {
    const house = await host();
    const texts = new Set<string>();
    const messages = new Set<ServerMessage>();
    const remember: SessionEvents['queued'] = (_sender, message) => {
      texts.add(message.json);
      messages.add(message);
    };
    const sessions = await Promise.all(Array.from({ length: 5 }, () => house.enter()));
    for (const session of sessions) {
      await session.subscribe('/a');
      house.sideOf(session).addListener('queued', remember);
    }
    await house.bayeux.getChannel('/a')?.publish(null, { n: 1 });
    expect([...texts]).toEqual(['{"channel":"/a","data":{"n":1}}']);
    expect(messages.size).toBe(1);
  });

  it('cannot be changed once it is frozen, but a copy can, for one session', async () => {
    const house = await host();
    const [special, ordinary] = await Promise.all([house.enter(), house.enter()]);
    for (const one of [special, ordinary]) await one.subscribe('/a');
    house.sideOf(special).addExtension({
      send: (_sender, _session, message) => {
        if (message.channel !== '/a') return message;
        expect(message.frozen).toBe(true);
        expect(() => {
          message.data = 'other';
        }).toThrow(TypeError);
        const copy = message.copy();
        copy.data = 'for you';
        return copy;
      },
    });
    await house.bayeux.getChannel('/a')?.publish(null, 'for all');
    expect(await special.event('/a')).toEqual({ channel: '/a', data: 'for you' });
    expect(await ordinary.event('/a')).toEqual({ channel: '/a', data: 'for all' });
  });

  it('may be changed by listeners and outgoing extensions for everybody', async () => {
    const house = await host();
    const session = await house.enter();
    await session.subscribe('/a');
    house.bayeux.getChannel('/a')?.addListener('message', (_from, _channel, message) => {
      message.data = `${message.data} listened`;
    });
    house.bayeux.addExtension({
      send: (_from, to, message) => {
        if (to === null) message.ext = { seen: true };
      },
    });
    await session.publish('/a', 'said');
    expect(await session.event('/a')).toEqual({ channel: '/a', data: 'said listened', ext: { seen: true } });
  });

  it('keeps numbers to the last digit', async () => {
    const house = await host();
    const session = await house.enter('long-polling');
    await session.subscribe('/a');
    const body = `[{"channel":"/a","clientId":"${session.clientId}","id":"z","data":{"big":12345678901234567890,"small":1.10}}]`;
    const response = await httpOf(session).post(body);
    expect(response.body).toContain('"data":{"big":12345678901234567890,"small":1.10}');
  });

  it('without data stays without', async () => {
    const house = await host();
    const [session, listener] = await Promise.all([house.enter(), house.enter()]);
    await listener.subscribe('/a');
    await session.call('/a');
    await house.bayeux.getChannel('/a')?.publishMessage(null, { channel: '/a', ext: { only: 1 } });
    expect(await listener.event('/a')).toEqual({ channel: '/a' });
    expect(await listener.event('/a')).toEqual({ channel: '/a', ext: { only: 1 } });
  });
});

describe('what travels to subscribers', () => {
  const extras = { ext: { token: 'S' }, foo: 1, advice: { reconnect: 'none' }, successful: true };

  it('is channel and data alone', async () => {
    const house = await host();
    const [publisher, subscriber] = await Promise.all([house.enter(), house.enter()]);
    await subscriber.subscribe('/a');
    await publisher.call('/a', { data: 1, ...extras });
    expect(await subscriber.event('/a')).toEqual({ channel: '/a', data: 1 });
  });

  it('includes the fields of forwardFields', async () => {
    const house = await host({ forwardFields: ['ext'] });
    const [publisher, subscriber] = await Promise.all([house.enter(), house.enter()]);
    await subscriber.subscribe('/a');
    await publisher.call('/a', { data: 1, ...extras });
    expect(await subscriber.event('/a')).toEqual({ channel: '/a', data: 1, ext: { token: 'S' } });
  });

  it('never includes what belongs to requests and replies, even with all fields forwarded', async () => {
    const house = await host({ forwardFields: ['*', 'clientId', 'id'] });
    const [publisher, subscriber] = await Promise.all([house.enter(), house.enter()]);
    await subscriber.subscribe('/a');
    await publisher.call('/a', { data: 1, ...extras });
    expect(await subscriber.event('/a')).toEqual({ channel: '/a', data: 1, ext: { token: 'S' }, foo: 1 });
  });
});

describe('broadcastToPublisher', () => {
  it('false on the server keeps new sessions from hearing themselves', async () => {
    const house = await host({ broadcastToPublisher: false });
    const [publisher, other] = await Promise.all([house.enter(), house.enter()]);
    for (const one of [publisher, other]) await one.subscribe('/a');
    await publisher.publish('/a', 1);
    expect(await other.event('/a')).toMatchObject({ data: 1 });
    expect(publisher.inbox.events('/a')).toEqual([]);
    house.sideOf(publisher).broadcastToPublisher = true;
    await publisher.publish('/a', 2);
    expect(publisher.inbox.events('/a')).toMatchObject([{ data: 2 }]);
  });

  it('false on a session or on a channel is enough', async () => {
    const house = await host();
    const session = await house.enter();
    await session.subscribe(['/a', '/b']);
    const channel = house.bayeux.getChannel('/a');
    if (channel) channel.broadcastToPublisher = false;
    await session.publish('/a', 1);
    await session.publish('/b', 1);
    expect([session.inbox.events('/a').length, session.inbox.events('/b').length]).toEqual([0, 1]);
    house.sideOf(session).broadcastToPublisher = false;
    await session.publish('/b', 2);
    expect(session.inbox.events('/b')).toHaveLength(1);
  });

  it('of a channel counts for that channel: through a wildcard the publisher still hears itself', async () => {
    const house = await host();
    const session = await house.enter();
    await session.subscribe(['/a', '/*']);
    const channel = house.bayeux.getChannel('/a');
    if (channel) channel.broadcastToPublisher = false;
    await session.publish('/a', 1);
    expect(session.inbox.events('/a')).toHaveLength(1);
  });

  it('does not concern messages that are delivered', async () => {
    const house = await host({ broadcastToPublisher: false });
    const session = await house.enter();
    const side = house.sideOf(session);
    expect(await side.deliver(side, '/service/mine', 1)).toBe(true);
    expect(await session.event('/service/mine')).toMatchObject({ data: 1 });
  });
});

describe('publishing by the server', () => {
  it('tells whether anybody got the message', async () => {
    const house = await host();
    const session = await house.enter();
    await session.subscribe('/a');
    const { channel } = house.bayeux.createChannelIfAbsent('/b');
    expect(await house.bayeux.getChannel('/a')?.publish(null, 1)).toBe(true);
    expect(await channel.publish(null, 1)).toBe(false);
    house.sideOf(session).addListener('message', () => false);
    expect(await house.bayeux.getChannel('/a')?.publish(null, 1)).toBe(false);
  });

  it('asks no policy, no authorizer and no incoming extension, but listeners and outgoing extensions', async () => {
    const bayeux = found();
    const seen: string[] = [];
    bayeux.securityPolicy = { canPublish: () => false };
    bayeux.addExtension({ rcv: () => void seen.push('rcv'), send: () => void seen.push('send') });
    const { channel } = bayeux.createChannelIfAbsent('/a', (one) => {
      one.addAuthorizer({ authorize: () => ({ verdict: 'ignore' }) });
      one.addListener('message', () => void seen.push('listener'));
    });
    await channel.publish(null, 1);
    expect(seen).toEqual(['listener', 'send']);
  });

  it('on a wildcard channel throws', () => {
    const { channel } = found().createChannelIfAbsent('/a/*');
    expect(() => channel.publish(null, 1)).toThrow('A message cannot be published to the wildcard channel /a/*');
  });

  it('with a sender that is no session throws', () => {
    const { channel } = found().createChannelIfAbsent('/a');
    expect(() => channel.publish({} as never, 1)).toThrow(TypeError);
  });

  it('of a frozen or foreign message sets its channel and leaves the original alone', async () => {
    const house = await host();
    const session = await house.enter();
    await session.subscribe('/b');
    const messages: ServerMessage[] = [];
    house.bayeux
      .createChannelIfAbsent('/a')
      .channel.addListener('message', (_from, _channel, message) => void messages.push(message));
    await house.bayeux.getChannel('/a')?.publish(null, 'moved');
    const [original] = messages;
    if (!original) throw new Error('the listener was not called');
    await house.bayeux.getChannel('/b')?.publishMessage(null, original);
    expect(await session.event('/b')).toEqual({ channel: '/b', data: 'moved' });
    expect(original.channel).toBe('/a');
  });
});

describe('deliver', () => {
  it('puts in what is given, id and all, past channels and their listeners', async () => {
    const house = await host();
    const session = await house.enter();
    const seen: string[] = [];
    house.bayeux.createChannelIfAbsent('/**').channel.addListener('message', () => void seen.push('listener'));
    await house.sideOf(session).deliver(null, { channel: '/service/x', id: '9', data: 1, extra: true });
    expect(await session.event('/service/x')).toEqual({ channel: '/service/x', id: '9', data: 1, extra: true });
    expect(seen).toEqual([]);
    expect(house.bayeux.getChannel('/service/x')).toBeUndefined();
  });

  it('answers false for a session that is gone', async () => {
    const house = await host();
    const session = await house.enter();
    const side = house.sideOf(session);
    await session.disconnect();
    expect(await side.deliver(null, '/a', 1)).toBe(false);
  });

  it('passes the outgoing extensions, which may stop it', async () => {
    const house = await host();
    const side = house.sideOf(await house.enter());
    const registration = house.bayeux.addExtension({ send: (_from, to) => to !== side });
    expect(await side.deliver(null, '/a', 1)).toBe(false);
    registration.remove();
    expect(await side.deliver(null, new ServerMessage({ channel: '/a', data: 1 }))).toBe(true);
  });
});

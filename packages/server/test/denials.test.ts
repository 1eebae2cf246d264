/** What stops a message, what the publisher hears of it, and that whatever throws affects its own message alone. */
import type { ServerMessage } from '@cometd-ts/server';
import { describe, expect, it } from 'vitest';
import { found, gate, held, host, transports } from './hosting.ts';

const fail = (): never => {
  throw new Error('user code is broken');
};
const reject = (): Promise<never> => Promise.reject(new Error('user code is broken'));
const failures = [
  ['throws', fail],
  ['rejects', reject],
] as const;

describe('a negative verdict', () => {
  it('of a server extension answers 404, and later extensions are not asked', async () => {
    const house = await host();
    const session = await house.enter();
    const seen: string[] = [];
    house.bayeux.addExtension({ rcv: () => false });
    house.bayeux.addExtension({ rcv: () => void seen.push('later') });
    expect(await session.publish('/a', 1)).toMatchObject({ successful: false, error: '404::message_deleted' });
    expect(seen).toEqual([]);
    expect(house.bayeux.getChannel('/a')).toBeUndefined();
  });

  it('of a session extension answers 404', async () => {
    const house = await host();
    const session = await house.enter();
    house.sideOf(session).addExtension({ rcv: () => false });
    expect(await session.publish('/a', 1)).toMatchObject({ error: '404::message_deleted' });
  });

  it('of a listener answers 404, and more specific listeners are not asked', async () => {
    const house = await host();
    const session = await house.enter();
    const seen: string[] = [];
    house.bayeux.createChannelIfAbsent('/*').channel.addListener('message', () => false);
    house.bayeux.createChannelIfAbsent('/a').channel.addListener('message', () => void seen.push('/a'));
    expect(await session.publish('/a', 1)).toMatchObject({ error: '404::message_deleted' });
    expect(seen).toEqual([]);
  });

  it('of an outgoing extension answers 404 to the publisher, and nobody gets the message', async () => {
    const house = await host();
    const session = await house.enter();
    await session.subscribe('/a');
    house.bayeux.addExtension({ send: (_from, to) => to !== null });
    expect(await session.publish('/a', 1)).toMatchObject({ error: '404::message_deleted' });
    expect(session.inbox.events('/a')).toEqual([]);
  });

  it('of a session on its own copy keeps it from that session alone', async () => {
    const house = await host();
    const [choosy, deaf, open] = await Promise.all([house.enter(), house.enter(), house.enter()]);
    for (const one of [choosy, deaf, open]) await one.subscribe('/a');
    const seen: string[] = [];
    house.sideOf(choosy).addExtension({ send: () => null });
    house.sideOf(deaf).addListener('message', () => false);
    house.sideOf(deaf).addListener('message', () => void seen.push('later'));
    expect(await open.publish('/a', 1)).toMatchObject({ successful: true });
    expect(open.inbox.events('/a')).toHaveLength(1);
    await Promise.all([choosy.subscribe('/fence'), deaf.subscribe('/fence')]);
    expect([...choosy.inbox.events('/a'), ...deaf.inbox.events('/a'), ...seen]).toEqual([]);
  });

  it('that has filled in the reply as handled leaves its words as they are', async () => {
    const house = await host();
    const session = await house.enter();
    house.bayeux
      .createChannelIfAbsent('/a')
      .channel.addListener('message', (_from, _channel, { associated: reply }) => {
        if (!reply) return true;
        reply.handled = true;
        reply.successful = false;
        reply.error = '499:mine:own_error';
        return false;
      });
    expect(await session.publish('/a', 1)).toMatchObject({ successful: false, error: '499:mine:own_error' });
  });
});

describe.each(failures)('user code that %s', (_how, broken) => {
  it('in an incoming extension is reported, and the message goes on', async () => {
    const house = await host();
    const session = await house.enter();
    house.bayeux.addExtension({ rcv: broken, rcvMeta: broken });
    house.sideOf(session).addExtension({ rcv: broken, rcvMeta: broken });
    expect(await session.subscribe('/a')).toMatchObject({ successful: true });
    expect(await session.publish('/a', 1)).toMatchObject({ successful: true });
    expect(house.bayeux.diagnostics.counters.get('failed.extension')).toBe(2);
    expect(house.bayeux.diagnostics.counters.get('failed.session extension')).toBe(2);
  });

  it('in an outgoing extension is reported, and messages and replies go on unchanged', async () => {
    const house = await host();
    const session = await house.enter();
    await session.subscribe('/a');
    house.bayeux.addExtension({ send: broken, sendMeta: broken });
    house.sideOf(session).addExtension({ send: broken, sendMeta: broken });
    expect(await session.publish('/a', 1)).toMatchObject({ successful: true });
    expect(await session.event('/a')).toEqual({ channel: '/a', data: 1 });
  });

  it('in a listener is reported, and the message goes on to the next', async () => {
    const house = await host();
    const session = await house.enter();
    await session.subscribe('/a');
    const seen: string[] = [];
    house.bayeux.getChannel('/a')?.addListener('message', broken);
    house.bayeux.getChannel('/a')?.addListener('message', () => void seen.push('next'));
    house.sideOf(session).addListener('message', broken);
    expect(await session.publish('/a', 1)).toMatchObject({ successful: true });
    expect(await session.event('/a')).toMatchObject({ data: 1 });
    expect(seen).toEqual(['next']);
  });

  it.each([
    ['canCreate', 'channel_create_denied'],
    ['canPublish', 'publish_denied'],
  ] as const)('in %s of the policy denies that publish alone', async (method, error) => {
    const house = await host();
    const session = await house.enter();
    house.bayeux.createChannelIfAbsent('/service/b').channel.addListener('message', () => undefined);
    house.bayeux.securityPolicy = {
      [method]: (_server: unknown, _session: unknown, channel: string | { id: string }) =>
        (typeof channel === 'string' ? channel : channel.id) === '/a' ? broken() : true,
    };
    const replies = await session.ask(
      session.message('/service/b', { data: 1 }),
      session.message('/a', { data: 1 }),
      session.message('/service/b', { data: 1 }),
    );
    expect(replies.map((reply) => reply.error)).toEqual([
      undefined,
      `403:denied_by_security_policy:${error}`,
      undefined,
    ]);
    expect(house.bayeux.diagnostics.counters.get('failed.security policy')).toBe(1);
  });

  it('in canSubscribe denies the subscription', async () => {
    const house = await host();
    const session = await house.enter();
    house.bayeux.securityPolicy = { canSubscribe: broken };
    expect(await session.subscribe('/a')).toMatchObject({
      error: '403:denied_by_security_policy:subscribe_denied',
    });
  });

  it('in canHandshake denies the handshake', async () => {
    const house = await host();
    house.bayeux.securityPolicy = { canHandshake: broken };
    const stranger = await house.knock();
    expect(await stranger.handshake()).toMatchObject({
      successful: false,
      error: '403::handshake_denied',
      advice: { reconnect: 'none' },
    });
    expect(house.bayeux.sessions).toEqual([]);
  });

  it('in an authorizer denies', async () => {
    const house = await host();
    const session = await house.enter();
    house.bayeux.createChannelIfAbsent('/a').channel.addAuthorizer({ authorize: broken });
    expect(await session.publish('/a', 1)).toMatchObject({ error: '403:denied_by_not_granting:publish_denied' });
    expect(await session.publish('/b', 1)).toMatchObject({ successful: true });
  });

  it('in a listener without a say is reported, and the others are called', async () => {
    const house = await host();
    const seen: string[] = [];
    for (const listener of [broken, undefined]) {
      const call = (name: string) => listener ?? ((): void => void seen.push(name));
      house.bayeux.addListener('sessionAdded', call('sessionAdded'));
      house.bayeux.addListener('sessionRemoved', call('sessionRemoved'));
      house.bayeux.addListener('channelAdded', call('channelAdded'));
      house.bayeux.addListener('configureChannel', call('configureChannel'));
      house.bayeux.addListener('subscribed', call('subscribed'));
      house.bayeux.addListener('unsubscribed', call('unsubscribed'));
    }
    const session = await house.enter();
    await session.subscribe('/a');
    await session.unsubscribe('/a');
    await session.disconnect();
    expect(seen).toEqual([
      'sessionAdded',
      'configureChannel',
      'channelAdded',
      'subscribed',
      'unsubscribed',
      'sessionRemoved',
    ]);
  });
});

describe('a message that cannot be written', () => {
  it('is thrown at the application that publishes it', () => {
    const { channel } = found().createChannelIfAbsent('/a');
    expect(() => channel.publish(null, 10n)).toThrow(TypeError);
  });

  it('fails the publish of the client whose listener made it so, and no other', async () => {
    const house = await host();
    const session = await house.enter();
    house.bayeux.createChannelIfAbsent('/a').channel.addListener('message', (_from, _channel, message) => {
      if (message.data === 'bad') message.data = 10n;
    });
    const replies = await session.ask(session.message('/a', { data: 'bad' }), session.message('/a', { data: 'good' }));
    expect(replies.map((reply) => reply.error)).toEqual(['500::internal_error', undefined]);
  });

  it('made so by an extension of one subscriber is kept from that subscriber alone', async () => {
    const house = await host();
    const [poisoned, healthy, publisher] = await Promise.all([house.enter(), house.enter(), house.enter()]);
    await poisoned.subscribe('/a');
    await healthy.subscribe('/a');
    house.sideOf(poisoned).addExtension({
      send: (_sender, _session, message) => {
        if (message.channel !== '/a') return message;
        const copy = message.copy();
        copy.data = 10n;
        return copy;
      },
    });
    expect(await publisher.publish('/a', 1)).toMatchObject({ successful: true });
    expect(await healthy.event('/a')).toMatchObject({ data: 1 });
    expect(await poisoned.publish('/b', 1)).toMatchObject({ successful: true });
    expect(poisoned.inbox.events('/a')).toEqual([]);
  });

  it.each(transports)(
    'put into the queue by a deQueue listener does not reach %s, and the server lives',
    async (transport) => {
      const house = await host();
      const session = await house.enter(transport);
      await session.subscribe('/a');
      house.sideOf(session).addListener('deQueue', (_session, queue) => {
        for (const message of queue)
          if (message.data === 'bad') queue.splice(queue.indexOf(message), 1, copyWith(message, 10n));
      });
      await session.publish('/a', 'bad');
      await session.publish('/a', 'good');
      expect(await session.event('/a')).toMatchObject({ data: 'good' });
      expect(house.bayeux.diagnostics.counters.get("failed.session listener 'deQueue'")).toBe(1);
    },
  );

  it('put among the replies by a deQueue listener reaches nobody', async () => {
    const house = await host();
    const [bad, good] = await Promise.all([house.enter('websocket'), house.enter('websocket')]);
    for (const session of [bad, good]) await session.subscribe('/a');
    const seen: number[] = [];
    house.sideOf(bad).addListener('deQueue', (_session, queue, replies) => {
      if (replies.length === 0) (replies as ServerMessage[]).push(...queue);
    });
    house.sideOf(good).addListener('deQueue', (_session, _queue, replies) => seen.push(replies.length));
    house.bayeux.getChannel('/a')?.publish(null, 1);
    for (const session of [bad, good]) expect(await session.event('/a')).toMatchObject({ data: 1 });
    expect(seen).toEqual([0]);
  });

  it('ends the session all the same when it is the farewell', async () => {
    const house = await host();
    const session = await house.enter();
    const { reply } = await held(house, session);
    house.bayeux.addExtension({
      sendMeta: (_from, _to, message) => {
        if (message.channel === '/meta/disconnect') message.ext = { number: 10n };
      },
    });
    house.sideOf(session).disconnect();
    expect(await reply).toMatchObject({ successful: true, advice: { reconnect: 'none' } });
    expect(house.bayeux.diagnostics.counters.get('failed.disconnect')).toBe(1);
  });

  it('leaves its neighbours in the array as they are when it is a reply', async () => {
    const house = await host();
    const session = await house.enter();
    house.bayeux.addExtension({
      send: (_from, _to, message) => {
        if (message.channel === '/bad') message.ext = { number: 10n };
      },
    });
    const replies = await session.ask(session.message('/bad', { data: 1 }), session.message('/good', { data: 1 }));
    expect(replies.map((reply) => reply.error)).toEqual(['500::internal_error', undefined]);
  });
});

function copyWith(message: ServerMessage, data: unknown): ServerMessage {
  const copy = message.copy();
  copy.data = data;
  return copy;
}

describe('a listener that ends more batches than it began', () => {
  it.each(transports)('does no harm over %s', async (transport) => {
    const house = await host();
    const session = await house.enter(transport);
    house.bayeux.createChannelIfAbsent('/service/a').channel.addListener('message', async (from) => {
      from?.endBatch();
    });
    expect(await session.publish('/service/a', 1)).toMatchObject({ successful: true });
    expect(await session.publish('/service/b', 1)).toMatchObject({ successful: true });
  });
});

describe('a callback that never answers', () => {
  it('keeps its own payload waiting, and nobody else', async () => {
    const house = await host();
    const [stuck, other] = await Promise.all([house.enter(), house.enter()]);
    const reached = gate();
    house.bayeux.createChannelIfAbsent('/stuck').channel.addListener('message', () => {
      reached.open();
      return new Promise<never>(() => undefined);
    });
    stuck.publish('/stuck', 1).catch(() => undefined);
    await reached.opened;
    expect(await other.publish('/a', 1)).toMatchObject({ successful: true });
  });
});

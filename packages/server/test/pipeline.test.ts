/** The way of a message through the server: who sees it in which order, and that synchronous stays synchronous. */
import type { BayeuxServer, ServerSession } from '@cometd-ts/server';
import type { RawSession } from '@cometd-ts/testkit';
import { describe, expect, it } from 'vitest';
import { found, gate, type House, host, lodge } from './hosting.ts';

/** Probes of the server as a whole: what they see, in order. */
function probeServer(bayeux: BayeuxServer, seen: string[]): void {
  bayeux.addExtension({
    rcv: (_from, message) => void seen.push(`server rcv ${message.channel}`),
    send: (_from, to, message) =>
      void seen.push(`server send ${'successful' in message ? 'reply' : message.channel} to ${nameOf(to)}`),
  });
}

function nameOf(session: ServerSession | null): string {
  return session === null ? 'nobody' : String(session.attributes.get('name'));
}

/** Probes of one session. */
function probeSession(session: ServerSession, name: string, seen: string[]): void {
  session.attributes.set('name', name);
  session.addExtension({
    rcv: (_session, message) => void seen.push(`${name} rcv ${message.channel}`),
    send: (_sender, _session, message) => {
      seen.push(`${name} send ${'successful' in message ? 'reply' : message.channel}`);
      return message;
    },
  });
  session.addListener('message', (_session, _sender, message) => void seen.push(`${name} message ${message.channel}`));
  session.addListener('queued', (_sender, message) => void seen.push(`${name} queued ${message.channel}`));
}

async function publisherAndSubscriber(house: House, seen: string[]): Promise<[RawSession, RawSession]> {
  const publisher = await house.enter();
  const subscriber = await house.enter();
  await subscriber.subscribe('/news');
  probeServer(house.bayeux, seen);
  probeSession(house.sideOf(publisher), 'P', seen);
  probeSession(house.sideOf(subscriber), 'S', seen);
  return [publisher, subscriber];
}

describe('the order of callbacks', () => {
  it('is that of the reference for a broadcast message', async () => {
    const house = await host();
    const seen: string[] = [];
    const [publisher] = await publisherAndSubscriber(house, seen);
    house.bayeux.getChannel('/news')?.addListener('message', () => void seen.push('listener'));
    await publisher.publish('/news', 1);
    expect(seen).toEqual([
      'server rcv /news',
      'P rcv /news',
      'listener',
      'server send /news to nobody',
      'S send /news',
      'S message /news',
      'S queued /news',
      'server send reply to P',
      'P send reply',
    ]);
  });

  it('is that of the reference for a service message that is answered by delivering to the sender', async () => {
    const house = await host();
    const seen: string[] = [];
    const [publisher] = await publisherAndSubscriber(house, seen);
    house.bayeux.createChannelIfAbsent('/service/ask').channel.addListener('message', (from) => {
      seen.push('listener');
      from?.deliver(null, '/answer', 2);
    });
    await publisher.publish('/service/ask', 1);
    expect(seen).toEqual([
      'server rcv /service/ask',
      'P rcv /service/ask',
      'listener',
      'server send /answer to P',
      'P send /answer',
      'P message /answer',
      'P queued /answer',
      'server send reply to P',
      'P send reply',
    ]);
  });

  it('is that of the reference for a service message whose listener publishes', async () => {
    const house = await host();
    const seen: string[] = [];
    const [publisher] = await publisherAndSubscriber(house, seen);
    house.bayeux.createChannelIfAbsent('/service/tell').channel.addListener('message', (from) => {
      seen.push('listener');
      house.bayeux.getChannel('/news')?.publish(from, 2);
    });
    await publisher.publish('/service/tell', 1);
    expect(seen).toEqual([
      'server rcv /service/tell',
      'P rcv /service/tell',
      'listener',
      'server send /news to nobody',
      'S send /news',
      'S message /news',
      'S queued /news',
      'server send reply to P',
      'P send reply',
    ]);
  });

  it('asks policy and authorizers after the extensions and before the listeners', async () => {
    const house = await host();
    const seen: string[] = [];
    const publisher = await house.enter();
    house.bayeux.addExtension({ rcv: () => void seen.push('extension') });
    house.bayeux.securityPolicy = {
      canCreate: () => void seen.push('may create'),
      canPublish: () => void seen.push('may publish'),
    };
    house.bayeux.createChannelIfAbsent('/**').channel.addAuthorizer({
      authorize: (operation) => {
        seen.push(`authorizer ${operation}`);
        return { verdict: 'grant' };
      },
    });
    house.bayeux.createChannelIfAbsent('/**').channel.addListener('message', () => void seen.push('listener'));
    await publisher.publish('/new', 1);
    expect(seen).toEqual([
      'extension',
      'may create',
      'authorizer CREATE',
      'may publish',
      'authorizer PUBLISH',
      'listener',
    ]);
  });

  it('calls incoming extensions as they were added, outgoing ones in reverse, and meta variants for meta messages', async () => {
    const house = await host();
    const seen: string[] = [];
    for (const name of ['a', 'b'])
      house.bayeux.addExtension({
        rcv: () => void seen.push(`${name} rcv`),
        rcvMeta: () => void seen.push(`${name} rcvMeta`),
        send: () => void seen.push(`${name} send`),
        sendMeta: () => void seen.push(`${name} sendMeta`),
      });
    const session = await house.knock();
    await session.handshake();
    expect(seen.splice(0)).toEqual(['a rcvMeta', 'b rcvMeta', 'b sendMeta', 'a sendMeta']);
    await session.publish('/service/nobody', 1);
    expect(seen).toEqual(['a rcv', 'b rcv', 'b send', 'a send']);
  });

  it('lets a session extension that was added during the handshake see the rest of that handshake', async () => {
    const house = await host();
    const seen: string[] = [];
    house.bayeux.addExtension({
      rcvMeta: (from) =>
        void from?.addExtension({
          rcvMeta: (_session, message) => void seen.push(`rcv ${message.channel}`),
          sendMeta: (_sender, _session, message) => void seen.push(`send ${message.channel}`),
        }),
    });
    await (await house.knock()).handshake();
    expect(seen).toEqual(['rcv /meta/handshake', 'send /meta/handshake']);
  });

  it('visits listeners from /** down to the exact channel, each with the exact channel', async () => {
    const house = await host();
    const seen: string[] = [];
    const publisher = await house.enter();
    for (const name of ['/a/b', '/a/*', '/**', '/a/**', '/other'])
      house.bayeux
        .createChannelIfAbsent(name)
        .channel.addListener('message', (_from, channel) => void seen.push(`${name} hears ${channel.id}`));
    await publisher.publish('/a/b', 1);
    expect(seen).toEqual(['/** hears /a/b', '/a/** hears /a/b', '/a/* hears /a/b', '/a/b hears /a/b']);
  });

  it('shows meta messages to listeners on their channel and on wildcards, which may stop them', async () => {
    const house = await host();
    const session = await house.enter();
    const seen: string[] = [];
    house.bayeux
      .createChannelIfAbsent('/meta/*')
      .channel.addListener('message', (_from, channel) => void seen.push(channel.id));
    house.bayeux.getChannel('/meta/subscribe')?.addListener('message', () => false);
    expect(await session.subscribe('/a')).toMatchObject({ successful: false, error: '404::message_deleted' });
    expect(house.sideOf(session).subscriptions).toEqual([]);
    expect(seen).toEqual(['/meta/subscribe']);
  });

  it('shows extensions the messages of unknown sessions, with no session', async () => {
    const house = await host();
    const seen: unknown[] = [];
    house.bayeux.addExtension({ rcv: (from) => void seen.push(from) });
    const stranger = await house.knock();
    stranger.clientId = 'nobody';
    expect(await stranger.publish('/a', 1)).toMatchObject({ error: '402::session_unknown' });
    expect(seen).toEqual([null]);
  });
});

describe('replies', () => {
  it('echo channel, id and subscription, and carry no clientId', async () => {
    const session = await (await host()).enter();
    const [reply] = await session.ask({ ...session.message('/meta/subscribe', { subscription: ['/a', '/b'] }) });
    expect(reply).toEqual({
      id: expect.any(String),
      channel: '/meta/subscribe',
      subscription: ['/a', '/b'],
      successful: true,
    });
  });

  it('answer a number as id with the same digits as a string', async () => {
    const session = await (await host()).enter();
    const reply = session.inbox.reply('77');
    (session.client as { post(payload: unknown): void }).post([{ ...session.message('/a', { data: 1 }), id: 77 }]);
    expect(await reply).toMatchObject({ id: '77', successful: true });
  });

  it('are sent to messages that fail validation, and outgoing extensions see them', async () => {
    const house = await host();
    const seen: string[] = [];
    house.bayeux.addExtension({
      rcv: () => void seen.push('rcv'),
      send: (_from, _to, message) => void seen.push(`send ${message.error}`),
    });
    const session = await house.enter();
    const [missing, invalid] = await session.ask(
      { id: 'a', clientId: session.clientId, data: 1 },
      { id: 'b', clientId: session.clientId, channel: 5 as never, data: 1 },
    );
    expect(missing).toEqual({ id: 'a', successful: false, error: '400::channel_missing' });
    expect(invalid).toEqual({ id: 'b', channel: 5, successful: false, error: '405::channel_invalid' });
    expect(seen).toEqual(['send 400::channel_missing', 'send 405::channel_invalid']);
  });

  it('may be decorated by whoever sees the request, also when it is denied', async () => {
    const house = await host();
    house.bayeux.securityPolicy = {
      canPublish: (_server, _session, _channel, message) => {
        if (message.associated) message.associated.ext = { why: 'quota' };
        return false;
      },
    };
    const session = await house.enter();
    expect(await session.publish('/a', 1)).toEqual({
      id: expect.any(String),
      channel: '/a',
      successful: false,
      error: '403:denied_by_security_policy:publish_denied',
      ext: { why: 'quota' },
    });
  });

  it.each(['websocket', 'long-polling'] as const)(
    'stay away over %s when an extension swallows them',
    async (transport) => {
      const house = await host();
      const session = await house.enter(transport);
      const registration = house.bayeux.addExtension({ send: () => false });
      const silent = session.message('/service/nobody', { data: 1 });
      if (session.client.transport === 'long-polling') expect(await session.client.send([silent])).toEqual([]);
      else session.client.post([silent]);
      await session.subscribe('/fence');
      registration.remove();
      expect(session.inbox.all.some((message) => message.id === silent.id)).toBe(false);
    },
  );

  it.each(['websocket', 'long-polling'] as const)(
    'come after the messages that were published before them over %s, for a publisher that subscribes',
    async (transport) => {
      const session = await (await host()).enter(transport);
      await session.subscribe('/a');
      await session.publish('/a', 'mine');
      const last = session.inbox.all.slice(-2);
      expect(last.map((message) => message.data ?? 'reply')).toEqual(['mine', 'reply']);
      expect(last[0]).toEqual({ channel: '/a', data: 'mine' });
    },
  );
});

describe('messages of one payload', () => {
  it('are processed one after another, each after the one before is done', async () => {
    const house = await host();
    const seen: string[] = [];
    const session = await house.enter();
    house.bayeux.createChannelIfAbsent('/**').channel.addListener('message', async (_from, channel) => {
      seen.push(`begin ${channel.id}`);
      await Promise.resolve();
      await new Promise<void>((resolve) => setImmediate(resolve));
      seen.push(`end ${channel.id}`);
    });
    await session.ask(session.message('/a', { data: 1 }), session.message('/b', { data: 2 }));
    expect(seen).toEqual(['begin /a', 'end /a', 'begin /b', 'end /b']);
  });

  it('keep their order on one WebSocket while a listener takes its time', async () => {
    const house = await host();
    const session = await house.enter();
    const seen: unknown[] = [];
    const first = gate();
    const second = gate();
    house.bayeux.createChannelIfAbsent('/a').channel.addListener('message', async (_from, _channel, message) => {
      first.open();
      if (message.data === 1) await second.opened;
      seen.push(message.data);
    });
    const replies = [1, 2, 3].map((data) => session.publish('/a', data));
    await first.opened;
    second.open();
    await Promise.all(replies);
    expect(seen).toEqual([1, 2, 3]);
  });

  it('do not wait over HTTP for another request of the same session', async () => {
    const house = await host();
    const session = await house.enter('long-polling');
    let release = (): void => undefined;
    house.bayeux.createChannelIfAbsent('/slow').channel.addListener(
      'message',
      () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    );
    const slow = session.publish('/slow', 1);
    expect(await session.publish('/fast', 1)).toMatchObject({ successful: true });
    release();
    expect(await slow).toMatchObject({ successful: true });
  });
});

describe('asynchronous callbacks', () => {
  it('are called in order, the next only after the one before has answered', async () => {
    const house = await host();
    const seen: string[] = [];
    const slowly = (name: string) => async (): Promise<void> => {
      seen.push(`${name} begins`);
      await new Promise<void>((resolve) => setImmediate(resolve));
      seen.push(`${name} ends`);
    };
    const session = await house.enter();
    await session.subscribe('/a');
    house.bayeux.addExtension({ rcv: slowly('extension'), send: slowly('outgoing') });
    house.sideOf(session).addExtension({ rcv: slowly('own extension') });
    house.bayeux.securityPolicy = { canPublish: slowly('policy') };
    house.bayeux.getChannel('/a')?.addListener('message', slowly('listener'));
    house.sideOf(session).addListener('message', slowly('own listener'));
    expect(await session.publish('/a', 1)).toMatchObject({ successful: true });
    expect(seen).toEqual(
      ['extension', 'own extension', 'policy', 'listener', 'outgoing', 'own listener', 'outgoing'].flatMap((name) => [
        `${name} begins`,
        `${name} ends`,
      ]),
    );
  });

  it('of one subscriber make the next subscriber and the reply wait', async () => {
    const bayeux = found();
    const seen: string[] = [];
    const slow = lodge(bayeux, 'slow');
    const fast = lodge(bayeux, 'fast');
    const publisher = lodge(bayeux, 'publisher');
    slow.getChannel('/a').subscribe(() => seen.push('slow'));
    fast.getChannel('/a').subscribe(() => seen.push('fast'));
    let release = (): void => undefined;
    slow.serverSession.addExtension({
      send: (_sender, _session, message) =>
        new Promise((resolve) => {
          release = () => resolve(message);
        }),
    });
    const reply = publisher.getChannel('/a').publish(1);
    expect(seen).toEqual([]);
    release();
    expect(await reply).toMatchObject({ successful: true });
    expect(seen).toEqual(['slow', 'fast']);
  });
});

describe('what is synchronous', { timeout: 30_000 }, () => {
  it('stays so: a publish to 1000 subscribers and its reply are done when the call returns', () => {
    const bayeux = found();
    let received = 0;
    for (let index = 0; index < 1000; index++) {
      const subscriber = lodge(bayeux, 's');
      subscriber.getChannel('/a').subscribe(() => {
        received++;
      });
    }
    bayeux.addExtension({ rcv: () => true, send: () => true });
    bayeux.createChannelIfAbsent('/**').channel.addListener('message', () => true);
    const publisher = lodge(bayeux, 'p');
    const reply = publisher.getChannel('/a').publish(1);
    expect(received).toBe(1000);
    expect(reply).toMatchObject({ channel: '/a', successful: true });
  });

  it('needs no more stack for 20000 subscribers, whether they answer at once or later', async () => {
    const bayeux = found();
    const received: number[] = [];
    for (let index = 0; index < 20_000; index++) {
      const subscriber = lodge(bayeux, 's');
      subscriber.getChannel('/a').subscribe(() => received.push(index));
      if (index % 1000 === 999)
        subscriber.serverSession.addExtension({ send: async (_sender, _session, message) => message });
    }
    const { channel } = bayeux.createChannelIfAbsent('/a');
    expect(await channel.publish(null, 1)).toBe(true);
    expect(received).toHaveLength(20_000);
    expect(received.every((index, at) => index === at)).toBe(true);
  });

  it('needs no more stack for a payload of many messages or a channel of many listeners', async () => {
    const house = await host({
      limits: { maxMessages: 5_000, maxNodes: 50_000 },
      maxMessageSize: 1_048_576,
      maxPublishRate: -1,
    });
    const { channel } = house.bayeux.createChannelIfAbsent('/a');
    let heard = 0;
    for (let index = 0; index < 10_000; index++) channel.addListener('message', () => void heard++);
    const session = await house.enter();
    await session.publish('/a', 1);
    expect(heard).toBe(10_000);
    const many = Array.from({ length: 5_000 }, () => session.message('/service/a', { data: 1 }));
    expect((await session.ask(...many)).every((reply) => reply.successful)).toBe(true);
  });
});

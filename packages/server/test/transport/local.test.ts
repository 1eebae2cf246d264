/** Local sessions: a client inside the server, by the same rules as those outside. */
import type { BayeuxServer, LocalSession, ServerMessage } from '@cometd-ts/server';
import { describe, expect, it } from 'vitest';
import { found, host, lodge, told } from '../hosting.ts';

describe('a local session', () => {
  it('is nobody before its handshake, and connected after it', () => {
    const bayeux = found();
    const local = bayeux.newLocalSession('weather');
    expect([local.isHandshook, local.isConnected]).toEqual([false, false]);
    expect(() => local.id).toThrow(TypeError);
    expect(() => local.serverSession).toThrow(TypeError);
    expect(() => local.getChannel('/a').publish(1)).toThrow(TypeError);
    expect(() => local.disconnect()).toThrow(TypeError);
    expect(local.handshake()).toMatchObject({ channel: '/meta/handshake', successful: true });
    expect([local.isHandshook, local.isConnected]).toEqual([true, true]);
    expect(local.id).toMatch(/^weather_[0-9a-z]{25}$/);
    expect(bayeux.getSession(local.id)).toBe(local.serverSession);
    expect(local.serverSession).toMatchObject({ isLocalSession: true, transport: 'local' });
    expect(() => local.handshake()).toThrow(TypeError);
  });

  it('may be refused by the policy, and try again', () => {
    const bayeux = found();
    bayeux.securityPolicy = { canHandshake: (_server, _session, message) => message.ext?.password === 'please' };
    const local = bayeux.newLocalSession('l');
    expect(local.handshake()).toMatchObject({ successful: false, error: '403::handshake_denied' });
    expect(local.isHandshook).toBe(false);
    expect(local.handshake({ password: 'please' })).toMatchObject({ successful: true });
  });

  it('waits for a policy that takes its time', async () => {
    const bayeux = found();
    bayeux.securityPolicy = { canHandshake: async () => true };
    const local = bayeux.newLocalSession('l');
    expect(await local.handshake()).toMatchObject({ successful: true });
    expect(local.isConnected).toBe(true);
  });

  it('gets what was delivered to it during its handshake', () => {
    const bayeux = found();
    const local = bayeux.newLocalSession('l');
    const heard: unknown[] = [];
    local.getChannel('/a').addListener((_channel, message) => heard.push(message.data));
    bayeux.addListener('sessionAdded', (session) => void session.deliver(null, '/a', 1));
    local.handshake();
    expect(heard).toEqual([1]);
  });

  it('disconnects, sends before what is batched, and may come back', async () => {
    const bayeux = found();
    const local = lodge(bayeux);
    const first = local.serverSession;
    local.startBatch();
    const reply = local.getChannel('/a').publish(1);
    expect(local.disconnect()).toMatchObject({ channel: '/meta/disconnect', successful: true });
    expect(await reply).toMatchObject({ channel: '/a', successful: true });
    expect(first.isTerminated).toBe(true);
    expect(local.isHandshook).toBe(false);
    local.handshake();
    expect(local.serverSession).not.toBe(first);
  });

  it('keeps its session when an extension of its own stops the disconnect', () => {
    const bayeux = found();
    const local = lodge(bayeux);
    const registration = local.addExtension({ send: (_session, message) => message.channel !== '/meta/disconnect' });
    expect(local.disconnect()).toMatchObject({ successful: false, error: '404::message_deleted' });
    expect(local.isConnected).toBe(true);
    registration.remove();
    expect(local.disconnect()).toMatchObject({ successful: true });
    expect(bayeux.sessions).toEqual([]);
  });

  it.each<[string, (bayeux: BayeuxServer, local: LocalSession) => void]>([
    ['it disconnects', (_bayeux, local) => void local.disconnect()],
    ['the server disconnects it', (_bayeux, local) => local.serverSession.disconnect()],
    ['the server removes it', (bayeux, local) => void bayeux.removeSession(local.serverSession)],
  ])('subscribes anew after a second handshake when %s', (_how, end) => {
    const bayeux = found();
    const local = lodge(bayeux);
    const heard: unknown[] = [];
    const channel = local.getChannel('/a');
    channel.subscribe((_channel, message) => heard.push(['old', message.data]));
    end(bayeux, local);
    expect(local.isHandshook).toBe(false);
    local.handshake();
    expect(local.serverSession.subscriptions).toEqual([]);
    bayeux.createChannelIfAbsent('/a').channel.publish(null, 1);
    expect(heard).toEqual([]);
    expect(channel.subscribe((_channel, message) => heard.push(['new', message.data]))).toMatchObject({
      reply: { successful: true },
    });
    bayeux.createChannelIfAbsent('/a').channel.publish(null, 2);
    expect(heard).toEqual([['new', 2]]);
  });

  it('passes the whole pipeline: extensions, policy, authorizers, listeners', () => {
    const bayeux = found();
    const local = lodge(bayeux);
    const seen: string[] = [];
    bayeux.addExtension({ rcv: () => void seen.push('extension') });
    bayeux.securityPolicy = { canPublish: () => void seen.push('policy') };
    bayeux.createChannelIfAbsent('/a', (channel) => {
      channel.addAuthorizer({
        authorize: () => {
          seen.push('authorizer');
          return { verdict: 'grant' };
        },
      });
      channel.addListener('message', (from) => void seen.push(`listener ${from === local.serverSession}`));
    });
    local.getChannel('/a').publish(1);
    expect(seen).toEqual(['extension', 'policy', 'authorizer', 'listener true']);
    expect(local.send({ channel: '/a<', data: 1 })).toMatchObject({ error: '405::channel_invalid' });
  });

  it('cannot be used by a remote client', async () => {
    const house = await host();
    const local = lodge(house.bayeux);
    for (const transport of ['websocket', 'long-polling'] as const) {
      const thief = await house.enter(transport);
      thief.clientId = local.id;
      expect(await thief.publish('/a', 1)).toMatchObject({ error: '402::session_unknown' });
      const fresh = await house.knock(transport);
      fresh.clientId = local.id;
      expect(await fresh.publish('/a', 1)).toMatchObject({ error: '402::session_unknown' });
    }
  });
});

describe('a channel of a local session', () => {
  it('tells the server of its first subscription and of the end of its last', () => {
    const bayeux = found();
    const local = lodge(bayeux);
    const sent: string[] = [];
    local.addExtension({ send: (_session, message) => void sent.push(message.channel) });
    const channel = local.getChannel('/a');
    const subscriptions = [1, 2].map(() => channel.subscribe(() => undefined)) as {
      reply: ServerMessage | null;
      subscription: { remove(): void };
    }[];
    expect(subscriptions.map(({ reply }) => reply?.successful)).toEqual([true, undefined]);
    subscriptions[0]?.subscription.remove();
    subscriptions[0]?.subscription.remove();
    expect(sent).toEqual(['/meta/subscribe']);
    subscriptions[1]?.subscription.remove();
    expect(sent).toEqual(['/meta/subscribe', '/meta/unsubscribe']);
    expect(local.serverSession.subscriptions).toEqual([]);
  });

  it('forgets a subscription that was refused', async () => {
    const bayeux = found();
    const local = lodge(bayeux);
    const heard: unknown[] = [];
    const registration = bayeux
      .createChannelIfAbsent('/a')
      .channel.addAuthorizer({ authorize: () => ({ verdict: 'ignore' }) });
    const channel = local.getChannel('/a');
    expect(await channel.subscribe(() => heard.push('refused'))).toMatchObject({
      reply: { error: '403:denied_by_not_granting:subscribe_denied' },
    });
    registration.remove();
    expect(await channel.subscribe(() => heard.push('granted'))).toMatchObject({ reply: { successful: true } });
    bayeux.getChannel('/a')?.publish(null, 1);
    expect(heard).toEqual(['granted']);
  });

  it('hears exact and wildcard subscriptions, and listeners hear replies and service messages too', () => {
    const bayeux = found();
    const local = lodge(bayeux);
    const heard: string[] = [];
    local.getChannel('/a').subscribe((channel, message) => heard.push(`${channel.id} < ${told(message)}`));
    local.getChannel('/*').subscribe((channel, message) => heard.push(`${channel.id} < ${told(message)}`));
    local
      .getChannel('/service/x')
      .addListener((channel, message) => heard.push(`${channel.id} listens ${told(message)}`));
    local.getChannel('/a').addListener((_channel, message) => heard.push(`listener ${told(message)}`));
    bayeux.getChannel('/a')?.publish(null, 1);
    local.serverSession.deliver(null, '/service/x', 2);
    expect(heard.splice(0)).toEqual(['listener /a 1', '/a < /a 1', '/* < /a 1', '/service/x listens /service/x 2']);
    local.getChannel('/b').addListener((_channel, message) => heard.push(`reply ${message.successful}`));
    local.getChannel('/b').publish(1);
    expect(heard).toContain('reply true');
  });

  it('refuses what makes no sense', () => {
    const local = lodge(found());
    expect(() => local.getChannel('/meta/connect').subscribe(() => undefined)).toThrow(TypeError);
    expect(() => local.getChannel('/a/*').publish(1)).toThrow(TypeError);
    expect(() => local.getChannel('a')).toThrow(RangeError);
  });

  it('takes no subscription before the handshake', () => {
    const bayeux = found();
    const local = bayeux.newLocalSession('l');
    const heard: unknown[] = [];
    const channel = local.getChannel('/a');
    expect(() => channel.subscribe(() => heard.push('early'))).toThrow(TypeError);
    local.handshake();
    channel.subscribe(() => heard.push('late'));
    bayeux.getChannel('/a')?.publish(null, 1);
    expect(heard).toEqual(['late']);
  });

  it('may publish from within a subscriber, and the messages nest', () => {
    const bayeux = found();
    const local = lodge(bayeux);
    const heard: unknown[] = [];
    local.getChannel('/a').subscribe((channel, message) => {
      heard.push(message.data);
      if (Number(message.data) < 3) channel.publish(Number(message.data) + 1);
    });
    local.getChannel('/a').publish(1);
    expect(heard).toEqual([1, 2, 3]);
  });

  it('goes on when a subscriber throws', () => {
    const bayeux = found();
    const local = lodge(bayeux);
    const heard: unknown[] = [];
    local.getChannel('/a').subscribe(() => {
      throw new Error('broken');
    });
    local.getChannel('/a').subscribe((_channel, message) => heard.push(message.data));
    expect(local.getChannel('/a').publish(1)).toMatchObject({ successful: true });
    expect(heard).toEqual([1]);
  });
});

describe('a batch of a local session', () => {
  it('sends together, in order, when the outermost ends', async () => {
    const bayeux = found();
    const local = lodge(bayeux);
    const heard: unknown[] = [];
    bayeux
      .createChannelIfAbsent('/a')
      .channel.addListener('message', (_from, _channel, message) => void heard.push(message.data));
    const replies: unknown[] = [];
    local.batch(() => {
      local.batch(() => {
        replies.push(local.getChannel('/a').publish(1));
      });
      replies.push(local.getChannel('/a').publish(2));
      expect(heard).toEqual([]);
    });
    expect(heard).toEqual([1, 2]);
    expect(await Promise.all(replies)).toMatchObject([{ successful: true }, { successful: true }]);
    expect(() => local.endBatch()).toThrow(RangeError);
  });
});

describe('extensions of a local session', () => {
  it('see what it sends and receives, and may stop either', () => {
    const bayeux = found();
    const local = lodge(bayeux);
    const seen: string[] = [];
    const heard: unknown[] = [];
    local.getChannel('/a').subscribe((_channel, message) => heard.push(message.data));
    local.addExtension({
      send: (_session, message) => {
        seen.push(`send ${told(message)}`);
        return message.data !== 'mute';
      },
      rcv: (_session, message) => {
        seen.push(`rcv ${told(message)}`);
        return message.data !== 'deaf';
      },
    });
    expect(local.getChannel('/a').publish('mute')).toMatchObject({ error: '404::message_deleted' });
    local.getChannel('/a').publish('deaf');
    local.getChannel('/a').publish('loud');
    expect(heard).toEqual(['loud']);
    expect(seen).toEqual([
      'send /a "mute"',
      'send /a "deaf"',
      'rcv /a "deaf"',
      'rcv /a',
      'send /a "loud"',
      'rcv /a "loud"',
      'rcv /a',
    ]);
  });

  it('that throw are reported, and the message goes on', () => {
    const bayeux = found();
    const local = lodge(bayeux);
    local.addExtension({
      send: () => {
        throw new Error('broken');
      },
    });
    expect(local.getChannel('/a').publish(1)).toMatchObject({ successful: true });
    expect(bayeux.diagnostics.counters.get('failed.local extension')).toBe(1);
  });
});

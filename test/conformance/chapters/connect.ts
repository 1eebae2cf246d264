/** Chapter two: the connect, which is how a client says it is still there. */
// biome-ignore-all lint/suspicious/noExportsInTest: the suite is a function, so that it can meet any server
import type { RawSession, WireMessage } from '@cometd-ts/testkit';
import { describe, expect, it } from 'vitest';
import { freshChannel, guestsOf, listen, type Peer, transports } from '../peer.ts';

export function connect(peer: Peer): void {
  describe.each(transports)('connect over %s', (transport) => {
    const guests = guestsOf(peer);

    it('is answered at once the first time, even without advice', async () => {
      const session = await guests.handshaken(transport);
      const reply = await session.connect();
      expect(reply).toMatchObject({ channel: '/meta/connect', successful: true });
      expect(reply).not.toHaveProperty('clientId');
    });

    it('is answered at once when its advice says timeout 0, with complete advice in return', async () => {
      const session = await guests.connected(transport);
      const reply = await session.connect(0);
      expect(reply).toMatchObject({
        successful: true,
        advice: { reconnect: 'retry', interval: 0, timeout: peer.timeout },
      });
    });

    it('is held for the timeout of its advice', async () => {
      const session = await guests.connected(transport);
      const start = performance.now();
      await session.connect(150);
      expect(performance.now() - start).toBeGreaterThan(140);
    });

    it('is held for the timeout of the server otherwise, and comes back with nothing new to advise', async () => {
      const session = await guests.connected(transport);
      const start = performance.now();
      const reply = await session.connect();
      expect(performance.now() - start).toBeGreaterThan(peer.timeout - 20);
      expect(reply).toEqual({ id: expect.any(String), channel: '/meta/connect', successful: true });
    });

    it('echoes the interval its advice asks for', async () => {
      const session = await guests.connected(transport);
      const reply = await session.connect(0, { advice: { timeout: 0, interval: 700 } });
      expect(reply.advice).toMatchObject({ interval: 700, reconnect: 'retry' });
    });

    it('of an unknown session is answered 402 with the advice to handshake', async () => {
      const session = await guests.stranger(transport);
      session.clientId = 'nobody';
      const reply = await session.connect(0);
      expect(reply).toMatchObject({
        successful: false,
        error: '402::session_unknown',
        advice: { reconnect: 'handshake', interval: 0 },
      });
    });

    it('without a clientId is a connect of nobody', async () => {
      const session = await guests.connected(transport);
      const [reply] = await session.ask({ id: '77', channel: '/meta/connect', connectionType: transport });
      expect(reply).toMatchObject({ successful: false, error: '402::session_unknown' });
    });

    it('is woken by a disconnect and told not to reconnect', async () => {
      const session = await guests.connected(transport);
      const held = session.connect(5000);
      await session.publish(freshChannel(), 'the connect is on hold now');
      expect((await session.disconnect()).successful).toBe(true);
      expect(await held).toMatchObject({ successful: true, advice: { reconnect: 'none' } });
    });

    it.runIf(peer.furnished)('is woken when the server ends the session, behind the news of it', async () => {
      const session = await guests.connected(transport);
      const held = session.connect(5000);
      await session.publish(freshChannel(), 'the connect is on hold now');
      session.publish('/service/kick', {}).catch(() => undefined);
      const news = await session.inbox.next((message) => message.channel === '/meta/disconnect');
      expect(news).toMatchObject({ successful: true });
      expect(await held).toMatchObject({ successful: true, advice: { reconnect: 'none' } });
    });

    it('brings the events published while it was held', async () => {
      const channel = freshChannel();
      const [listener, speaker] = [await guests.connected(transport), await guests.handshaken('websocket')];
      await listener.subscribe(channel);
      const held = listen(listener, transport === 'websocket' ? 300 : 5000);
      await speaker.publish(channel, 'news');
      expect((await listener.event(channel)).data).toBe('news');
      expect(await held).toMatchObject({ successful: true });
    });

    it.runIf(peer.kind === 'ours')('ignores advice that is not numeric', async () => {
      const session = await guests.handshaken(transport);
      const reply = await session.connect(0, { advice: { timeout: 'soon', interval: {} } });
      expect(reply).toMatchObject({ successful: true, advice: { interval: 0 } });
    });

    it('replaces the one that is held', async () => {
      const session = await guests.connected(transport);
      const first = session.connect(4000).then(
        () => 'answered',
        (error: Error) => error.message,
      );
      await session.publish(freshChannel(), 'the connect is on hold now');
      const second = await session.connect(100);
      expect(second.successful).toBe(true);
      if (transport === 'long-polling') expect(await first).toMatch(/the server answered 500/);
      else expect(repliesTo(session, '/meta/connect')).toHaveLength(2);
    });
  });

  describe('connect over WebSocket in company', () => {
    const guests = guestsOf(peer);

    it.runIf(peer.kind === 'ours')('is held, and the replies to its neighbours are not', async () => {
      const session = await guests.connected('websocket');
      const connect = session.message('/meta/connect', { connectionType: 'websocket' });
      const publish = session.message(freshChannel(), { data: 1 });
      const [held, published] = [session.inbox.reply(String(connect.id)), session.inbox.reply(String(publish.id))];
      await session.client.post([connect, publish]);
      expect(await published).toMatchObject({ successful: true });
      expect(await held).toMatchObject({ successful: true });
      expect(repliesTo(session, '/meta/connect')).toHaveLength(2);
      expect(session.inbox.all.at(-1)).toMatchObject({ channel: '/meta/connect' });
    });
  });

  describe('connect over long-polling in company', () => {
    const guests = guestsOf(peer);

    it('is not held', async () => {
      const session = await guests.connected('long-polling');
      const channel = freshChannel();
      const start = performance.now();
      const replies = await session.ask(
        session.message('/meta/connect', { connectionType: 'long-polling' }),
        session.message('/meta/subscribe', { subscription: channel }),
      );
      expect(replies).toMatchObject([{ successful: true }, { successful: true }]);
      expect(performance.now() - start).toBeLessThan(peer.timeout / 2);
    });
  });
}

function repliesTo(session: RawSession, channel: string): WireMessage[] {
  return session.inbox.all.filter((message) => message.channel === channel);
}

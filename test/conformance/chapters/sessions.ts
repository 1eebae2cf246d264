/** Chapter eight: who is speaking: cookies, several sessions of one browser, new connections, and being forgotten. */
// biome-ignore-all lint/suspicious/noExportsInTest: the suite is a function, so that it can meet any server
import { RawHttp, RawSession, RawWebSocket, type WireMessage } from '@cometd-ts/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { freshChannel, guestsOf, listen, type Peer, transports } from '../peer.ts';

const cookieName = 'BAYEUX_BROWSER';

export function sessions(peer: Peer): void {
  const guests = guestsOf(peer);
  const open: (RawHttp | RawWebSocket)[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((client) => client.close()));
  });

  /** A second session in the same browser, that is, with the same cookies. */
  const sibling = async (of: RawSession): Promise<RawSession> => {
    const session = await guests.stranger('long-polling');
    for (const [name, value] of (of.client as RawHttp).jar) (session.client as RawHttp).jar.set(name, value);
    await session.handshake();
    return session;
  };

  describe('the cookie of long-polling', () => {
    it('is set by the first handshake and by nothing else', async () => {
      const client = new RawHttp(peer.url());
      open.push(client);
      const first = await client.post([{ id: '1', channel: '/meta/handshake', version: '1.0' }]);
      const [line] = first.headers['set-cookie'] ?? [];
      expect(line).toMatch(
        new RegExp(`^${cookieName}=[0-9A-Za-z._~-]{16,}; ?Path=/; ?HttpOnly(; ?SameSite=Lax)?$`, 'i'),
      );
      const second = await client.post([{ id: '2', channel: '/meta/handshake', version: '1.0' }]);
      expect(second.headers['set-cookie']).toBeUndefined();
      const clientId = (JSON.parse(second.body) as WireMessage[])[0]?.clientId as string;
      const third = await client.post([
        { id: '3', channel: '/meta/connect', clientId, connectionType: 'long-polling' },
      ]);
      expect(third.headers['set-cookie']).toBeUndefined();
      expect(third.body).toContain('"successful":true');
    });

    it('is needed: the clientId alone is nobody', async () => {
      const session = await guests.connected('long-polling');
      (session.client as RawHttp).jar.clear();
      expect(await session.connect(0)).toMatchObject({
        error: '402::session_unknown',
        advice: { reconnect: 'handshake', interval: 0 },
      });
      expect(await session.publish('/a', 1)).toMatchObject({ error: '402::session_unknown' });
    });

    it('of somebody else does not help', async () => {
      const [session, thief] = [await guests.connected('long-polling'), await guests.connected('long-polling')];
      thief.clientId = session.clientId;
      expect(await thief.publish('/a', 1)).toMatchObject({ error: '402::session_unknown' });
      expect(await thief.disconnect()).toMatchObject({ error: '402::session_unknown' });
      expect(await session.publish('/a', 1)).toMatchObject({ successful: true });
    });

    it('of somebody else does not disturb the connect that is held', async () => {
      const [session, thief] = [await guests.connected('long-polling'), await guests.connected('long-polling')];
      const channel = freshChannel();
      await session.subscribe(channel);
      const held = session.connect(5000);
      await session.publish(freshChannel(), 'the connect is on hold now');
      thief.clientId = session.clientId;
      await thief.connect(0);
      const speaker = await guests.connected('websocket');
      await speaker.publish(channel, 'news');
      expect((await held).successful).toBe(true);
    });

    it.runIf(peer.kind === 'ours')('is not believed when the server did not issue it', async () => {
      const client = new RawHttp(peer.url());
      open.push(client);
      client.jar.set(cookieName, 'chosenbytheattacker1');
      const session = new RawSession(client);
      await session.handshake();
      expect(client.jar.get(cookieName)).not.toBe('chosenbytheattacker1');
      expect(await session.connect(0)).toMatchObject({ successful: true });
    });
  });

  describe('two sessions of one browser', () => {
    it('are advised about each other while one of them holds a connect', async () => {
      const first = await guests.connected('long-polling');
      const held = first.connect(3000);
      await first.publish(freshChannel(), 'the connect is on hold now');
      const second = await sibling(first);
      const reply = await second.connect(0);
      expect(reply).toMatchObject({
        successful: true,
        advice: { 'multiple-clients': true, reconnect: 'retry', interval: 2000 },
      });
      await first.disconnect();
      await held;
    });

    it.runIf(peer.kind === 'ours')('are told when they are alone again', async () => {
      const first = await guests.connected('long-polling');
      const held = first.connect(3000);
      await first.publish(freshChannel(), 'the connect is on hold now');
      const second = await sibling(first);
      await second.connect();
      await first.disconnect();
      await held;
      const reply = await second.connect();
      expect(reply.advice).toMatchObject({ reconnect: 'retry', interval: 0 });
      expect(reply.advice).not.toHaveProperty('multiple-clients', true);
    });

    it('answer for themselves: the messages of another one are 402', async () => {
      const first = await guests.connected('long-polling');
      const second = await sibling(first);
      const replies = await first.ask(
        first.message('/a', { data: 1 }),
        { ...first.message('/a', { data: 2 }), clientId: second.clientId },
        first.message('/a', { data: 3 }),
      );
      expect(replies).toMatchObject([{ successful: true }, { error: '402::session_unknown' }, { successful: true }]);
    });
  });

  describe('a long-polling session', () => {
    it.runIf(peer.kind === 'ours')('loses nothing when the connection of its held connect breaks', async () => {
      const [session, speaker] = [await guests.connected('long-polling'), await guests.connected('websocket')];
      const channel = freshChannel();
      await session.subscribe(channel);
      const cut = new AbortController();
      const connect = session.message('/meta/connect', { connectionType: 'long-polling' });
      const held = (session.client as RawHttp).send(connect, cut.signal);
      await session.publish(freshChannel(), 'the connect is on hold now');
      cut.abort();
      await expect(held).rejects.toThrow('abort');
      for (let i = 0; i < 3; i++) await speaker.publish(freshChannel(), 'time for the server to notice');
      for (const data of [1, 2, 3]) await speaker.publish(channel, data);
      await session.connect(0);
      expect(session.inbox.events(channel).map((event) => event.data)).toEqual([1, 2, 3]);
    });
  });

  describe('a WebSocket session', () => {
    /** The session of `old`, on a connection of its own. */
    const moved = async (old: RawSession): Promise<RawSession> => {
      const client = await RawWebSocket.open(peer.url());
      open.push(client);
      const session = new RawSession(client);
      session.clientId = old.clientId;
      return session;
    };

    it('continues on a new connection', async () => {
      const old = await guests.connected('websocket');
      const channel = freshChannel();
      await old.subscribe(channel);
      (old.client as RawWebSocket).drop();
      await (old.client as RawWebSocket).closed;
      const session = await moved(old);
      expect(await session.connect(0)).toMatchObject({ successful: true });
      await session.publish(channel, 'back');
      expect((await session.event(channel)).data).toBe('back');
    });

    it.runIf(peer.kind === 'ours')('loses nothing that was published while it had no connection', async () => {
      const [old, speaker] = [await guests.connected('websocket'), await guests.connected('websocket')];
      const channel = freshChannel();
      await old.subscribe(channel);
      listen(old, 5000);
      (old.client as RawWebSocket).drop();
      await (old.client as RawWebSocket).closed;
      for (let i = 0; i < 3; i++) await speaker.publish(freshChannel(), 'time for the server to notice');
      for (const data of [1, 2, 3]) await speaker.publish(channel, data);
      const session = await moved(old);
      await session.connect(0);
      await speaker.publish(channel, 4);
      await session.inbox.next((message) => message.data === 4);
      const got = [...old.inbox.events(channel), ...session.inbox.events(channel)].map((event) => event.data);
      expect(got).toEqual([1, 2, 3, 4]);
    });

    it('is not at the mercy of a bad frame of its connection', async () => {
      const old = await guests.connected('websocket');
      old.client.post('[{');
      await (old.client as RawWebSocket).closed;
      const session = await moved(old);
      expect(await session.connect(0)).toMatchObject({ successful: true });
    });
  });

  describe.each(transports)('a session over %s that falls silent', (transport) => {
    it('is forgotten after maxInterval', async () => {
      const [session, clock] = [await guests.connected(transport), await guests.connected('websocket')];
      // The hold of another session is our clock.
      await clock.connect(peer.maxInterval + 3 * peer.sweepPeriod);
      expect(await session.connect(0)).toMatchObject({
        successful: false,
        error: '402::session_unknown',
        advice: { reconnect: 'handshake' },
      });
    });

    it('is not forgotten while its connect is held', async () => {
      const session = await guests.connected(transport);
      expect(await session.connect(peer.maxInterval + 3 * peer.sweepPeriod)).toMatchObject({ successful: true });
      expect(await session.connect(0)).toMatchObject({ successful: true });
    });

    it('lives on by publishing', async () => {
      const [session, clock] = [await guests.connected(transport), await guests.connected('websocket')];
      for (let i = 0; i < 4; i++) {
        await clock.connect(peer.maxInterval / 2);
        expect(await session.publish('/alive', i)).toMatchObject({ successful: true });
      }
    });
  });
}

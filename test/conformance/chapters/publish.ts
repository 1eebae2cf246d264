/** Chapter four: publishing, what subscribers get to see, and in which order. */
// biome-ignore-all lint/suspicious/noExportsInTest: the suite is a function, so that it can meet any server
import { describe, expect, it } from 'vitest';
import { freshChannel, guestsOf, listen, type Peer, transports } from '../peer.ts';

/** Values that a careless server changes on the way. */
const delicate: readonly unknown[] = [
  0,
  false,
  '',
  [],
  {},
  'ünï😀  ',
  '</script>',
  -1.5,
  [1, { two: [3, null] }],
  9007199254740991,
  JSON.parse('{"constructor":1,"length":2,"then":3,"toJSON":4,"nested":{"a":null}}'),
];

export function publish(peer: Peer): void {
  describe.each(transports)('publish over %s', (transport) => {
    const guests = guestsOf(peer);

    it('is answered, and delivered without the sender and the id', async () => {
      const [speaker, listener] = [await guests.connected(transport), await guests.connected(transport)];
      const channel = freshChannel();
      await listener.subscribe(channel);
      listen(listener);
      expect(await speaker.publish(channel, { text: 'hi' })).toEqual({
        id: expect.any(String),
        channel,
        successful: true,
      });
      expect(await listener.event(channel)).toEqual({ channel, data: { text: 'hi' } });
    });

    it('keeps the credentials and notes of the publisher to itself', async () => {
      const [speaker, listener] = [await guests.connected(transport), await guests.connected(transport)];
      const channel = freshChannel();
      await listener.subscribe(channel);
      listen(listener);
      const extras = { ext: { token: 'secret' }, mood: 'good' };
      await speaker.call(channel, { data: 1, ...extras });
      // Ours forwards the fields its option names, by default none; the Java server forwards them all.
      expect(await listener.event(channel)).toEqual({ channel, data: 1, ...(peer.kind === 'java' && extras) });
    });

    it('delivers delicate values unharmed', async () => {
      const [speaker, listener] = [await guests.connected(transport), await guests.connected('websocket')];
      const channel = freshChannel();
      await listener.subscribe(channel);
      for (const value of delicate) await speaker.publish(channel, value);
      const got: unknown[] = [];
      for (const _ of delicate) got.push((await listener.event(channel)).data);
      expect(got).toEqual(delicate);
    });

    it.runIf(peer.kind === 'ours')('delivers arrays in arrays', async () => {
      const [speaker, listener] = [await guests.connected(transport), await guests.connected('websocket')];
      const channel = freshChannel();
      await listener.subscribe(channel);
      await speaker.publish(channel, [1, [2, [3, null]]]);
      expect((await listener.event(channel)).data).toEqual([1, [2, [3, null]]]);
    });

    it('hands __proto__ on as data', async () => {
      const [speaker, listener] = [await guests.connected(transport), await guests.connected('websocket')];
      const channel = freshChannel();
      await listener.subscribe(channel);
      await speaker.client.post(
        `[{"id":"99","channel":"${channel}","clientId":"${speaker.clientId}","data":{"__proto__":{"polluted":true},"a":1}}]`,
      );
      const event = await listener.event(channel);
      expect(JSON.stringify(event.data)).toBe('{"__proto__":{"polluted":true},"a":1}');
    });

    it('reaches the publisher when it is subscribed, the event before the reply', async () => {
      const session = await guests.connected(transport);
      const channel = freshChannel();
      await session.subscribe(channel);
      listen(session, 500);
      const reply = await session.publish(channel, 'mine');
      const event = await session.event(channel);
      expect(event.data).toBe('mine');
      const all = session.inbox.all;
      if (peer.kind === 'ours' || transport === 'long-polling') {
        const places = [event, reply].map((one) => all.indexOf(one));
        expect(places[0]).toBeLessThan(places[1] as number);
      }
    });

    it('to a meta channel nobody knows is denied by the policy', async () => {
      const session = await guests.connected(transport);
      const reply = await session.publish('/meta/foo', 1);
      expect(reply).toMatchObject({ successful: false, channel: '/meta/foo' });
      expect(reply.error).toBe('403:denied_by_security_policy:channel_create_denied');
    });

    it.runIf(peer.kind === 'ours')('to a wildcard channel is refused', async () => {
      const session = await guests.connected(transport);
      for (const channel of ['/foo/*', '/foo/**', '/**']) {
        const reply = await session.publish(channel, 1);
        expect(reply.error).toMatch(/^405:.*:channel_invalid$/);
      }
    });

    it('of an unknown session, or in the name of another one, is answered 402', async () => {
      const [session, other] = [await guests.connected(transport), await guests.connected(transport)];
      for (const clientId of ['nobody', other.clientId, undefined]) {
        const { clientId: _, ...rest } = session.message('/a', { data: 1 });
        const forged = clientId === undefined ? rest : { ...rest, clientId };
        // The first message of the payload decides who speaks.
        const [first, reply] = await session.ask(session.message(freshChannel(), { data: 0 }), forged);
        expect(first).toMatchObject({ successful: true });
        expect(reply).toMatchObject({ successful: false, error: '402::session_unknown', channel: '/a' });
        expect(reply).not.toHaveProperty('advice');
      }
    });
  });

  describe.each(transports)('ordering over %s', (transport) => {
    const guests = guestsOf(peer);

    it('keeps the messages of one publisher in order', async () => {
      const [speaker, listener] = [await guests.connected(transport), await guests.connected(transport)];
      const channel = freshChannel();
      await listener.subscribe(channel);
      const count = 60;
      const keepListening = (async () => {
        while (listener.inbox.events(channel).length < count) await listener.connect(300);
      })();
      for (let i = 0; i < count; i += 3) {
        await speaker.ask(...[i, i + 1, i + 2].map((data) => speaker.message(channel, { data })));
      }
      await keepListening;
      expect(listener.inbox.events(channel).map((event) => event.data)).toEqual(
        Array.from({ length: count }, (_, i) => i),
      );
    });

    it('answers the messages of one payload in their order', async () => {
      const session = await guests.connected(transport);
      const channel = freshChannel();
      const messages = [
        session.message('/meta/subscribe', { subscription: channel }),
        session.message('/bad<', { data: 1 }),
        session.message('/service/nowhere', { data: 1 }),
        session.message('/meta/unsubscribe', { subscription: channel }),
        session.message(`${channel}/x`, { data: 1 }),
      ];
      await session.ask(...messages);
      const ids = messages.map((message) => message.id);
      const replies = session.inbox.all.filter((message) => ids.includes(message.id));
      expect(replies.map((reply) => reply.id)).toEqual(ids);
    });

    it('processes a payload one message after another', async () => {
      const session = await guests.connected(transport);
      const channel = freshChannel();
      const [, , unsubscribed] = await session.ask(
        session.message('/meta/subscribe', { subscription: channel }),
        session.message(channel, { data: 'between' }),
        session.message('/meta/unsubscribe', { subscription: channel }),
        session.message(channel, { data: 'after' }),
      );
      expect(unsubscribed).toMatchObject({ successful: true });
      expect((await session.event(channel)).data).toBe('between');
      await session.connect(0);
      expect(session.inbox.events(channel)).toHaveLength(1);
    });
  });

  describe('publish between the transports', () => {
    const guests = guestsOf(peer);

    it('waits for the next connect of a long-polling listener', async () => {
      const [speaker, listener] = [await guests.connected('websocket'), await guests.connected('long-polling')];
      const channel = freshChannel();
      await listener.subscribe(channel);
      await speaker.publish(channel, 'early');
      expect(listener.inbox.events(channel)).toEqual([]);
      await listener.connect(5000);
      expect(listener.inbox.events(channel)).toMatchObject([{ data: 'early' }]);
    });

    it('rides on any other reply of a long-polling listener, in front of it', async () => {
      const [speaker, listener] = [await guests.connected('websocket'), await guests.connected('long-polling')];
      const channel = freshChannel();
      await listener.subscribe(channel);
      await speaker.publish(channel, 'early');
      const messages = await listener.client.send(listener.message(freshChannel(), { data: 1 }));
      expect(messages).toMatchObject([{ channel, data: 'early' }, { successful: true }]);
    });

    it('is pushed to a WebSocket listener that holds no connect', async () => {
      const [speaker, listener] = [await guests.connected('long-polling'), await guests.handshaken('websocket')];
      const channel = freshChannel();
      await listener.subscribe(channel);
      await speaker.publish(channel, 'pushed');
      expect((await listener.event(channel)).data).toBe('pushed');
    });
  });
}

/** Chapter five: which subscriptions hear which channels, and the channels nobody hears but the server. */
// biome-ignore-all lint/suspicious/noExportsInTest: the suite is a function, so that it can meet any server
import { describe, expect, it } from 'vitest';
import { freshChannel, guestsOf, type Peer, transports } from '../peer.ts';

/** Below a fresh root `R`: a subscription, what it hears, and what it must not hear. */
const table: readonly [pattern: string, heard: readonly string[], unheard: readonly string[]][] = [
  ['/a', ['/a'], ['/b', '/a/b', '/aa']],
  ['/*', ['/a', '/b'], ['/a/b']],
  ['/a/*', ['/a/b', '/a/c'], ['/a', '/a/b/c', '/b/a', '/aa/b']],
  ['/**', ['/a', '/a/b', '/a/b/c'], []],
  ['/a/**', ['/a/b', '/a/b/c', '/a/b/c/d'], ['/a', '/b/a', '/aa/b']],
  ['/a/*x', ['/a/*x'], ['/a/bx']],
];

export function channels(peer: Peer): void {
  describe.each(transports)('wildcards over %s', (transport) => {
    const guests = guestsOf(peer);

    it.each(table)('%s hears %j and not %j', async (pattern, heard, unheard) => {
      const [speaker, listener] = [await guests.connected('websocket'), await guests.connected(transport)];
      const root = freshChannel();
      const end = freshChannel();
      await listener.subscribe([root + pattern, end]);
      for (const channel of [...heard, ...unheard]) await speaker.publish(root + channel, channel);
      await speaker.publish(end, 'end');
      await listener.connect(0);
      await listener.event(end);
      const events = listener.inbox.all.filter((message) => message.channel?.startsWith(`${root}/`));
      expect(events.map((event) => event.data)).toEqual(heard);
    });

    it('delivers one copy however many subscriptions match', async () => {
      const [speaker, listener] = [await guests.connected('websocket'), await guests.connected(transport)];
      const channel = freshChannel(freshChannel());
      const root = channel.slice(0, channel.lastIndexOf('/'));
      await listener.subscribe([channel, `${root}/*`, `${root}/**`]);
      await speaker.publish(channel, 1);
      await speaker.publish(channel, 2);
      await listener.connect(0);
      await listener.inbox.next((message) => message.data === 2);
      expect(listener.inbox.events(channel).map((event) => event.data)).toEqual([1, 2]);
    });

    it('never reach meta and service channels', async () => {
      const [speaker, listener] = [await guests.connected('websocket'), await guests.connected(transport)];
      const end = freshChannel();
      await listener.subscribe(['/**', '/service/*', '/service/**']);
      await speaker.publish('/service/secret', 'unheard');
      await speaker.subscribe(freshChannel());
      await speaker.publish(end, 'end');
      await listener.connect(0);
      await listener.event(end);
      const others = listener.inbox.all.filter(
        (message) => message.channel?.match(/^\/(service|meta)\//) && 'data' in message,
      );
      expect(others).toEqual([]);
      await listener.unsubscribe('/**');
    });
  });

  describe.each(transports)('service channels over %s', (transport) => {
    const guests = guestsOf(peer);

    it('accept a publish although nobody listens', async () => {
      const session = await guests.connected(transport);
      const channel = freshChannel('/service');
      expect(await session.publish(channel, 1)).toEqual({ id: expect.any(String), channel, successful: true });
    });

    it('let themselves be subscribed to and unsubscribed from, to no effect', async () => {
      const [session, speaker] = [await guests.connected(transport), await guests.connected('websocket')];
      const [channel, end] = [freshChannel('/service'), freshChannel()];
      expect((await session.subscribe([channel, end])).successful).toBe(true);
      await speaker.publish(channel, 'unheard');
      await speaker.publish(end, 'end');
      await session.connect(0);
      await session.event(end);
      expect(session.inbox.events(channel)).toEqual([]);
      expect((await session.unsubscribe(channel)).successful).toBe(true);
    });

    it.runIf(peer.furnished)(
      'answer a remote call with the id and channel of the request, before the publish reply',
      async () => {
        const session = await guests.connected(transport);
        const request = session.message('/service/echo', { data: { question: 42 } });
        const [reply] = await session.ask(request);
        const result = await session.inbox.next((message) => 'data' in message);
        expect(result).toEqual({ id: request.id, channel: '/service/echo', successful: true, data: { question: 42 } });
        expect(reply).toEqual({ id: request.id, channel: '/service/echo', successful: true });
        if (transport === 'websocket' && peer.kind === 'java') return;
        const [first, second] = session.inbox.all.filter((message) => message.id === request.id);
        expect([first, second]).toEqual([result, reply]);
      },
    );
  });
}

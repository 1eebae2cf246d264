/** Chapter six: the goodbye. */
// biome-ignore-all lint/suspicious/noExportsInTest: the suite is a function, so that it can meet any server
import { describe, expect, it } from 'vitest';
import { freshChannel, guestsOf, type Peer, transports } from '../peer.ts';

export function disconnect(peer: Peer): void {
  describe.each(transports)('disconnect over %s', (transport) => {
    const guests = guestsOf(peer);

    it('is answered', async () => {
      const session = await guests.connected(transport);
      expect(await session.disconnect()).toMatchObject({ channel: '/meta/disconnect', successful: true });
    });

    it('ends the session: whatever follows is answered 402', async () => {
      const session = await guests.connected(transport);
      await session.disconnect();
      expect(await session.disconnect()).toMatchObject({ successful: false, error: '402::session_unknown' });
      expect(await session.publish('/a', 1)).toMatchObject({ successful: false, error: '402::session_unknown' });
      expect(await session.connect(0)).toMatchObject({
        successful: false,
        error: '402::session_unknown',
        advice: { reconnect: 'handshake' },
      });
    });

    it('ends the delivery', async () => {
      const [session, other] = [await guests.connected(transport), await guests.connected('websocket')];
      const channel = freshChannel();
      await session.subscribe(channel);
      await session.disconnect();
      await other.publish(channel, 'too late');
      await session.connect(0);
      expect(session.inbox.events(channel)).toEqual([]);
    });

    it('leaves the way open for a new handshake', async () => {
      const session = await guests.connected(transport);
      await session.disconnect();
      expect((await session.handshake()).successful).toBe(true);
      expect((await session.connect(0)).successful).toBe(true);
    });

    it('of nobody is answered 402', async () => {
      const session = await guests.stranger(transport);
      session.clientId = 'nobody';
      expect(await session.disconnect()).toMatchObject({ successful: false, error: '402::session_unknown' });
    });

    it('in the middle of a payload leaves 402 for the messages behind it', async () => {
      const session = await guests.connected(transport);
      const replies = await session.ask(
        session.message(freshChannel(), { data: 1 }),
        session.message('/meta/disconnect'),
        session.message(freshChannel(), { data: 2 }),
      );
      expect(replies).toMatchObject([{ successful: true }, { successful: true }, { error: '402::session_unknown' }]);
    });
  });
}

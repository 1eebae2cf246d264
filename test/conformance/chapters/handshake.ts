/** Chapter one: the handshake, and what its reply promises. */
// biome-ignore-all lint/suspicious/noExportsInTest: the suite is a function, so that it can meet any server
import type { RawHttp, RawSession } from '@cometd-ts/testkit';
import { describe, expect, it } from 'vitest';
import { guestsOf, type Peer, transports } from '../peer.ts';

export function handshake(peer: Peer): void {
  describe.each(transports)('handshake over %s', (transport) => {
    const guests = guestsOf(peer);

    it('succeeds with a clientId, the version, the transports and the first advice', async () => {
      const session = await guests.stranger(transport);
      const reply = await session.handshake();
      expect(reply).toMatchObject({
        id: '1',
        channel: '/meta/handshake',
        successful: true,
        version: '1.0',
        clientId: expect.stringMatching(/^[0-9a-zA-Z]{20,}$/),
        advice: { reconnect: 'retry', interval: 0, timeout: peer.timeout },
      });
      expect(reply.supportedConnectionTypes).toEqual(expect.arrayContaining(['websocket', 'long-polling']));
      expect(reply).not.toHaveProperty('error');
    });

    it('is answered to a bare object as to an array of one', async () => {
      const session = await guests.stranger(transport);
      const reply = session.inbox.reply('7');
      await session.client.post({ id: '7', channel: '/meta/handshake', version: '1.0' });
      expect(await reply).toMatchObject({ successful: true });
    });

    it('echoes a numeric id as a string', async () => {
      const session = await guests.stranger(transport);
      const reply = session.inbox.reply('5');
      await session.client.post('[{"id":5,"channel":"/meta/handshake","version":"1.0"}]');
      expect((await reply).id).toBe('5');
    });

    it('needs neither version nor connection types, and does not mind unknown ones', async () => {
      const session = await guests.stranger(transport);
      expect(await session.ask({ id: '1', channel: '/meta/handshake' })).toMatchObject([{ successful: true }]);
      const odd = { id: '2', channel: '/meta/handshake', supportedConnectionTypes: ['pigeon'] };
      expect(await session.ask(odd)).toMatchObject([{ successful: true }]);
    });

    it('ignores a clientId and gives every handshake one of its own', async () => {
      const session = await guests.handshaken(transport);
      const first = session.clientId;
      const again = await session.handshake({ clientId: first });
      expect(again.successful).toBe(true);
      expect(again.clientId).not.toBe(first);
    });

    it('answers each session under its own id', async () => {
      const sessions: RawSession[] = [];
      for (let i = 0; i < 5; i++) sessions.push(await guests.handshaken(transport));
      expect(new Set(sessions.map((session) => session.clientId)).size).toBe(5);
    });

    it('must travel alone: with neighbours the payload is refused', async () => {
      const session = await guests.stranger(transport);
      const payload = [
        { id: '1', channel: '/meta/handshake', version: '1.0' },
        { id: '2', channel: '/meta/connect', connectionType: transport },
      ];
      const answer = await session.client.post(payload);
      if ('closed' in session.client) {
        expect((await session.client.closed).code).toBe(peer.kind === 'ours' ? 1008 : 1011);
        return;
      }
      expect((answer as Awaited<ReturnType<RawHttp['post']>>).status).toBe(peer.kind === 'ours' ? 400 : 500);
    });
  });
}

/** Chapter three: subscribing and unsubscribing. */
// biome-ignore-all lint/suspicious/noExportsInTest: the suite is a function, so that it can meet any server
import { describe, expect, it } from 'vitest';
import { freshChannel, guestsOf, listen, type Peer, transports } from '../peer.ts';

export function subscribe(peer: Peer): void {
  describe.each(transports)('subscribe over %s', (transport) => {
    const guests = guestsOf(peer);

    it('to one channel echoes it', async () => {
      const session = await guests.connected(transport);
      const channel = freshChannel();
      const reply = await session.subscribe(channel);
      expect(reply).toEqual({
        id: expect.any(String),
        channel: '/meta/subscribe',
        subscription: channel,
        successful: true,
      });
    });

    it('to several channels echoes the array, and reaches each of them', async () => {
      const session = await guests.connected(transport);
      const channels = [freshChannel(), freshChannel()];
      expect(await session.subscribe(channels)).toMatchObject({ subscription: channels, successful: true });
      for (const channel of channels) {
        listen(session, 500);
        await session.publish(channel, channel);
        expect((await session.event(channel)).data).toBe(channel);
      }
    });

    it('needs no connect before it', async () => {
      const session = await guests.handshaken(transport);
      expect((await session.subscribe(freshChannel())).successful).toBe(true);
    });

    it('twice delivers once', async () => {
      const session = await guests.connected(transport);
      const channel = freshChannel();
      await session.subscribe(channel);
      expect((await session.subscribe(channel)).successful).toBe(true);
      listen(session, 300);
      await session.publish(channel, 1);
      await session.publish(channel, 'end');
      await session.inbox.next((message) => message.data === 'end');
      expect(session.inbox.events(channel).map((event) => event.data)).toEqual([1, 'end']);
    });

    it.each([
      ['no subscription', undefined, '403::subscription_missing'],
      ['a null', null, '403::subscription_missing'],
      ['a number', 5, '403::subscription_invalid'],
      ['an object', {}, '403::subscription_invalid'],
      ['a relative name', 'news', '403::subscription_invalid'],
      ['a name with illegal characters', '/news<>', '403::subscription_invalid'],
      ['an empty name', '', '403::subscription_invalid'],
      ['an array with a number', [5], '403::subscription_invalid'],
    ])('with %s is refused', async (_, subscription, error) => {
      const session = await guests.connected(transport);
      const reply = await session.call('/meta/subscribe', { subscription: subscription as string });
      expect(reply).toMatchObject({ channel: '/meta/subscribe', successful: false });
      expect(firstAndLast(reply.error)).toBe(firstAndLast(error));
    });

    it.runIf(peer.kind === 'ours').each([
      ['no element', []],
      ['an empty segment', '/a//b'],
      ['a wildcard in the middle', '/a/*/b'],
      ['a template and a wildcard', '/a/{x}/*'],
    ])('with %s is refused too', async (_, subscription) => {
      const session = await guests.connected(transport);
      const reply = await session.subscribe(subscription as string);
      expect(firstAndLast(reply.error)).toBe('403:subscription_invalid');
    });

    it('to a meta channel is denied by the policy', async () => {
      const session = await guests.connected(transport);
      expect(await session.subscribe('/meta/connect')).toMatchObject({
        successful: false,
        error: '403:denied_by_security_policy:subscribe_denied',
      });
      expect(await session.subscribe('/meta/foo')).toMatchObject({
        successful: false,
        error: '403:denied_by_security_policy:create_denied',
      });
    });

    it('with an array is all or nothing when one name is not legal', async () => {
      const session = await guests.connected(transport);
      const channel = freshChannel();
      expect((await session.subscribe([channel, '/bad<'])).successful).toBe(false);
      await expectSilence(session, channel);
    });

    it.runIf(peer.kind === 'ours')('with an array is all or nothing when one name is denied', async () => {
      const session = await guests.connected(transport);
      const channel = freshChannel();
      const reply = await session.subscribe([channel, '/meta/connect']);
      expect(reply).toMatchObject({ successful: false, subscription: [channel, '/meta/connect'] });
      expect(reply.error).toMatch(/^403:.*:subscribe_denied$/);
      await expectSilence(session, channel);
    });

    it('for an unknown session is answered 402 without advice', async () => {
      const session = await guests.stranger(transport);
      session.clientId = 'nobody';
      const reply = await session.subscribe('/a');
      expect(reply).toMatchObject({ successful: false, error: '402::session_unknown', subscription: '/a' });
      expect(reply).not.toHaveProperty('advice');
    });

    it('undone by unsubscribe ends the delivery', async () => {
      const session = await guests.connected(transport);
      const channel = freshChannel();
      await session.subscribe(channel);
      expect(await session.unsubscribe(channel)).toMatchObject({
        channel: '/meta/unsubscribe',
        subscription: channel,
        successful: true,
      });
      await expectSilence(session, channel);
    });

    it('undone twice is no failure while the channel exists', async () => {
      const [session, other] = [await guests.connected(transport), await guests.connected(transport)];
      const channel = freshChannel();
      await other.subscribe(channel);
      expect((await session.unsubscribe(channel)).successful).toBe(true);
    });

    it('undone for an array names each', async () => {
      const session = await guests.connected(transport);
      const channels = [freshChannel(), freshChannel()];
      await session.subscribe(channels);
      expect(await session.unsubscribe(channels)).toMatchObject({ successful: true, subscription: channels });
      for (const channel of channels) await expectSilence(session, channel);
    });

    it('cannot be undone where there is nothing', async () => {
      const session = await guests.connected(transport);
      expect((await session.unsubscribe(freshChannel())).error).toMatch(/^400:.*:channel_missing$/);
      expect((await session.unsubscribe('/meta/connect')).error).toMatch(/^403:.*:unsubscribe_failed$/);
      expect((await session.call('/meta/unsubscribe')).error).toBe('403::subscription_missing');
      expect(firstAndLast((await session.unsubscribe('/bad<')).error)).toBe('403:subscription_invalid');
    });

    /** Publishes there, then somewhere heard; only the second may arrive. */
    async function expectSilence(
      session: Awaited<ReturnType<typeof guests.connected>>,
      channel: string,
    ): Promise<void> {
      const heard = freshChannel();
      await session.subscribe(heard);
      listen(session, 300);
      await session.publish(channel, 'unwanted');
      await session.publish(heard, 'end');
      await session.event(heard);
      expect(session.inbox.events(channel)).toEqual([]);
    }
  });
}

/** Status and text of an error; the arguments between them may name the culprit. */
function firstAndLast(error: string | undefined): string {
  const parts = String(error).split(':');
  return `${parts[0]}:${parts.at(-1)}`;
}

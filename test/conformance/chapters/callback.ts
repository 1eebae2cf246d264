/** Chapter nine: callback-polling, where the server offers it. */
// biome-ignore-all lint/suspicious/noExportsInTest: the suite is a function, so that it can meet any server
import { RawHttp } from '@cometd-ts/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { freshChannel, guestsOf, type Peer } from '../peer.ts';

export function callback(peer: Peer): void {
  describe('callback-polling', () => {
    const guests = guestsOf(peer);
    const open: RawHttp[] = [];
    afterEach(async () => {
      await Promise.all(open.splice(0).map((client) => client.close()));
    });
    const http = () => {
      const client = new RawHttp(peer.url());
      open.push(client);
      return client;
    };
    const handshake = [{ id: '1', channel: '/meta/handshake', version: '1.0' }];

    it('answers with a call of the callback, as a script', async () => {
      const { status, headers, messages } = await http().jsonp(handshake, 'org.cometd.cb_1');
      expect(status).toBe(200);
      expect(headers['content-type']).toMatch(/^(text|application)\/javascript/);
      expect(messages).toMatchObject([{ id: '1', successful: true }]);
    });

    it('carries a whole session: subscribe, event with the connect, disconnect', async () => {
      const client = http();
      const [reply] = (await client.jsonp(handshake)).messages ?? [];
      const clientId = reply?.clientId as string;
      const channel = freshChannel();
      const connect = { channel: '/meta/connect', clientId, connectionType: 'callback-polling' };
      await client.jsonp([{ id: '2', ...connect, advice: { timeout: 0 } }]);
      await client.jsonp([{ id: '3', channel: '/meta/subscribe', clientId, subscription: channel }]);
      const held = client.jsonp([{ id: '4', ...connect, advice: { timeout: 5000 } }]);
      const speaker = await guests.connected('websocket');
      await speaker.publish(channel, 'hi \u2028');
      expect((await held).messages).toMatchObject([
        { channel, data: 'hi \u2028' },
        { id: '4', successful: true },
      ]);
      const goodbye = await client.jsonp([{ id: '5', channel: '/meta/disconnect', clientId }]);
      expect(goodbye.messages).toMatchObject([{ id: '5', successful: true }]);
    });

    it.each(['', 'alert(1)//', 'a<b', 'x'.repeat(65), 'a b', 'ü'])('refuses the callback %j', async (name) => {
      const { status, body } = await http().jsonp(handshake, name);
      expect(status).toBe(400);
      expect(body).not.toContain('successful');
    });

    it('keeps its events for connects', async () => {
      const client = http();
      const [reply] = (await client.jsonp(handshake)).messages ?? [];
      const clientId = reply?.clientId as string;
      const channel = freshChannel();
      await client.jsonp([{ id: '3', channel: '/meta/subscribe', clientId, subscription: channel }]);
      const { messages } = await client.jsonp([{ id: '4', channel, clientId, data: 'mine' }]);
      expect(messages).toMatchObject([{ id: '4', successful: true }]);
    });

    it.runIf(peer.kind === 'ours')('shares its cookies with long-polling', async () => {
      const client = http();
      const [reply] = (await client.jsonp(handshake)).messages ?? [];
      const connect = {
        id: '2',
        channel: '/meta/connect',
        clientId: reply?.clientId as string,
        connectionType: 'long-polling',
      };
      expect(await client.send(connect)).toMatchObject([{ successful: true }]);
    });

    it.runIf(peer.kind === 'ours')(
      'refuses a request without messages, with bad ones, or with two callbacks',
      async () => {
        for (const suffix of [
          '?jsonp=f',
          '?jsonp=f&message=',
          '?jsonp=f&message=%5B',
          '?jsonp=f&jsonp=g&message=%5B%7B%7D%5D',
        ]) {
          expect((await http().request({ method: 'GET', suffix })).status).toBe(400);
        }
      },
    );
  });
}

/** Section 2.6 of the behaviour: the end of a session, wanted or not. */
import { expect } from 'vitest';
import type { Message } from './support/message.ts';
import { behaviour, thrown } from './support/visit.ts';

behaviour('disconnect', (behaves) => {
  behaves('the request has id, client id and the given properties', async (visit) => {
    await visit.connected();
    visit.cometd.disconnect({ ext: { why: 'done' }, channel: '/other' });
    const request = await visit.net.take('/meta/disconnect');
    expect(request.messages).toEqual([
      { id: '4', channel: '/meta/disconnect', clientId: 'client-1', ext: { why: 'done' } },
    ]);
  });

  behaves('while disconnecting nothing can be sent', async (visit) => {
    const { cometd } = visit;
    await visit.connected();
    const handle = cometd.subscribe('/a', () => undefined);
    cometd.disconnect();
    const text = 'Illegal state: disconnected';
    expect(thrown(() => cometd.publish('/a', 1))).toBe(text);
    expect(thrown(() => cometd.subscribe('/b', () => undefined))).toBe(text);
    expect(thrown(() => cometd.unsubscribe(handle))).toBe(text);
    expect(thrown(() => cometd.remoteCall('t', {}, () => undefined))).toBe(text);
  });

  behaves('callback and listeners hear of a successful disconnect, in this order', async (visit) => {
    await visit.connected();
    const order: string[] = [];
    visit.cometd.addListener('/meta/disconnect', () => order.push('listener'));
    visit.cometd.addListener('/meta/unsuccessful', () => order.push('unsuccessful'));
    visit.cometd.disconnect(() => order.push('callback'));
    await (await visit.net.take('/meta/disconnect')).reply();
    expect(order).toEqual(['callback', 'listener']);
  });

  for (const how of ['fail', 'refuse'] as const) {
    behaves(`a disconnect that meets with ${how} aborts the connect and is told`, async (visit) => {
      const connect = await visit.connected();
      const order: string[] = [];
      visit.cometd.addListener('/meta/disconnect', () => order.push('listener'));
      visit.cometd.addListener('/meta/unsuccessful', (message: Message) => {
        if (message.channel === '/meta/disconnect') order.push('unsuccessful');
      });
      visit.cometd.disconnect(() => order.push('callback'));
      await (await visit.net.take('/meta/disconnect'))[how]();
      expect(order).toEqual(['callback', 'listener', 'unsuccessful']);
      expect(connect.aborted).toBe(true);
      expect(visit.cometd.getStatus()).toBe('disconnected');
    });
  }

  behaves('a disconnect that nobody answers ends after the network delay', async (visit) => {
    await visit.connected();
    visit.cometd.disconnect();
    await visit.clock.advance(10_000);
    expect(visit.cometd.getStatus()).toBe('disconnected');
  });

  behaves('what was batched and not sent fails', async (visit) => {
    await visit.connected();
    const replies: Message[] = [];
    visit.cometd.startBatch();
    visit.cometd.publish('/a', 1, (reply: Message) => void replies.push(reply));
    visit.cometd.disconnect();
    const request = await visit.net.open.find((exchange) => exchange.channels.includes('/meta/disconnect'));
    await request?.reply();
    expect(replies).toHaveLength(1);
    expect(replies[0]).toMatchObject({ channel: '/a', successful: false, failure: { reason: 'Disconnected' } });
    expect(replies[0]?.failure?.message).toMatchObject({ channel: '/a', data: 1 });
  });

  behaves('the client can shake hands again, and ids go on', async (visit) => {
    await visit.connected();
    visit.cometd.disconnect();
    await (await visit.net.take('/meta/disconnect')).reply();
    visit.cometd.handshake();
    const handshake = await visit.net.take('/meta/handshake');
    expect(handshake.message.id).toBe('5');
    expect(handshake.message.clientId ?? null).toBeNull();
    await handshake.reply({ clientId: 'client-2' });
    expect((await visit.net.take('/meta/connect')).message.clientId).toBe('client-2');
  });

  behaves('a disconnect by the server is a disconnect', async (visit) => {
    await visit.connected();
    const heard = visit.listen('/meta/disconnect', '/meta/unsuccessful');
    visit.cometd.receive({ channel: '/meta/disconnect', successful: true });
    expect(heard.map(([channel]) => channel)).toEqual(['/meta/disconnect']);
    expect(visit.cometd.getStatus()).toBe('disconnected');
    expect(visit.cometd.getClientId()).toBeNull();
  });

  behaves(
    'a bare disconnect by the server is no failure',
    async (visit) => {
      await visit.connected();
      const heard = visit.listen('/meta/disconnect', '/meta/unsuccessful');
      visit.cometd.receive({ channel: '/meta/disconnect' });
      expect(heard.map(([channel]) => channel)).toEqual(['/meta/disconnect']);
      expect(visit.cometd.getStatus()).toBe('disconnected');
    },
    { only: 'ours' },
  );

  behaves('after a disconnect no timer is left and nothing more is sent', async (visit) => {
    const connect = await visit.connected();
    visit.cometd.disconnect();
    await (await visit.net.take('/meta/disconnect')).reply();
    await connect.reply({ successful: false, advice: { reconnect: 'none' } });
    await visit.clock.advance(0);
    const sent = visit.net.requests.length;
    await visit.clock.advance(200_000);
    expect(visit.net.requests).toHaveLength(sent);
    expect(visit.clock.pending).toBe(0);
  });
});

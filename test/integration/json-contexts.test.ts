/** Application classes and exact numbers on the whole way: client, server, other client. */
import { BayeuxClient, CometD, type Message } from '@cometd-ts/client/node';
import { ExactJSONContext, ExactNumber, JSONContext } from '@cometd-ts/protocol';
import { launch } from '@cometd-ts/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { vias } from '../faults/watched.ts';

class Order {
  readonly id: bigint | number;
  readonly price: ExactNumber | number;
  constructor(id: bigint | number, price: ExactNumber | number) {
    this.id = id;
    this.price = price;
  }
}

function withOrders<Context extends JSONContext>(context: Context): Context {
  context.register('org.example.Order', {
    type: Order,
    write: ({ id, price }) => ({ id, price }),
    read: ({ id, price }) => {
      if (typeof id !== 'bigint' && typeof id !== 'number') throw new TypeError('An order has an id');
      return new Order(id, price as number);
    },
  });
  return context;
}

const cases = [
  ['JSONContext', () => withOrders(new JSONContext()), new Order(42, 9.99)],
  [
    'ExactJSONContext',
    () => withOrders(new ExactJSONContext()),
    new Order(9007199254740993n, new ExactNumber('0.1234567890123456789')),
  ],
] as const;

describe.each(cases)('with %s', (_, context, order) => {
  describe.each(vias)('over %s', (via) => {
    it('an object of an application class arrives as one, at the server and at other clients', async () => {
      const server = await launch({ options: { jsonContext: context() } });
      onTestFinished(() => server.close());
      const seen: unknown[] = [];
      server.bayeux
        .createChannelIfAbsent('/orders')
        .channel.addListener('message', (_from, _channel, { data }) => void seen.push(data));
      const client = new BayeuxClient<{ '/orders': Order }>(server.url, { transports: [via], jsonContext: context() });
      onTestFinished(() => client.abort());
      await client.handshake();
      const orders = client.getChannel('/orders');
      const typed = new Promise<Order>((resolve) => orders.subscribe(({ data }) => resolve(data as Order)));
      await client.waitFor('connected');

      const cometd = new CometD();
      for (const type of cometd.getTransportTypes()) if (type !== via) cometd.unregisterTransport(type);
      cometd.configure({ url: server.url, jsonContext: context() });
      onTestFinished(() => cometd.disconnect());
      await new Promise<Message>((resolve) => cometd.handshake(resolve));
      const other = new Promise<Order>((resolve) => {
        cometd.subscribe<Order>(
          '/orders',
          ({ data }) => resolve(data as Order),
          null,
          () => orders.publish(order),
        );
      });
      for (const arrived of [await typed, await other, seen[0]]) {
        expect(arrived).toBeInstanceOf(Order);
        expect(arrived).toEqual(order);
      }
    });

    it('what a convertor of the client refuses is left out, and its neighbours arrive', async () => {
      const server = await launch();
      onTestFinished(() => server.close());
      const warnings: unknown[][] = [];
      const client = new BayeuxClient(server.url, {
        transports: [via],
        jsonContext: context(),
        platform: { console: { warn: (...args: unknown[]) => void warnings.push(args) } },
      });
      onTestFinished(() => client.abort());
      await client.handshake();
      const heard: unknown[] = [];
      const done = new Promise<void>((resolve) => {
        client.getChannel('/orders').subscribe(({ data }) => {
          heard.push(data);
          if (data === 'last') resolve();
        });
      });
      await client.waitFor('connected');
      const id = client.id;
      const session = server.bayeux.getSession(id ?? '');
      session?.batch(() => {
        for (const data of ['first', { class: 'org.example.Order', id: 'none' }, 'last']) {
          session.deliver(null, { channel: '/orders', data });
        }
      });
      await done;
      expect(heard).toEqual(['first', 'last']);
      expect(warnings.flat().join()).toContain('An order has an id');
      expect([client.id, client.isConnected]).toEqual([id, true]);
    });
  });
});

/** A client that has left may come again: it knows no less than a new one. */
import { BayeuxClient, CometD, type Message } from '@cometd-ts/client/node';
import { launch } from '@cometd-ts/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { Ear } from './watched.ts';

async function serve() {
  const server = await launch({ options: { timeout: 5000 } });
  onTestFinished(() => server.close());
  return server;
}

it.each(['disconnect', 'abort', 'the server'])(
  'a second handshake of one client takes WebSocket again, after %s',
  async (end) => {
    const server = await serve();
    const client = new BayeuxClient(server.url, { backoffIncrement: 50 });
    onTestFinished(() => client.abort());
    for (let round = 0; round < 3; round++) {
      await client.handshake();
      await client.waitFor('connected');
      expect([client.transport, client.status.type]).toEqual(['websocket', 'connected']);
      if (end === 'the server') server.bayeux.getSession(client.id ?? '')?.disconnect();
      else await client[end as 'abort']();
      await client.waitFor('disconnected');
    }
  },
);

it('so it is with the CometD object', async () => {
  const server = await serve();
  const cometd = new CometD();
  cometd.configure({ url: server.url, logLevel: 'error' });
  for (let round = 0; round < 3; round++) {
    const connected = new Promise<Message>((resolve) => {
      const listener = cometd.addListener('/meta/connect', (message) => {
        cometd.removeListener(listener);
        resolve(message);
      });
    });
    cometd.handshake();
    expect((await connected).successful).toBe(true);
    expect(cometd.getTransport()?.type).toBe('websocket');
    await new Promise<Message>((resolve) => cometd.disconnect(resolve));
  }
});

it('in a batch of its own a subscription keeps its place', async () => {
  const server = await serve();
  const client = new BayeuxClient(server.url);
  onTestFinished(() => client.abort());
  const order: (string | undefined)[] = [];
  client.addExtension({
    outgoing: (message) => {
      if (!message.channel.startsWith('/meta/connect')) order.push(`${message.subscription ?? message.channel}`);
    },
  });
  await client.handshake();
  await client.waitFor('connected');
  const answers: Promise<Message>[] = [];
  client.batch(() => {
    answers.push(client.getChannel('/service/join').publish('room'));
    answers.push(client.getChannel('/room').subscribe(() => undefined));
    answers.push(client.getChannel('/room').publish('hello'));
  });
  await Promise.all(answers);
  expect(order).toEqual(['/meta/handshake', '/service/join', '/room', '/room']);
});

it('what is published during the handshake comes behind the subscriptions declared with it', async () => {
  const server = await serve();
  const client = new BayeuxClient(server.url);
  onTestFinished(() => client.abort());
  const ear = new Ear();
  client.handshake();
  const room = client.getChannel('/room');
  room.subscribe(ear.listen);
  room.publish('own');
  await ear.hears('own');
  expect(ear.heard).toEqual(['own']);
});

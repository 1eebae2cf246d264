/** Loops over the messages of a channel: order, every way to end, and what the server sees of it. */
import { BayeuxError, ClientError } from '@cometd-ts/client/node';
import { describe, expect, it } from 'vitest';
import { outcome, vias } from '../faults/watched.ts';
import { arrive, collect, heard, invite, isHeld, restart, serve, sessionOf } from './clients-typed-house.ts';

describe.each(vias)('a loop over messages, over %s', (via) => {
  it('gets them all in the order of publishing', async () => {
    const server = await serve();
    const { client, wire } = await arrive(server.url, via);
    const subscribed = heard(client, '/meta/subscribe');
    const loop = collect(client.getChannel('/news').messages(), (data) => data === 99);
    expect((await subscribed).successful).toBe(true);
    for (let n = 0; n < 100; n++) server.bayeux.getChannel('/news')?.publish(null, n);
    await loop.end;
    expect(loop.data).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(wire.subscriptions).toEqual(['/news', '-/news']);
    expect(sessionOf(server, client).subscriptions).toEqual([]);
  });

  it('subscribes when it starts, not before', async () => {
    const server = await serve();
    const { client, wire } = await arrive(server.url, via);
    const messages = client.getChannel('/news').messages();
    await client.getChannel('/other').publish(1);
    expect(wire.subscriptions).toEqual([]);
    const subscribed = heard(client, '/meta/subscribe');
    const first = messages.next();
    await subscribed;
    server.bayeux.getChannel('/news')?.publish(null, 'first');
    expect(await first).toMatchObject({ done: false, value: { channel: '/news', data: 'first' } });
    await messages.return();
    expect(wire.subscriptions).toEqual(['/news', '-/news']);
  });

  it('ends with its signal while it waits, and unsubscribes', async () => {
    const server = await serve();
    const { client, wire } = await arrive(server.url, via);
    const stop = new AbortController();
    const subscribed = heard(client, '/meta/subscribe');
    const loop = collect(client.getChannel('/news').messages({ signal: stop.signal }));
    await subscribed;
    stop.abort();
    await loop.end;
    expect(wire.subscriptions).toEqual(['/news', '-/news']);
    expect(sessionOf(server, client).subscriptions).toEqual([]);
  });

  it('with a signal that has fired already asks nothing of the server', async () => {
    const server = await serve();
    const { client, wire } = await arrive(server.url, via);
    await collect(client.getChannel('/news').messages({ signal: AbortSignal.abort() })).end;
    expect(wire.subscriptions).toEqual([]);
  });

  it('leaves the subscription to others who have it', async () => {
    const server = await serve();
    const { client, wire } = await arrive(server.url, via);
    const news = client.getChannel('/news');
    const others: unknown[] = [];
    await news.subscribe(({ data }) => others.push(data));
    const loop = collect(news.messages(), () => true);
    await news.publish(1);
    await loop.end;
    await news.publish(2);
    expect(others).toEqual([1, 2]);
    expect(wire.subscriptions).toEqual(['/news']);
  });

  it('throws after what fits when more wait than its limit, names the limit, and never skips one', async () => {
    const server = await serve();
    const { client, wire } = await arrive(server.url, via);
    const news = client.getChannel('/news');
    const messages = news.messages({ limit: 3 });
    const first = messages.next();
    await heard(client, '/meta/subscribe');
    const unsubscribed = heard(client, '/meta/unsubscribe');
    for (let n = 0; n < 6; n++) server.bayeux.getChannel('/news')?.publish(null, n);
    await unsubscribed;
    const seen = [(await first).value?.data];
    const rest = await outcome(
      'the loop',
      (async () => {
        for await (const { data } of messages) seen.push(data);
      })(),
    );
    expect(rest).toMatchObject({ refused: { code: 'overflow', message: expect.stringMatching(/3.*limit/) } });
    expect(seen.length).toBeGreaterThanOrEqual(3);
    expect(seen).toEqual(seen.map((_, n) => n));
    expect(wire.subscriptions).toEqual(['/news', '-/news']);
  });

  it('throws what the server says when the subscription is refused', async () => {
    const server = await serve();
    const { client } = await arrive(server.url, via);
    const loop = collect(client.getChannel('/secret/plans').messages());
    const error: unknown = await loop.end.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BayeuxError);
    expect(error).toMatchObject({ code: 'subscribe_denied' });
    expect(loop.data).toEqual([]);
  });

  it('may start before the handshake', async () => {
    const server = await serve();
    const { client, wire } = invite(server.url, via);
    const loop = collect(client.getChannel('/news').messages(), () => true);
    const subscribed = heard(client, '/meta/subscribe');
    await client.handshake();
    await subscribed;
    server.bayeux.getChannel('/news')?.publish(null, 'early bird');
    await loop.end;
    expect(loop.data).toEqual(['early bird']);
    expect(wire.subscriptions).toEqual(['/news', '-/news']);
  });

  it('goes on in a new session', async () => {
    const server = await serve();
    const { client } = await arrive(server.url, via);
    const subscribed = heard(client, '/meta/subscribe');
    const loop = collect(client.getChannel('/news').messages(), (data) => data === 'after');
    await subscribed;
    const restored = new Promise((resolve) => client.addListener('restored', resolve));
    await client.getChannel('/news').publish('before');
    await restart(server);
    await restored;
    await client.getChannel('/news').publish('after');
    await loop.end;
    expect(loop.data).toEqual(['before', 'after']);
  });

  it('throws when a later session refuses the subscription', async () => {
    const server = await serve();
    const { client } = await arrive(server.url, via);
    const subscribed = heard(client, '/meta/subscribe');
    const loop = collect(client.getChannel('/club').messages());
    await subscribed;
    await server.close();
    const again = await serve({}, server.port);
    again.bayeux.createChannelIfAbsent('/club', (channel) => {
      channel.addAuthorizer({ authorize: () => ({ verdict: 'deny', reason: 'closed' }) });
    });
    expect(await outcome('the loop', loop.end)).toMatchObject({ refused: { code: 'subscribe_denied' } });
  });

  it('ends when the application disconnects, and when it aborts', async () => {
    const server = await serve();
    for (const leave of ['disconnect', 'abort'] as const) {
      const { client } = await arrive(server.url, via);
      const subscribed = heard(client, '/meta/subscribe');
      const loop = collect(client.getChannel('/news').messages());
      await subscribed;
      await client[leave]();
      expect(await outcome('the loop', loop.end)).toBe('ok');
      expect(loop.data).toEqual([]);
    }
  });

  it('throws when the server ends the session', async () => {
    const server = await serve();
    const { client, watched } = await arrive(server.url, via);
    const subscribed = heard(client, '/meta/subscribe');
    const loop = collect(client.getChannel('/news').messages());
    await subscribed;
    const terminated = watched.status('terminated');
    if (via === 'long-polling') await isHeld(server, client);
    sessionOf(server, client).disconnect();
    const { error } = await terminated;
    expect(error).toBeInstanceOf(ClientError);
    expect(await outcome('the loop', loop.end)).toEqual({ refused: error });
  });
});

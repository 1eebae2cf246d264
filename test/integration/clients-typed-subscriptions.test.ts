/** Subscriptions of the typed client: one on the wire whatever listens here, restored or ended, and never silently. */
import { BayeuxError, ClientError } from '@cometd-ts/client/node';
import { describe, expect, it } from 'vitest';
import { Ear, outcome, vias } from '../faults/watched.ts';
import { arrive, heard, invite, restart, serve, sessionOf } from './clients-typed-house.ts';

describe.each(vias)('over %s', (via) => {
  it('two listeners of one channel are one subscription at the server, which ends with the last of them', async () => {
    const server = await serve();
    const { client, wire } = await arrive(server.url, via);
    const news = client.getChannel('/news');
    const [first, second] = [new Ear(), new Ear()];
    const replies = await Promise.all([news.subscribe(first.listen), news.subscribe(second.listen)]);
    expect(replies.map(({ successful }) => successful)).toEqual([true, true]);
    await news.publish(1);
    expect((await news.unsubscribe(first.listen)).successful).toBe(true);
    expect(wire.subscriptions).toEqual(['/news']);
    await news.publish(2);
    expect((await news.unsubscribe(second.listen)).successful).toBe(true);
    await news.publish(3);
    expect([first.heard, second.heard]).toEqual([[1], [1, 2]]);
    expect(wire.subscriptions).toEqual(['/news', '-/news']);
  });

  it('a channel is one object, and unsubscribing from all of it ends every listener', async () => {
    const server = await serve();
    const { client, wire } = await arrive(server.url, via);
    expect(client.getChannel('/news')).toBe(client.getChannel('/news'));
    const [first, second] = [new Ear(), new Ear()];
    await client.getChannel('/news').subscribe(first.listen);
    await client.getChannel('/news').subscribe(second.listen);
    await client.getChannel('/news').unsubscribe();
    expect(client.getChannel('/news').isSubscribed).toBe(false);
    await client.getChannel('/news').publish(1);
    expect([first.heard, second.heard]).toEqual([[], []]);
    expect(wire.subscriptions).toEqual(['/news', '-/news']);
  });

  it('a refused subscription rejects, tells failure, and the next attempt asks the server again', async () => {
    const server = await serve();
    const { client, watched, wire } = await arrive(server.url, via);
    const plans = client.getChannel('/secret/plans');
    const error: unknown = await plans.subscribe(() => undefined).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BayeuxError);
    expect(error).toMatchObject({ code: 'subscribe_denied', status: 403 });
    expect(watched.failures).toEqual([expect.objectContaining({ code: 'subscribe_denied' })]);
    expect(plans.isSubscribed).toBe(false);
    await expect(plans.subscribe(() => undefined)).rejects.toMatchObject({ code: 'subscribe_denied' });
    expect(wire.subscriptions).toEqual(['/secret/plans', '/secret/plans']);
  });

  it('a listener that throws, or whose promise rejects, is told by exception and harms no other', async () => {
    const server = await serve();
    const { client, watched } = await arrive(server.url, via);
    const news = client.getChannel('/news');
    const ear = new Ear();
    news.addListener(() => {
      throw new Error('a listener');
    });
    await news.subscribe(() => {
      throw new Error('a subscriber');
    });
    await news.subscribe(async () => {
      throw new Error('a subscriber, later');
    });
    await news.subscribe(ear.listen);
    await news.publish(1);
    await ear.hears(1);
    await news.publish(2);
    expect(ear.heard).toEqual([1, 2]);
    const texts = watched.exceptions.map((error) => (error as Error).message);
    expect(texts).toEqual([...texts.slice(0, 3), ...texts.slice(0, 3)]);
    expect(texts.slice(0, 3)).toEqual(['a listener', 'a subscriber', 'a subscriber, later']);
    expect(client.status.type).toBe('connected');
  });

  it('a listener hears replies and service messages without a subscription, until it is removed', async () => {
    const server = await serve();
    const { client, wire } = await arrive(server.url, via);
    const stop = new AbortController();
    const [plain, signalled] = [new Ear(), new Ear()];
    const echo = client.getChannel('/service/echo');
    const registration = echo.addListener(plain.listen);
    echo.addListener(signalled.listen, { signal: stop.signal });
    await echo.publish('one');
    await Promise.all([plain.hears('one'), signalled.hears('one')]);
    stop.abort();
    await echo.publish('two');
    await plain.hears('two');
    registration.remove();
    await client.remoteCall('echo', 'three');
    const last = heard(client, '/service/echo');
    await echo.publish('four');
    expect((await last).data).toBe('four');
    expect([plain.heard, signalled.heard]).toEqual([['one', 'two'], ['one']]);
    expect(wire.subscriptions).toEqual([]);
  });

  it('a new session has the old subscriptions, and restored names those that are and those that are refused', async () => {
    const server = await serve();
    const { client, wire } = await arrive(server.url, via);
    const ear = new Ear();
    await client.getChannel('/a').subscribe(ear.listen);
    await client.getChannel('/b/*').subscribe(ear.listen);
    await client.getChannel('/once').subscribe(ear.listen);
    await client.getChannel('/once').unsubscribe(ear.listen);
    const restored = new Promise((resolve) => client.addListener('restored', resolve));
    const from = wire.envelopes.length;
    const again = await restart(server);
    expect(await restored).toEqual({ channels: ['/a', '/b/*'], refused: [] });
    const renewed = wire.envelopes
      .slice(from)
      .filter((one) => one.some(({ channel }) => channel === '/meta/subscribe'));
    expect(renewed.map((one) => one.map(({ subscription }) => subscription))).toEqual([['/a', '/b/*']]);
    again.bayeux.getChannel('/a')?.publish(null, 'still here');
    await ear.hears('still here');
  });

  it('a subscription that the new session refuses is over, is told, and is not asked for again', async () => {
    const server = await serve();
    const { client, watched, wire } = await arrive(server.url, via);
    const ear = new Ear();
    await client.getChannel('/a').subscribe(ear.listen);
    await client.getChannel('/club').subscribe(ear.listen);
    const restored = new Promise((resolve) => client.addListener('restored', resolve));
    await server.close();
    const again = await serve({}, server.port);
    again.bayeux.createChannelIfAbsent('/club', (channel) => {
      channel.addAuthorizer({ authorize: () => ({ verdict: 'deny', reason: 'closed' }) });
    });
    expect(await restored).toEqual({ channels: ['/a'], refused: ['/club'] });
    expect(client.getChannel('/club').isSubscribed).toBe(false);
    expect(watched.failures.at(-1)).toMatchObject({ code: 'subscribe_denied' });
    const once = new Promise((resolve) => client.addListener('restored', resolve));
    const from = wire.envelopes.length;
    await restart(again);
    expect(await once).toEqual({ channels: ['/a'], refused: [] });
    expect(wire.envelopes.slice(from).flat()).not.toContainEqual(expect.objectContaining({ subscription: '/club' }));
  });

  it('with resubscribe false a new session has none, and loops and listeners are told', async () => {
    const server = await serve();
    const { client, watched, wire } = await arrive(server.url, via, { resubscribe: false });
    const ear = new Ear();
    await client.getChannel('/a').subscribe(ear.listen);
    const loop = outcome('the loop', client.getChannel('/a').messages().next());
    const from = watched.statuses.length;
    const again = await restart(server);
    await watched.status('connected', from);
    expect(await loop).toMatchObject({ refused: { code: 'disconnected' } });
    expect(client.getChannel('/a').isSubscribed).toBe(false);
    expect(sessionOf(again, client).subscriptions).toEqual([]);
    expect(wire.subscriptions).toEqual(['/a']);
    await client.getChannel('/a').subscribe(ear.listen);
    await client.getChannel('/a').publish('by hand');
    await ear.hears('by hand');
  });

  it('what is unsubscribed while the server is away is not there in the next session', async () => {
    const server = await serve();
    const { client, watched, wire } = await arrive(server.url, via);
    const [kept, left] = [new Ear(), new Ear()];
    await client.getChannel('/kept').subscribe(kept.listen);
    await client.getChannel('/left').subscribe(left.listen);
    const from = watched.statuses.length;
    await server.close();
    await watched.status('unconnected', from);
    const told = outcome('unsubscribe', client.getChannel('/left').unsubscribe(left.listen));
    expect(client.getChannel('/left').isSubscribed).toBe(false);
    const restored = new Promise((resolve) => client.addListener('restored', resolve));
    const again = await serve({}, server.port);
    expect(await restored).toEqual({ channels: ['/kept'], refused: [] });
    // It may have reached the new server, which knows no such session, or nobody.
    expect(await told).not.toBe('ok');
    expect(sessionOf(again, client).subscriptions.map(({ id }) => id)).toEqual(['/kept']);
    expect(wire.subscriptions.filter((name) => name === '/left')).toHaveLength(1);
  });

  it('what is subscribed while the server is away is there when it is back', async () => {
    const server = await serve();
    const { client, watched } = await arrive(server.url, via);
    const from = watched.statuses.length;
    await server.close();
    await watched.status('unconnected', from);
    const ear = new Ear();
    const subscribed = client.getChannel('/late').subscribe(ear.listen);
    const again = await serve({}, server.port);
    expect(await subscribed).toMatchObject({ channel: '/meta/subscribe', successful: true, subscription: '/late' });
    again.bayeux.getChannel('/late')?.publish(null, 'news');
    await ear.hears('news');
  });

  it('subscriptions made before the handshake go out with its answer, in one batch', async () => {
    const server = await serve();
    const { client, wire } = invite(server.url, via);
    const ear = new Ear();
    const confirmed = ['/a', '/b', '/c'].map((name) => client.getChannel(name).subscribe(ear.listen));
    await client.handshake();
    await Promise.all(confirmed);
    const batches = wire.envelopes.filter((one) => one.some(({ channel }) => channel === '/meta/subscribe'));
    expect(batches.map((one) => one.map(({ subscription }) => subscription))).toEqual([['/a', '/b', '/c']]);
  });

  it('a signal ends a subscription, and one that has fired refuses it', async () => {
    const server = await serve();
    const { client, wire } = await arrive(server.url, via);
    const stop = new AbortController();
    const ear = new Ear();
    const news = client.getChannel('/news');
    await news.subscribe(ear.listen, { signal: stop.signal, ext: { from: 'here' } });
    expect(wire.sent('/meta/subscribe')).toMatchObject([{ ext: { from: 'here' } }]);
    const ended = heard(client, '/meta/unsubscribe');
    stop.abort();
    expect((await ended).successful).toBe(true);
    expect(sessionOf(server, client).subscriptions).toEqual([]);
    const reason = new Error('too late');
    await expect(news.subscribe(ear.listen, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(wire.subscriptions).toEqual(['/news', '-/news']);
  });

  it('a signal that fires before the confirmation rejects the wait for it', async () => {
    const server = await serve();
    const { client, wire } = await arrive(server.url, via);
    const stop = new AbortController();
    const news = client.getChannel('/news');
    const waiting = outcome(
      'subscribe',
      news.subscribe(() => undefined, { signal: stop.signal }),
    );
    const unsubscribed = heard(client, '/meta/unsubscribe');
    stop.abort();
    expect(await waiting).toMatchObject({ refused: { code: 'aborted' } });
    expect((await unsubscribed).successful).toBe(true);
    expect(wire.subscriptions).toEqual(['/news', '-/news']);
    expect(sessionOf(server, client).subscriptions).toEqual([]);
  });

  it('nobody subscribes to meta channels, publishes to wildcards, or names a channel wrongly', async () => {
    const { client } = invite('http://127.0.0.1:1/cometd', via);
    expect(() => client.getChannel('/meta/connect').subscribe(() => undefined)).toThrow(TypeError);
    expect(() => client.getChannel('/meta/connect').publish(1)).toThrow(TypeError);
    expect(() => client.getChannel('/news/*').publish(1)).toThrow(TypeError);
    for (const name of ['news', '', '/', '/a//b', '/a/', '/a b?'])
      expect(() => client.getChannel(name)).toThrow(RangeError);
    await expect(client.getChannel('/news').publish(1)).rejects.toBeInstanceOf(ClientError);
  });
});

import { createServer } from 'node:http';
import { BayeuxClient } from '@cometd-ts/client';
import { BayeuxServer } from '@cometd-ts/server';
import { happened, type Inbox, MemoryLine, type Pair, pair, received, until } from '@cometd-ts/testing';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';

// A mapped type without an index signature, as an application has it.
type Channels = { '/news': { headline: string }; '/service/ask': string };

let app: Pair<Channels>;

beforeEach(async () => {
  app = pair<Channels>();
  await app.client.handshake();
});

afterEach(() => app.close());

const publish = (channel: string, data: unknown): unknown =>
  app.server.createChannelIfAbsent(channel).channel.publish(null, data);

describe('an inbox', () => {
  it('gives messages one by one, in their order, whether they are here already or not', async () => {
    await using inbox = await received(app.client, '/news');
    const first = inbox.next();
    publish('/news', { headline: 'a' });
    publish('/news', { headline: 'b' });
    publish('/news', { headline: 'c' });
    expect((await first).data).toEqual({ headline: 'a' });
    expect((await inbox.take(2)).map(({ data }) => data?.headline)).toEqual(['b', 'c']);
    expect(inbox.data).toHaveLength(3);
    await inbox.expectNothing();
  });

  it('knows the type of the data from the channels of the client', async () => {
    await using inbox = await received(app.client, '/news');
    expectTypeOf(inbox.data).toEqualTypeOf<readonly ({ headline: string } | undefined)[]>();
  });

  it('knows it from those of a client of the entry for browsers, too', async () => {
    const { line } = app;
    await using client = new BayeuxClient<Channels>(line.url, { platform: line.platform });
    const connected = happened(client, 'status', ({ type }) => type === 'connected');
    await client.handshake();
    await connected;
    await using inbox = await received(client, '/news');
    expectTypeOf(inbox).toEqualTypeOf<Inbox<{ headline: string }>>();
    await app.client.getChannel('/news').publish({ headline: 'For all' });
    expect((await inbox.next()).data?.headline).toBe('For all');
  });

  it('says what came when what was waited for did not', async () => {
    await using inbox = await received(app.client, '/news');
    publish('/news', { headline: 'only this' });
    await inbox.next();
    await expect(inbox.next({ within: 5 })).rejects.toThrow(
      /^Nothing more came on \/news within 5 ms\. What came: \{.*only this/,
    );
    // Who has given up takes nothing away.
    publish('/news', { headline: 'late' });
    expect((await inbox.next()).data).toEqual({ headline: 'late' });
  });

  it('finds out that there is something, even if it has yet to arrive', async () => {
    await using inbox = await received(app.client, '/news');
    publish('/news', { headline: 'unexpected' });
    expect(inbox.data).toEqual([]);
    await expect(inbox.expectNothing()).rejects.toThrow(/^Expected nothing on \/news, got:\n {2}\{.*unexpected/);
  });

  it('listens to service channels without a subscription', async () => {
    await using inbox = await received(app.client, '/service/ask');
    const [session] = app.server.sessions;
    session?.deliver(null, '/service/ask', 'well?');
    expect((await inbox.next()).data).toBe('well?');
    expect(session?.subscriptions).toEqual([]);
  });

  it('rejects when the server refuses the subscription, to either client', async () => {
    app.server.securityPolicy = { canSubscribe: () => false };
    await expect(received(app.client, '/news')).rejects.toMatchObject({ code: 'subscribe_denied' });
    const cometd = app.newLine().cometd();
    await new Promise((resolve) => cometd.handshake(resolve));
    await expect(received(cometd, '/news')).rejects.toThrow(/subscription to \/news failed: 403/);
  });

  it('ends its subscription when it is disposed', async () => {
    {
      await using _inbox = await received(app.client, '/news');
      expect(app.server.sessions[0]?.subscriptions).toHaveLength(1);
    }
    expect(app.server.sessions[0]?.subscriptions).toHaveLength(0);
  });
});

describe('waiting', () => {
  it('resolves with the arguments of the event, typed', async () => {
    const subscribed = happened(app.server, 'subscribed', (_session, channel) => channel.id === '/b');
    await app.client.getChannel('/a').subscribe(() => undefined);
    await app.client.getChannel('/b').subscribe(() => undefined);
    const [session, channel] = await subscribed;
    expectTypeOf(channel.id).toEqualTypeOf<string>();
    expect([session.id, channel.id]).toEqual([app.client.id, '/b']);
  });

  it('hears sessions and channels, too', async () => {
    const { channel } = app.server.createChannelIfAbsent('/a');
    const published = happened(channel, 'message');
    const [session] = app.server.sessions;
    if (!session) throw new Error('There is no session');
    const gone = happened(session, 'removed');
    await app.client.getChannel('/a').publish(1);
    expect((await published)[2].data).toBe(1);
    await app.client.disconnect();
    expect((await gone)[2]).toBe(false);
  });

  it('for a condition is over at once when it holds, and else with the event that makes it so', async () => {
    await until(() => app.server.sessions.length === 1, app.server, 'sessionAdded');
    const empty = until(() => app.server.sessions.length === 0, app.server, ['sessionAdded', 'sessionRemoved']);
    await app.client.disconnect();
    await empty;
  });

  it('rejects with what the condition throws', async () => {
    const fail = (): boolean => {
      throw new Error('no such thing');
    };
    const heard = happened(app.server, 'subscribed', fail);
    await app.client.getChannel('/a').subscribe(() => undefined);
    await expect(heard).rejects.toThrow('no such thing');
  });
});

it('a line leads to an HTTP server that has more than Bayeux, and need not listen', async () => {
  const http = createServer((_request, response) => response.end('a page'));
  await using server = new BayeuxServer();
  server.attach(http, { path: '/bayeux' });
  await using line = new MemoryLine(http, { path: '/bayeux' });
  const client = line.client();
  await client.handshake();
  expect(server.sessions).toHaveLength(1);
  expect(http.listening).toBe(false);
});

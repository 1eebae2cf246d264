/** A connect over HTTP: held, woken, replaced, dropped; and what other requests of its session get meanwhile. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { RawHttp, RawSession } from '@cometd-ts/testkit';
import { describe, expect, it } from 'vitest';
import { hold, Line, poller, postOf, removal, serve, talker } from './visitors.ts';

const cookieOf = (session: RawSession<RawHttp>) => `BAYEUX_BROWSER=${session.client.jar.get('BAYEUX_BROWSER')}`;

describe('a connect that is held', () => {
  it('ends with the messages that are published meanwhile, all of one turn together', async () => {
    const server = await serve();
    const session = await poller(server);
    await session.subscribe('/news');
    await hold(server, session);
    const { channel } = server.bayeux.createChannelIfAbsent('/news');
    for (const data of [1, 2, 3]) channel.publish(null, data);
    await session.event('/news');
    expect(session.inbox.events('/news').map(({ data }) => data)).toEqual([1, 2, 3]);
  });

  it('is not woken by what the reply to another request carries', async () => {
    const server = await serve();
    const session = await poller(server);
    await session.subscribe('/news');
    const { reply } = await hold(server, session);
    const message = session.message('/news', { data: 'mine' });
    const answer = await session.client.send([message]);
    expect(answer).toMatchObject([
      { channel: '/news', data: 'mine' },
      { id: message.id, successful: true },
    ]);
    const { channel } = server.bayeux.createChannelIfAbsent('/news');
    channel.publish(null, 'later');
    await reply;
    expect(session.inbox.events('/news').map(({ data }) => data)).toEqual(['mine', 'later']);
  });

  it('is woken by what a listener sends when it hears of the hold', async () => {
    const server = await serve();
    const session = await poller(server);
    const inside = server.bayeux.getSession(session.clientId);
    inside?.addListener('suspended', () => void inside.deliver(null, '/hello', 'again'));
    await session.connect();
    expect((await session.event('/hello')).data).toBe('again');
  });

  it('is woken by a request that is pipelined behind it', async () => {
    const server = await serve();
    const session = await poller(server);
    const line = await Line.dial(server.port);
    const suspended = new Promise<void>((resolve) => {
      server.bayeux.getSession(session.clientId)?.addListener('suspended', () => resolve());
    });
    const headers = { cookie: cookieOf(session) };
    const connect = session.message('/meta/connect', { connectionType: 'long-polling' });
    line.send(postOf(JSON.stringify(connect), headers));
    await suspended;
    const publish = session.message('/x', { data: 1 });
    line.send(postOf(JSON.stringify(publish), headers));
    const text = await line.until(`"id":"${publish.id}"`);
    expect(text.indexOf('/meta/connect')).toBeLessThan(text.indexOf('"/x"'));
  });

  it('is refused with 503 when the server stops', async () => {
    const server = await serve();
    const session = await poller(server);
    const line = await Line.dial(server.port);
    const suspended = new Promise<void>((resolve) => {
      server.bayeux.getSession(session.clientId)?.addListener('suspended', () => resolve());
    });
    const connect = session.message('/meta/connect', { connectionType: 'long-polling' });
    line.send(postOf(JSON.stringify(connect), { cookie: cookieOf(session) }));
    await suspended;
    await server.bayeux.stop();
    expect(await line.until('\r\n\r\n')).toContain('HTTP/1.1 503');
  });
});

describe('a second connect of the same session', () => {
  it.each([
    [{}, 500],
    [{ duplicateMetaConnectHttpResponseCode: 409 }, 409],
  ])('with %o ends the first with %i and is held in its place', async (options, status) => {
    const server = await serve(options);
    const session = await poller(server);
    const first = await hold(server, session);
    const second = await hold(server, session);
    await expect(first.reply).rejects.toThrow(`answered ${status}`);
    await session.publish('/unheard', 'the second is still held');
    server.bayeux.getSession(session.clientId)?.deliver(null, '/hello', 'you');
    const reply = await second.reply;
    expect(reply).toMatchObject({ successful: true });
    expect(reply.advice ?? {}).not.toHaveProperty('multiple-clients');
  });

  it('takes no further place of the browser, however often it happens', async () => {
    const server = await serve({ maxSessionsPerBrowser: 1 });
    const session = await poller(server);
    let held = await hold(server, session);
    for (let time = 0; time < 5; time++) held = await hold(server, session);
    server.bayeux.getSession(session.clientId)?.deliver(null, '/hello', 'you');
    await held.reply;
    const other = await poller(server, {}, session);
    expect((await other.connect(0)).advice ?? {}).not.toHaveProperty('multiple-clients');
  });

  it('gets the messages the first would have got', async () => {
    const server = await serve();
    const session = await poller(server);
    await hold(server, session);
    server.bayeux.getSession(session.clientId)?.deliver(null, '/hello', 'in the same turn');
    await session.connect(0);
    expect((await session.event('/hello')).data).toBe('in the same turn');
  });
});

describe('a connection that drops', () => {
  /** The session's connect is held on a connection which then is lost, for both sides. */
  async function dropped(server: Awaited<ReturnType<typeof serve>>, session: RawSession<RawHttp>): Promise<void> {
    const [connection, abort] = [once(server.listener, 'connection'), new AbortController()];
    await hold(server, session, abort.signal);
    const [socket] = (await connection) as [Socket];
    const lost = once(socket, 'close');
    abort.abort();
    await lost;
  }

  it('while a connect is held loses no message: the next connect brings it', async () => {
    const server = await serve();
    const session = await poller(server);
    await session.subscribe('/news');
    await dropped(server, session);
    server.bayeux.createChannelIfAbsent('/news').channel.publish(null, 'kept');
    const { id } = await session.connect(0);
    expect(session.inbox.all.slice(-2)).toMatchObject([{ channel: '/news', data: 'kept' }, { id }]);
  });

  it('in the very turn in which there is something to send loses nothing either', async () => {
    const server = await serve();
    const session = await poller(server);
    const [connection, abort] = [once(server.listener, 'connection'), new AbortController()];
    await hold(server, session, abort.signal);
    const [socket] = (await connection) as [Socket];
    server.bayeux.getSession(session.clientId)?.deliver(null, '/hello', 'kept');
    socket.destroy();
    await once(socket, 'close');
    await session.connect(0);
    expect((await session.event('/hello')).data).toBe('kept');
  });

  it('gives the place of its browser back', async () => {
    const server = await serve();
    const session = await poller(server);
    await dropped(server, session);
    const other = await poller(server, {}, session);
    const held = await hold(server, other);
    await other.publish('/unheard', 'the other one is held');
    server.bayeux.getSession(other.clientId)?.deliver(null, '/hello', 'you');
    expect((await held.reply).advice ?? {}).not.toHaveProperty('multiple-clients');
  });

  it('lets the session expire after maxInterval, neither before nor never', async () => {
    const server = await serve({ maxInterval: 150, sweepPeriod: 10 });
    const session = await poller(server);
    await dropped(server, session);
    const gone = removal(server, session);
    const since = performance.now();
    expect(await gone).toEqual({ timeout: true });
    expect(performance.now() - since).toBeGreaterThan(140);
  });

  it('before the whole request has arrived leaves nothing behind', async () => {
    const server = await serve();
    const session = await poller(server);
    const line = await Line.dial(server.port);
    const arrived = once(server.listener, 'request');
    line.send(postOf(JSON.stringify([session.message('/news', { data: 1 })])).subarray(0, -5));
    const [request] = await arrived;
    const closed = new Promise<void>((resolve) => request.on('error', () => undefined).on('close', resolve));
    line.socket.destroy();
    await closed;
    expect((await session.publish('/news', 2)).successful).toBe(true);
  });

  it('while user code still thinks about the connect leaves the messages where they are', async () => {
    const server = await serve();
    const session = await poller(server);
    let think: (() => void) | undefined;
    const thinking = new Promise<void>((begun) => {
      server.bayeux.addExtension({
        rcvMeta: (_session, message) => {
          if (message.channel !== '/meta/connect' || think) return true;
          begun();
          return new Promise<boolean>((resolve) => {
            think = () => resolve(true);
          });
        },
      });
    });
    const [connection, abort] = [once(server.listener, 'connection'), new AbortController()];
    const lost = session.client.send([session.message('/meta/connect', { advice: { timeout: 0 } })], abort.signal);
    lost.catch(() => undefined);
    await thinking;
    const [socket] = (await connection) as [Socket];
    abort.abort();
    await once(socket, 'close');
    server.bayeux.getSession(session.clientId)?.deliver(null, '/hello', 'kept');
    think?.();
    await session.connect(0);
    expect((await session.event('/hello')).data).toBe('kept');
  });
});

describe('a response that nobody reads', () => {
  it('is given up after writeTimeout; its session expires, and others are served all the while', async () => {
    const server = await serve({ writeTimeout: 100, sweepPeriod: 20, maxQueueBytes: -1 });
    const session = await poller(server);
    const neighbour = await talker(server);
    await hold(server, neighbour);
    const line = await Line.dial(server.port);
    line.socket.pause();
    const gone = removal(server, session);
    const inside = server.bayeux.getSession(session.clientId);
    // From now on, so that a busy machine does not let it expire before it has connected.
    if (inside) inside.maxInterval = 200;
    for (let count = 0; count < 20; count++) inside?.deliver(null, '/much', 'x'.repeat(1_000_000));
    const connect = session.message('/meta/connect', { connectionType: 'long-polling' });
    const arrived = once(server.listener, 'request');
    line.send(postOf(JSON.stringify(connect), { cookie: cookieOf(session) }));
    const [request] = await arrived;
    const cut = once(request.socket, 'close');
    expect((await neighbour.publish('/x', 1)).successful).toBe(true);
    await cut;
    expect(server.bayeux.diagnostics.counters.get('limit_hit.writeTimeout')).toBe(1);
    expect(await gone).toEqual({ timeout: true });
    expect((await neighbour.publish('/x', 1)).successful).toBe(true);
  });
});

/** The browser cookie: how it is written and read, and that it is what makes a clientId somebody's own. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RawHttp } from '@cometd-ts/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BayeuxServer } from '../../src/index.ts';
import { resolveOptions } from '../../src/settings.ts';
import { cookieValues, setCookie, showsCookie } from '../../src/transport/cookie.ts';
import { caller, handshakeText, hold, poller, serve } from './visitors.ts';

const COOKIE = 'BAYEUX_BROWSER';

describe('the cookie that is set', () => {
  it.each([
    [{}, false, 'BAYEUX_BROWSER=v; Path=/; HttpOnly'],
    [{ browserCookieName: 'B', browserCookiePath: '/app' }, false, 'B=v; Path=/app; HttpOnly'],
    [{ browserCookiePath: '', browserCookieHttpOnly: false }, false, 'BAYEUX_BROWSER=v'],
    [{ browserCookieDomain: 'example.com' }, false, 'BAYEUX_BROWSER=v; Domain=example.com; Path=/; HttpOnly'],
    [{ browserCookieMaxAge: 0 }, false, 'BAYEUX_BROWSER=v; Path=/; Max-Age=0; HttpOnly'],
    [{ browserCookieMaxAge: 60 }, false, 'BAYEUX_BROWSER=v; Path=/; Max-Age=60; HttpOnly'],
    [{ browserCookieSecure: true }, false, 'BAYEUX_BROWSER=v; Path=/; HttpOnly'],
    [{ browserCookieSecure: true }, true, 'BAYEUX_BROWSER=v; Path=/; HttpOnly; Secure'],
    [{ browserCookieSameSite: 'Lax' }, false, 'BAYEUX_BROWSER=v; Path=/; HttpOnly; SameSite=Lax'],
    [
      { browserCookieSameSite: 'None', browserCookieSecure: true, browserCookiePartitioned: true },
      true,
      'BAYEUX_BROWSER=v; Path=/; HttpOnly; Secure; SameSite=None; Partitioned',
    ],
  ] as const)('with %o, secure: %s, is %s', (options, secure, text) => {
    expect(setCookie('v', resolveOptions(options).longPolling, secure)).toBe(text);
  });

  it.each([
    ['http', false],
    ['https', true],
    ['http2s', true],
  ] as const)('over %s is Secure: %s', async (scheme, secure) => {
    const server = await serve({ browserCookieSecure: true }, { scheme });
    const client = new RawHttp(server.url, { http2: scheme === 'http2s' });
    const { headers } = await client.post(handshakeText);
    expect(headers['set-cookie']?.[0]?.includes('; Secure')).toBe(secure);
    await client.close();
  });

  it('has a value of its own for every browser, that cannot be guessed', async () => {
    const server = await serve();
    const values = new Set<string>();
    for (let count = 0; count < 20; count++) {
      const client = new RawHttp(server.url);
      await client.post(handshakeText);
      values.add(client.jar.get(COOKIE) ?? '');
    }
    expect(values.size).toBe(20);
    for (const value of values) expect(value).toMatch(/^[0-9a-z]{16}$/);
  });

  it('comes beside those that a handler before this one has set', async () => {
    const http = createServer();
    const bayeux = new BayeuxServer({ logLevel: 'silent' });
    bayeux.attach(http, { path: '/cometd' });
    http.prependListener('request', (_, response) => response.setHeader('Set-Cookie', ['sid=1', 'theme=dark']));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => bayeux.stop().then(() => void http.close()));
    const client = new RawHttp(`http://127.0.0.1:${(http.address() as AddressInfo).port}/cometd`);
    const { headers } = await client.post(handshakeText);
    expect(headers['set-cookie']).toEqual(['sid=1', 'theme=dark', expect.stringMatching(/^BAYEUX_BROWSER=/)]);
    await client.close();
  });

  it('does not come with a handshake that fails', async () => {
    const server = await serve();
    server.bayeux.securityPolicy = { canHandshake: () => false };
    const { status, headers } = await new RawHttp(server.url).post(handshakeText);
    expect(status).toBe(200);
    expect(headers).not.toHaveProperty('set-cookie');
  });
});

describe('the cookie that is sent', () => {
  it.each([
    [undefined, []],
    ['', []],
    ['a=1; b=2', ['1']],
    ['a=1;a=2; a = 3 ', ['1', '2', '3']],
    ['a="quoted"; a="', ['quoted', '"']],
    ['xa=1; a', []],
    ['a=x=y', ['x=y']],
    ['__proto__=1; a=2', ['2']],
  ])('as %s is read as %o', (header, values) => {
    expect(cookieValues(header, 'a')).toEqual(values);
  });

  it.each([
    [undefined, false],
    ['a=secret', true],
    ['a="secret"', true],
    ['x=1; a=secret', true],
    ['a=tossed; a=secret', true],
    ['a=Secret', false],
    ['a:secret', false],
    ['b=secret', false],
    ['xa=secret', false],
    ['a=secret2', false],
    ['a=', false],
    ['secret', false],
  ])('as %s shows the value, or does not: %s', (header, shown) => {
    expect(showsCookie(header, 'a', 'secret')).toBe(shown);
  });

  it('is used again when this server has issued it, and not set again', async () => {
    const server = await serve();
    const session = await poller(server);
    const { headers } = await session.client.post(handshakeText);
    expect(headers).not.toHaveProperty('set-cookie');
    expect(server.bayeux.sessions).toHaveLength(2);
  });

  it.each(['attacker', '__proto__', 'constructor', '', '"', 'x'.repeat(4_000)])(
    'with an invented value (%j) is worth nothing: the browser gets another one',
    async (value) => {
      const client = new RawHttp((await serve()).url);
      const { headers, body } = await client.post(handshakeText, { headers: { cookie: `${COOKIE}=${value}` } });
      expect(JSON.parse(body)).toMatchObject([{ successful: true }]);
      expect(headers['set-cookie']).toHaveLength(1);
      expect(client.jar.get(COOKIE)).not.toBe(value);
    },
  );

  it('beside an invented one of the same name still counts', async () => {
    const session = await poller(await serve());
    const [message] = [session.message('/x', { data: 1 })];
    const cookie = `${COOKIE}=tossed; ${COOKIE}=${session.client.jar.get(COOKIE)}`;
    const { body } = await session.client.post([message], { headers: { cookie } });
    expect(JSON.parse(body)).toMatchObject([{ successful: true }]);
  });

  it('of a browser whose sessions are gone is worth nothing for those of others', async () => {
    const server = await serve();
    const [mine, theirs] = [await poller(server), await poller(server)];
    await mine.disconnect();
    mine.clientId = theirs.clientId;
    expect((await mine.publish('/x', 1)).error).toBe('402::session_unknown');
  });
});

describe('somebody who has found out a clientId', () => {
  const foreign = { successful: false, error: '402::session_unknown' };

  it.each(['no cookie', 'a cookie of their own'])('and shows %s is nobody, whatever they try', async (what) => {
    const server = await serve();
    const [victim, thief] = [await poller(server), await poller(server)];
    await victim.subscribe('/private');
    if (what === 'no cookie') thief.client.jar.clear();
    thief.clientId = victim.clientId;
    expect(await thief.connect(0)).toMatchObject({ ...foreign, advice: { reconnect: 'handshake' } });
    expect(await thief.publish('/private', 1)).toMatchObject(foreign);
    expect(await thief.subscribe('/private')).toMatchObject(foreign);
    expect(await thief.unsubscribe('/private')).toMatchObject(foreign);
    expect(await thief.disconnect()).toMatchObject(foreign);
    expect(server.bayeux.getSession(victim.clientId)?.subscriptions).toHaveLength(1);
  });

  it('neither wakes nor ends the connect that is held', async () => {
    const server = await serve();
    const [victim, thief] = [await poller(server), await poller(server)];
    const held = await hold(server, victim);
    thief.clientId = victim.clientId;
    await thief.connect(0);
    server.bayeux.getSession(victim.clientId)?.deliver(null, '/hello', 'you');
    expect((await held.reply).successful).toBe(true);
    expect((await victim.event('/hello')).data).toBe('you');
    expect(thief.inbox.events('/hello')).toEqual([]);
  });

  it('is the session with trustClientSession, and only then', async () => {
    const server = await serve({ trustClientSession: true });
    const [victim, thief] = [await poller(server), await poller(server)];
    thief.client.jar.clear();
    thief.clientId = victim.clientId;
    expect((await thief.publish('/x', 1)).successful).toBe(true);
  });

  it('of a session inside the server is nobody, even with trustClientSession', async () => {
    const server = await serve({ trustClientSession: true });
    const local = server.bayeux.newLocalSession('inside');
    await local.handshake();
    const id = server.bayeux.sessions.find((session) => session.isLocalSession)?.id ?? '';
    const [thief, socket] = [await poller(server), await caller(server)];
    thief.clientId = id;
    expect(await thief.publish('/x', 1)).toMatchObject(foreign);
    socket.clientId = id;
    expect(await socket.publish('/x', 1)).toMatchObject(foreign);
  });

  it('gets 402 for it among messages of their own, which succeed', async () => {
    const server = await serve();
    const [victim, thief] = [await poller(server), await poller(server)];
    const replies = await thief.ask(
      thief.message('/x', { data: 1 }),
      thief.message('/x', { data: 2, clientId: victim.clientId }),
      thief.message('/x', { data: 3 }),
    );
    expect(replies.map(({ successful }) => successful)).toEqual([true, false, true]);
  });
});

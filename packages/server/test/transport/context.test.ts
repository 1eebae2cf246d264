/** What the application learns of the request a message came with. */
import type { BayeuxContext, ServerOptions } from '@cometd-ts/server';
import { RawHttp, RawSession } from '@cometd-ts/testkit';
import { describe, expect, it } from 'vitest';
import { caller, serve } from './visitors.ts';

/** The contexts of the messages that arrive, in order, and what only is known while their connection lasts. */
async function watched(options: ServerOptions = {}, scheme: 'http' | 'https' | 'http2s' = 'http') {
  const server = await serve(options, { scheme });
  const contexts: BayeuxContext[] = [];
  const addresses: Pick<BayeuxContext, 'remoteAddress' | 'localAddress'>[] = [];
  const see = (_session: unknown, { context }: { readonly context: BayeuxContext | null }): void => {
    if (!context) return;
    contexts.push(context);
    addresses.push({ remoteAddress: context.remoteAddress, localAddress: context.localAddress });
  };
  server.bayeux.addExtension({ rcvMeta: see, rcv: see });
  return { server, contexts, addresses };
}

const headers = {
  'accept-language': 'de;q=0.5, fr-CH, *;q=0.1, en;q=0.9, xx;q=0',
  cookie: 'a=1; __proto__=2; a=3',
  'x-any': 'thing',
};

describe('the context of a request', () => {
  it('tells its URL, headers, cookies, parameters, languages and addresses', async () => {
    const { server, contexts, addresses } = await watched();
    const client = new RawHttp(`${server.url}/handshake?p=1&p=2&q=%C3%BC`, { headers });
    await new RawSession(client).handshake();
    const [context] = contexts;
    expect(context?.url).toBe('/cometd/handshake?p=1&p=2&q=%C3%BC');
    expect(context?.protocol).toBe('HTTP/1.1');
    expect(context?.secure).toBe(false);
    expect([context?.header('X-Any'), context?.headerValues('x-ANY'), context?.header('none')]).toEqual([
      'thing',
      ['thing'],
      undefined,
    ]);
    expect([context?.cookie('a'), context?.cookie('__proto__'), context?.cookie('b')]).toEqual(['1', '2', undefined]);
    expect([context?.parameter('p'), context?.parameterValues('p'), context?.parameter('q')]).toEqual([
      '1',
      ['1', '2'],
      'ü',
    ]);
    expect([context?.parameter('none'), context?.parameterValues('none')]).toEqual([undefined, []]);
    expect(context?.locales).toEqual(['fr-CH', 'en', 'de']);
    expect(addresses[0]).toEqual({
      localAddress: { address: '127.0.0.1', port: server.port },
      remoteAddress: { address: '127.0.0.1', port: expect.any(Number) },
    });
  });

  it('does not take the word of whoever sends it for where it comes from', async () => {
    const { server, contexts, addresses } = await watched();
    const spoofed = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https', forwarded: 'for=203.0.113.9' };
    await new RawSession(new RawHttp(server.url, { headers: spoofed })).handshake();
    expect(addresses[0]?.remoteAddress?.address).toBe('127.0.0.1');
    expect(contexts[0]?.secure).toBe(false);
  });

  it('has no header, attribute or cookie that nobody sent', async () => {
    const { server, contexts } = await watched({ requestAttributes: () => ({}) });
    await new RawSession(new RawHttp(server.url)).handshake();
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      expect(contexts[0]?.header(name)).toBeUndefined();
      expect(contexts[0]?.attribute(name)).toBeUndefined();
      expect(contexts[0]?.cookie(name)).toBeUndefined();
      expect(contexts[0]?.parameter(name)).toBeUndefined();
    }
  });

  it('carries the attributes and the user the application has found out, asked once for each request', async () => {
    let asked = 0;
    const { server, contexts } = await watched({
      requestAttributes: (request) => {
        asked++;
        Object.assign(request, { user: { name: 'Ada', roles: ['admin'] } });
        return { tenant: request.headers['x-any'] };
      },
    });
    const session = new RawSession(new RawHttp(server.url, { headers: { 'x-any': 'one' } }));
    await session.handshake();
    const [context] = contexts;
    expect(context?.attribute('tenant')).toBe('one');
    expect(asked).toBe(1);
    await session.ask(session.message('/x', { data: 1 }), session.message('/x', { data: 2 }));
    expect(asked).toBe(2);
    expect(contexts.at(-1)).toBe(contexts.at(-2));
  });

  it('knows who has been authenticated before it came to us, and their roles', async () => {
    const server = await serve();
    const contexts: BayeuxContext[] = [];
    server.bayeux.addExtension({
      rcvMeta: (_session, message) => void (message.context && contexts.push(message.context)),
    });
    const handler = server.bayeux.handler();
    const users = [{ name: 'Ada', roles: ['admin'] }, undefined, 'Bob', { roles: 'admin' }];
    server.listener.removeAllListeners('request').on('request', (request, response) => {
      Object.assign(request, { user: users[contexts.length] });
      handler(request, response);
    });
    for (const _user of users) await new RawSession(new RawHttp(server.url)).handshake();
    expect(contexts.map(({ userPrincipal }) => userPrincipal)).toEqual([users[0], null, 'Bob', users[3]]);
    expect(contexts.map((context) => context.isUserInRole('admin'))).toEqual([true, false, false, false]);
    expect(contexts[0]?.isUserInRole('other')).toBe(false);
  });

  it.each([
    ['https', 'HTTP/1.1', false],
    ['http2s', 'HTTP/2.0', true],
  ] as const)('over %s is secure and says %s', async (scheme, protocol, http2) => {
    const { server, contexts, addresses } = await watched({}, scheme);
    const client = new RawHttp(server.url, { http2 });
    await new RawSession(client).handshake();
    expect(addresses[0]?.remoteAddress?.address).toBe('127.0.0.1');
    await client.close();
    await server.close();
    const [context] = contexts;
    expect([context?.secure, context?.protocol]).toEqual([true, protocol]);
    expect(() => context?.remoteAddress).not.toThrow();
  });

  it('is that of its own request for every message over HTTP', async () => {
    const { server, contexts } = await watched();
    const client = new RawHttp(server.url);
    for (const suffix of ['?n=1', '?n=2']) await client.post([{ channel: '/x', data: 1 }], { suffix });
    expect(contexts.map((context) => context.parameter('n'))).toEqual(['1', '2']);
  });
});

describe('the context of a WebSocket', () => {
  it('is that of its upgrade, for every message', async () => {
    const { server, contexts, addresses } = await watched({
      requestAttributes: (request) => ({ any: request.headers['x-any'] }),
    });
    const session = await caller(server, { headers }, `${server.url}?p=1`);
    await session.handshake();
    await session.publish('/x', 1);
    expect(contexts[0]).toBe(contexts[1]);
    expect([contexts[0]?.url, contexts[0]?.secure]).toEqual(['/cometd?p=1', false]);
    expect(contexts[0]?.cookie('a')).toBe('1');
    expect(contexts[0]?.header('upgrade')).toBe('websocket');
    expect(contexts[0]?.attribute('any')).toBe('thing');
    expect(addresses[1]?.remoteAddress?.address).toBe('127.0.0.1');
  });
});

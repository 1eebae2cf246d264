/** JSONP, hardened: what it takes for a callback, and an answer that is nothing but a call of it. */
import type { ServerOptions } from '@cometd-ts/server';
import { RawHttp } from '@cometd-ts/testkit';
import { describe, expect, it } from 'vitest';
import { resolveOptions } from '../../src/settings.ts';
import { callbackOf, scriptOf } from '../../src/transport/callback.ts';
import { handshakeText, poller, serve } from './visitors.ts';

const { callbackPolling } = resolveOptions();
const urlWith = (...names: string[]) => `/cometd?${new URLSearchParams(names.map((name) => ['jsonp', name]))}`;

const allowed: ServerOptions = { allowedTransports: ['long-polling', 'callback-polling'] };

async function client(options: ServerOptions = {}): Promise<RawHttp> {
  return new RawHttp((await serve({ ...allowed, ...options })).url);
}

describe('the callback', () => {
  it.each(['f', '$', '_a1', 'org.cometd.callback_1', 'jQuery$.x._y', 'f'.repeat(64)])('may be %s', (name) => {
    expect(callbackOf(urlWith(name), callbackPolling)).toBe(name);
  });

  it.each([
    '',
    '1f',
    'f()',
    'f;alert',
    'a..b',
    '.a',
    'a.',
    'a-b',
    'a b',
    'f\n',
    'f\r\nx: y',
    '<script>',
    'ünï',
    'CWSMIKI0hCD0Up0IZUnnnnnnnn.', // how a Flash file begins
    'f'.repeat(65),
  ])('must not be %j', (name) => {
    expect(callbackOf(urlWith(name), callbackPolling)).toBeNull();
  });

  it('must be there, and once', () => {
    expect(callbackOf('/cometd', callbackPolling)).toBeNull();
    expect(callbackOf('/cometd?message=[]', callbackPolling)).toBeNull();
    expect(callbackOf(urlWith('f', 'f'), callbackPolling)).toBeNull();
  });

  it('is named by callbackParameter, and as long as callbackParameterMaxLength', () => {
    const options = resolveOptions({ callbackParameter: 'cb', callbackParameterMaxLength: 3 }).callbackPolling;
    expect(callbackOf('/cometd?cb=abc&jsonp=f', options)).toBe('abc');
    expect(callbackOf('/cometd?cb=abcd', options)).toBeNull();
  });
});

describe('the script', () => {
  it('begins like no other file format and has nothing in it that ends a string or an element', () => {
    expect(scriptOf('f', '[{"data":"</script>\u2028\u2029<!--"}]')).toBe(
      '/**/f([{"data":"\\u003c/script>\\u2028\\u2029\\u003c!--"}])',
    );
  });

  it('is sent as a script that nobody sniffs, caches or opens', async () => {
    const { status, headers, body } = await (await client()).jsonp(handshakeText, 'f');
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'text/javascript;charset=UTF-8',
      'content-length': String(Buffer.byteLength(body)),
      'content-disposition': 'attachment; filename=f.txt',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    expect(body).toMatch(/^\/\*\*\/f\(\[.*\]\)$/);
  });
});

describe('a request by GET', () => {
  it('is for nobody unless callback-polling is allowed', async () => {
    const { status } = await new RawHttp((await serve()).url).jsonp(handshakeText);
    expect(status).toBe(400);
  });

  it('with a bad callback is refused in plain text, and does not see it again', async () => {
    const { status, headers, body } = await (await client()).jsonp(handshakeText, 'alert(1)//');
    expect(status).toBe(400);
    expect(headers['content-type']).toBe('text/plain;charset=UTF-8');
    expect(body).not.toContain('alert');
  });

  it.each(['', 'jsonp=f', 'jsonp=f&message=', 'jsonp=f&message=[]', 'jsonp=f&message=[{', 'jsonp=f&message=%ff'])(
    'for %j is refused with 400',
    async (query) => {
      expect((await (await client()).request({ method: 'GET', suffix: `?${query}` })).status).toBe(400);
    },
  );

  it('may carry several message parameters', async () => {
    const server = await serve(allowed);
    const session = await poller(server);
    const query = new URLSearchParams({ jsonp: 'f' });
    for (const data of [1, 2]) query.append('message', JSON.stringify(session.message('/x', { data })));
    const { body } = await session.client.request({ method: 'GET', suffix: `?${query}` });
    expect(JSON.parse(body.slice('/**/f('.length, -1))).toHaveLength(2);
  });

  it('continues a session that began by POST, and needs its cookie as well', async () => {
    const server = await serve(allowed);
    const session = await poller(server);
    const message = session.message('/x', { data: 1 });
    expect((await session.client.jsonp([message])).messages).toMatchObject([{ successful: true }]);
    session.client.jar.clear();
    expect((await session.client.jsonp([message])).messages).toMatchObject([{ error: '402::session_unknown' }]);
  });

  it('delivers events with connects only', async () => {
    const server = await serve(allowed);
    const session = await poller(server);
    const jsonp = async (channel: string, fields: object) =>
      (await session.client.jsonp([session.message(channel, { ...fields })])).messages ?? [];
    await jsonp('/meta/connect', { connectionType: 'callback-polling', advice: { timeout: 0 } });
    await jsonp('/meta/subscribe', { subscription: '/news' });
    expect(await jsonp('/news', { data: 1 })).toHaveLength(1);
    expect(await jsonp('/meta/connect', { connectionType: 'callback-polling' })).toMatchObject([
      { data: 1 },
      { channel: '/meta/connect' },
    ]);
  });
});

describe('a script element', () => {
  const status = async (options: ServerOptions, headers: Record<string, string>) => {
    const query = new URLSearchParams({ jsonp: 'f', message: handshakeText });
    return (await (await client(options)).request({ method: 'GET', suffix: `?${query}`, headers })).status;
  };

  it.each(['same-origin', 'none'])('of site %s is welcome', async (site) => {
    expect(await status({}, { 'sec-fetch-site': site })).toBe(200);
  });

  it.each(['cross-site', 'same-site', 'nonsense'])('of site %s is refused', async (site) => {
    expect(await status({}, { 'sec-fetch-site': site })).toBe(403);
    expect(await status({}, { 'sec-fetch-site': site, referer: 'https://evil.example/page' })).toBe(403);
  });

  it('of a listed origin is welcome, by its Referer', async () => {
    const options = { allowedOrigins: ['https://app.example'] };
    const site = { 'sec-fetch-site': 'cross-site' };
    expect(await status(options, { ...site, referer: 'https://app.example/a/page' })).toBe(200);
    expect(await status(options, { ...site, referer: 'https://app.example.evil.example/' })).toBe(403);
    expect(await status(options, site)).toBe(403);
  });
});

import { Agent } from 'node:http';
import { nodePlatform } from '@cometd-ts/client/node';
import { type Cookie, CookieJar, MemoryCookieStore } from 'tough-cookie';
import { expect, test } from 'vitest';
import { listen, post, talk } from './surroundings.ts';

/** Says which cookies it got, and sets the one that the query names. */
const bakery: Parameters<typeof listen>[0] = (request, response) => {
  request.resume();
  const set = new URL(request.url ?? '', 'http://x').searchParams.getAll('set');
  if (set.length > 0) response.setHeader('set-cookie', set);
  response.end(request.headers.cookie ?? '');
};

const setting = (...lines: string[]): string => `?${new URLSearchParams(lines.map((line) => ['set', line]))}`;

type Done = (error: Error | null) => void;

const unanswered = (): void => undefined;

/** Leads every host name to this machine. */
function everywhere(): Agent {
  return new Agent({ lookup: (_host, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]) });
}

test('Cookies go to their path only, and no longer than they live', async () => {
  const { host } = await listen(bakery);
  const platform = nodePlatform({ proxy: false });
  await post(platform, `http://${host}/cometd/${setting('a=1; Path=/cometd', 'b=2; Path=/', 'c=3; Path=/other')}`);
  expect((await post(platform, `http://${host}/cometd/handshake`)).text).toBe('a=1; b=2');
  expect((await post(platform, `http://${host}/other`)).text).toBe('c=3; b=2');
  const gone = new Date(0).toUTCString();
  await post(platform, `http://${host}/${setting('b=2; Path=/; Max-Age=0', `c=3; Path=/other; Expires=${gone}`)}`);
  expect((await post(platform, `http://${host}/cometd/handshake`)).text).toBe('a=1');
  expect((await post(platform, `http://${host}/other`)).text).toBe('');
});

test('Cookies go to their host only, unless they name a domain', async () => {
  const { port } = await listen(bakery);
  const agent = everywhere();
  const platform = nodePlatform({ agent });
  await post(
    platform,
    `http://shop.site.org:${port}/${setting('mine=1', 'ours=2; Domain=site.org', 'x=3; Domain=b.org')}`,
  );
  expect((await post(platform, `http://shop.site.org:${port}/`)).text).toBe('mine=1; ours=2');
  expect((await post(platform, `http://news.site.org:${port}/`)).text).toBe('ours=2');
  expect((await post(platform, `http://b.org:${port}/`)).text).toBe('');
  agent.destroy();
});

test('Secure cookies do not go out in clear', async () => {
  const clear = await listen(bakery);
  const secure = await listen(bakery, { secure: true });
  const cookieJar = new CookieJar(undefined, { allowSecureOnLocal: false });
  const platform = nodePlatform({ proxy: false, cookieJar, tls: { ca: secure.cert } });
  await post(platform, `https://${secure.host}/${setting('s=1; Secure; Path=/', 'o=2; Path=/')}`);
  expect((await post(platform, `https://${secure.host}/`)).text).toBe('s=1; o=2');
  expect((await post(platform, `http://${clear.host}/`)).text).toBe('o=2');
  await talk(platform, `wss://${secure.host}/`, ['x']);
  await talk(platform, `ws://${clear.host}/`, ['x']);
  expect(secure.upgrades[0]?.headers.cookie).toBe('s=1; o=2');
  expect(clear.upgrades[0]?.headers.cookie).toBe('o=2');
});

test('HTTP and WebSocket share one jar, and each fills it', async () => {
  const { host, upgrades } = await listen(bakery, { cookie: 'ws=1; HttpOnly; Path=/' });
  const platform = nodePlatform({ proxy: false });
  await post(platform, `http://${host}/${setting('http=1; HttpOnly; Path=/')}`);
  await talk(platform, `ws://${host}/`, ['x']);
  expect(upgrades[0]?.headers.cookie).toBe('http=1');
  expect((await post(platform, `http://${host}/`)).text).toBe('http=1; ws=1');
});

test('A refused upgrade may set cookies as well', async () => {
  const { host, server } = await listen(bakery);
  server.removeAllListeners('upgrade');
  server.on('upgrade', (_request, socket) => {
    socket.end('HTTP/1.1 401 No\r\nSet-Cookie: visited=1; Path=/\r\nContent-Length: 0\r\n\r\n');
  });
  const platform = nodePlatform({ proxy: false });
  await talk(platform, `ws://${host}/`, []);
  expect((await post(platform, `http://${host}/`)).text).toBe('visited=1');
});

test('Two platforms have two jars, unless they are given one', async () => {
  const { host } = await listen(bakery);
  const cookieJar = new CookieJar();
  await post(nodePlatform({ proxy: false, cookieJar }), `http://${host}/${setting('a=1; Path=/')}`);
  expect((await post(nodePlatform({ proxy: false, cookieJar }), `http://${host}/`)).text).toBe('a=1');
  expect((await post(nodePlatform({ proxy: false }), `http://${host}/`)).text).toBe('');
  expect(cookieJar.getCookieStringSync(`http://${host}/`)).toBe('a=1');
});

test('Cookies that the application sends come after those of the jar', async () => {
  const { host } = await listen(bakery);
  const platform = nodePlatform({ proxy: false });
  await post(platform, `http://${host}/${setting('a=1; Path=/')}`);
  expect((await post(platform, `http://${host}/`, { headers: { Cookie: 'own=2' } })).text).toBe('a=1; own=2');
});

test('A malformed cookie is ignored, and the others are kept', async () => {
  const { host } = await listen(bakery);
  const platform = nodePlatform({ proxy: false });
  await post(platform, `http://${host}/${setting('=; ;;', 'd=1; Domain=elsewhere.org', 'a=1; Path=/')}`);
  expect((await post(platform, `http://${host}/`)).text).toBe('a=1');
});

test('A store may take its time: the next request waits for the cookies of the one before', async () => {
  const { host, upgrades } = await listen(bakery, { cookie: 'ws=1; Path=/' });
  let write: () => void = unanswered;
  const writing = new Promise<void>((resolve) => {
    write = resolve;
  });
  class SlowStore extends MemoryCookieStore {
    override synchronous = false;
    override putCookie(cookie: Cookie, done?: Done): Promise<void> {
      const put = writing.then(() => super.putCookie(cookie));
      put.then(() => done?.(null), done);
      return put;
    }
  }
  const platform = nodePlatform({ proxy: false, cookieJar: new CookieJar(new SlowStore()) });
  await talk(platform, `ws://${host}/`, ['x']);
  const asked = post(platform, `http://${host}/`);
  write();
  expect((await asked).text).toBe('ws=1');
  expect(upgrades).toHaveLength(1);
});

test('A store that fails fails the request and the WebSocket, with its own error', async () => {
  const { host } = await listen(bakery, { cookie: 'ws=1; Path=/' });
  class BrokenStore extends MemoryCookieStore {
    override synchronous = false;
    override putCookie(_cookie: Cookie, done?: Done): Promise<void> {
      done?.(new Error('disk full'));
      return Promise.resolve();
    }
  }
  const platform = nodePlatform({ proxy: false, cookieJar: new CookieJar(new BrokenStore()) });
  await expect(post(platform, `http://${host}/${setting('a=1')}`)).rejects.toThrow('disk full');
  const { errors, code } = await talk(platform, `ws://${host}/`, [], { expect: 1 });
  expect(errors).toMatchObject([{ message: 'disk full' }]);
  expect(code).toBe(1006);
});

import { nodePlatform } from '@cometd-ts/client/node';
import { certificate } from '@cometd-ts/testkit';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { listen, post, proxy, talk } from './surroundings.ts';

const hello: Parameters<typeof listen>[0] = (request, response) => {
  request.resume().on('end', () => response.end('hello'));
};

/** The tests say what the environment is. */
beforeEach(() => {
  for (const name of ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy', 'ws_proxy', 'wss_proxy']) {
    vi.stubEnv(name, '');
    vi.stubEnv(name.toUpperCase(), '');
  }
});
afterEach(() => vi.unstubAllEnvs());

test('A certificate of nobody is refused, over HTTP and over WebSocket', async () => {
  const { host, upgrades } = await listen(hello, { secure: true });
  const platform = nodePlatform();
  await expect(post(platform, `https://${host}/`)).rejects.toMatchObject({
    cause: { code: expect.stringMatching(/SELF_SIGNED|UNABLE_TO_VERIFY/) },
  });
  const { errors, code } = await talk(platform, `wss://${host}/`, []);
  expect(errors[0]?.message).toMatch(/self.signed|unable to verify/);
  expect(code).toBe(1006);
  expect(upgrades).toHaveLength(0);
});

test('A certificate is accepted from the authority that is named, and for its own host only', async () => {
  const { host, port, cert } = await listen(hello, { secure: true });
  const platform = nodePlatform({ tls: { ca: cert } });
  expect((await post(platform, `https://${host}/`)).text).toBe('hello');
  expect((await talk(platform, `wss://${host}/`, ['x'])).received).toEqual(['x']);
  const elsewhere = nodePlatform({ tls: { ca: cert, servername: 'shop.test' } });
  await expect(post(elsewhere, `https://127.0.0.1:${port}/`)).rejects.toMatchObject({
    cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
  });
  const other = nodePlatform({ tls: { ca: (await certificate()).cert } });
  await expect(post(other, `https://${host}/`)).rejects.toThrow();
  expect((await talk(other, `wss://${host}/`, [])).code).toBe(1006);
});

test('Verification ends only where it is switched off, for that platform alone', async () => {
  const { host } = await listen(hello, { secure: true });
  const careless = nodePlatform({ tls: { rejectUnauthorized: false } });
  expect((await post(careless, `https://${host}/`)).text).toBe('hello');
  expect((await talk(careless, `wss://${host}/`, ['x'])).received).toEqual(['x']);
  await expect(post(nodePlatform(), `https://${host}/`)).rejects.toThrow();
});

test('A proxy carries requests in clear, and tunnels TLS and WebSockets, with its credentials', async () => {
  const clear = await listen(hello);
  const secure = await listen(hello, { secure: true });
  const { url, asked, credentials } = await proxy();
  const platform = nodePlatform({ proxy: url.replace('//', '//me:se%20cret@'), tls: { ca: secure.cert } });
  expect((await post(platform, `http://shop.test:${clear.port}/a`)).text).toBe('hello');
  expect((await post(platform, `https://localhost:${secure.port}/b`)).text).toBe('hello');
  expect((await talk(platform, `ws://shop.test:${clear.port}/c`, ['x'])).received).toEqual(['x']);
  expect((await talk(platform, `wss://localhost:${secure.port}/d`, ['x'])).received).toEqual(['x']);
  expect(asked).toEqual([
    `POST http://shop.test:${clear.port}/a`,
    `CONNECT localhost:${secure.port}`,
    `CONNECT shop.test:${clear.port}`,
    `CONNECT localhost:${secure.port}`,
  ]);
  const basic = `Basic ${Buffer.from('me:se cret').toString('base64')}`;
  expect(credentials).toEqual([basic, basic, basic, basic]);
});

test('The certificate behind a tunnel is verified', async () => {
  const secure = await listen(hello, { secure: true });
  const platform = nodePlatform({ proxy: (await proxy()).url });
  await expect(post(platform, `https://${secure.host}/`)).rejects.toThrow(/self.signed|unable to verify/);
  expect((await talk(platform, `wss://${secure.host}/`, [])).errors[0]?.message).toMatch(
    /self.signed|unable to verify/,
  );
});

test('The environment names the proxy, also of WebSockets, at the moment of use', async () => {
  const secure = await listen(hello, { secure: true });
  const clear = await listen(hello);
  const platform = nodePlatform({ tls: { ca: secure.cert } });
  expect((await post(platform, `http://${clear.host}/`)).text).toBe('hello');
  const forHttp = await proxy();
  const forHttps = await proxy();
  vi.stubEnv('HTTP_PROXY', forHttp.url);
  vi.stubEnv('HTTPS_PROXY', forHttps.url);
  await post(platform, `http://${clear.host}/`);
  await talk(platform, `ws://${clear.host}/`, ['x']);
  await post(platform, `https://${secure.host}/`);
  await talk(platform, `wss://${secure.host}/`, ['x']);
  expect(forHttp.asked).toEqual([`POST http://${clear.host}/`, `CONNECT ${clear.host}`]);
  expect(forHttps.asked).toEqual([`CONNECT ${secure.host}`, `CONNECT ${secure.host}`]);
});

test('ALL_PROXY stands for those that are not named, and NO_PROXY goes before all', async () => {
  const clear = await listen(hello);
  const other = await listen(hello);
  const all = await proxy();
  vi.stubEnv('ALL_PROXY', all.url);
  vi.stubEnv('NO_PROXY', `127.0.0.1:${other.port}`);
  const platform = nodePlatform();
  await post(platform, `http://${clear.host}/`);
  await post(platform, `http://${other.host}/`);
  await talk(platform, `ws://${other.host}/`, ['x']);
  expect(all.asked).toEqual([`POST http://${clear.host}/`]);
  await post(nodePlatform({ proxy: false }), `http://${clear.host}/`);
  expect(all.asked).toHaveLength(1);
});

test('A proxy that is out of reach fails the request and the WebSocket', async () => {
  const { host, connections } = await listen(hello);
  const platform = nodePlatform({ proxy: 'http://127.0.0.1:1' });
  await expect(post(platform, `http://${host}/`)).rejects.toThrow(/ECONNREFUSED/);
  expect((await talk(platform, `ws://${host}/`, [])).errors[0]?.message).toMatch(/ECONNREFUSED/);
  expect(connections()).toBe(0);
});

test('A proxy that cannot be one is refused at once, and its password is not repeated', () => {
  for (const proxy of ['nowhere', 'gopher://me:secret@x', 'http//me:secret@x']) {
    expect(() => nodePlatform({ proxy })).toThrow(/^No URL of a proxy/);
  }
  expect(() => nodePlatform({ proxy: 'gopher://me:secret@host' })).toThrow('No URL of a proxy: gopher://host');
});

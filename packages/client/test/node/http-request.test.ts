import { EventEmitter, once } from 'node:events';
import { Agent, createServer, type IncomingMessage } from 'node:http';
import { nodePlatform } from '@cometd-ts/client/node';
import { expect, test } from 'vitest';
import { listen, open, post } from './surroundings.ts';

test('A request carries its body, its headers and those of the platform; those of the request win', async () => {
  let seen: IncomingMessage | undefined;
  let body = '';
  const { host } = await listen((request, response) => {
    seen = request;
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => response.end('[]'));
  });
  const platform = nodePlatform({ headers: { origin: 'http://shop.test', 'X-Who': 'platform' }, proxy: false });
  const headers = { 'x-who': 'request', 'Content-Type': 'text/x' };
  await post(platform, `http://${host}/cometd`, { headers, body: '["ä€😀"]' });
  expect(body).toBe('["ä€😀"]');
  expect(seen?.method).toBe('POST');
  expect(seen?.url).toBe('/cometd');
  expect(seen?.headers).toMatchObject({
    origin: 'http://shop.test',
    'x-who': 'request',
    'content-type': 'text/x',
    'content-length': '13',
  });
});

test('Characters of several bytes survive being cut anywhere', async () => {
  const text = '["ä€😀日本"]';
  const bytes = Buffer.from(text);
  const { host } = await listen((request, response) => {
    request.resume();
    const byte = (at: number): void => {
      if (at === bytes.length) response.end();
      else response.write(bytes.subarray(at, at + 1), () => setImmediate(byte, at + 1));
    };
    byte(0);
  });
  const answered = await post(nodePlatform({ proxy: false }), `http://${host}/`);
  expect(answered).toMatchObject({ status: 200, text });
  expect(answered.progress).toBeGreaterThan(2);
});

test('A response of exactly the most bytes passes; one byte more fails, whether it was announced or not', async () => {
  const { host, server } = await listen((request, response) => {
    request.resume();
    const [, how, size] = (request.url ?? '').split('/');
    // Of one that is too long more would follow: its connection is cut.
    const isTooLong = Number(size) > 100;
    if (how === 'announced') response.setHeader('content-length', isTooLong ? 1_000 : Number(size));
    response.write('x'.repeat(Number(size)));
    if (!isTooLong) response.end();
  });
  const platform = nodePlatform({ proxy: false });
  for (const how of ['announced', 'unannounced']) {
    expect((await post(platform, `http://${host}/${how}/100`, { maxBytes: 100 })).text).toHaveLength(100);
    const closed = new Promise((resolve) => server.once('connection', (socket) => socket.once('close', resolve)));
    platform.closeIdle();
    await expect(post(platform, `http://${host}/${how}/101`, { maxBytes: 100 })).rejects.toThrow(
      'The response is longer than 100 bytes',
    );
    await closed;
  }
});

test('An error status is a response, and a redirect is not followed', async () => {
  const { host } = await listen((request, response) => {
    request.resume();
    response.writeHead(request.url === '/307' ? 307 : 403, { location: '/elsewhere' }).end('no');
  });
  const platform = nodePlatform({ proxy: false });
  expect(await post(platform, `http://${host}/307`)).toMatchObject({ status: 307, text: 'no' });
  expect(await post(platform, `http://${host}/403`)).toMatchObject({ status: 403, text: 'no' });
});

test('Aborting ends the request at the server, and is told once, not at once', async () => {
  const told: string[] = [];
  const { host, server } = await listen(() => undefined);
  const arrived = once(server, 'request') as Promise<[IncomingMessage]>;
  const over = new EventEmitter();
  const call = nodePlatform({ proxy: false }).request({
    url: `http://${host}/`,
    headers: {},
    body: '[]',
    onProgress: () => told.push('progress'),
    onResponse: () => told.push('response'),
    onError: (reason) => {
      told.push(reason);
      over.emit('over');
    },
  });
  const [request] = await arrived;
  const closed = once(request.socket, 'close');
  const ended = once(over, 'over');
  call.abort();
  call.abort();
  expect(told).toEqual([]);
  await ended;
  await closed;
  expect(told).toEqual(['abort']);
});

test('A request that was aborted at once never reaches the server', async () => {
  const { host, connections } = await listen((_request, response) => response.end());
  const platform = nodePlatform({ proxy: false });
  const reason = await new Promise((resolve) => {
    const request = { url: `http://${host}/`, headers: {}, body: '', onProgress: () => resolve('progress') };
    platform.request({ ...request, onResponse: resolve, onError: resolve }).abort();
  });
  expect(reason).toBe('abort');
  await post(platform, `http://${host}/`);
  expect(connections()).toBe(1);
});

test('No server, a cut response and a URL that is none are errors with a reason', async () => {
  const platform = nodePlatform({ proxy: false });
  const server = createServer();
  const port = await open(server);
  server.on('request', (_request, response) => {
    response.writeHead(200, { 'content-length': 10 });
    response.write('half', () => response.destroy());
  });
  await expect(post(platform, `http://127.0.0.1:${port}/`)).rejects.toThrow('aborted');
  await new Promise((resolve) => server.close(resolve));
  const refused = post(platform, `http://127.0.0.1:${port}/`);
  await expect(refused).rejects.toThrow(/ECONNREFUSED/);
  await expect(refused).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  await expect(post(platform, 'nowhere')).rejects.toThrow('Invalid URL');
  await expect(post(platform, 'http://127.0.0.1:1/', { headers: { 'x-a': 'b\r\nc: d' } })).rejects.toThrow(
    'Invalid character in header content',
  );
});

test('Connections are kept for the next request until they are told to go', async () => {
  const { host, server, connections } = await listen((request, response) => {
    request.resume().on('end', () => response.end('[]'));
  });
  const platform = nodePlatform({ proxy: false });
  const closed = new Promise((resolve) => server.once('connection', (socket) => socket.once('close', resolve)));
  await post(platform, `http://${host}/`);
  await post(platform, `http://${host}/`);
  expect(connections()).toBe(1);
  platform.closeIdle();
  await closed;
  await post(platform, `http://${host}/`);
  expect(connections()).toBe(2);
});

test('Two platforms share no connection', async () => {
  const { host, connections } = await listen((_request, response) => response.end());
  await post(nodePlatform({ proxy: false }), `http://${host}/`);
  await post(nodePlatform({ proxy: false }), `http://${host}/`);
  expect(connections()).toBe(2);
});

test('An injected agent makes the connections, proxy or not, and is never closed by us', async () => {
  const { port, connections } = await listen((request, response) => response.end(request.headers.host));
  const agent = new Agent({
    keepAlive: true,
    lookup: (_host, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
  });
  const platform = nodePlatform({ agent, proxy: 'http://127.0.0.1:1' });
  expect(await post(platform, `http://shop.test:${port}/`)).toMatchObject({ text: `shop.test:${port}` });
  platform.closeIdle();
  await post(platform, `http://shop.test:${port}/`);
  expect(connections()).toBe(1);
  agent.destroy();
});

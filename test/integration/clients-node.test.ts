/** The entry for Node.js: cookies, header fields, certificates and proxies, with both clients and over both transports. */
import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Message } from '@cometd-ts/client/node';
import { build } from 'esbuild';
import { CookieJar } from 'tough-cookie';
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { vias } from '../faults/watched.ts';
import { faces, type NodeHouse, open, openProxy, type Visitor } from './clients-node-house.ts';

const combinations = faces.flatMap(({ name, visit }) => vias.map((via) => ({ name, visit, via })));

/** Subscribes, publishes, hears it, and leaves. */
async function talk(visitor: Visitor, house: NodeHouse): Promise<void> {
  const heard: Message[] = [];
  const hearing = new Promise<void>((resolve) => {
    visitor.subscribe('/a', (message) => {
      heard.push(message);
      resolve();
    });
  });
  expect((await visitor.publish('/a', 'ä€😀')).successful).toBe(true);
  await hearing;
  expect(heard.map(({ data }) => data)).toEqual(['ä€😀']);
  await visitor.leave();
  // A session that was lost on the way may have to expire.
  await vi.waitFor(() => expect(house.bayeux.sessions).toEqual([]), { timeout: 5000 });
}

/** The requests of long-polling, or the upgrades of WebSocket. */
function asked(house: NodeHouse, via: string): NodeHouse['requests'] {
  return via === 'websocket' ? house.upgrades : house.requests;
}

describe.each(combinations)('$name over $via', ({ visit, via }) => {
  it('sends the cookies that came with a handshake with every request and WebSocket of its jar from then on', async () => {
    const house = await open();
    const node = { proxy: false as const, cookieJar: new CookieJar() };
    const first = visit({ url: house.url, via: 'long-polling', node });
    await first.arrive();
    await first.leave();
    const second = visit({ url: house.url, via, node });
    await second.arrive();
    await talk(second, house);
    const cookies = [...house.requests, ...house.upgrades].map(({ headers }) => headers.cookie);
    expect(cookies.length).toBeGreaterThan(3);
    expect(cookies[0]).toBeUndefined();
    for (const cookie of cookies.slice(1)) expect(cookie).toMatch(/^BAYEUX_BROWSER=\w+$/);
    expect(new Set(cookies).size).toBe(2);
    expect(house.upgrades).toHaveLength(via === 'websocket' ? 1 : 0);
  });

  it('two clients keep their cookies to themselves', async () => {
    const house = await open();
    const [one, two] = [visit({ url: house.url, via }), visit({ url: house.url, via })];
    await one.arrive();
    await two.arrive();
    await one.leave();
    await talk(two, house);
    const browsers = new Set(house.requests.map(({ headers }) => headers.cookie).filter((cookie) => cookie));
    expect(browsers.size).toBe(via === 'websocket' ? 0 : 2);
  });

  it.each([
    ['an object', { 'x-token': 'one' }],
    ['a function', () => ({ 'x-token': 'one' })],
    ['a function that takes its time', async () => ({ 'x-token': 'one' })],
  ])('sends the request headers that %s gives', async (_, requestHeaders) => {
    const house = await open();
    const visitor = visit({ url: house.url, via, options: { requestHeaders } });
    await visitor.arrive();
    await talk(visitor, house);
    const tokens = asked(house, via).map(({ headers }) => headers['x-token']);
    expect(tokens.length).toBeGreaterThan(0);
    expect(new Set(tokens)).toEqual(new Set(['one']));
  });

  it('asks the function for the headers of each request anew', async () => {
    const house = await open();
    let count = 0;
    const options = { requestHeaders: async () => ({ 'x-count': `${++count}` }) };
    const visitor = visit({ url: house.url, via, options });
    await visitor.arrive();
    await talk(visitor, house);
    const counts = asked(house, via).map(({ headers }) => Number(headers['x-count']));
    expect(new Set(counts)).toEqual(new Set(Array.from({ length: count }, (__, n) => n + 1)));
    expect(count).toBe(asked(house, via).length);
  });

  it('tells the origin it is given', async () => {
    const house = await open({ options: { allowedOrigins: ['https://app.example'] } });
    const visitor = visit({ url: house.url, via, node: { proxy: false, headers: { Origin: 'https://app.example' } } });
    await visitor.arrive();
    await talk(visitor, house);
    expect(new Set(asked(house, via).map(({ headers }) => headers.origin))).toEqual(new Set(['https://app.example']));
  });

  it('trusts the authority it is given, over TLS', async () => {
    const house = await open({ secure: true });
    const visitor = visit({ url: house.url, via, node: { proxy: false, tls: { ca: house.cert } } });
    await visitor.arrive();
    expect(visitor.transport).toBe(via);
    await talk(visitor, house);
  });

  it('trusts nobody else', async () => {
    const house = await open({ secure: true });
    const visitor = visit({ url: house.url, via });
    const error = (await visitor.arrive().catch((reason: unknown) => reason)) as Error;
    expect(error).toBeInstanceOf(Error);
    expect(`${error.message} ${error.cause}`).toMatch(/self.signed certificate/);
    expect([house.requests, house.upgrades]).toEqual([[], []]);
  });

  it('goes through the proxy that the environment names', async () => {
    const house = await open();
    const through = await openProxy();
    for (const name of ['HTTP_PROXY', 'http_proxy']) vi.stubEnv(name, through.url);
    for (const name of ['NO_PROXY', 'no_proxy']) vi.stubEnv(name, '');
    onTestFinished(() => void vi.unstubAllEnvs());
    const visitor = visit({ url: house.url, via, node: {} });
    await visitor.arrive();
    await visitor.leave();
    const { host } = new URL(house.url);
    if (via === 'websocket') expect(through.asked).toEqual([`CONNECT ${host}`]);
    else
      expect(new Set(through.asked.map((line) => line.replace(/cometd.*/, 'cometd')))).toEqual(
        new Set([`POST ${house.url}`]),
      );
    vi.stubEnv('NO_PROXY', '127.0.0.1');
    vi.stubEnv('no_proxy', '127.0.0.1');
    const before = through.asked.length;
    const direct = visit({ url: house.url, via, node: {} });
    await direct.arrive();
    await talk(direct, house);
    expect(through.asked).toHaveLength(before);
  });

  it('splits a batch that is too long, in order', async () => {
    const house = await open();
    const sizes: number[] = [];
    house.bayeux.createChannelIfAbsent('/a').channel.addListener('message', (_, __, { data }) => {
      sizes.push((data as { n: number }).n);
    });
    const visitor = visit({ url: house.url, via, options: { maxSendBayeuxMessageSize: 600, maxConnections: 5 } });
    await visitor.arrive();
    const from = house.requests.length;
    const sent: Promise<Message>[] = [];
    visitor.batch(() => {
      for (let n = 0; n < 10; n++) sent.push(visitor.publish('/a', { n, text: 'x'.repeat(200) }));
    });
    expect((await Promise.all(sent)).every(({ successful }) => successful)).toBe(true);
    expect(sizes).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    if (via === 'long-polling') {
      const lengths = house.requests.slice(from).map(({ headers }) => Number(headers['content-length']));
      expect(Math.max(...lengths)).toBeLessThanOrEqual(600);
    }
    await visitor.leave();
  });
});

describe.each(faces)('$name', ({ visit }) => {
  it('appends the type of a message to the URL, or not', async () => {
    const house = await open();
    const visitor = visit({ url: house.url, via: 'long-polling' });
    await visitor.arrive();
    await talk(visitor, house);
    expect(new Set(house.requests.map(({ url }) => url))).toEqual(
      new Set(['/cometd/handshake', '/cometd/connect', '/cometd/', '/cometd/disconnect']),
    );
    house.requests.splice(0);
    const plain = visit({ url: house.url, via: 'long-polling', options: { appendMessageTypeToURL: false } });
    await plain.arrive();
    await talk(plain, house);
    expect(new Set(house.requests.map(({ url }) => url))).toEqual(new Set(['/cometd']));
  });

  it('goes to the URL of its transport', async () => {
    const [main, other] = [await open(), await open()];
    const options = { urls: { websocket: other.url.replace('http', 'ws') } };
    const visitor = visit({ url: main.url, options });
    await visitor.arrive();
    expect(visitor.transport).toBe('websocket');
    await talk(visitor, other);
    expect([main.requests, main.upgrades, other.upgrades.length]).toEqual([[], [], 1]);
  });

  it('falls back to long-polling where WebSockets are refused', async () => {
    const house = await open();
    house.refusing = true;
    const visitor = visit({ url: house.url });
    await visitor.persist();
    expect(visitor.transport).toBe('long-polling');
    await talk(visitor, house);
    expect(house.requests.length).toBeGreaterThan(0);
  });

  it('gives up a WebSocket that does not open within connectTimeout, and falls back', async () => {
    const house = await open();
    house.http.removeAllListeners('upgrade');
    house.http.on('upgrade', (request) => house.upgrades.push(request));
    const visitor = visit({ url: house.url, options: { connectTimeout: 50 } });
    await visitor.persist();
    expect(visitor.transport).toBe('long-polling');
    await talk(visitor, house);
    expect(house.upgrades.length).toBe(1);
  });

  it.each([
    ['for ever, by default', {}, 'websocket'],
    ['not without stickyReconnect', { stickyReconnect: false }, 'long-polling'],
    ['not beyond fallbackAfter failures', { fallbackAfter: 3 }, 'long-polling'],
  ])('stays with a WebSocket that has worked: %s', async (_, more, wanted) => {
    // A client that has no other reason to shake hands may still go to another transport.
    const handshakeReconnect = !('fallbackAfter' in more);
    const house = await open({ options: { timeout: 100, maxInterval: 150, handshakeReconnect } });
    const visitor = visit({ url: house.url, options: more });
    await visitor.arrive();
    expect(visitor.transport).toBe('websocket');
    const refused = house.upgrades.length;
    house.refusing = true;
    house.cut();
    if (wanted === 'long-polling') {
      await vi.waitFor(() => expect(house.requests.length).toBeGreaterThan(2), { timeout: 10_000, interval: 5 });
      expect(visitor.transport).toBe('long-polling');
    } else {
      await vi.waitFor(() => expect(house.upgrades.length).toBeGreaterThan(refused + 30), {
        timeout: 10_000,
        interval: 5,
      });
      expect(house.requests).toEqual([]);
      house.refusing = false;
      await vi.waitFor(() => expect(house.bayeux.sessions.some(({ isConnected }) => isConnected)).toBe(true), {
        timeout: 10_000,
        interval: 5,
      });
      expect(visitor.transport).toBe('websocket');
    }
    await talk(visitor, house);
  });

  it('asks for the subprotocol', async () => {
    const house = await open({ options: { 'ws.protocol': 'bayeux' } });
    const visitor = visit({ url: house.url, via: 'websocket', options: { protocol: 'bayeux' } });
    await visitor.arrive();
    expect(house.upgrades.map(({ headers }) => headers['sec-websocket-protocol'])).toEqual(['bayeux']);
    await talk(visitor, house);
  });

  it.each([2, 4])('has at most %i requests under way, one of them the connect', async (maxConnections) => {
    const house = await open();
    let underWay = 0;
    let most = 0;
    const waiting: (() => void)[] = [];
    house.bayeux.createChannelIfAbsent('/slow').channel.addListener('message', () => {
      most = Math.max(most, ++underWay);
      return new Promise((resolve) => {
        waiting.push(() => {
          underWay--;
          resolve(true);
        });
        // Those beyond the limit cannot come while these are here.
        if (waiting.length === maxConnections - 1) {
          setImmediate(() => {
            for (const go of waiting.splice(0)) go();
          });
        }
      });
    });
    const visitor = visit({ url: house.url, via: 'long-polling', options: { maxConnections, autoBatch: false } });
    await visitor.arrive();
    const sent = Array.from({ length: 3 * (maxConnections - 1) }, (_, n) => visitor.publish('/slow', n));
    expect((await Promise.all(sent)).every(({ successful }) => successful)).toBe(true);
    expect(most).toBe(maxConnections - 1);
    await visitor.leave();
  });

  it('with autoBatch sends together what waited for a free connection', async () => {
    const house = await open();
    const visitor = visit({ url: house.url, via: 'long-polling', options: { autoBatch: true } });
    await visitor.arrive();
    const from = house.requests.length;
    const heard: unknown[] = [];
    house.bayeux.createChannelIfAbsent('/a').channel.addListener('message', (_, __, { data }) => {
      heard.push(data);
    });
    await Promise.all([1, 2, 3, 4, 5].map((n) => visitor.publish('/a', n)));
    expect(heard).toEqual([1, 2, 3, 4, 5]);
    const publishes = house.requests.slice(from).filter(({ url }) => url === '/cometd/');
    expect(publishes).toHaveLength(2);
    await visitor.leave();
  });
});

describe('a program that has disconnected', () => {
  const workshop = join(import.meta.dirname, '../../.tmp/clients-node');
  afterAll(() => rm(workshop, { recursive: true, force: true }));

  it.each(combinations.map(({ name, via }) => [name, via] as const))(
    'ends by itself: %s over %s',
    async (name, via) => {
      const house = await open();
      await mkdir(workshop, { recursive: true });
      const outfile = join(workshop, `${name}-${via}.mjs`);
      const program =
        name === 'CometD'
          ? `const cometd = new CometD();
           for (const type of cometd.getTransportTypes()) if (type !== '${via}') cometd.unregisterTransport(type);
           cometd.configure({ url: '${house.url}', logLevel: 'error' });
           cometd.addListener('/meta/connect', () => cometd.disconnect(() => console.log(Date.now())));
           cometd.handshake();`
          : `const client = new BayeuxClient('${house.url}', { transports: ['${via}'] });
           await client.handshake();
           await client.waitFor('connected');
           await client.getChannel('/a').subscribe(() => undefined);
           await client.disconnect();
           console.log(Date.now());`;
      await build({
        stdin: {
          contents: `import { BayeuxClient, CometD } from '@cometd-ts/client/node';\n${program}`,
          resolveDir: import.meta.dirname,
          loader: 'ts',
        },
        bundle: true,
        platform: 'node',
        format: 'esm',
        target: 'node20',
        conditions: ['source'],
        external: ['ws', 'tough-cookie', 'proxy-agent'],
        outfile,
        logLevel: 'silent',
      });
      const { stdout } = await promisify(execFile)(process.execPath, [outfile], { timeout: 20_000 });
      expect(Date.now() - Number(stdout)).toBeLessThan(2000);
      expect(house.bayeux.sessions).toEqual([]);
    },
  );
});

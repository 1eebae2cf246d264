/** Mounted beside others: our path is ours, and every other request and upgrade reaches whom it is for. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BayeuxServer } from '@cometd-ts/server';
import { openSession, RawHttp } from '@cometd-ts/testkit';
import express from 'express';
import fastify from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import { handshakeText, Line } from './visitors.ts';
import { upgradeRequest } from './wire.ts';

function bayeuxServer(): BayeuxServer {
  const bayeux = new BayeuxServer({ logLevel: 'silent' });
  onTestFinished(() => bayeux.stop());
  return bayeux;
}

/** Where a server listens now, until the test is over. */
async function listen(server: Server): Promise<{ url: string; port: number }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port };
}

const get = async (url: string) => {
  const response = await fetch(url);
  return `${response.status} ${await response.text()}`;
};

/** A session at this URL, through either transport, with an event that arrives. */
async function talk(url: string, transport: 'websocket' | 'long-polling'): Promise<void> {
  const session = await openSession(transport, url);
  onTestFinished(() => session.close());
  await session.handshake();
  await session.connect(0);
  await session.subscribe('/news');
  await session.publish('/news', 'hello');
  expect((await session.event('/news')).data).toBe('hello');
}

/** The first line an upgrade at this path is answered with. */
async function upgrade(port: number, path: string): Promise<string> {
  const line = await Line.dial(port);
  return (await line.send(upgradeRequest(path)).until('\r\n\r\n')).split('\r\n')[0] ?? '';
}

describe('beside the routes of node:http', () => {
  it('a server serves what is below its path, and nothing else', async () => {
    const server = createServer((request, response) => response.end(`page ${request.url}`));
    bayeuxServer().attach(server);
    const { url, port } = await listen(server);
    expect(await get(`${url}/`)).toBe('200 page /');
    expect(await get(`${url}/cometdx?a=/cometd`)).toBe('200 page /cometdx?a=/cometd');
    expect((await get(`${url}/cometd`)).slice(0, 3)).toBe('400');
    for (const transport of ['websocket', 'long-polling'] as const) await talk(`${url}/cometd`, transport);
    expect(await upgrade(port, '/elsewhere')).toContain('404');
  });

  it('without any other route what is not ours is answered 404', async () => {
    const server = createServer();
    bayeuxServer().attach(server);
    const { url } = await listen(server);
    expect((await get(`${url}/elsewhere`)).slice(0, 3)).toBe('404');
  });

  it('a path may be any, also the root', async () => {
    const server = createServer();
    bayeuxServer().attach(server, { path: '/' });
    const { url } = await listen(server);
    for (const transport of ['websocket', 'long-polling'] as const) await talk(`${url}/anything`, transport);
  });

  it('other upgrades reach whoever waits for them, whether they came before us or after', async () => {
    const echo = new WebSocketServer({ noServer: true });
    for (const isFirst of [true, false]) {
      const server = createServer();
      const take = () =>
        server.on('upgrade', (request, socket, head) => {
          if (request.url === '/echo') echo.handleUpgrade(request, socket, head, () => undefined);
        });
      if (isFirst) take();
      bayeuxServer().attach(server);
      if (!isFirst) take();
      const { url, port } = await listen(server);
      expect(await upgrade(port, '/echo')).toContain('101');
      await talk(`${url}/cometd`, 'websocket');
    }
  });

  it('two servers live on one listener, and what is for neither of them is answered', async () => {
    const server = createServer((_request, response) => response.end('page'));
    const [a, b] = [bayeuxServer(), bayeuxServer()];
    a.attach(server, { path: '/a' });
    b.attach(server, { path: '/b' });
    const { url, port } = await listen(server);
    for (const path of ['/a', '/b'])
      for (const transport of ['websocket', 'long-polling'] as const) await talk(url + path, transport);
    expect([a.sessions.length, b.sessions.length]).toEqual([2, 2]);
    expect(await upgrade(port, '/c')).toContain('404');
    expect(await get(`${url}/c`)).toBe('200 page');
  });

  it('whoever is detached leaves everybody else in place', async () => {
    for (const first of [0, 1]) {
      const server = createServer((request, response) => response.end(`page ${request.url}`));
      const [a, b] = [bayeuxServer(), bayeuxServer()];
      const doors = [a.attach(server, { path: '/a' }), b.attach(server, { path: '/b' })];
      const { url, port } = await listen(server);
      doors[first]?.detach();
      const [gone, left] = first === 0 ? ['/a', '/b'] : ['/b', '/a'];
      expect(await get(url + gone)).toBe(`200 page ${gone}`);
      expect(await upgrade(port, gone)).toContain('404');
      for (const transport of ['websocket', 'long-polling'] as const) await talk(url + left, transport);
      doors[1 - first]?.detach();
      expect(await get(url + left)).toBe(`200 page ${left}`);
      expect(await get(`${url}/`)).toBe('200 page /');
    }
  });

  it('a stopped server is out of the way', async () => {
    const server = createServer((_request, response) => response.end('page'));
    const bayeux = bayeuxServer();
    bayeux.attach(server);
    const { url } = await listen(server);
    await bayeux.stop();
    expect(await get(`${url}/cometd`)).toBe('200 page');
  });

  it('a stopped server leaves no request waiting where nobody else is, and whoever comes next is in charge', async () => {
    const server = createServer();
    const bayeux = bayeuxServer();
    bayeux.attach(server);
    const { url, port } = await listen(server);
    await bayeux.stop();
    const { status, headers } = await fetch(`${url}/cometd`);
    expect([status, headers.get('connection')]).toEqual([503, 'close']);
    expect(await upgrade(port, '/cometd')).toContain('503');
    const heir = bayeuxServer();
    heir.attach(server);
    await talk(`${url}/cometd`, 'long-polling');
    expect((await get(`${url}/elsewhere`)).slice(0, 3)).toBe('404');
    await heir.stop();
    server.on('request', (_request, response) => response.end('page'));
    expect(await get(`${url}/cometd`)).toBe('200 page');
  });
});

describe('as a handler', () => {
  it('a server with a path hands the rest on, or answers 404 when there is nobody', async () => {
    const handler = bayeuxServer().handler({ path: '/cometd' });
    const server = createServer((request, response) => {
      if (request.url === '/alone') return handler(request, response);
      handler(request, response, () => response.end('next'));
    });
    const { url } = await listen(server);
    expect(await get(`${url}/elsewhere`)).toBe('200 next');
    expect((await get(`${url}/alone`)).slice(0, 3)).toBe('404');
    await talk(`${url}/cometd`, 'long-polling');
  });

  it('a server takes upgrades by hand', async () => {
    const bayeux = bayeuxServer();
    const server = createServer(bayeux.handler());
    server.on('upgrade', (request, socket, head) => bayeux.handleUpgrade(request, socket, head));
    const { url } = await listen(server);
    await talk(`${url}/cometd`, 'websocket');
  });
});

describe('in Express', () => {
  const application = () =>
    express()
      .get('/', (_request, response) => void response.send('page'))
      .get('/cometdx', (_request, response) => void response.send('neighbour'));

  it('a mounted handler serves long-polling, and routes before and after it stay what they are', async () => {
    const bayeux = bayeuxServer();
    let seen: string | undefined;
    bayeux.addListener('sessionAdded', (_session, message) => {
      seen = message.context?.url;
    });
    const app = application();
    app.use('/cometd', bayeux.handler());
    app.get('/after', (_request, response) => void response.send('after'));
    const { url } = await listen(createServer(app));
    await talk(`${url}/cometd`, 'long-polling');
    expect(seen).toBe('/cometd');
    expect(await get(`${url}/`)).toBe('200 page');
    expect(await get(`${url}/cometdx`)).toBe('200 neighbour');
    expect(await get(`${url}/after`)).toBe('200 after');
    expect((await get(`${url}/nowhere`)).slice(0, 3)).toBe('404');
  });

  it('a server attached to its listener serves both transports, and Express the rest', async () => {
    const server = createServer(application());
    bayeuxServer().attach(server);
    const { url, port } = await listen(server);
    for (const transport of ['websocket', 'long-polling'] as const) await talk(`${url}/cometd`, transport);
    expect(await get(`${url}/`)).toBe('200 page');
    expect(await get(`${url}/cometdx`)).toBe('200 neighbour');
    expect(await upgrade(port, '/')).toContain('404');
  });

  it('behind a parser that has read the body a request is not left waiting: the log tells what to do', async () => {
    const app = express();
    app.use(express.json());
    const bayeux = bayeuxServer();
    app.use('/cometd', bayeux.handler());
    const { url } = await listen(createServer(app));
    expect((await new RawHttp(`${url}/cometd`).post(handshakeText)).status).toBe(500);
    expect(bayeux.diagnostics.counters.get('failed.http')).toBe(1);
  });
});

describe('in Fastify', () => {
  it('a server attached to its listener serves both transports, and Fastify the rest', async () => {
    const app = fastify();
    app.get('/', () => 'page');
    bayeuxServer().attach(app.server);
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    onTestFinished(() => app.close());
    for (const transport of ['websocket', 'long-polling'] as const) await talk(`${url}/cometd`, transport);
    expect(await get(`${url}/`)).toBe('200 page');
    expect((await get(`${url}/nowhere`)).slice(0, 3)).toBe('404');
  });

  it('a route serves long-polling with the raw request', async () => {
    const bayeux = bayeuxServer();
    const handler = bayeux.handler();
    const app = fastify();
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => done(null));
    app.all('/cometd', (request, reply) => {
      reply.hijack();
      handler(request.raw, reply.raw);
    });
    app.get('/', () => 'page');
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    onTestFinished(async () => {
      await bayeux.stop();
      app.server.closeAllConnections();
      await app.close();
    });
    await talk(`${url}/cometd`, 'long-polling');
    expect(await get(`${url}/`)).toBe('200 page');
  });
});

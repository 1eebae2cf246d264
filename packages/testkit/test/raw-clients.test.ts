/** The raw clients send what they are given, keep what they get, and say what was missing. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createServer2 } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { Inbox } from '../src/inbox.ts';
import { RawHttp } from '../src/raw-http.ts';
import { RawSession } from '../src/raw-session.ts';
import { RawWebSocket } from '../src/raw-websocket.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/cometd`;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}

/** Answers every request with what it saw of it, as one message, and a cookie. */
const mirror = async (request: IncomingMessage, response: import('node:http').ServerResponse) => {
  const { method, url, headers } = request;
  const seen = { method, url, type: headers['content-type'], cookie: headers.cookie, body: await bodyOf(request) };
  response.setHeader('set-cookie', ['a=1; Path=/; HttpOnly', 'b=2']);
  response.end(JSON.stringify([{ id: '1', channel: '/seen', data: seen }]));
};

function client(url: string, options?: ConstructorParameters<typeof RawHttp>[1]): RawHttp {
  const raw = new RawHttp(url, options);
  cleanups.push(() => raw.close());
  return raw;
}

describe('RawHttp', () => {
  it('posts JSON, stores cookies and sends them back', async () => {
    const raw = client(await listen(createServer(mirror)));
    await raw.send({ id: '1' });
    const [second] = await raw.send({ id: '2' });
    expect(second?.data).toEqual({
      method: 'POST',
      url: '/cometd',
      type: 'application/json;charset=UTF-8',
      cookie: 'a=1; b=2',
      body: '[{"id":"2"}]',
    });
  });

  it('posts forms and asks by JSONP', async () => {
    const raw = client(await listen(createServer(mirror)));
    const [form] = await raw.form(['[1]', '{}']);
    expect(form?.data).toMatchObject({
      body: 'message=%5B1%5D&message=%7B%7D',
      type: 'application/x-www-form-urlencoded',
    });
    const { body, messages } = await raw.jsonp([], 'cb');
    expect(body).toContain('"method":"GET","url":"/cometd?jsonp=cb&message=%5B%5D"');
    expect(messages).toBeUndefined();
  });

  it('leaves a header out when told so, and sends bytes as they are', async () => {
    const raw = client(await listen(createServer(mirror)));
    const { body } = await raw.post(Buffer.from('x'), { headers: { 'content-type': undefined } });
    expect(body).toContain('"body":"x"');
    expect(body).not.toContain('"type"');
  });

  it('speaks HTTP/2 when asked to', async () => {
    const server = createServer2((request, response) => {
      response.end(JSON.stringify([{ id: '1', data: request.httpVersion }]));
    });
    const raw = client(await listen(server as unknown as Server), { http2: true });
    expect(await raw.send({ id: '1' })).toEqual([{ id: '1', data: '2.0' }]);
    await raw.close();
  });

  it('rejects when the status is not 200, with the status and the body', async () => {
    const server = createServer((_, response) => {
      response.statusCode = 503;
      response.end('busy');
    });
    await expect(client(await listen(server)).send({ id: '1' })).rejects.toThrow('the server answered 503: busy');
  });
});

describe('RawWebSocket', () => {
  it('keeps frames apart and finds replies by id', async () => {
    const server = createServer();
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => {
      socket.on('message', () => {
        socket.send('[{"channel":"/news","data":1}]');
        socket.send('[{"id":"1","successful":true},{"id":"2","successful":false}]');
      });
    });
    const url = await listen(server);
    const raw = await RawWebSocket.open(url);
    cleanups.push(() => raw.close());
    const session = new RawSession(raw);
    const replies = await session.ask({ id: '2' }, { id: '1' });
    expect(replies.map((reply) => reply.successful)).toEqual([false, true]);
    expect(await session.event('/news')).toEqual({ channel: '/news', data: 1 });
    expect(raw.frames.map((frame) => frame.length)).toEqual([1, 2]);
  });

  it('tells how the connection ended, also to those who wait', async () => {
    const server = createServer();
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => socket.on('message', () => socket.close(1008, 'no')));
    const raw = await RawWebSocket.open(await listen(server));
    await expect(raw.send({ id: '1' })).rejects.toThrow('the WebSocket was closed: 1008 no');
    expect(await raw.closed).toEqual({ code: 1008, reason: 'no' });
  });
});

describe('Inbox', () => {
  it('gives each message to one taker, early or late', async () => {
    const inbox = new Inbox();
    const early = inbox.event('/a');
    inbox.add([
      { channel: '/a', data: 1 },
      { channel: '/a', data: 2 },
    ]);
    expect([(await early).data, (await inbox.event('/a')).data]).toEqual([1, 2]);
    expect(inbox.events('/a')).toHaveLength(2);
  });

  it('does not take the result of a remote call for the reply', async () => {
    const inbox = new Inbox();
    inbox.add([
      { id: '1', channel: '/service/x', successful: true, data: 5 },
      { id: '1', channel: '/service/x', successful: true },
    ]);
    expect(await inbox.reply('1')).not.toHaveProperty('data');
  });

  it('names what came when the wanted did not', async () => {
    const inbox = new Inbox();
    inbox.add([{ channel: '/b', data: 'here' }]);
    await expect(inbox.event('/a', 5)).rejects.toThrow(/did not come within 5 ms.*"\/b"/s);
  });
});

/** The troublemaker makes exactly the trouble it promises. */
import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ToxicProxy } from '../src/toxic-proxy.ts';

describe('the toxic proxy', () => {
  let echo: Server;
  let proxy: ToxicProxy;
  const clients: Socket[] = [];

  beforeEach(async () => {
    echo = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    proxy = await ToxicProxy.start((echo.address() as AddressInfo).port);
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await proxy.close();
    await new Promise((resolve) => echo.close(resolve));
  });

  async function client(): Promise<Socket> {
    const socket = dial({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
    clients.push(socket);
    await once(socket, 'connect');
    return socket;
  }

  async function heard(socket: Socket): Promise<string> {
    return String((await once(socket, 'data'))[0]);
  }

  it('passes bytes both ways when left alone', async () => {
    const socket = await client();
    socket.write('hello');
    expect(await heard(socket)).toBe('hello');
    expect(proxy.seen).toEqual({ up: 5, down: 5 });
  });

  it('delays both ways by the latency', async () => {
    const socket = await client();
    proxy.latency(40);
    const start = performance.now();
    socket.write('late');
    expect(await heard(socket)).toBe('late');
    expect(performance.now() - start).toBeGreaterThan(75);
  });

  it('swallows bytes as a black hole, and passes later ones after healing', async () => {
    const socket = await client();
    proxy.blackHole();
    socket.write('lost');
    while (proxy.seen.up < 4) await new Promise(setImmediate);
    proxy.heal();
    socket.write('found');
    expect(await heard(socket)).toBe('found');
  });

  it('holds bytes back while paused and loses none', async () => {
    const socket = await client();
    socket.write('a');
    expect(await heard(socket)).toBe('a');
    proxy.pause();
    socket.write('b');
    const next = heard(socket);
    proxy.heal();
    expect(await next).toBe('b');
  });

  it('resets open connections', async () => {
    const socket = await client();
    socket.write('a');
    await heard(socket);
    const error = once(socket, 'error');
    proxy.reset();
    expect((await error)[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  it('cuts the connection after the agreed number of bytes', async () => {
    const socket = await client();
    proxy.cutAfter(3, 'down');
    socket.on('error', () => undefined);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    const closed = once(socket, 'end');
    socket.write('abcdef');
    await closed;
    expect(text).toBe('abc');
  });

  it('says goodbye to the client alone when half closing', async () => {
    const socket = await client();
    socket.write('a');
    await heard(socket);
    const end = once(socket, 'end');
    proxy.halfClose();
    await end;
    socket.write('still here');
    while (proxy.seen.up < 11) await new Promise(setImmediate);
    expect(proxy.connections).toBe(1);
  });

  it('resets new connections while refusing', async () => {
    proxy.refuse();
    const socket = dial(proxy.port, '127.0.0.1');
    clients.push(socket);
    expect((await once(socket, 'error'))[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  it('cuts with a reset where that is asked for', async () => {
    const socket = await client();
    const cut = proxy.cutAfter(0, 'down', 'reset');
    const error = once(socket, 'error');
    socket.write('abcdef');
    expect((await error)[0]).toMatchObject({ code: 'ECONNRESET' });
    await cut;
  });

  it('lets the bytes before a reset through', async () => {
    const socket = await client();
    const cut = proxy.cutAfter(3, 'down', 'reset');
    socket.write('abcdef');
    expect(await heard(socket)).toBe('abc');
    await cut;
  });

  it('cuts one connection only, and lets the next one live', async () => {
    const first = await client();
    const cut = proxy.cutAfter(0, 'up');
    const closed = once(first, 'end');
    first.write('abc');
    await Promise.all([cut, closed]);
    const second = await client();
    second.write('abc');
    expect(await heard(second)).toBe('abc');
  });

  it('slices what passes into pieces that arrive one by one', async () => {
    const socket = await client();
    proxy.slice(2);
    const pieces: string[] = [];
    let text = '';
    const all = new Promise<void>((resolve) => {
      socket.on('data', (chunk) => {
        pieces.push(String(chunk));
        text += chunk;
        if (text.length === 7) resolve();
      });
    });
    socket.write('abcdefg');
    await all;
    expect(text).toBe('abcdefg');
    expect(pieces.length).toBeGreaterThan(1);
  });

  it('slows to so many bytes per second', async () => {
    const socket = await client();
    proxy.slow(500);
    let text = '';
    const start = performance.now();
    const all = new Promise<void>((resolve) => {
      socket.on('data', (chunk) => {
        text += chunk;
        if (text.length === 50) resolve();
      });
    });
    socket.write('x'.repeat(50));
    await all;
    // The first portion leaves at once: 45 bytes at 5 per 10 ms.
    expect(performance.now() - start).toBeGreaterThan(85);
  });

  it('holds what carries a text and what follows it on that connection, until released', async () => {
    const [held, free] = [await client(), await client()];
    const caught = proxy.hold('down', 'secret');
    held.write('the secret');
    await caught;
    held.write(' and more');
    while (proxy.seen.down < 19) await new Promise(setImmediate);
    free.write('hello');
    expect(await heard(free)).toBe('hello');
    expect(held.bytesRead).toBe(0);
    let text = '';
    const all = new Promise<void>((resolve) => {
      held.on('data', (chunk) => {
        text += chunk;
        if (text.length === 19) resolve();
      });
    });
    proxy.release();
    await all;
    expect(text).toBe('the secret and more');
  });

  it('delivers a goodbye only after everything before it', async () => {
    const socket = await client();
    proxy.slice(1);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    const end = once(socket, 'end');
    socket.end('farewell');
    await end;
    expect(text).toBe('farewell');
  });
});

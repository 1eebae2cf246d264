/** Section 3.5 of the behaviour: which transport is used after what. */
import { expect } from 'vitest';
import { typeOf } from './support/cometd.ts';
import type { FakeWebSocket } from './support/fake-websocket.ts';
import { behaviour, type Visit } from './support/visit.ts';

const accepts = (visit: Visit) =>
  visit.cometd.findTransport('websocket')?.accept('1.0', false, 'http://localhost:8080/cometd');

async function connected(visit: Visit, config: Record<string, unknown> = {}): Promise<FakeWebSocket> {
  visit.use('websocket', 'long-polling');
  visit.configure({ backoffIncrement: 100, ...config }).handshake();
  const socket = await visit.net.socket();
  await socket.open();
  const advice = { reconnect: 'retry', timeout: 1000, interval: 0, maxInterval: 1000 };
  await socket.reply('/meta/handshake', { advice });
  await visit.net.quiet();
  await socket.reply('/meta/connect');
  await visit.net.quiet();
  return socket;
}

/** Breaks every socket that is opened, until something else happens, and tells how many there were. */
async function breakSockets(visit: Visit, ms: number): Promise<void> {
  for (let time = 0; time < ms && visit.net.requests.length === 0; time += 50) {
    await visit.clock.advance(50);
    const socket = visit.net.sockets.at(-1);
    if (socket?.readyState === 0) await socket.break();
  }
}

behaviour('fallback', (behaves) => {
  behaves('a first socket that fails leads to long-polling at once', async (visit) => {
    const told: unknown[][] = [];
    visit.use('websocket', 'long-polling').onTransportException = (...args: unknown[]) => void told.push(args);
    visit.configure().handshake();
    const socket = await visit.net.socket();
    await socket.break();
    const handshake = await visit.net.take('/meta/handshake');
    expect(handshake.message.supportedConnectionTypes).toEqual(['long-polling']);
    expect(told[0]?.slice(1)).toEqual(['websocket', 'long-polling']);
    expect(told[0]?.[0]).toMatchObject({ connectionType: 'websocket' });
    expect(accepts(visit)).toBe(false);
    await handshake.reply();
    await visit.net.take('/meta/connect');
    expect(typeOf(visit.cometd.getTransport())).toBe('long-polling');
    expect(visit.net.sockets).toHaveLength(1);
  });

  behaves('a constructor that throws leads to long-polling', async (visit) => {
    visit.net.socketError = new Error('forbidden');
    visit.use('websocket', 'long-polling');
    visit.configure().handshake();
    const handshake = await visit.net.take('/meta/handshake');
    expect(handshake.message.supportedConnectionTypes).toEqual(['long-polling']);
    expect(accepts(visit)).toBe(false);
  });

  behaves('websocketEnabled false keeps websocket out of the negotiation', async (visit) => {
    visit.use('websocket', 'long-polling').websocketEnabled = false;
    const handshake = await visit.shake();
    expect(handshake.message.supportedConnectionTypes).toEqual(['long-polling']);
    expect(visit.net.sockets).toEqual([]);
  });

  behaves('any other value of websocketEnabled means enabled', async (visit) => {
    visit.use('websocket', 'long-polling').websocketEnabled = 0;
    visit.configure().handshake();
    await visit.net.socket();
  });

  behaves('a server without websocket is talked to by long-polling', async (visit) => {
    visit.use('websocket', 'long-polling');
    visit.configure().handshake();
    const socket = await visit.net.socket();
    await socket.open();
    await socket.reply('/meta/handshake', { supportedConnectionTypes: ['long-polling'] });
    const connect = await visit.net.take('/meta/connect');
    expect(connect.message.connectionType).toBe('long-polling');
    expect(typeOf(visit.cometd.getTransport())).toBe('long-polling');
  });

  behaves('once it has worked, websocket is tried again with back-off, and for ever', async (visit) => {
    const socket = await connected(visit);
    await socket.end(1001, 'restart');
    expect(accepts(visit)).toBe(true);
    await visit.clock.advance(99);
    expect(visit.net.sockets).toHaveLength(1);
    await visit.clock.advance(1);
    expect(visit.net.sockets).toHaveLength(2);
    await visit.net.sockets[1]?.break();
    expect(accepts(visit)).toBe(true);
    await breakSockets(visit, 20_000);
    expect(visit.net.sockets.length).toBeGreaterThan(8);
    expect(visit.net.requests).toEqual([]);
    const last = await visit.net.socket();
    expect(last.readyState).toBe(3);
  });

  behaves('after a restart of the server everything goes on over websocket', async (visit) => {
    const socket = await connected(visit);
    await socket.end(1001, 'restart');
    await visit.clock.advance(100);
    const next = await visit.net.socket();
    await next.open();
    expect(next.take('/meta/connect').advice).toEqual({ timeout: 0 });
    expect(visit.cometd.getStatus()).toBe('connected');
  });

  behaves('without stickiness the handshake that follows falls back when it fails', async (visit) => {
    const socket = await connected(visit, { stickyReconnect: false });
    await socket.end(1001, 'restart');
    expect(accepts(visit)).toBe(false);
    await visit.clock.advance(100);
    expect(visit.net.sockets).toHaveLength(2);
    await breakSockets(visit, 20_000);
    const handshake = await visit.net.take('/meta/handshake');
    expect(handshake.message.supportedConnectionTypes).toEqual(['long-polling']);
  });

  behaves('a new handshake of the application tries everything afresh', async (visit) => {
    visit.use('websocket', 'long-polling');
    visit.configure().handshake();
    await (await visit.net.socket()).break();
    await (await visit.net.take('/meta/handshake')).reply();
    await visit.net.take('/meta/connect');
    visit.cometd.disconnect();
    await (await visit.net.take('/meta/disconnect')).reply();
    visit.cometd.handshake();
    const socket = await visit.net.socket();
    expect(visit.net.sockets).toHaveLength(2);
    await socket.open();
    expect(socket.take('/meta/handshake').supportedConnectionTypes).toEqual(['websocket', 'long-polling']);
  });

  behaves('with no other transport left the client disconnects and says so', async (visit) => {
    const told: unknown[][] = [];
    visit.use('websocket').onTransportException = (...args: unknown[]) => void told.push(args);
    visit.configure().handshake();
    await (await visit.net.socket()).break();
    await visit.net.quiet();
    expect(told).toHaveLength(1);
    expect(told[0]?.slice(1)).toEqual(['websocket', null]);
    expect(visit.cometd.getStatus()).toBe('disconnected');
  });
});

/** When a WebSocket connection is pinged, closed or cut: the silent, the deaf, and those who never shook hands. */
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SessionClock } from '../../src/session/clock.ts';
import { resolveOptions } from '../../src/settings.ts';
import { Vigil } from '../../src/transport/vigil.ts';
import { caller, FrameLine, serve, talker } from './visitors.ts';
import { maskedFrame, PING, PONG } from './wire.ts';

describe('the vigil', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  const watch = (options = {}) => {
    const socket = new PassThrough({ highWaterMark: 1 });
    const { websocket } = resolveOptions({
      handshakeTimeout: 10_000,
      pingInterval: 25_000,
      idleTimeout: 100_000,
      writeTimeout: 10_000,
      ...options,
    });
    const vigil = new Vigil(websocket, socket, new SessionClock());
    return {
      vigil,
      socket,
      /** The findings after each of these ms. */
      after: (ms: number, hasSession = true, isBlocked = false) => {
        vi.advanceTimersByTime(ms);
        return vigil.look(performance.now(), hasSession, isBlocked);
      },
    };
  };

  it('finds nothing to do about a connection that talks', () => {
    const { vigil, after } = watch();
    for (let time = 0; time < 100; time++) {
      expect(after(20_000)).toBeNull();
      vigil.alive();
    }
  });

  it('closes the one that does not shake hands, just after handshakeTimeout', () => {
    const { after } = watch();
    expect(after(10_000, false)).toBeNull();
    expect(after(1, false)).toEqual({ act: 'close', limit: 'handshakeTimeout' });
  });

  it('lets one whose session has left shake hands again for as long', () => {
    const { vigil, after } = watch();
    after(50_000);
    vigil.alive();
    expect(after(10_000, false)).toBeNull();
    expect(after(1, false)).toEqual({ act: 'close', limit: 'handshakeTimeout' });
  });

  it('pings the silent once, and cuts it when it stays silent as long again', () => {
    const { after } = watch();
    expect(after(25_000)).toBeNull();
    expect(after(1)).toEqual({ act: 'ping' });
    expect(after(25_000)).toBeNull();
    expect(after(1)).toEqual({ act: 'cut', limit: 'pingInterval' });
  });

  it('forgives the one that answers the ping', () => {
    const { vigil, after } = watch();
    for (let time = 0; time < 10; time++) {
      expect(after(25_001)).toEqual({ act: 'ping' });
      vigil.alive();
    }
  });

  it('closes the one that is silent for idleTimeout', () => {
    const { after } = watch({ pingInterval: -1 });
    expect(after(100_000)).toBeNull();
    expect(after(1)).toEqual({ act: 'close', limit: 'idleTimeout' });
  });

  it('cuts the one that takes no byte for writeTimeout, and not the one that takes a few', () => {
    const { socket, after } = watch();
    socket.write('x'.repeat(100_000));
    socket.write('x'.repeat(100_000));
    expect(after(0, true, true)).toBeNull();
    expect(after(10_000, true, true)).toBeNull();
    socket.read();
    expect(after(10_000, true, true)).toBeNull();
    expect(after(10_001, true, true)).toEqual({ act: 'cut', limit: 'writeTimeout' });
  });

  it('takes slow reading for a sign of life', () => {
    const { socket, after } = watch();
    for (let time = 0; time < 100; time++) {
      socket.write('xx');
      expect(after(9_000, true, true)).toBeNull();
    }
  });

  it('never minds with −1', () => {
    const { after } = watch({ handshakeTimeout: -1, pingInterval: -1, idleTimeout: -1, writeTimeout: -1 });
    for (const hasSession of [true, false])
      for (const isBlocked of [true, false]) expect(after(10_000_000, hasSession, isBlocked)).toBeNull();
  });
});

describe('a connection', () => {
  const limits = (server: Awaited<ReturnType<typeof serve>>) =>
    [...server.bayeux.diagnostics.counters.keys()].filter((name) => name.startsWith('limit_hit'));

  it('that never shakes hands is closed with 1008', async () => {
    const server = await serve({ handshakeTimeout: 50, sweepPeriod: 10 });
    const { client } = await caller(server);
    expect((await client.closed).code).toBe(1008);
    expect(limits(server)).toEqual(['limit_hit.handshakeTimeout']);
  });

  it('that only talks nonsense for a session is closed with 1008, too', async () => {
    const server = await serve({ handshakeTimeout: 50, sweepPeriod: 10 });
    const session = await caller(server);
    session.clientId = 'nobody';
    expect((await session.publish('/x', 1)).error).toBe('402::session_unknown');
    expect((await session.client.closed).code).toBe(1008);
  });

  it('that is silent is closed with 1000', async () => {
    const server = await serve({ idleTimeout: 50, pingInterval: -1, sweepPeriod: 10 });
    const { client } = await talker(server);
    expect((await client.closed).code).toBe(1000);
    expect(limits(server)).toEqual(['limit_hit.idleTimeout']);
  });

  it('that answers pings lives on without a word', async () => {
    const server = await serve({ pingInterval: 30, handshakeTimeout: -1, sweepPeriod: 5 });
    const peer = await FrameLine.open(server.port);
    for (let count = 1; count <= 5; count++) {
      await peer.line.when(() => peer.frames.filter(({ opcode }) => opcode === PING).length >= count);
      peer.line.send(maskedFrame(PONG, ''));
    }
    expect(peer.line.socket.destroyed).toBe(false);
    expect(limits(server)).toEqual([]);
  });

  it('that does not answer pings is cut', async () => {
    const server = await serve({ pingInterval: 30, handshakeTimeout: -1, sweepPeriod: 5 });
    const peer = await FrameLine.open(server.port);
    await peer.line.closed;
    expect(peer.frames.map(({ opcode }) => opcode)).toEqual([PING]);
    expect(limits(server)).toEqual(['limit_hit.pingInterval']);
  });

  it('that does not read is cut after writeTimeout', async () => {
    const server = await serve({ writeTimeout: 50, sweepPeriod: 10, handshakeTimeout: -1, maxQueueBytes: -1 });
    const session = await talker(server);
    const inside = server.bayeux.getSession(session.clientId);
    session.client.socket.pause();
    for (let count = 0; count < 20; count++) inside?.deliver(null, '/much', 'x'.repeat(1_000_000));
    await new Promise<void>((resolve) => {
      const look = (): void => {
        server.listener.getConnections((_error, open) => (open === 0 ? resolve() : void setImmediate(look)));
      };
      look();
    });
    expect(limits(server)).toEqual(['limit_hit.writeTimeout']);
  });
});

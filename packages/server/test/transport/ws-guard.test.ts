/**
 * We write whole frames to the socket beside `ws`. This is safe as long as `ws` writes each of its own frames at once and
 * whole, in the order of its calls. A version of `ws` that does not must fail here, before anybody sees torn frames.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { frameOf } from '../../src/transport/frames.ts';
import { Line } from './visitors.ts';
import { CLOSE, type Frame, framesOf, maskedFrame, PING, PONG, TEXT, upgradeRequest } from './wire.ts';

const server = createServer();
const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
let port = 0;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

/** A line to a WebSocket, and both things the server writes to: the WebSocket and its socket. */
async function open(): Promise<{ line: Line; webSocket: WebSocket; socket: Duplex }> {
  const upgraded = once(server, 'upgrade');
  const line = await Line.dial(port);
  line.send(upgradeRequest());
  const [request, socket, head] = await upgraded;
  const webSocket = await new Promise<WebSocket>((resolve) => webSockets.handleUpgrade(request, socket, head, resolve));
  const answer = await line.until('\r\n\r\n');
  line.drop(answer.indexOf('\r\n\r\n') + 4);
  return { line, webSocket, socket };
}

const seen = (frames: readonly Frame[]) =>
  frames.map(({ opcode, payload }) => ({ opcode, length: payload.length, first: payload[0] }));

describe('ws, beside our own frames,', () => {
  it('writes pings, pongs and texts at once, whole and in order, also to a peer that does not read', async () => {
    const lengths = fc.constantFrom(1, 100, 125, 126, 5_000, 65_535, 65_536, 300_000);
    const step = fc.record({ kind: fc.constantFrom('ours', 'ping', 'pong', 'send'), length: lengths });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), fc.boolean(), async (steps, isDeaf) => {
        const { line, webSocket, socket } = await open();
        if (isDeaf) line.socket.pause();
        const expected = steps.map(({ kind, length }, index) => {
          const letter = 97 + (index % 26);
          const small = Math.min(length, 125);
          const text = String.fromCharCode(letter).repeat(kind === 'ours' || kind === 'send' ? length : small);
          if (kind === 'ours') socket.write(frameOf(text));
          else if (kind === 'ping') webSocket.ping(text);
          else if (kind === 'pong') webSocket.pong(text);
          else webSocket.send(text);
          const opcode = kind === 'ping' ? PING : kind === 'pong' ? PONG : TEXT;
          return { opcode, length: text.length, first: letter };
        });
        webSocket.close(1000);
        if (isDeaf) line.socket.resume();
        await line.when(() => framesOf(line.received).frames.some(({ opcode }) => opcode === CLOSE));
        const { frames, rest } = framesOf(line.received);
        expect(rest).toHaveLength(0);
        expect(seen(frames.slice(0, -1))).toEqual(expected);
        line.socket.destroy();
      }),
      { numRuns: 60 },
    );
  }, 30_000);

  it('hands every frame to the socket before its call returns', async () => {
    const { webSocket, socket } = await open();
    const written = () => (socket as Duplex & { bytesWritten: number }).bytesWritten;
    for (const [call, bytes] of [
      [() => webSocket.ping('x'), 3],
      [() => webSocket.pong('xy'), 4],
      [() => webSocket.send('xyz'), 5],
      [() => webSocket.close(1000), 4],
    ] as const) {
      const before = written();
      call();
      expect(written() - before).toBe(bytes);
    }
  });

  it('answers a ping of the peer between our frames, not inside one', async () => {
    const { line, socket } = await open();
    line.socket.pause();
    const text = 'x'.repeat(1_000_000);
    for (let count = 0; count < 10; count++) {
      socket.write(frameOf(text));
      line.send(maskedFrame(PING, String(count)));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    line.socket.resume();
    await line.when(() => framesOf(line.received).frames.length === 20);
    const { frames, rest } = framesOf(line.received);
    expect(rest).toHaveLength(0);
    expect(frames.filter(({ opcode }) => opcode === PONG).map(({ payload }) => payload.toString())).toEqual(
      Array.from({ length: 10 }, (_, index) => String(index)),
    );
    expect(frames.filter(({ payload }) => payload.length === text.length)).toHaveLength(10);
  });

  it('is not open any more as soon as it has sent or seen a close, so that nothing of ours follows it', async () => {
    const { line, webSocket } = await open();
    webSocket.close(1000);
    expect(webSocket.readyState).not.toBe(webSocket.OPEN);
    const other = await open();
    // A close frame and a ping in one piece: when the ping could be answered, the close has been seen.
    other.line.send(Buffer.concat([maskedFrame(CLOSE, Buffer.from([0x03, 0xe8])), maskedFrame(PING, '')]));
    await once(other.webSocket, 'close');
    expect(framesOf(other.line.received).frames.map(({ opcode }) => opcode)).toEqual([CLOSE]);
    line.socket.destroy();
  });

  it('counts our bytes as buffered, and negotiates no compression unless asked', async () => {
    const { line, webSocket, socket } = await open();
    line.socket.pause();
    for (let count = 0; count < 20; count++) socket.write(frameOf('x'.repeat(1_000_000)));
    expect(socket.writableLength).toBeGreaterThan(0);
    expect(webSocket.bufferedAmount).toBe(socket.writableLength);
    expect(webSocket.extensions).toBe('');
    line.socket.destroy();
  });
});

/** The server's end of a WebSocket, at the wire: what it writes is whole and in order, and its end is told once. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { accept } from '../../src/websocket/accept.ts';
import { textFrame } from '../../src/websocket/frame.ts';
import { ServerWebSocket, type WebSocketListener } from '../../src/websocket/socket.ts';
import { Line } from '../transport/visitors.ts';
import {
  CLOSE,
  closeCode,
  type Frame,
  framesOf,
  maskedFrame,
  PING,
  PONG,
  TEXT,
  upgradeRequest,
} from '../transport/wire.ts';

const server = createServer();
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

/** What its listener was told. */
class Told implements WebSocketListener {
  readonly messages: string[] = [];
  readonly failures: string[] = [];
  signs = 0;
  drains = 0;
  ends = 0;
  readonly over: Promise<void>;
  #end: () => void = () => undefined;

  constructor() {
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }
  text(text: string): void {
    this.messages.push(text);
  }
  binary(data: Buffer): void {
    this.messages.push(`${data.length} bytes`);
  }
  alive(): void {
    this.signs++;
  }
  drained(): void {
    this.drains++;
  }
  failed(error: Error): void {
    this.failures.push(error.message);
  }
  closed(): void {
    this.ends++;
    this.#end();
  }
}

async function open(first = ''): Promise<{ line: Line; webSocket: ServerWebSocket; socket: Duplex; told: Told }> {
  const upgraded = once(server, 'upgrade');
  const line = await Line.dial(port);
  line.send(Buffer.concat([Buffer.from(upgradeRequest()), first === '' ? Buffer.alloc(0) : maskedFrame(TEXT, first)]));
  const [request, socket, head] = await upgraded;
  const told = new Told();
  accept(request, socket, null, false);
  const webSocket = new ServerWebSocket(socket, head, { maxMessageSize: 1_000, maxFragments: 8 }, false, told);
  const answer = await line.until('\r\n\r\n');
  line.drop(answer.indexOf('\r\n\r\n') + 4);
  return { line, webSocket, socket, told };
}

const seen = (frames: readonly Frame[]) =>
  frames.map(({ opcode, payload }) => ({ opcode, length: payload.length, first: payload[0] }));

const bytesBy = (socket: Duplex, call: () => void) => {
  const written = () => (socket as Duplex & { bytesWritten: number }).bytesWritten;
  const before = written();
  call();
  return written() - before;
};

/** From what `begin` does it is half a minute to the end. */
async function endsInHalfAMinute(told: Told, begin: () => void | Promise<void>): Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    await begin();
    vi.advanceTimersByTime(29_999);
    expect(told.ends).toBe(0);
    vi.advanceTimersByTime(1);
  } finally {
    vi.useRealTimers();
  }
  await told.over;
}

describe('what is written', () => {
  it('is whole and in order, pings, pongs and texts, also to a peer that does not read', async () => {
    const lengths = fc.constantFrom(1, 125, 126, 5_000, 65_535, 65_536, 300_000);
    const step = fc.record({ kind: fc.constantFrom('text', 'ping', 'pong'), length: lengths });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 20 }), fc.boolean(), async (steps, isDeaf) => {
        const { line, webSocket, told } = await open();
        if (isDeaf) line.socket.pause();
        const expected: ReturnType<typeof seen> = [];
        for (const { kind, length } of steps) {
          if (kind === 'text') {
            webSocket.write(textFrame('x'.repeat(length)));
            expected.push({ opcode: TEXT, length, first: 120 });
          } else if (kind === 'ping') {
            webSocket.ping();
            expected.push({ opcode: PING, length: 0, first: undefined });
          } else if (webSocket.bufferedBytes <= 65_536) {
            const signs = told.signs;
            line.send(maskedFrame(PING, 'p'));
            await vi.waitUntil(() => told.signs > signs, { interval: 1 });
            expected.push({ opcode: PONG, length: 1, first: 112 });
          }
        }
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

  it('is with the socket before the call returns', async () => {
    const { webSocket, socket } = await open();
    expect(bytesBy(socket, () => webSocket.write(textFrame('xyz')))).toBe(5);
    expect(bytesBy(socket, () => webSocket.ping())).toBe(2);
    expect(bytesBy(socket, () => webSocket.close(1000, 'why'))).toBe(7);
  });

  it('is no pong to a peer that takes nothing: its pings make nothing pile up', async () => {
    const { line, webSocket, told } = await open();
    line.socket.pause();
    while (webSocket.bufferedBytes <= 65_536) webSocket.write(textFrame('x'.repeat(1_000_000)));
    const before = webSocket.bufferedBytes;
    for (let count = 0; count < 100; count++) line.send(maskedFrame(PING, 'x'.repeat(125)));
    await vi.waitUntil(() => told.signs === 100, { interval: 1 });
    expect(webSocket.bufferedBytes).toBeLessThanOrEqual(before);
    line.socket.resume();
    await vi.waitUntil(() => told.drains > 0, { interval: 1 });
    line.send(maskedFrame(PING, 'again'));
    await line.when(() => framesOf(line.received).frames.at(-1)?.opcode === PONG);
  });
});

describe('what came behind the request', () => {
  it('is read', async () => {
    const { told } = await open('early');
    await vi.waitUntil(() => told.messages.length > 0, { interval: 1 });
    expect(told.messages).toEqual(['early']);
  });
});

describe('a pause', () => {
  it('keeps what comes in the socket', async () => {
    const { line, webSocket, told } = await open();
    webSocket.pause();
    expect(webSocket.isPaused).toBe(true);
    line.send(maskedFrame(TEXT, 'later'));
    const other = await open();
    other.line.send(maskedFrame(TEXT, 'now'));
    await vi.waitUntil(() => other.told.messages.length > 0, { interval: 1 });
    expect(told.messages).toEqual([]);
    webSocket.resume();
    await vi.waitUntil(() => told.messages.length > 0, { interval: 1 });
  });

  it('ends when we close: the answer to a close frame is behind what was not read', async () => {
    const { line, webSocket, told } = await open();
    webSocket.pause();
    line.send(maskedFrame(TEXT, 'x'));
    webSocket.close(1000);
    line.send(maskedFrame(CLOSE, Buffer.from([0x03, 0xe8])));
    await told.over;
    expect(told.messages).toEqual([]);
  });
});

describe('the end', () => {
  it('by the peer is answered with its code, and told once', async () => {
    for (const [payload, code] of [
      [Buffer.from([0x0f, 0xa0]), 4000],
      [Buffer.alloc(0), 1005],
    ] as const) {
      const { line, webSocket, told } = await open();
      // A ping in the same piece: it comes too late.
      line.send(Buffer.concat([maskedFrame(CLOSE, payload), maskedFrame(PING, '')]));
      await told.over;
      await line.closed;
      expect(framesOf(line.received).frames.map((frame) => [frame.opcode, closeCode(frame)])).toEqual([[CLOSE, code]]);
      expect(webSocket.isOpen).toBe(false);
      expect(told).toMatchObject({ ends: 1, failures: [], signs: 0 });
    }
  });

  it('by us goes out once, with its reason cut to what fits, and nothing is read after it', async () => {
    const { line, webSocket, told } = await open();
    webSocket.close(1008, '€'.repeat(100));
    webSocket.close(1000);
    expect(webSocket.isOpen).toBe(false);
    line.send(maskedFrame(TEXT, 'x'));
    await line.when(() => framesOf(line.received).frames.length > 0);
    const [frame] = framesOf(line.received).frames as [Frame];
    expect(closeCode(frame)).toBe(1008);
    expect(frame.payload.length).toBeLessThanOrEqual(125);
    expect(frame.payload.subarray(2).toString()).toMatch(/^€+…$/);
    line.send(maskedFrame(CLOSE, frame.payload));
    await told.over;
    expect(told.messages).toEqual([]);
    expect(framesOf(line.received).frames).toHaveLength(1);
  });

  it('comes in half a minute where the peer does not answer our close frame', async () => {
    const { line, webSocket, told } = await open();
    await endsInHalfAMinute(told, () => webSocket.close(1000));
    await line.closed;
  });

  it('comes in half a minute where the peer has ended its side and takes nothing of what it is sent', async () => {
    const { line, webSocket, told } = await open();
    line.socket.pause();
    while (webSocket.bufferedBytes < 1_000_000) webSocket.write(textFrame('x'.repeat(1_000_000)));
    await endsInHalfAMinute(told, async () => {
      line.socket.end();
      while (webSocket.isOpen) await new Promise<void>((resolve) => setImmediate(resolve));
    });
    expect(told.ends).toBe(1);
  });

  it('comes without a close frame when the peer just stops sending, or is cut off', async () => {
    for (const end of [(line: Line) => line.socket.end(), (line: Line) => line.socket.resetAndDestroy()]) {
      const { line, webSocket, told } = await open();
      end(line);
      await told.over;
      expect(webSocket.isOpen).toBe(false);
      expect(told.ends).toBe(1);
    }
  });

  it('for a frame that breaks the protocol is said with its code, and the connection ends without the peer', async () => {
    const { line, told } = await open();
    line.send(Buffer.concat([maskedFrame(TEXT, 'good'), maskedFrame(3, 'bad'), maskedFrame(TEXT, 'late')]));
    await told.over;
    await line.closed;
    expect(told.messages).toEqual(['good']);
    expect(told.failures).toEqual(['No frame has the opcode 3']);
    expect(framesOf(line.received).frames.map(closeCode)).toEqual([1002]);
  });

  it('by force is at once', async () => {
    const { webSocket, told } = await open();
    webSocket.terminate();
    await told.over;
  });
});

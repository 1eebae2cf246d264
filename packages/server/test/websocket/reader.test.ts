/** What a client sends, taken apart: by RFC 6455, however it is cut, and as another implementation takes it. */
import { constants } from 'node:buffer';
import type { Writable } from 'node:stream';
import { deflateRawSync, constants as zlib } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as ws from 'ws';
import type { WebSocketError } from '../../src/websocket/frame.ts';
import { FrameReader, type FrameSink } from '../../src/websocket/reader.ts';
import { BINARY, CLOSE, maskedFrame, PING, PONG, TEXT } from '../transport/wire.ts';

const CONTINUATION = 0;
const FIN = 0x80;
const limits = { maxMessageSize: 1_000, maxFragments: 8 };

/** What was told, one line for each. */
class Notes implements FrameSink {
  readonly lines: string[] = [];

  text(text: string): void {
    this.lines.push(`text ${Buffer.from(text).toString('hex')}`);
  }
  binary(data: Buffer): void {
    this.lines.push(`binary ${data.toString('hex')}`);
  }
  pinged(payload: Buffer): void {
    this.lines.push(`ping ${payload.toString('hex')}`);
  }
  ponged(): void {
    this.lines.push('pong');
  }
  left(code: number): void {
    this.lines.push(`close ${code}`);
  }
  broke({ code }: WebSocketError): void {
    this.lines.push(`error ${code}`);
  }
}

function read(chunks: readonly Buffer[], mayCompress = false, bounds = limits): string[] {
  const notes = new Notes();
  const reader = new FrameReader(notes, bounds, mayCompress);
  // Its bytes are the reader's own, which writes into them.
  for (const chunk of chunks) reader.read(Buffer.from(chunk));
  return notes.lines;
}

/** Bytes in pieces of these lengths, again and again. */
function pieces(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const list: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const length = lengths[index % lengths.length] ?? 1;
    list.push(bytes.subarray(at, at + length));
    at += length;
  }
  return list;
}

interface Receiver extends Writable {
  on(event: string, listener: (...args: never[]) => void): this;
}
const { Receiver } = ws as unknown as { Receiver: new (options: object) => Receiver };
const { PerMessageDeflate } = ws as unknown as {
  PerMessageDeflate: new (
    options: object,
    maxPayload?: number,
    isServer?: boolean,
  ) => { accept(offers: object[]): void };
};
const codesOfWs: Record<string, number> = {
  WS_ERR_INVALID_UTF8: 1007,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 1009,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 1008,
};

/** The same by `ws`. */
async function readByWs(chunks: readonly Buffer[], mayCompress: boolean): Promise<string[]> {
  const lines: string[] = [];
  const deflate = new PerMessageDeflate({}, limits.maxMessageSize, true);
  deflate.accept([{ server_no_context_takeover: [true], client_no_context_takeover: [true] }]);
  const receiver = new Receiver({
    isServer: true,
    maxPayload: limits.maxMessageSize,
    maxFragments: limits.maxFragments,
    extensions: mayCompress ? { 'permessage-deflate': deflate } : {},
  });
  receiver.on('message', (data: Buffer, isBinary: boolean) =>
    lines.push(`${isBinary ? 'binary' : 'text'} ${data.toString('hex')}`),
  );
  receiver.on('ping', (payload: Buffer) => lines.push(`ping ${payload.toString('hex')}`));
  receiver.on('pong', () => lines.push('pong'));
  const over = new Promise<void>((resolve) => {
    receiver.on('conclude', (code: number) => {
      lines.push(`close ${code}`);
      resolve();
    });
    receiver.on('error', ({ code }: NodeJS.ErrnoException) => {
      // What cannot be inflated has a code of zlib.
      lines.push(`error ${code?.startsWith('Z_') ? 1007 : (codesOfWs[code ?? ''] ?? 1002)}`);
      resolve();
    });
    receiver.on('finish', resolve);
  });
  for (const chunk of chunks) receiver.write(Buffer.from(chunk));
  receiver.end();
  await over;
  return lines;
}

const random = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const payload = fc.oneof(
  random,
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => Buffer.from(text)),
  fc.constantFrom(0, 125, 126, 127, 255, 256, 257, 900, 1_000, 1_001, 1_200).map((size) => Buffer.alloc(size, 'x')),
);
const compressed = payload.map((bytes) => deflateRawSync(bytes, { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -4));
const closing = fc
  .tuple(fc.constantFrom(1000, 1001, 1003, 1004, 1005, 1006, 1011, 1015, 2999, 3000, 4999, 5000, 999), random)
  .map(([code, reason]) => Buffer.concat([Buffer.from([code >> 8, code & 0xff]), reason]));

/** Frames as they should be, mostly; then as they should not. */
const frame = fc.oneof(
  { weight: 6, arbitrary: payload.map((bytes) => maskedFrame(TEXT, bytes)) },
  { weight: 3, arbitrary: payload.map((bytes) => maskedFrame(BINARY, bytes)) },
  { weight: 3, arbitrary: payload.map((bytes) => maskedFrame(TEXT, bytes, { fin: false })) },
  {
    weight: 6,
    arbitrary: fc.tuple(payload, fc.boolean()).map(([bytes, fin]) => maskedFrame(CONTINUATION, bytes, { fin })),
  },
  { weight: 3, arbitrary: random.map((bytes) => maskedFrame(PING, bytes)) },
  { weight: 2, arbitrary: random.map((bytes) => maskedFrame(PONG, bytes)) },
  { weight: 2, arbitrary: compressed.map((bytes) => maskedFrame(TEXT, bytes, { rsv: 0x40 })) },
  { weight: 1, arbitrary: compressed.map((bytes) => maskedFrame(BINARY, bytes, { rsv: 0x40, fin: false })) },
  { weight: 1, arbitrary: random.map((bytes) => maskedFrame(TEXT, bytes, { rsv: 0x40 })) },
  { weight: 1, arbitrary: closing.map((bytes) => maskedFrame(CLOSE, bytes)) },
  { weight: 1, arbitrary: random.map((bytes) => maskedFrame(CLOSE, bytes)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(15), fc.constantFrom(0, 0x10, 0x20, 0x40), fc.boolean(), payload)
      .map(([opcode, rsv, fin, bytes]) => maskedFrame(opcode, bytes, { rsv, fin })),
  },
  { weight: 1, arbitrary: random },
);

describe('a message', () => {
  it.each([0, 1, 3, 125, 126, 255, 256, 257, 1_000, 65_535, 65_536, 200_003])(
    'of %i bytes arrives as it was',
    (size) => {
      const bytes = Buffer.from(Array.from({ length: size }, (_, index) => (index * 7) & 0x7f));
      for (const chunk of [size + 20, 1_000, 7]) {
        const [line] = read(pieces(maskedFrame(TEXT, bytes), [chunk]), false, { maxMessageSize: 0, maxFragments: 8 });
        expect(line === `text ${bytes.toString('hex')}`).toBe(true);
      }
    },
  );

  it('is unmasked wherever it lies in memory', () => {
    for (let offset = 0; offset < 8; offset++) {
      const room = Buffer.alloc(offset + 2_000);
      const sent = maskedFrame(TEXT, 'x'.repeat(900));
      sent.copy(room, offset);
      const notes = new Notes();
      new FrameReader(notes, limits, false).read(room.subarray(offset, offset + sent.length));
      expect(notes.lines).toEqual([`text ${'78'.repeat(900)}`]);
    }
  });

  it('may come in fragments, with a ping and a pong between them', () => {
    const frames = [
      maskedFrame(TEXT, 'ab', { fin: false }),
      maskedFrame(PING, 'p'),
      maskedFrame(CONTINUATION, 'cd', { fin: false }),
      maskedFrame(PONG, ''),
      maskedFrame(CONTINUATION, ''),
    ];
    const seen = ['ping 70', 'pong', 'text 61626364'];
    expect(read(frames)).toEqual(seen);
    expect(read(pieces(Buffer.concat(frames), [1]))).toEqual(seen);
  });

  it('too large is refused before it has come, and alone or in fragments by the same limit', () => {
    expect(read([maskedFrame(TEXT, 'x'.repeat(1_001)).subarray(0, 8)])).toEqual(['error 1009']);
    const half = 'x'.repeat(501);
    expect(read([maskedFrame(TEXT, half, { fin: false }), maskedFrame(CONTINUATION, half).subarray(0, 8)])).toEqual([
      'error 1009',
    ]);
  });

  it('without a limit is bounded by what a buffer can hold', () => {
    const bounds = { maxMessageSize: 0, maxFragments: 8 };
    const announced = BigInt(constants.MAX_LENGTH) + 1n;
    expect(read([maskedFrame(TEXT, '', { length: announced })], false, bounds)).toEqual(['error 1009']);
    expect(read([maskedFrame(TEXT, '', { length: 2n ** 64n - 1n })], false, bounds)).toEqual(['error 1009']);
  });

  it('that was announced takes no room before it comes', () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from(
      { length: 100 },
      () => new FrameReader(new Notes(), { ...limits, maxMessageSize: 0 }, false),
    );
    for (const reader of readers) reader.read(maskedFrame(TEXT, '', { length: 100_000_000n }));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
  });

  it('in too many fragments is refused', () => {
    const fragments = Array.from({ length: 20 }, () => maskedFrame(CONTINUATION, 'x', { fin: false }));
    expect(read([maskedFrame(TEXT, 'x', { fin: false }), ...fragments])).toEqual(['error 1008']);
  });
});

describe('what breaks the protocol', () => {
  const unmasked = Buffer.from([FIN | TEXT, 1, 0x61]);
  it.each([
    ['a frame without a mask', [unmasked], 1002],
    ['a reserved bit', [maskedFrame(TEXT, 'x', { rsv: 0x10 })], 1002],
    ['a compressed frame where nothing was agreed on', [maskedFrame(TEXT, 'x', { rsv: 0x40 })], 1002],
    ['an opcode that nobody has', [maskedFrame(3, 'x')], 1002],
    ['a control frame that nobody has', [maskedFrame(11, 'x')], 1002],
    ['a ping in fragments', [maskedFrame(PING, 'x', { fin: false })], 1002],
    ['a ping of 126 bytes', [maskedFrame(PING, 'x'.repeat(126))], 1002],
    ['a continuation of nothing', [maskedFrame(CONTINUATION, 'x')], 1002],
    ['a message in another', [maskedFrame(TEXT, 'x', { fin: false }), maskedFrame(TEXT, 'x')], 1002],
    ['a close frame of one byte', [maskedFrame(CLOSE, Buffer.from([3]))], 1002],
    ['a close code that is never sent', [maskedFrame(CLOSE, Buffer.from([0x03, 0xed]))], 1002],
    ['a text that is no UTF-8', [maskedFrame(TEXT, Buffer.from([0x61, 0xff]))], 1007],
    ['a reason that is no UTF-8', [maskedFrame(CLOSE, Buffer.from([0x03, 0xe8, 0xff]))], 1007],
  ])('is %s', (_what, frames, code) => {
    const more = maskedFrame(TEXT, 'never seen');
    expect(read([...frames, more])).toEqual([`error ${code}`]);
    expect(read(pieces(Buffer.concat([...frames, more]), [1]))).toEqual([`error ${code}`]);
  });

  it('is found in the first two bytes, not when the frame has come', () => {
    expect(read([maskedFrame(3, 'x'.repeat(500)).subarray(0, 2)])).toEqual(['error 1002']);
  });
});

it('a close frame is the last that is read', () => {
  const frames = [maskedFrame(CLOSE, ''), maskedFrame(TEXT, 'x')];
  expect(read(frames)).toEqual(['close 1005']);
  expect(read([Buffer.concat(frames)])).toEqual(['close 1005']);
  expect(read([maskedFrame(CLOSE, Buffer.from([0x0f, 0xa0, 0x62]))])).toEqual(['close 4000']);
});

describe.each([false, true])('any bytes at all (compression agreed on: %s)', (mayCompress) => {
  it('are taken as ws takes them, in whatever pieces they come', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { minLength: 1, maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 }),
        async (frames, lengths) => {
          const bytes = Buffer.concat(frames);
          const expected = await readByWs([bytes], mayCompress);
          const whole = read([bytes], mayCompress);
          expect(read(pieces(bytes, lengths), mayCompress)).toEqual(whole);
          if (!mayCompress || !/ 100[79]$/.test(expected.at(-1) ?? '')) expect(whole).toEqual(expected);
          else {
            // ws inflates fragments one by one, and finds out sooner: what came before is the same, and no message follows.
            const before = expected.slice(0, -1);
            expect(whole.slice(0, before.length)).toEqual(before);
            expect(whole.slice(before.length).join()).not.toMatch(/text|binary/);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  }, 60_000);
});

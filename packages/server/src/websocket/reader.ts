/** Takes apart what a client sends: masked frames in, whole messages out. RFC 6455, sections 5 and 7; RFC 7692. */
import { constants, isUtf8 } from 'node:buffer';
import { inflated } from './deflate.ts';
import { isCloseCode, Opcode, WebSocketError } from './frame.ts';

/** Who is told what came. */
export interface FrameSink {
  /** A whole message. */
  text(text: string): void;
  /** A whole message of bytes, which are the sink's own. */
  binary(data: Buffer): void;
  pinged(payload: Buffer): void;
  ponged(): void;
  /** The peer closes; 1005 when it gave no code. Nothing follows. */
  left(code: number): void;
  /** The peer breaks the protocol or a limit. Nothing follows. */
  broke(error: WebSocketError): void;
}

/** What a peer may send. */
export interface FrameLimits {
  /** Bytes of one message, as it is sent and as it is inflated; ≤ 0 for any number. */
  readonly maxMessageSize: number;
  /** Frames of one message: many tiny ones are an attack on memory. */
  readonly maxFragments: number;
}

const FIN = 0x80;
const COMPRESSED = 0x40;
const RESERVED = 0x30;
const MASKED = 0x80;
const MASK_LENGTH = 4;
const LARGEST_CONTROL = 125;

/** A message of several frames, as far as it has come. */
interface Fragments {
  readonly isBinary: boolean;
  readonly isCompressed: boolean;
  readonly payloads: Buffer[];
  size: number;
}

export class FrameReader {
  readonly #sink: FrameSink;
  readonly #limits: FrameLimits;
  readonly #mayCompress: boolean;
  /** Bytes of a frame that has not come whole; the buffer may have room for more. */
  #rest: Buffer | null = null;
  #restLength = 0;
  /** Bytes that must be there before it is worth looking again. */
  #wanted = 0;
  #fragments: Fragments | null = null;
  #isOver = false;

  /** `mayCompress`: permessage-deflate was negotiated, without context takeover. */
  constructor(sink: FrameSink, limits: FrameLimits, mayCompress: boolean) {
    this.#sink = sink;
    this.#limits = limits;
    this.#mayCompress = mayCompress;
  }

  /** Takes what came. The bytes are the reader's from now on: they are unmasked where they are. */
  read(chunk: Buffer): void {
    if (this.#isOver) return;
    const bytes = this.#rest ? this.#joined(this.#rest, chunk) : chunk;
    if (!bytes) return;
    let at = 0;
    try {
      while (!this.#isOver) {
        const size = this.#frame(bytes, at);
        if (size === 0) break;
        at += size;
      }
    } catch (error) {
      if (!(error instanceof WebSocketError)) throw error;
      this.stop();
      this.#sink.broke(error);
    }
    if (!this.#isOver && at < bytes.length) this.#keep(bytes.subarray(at));
  }

  /** Nothing more is read. */
  stop(): void {
    this.#isOver = true;
    this.#rest = null;
    this.#fragments = null;
  }

  // Frames in pieces. A byte is copied two or three times, however small the pieces, and room is made for what came, not for
  // what was announced.

  #keep(bytes: Buffer): void {
    this.#rest = Buffer.allocUnsafeSlow(this.#room(bytes.length));
    bytes.copy(this.#rest);
    this.#restLength = bytes.length;
  }

  /** All bytes that are there when they are worth a look, else null. */
  #joined(rest: Buffer, chunk: Buffer): Buffer | null {
    const length = this.#restLength + chunk.length;
    let room = rest;
    if (length > rest.length) {
      room = Buffer.allocUnsafeSlow(this.#room(length));
      rest.copy(room, 0, 0, this.#restLength);
    }
    chunk.copy(room, this.#restLength);
    this.#restLength = length;
    this.#rest = room;
    if (length < this.#wanted) return null;
    this.#rest = null;
    return room.subarray(0, length);
  }

  #room(length: number): number {
    return Math.max(length, Math.min(this.#wanted, 2 * length));
  }

  /** Reads the frame that begins at `at`; answers its length, or 0 when it has not come whole. */
  #frame(bytes: Buffer, at: number): number {
    const there = bytes.length - at;
    if (there < 2) return this.#wait(2);
    const first = bytes[at] as number;
    const second = bytes[at + 1] as number;
    this.#check(first, second);
    const short = second & 0x7f;
    const keyAt = short < 126 ? 2 : short === 126 ? 4 : 10;
    const head = keyAt + MASK_LENGTH;
    if (there < head) return this.#wait(head);
    const size = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : longSize(bytes, at + 2);
    const opcode = first & 0x0f;
    if (opcode < Opcode.close) this.#checkSize(size);
    if (there < head + size) return this.#wait(head + size);
    const start = at + head;
    const end = start + size;
    unmask(bytes, at + keyAt, start, size);
    // What nearly all are: no bytes of its own are made for it.
    if (first === (FIN | Opcode.text)) this.#sink.text(textOf(bytes, start, end));
    else if (opcode < Opcode.close) this.#data(first, bytes.subarray(start, end));
    else this.#control(opcode, bytes.subarray(start, end));
    return head + size;
  }

  #wait(wanted: number): 0 {
    this.#wanted = wanted;
    return 0;
  }

  /** Throws for a frame that no client may send, as soon as its first two bytes are there. */
  #check(first: number, second: number): void {
    const opcode = first & 0x0f;
    if ((first & RESERVED) !== 0) throw new WebSocketError(1002, 'A reserved bit of a frame is set');
    if ((second & MASKED) === 0) throw new WebSocketError(1002, 'A frame of a client must be masked');
    if ((first & COMPRESSED) !== 0 && !(this.#mayCompress && (opcode === Opcode.text || opcode === Opcode.binary)))
      throw new WebSocketError(1002, 'A frame is compressed where none may be');
    if (opcode >= Opcode.close) {
      if (opcode > Opcode.pong) throw new WebSocketError(1002, `No frame has the opcode ${opcode}`);
      if ((first & FIN) === 0) throw new WebSocketError(1002, 'A control frame cannot be fragmented');
      if ((second & 0x7f) > LARGEST_CONTROL) throw new WebSocketError(1002, 'A control frame has 125 bytes at most');
    } else if (opcode > Opcode.binary) throw new WebSocketError(1002, `No frame has the opcode ${opcode}`);
    else if ((opcode === Opcode.continuation) !== (this.#fragments !== null))
      throw new WebSocketError(1002, this.#fragments ? 'A message begins in another' : 'A message begins in its midst');
  }

  #checkSize(size: number): void {
    const { maxMessageSize, maxFragments } = this.#limits;
    const most = maxMessageSize > 0 ? maxMessageSize : constants.MAX_LENGTH;
    if (size + (this.#fragments?.size ?? 0) > most)
      throw new WebSocketError(
        1009,
        `The message is larger than ${most} bytes (limit maxMessageSize)`,
        'maxMessageSize',
      );
    if (this.#fragments && this.#fragments.payloads.length >= maxFragments)
      throw new WebSocketError(1008, `The message has more than ${maxFragments} fragments`);
  }

  #data(first: number, payload: Buffer): void {
    const isFinal = (first & FIN) !== 0;
    const open = this.#fragments;
    if (!open && isFinal) return this.#whole(payload, (first & 0x0f) === Opcode.binary, (first & COMPRESSED) !== 0);
    const fragments = open ?? {
      isBinary: (first & 0x0f) === Opcode.binary,
      isCompressed: (first & COMPRESSED) !== 0,
      payloads: [],
      size: 0,
    };
    this.#fragments = fragments;
    // Its own bytes, so that a tiny one keeps no large chunk alive.
    fragments.payloads.push(Buffer.from(payload));
    fragments.size += payload.length;
    if (!isFinal) return;
    this.#fragments = null;
    const { payloads, size, isBinary, isCompressed } = fragments;
    this.#whole(Buffer.concat(payloads, size), isBinary, isCompressed);
  }

  #whole(payload: Buffer, isBinary: boolean, isCompressed: boolean): void {
    const data = isCompressed ? inflated(payload, this.#limits.maxMessageSize) : payload;
    if (isBinary) this.#sink.binary(data);
    else this.#sink.text(textOf(data, 0, data.length));
  }

  #control(opcode: number, payload: Buffer): void {
    if (opcode === Opcode.ping) return this.#sink.pinged(payload);
    if (opcode === Opcode.pong) return this.#sink.ponged();
    const code = payload.length === 0 ? 1005 : payload.length === 1 ? 0 : payload.readUInt16BE(0);
    if (payload.length > 0 && !isCloseCode(code))
      throw new WebSocketError(1002, 'A close frame has no code that may be sent');
    if (!isUtf8(payload.subarray(2))) throw new WebSocketError(1007, 'The reason of a close frame is no UTF-8');
    this.stop();
    this.#sink.left(code);
  }
}

/** Throws `WebSocketError` for bytes that are no UTF-8. RFC 6455, 8.1. */
function textOf(bytes: Buffer, from: number, to: number): string {
  const text = bytes.toString('utf8', from, to);
  // Bytes that are no UTF-8 become this character; it may also have been sent.
  if (text.includes('\uFFFD') && !isUtf8(bytes.subarray(from, to)))
    throw new WebSocketError(1007, 'The text is no UTF-8');
  return text;
}

/** A length of 8 bytes. One that no buffer can have is too large, whatever the limit. */
function longSize(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}

/** From this size on, words are faster than bytes by more than it costs to look at bytes as words. */
const LARGE = 256;

/** Unmasks `size` bytes at `from` where they are, with the key at `keyAt`. RFC 6455, 5.3. */
function unmask(bytes: Buffer, keyAt: number, from: number, size: number): void {
  const end = from + size;
  // What a word has, begins where memory is aligned.
  const firstWord = from + ((4 - ((bytes.byteOffset + from) & 3)) & 3);
  let at = from;
  if (size >= LARGE) {
    at = unmaskBytes(bytes, keyAt, from, from, firstWord);
    const key = Buffer.alloc(4);
    for (let index = 0; index < 4; index++) key[index] = bytes[keyAt + ((at - from + index) & 3)] as number;
    const word = new Int32Array(key.buffer, key.byteOffset, 1)[0] as number;
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, (end - at) >> 2);
    for (let index = 0; index < words.length; index++) words[index] = (words[index] as number) ^ word;
    at += words.length * 4;
  }
  unmaskBytes(bytes, keyAt, from, at, end);
}

/** Unmasks the bytes from `at` to `end` of a payload that begins at `from`; answers `end`. */
function unmaskBytes(bytes: Buffer, keyAt: number, from: number, at: number, end: number): number {
  for (let index = at; index < end; index++)
    bytes[index] = (bytes[index] as number) ^ (bytes[keyAt + ((index - from) & 3)] as number);
  return end;
}

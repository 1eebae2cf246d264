/** A WebSocket client that costs next to nothing: no events, only frame headers are parsed. */
import type { Socket } from 'node:net';
import { openLine, type Route } from './line.ts';

const MASK = Buffer.from([0x5a, 0xa5, 0x3c, 0xc3]);
const FINAL = 0x80;
const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

export interface RawWebSocketOptions extends Route {
  readonly path: string;
  /** The payload of a text frame; valid only during the call. */
  readonly onText: (payload: Buffer) => void;
  /** The connection ended or spoke nonsense. */
  readonly onLost: (error: Error) => void;
}

export class RawWebSocket {
  /** Fulfilled when the connection is upgraded. */
  readonly opened: Promise<void>;
  readonly #options: RawWebSocketOptions;
  readonly #socket: Socket;
  #open!: () => void;
  #upgraded = false;
  #stopped = false;
  #rest: Buffer | undefined;

  constructor(options: RawWebSocketOptions) {
    this.#options = options;
    this.opened = new Promise((resolve) => {
      this.#open = resolve;
    });
    const { port, path } = options;
    this.#socket = openLine({
      ...options,
      onBytes: (bytes) => {
        if (!this.#stopped) this.#read(bytes);
        return !this.#stopped;
      },
      onLost: (error) => {
        if (!this.#stopped) options.onLost(error);
      },
    });
    this.#socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
  }

  send(text: string): void {
    this.#socket.write(maskedFrame(TEXT, Buffer.from(text, 'latin1')));
  }

  /** Sends what `textOf` makes for each of `count` frames with one write. */
  sendMany(count: number, textOf: () => string): void {
    if (count > 1) this.#socket.cork();
    for (let i = 0; i < count; i++) this.send(textOf());
    if (count > 1) this.#socket.uncork();
  }

  /** Reads nothing more, as a client does that hangs; what becomes of the connection is no concern. */
  stop(): void {
    this.#stopped = true;
  }

  #read(bytes: Buffer): void {
    let all = bytes;
    if (this.#rest) {
      all = Buffer.concat([this.#rest, bytes]);
      this.#rest = undefined;
    }
    if (!this.#upgraded) {
      const end = all.indexOf('\r\n\r\n');
      if (end === -1) {
        this.#rest = Buffer.from(all);
        return;
      }
      const status = all.toString('latin1', 0, all.indexOf('\r\n'));
      if (!status.includes(' 101 ')) {
        this.#options.onLost(new Error(`No WebSocket: ${status}`));
        return;
      }
      this.#upgraded = true;
      this.#open();
      all = all.subarray(end + 4);
    }
    const used = this.#frames(all);
    if (used < all.length) this.#rest = Buffer.from(all.subarray(used));
  }

  /** Handles all whole frames and returns how many bytes they were. */
  #frames(bytes: Buffer): number {
    let at = 0;
    while (bytes.length - at >= 2) {
      let length = bytes[at + 1]! & 0x7f;
      let start = at + 2;
      if (length >= 126) {
        start += length === 126 ? 2 : 8;
        if (bytes.length < start) break;
        length = length === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
      }
      const end = start + length;
      if (bytes.length < end) break;
      this.#frame(bytes[at]!, bytes.subarray(start, end));
      at = end;
    }
    return at;
  }

  #frame(first: number, payload: Buffer): void {
    switch (first) {
      case FINAL | TEXT:
        this.#options.onText(payload);
        return;
      case FINAL | PING:
        this.#socket.write(maskedFrame(PONG, payload));
        return;
      case FINAL | PONG:
        return;
      case FINAL | CLOSE:
        this.#options.onLost(new Error(`The server closed: ${payload.toString('latin1', 2)}`));
        return;
      default:
        this.#options.onLost(new Error(`A frame this client does not know: 0x${first.toString(16)}`));
    }
  }
}

/** A frame of less than 64 KiB. The mask is fixed but not zero: servers may skip unmasking when it is. */
function maskedFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const start = length < 126 ? 6 : 8;
  const frame = Buffer.allocUnsafe(start + length);
  frame[0] = FINAL | opcode;
  if (length < 126) {
    frame[1] = 0x80 | length;
  } else {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  }
  MASK.copy(frame, start - 4);
  for (let i = 0; i < length; i++) frame[start + i] = payload[i]! ^ MASK[i & 3]!;
  return frame;
}

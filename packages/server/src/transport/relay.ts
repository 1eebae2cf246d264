/**
 * A WebSocket whose session lives on a neighbour. What the client sends arrives here whole, and goes on as frames; the
 * frames of the neighbour go to the client as they are, but for the last.
 *
 *     client ◀── frames ── socket ◀───────── frames ── pipe ◀── neighbour
 *            ── frames ──▶ messages ──▶ frames ── pipe ──▶
 *
 * Pings of the neighbour reach the client, and its pongs come back: so the neighbour watches over the client itself.
 */
import type { Duplex } from 'node:stream';
import { clientFrame, Opcode } from '../websocket/frame.ts';
import { HIGH_WATER, type ServerWebSocket } from '../websocket/socket.ts';

const CLOSE_WITHOUT_CODE = 1005;
const CLOSE_RESTART = 1012;
const CLOSE_LATER = 1013;
/** Longest head of an answer to an upgrade. */
const LONGEST_HEAD = 16_384;

export class Relay {
  readonly #webSocket: ServerWebSocket;
  readonly #pipe: Duplex;
  #isOpen = false;
  #rest: Buffer = Buffer.alloc(0);

  constructor(webSocket: ServerWebSocket, pipe: Duplex) {
    this.#webSocket = webSocket;
    this.#pipe = pipe;
    pipe.on('data', (chunk: Buffer) => this.#came(chunk));
    pipe.on('drain', () => webSocket.resume());
    pipe.on('error', () => pipe.destroy());
    pipe.on('end', () => pipe.destroy());
    pipe.on('close', () => this.#close(CLOSE_RESTART, 'The server of this session has ended'));
  }

  // From the client

  text(text: string): void {
    this.#send(Opcode.text, Buffer.from(text));
  }

  binary(data: Buffer): void {
    this.#send(Opcode.binary, data);
  }

  /** The client has given a sign of life. */
  alive(): void {
    this.#send(Opcode.pong, Buffer.alloc(0));
  }

  /** The client takes bytes again. */
  drained(): void {
    this.#pipe.resume();
  }

  /** The client has gone. */
  closed(): void {
    this.#pipe.destroy();
  }

  #send(opcode: number, data: Buffer): void {
    if (this.#pipe.destroyed || this.#pipe.write(clientFrame(opcode, data))) return;
    if (this.#pipe.writableLength > HIGH_WATER) this.#webSocket.pause();
  }

  // From the neighbour

  #came(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = Buffer.alloc(0);
    if (!this.#isOpen) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0 && bytes.length <= LONGEST_HEAD) {
        this.#rest = bytes;
        return;
      }
      if (!bytes.subarray(0, 16).toString('latin1').startsWith('HTTP/1.1 101 '))
        return this.#close(CLOSE_LATER, 'The server of this session has too much to do');
      this.#isOpen = true;
      bytes = bytes.subarray(end + 4);
    }
    this.#frames(bytes);
  }

  /** Whole frames only, or one that is written here (a pong) might come in the midst of another. */
  #frames(bytes: Buffer): void {
    let end = 0;
    for (let length = frameLength(bytes, 0); length > 0; length = frameLength(bytes, end)) {
      if (((bytes[end] ?? 0) & 0x0f) === Opcode.close) {
        this.#write(bytes.subarray(0, end));
        const payload = bytes.subarray(end + 2, end + length);
        const code = payload.length < 2 ? CLOSE_WITHOUT_CODE : payload.readUInt16BE(0);
        return this.#close(code, payload.subarray(2).toString('utf8'));
      }
      end += length;
    }
    this.#rest = bytes.subarray(end);
    this.#write(bytes.subarray(0, end));
  }

  #write(bytes: Buffer): void {
    if (bytes.length === 0 || !this.#webSocket.isOpen) return;
    if (!this.#webSocket.write(bytes) && this.#webSocket.bufferedBytes > HIGH_WATER) this.#pipe.pause();
  }

  #close(code: number, reason: string): void {
    if (!this.#webSocket.isOpen) return;
    this.#webSocket.close(code, reason);
    // A client that takes no bytes takes no farewell either.
    if (this.#webSocket.bufferedBytes > HIGH_WATER) this.#webSocket.terminate();
  }
}

/** Bytes of the unmasked frame that begins at `at`, or 0 when it is not there whole. RFC 6455, 5.2. */
function frameLength(bytes: Buffer, at: number): number {
  const there = bytes.length - at;
  if (there < 2) return 0;
  const short = (bytes[at + 1] ?? 0) & 0x7f;
  const head = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (there < head) return 0;
  const size =
    short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short;
  return there < head + size ? 0 : head + size;
}

/**
 * An HTTP/2 client for one connection that repeats requests: its header fields are encoded once, without the tables of
 * HPACK, those of responses are not looked at, and of the bodies only whole ones are handed on.
 */
import type { Socket } from 'node:net';
import { openLine, type Route } from './line.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const HEADER = 9;
// Types of frames.
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
// Flags of frames.
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
/** What servers may send before they are told that there is room again. */
const WINDOW = 0x7fff_0000;
const INITIAL_WINDOW = 65_535;
const SETTINGS_INITIAL_WINDOW_SIZE = 4;
const SETTINGS_ENABLE_PUSH = 2;
/** Indices of the static table whose names are used. */
const [AUTHORITY, METHOD_POST, PATH, SCHEME_HTTPS, CONTENT_TYPE, COOKIE] = [1, 3, 4, 7, 31, 32] as const;

export interface RawHttp2Options extends Route {
  readonly path: string;
  readonly cookie: string;
  /** The body of a response, or part of one that came alone; valid only during the call. */
  readonly onBody: (body: Buffer) => void;
  /** A response is complete. */
  readonly onEnd: () => void;
  readonly onLost: (error: Error) => void;
}

export class RawHttp2 {
  readonly #options: RawHttp2Options;
  readonly #socket: Socket;
  readonly #fields: Buffer;
  #stream = -1;
  #rest: Buffer | undefined;
  /** Bytes of bodies since the server was last told that there is room. */
  #taken = 0;

  constructor(options: RawHttp2Options) {
    this.#options = options;
    const { port, path, cookie } = options;
    this.#fields = Buffer.concat([
      Buffer.from([0x80 | METHOD_POST, 0x80 | SCHEME_HTTPS]),
      literal(PATH, path),
      literal(AUTHORITY, `127.0.0.1:${port}`),
      literal(CONTENT_TYPE, 'application/json'),
      ...(cookie === '' ? [] : [literal(COOKIE, cookie)]),
    ]);
    this.#socket = openLine({
      ...options,
      tls: true,
      protocol: 'h2',
      onBytes: (bytes) => {
        this.#read(bytes);
        return true;
      },
    });
    const settings = Buffer.alloc(12);
    settings.writeUInt16BE(SETTINGS_ENABLE_PUSH, 0);
    settings.writeUInt16BE(SETTINGS_INITIAL_WINDOW_SIZE, 6);
    settings.writeUInt32BE(WINDOW, 8);
    this.#socket.write(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0, settings), room(WINDOW - INITIAL_WINDOW)]));
  }

  /** A POST; one at a time. */
  send(body: string): void {
    this.#stream += 2;
    const bytes = Buffer.from(body, 'latin1');
    this.#socket.write(
      Buffer.concat([
        frame(HEADERS, END_HEADERS, this.#stream, this.#fields),
        frame(DATA, END_STREAM, this.#stream, bytes),
      ]),
    );
  }

  #read(bytes: Buffer): void {
    let all = this.#rest ? Buffer.concat([this.#rest, bytes]) : bytes;
    this.#rest = undefined;
    while (all.length >= HEADER) {
      const end = HEADER + all.readUIntBE(0, 3);
      if (all.length < end) break;
      this.#frame(all[3]!, all[4]!, all.subarray(HEADER, end));
      all = all.subarray(end);
    }
    if (all.length > 0) this.#rest = Buffer.from(all);
  }

  #frame(type: number, flags: number, payload: Buffer): void {
    const { onBody, onEnd, onLost } = this.#options;
    switch (type) {
      case DATA:
        this.#taken += payload.length;
        if (this.#taken > WINDOW / 2) {
          this.#socket.write(room(this.#taken));
          this.#taken = 0;
        }
        if (payload.length > 0) onBody(payload);
        if (flags & END_STREAM) onEnd();
        return;
      case SETTINGS:
        if (!(flags & ACK)) this.#socket.write(frame(SETTINGS, ACK, 0, Buffer.alloc(0)));
        return;
      case PING:
        if (!(flags & ACK)) this.#socket.write(frame(PING, ACK, 0, payload));
        return;
      case RST_STREAM:
      case GOAWAY:
        onLost(new Error(`The server ended a stream or the connection (HTTP/2 frame ${type})`));
        return;
      default:
    }
  }
}

/** Padding and priorities, which nobody here sends, are not known. */
function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const bytes = Buffer.alloc(HEADER + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  payload.copy(bytes, HEADER);
  return bytes;
}

/** Tells the server that so many more bytes may come. */
function room(bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes, 0);
  return frame(WINDOW_UPDATE, 0, 0, payload);
}

/** A header field with a name of the static table, not added to any table, not compressed. */
function literal(name: number, value: string): Buffer {
  const text = Buffer.from(value, 'latin1');
  // A number in a prefix of four bits, and one in a prefix of seven.
  const head = name < 15 ? [name] : [15, name - 15];
  const length = text.length < 127 ? [text.length] : [127, (text.length - 127) & 0x7f];
  return Buffer.concat([Buffer.from([...head, ...length]), text]);
}

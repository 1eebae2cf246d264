/** An HTTP client for one keep-alive connection: a request is a prepared Buffer, a response is searched, not parsed. */
import type { Socket } from 'node:net';
import { openLine, type Route } from './line.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
/** Without the first letter, which servers write large or small. */
const LENGTH = Buffer.from('ontent-');

export interface RawHttpOptions extends Route {
  /** The whole response, head and body; valid only during the call. */
  readonly onResponse: (response: Buffer) => void;
  readonly onLost: (error: Error) => void;
}

export class RawHttp {
  readonly #options: RawHttpOptions;
  readonly #socket: Socket;
  #rest: Buffer | undefined;
  #stopped = false;

  constructor(options: RawHttpOptions) {
    this.#options = options;
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
  }

  send(request: Buffer): void {
    this.#socket.write(request);
  }

  /** Reads nothing more, and does not mind what becomes of the connection. */
  stop(): void {
    this.#stopped = true;
  }

  close(): void {
    this.stop();
    this.#socket.destroy();
  }

  #read(bytes: Buffer): void {
    const all = this.#rest ? Buffer.concat([this.#rest, bytes]) : bytes;
    this.#rest = undefined;
    if (!isWhole(all)) {
      this.#rest = Buffer.from(all);
      return;
    }
    if (all.toString('latin1', 9, 12) !== '200') {
      this.#options.onLost(new Error(all.toString('latin1', 0, 300)));
      return;
    }
    this.#options.onResponse(all);
  }
}

/** There is never more than one response, because there is never more than one request. */
function isWhole(response: Buffer): boolean {
  const headEnd = response.indexOf(HEAD_END);
  if (headEnd === -1) return false;
  for (let at = response.indexOf(LENGTH); at !== -1 && at < headEnd; at = response.indexOf(LENGTH, at + 7)) {
    if ((response[at + 7]! | 0x20) !== 0x6c /* l */) continue;
    const digits = at + 'ontent-length:'.length;
    const length = Number(response.toString('latin1', digits, response.indexOf('\r\n', digits)));
    return response.length >= headEnd + 4 + length;
  }
  return response.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK);
}

/** A POST of JSON, ready to be sent any number of times. */
export function postOf(port: number, path: string, body: string, cookie: string): Buffer {
  const cookieLine = cookie === '' ? '' : `Cookie: ${cookie}\r\n`;
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n${cookieLine}` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
    'latin1',
  );
}

/** WebSocket over HTTP/2: the stream of an extended CONNECT, dressed as the socket of an HTTP/1.1 upgrade. RFC 8441. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest, ServerHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';

/** Whether a CONNECT asks for a WebSocket. */
export function isWebSocketConnect(request: Http2ServerRequest): boolean {
  return request.headers[':protocol'] === 'websocket';
}

/** The request as an HTTP/1.1 upgrade would have sent it; HTTP/2 has no key, since no proxy can mistake the method. */
export function upgradeRequestOf(request: Http2ServerRequest): IncomingMessage {
  const headers: Record<string, string | string[] | undefined> = {};
  for (const [name, value] of Object.entries(request.headers)) if (!name.startsWith(':')) headers[name] = value;
  headers.host ??= request.authority;
  headers.upgrade = 'websocket';
  headers.connection = 'Upgrade';
  headers['sec-websocket-version'] ??= '13';
  headers['sec-websocket-key'] = randomBytes(16).toString('base64');
  const { socket, httpVersion, url } = request;
  return { method: 'GET', url, headers, socket, httpVersion, httpVersionMajor: 2 } as unknown as IncomingMessage;
}

/** Passes bytes through to the stream, but for the HTTP/1.1 head of the answer: that becomes the headers of the stream. */
export class Http2Socket extends Duplex {
  readonly #stream: ServerHttp2Stream;
  #responded = false;

  constructor(stream: ServerHttp2Stream) {
    super({ allowHalfOpen: false });
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stream.pause();
    });
    stream.on('end', () => this.push(null));
    stream.on('error', (error) => this.destroy(error));
    stream.on('close', () => this.destroy());
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#stream.destroyed) return done(new Error('The HTTP/2 stream is closed'));
    if (this.#responded) {
      this.#stream.write(chunk, done);
      return;
    }
    this.#responded = true;
    const body = this.#respond(chunk);
    if (body.length > 0) this.#stream.write(body, done);
    else done();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#stream.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#stream.destroyed) this.#stream.close();
    done(error);
  }

  /** Turns the first chunk into the headers of the stream; what follows the head is content. */
  #respond(chunk: Buffer): Buffer {
    const end = chunk.indexOf('\r\n\r\n');
    const [status = '', ...lines] = chunk.subarray(0, end).toString('latin1').split('\r\n');
    const code = Number(status.split(' ')[1]);
    const headers: Record<string, string | number> = { ':status': code === 101 ? 200 : code };
    for (const line of lines) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      if (name === 'sec-websocket-protocol' || name === 'sec-websocket-extensions' || name === 'content-type') {
        headers[name] = line.slice(colon + 1).trim();
      }
    }
    this.#stream.respond(headers);
    return chunk.subarray(end + 4);
  }
}

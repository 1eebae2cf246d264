/** A WebSocket of Node.js: `ws`, with the cookies, header fields, proxy and certificates of the client. */
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { WebSocketLike } from '../platform.ts';
import { addCookies, mergeHeaders } from './headers.ts';
import { reasonOf, type Surroundings } from './http-request.ts';

const defaultMaxPayload = 16_777_216;

/** What the code of a close event says when there was no close frame. */
const abnormal = 1006;

type Handler = ((event: never) => void) | null;

/** Asking the cookie jar may take time, so the real WebSocket comes a little after this one. */
export class NodeSocket implements WebSocketLike {
  onopen: Handler = null;
  onmessage: Handler = null;
  onclose: Handler = null;
  /** The event has `message`, `error`, and `httpCode` when the server answered the upgrade with something else. */
  onerror: Handler = null;
  #socket: WebSocket | undefined;
  #httpCode: number | undefined;
  #closed = false;
  #stream: Duplex | undefined;
  #corked = false;

  constructor(
    url: string,
    protocol: string | null,
    headers: Readonly<Record<string, string>>,
    surroundings: Surroundings,
  ) {
    this.#connect(url, protocol, headers, surroundings).catch((error: unknown) => this.#end(error));
  }

  send(text: string): void {
    if (!this.#socket) throw new Error('The WebSocket is not open');
    this.#cork();
    this.#socket.send(text);
  }

  /** What is sent in one turn leaves in one write. */
  #cork(): void {
    const stream = this.#stream;
    if (!stream || this.#corked) return;
    this.#corked = true;
    stream.cork();
    process.nextTick(() => {
      this.#corked = false;
      stream.uncork();
    });
  }

  close(code?: number, reason?: string): void {
    if (this.#socket) this.#socket.close(code, reason);
    else queueMicrotask(() => this.#end(new Error('The WebSocket was closed before it was open')));
  }

  async #connect(
    url: string,
    protocol: string | null,
    fields: Readonly<Record<string, string>>,
    { options, cookies, agents }: Surroundings,
  ): Promise<void> {
    const headers = mergeHeaders(options.headers, fields);
    addCookies(headers, await cookies.header(url));
    const agent = await agents.forWebSocket(url);
    if (this.#closed) return;
    const socket = new WebSocket(url, protocol ? [protocol] : [], {
      ...options.tls,
      ...(agent ? { agent } : {}),
      headers,
      perMessageDeflate: options.perMessageDeflate ?? false,
      maxPayload: options.maxPayload ?? defaultMaxPayload,
    });
    this.#socket = socket;
    socket.on('upgrade', (response) => {
      this.#stream = response.socket;
      cookies.store(url, response.headers).catch((error: unknown) => this.#end(error));
    });
    socket.on('unexpected-response', (_request, response) => {
      this.#httpCode = response.statusCode ?? 0;
      cookies.store(url, response.headers).then(
        () => this.#end(new Error(`The server refused the WebSocket with status ${this.#httpCode}`)),
        (error: unknown) => this.#end(error),
      );
    });
    socket.on('open', () => {
      if (!this.#closed) tell(this.onopen, { type: 'open' });
    });
    socket.on('message', (data, binary) => {
      if (!this.#closed) tell(this.onmessage, { type: 'message', data: binary ? data : data.toString() });
    });
    socket.on('error', (error) => this.#report(error));
    socket.on('close', (code, reason) => this.#finish(code, reason.toString()));
  }

  #report(error: unknown): void {
    if (this.#closed) return;
    const httpCode = this.#httpCode === undefined ? {} : { httpCode: this.#httpCode };
    tell(this.onerror, { type: 'error', message: reasonOf(error), error, ...httpCode });
  }

  /** Ends a WebSocket that cannot live, as one whose connection was cut. */
  #end(error: unknown): void {
    this.#report(error);
    this.#finish(abnormal, '');
    this.#socket?.terminate();
  }

  #finish(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    tell(this.onclose, { type: 'close', code, reason, wasClean: code !== abnormal });
  }
}

function tell(handler: Handler, event: object): void {
  (handler as ((event: object) => void) | null)?.(event);
}

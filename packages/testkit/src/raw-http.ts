/** Bayeux over HTTP with bare hands: every header, every byte and the cookie jar are the test's own. */
import { type IncomingHttpHeaders, request as requestHttp } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import { request as requestHttps } from 'node:https';
import { Inbox, type WireMessage } from './inbox.ts';

export interface RawRequest {
  /** Default POST. */
  readonly method?: string;
  /** Appended to the URL, such as `/connect` or `?jsonp=f`. */
  readonly suffix?: string;
  /** Lower-case names. Added to, and stronger than, those of the client; `undefined` leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string | Buffer;
}

export interface RawResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface RawHttpOptions {
  /** Speak HTTP/2, in clear or over TLS as the URL says. Default false. */
  readonly http2?: boolean;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The certificate of a test server is its own; nobody vouches for it. */
const anyCertificate = { rejectUnauthorized: false };

export class RawHttp {
  readonly transport = 'long-polling';
  readonly inbox: Inbox = new Inbox();
  /** Cookies by name, stored from responses and sent with requests. */
  readonly jar: Map<string, string> = new Map();
  readonly #url: string;
  readonly #options: RawHttpOptions;
  readonly #abort: AbortController = new AbortController();
  #session: ClientHttp2Session | undefined;

  constructor(url: string, options: RawHttpOptions = {}) {
    this.#url = url;
    this.#options = options;
  }

  /** One request, exactly as given, and its whole response. `signal` drops the connection. */
  async request(request: RawRequest, signal?: AbortSignal): Promise<RawResponse> {
    const url = new URL(this.#url + (request.suffix ?? ''));
    const headers: Record<string, string> = {};
    const cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const wanted = { ...(cookie && { cookie }), ...this.#options.headers, ...request.headers };
    for (const [name, value] of Object.entries(wanted)) if (value !== undefined) headers[name] = value;
    const either = AbortSignal.any(signal ? [signal, this.#abort.signal] : [this.#abort.signal]);
    const response = await (this.#options.http2
      ? this.#over2(url, { ...request, headers }, either)
      : this.#over1(url, { ...request, headers }, either));
    this.#keepCookies(response.headers['set-cookie'] ?? []);
    return response;
  }

  /** Posts text or messages as JSON. The messages of the answer reach the inbox when its status is 200. */
  async post(payload: unknown, request: RawRequest = {}, signal?: AbortSignal): Promise<RawResponse> {
    const body = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload);
    const headers = { 'content-type': 'application/json;charset=UTF-8', ...request.headers };
    const response = await this.request({ method: 'POST', ...request, headers, body }, signal);
    if (response.status === 200) this.inbox.add(messagesOf(response.body));
    return response;
  }

  /** Posts messages and answers with everything the response carried, in its order. Rejects unless the status is 200. */
  async send(messages: WireMessage | readonly WireMessage[], signal?: AbortSignal): Promise<WireMessage[]> {
    return accepted(await this.post(Array.isArray(messages) ? messages : [messages], {}, signal));
  }

  /** Posts each text as one form parameter called `message`. */
  async form(texts: readonly string[]): Promise<WireMessage[]> {
    const body = new URLSearchParams(texts.map((text): [string, string] => ['message', text])).toString();
    return accepted(await this.post(body, { headers: { 'content-type': 'application/x-www-form-urlencoded' } }));
  }

  /** Asks by JSONP. `messages` is what the script would have passed to the callback, when it has the shape of a call of it. */
  async jsonp(payload: unknown, callback: string = 'jsonp1'): Promise<RawResponse & { messages?: WireMessage[] }> {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    const query = new URLSearchParams({ jsonp: callback, message: text });
    const response = await this.request({ method: 'GET', suffix: `?${query}` });
    const call = response.body.replace(/^\/\*\*\//, '').replace(/;$/, '');
    if (!call.startsWith(`${callback}(`) || !call.endsWith(')')) return response;
    const messages = messagesOf(call.slice(callback.length + 1, -1));
    this.inbox.add(messages);
    return { ...response, messages };
  }

  /** Drops whatever is still open. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.#session?.destroy();
    this.inbox.close(new Error('the raw HTTP client was closed'));
  }

  #over1(url: URL, { method = 'POST', headers, body }: RawRequest, signal: AbortSignal): Promise<RawResponse> {
    const open = url.protocol === 'https:' ? requestHttps : requestHttp;
    return new Promise((resolve, reject) => {
      const sent: Record<string, string | undefined> = { ...headers };
      if (body !== undefined) sent['content-length'] ??= String(Buffer.byteLength(body));
      // A connection of its own: held requests of one client must not queue behind each other.
      const request = open(url, {
        method,
        headers: sent as Record<string, string>,
        agent: false,
        signal,
        ...anyCertificate,
      });
      request.on('error', reject);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      });
      request.end(body);
    });
  }

  #over2(url: URL, { method = 'POST', headers, body }: RawRequest, signal: AbortSignal): Promise<RawResponse> {
    if (!this.#session || this.#session.destroyed || this.#session.closed) {
      this.#session = connect(url.origin, anyCertificate);
    }
    const session = this.#session;
    return new Promise((resolve, reject) => {
      session.once('error', reject);
      const stream = session.request({ ...headers, ':method': method, ':path': url.pathname + url.search }, { signal });
      let answer: IncomingHttpHeaders & { ':status'?: number | undefined } = {};
      const chunks: Buffer[] = [];
      stream.on('error', reject);
      stream.on('response', (received) => {
        answer = received;
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        session.off('error', reject);
        resolve({ status: answer[':status'] ?? 0, headers: answer, body: Buffer.concat(chunks).toString() });
      });
      stream.end(body);
    });
  }

  #keepCookies(lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = ''] = line.split(';');
      const equals = pair.indexOf('=');
      this.jar.set(pair.slice(0, equals).trim(), pair.slice(equals + 1).trim());
    }
  }
}

function messagesOf(text: string): WireMessage[] {
  return JSON.parse(text) as WireMessage[];
}

function accepted(response: RawResponse): WireMessage[] {
  if (response.status !== 200) throw new Error(`the server answered ${response.status}: ${response.body}`);
  return messagesOf(response.body);
}

/** One POST of long-polling over node:http or node:https. */
import { type ClientRequest, type IncomingMessage, request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import type { HttpCall, HttpRequest } from '../platform.ts';
import type { Agents } from './agents.ts';
import type { Cookies } from './cookies.ts';
import { addCookies, mergeHeaders } from './headers.ts';
import type { NodeOptions } from './options.ts';

/** What the requests of one client share. */
export interface Surroundings {
  readonly options: NodeOptions;
  readonly cookies: Cookies;
  readonly agents: Agents;
}

/** Redirects are answers like any other: a POST is not repeated elsewhere. */
export class HttpExchange implements HttpCall {
  readonly #request: HttpRequest;
  readonly #surroundings: Surroundings;
  #outgoing: ClientRequest | undefined;
  #over = false;

  constructor(request: HttpRequest, surroundings: Surroundings) {
    this.#request = request;
    this.#surroundings = surroundings;
    this.#send().catch((error: unknown) => this.#fail(error));
  }

  abort(): void {
    queueMicrotask(() => this.#fail(new Error('abort')));
  }

  async #send(): Promise<void> {
    const { url, body } = this.#request;
    const { options, cookies, agents } = this.#surroundings;
    const headers = mergeHeaders(
      { 'content-type': 'application/json;charset=UTF-8' },
      options.headers,
      this.#request.headers,
    );
    addCookies(headers, await cookies.header(url));
    const agent = await agents.forHttp(url);
    if (this.#over) return;
    headers['content-length'] = String(Buffer.byteLength(body));
    const secure = new URL(url).protocol === 'https:';
    const how = { method: 'POST', headers, agent };
    const outgoing = secure ? overHttps(url, { ...options.tls, ...how }) : overHttp(url, how);
    this.#outgoing = outgoing;
    outgoing.on('error', (error) => this.#fail(error));
    outgoing.on('information', () => this.#progress());
    outgoing.on('response', (response) => {
      this.#receive(response).then(
        (text) => this.#answer(response, text),
        (error: unknown) => this.#fail(error),
      );
    });
    outgoing.end(body);
  }

  /** The text of a response, when its cookies are in the jar, too. */
  async #receive(response: IncomingMessage): Promise<string> {
    this.#progress();
    const storing = this.#surroundings.cookies.store(this.#request.url, response.headers);
    const [text] = await Promise.all([this.#read(response), storing]);
    return text;
  }

  #answer(response: IncomingMessage, text: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#request.onResponse(response.statusCode ?? 0, response.statusMessage ?? '', text);
  }

  /** Decodes while it arrives: a character may come in two pieces. */
  #read(response: IncomingMessage): Promise<string> {
    const { maxBytes = Number.POSITIVE_INFINITY } = this.#request;
    const decoder = new TextDecoder();
    let size = Number(response.headers['content-length'] ?? 0);
    let text = '';
    return new Promise((resolve, reject) => {
      const tooLong = (): void => reject(new Error(`The response is longer than ${maxBytes} bytes`));
      if (size > maxBytes) {
        tooLong();
        return;
      }
      size = 0;
      response.on('data', (chunk: Uint8Array) => {
        this.#progress();
        size += chunk.byteLength;
        if (size > maxBytes) tooLong();
        else text += decoder.decode(chunk, { stream: true });
      });
      response.on('end', () => resolve(text + decoder.decode()));
      response.on('error', reject);
      response.on('close', () => reject(new Error('The connection was cut')));
    });
  }

  #progress(): void {
    if (!this.#over) this.#request.onProgress();
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#outgoing?.destroy();
    this.#request.onError(reasonOf(error), error);
  }
}

/** Some errors of Node.js, those of two addresses tried at once, have a code and no message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}

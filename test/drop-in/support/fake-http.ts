/** XMLHttpRequest whose every request is answered by the test. */
import { Exchange } from './exchange.ts';
import type { Message } from './message.ts';
import { jobsDone } from './virtual-clock.ts';

type Handler = ((event: { type: string; target: unknown }) => void) | null;

export class HttpExchange extends Exchange {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly messages: readonly Message[];
  readonly xhr: FakeRequest;

  constructor(xhr: FakeRequest, body: string) {
    super();
    this.xhr = xhr;
    this.method = xhr.method;
    this.url = xhr.url;
    this.headers = { ...xhr.headers };
    this.body = body;
    this.messages = JSON.parse(body) as Message[];
  }

  answer(messages: unknown): Promise<void> {
    return this.respond(200, 'OK', JSON.stringify(messages));
  }

  /** Any response, down to the letter. */
  async respond(status: number, statusText: string, text: string): Promise<void> {
    this.done = true;
    this.xhr.finish('load', status, statusText, text);
    await jobsDone();
  }

  /** The connection breaks. */
  async fail(): Promise<void> {
    this.done = true;
    this.xhr.finish('error', 0, '', '');
    await jobsDone();
  }
}

/** The part of XMLHttpRequest that there is to a POST. */
export class FakeRequest {
  static readonly UNSENT = 0;
  static readonly OPENED = 1;
  static readonly DONE = 4;

  readyState = 0;
  status = 0;
  statusText = '';
  responseText = '';
  response: unknown = '';
  responseType = '';
  timeout = 0;
  withCredentials = false;
  context: unknown;
  onload: Handler = null;
  onerror: Handler = null;
  onabort: Handler = null;
  onprogress: Handler = null;
  onloadend: Handler = null;
  ontimeout: Handler = null;
  onreadystatechange: Handler = null;

  method = '';
  url = '';
  asynchronous = true;
  readonly headers: Record<string, string> = {};
  readonly #listeners: [string, (event: { type: string; target: unknown }) => void][] = [];
  readonly #sent: (exchange: HttpExchange) => void;
  #exchange: HttpExchange | null = null;

  constructor(sent: (exchange: HttpExchange) => void) {
    this.#sent = sent;
  }

  open(method: string, url: string, asynchronous = true): void {
    this.method = method;
    this.url = url;
    this.asynchronous = asynchronous;
    this.readyState = FakeRequest.OPENED;
  }

  setRequestHeader(name: string, value: string): void {
    this.headers[name.toLowerCase()] = value;
  }

  getResponseHeader(): null {
    return null;
  }

  addEventListener(type: string, listener: (event: { type: string; target: unknown }) => void): void {
    this.#listeners.push([type, listener]);
  }

  send(body: string): void {
    this.#exchange = new HttpExchange(this, body);
    this.#sent(this.#exchange);
  }

  abort(): void {
    const exchange = this.#exchange;
    if (!exchange || exchange.done) return;
    exchange.done = true;
    exchange.aborted = true;
    this.finish('abort', 0, '', '');
  }

  finish(event: 'load' | 'error' | 'abort', status: number, statusText: string, text: string): void {
    this.readyState = FakeRequest.DONE;
    this.status = status;
    this.statusText = statusText;
    this.responseText = text;
    this.response = text;
    for (const type of ['readystatechange', ...(event === 'load' ? ['progress'] : []), event, 'loadend']) {
      const happening = { type, target: this };
      const handler = (this as unknown as Record<string, Handler>)[`on${type}`];
      handler?.call(this, happening);
      for (const [of, listener] of this.#listeners) if (of === type) listener.call(this, happening);
    }
  }
}

/** What is known of the request a message came with. Book section 9.3.6. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { BayeuxContext } from '../api.ts';
import type { PassedRequest } from '../session/neighbours.ts';
import { cookieValues } from './cookie.ts';
import { PassedSocket } from './passing.ts';

type Address = { readonly address: string; readonly port: number } | null;
type Attributes = ((request: IncomingMessage) => Readonly<Record<string, unknown>>) | undefined;

/** A snapshot of an HTTP request or WebSocket upgrade. What costs something is computed when it is asked for. */
export class RequestContext implements BayeuxContext {
  readonly url: string;
  readonly secure: boolean;
  readonly userPrincipal: unknown;
  readonly #httpVersion: string;
  readonly #socket: Socket;
  readonly #headers: IncomingHttpHeaders;
  readonly #attributes: Readonly<Record<string, unknown>> | undefined;
  #query: URLSearchParams | undefined;

  constructor(request: IncomingMessage, attributes: Attributes) {
    // Express keeps the whole URL apart from the part below the mount point.
    this.url = (request as { originalUrl?: string }).originalUrl ?? request.url ?? '';
    this.secure = (request.socket as { encrypted?: boolean }).encrypted === true;
    this.userPrincipal = (request as { user?: unknown }).user ?? null;
    this.#httpVersion = request.httpVersion;
    this.#socket = request.socket;
    this.#headers = request.headers;
    this.#attributes = attributes?.(request);
  }

  get protocol(): string {
    return `HTTP/${this.#httpVersion}`;
  }

  get remoteAddress(): Address {
    return addressOf(this.#socket.remoteAddress, this.#socket.remotePort);
  }

  get localAddress(): Address {
    return addressOf(this.#socket.localAddress, this.#socket.localPort);
  }

  get locales(): readonly string[] {
    const accepted = (this.header('accept-language') ?? '').split(',').map((part) => {
      const [language = '', quality] = part.split(';q=');
      return { language: language.trim(), quality: quality === undefined ? 1 : Number(quality) };
    });
    return accepted
      .filter(({ language, quality }) => language !== '' && language !== '*' && quality > 0)
      .sort((a, b) => b.quality - a.quality)
      .map(({ language }) => language);
  }

  header(name: string): string | undefined {
    return this.headerValues(name)[0];
  }

  headerValues(name: string): readonly string[] {
    const key = name.toLowerCase();
    const value = Object.hasOwn(this.#headers, key) ? this.#headers[key] : undefined;
    if (value === undefined) return [];
    return Array.isArray(value) ? value : [value];
  }

  cookie(name: string): string | undefined {
    return cookieValues(this.#headers.cookie, name)[0];
  }

  parameter(name: string): string | undefined {
    return this.#parameters.get(name) ?? undefined;
  }

  parameterValues(name: string): readonly string[] {
    return this.#parameters.getAll(name);
  }

  attribute(name: string): unknown {
    return this.#attributes && Object.hasOwn(this.#attributes, name) ? this.#attributes[name] : undefined;
  }

  isUserInRole(role: string): boolean {
    const user = this.userPrincipal as { roles?: unknown } | null;
    return typeof user === 'object' && user !== null && Array.isArray(user.roles) && user.roles.includes(role);
  }

  /** Whether another server has received the request. */
  get isPassed(): boolean {
    return this.#socket instanceof PassedSocket;
  }

  /** The request as another server needs it. */
  passed(method: string): PassedRequest {
    const { remoteAddress, remotePort, localAddress, localPort } = this.#socket;
    const headers: Record<string, string | readonly string[] | undefined> = {};
    // Those of HTTP/2 that are no headers stay here.
    for (const [name, value] of Object.entries(this.#headers)) if (!name.startsWith(':')) headers[name] = value;
    return {
      method,
      url: this.url,
      httpVersion: this.#httpVersion,
      headers,
      secure: this.secure,
      remote: { address: remoteAddress, port: remotePort },
      local: { address: localAddress, port: localPort },
    };
  }

  get #parameters(): URLSearchParams {
    const question = this.url.indexOf('?');
    this.#query ??= new URLSearchParams(question < 0 ? '' : this.url.slice(question + 1));
    return this.#query;
  }
}

function addressOf(address: string | undefined, port: number | undefined): Address {
  return address === undefined ? null : { address, port: port ?? 0 };
}

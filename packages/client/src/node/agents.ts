/** Who makes the connections: plain keep-alive agents, a proxy, or the agent of the application. */
import { type Agent, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { ProxyAgent, proxies } from 'proxy-agent';
import { asHttp } from './cookies.ts';
import type { NodeOptions } from './options.ts';

/** Idle connections are closed, in ms, before the servers in use do it (Jetty after 30 s) and a request meets the closing. */
const idleTime = 20_000;

export class Agents {
  readonly #injected: Agent | undefined;
  readonly #proxy: string | false | undefined;
  readonly #http: Agent = new HttpAgent({ keepAlive: true, timeout: idleTime });
  readonly #https: Agent = new HttpsAgent({ keepAlive: true, timeout: idleTime });
  readonly #proxied: ProxyAgent;
  readonly #environment: (url: string) => string;

  constructor(options: NodeOptions) {
    this.#injected = options.agent;
    this.#proxy = options.proxy;
    if (options.proxy) check(options.proxy);
    // A certificate of ours is for the server, not for the proxy; a private authority may have signed both of theirs.
    const ca = options.tls?.ca;
    this.#proxied = new ProxyAgent({ keepAlive: true, timeout: idleTime, ...(ca === undefined ? {} : { ca }) });
    this.#environment = this.#proxied.getProxyForUrl as (url: string) => string;
    this.#proxied.getProxyForUrl = (url) => this.#proxyFor(url);
  }

  /** The agent for an HTTP request. */
  forHttp(url: string): Agent {
    return this.forWebSocket(url) ?? (new URL(url).protocol === 'https:' ? this.#https : this.#http);
  }

  /** The agent for a WebSocket, if it needs one: it lives on a connection of its own, never on an idle one. */
  forWebSocket(url: string): Agent | undefined {
    if (this.#injected) return this.#injected;
    return this.#proxyFor(url) === '' ? undefined : this.#proxied;
  }

  /** Closes the connections that carry nothing at the moment. They would not keep a process alive, but a peer may wait. */
  closeIdle(): void {
    for (const agent of [this.#http, this.#https, ...this.#proxied.cache.values()]) {
      for (const sockets of Object.values(agent.freeSockets ?? {})) {
        for (const socket of [...(sockets ?? [])]) socket.destroy();
      }
    }
  }

  /** The proxy on the way to a URL, or an empty string. */
  #proxyFor(url: string): string {
    if (this.#proxy === false) return '';
    return this.#proxy ?? this.#environment(asHttp(url));
  }
}

function check(proxy: string): void {
  const scheme = URL.canParse(proxy) ? new URL(proxy).protocol.slice(0, -1) : '';
  if (!Object.hasOwn(proxies, scheme)) throw new TypeError(`No URL of a proxy: ${redacted(proxy)}`);
}

/** Credentials do not belong in error texts. */
function redacted(proxy: string): string {
  return proxy.replace(/\/\/[^/]*@/, '//');
}

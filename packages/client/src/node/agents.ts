/** Who makes the connections: plain keep-alive agents, a proxy, or the agent of the application. */
import { type Agent, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { ProxyAgent, type ProxyAgentOptions, proxies } from 'proxy-agent';
import { asHttp } from './cookies.ts';
import type { NodeOptions } from './options.ts';

/** Idle connections are closed, in ms, before the servers in use do it (Jetty after 30 s) and a request meets the closing. */
const idleTime = 20_000;

export class Agents {
  readonly #injected: Agent | undefined;
  readonly #proxy: string | false | undefined;
  readonly #http: Agent = new HttpAgent({ keepAlive: true, timeout: idleTime });
  readonly #https: Agent = new HttpsAgent({ keepAlive: true, timeout: idleTime });
  /** One agent for each proxy and kind of traffic. */
  readonly #proxied: Map<string, Agent> = new Map();
  readonly #proxyOptions: ProxyAgentOptions;
  readonly #environment: (url: string) => string;

  constructor(options: NodeOptions) {
    this.#injected = options.agent;
    this.#proxy = options.proxy;
    if (options.proxy) schemeOf(options.proxy);
    // A certificate of ours is for the server, not for the proxy; a private authority may have signed both of theirs.
    const ca = options.tls?.ca;
    this.#proxyOptions = { keepAlive: true, timeout: idleTime, ...(ca === undefined ? {} : { ca }) };
    this.#environment = new ProxyAgent().getProxyForUrl as (url: string) => string;
  }

  /** The agent for an HTTP request. Rejects with `TypeError` if the environment names no proxy of a known kind. */
  async forHttp(url: string): Promise<Agent> {
    const secure = new URL(url).protocol === 'https:';
    return (await this.#forProxy(url, secure ? 'https' : 'http')) ?? (secure ? this.#https : this.#http);
  }

  /** The agent for a WebSocket, if it needs one: it lives on a connection of its own, never on an idle one. */
  forWebSocket(url: string): Promise<Agent | undefined> {
    return this.#forProxy(url, 'websocket');
  }

  /** Closes the connections that carry nothing at the moment. They would not keep a process alive, but a peer may wait. */
  closeIdle(): void {
    for (const agent of [this.#http, this.#https, ...this.#proxied.values()]) {
      for (const sockets of Object.values(agent.freeSockets ?? {})) {
        for (const socket of [...(sockets ?? [])]) socket.destroy();
      }
    }
  }

  /**
   * The agent of a proxy, which forwards plain HTTP and tunnels the rest. It must be known before the request is made: a `ProxyAgent` finds
   * it later, and then a request on a connection that is used again has its path written for no proxy.
   */
  async #forProxy(url: string, what: 'http' | 'https' | 'websocket'): Promise<Agent | undefined> {
    if (this.#injected) return this.#injected;
    const proxy = this.#proxyFor(url);
    if (proxy === '') return undefined;
    const key = `${what} ${proxy}`;
    const known = this.#proxied.get(key);
    if (known) return known;
    const ProxyOfKind = await proxies[schemeOf(proxy)][what === 'http' ? 0 : 1]();
    const agent = this.#proxied.get(key) ?? new ProxyOfKind(proxy, this.#proxyOptions);
    this.#proxied.set(key, agent);
    return agent;
  }

  /** The proxy on the way to a URL, or an empty string. */
  #proxyFor(url: string): string {
    if (this.#proxy === false) return '';
    return this.#proxy ?? this.#environment(asHttp(url));
  }
}

function schemeOf(proxy: string): keyof typeof proxies {
  const scheme = URL.canParse(proxy) ? new URL(proxy).protocol.slice(0, -1) : '';
  if (!Object.hasOwn(proxies, scheme)) throw new TypeError(`No URL of a proxy: ${redacted(proxy)}`);
  return scheme as keyof typeof proxies;
}

/** Credentials do not belong in error texts. */
function redacted(proxy: string): string {
  return proxy.replace(/\/\/[^/]*@/, '//');
}

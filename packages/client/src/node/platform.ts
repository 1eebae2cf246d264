/** The platform of Node.js: one cookie jar, one set of agents and one set of certificates for all transports of a client. */
import type { HttpCall, HttpRequest, Platform, WebSocketLike } from '../platform.ts';
import { Agents } from './agents.ts';
import { Cookies } from './cookies.ts';
import { HttpExchange, type Surroundings } from './http-request.ts';
import type { NodeOptions } from './options.ts';
import { NodeSocket } from './socket.ts';

/** A platform that owns connections. Idle ones keep no process alive. */
export interface NodePlatform extends Platform {
  request(request: HttpRequest): HttpCall;
  openWebSocket(url: string, protocol: string | null, headers: Readonly<Record<string, string>>): WebSocketLike;
  /** Closes idle connections at once. The platform stays usable. */
  closeIdle(): void;
}

/**
 * Makes a platform for one client. No global is read or changed but `process.env`, for the proxies.
 * Throws `TypeError` if `proxy` is no URL of a known kind.
 */
export function nodePlatform(options: NodeOptions = {}): NodePlatform {
  const agents = new Agents(options);
  const surroundings: Surroundings = { options, agents, cookies: new Cookies(options.cookieJar) };
  return {
    request: (request) => {
      const exchange = new HttpExchange(request, surroundings);
      return { abort: () => exchange.abort() };
    },
    openWebSocket: (url, protocol, headers) => new NodeSocket(url, protocol, headers, surroundings),
    closeIdle: () => agents.closeIdle(),
  };
}

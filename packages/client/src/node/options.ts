/** What may be said about the network in Node.js that a browser decides by itself. */
import type { Agent } from 'node:http';
import type { ConnectionOptions } from 'node:tls';
import type { CookieJar } from 'tough-cookie';

/** How TLS connections are made. Certificates are verified unless `rejectUnauthorized` is false. */
export type TlsOptions = Pick<
  ConnectionOptions,
  | 'ca'
  | 'cert'
  | 'key'
  | 'pfx'
  | 'passphrase'
  | 'servername'
  | 'rejectUnauthorized'
  | 'checkServerIdentity'
  | 'minVersion'
  | 'maxVersion'
  | 'ciphers'
>;

/** All of it holds for HTTP requests and for WebSockets alike, unless it says otherwise. */
export interface NodeOptions {
  /** Where cookies live. Default: a fresh jar. Any store of `tough-cookie` fits. */
  cookieJar?: CookieJar;
  /**
   * URL of a proxy (`http:`, `https:`, `socks:` and kin; credentials in the URL), or false for none.
   * Default: what HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say at the moment of the request;
   * a `ws:` URL goes the way of `http:`, `wss:` that of `https:`.
   */
  proxy?: string | false;
  /** Makes the connections instead of our own agents and proxies. It stays yours: we never close it. */
  agent?: Agent;
  tls?: TlsOptions;
  /** Header fields of every request and WebSocket upgrade, `Origin` for one. Those of the client win. */
  headers?: Record<string, string>;
  /** Offers compression to WebSocket servers. Default false: it costs memory and time per connection. */
  perMessageDeflate?: boolean;
  /** Longest WebSocket message, in bytes; a longer one closes the WebSocket with 1009. Default 16 MiB. */
  maxPayload?: number;
}

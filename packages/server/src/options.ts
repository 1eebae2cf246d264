/** Every option of the server, with its meaning, unit and default. Book section 9.3.2. */
import type { IncomingMessage } from 'node:http';
import type { JSONContext, Limits } from '@cometd-ts/protocol';
import type { Logger, LogLevel } from './diagnostics.ts';

export type TransportName = 'websocket' | 'long-polling' | 'callback-polling';

/** What happens to a session whose queue is full and which has no `queueMaxed` listener. */
export type QueuePolicy = 'disconnect' | 'dropOldest' | 'dropNewest';

/** Options every transport has. Each may be given for one transport alone, with its prefix. Book section 9.3.2.1. */
export interface TransportOptions {
  /** How long a connect is held when there is nothing to send, in ms. Default 30000. */
  timeout: number;
  /** How long a client waits before its next connect, in ms. Default 0. */
  interval: number;
  /** How long a client may be silent after a connect reply before its session expires, in ms. Default 10000. */
  maxInterval: number;
  /** How long a connect may stay in the server, in ms; must exceed `timeout`. Default −1, no bound. */
  maxProcessing: number;
  /** Longest wait of a lazy message, in ms. Default 5000. */
  maxLazyTimeout: number;
  /** Messages travel only with connect replies. Default false; always true for callback-polling. */
  metaConnectDeliverOnly: boolean;
  /** Messages queued for one session; −1 for no bound. Default 1000. */
  maxQueue: number;
  /** Characters queued for one session; −1 for no bound. Default 1048576. */
  maxQueueBytes: number;
  /** What happens when a queue is full. Default 'disconnect': the session ends, and its client shakes hands again. */
  queuePolicy: QueuePolicy;
  /** Bytes of one request body or WebSocket message; −1 for no bound. Default 65536. */
  maxMessageSize: number;
  /** Clients that were away too long are told to handshake at once. Default false. */
  handshakeReconnect: boolean;
  /** Messages queued during the handshake travel with its reply. Default false. */
  allowMessageDeliveryDuringHandshake: boolean;
  /** A connection whose peer takes no byte for this long is cut, in ms; −1 for no bound. Default 10000. */
  writeTimeout: number;
}

/** Options of long-polling and callback-polling. */
export interface HttpOptions extends TransportOptions {
  /** Held connects per browser over HTTP/1.1; −1 for no bound. Default 1. */
  maxSessionsPerBrowser: number;
  /** Held connects per browser over HTTP/2; −1 for no bound. Default −1. */
  http2MaxSessionsPerBrowser: number;
  /** Interval advised to the further clients of a browser, in ms; ≤ 0 refuses them. Default 2000. */
  multiSessionInterval: number;
  /** Accept a client id without the browser cookie it was handshaken with. Default false. */
  trustClientSession: boolean;
  /** Default 'BAYEUX_BROWSER'. */
  browserCookieName: string;
  /** Default '', no Domain attribute. */
  browserCookieDomain: string;
  /** Default '/'. */
  browserCookiePath: string;
  /** Seconds; −1 for a session cookie. Default −1. */
  browserCookieMaxAge: number;
  /** Adds Secure when the request is secure. Default false. */
  browserCookieSecure: boolean;
  /** Default true. */
  browserCookieHttpOnly: boolean;
  /** 'Strict', 'Lax', 'None', or '' for no attribute, which browsers treat as 'Lax'. Default ''. */
  browserCookieSameSite: '' | 'Strict' | 'Lax' | 'None';
  /** Default false. */
  browserCookiePartitioned: boolean;
  /** HTTP status of a held connect that a newer one replaces, ≥ 400. Default 500. */
  duplicateMetaConnectHttpResponseCode: number;
  /** Query parameter with the name of the JSONP callback. Default 'jsonp'. */
  callbackParameter: string;
  /** Longest callback name. Default 64. */
  callbackParameterMaxLength: number;
}

/** Options of the WebSocket transport, prefix `ws.`. */
export interface WebSocketOptions extends TransportOptions {
  /** Comma-separated paths that accept WebSocket; '' for the path the server is attached at. Default ''. */
  cometdURLMapping: string;
  /** Subprotocol a client must offer; '' for none. Default ''. */
  protocol: string;
  /** Messages in one frame; ≤ 0 for as many as `maxFrameSize` holds. Default 0. */
  messagesPerFrame: number;
  /** Characters up to which messages share a frame; a longer single message travels alone. Default 8192. */
  maxFrameSize: number;
  /** A connection without traffic is closed after this many ms; −1 never. Must exceed `timeout`. Default 300000. */
  idleTimeout: number;
  /** A connection that is silent for this many ms is pinged, and cut when it stays silent as long again; −1 never. Default 25000. */
  pingInterval: number;
  /** A connection without a successful handshake or session is closed after this many ms; −1 never. Default 10000. */
  handshakeTimeout: number;
  /** A session can only be used on the connection it was handshaken on. Default false. */
  requireHandshakePerConnection: boolean;
  /** Compress frames. Costs memory and CPU per connection. Default false. */
  'enableExtension.permessage-deflate': boolean;
}

/** Options of the server as a whole. */
export interface BayeuxOptions {
  /** Transports in order of preference. Default ['websocket', 'long-polling']. */
  allowedTransports: readonly TransportName[];
  /** Whether publishers receive their own messages. Default true. */
  broadcastToPublisher: boolean;
  /** Reads and writes JSON, with the convertors of the application's classes. Default a plain `JSONContext`. */
  jsonContext: JSONContext;
  /** Check the characters of channels and ids. Default true. */
  validateMessageFields: boolean;
  /** Refuse handshakes without `version` or without a common connection type. Default false. */
  strictHandshake: boolean;
  /** Pause between two sweeps, in ms. Default 997. */
  sweepPeriod: number;
  /**
   * Foreign origins that may use this server, such as 'https://app.example.com' or 'https://*.example.com'; '*' for all, but without their cookies: long-polling then needs `trustClientSession`.
   * The server's own origin, and clients that send none, are always accepted. Default [].
   */
  allowedOrigins: readonly string[];
  /** Fields of a publish that subscribers receive beside `channel` and `data`, such as 'ext'; '*' for all. Default []. */
  forwardFields: readonly string[];
  /** Channels one session may be subscribed to; −1 for no bound. Default 1000. */
  maxSubscriptionsPerSession: number;
  /** Channels that exist because remote clients asked for them; −1 for no bound. Default 100000. */
  maxRemoteChannels: number;
  /** Sessions with the same browser cookie; −1 for no bound. Default 64. */
  maxSessionsPerCookie: number;
  /** Sessions that have not sent their first connect; −1 for no bound. Default 10000. */
  maxUnconnectedSessions: number;
  /** Bytes of request bodies being received at one time; −1 for no bound. Default 67108864. */
  maxInFlightBytes: number;
  /** Publishes of one session a second, after a burst; −1 for no bound. Default 100. */
  maxPublishRate: number;
  /** Publishes a session may send at once, when it was quiet before. Default 200. */
  publishBurst: number;
  /** Subscribe messages of one session a second, after a burst; −1 for no bound. Default 50. */
  maxSubscribeRate: number;
  /** Subscribe messages a session may send at once, when it was quiet before. Default 200. */
  subscribeBurst: number;
  /**
   * Channels one session may have made a second, by its subscribes and publishes, after a burst; −1 for no bound. Default 50.
   */
  maxChannelRate: number;
  /** Channels a session may have made at once, when it was quiet before. Default 1000. */
  channelBurst: number;
  /** Messages of one session, or WebSocket without one, in ten seconds that are no Bayeux; then it is ended. −1 for no bound. Default 50. */
  maxBadMessages: number;
  /** Handshakes of all clients a second; −1 for no bound. Default 500. */
  maxHandshakeRate: number;
  /** Handshakes of one address a second, after a burst; −1 for no bound. Default 20. */
  maxHandshakeRatePerAddress: number;
  /** Handshakes an address may send at once, when it was quiet before. Default 100. */
  handshakeBurstPerAddress: number;
  /** Sessions of one address; −1 for no bound. Default 2000. */
  maxSessionsPerAddress: number;
  /** WebSocket connections of one address; −1 for no bound. Default 2000. */
  maxConnectionsPerAddress: number;
  /**
   * Proxies in front of the server, each of which adds to `X-Forwarded-For`; the address that the outermost one saw counts.
   * Default 0: the header is not believed, and the address of the socket counts.
   */
  trustedProxies: number;
  /**
   * Says whom the limits per address count a request for, by any name; undefined for nobody. Called for each handshake and
   * upgrade. Default the IPv4 address or the IPv6 network of 64 bits; the machine itself is not counted.
   */
  clientAddress: ((request: IncomingMessage) => string | undefined) | undefined;
  /** Sessions of the server; further handshakes are answered with `overloaded`. −1 for no bound. Default −1. */
  maxSessions: number;
  /**
   * Delay of the event loop, in ms, from which on handshakes are answered with `overloaded`, until it has been less for ten
   * seconds. From a third of it on long-pollers are asked to pause, from ten thirds on requests and connections are refused.
   * −1 for no bound. Default −1.
   */
  maxEventLoopDelay: number;
  /**
   * Percent of the heap in use, of what it may grow to, from which on handshakes are answered with `overloaded`, likewise.
   * From halfway between it and 100 on requests and connections are refused. −1 for no bound. Default −1.
   */
  maxHeapUse: number;
  /** Interval advised with `overloaded`, in ms; each client gets another one, from half of it to one and a half. Default 10000. */
  overloadInterval: number;
  /** Hosts advised with `overloaded`, such as 'b.example.com'. Default []. */
  overloadHosts: readonly string[];
  /** Messages in one payload, JSON depth and so on: see the page of limits. Default `defaultLimits`. */
  limits: Limits;
  /** Values of a request that `BayeuxContext.attribute` gives to the application. Called once for a request. Default none. */
  requestAttributes: ((request: IncomingMessage) => Readonly<Record<string, unknown>>) | undefined;
  /** Default the console. */
  logger: Logger;
  /** Default 'warn'. */
  logLevel: LogLevel;
}

type Prefixed<Options, Prefix extends string> = {
  [Name in keyof Options as `${Prefix}.${Name & string}`]?: Options[Name];
};

/** What `new BayeuxServer()` takes: server options, transport options for all transports, and for one with its prefix. */
export type ServerOptions = Partial<Omit<BayeuxOptions, 'limits'>> &
  Partial<HttpOptions> &
  Partial<WebSocketOptions> &
  Prefixed<WebSocketOptions, 'ws'> &
  Prefixed<HttpOptions, 'long-polling'> &
  Prefixed<HttpOptions, 'long-polling.json'> &
  Prefixed<HttpOptions, 'long-polling.jsonp'> & { readonly limits?: Partial<Limits> };

/** Options with nothing left open. */
export interface Settings extends BayeuxOptions {
  readonly websocket: Readonly<WebSocketOptions>;
  readonly longPolling: Readonly<HttpOptions>;
  readonly callbackPolling: Readonly<HttpOptions>;
}

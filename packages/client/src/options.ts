/** The options of both clients, with the names and defaults of the book (section 8.2.1). */
import type { Advice } from '@cometd-ts/protocol';

/** Header fields, or a function that finds them for each request; it may take its time. */
export type RequestHeaders = Record<string, string> | (() => Record<string, string> | Promise<Record<string, string>>);

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** Reads and writes JSON: `JSONContext` and `ExactJSONContext` of `@cometd-ts/protocol` are such. */
export interface JSONCodec {
  parse(text: string): unknown;
  generate(value: unknown): string;
}

/** What both clients understand. Times are in ms. */
export interface ClientOptions {
  /** URLs of single transports, by transport type, instead of the client's URL. Default none. */
  urls?: Record<string, string>;
  /** What is logged. Default `info`; the typed client's is `warn`. */
  logLevel?: LogLevel;
  /** Runs timers in a worker, whose timers browsers do not throttle. Default true, where there are workers. `CometD` only. */
  useWorkerScheduler?: boolean;
  /** WebSocket subprotocol. Default none. */
  protocol?: string | null;
  /** Stays with WebSocket for ever once it has worked. Default true. */
  stickyReconnect?: boolean;
  /** Goes to the next transport after this many WebSocket connects in a row have failed. Default 0: never. */
  fallbackAfter?: number;
  /** How long a WebSocket may take to open. Default 0, which stands for 30 s of patience. */
  connectTimeout?: number;
  /** HTTP requests at a time; one of them is the connect. Default 2. */
  maxConnections?: number;
  /** What each failed attempt adds to the pause before the next. Default 1000. */
  backoffIncrement?: number;
  /** Longest pause. Default 60000. */
  maxBackoff?: number;
  /** Shortens each pause by a random part up to this one, 0 to 1. Default 0; the typed client's is 0.25. */
  jitter?: number;
  /** How long a reply may take beyond the time the server holds the request. Default 10000. */
  maxNetworkDelay?: number;
  /** Header fields of HTTP requests; in Node also of WebSocket upgrades. */
  requestHeaders?: RequestHeaders;
  /** Appends `handshake`, `connect` or `disconnect` to the URL of such requests. Default true. */
  appendMessageTypeToURL?: boolean;
  /** Sends what waits for a free HTTP connection in one request. Default false; the typed client's is true. */
  autoBatch?: boolean;
  /** Longest URL of callback-polling, in characters. Default 2000. */
  maxURILength?: number;
  /** Longest message, and longest batch on the wire, in characters of JSON. Default 8192; the typed client's is 1 MiB. */
  maxSendBayeuxMessageSize?: number;
  /** Longest HTTP response, in bytes. Default 16 MiB. */
  maxResponseSize?: number;
  /** Reads and writes JSON, with the convertors of the application's classes. Default null: the platform's JSON. */
  jsonContext?: JSONCodec | null;
  /** What holds until the server advises something else. Default timeout 60000, interval 0, maxInterval 0. */
  advice?: Advice;
}

/** The options as the engine keeps them: complete, and changed in place by `configure`. */
export type Configuration = Required<ClientOptions> & { url?: string; [name: string]: unknown };

export function defaultConfiguration(): Configuration {
  return {
    urls: {},
    logLevel: 'info',
    useWorkerScheduler: true,
    protocol: null,
    stickyReconnect: true,
    fallbackAfter: 0,
    connectTimeout: 0,
    maxConnections: 2,
    backoffIncrement: 1000,
    maxBackoff: 60_000,
    jitter: 0,
    maxNetworkDelay: 10_000,
    requestHeaders: {},
    appendMessageTypeToURL: true,
    autoBatch: false,
    maxURILength: 2000,
    maxSendBayeuxMessageSize: 8192,
    maxResponseSize: 16_777_216,
    jsonContext: null,
    advice: { timeout: 60_000, interval: 0, reconnect: undefined as never, maxInterval: 0 },
  };
}

/** What an operator can see: a logger that cannot be flooded, counters, and the one guard around user code. */
import { createHash } from 'node:crypto';
import {
  type Advice,
  isMeta,
  isPromise,
  isService,
  type Maybe,
  META_CONNECT,
  META_DISCONNECT,
  META_HANDSHAKE,
  META_SUBSCRIBE,
  META_UNSUBSCRIBE,
  parseError,
} from '@cometd-ts/protocol';

/** Where log lines go. `console` and pino fit. */
export interface Logger {
  debug(message: string, ...details: unknown[]): void;
  info(message: string, ...details: unknown[]): void;
  warn(message: string, ...details: unknown[]): void;
  error(message: string, ...details: unknown[]): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 };
/** Lines a minute for one reason; the rest is only counted. */
const LINES_PER_MINUTE = 60;

/** What comes from a peer, safe on one log line: control characters are escaped, and it is cut at 200 characters. */
export function printable(value: unknown): string {
  const text = typeof value === 'string' ? value : `[${typeof value}]`;
  const cut = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return cut.replace(/[\p{Cc}\u2028\u2029]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A session id as it may appear in a log: enough to recognise, useless to impersonate. */
export function hashed(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 8);
}

/** Who measures what takes time. There is none unless somebody watches: a server without metrics pays nothing. */
export interface Observer {
  /** A broadcast message is in the queues of all its recipients. `begun` is when it was published, by `performance.now()`. */
  published(begun: number): void;
  /** A publish has its reply, after so many ms: what policies, listeners and extensions took is in it. */
  answered(time: number): void;
  /** A connect was held for that long, in ms. */
  held(time: number): void;
  /** So many messages were taken from a queue, to be written together. */
  taken(count: number): void;
}

type ReceivedType =
  | 'handshake'
  | 'connect'
  | 'subscribe'
  | 'unsubscribe'
  | 'disconnect'
  | 'publish'
  | 'service'
  | 'invalid';

/** Messages of clients by their type, and what was sent to them. Plain fields, because every message is counted. */
export class Traffic {
  readonly received: Record<ReceivedType, number> = {
    handshake: 0,
    connect: 0,
    subscribe: 0,
    unsubscribe: 0,
    disconnect: 0,
    publish: 0,
    service: 0,
    invalid: 0,
  };
  readonly sent: Record<'reply' | 'message', number> = { reply: 0, message: 0 };

  /** A message with a valid channel arrived. */
  arrived(channel: string): void {
    if (!isMeta(channel)) {
      if (isService(channel)) this.received.service++;
      else this.received.publish++;
    } else if (channel === META_CONNECT) this.received.connect++;
    else if (channel === META_HANDSHAKE) this.received.handshake++;
    else if (channel === META_SUBSCRIBE) this.received.subscribe++;
    else if (channel === META_UNSUBSCRIBE) this.received.unsubscribe++;
    else if (channel === META_DISCONNECT) this.received.disconnect++;
    else this.received.invalid++;
  }
}

/** Counters and log of one server. */
export class Diagnostics {
  readonly traffic: Traffic = new Traffic();
  /** Null when nobody watches. */
  observer: Observer | null = null;
  /** There is too much to do for lines of the level `debug`. */
  isTerse = false;
  readonly #logger: Logger;
  #rank = 0;
  readonly #counters: Map<string, number> = new Map();
  readonly #lines: Map<string, { minute: number; count: number }> = new Map();

  constructor(logger: Logger, level: LogLevel) {
    this.#logger = logger;
    this.setLevel(level);
  }

  /** What is logged from now on. */
  setLevel(level: LogLevel): void {
    this.#rank = ranks[level];
  }

  /** How often each named thing happened, such as `limit_hit.maxMessageSize` or `queue_dropped.dropOldest`. */
  get counters(): ReadonlyMap<string, number> {
    return this.#counters;
  }

  count(name: string, by = 1): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + by);
  }

  debug(reason: string, text: () => string): void {
    if (this.#rank === 0 && !this.isTerse && this.#mayLog(reason)) this.#logger.debug(text());
  }

  info(text: string): void {
    if (this.#rank <= 1) this.#logger.info(text);
  }

  warn(reason: string, text: string): void {
    if (this.#rank <= 2 && this.#mayLog(reason)) this.#logger.warn(text);
  }

  /** A peer ran into a limit. */
  limitHit(limit: string, detail = ''): void {
    this.count(`limit_hit.${limit}`);
    this.debug(`limit_hit.${limit}`, () => `The limit ${limit} was hit${detail && `: ${printable(detail)}`}`);
  }

  /** A peer sent something that is refused. */
  rejected(reason: string, detail: unknown = ''): void {
    this.count(`rejected.${reason}`);
    this.debug(`rejected.${reason}`, () => `Refused (${reason})${detail ? `: ${printable(detail)}` : ''}`);
  }

  /** A reply is about to leave. Only those that refuse or advise cost anything. */
  replied(reply: Reply): void {
    const isHandshake = reply.channel === META_HANDSHAKE;
    if (reply.successful !== true) {
      const code = outcomeOf(reply.error);
      this.count(`refused.${code === 'draining' ? 'overloaded' : code}`);
      if (isHandshake) this.count(`handshakes.${code}`);
    } else if (isHandshake) this.count('handshakes.successful');
    const reconnect = reply.advice?.reconnect;
    if (reconnect === 'retry' || reconnect === 'handshake' || reconnect === 'none') this.count(`advised.${reconnect}`);
  }

  /** User code, or something unexpected of ours, failed. */
  failed(where: string, error: unknown): void {
    this.count(`failed.${where}`);
    if (this.#rank <= 3 && this.#mayLog(`failed.${where}`)) this.#logger.error(`Failure in ${where}`, error);
  }

  /**
   * The one guard around user code: what it throws, or rejects with, is reported, and `fallback` is the answer.
   * Stays synchronous when the call is.
   */
  guard<T>(where: string, fallback: T, call: () => Maybe<T>): Maybe<T> {
    try {
      const value = call();
      if (!isPromise(value)) return value;
      return Promise.resolve(value).catch((error: unknown) => {
        this.failed(where, error);
        return fallback;
      });
    } catch (error) {
      this.failed(where, error);
      return fallback;
    }
  }

  /** Calls listeners that have no say: one that throws is reported and does not keep the others from being called. */
  notify<Args extends readonly unknown[]>(
    where: string,
    listeners: readonly ((...args: Args) => unknown)[],
    ...args: Args
  ): void {
    for (const listener of listeners) {
      try {
        const value = listener(...args);
        if (isPromise(value)) Promise.resolve(value).catch((error: unknown) => this.failed(where, error));
      } catch (error) {
        this.failed(where, error);
      }
    }
  }

  #mayLog(reason: string): boolean {
    const minute = Math.floor(performance.now() / 60_000);
    const seen = this.#lines.get(reason);
    if (seen?.minute !== minute) {
      this.#lines.set(reason, { minute, count: 1 });
      return true;
    }
    seen.count++;
    return seen.count <= LINES_PER_MINUTE;
  }
}

/** What is counted of a reply. */
interface Reply {
  readonly channel: string;
  readonly successful?: boolean;
  readonly error?: string;
  readonly advice?: Advice;
}

/** The code of an error. The texts of applications are one, whatever they say: there must not be a counter for each. */
function outcomeOf(error: unknown): string {
  const parsed = typeof error === 'string' ? parseError(error) : undefined;
  if (parsed?.code === 'overloaded' && parsed.args[0] === 'draining') return 'draining';
  return parsed?.code ?? 'other';
}

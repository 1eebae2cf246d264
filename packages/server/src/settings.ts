/** From options to settings: the table of all options with their defaults, and the one place that checks what is given. */
import { defaultLimits, JSONContext, type Limits, resolveLimits } from '@cometd-ts/protocol';
import type { Logger } from './diagnostics.ts';
import type {
  BayeuxOptions,
  HttpOptions,
  ServerOptions,
  Settings,
  TransportName,
  TransportOptions,
  WebSocketOptions,
} from './options.ts';

type Kind = 'number' | 'boolean' | 'string' | 'list' | 'object' | 'function';
/** One row of the table of options. `values` lists what is allowed, `least` the smallest number. */
export interface OptionSpec {
  readonly kind: Kind;
  readonly default: unknown;
  readonly least?: number;
  readonly values?: readonly string[];
}

const ms = (value: number, least = -1): OptionSpec => ({ kind: 'number', default: value, least });
const count = ms;
const flag = (value: boolean): OptionSpec => ({ kind: 'boolean', default: value });
const text = (value: string, values?: readonly string[]): OptionSpec => ({
  kind: 'string',
  default: value,
  ...(values && { values }),
});

const transportSpecs: Readonly<Record<keyof TransportOptions, OptionSpec>> = {
  timeout: ms(30_000, 0),
  interval: ms(0, 0),
  maxInterval: ms(10_000, 0),
  maxProcessing: ms(-1),
  maxLazyTimeout: ms(5_000),
  metaConnectDeliverOnly: flag(false),
  maxQueue: count(1_000),
  maxQueueBytes: count(1_048_576),
  queuePolicy: text('disconnect', ['disconnect', 'dropOldest', 'dropNewest']),
  maxMessageSize: count(65_536),
  handshakeReconnect: flag(false),
  allowMessageDeliveryDuringHandshake: flag(false),
  writeTimeout: ms(10_000),
};

const httpSpecs: Readonly<Record<Exclude<keyof HttpOptions, keyof TransportOptions>, OptionSpec>> = {
  maxSessionsPerBrowser: count(1),
  http2MaxSessionsPerBrowser: count(-1),
  multiSessionInterval: ms(2_000),
  trustClientSession: flag(false),
  browserCookieName: text('BAYEUX_BROWSER'),
  browserCookieDomain: text(''),
  browserCookiePath: text('/'),
  browserCookieMaxAge: count(-1),
  browserCookieSecure: flag(false),
  browserCookieHttpOnly: flag(true),
  browserCookieSameSite: text('', ['', 'Strict', 'Lax', 'None']),
  browserCookiePartitioned: flag(false),
  duplicateMetaConnectHttpResponseCode: count(500, 400),
  callbackParameter: text('jsonp'),
  callbackParameterMaxLength: count(64, 1),
};

const webSocketSpecs: Readonly<Record<Exclude<keyof WebSocketOptions, keyof TransportOptions>, OptionSpec>> = {
  cometdURLMapping: text(''),
  protocol: text(''),
  messagesPerFrame: count(0),
  maxFrameSize: count(8_192, 1),
  idleTimeout: ms(300_000),
  pingInterval: ms(25_000),
  handshakeTimeout: ms(10_000),
  requireHandshakePerConnection: flag(false),
  'enableExtension.permessage-deflate': flag(false),
};

const serverSpecs: Readonly<Record<keyof BayeuxOptions, OptionSpec>> = {
  allowedTransports: {
    kind: 'list',
    default: ['websocket', 'long-polling'],
    values: ['websocket', 'long-polling', 'callback-polling'],
  },
  broadcastToPublisher: flag(true),
  jsonContext: { kind: 'object', default: undefined },
  validateMessageFields: flag(true),
  strictHandshake: flag(false),
  sweepPeriod: ms(997),
  allowedOrigins: { kind: 'list', default: [] },
  forwardFields: { kind: 'list', default: [] },
  maxSubscriptionsPerSession: count(1_000),
  maxRemoteChannels: count(100_000),
  maxSessionsPerCookie: count(64),
  maxUnconnectedSessions: count(10_000),
  maxInFlightBytes: count(67_108_864),
  maxPublishRate: count(100),
  publishBurst: count(200, 1),
  maxSubscribeRate: count(50),
  subscribeBurst: count(200, 1),
  maxChannelRate: count(50),
  channelBurst: count(1_000, 1),
  maxBadMessages: count(50),
  maxHandshakeRate: count(500),
  maxHandshakeRatePerAddress: count(20),
  handshakeBurstPerAddress: count(100, 1),
  maxSessionsPerAddress: count(2_000),
  maxConnectionsPerAddress: count(2_000),
  trustedProxies: count(0, 0),
  clientAddress: { kind: 'function', default: undefined },
  maxSessions: count(-1),
  maxEventLoopDelay: ms(-1),
  maxHeapUse: count(-1),
  overloadInterval: ms(10_000, 0),
  overloadHosts: { kind: 'list', default: [] },
  limits: { kind: 'object', default: defaultLimits },
  requestAttributes: { kind: 'function', default: undefined },
  logger: { kind: 'object', default: undefined },
  logLevel: text('warn', ['debug', 'info', 'warn', 'error', 'silent']),
};

const prefixes: Readonly<Record<TransportName, readonly string[]>> = {
  websocket: ['ws'],
  'long-polling': ['long-polling', 'long-polling.json'],
  'callback-polling': ['long-polling', 'long-polling.jsonp'],
};

/** Options of the Java server that mean nothing here; they are accepted, so that its configurations can be reused. */
const withoutMeaning: ReadonlySet<string> = new Set([
  'transports',
  'jsonDebug',
  'mimeType',
  'sweepThreads',
  'schedulerThreads',
  'executorMaxThreads',
  'bufferSize',
  'ws.bufferSize',
]);

/** Every option name with its row, including those with a transport prefix. What the CLI and the reference page are made from. */
export const optionSpecs: ReadonlyMap<string, OptionSpec> = new Map<string, OptionSpec>([
  ...Object.entries(serverSpecs),
  ...Object.entries(transportSpecs),
  ...Object.entries(httpSpecs),
  ...Object.entries(webSocketSpecs),
  ...Object.entries({ ...transportSpecs, ...webSocketSpecs }).map(([name, spec]) => [`ws.${name}`, spec] as const),
  ...['long-polling', 'long-polling.json', 'long-polling.jsonp'].flatMap((prefix) =>
    Object.entries({ ...transportSpecs, ...httpSpecs }).map(([name, spec]) => [`${prefix}.${name}`, spec] as const),
  ),
]);

/**
 * Checks options and fills in defaults. Strings are read as the number, boolean or comma list that is wanted.
 * Throws `TypeError` for a name that does not exist (naming the nearest one) or a value of the wrong type, `RangeError` for one out of range.
 */
export function resolveOptions(options: ServerOptions = {}): Settings {
  const given = new Map<string, unknown>();
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || withoutMeaning.has(name)) continue;
    const spec = optionSpecs.get(name);
    if (!spec) throw new TypeError(`There is no option '${name}'${suggestion(name)}`);
    given.set(name, check(name, spec, value));
  }
  const settings = {
    ...read(serverSpecs, [], given),
    websocket: read({ ...transportSpecs, ...webSocketSpecs }, prefixes.websocket, given),
    longPolling: read({ ...transportSpecs, ...httpSpecs }, prefixes['long-polling'], given),
    callbackPolling: {
      ...read({ ...transportSpecs, ...httpSpecs }, prefixes['callback-polling'], given),
      metaConnectDeliverOnly: true,
    },
  } as unknown as Settings & { jsonContext: JSONContext; logger: Logger; sweepPeriod: number };
  settings.jsonContext ??= new JSONContext();
  settings.logger ??= console;
  if (settings.sweepPeriod < 0) settings.sweepPeriod = 997;
  if (settings.allowedTransports.length === 0)
    throw new RangeError("The option 'allowedTransports' names no transport");
  return settings;
}

/** The nearest name, as the end of a sentence; empty when none is near. The candidates are the options, or any others. */
export function suggestion(name: string, candidates: Iterable<string> = optionSpecs.keys()): string {
  let best = '';
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase(), least);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best && `; did you mean '${best}'?`;
}

function read(
  specs: Readonly<Record<string, OptionSpec>>,
  prefix: readonly string[],
  given: ReadonlyMap<string, unknown>,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(specs)) {
    let value = given.has(name) ? given.get(name) : spec.default;
    for (const part of prefix) if (given.has(`${part}.${name}`)) value = given.get(`${part}.${name}`);
    values[name] = value;
  }
  return values;
}

function check(name: string, spec: OptionSpec, value: unknown): unknown {
  switch (spec.kind) {
    case 'number': {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
      if (typeof number !== 'number' || !Number.isFinite(number))
        throw new TypeError(`The option '${name}' must be a number, not ${show(value)}`);
      if (number < (spec.least ?? -1) || number > 2 ** 31 - 1)
        throw new RangeError(
          `The option '${name}' must be a number from ${spec.least ?? -1} to ${2 ** 31 - 1}, not ${number}`,
        );
      return number;
    }
    case 'boolean': {
      const bool = value === 'true' ? true : value === 'false' ? false : value;
      if (typeof bool !== 'boolean')
        throw new TypeError(`The option '${name}' must be true or false, not ${show(value)}`);
      return bool;
    }
    case 'string':
      if (typeof value !== 'string') throw new TypeError(`The option '${name}' must be a string, not ${show(value)}`);
      if (spec.values && !spec.values.includes(value))
        throw new RangeError(
          `The option '${name}' must be one of ${spec.values.map((one) => `'${one}'`).join(', ')}, not ${show(value)}`,
        );
      return value;
    case 'list': {
      const list: unknown =
        typeof value === 'string'
          ? value
              .split(',')
              .map((part) => part.trim())
              .filter((part) => part !== '')
          : value;
      if (!Array.isArray(list) || list.some((part) => typeof part !== 'string'))
        throw new TypeError(`The option '${name}' must be a list of strings, not ${show(value)}`);
      const unknown = spec.values && list.find((part: string) => !spec.values?.includes(part));
      if (unknown !== undefined)
        throw new RangeError(
          `The option '${name}' may hold ${spec.values?.map((one) => `'${one}'`).join(', ')}, not ${show(unknown)}`,
        );
      return [...new Set(list as string[])];
    }
    case 'function':
      if (typeof value !== 'function')
        throw new TypeError(`The option '${name}' must be a function, not ${show(value)}`);
      return value;
    case 'object':
      if (typeof value !== 'object' || value === null)
        throw new TypeError(`The option '${name}' must be an object, not ${show(value)}`);
      return name === 'limits' ? resolveLimits(value as Partial<Limits>) : value;
  }
}

function show(value: unknown): string {
  return typeof value === 'string'
    ? `'${value}'`
    : typeof value === 'function'
      ? 'a function'
      : Array.isArray(value)
        ? 'a list'
        : value === null || typeof value !== 'object'
          ? String(value)
          : 'an object';
}

/** Levenshtein distance, given up at `bound`. */
function editDistance(a: string, b: string, bound: number): number {
  if (Math.abs(a.length - b.length) >= bound) return bound;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    }
    row = next;
  }
  return row[b.length] ?? bound;
}

/** Options: their defaults, how they are looked up, what strings mean, and the sentence for each mistake. */
import { JSONContext } from '@cometd-ts/protocol';
import { BayeuxServer, optionSpecs, resolveOptions, type ServerOptions, suggestion } from '@cometd-ts/server';
import { describe, expect, it } from 'vitest';

/** Options as they come from a file: nobody has checked their types. */
const resolve = (options: Record<string, unknown>): ReturnType<typeof resolveOptions> =>
  resolveOptions(options as ServerOptions);

/** The book's names and defaults, and our own; written out, so that no default changes unnoticed. */
const serverDefaults: Record<string, unknown> = {
  allowedTransports: ['websocket', 'long-polling'],
  broadcastToPublisher: true,
  validateMessageFields: true,
  strictHandshake: false,
  sweepPeriod: 997,
  allowedOrigins: [],
  forwardFields: [],
  maxSubscriptionsPerSession: 1_000,
  maxRemoteChannels: 100_000,
  maxSessionsPerCookie: 64,
  maxUnconnectedSessions: 10_000,
  maxInFlightBytes: 67_108_864,
  maxPublishRate: 100,
  publishBurst: 200,
  maxSubscribeRate: 50,
  subscribeBurst: 200,
  maxChannelRate: 50,
  channelBurst: 1_000,
  maxBadMessages: 50,
  maxHandshakeRate: 500,
  maxHandshakeRatePerAddress: 20,
  handshakeBurstPerAddress: 100,
  maxSessionsPerAddress: 2_000,
  maxConnectionsPerAddress: 2_000,
  trustedProxies: 0,
  clientAddress: undefined,
  maxSessions: -1,
  maxEventLoopDelay: -1,
  maxHeapUse: -1,
  overloadInterval: 10_000,
  overloadHosts: [],
  limits: {
    maxMessages: 100,
    maxDepth: 64,
    maxKeys: 1000,
    maxNodes: 20_000,
    maxChannelLength: 255,
    maxChannelSegments: 32,
    maxSubscriptions: 100,
    maxIdLength: 64,
  },
  requestAttributes: undefined,
  logLevel: 'warn',
};
const transportDefaults: Record<string, unknown> = {
  timeout: 30_000,
  interval: 0,
  maxInterval: 10_000,
  maxProcessing: -1,
  maxLazyTimeout: 5_000,
  metaConnectDeliverOnly: false,
  maxQueue: 1_000,
  maxQueueBytes: 1_048_576,
  queuePolicy: 'disconnect',
  maxMessageSize: 65_536,
  handshakeReconnect: false,
  allowMessageDeliveryDuringHandshake: false,
  writeTimeout: 10_000,
};
const httpDefaults: Record<string, unknown> = {
  maxSessionsPerBrowser: 1,
  http2MaxSessionsPerBrowser: -1,
  multiSessionInterval: 2_000,
  trustClientSession: false,
  browserCookieName: 'BAYEUX_BROWSER',
  browserCookieDomain: '',
  browserCookiePath: '/',
  browserCookieMaxAge: -1,
  browserCookieSecure: false,
  browserCookieHttpOnly: true,
  browserCookieSameSite: '',
  browserCookiePartitioned: false,
  duplicateMetaConnectHttpResponseCode: 500,
  callbackParameter: 'jsonp',
  callbackParameterMaxLength: 64,
};
const webSocketDefaults: Record<string, unknown> = {
  cometdURLMapping: '',
  protocol: '',
  messagesPerFrame: 0,
  maxFrameSize: 8_192,
  idleTimeout: 300_000,
  pingInterval: 25_000,
  handshakeTimeout: 10_000,
  requireHandshakePerConnection: false,
  'enableExtension.permessage-deflate': false,
};

/** A legal value that is not the default. */
function other(name: string, value: unknown): unknown {
  const spec = optionSpecs.get(name);
  if (spec?.values && spec.kind === 'list') return [spec.values.at(-1)];
  if (spec?.values) return spec.values.find((one) => one !== value);
  if (typeof value === 'number') return value + 7;
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'string') return 'other';
  if (Array.isArray(value)) return ['https://app.example.com'];
  if (name === 'limits') return { maxMessages: 7 };
  return () => ({});
}

describe('without options', () => {
  it('everything has its default', () => {
    const { websocket, longPolling, callbackPolling, jsonContext, logger, ...server } = resolveOptions();
    expect(server).toEqual(serverDefaults);
    expect(websocket).toEqual({ ...transportDefaults, ...webSocketDefaults });
    expect(longPolling).toEqual({ ...transportDefaults, ...httpDefaults });
    expect(callbackPolling).toEqual({ ...transportDefaults, ...httpDefaults, metaConnectDeliverOnly: true });
    expect(jsonContext).toBeInstanceOf(JSONContext);
    expect(logger).toBe(console);
  });

  it('the table of options has a row for each of them and no other', () => {
    const names = [
      ...Object.keys({ ...serverDefaults, ...transportDefaults, ...httpDefaults, ...webSocketDefaults }),
      'jsonContext',
      'logger',
      ...Object.keys({ ...transportDefaults, ...webSocketDefaults }).map((name) => `ws.${name}`),
      ...['long-polling', 'long-polling.json', 'long-polling.jsonp'].flatMap((prefix) =>
        Object.keys({ ...transportDefaults, ...httpDefaults }).map((name) => `${prefix}.${name}`),
      ),
    ];
    expect([...optionSpecs.keys()].sort()).toEqual(names.sort());
  });
});

describe('the option', () => {
  it.each(Object.entries(serverDefaults))('%s is taken', (name, value) => {
    const given = other(name, value);
    const settled: unknown = resolve({ [name]: given })[name as never];
    expect(settled).toEqual(name === 'limits' ? { ...(value as object), maxMessages: 7 } : given);
  });

  it.each(Object.entries(transportDefaults))(
    '%s counts for all transports, or with a prefix for one',
    (name, value) => {
      const given = other(name, value);
      const all = resolve({ [name]: given });
      expect([all.websocket, all.longPolling].map((one) => one[name as never])).toEqual([given, given]);
      if (name !== 'metaConnectDeliverOnly') expect(all.callbackPolling[name as never]).toEqual(given);

      const one = resolve({ [`ws.${name}`]: given });
      expect([one.websocket, one.longPolling].map((transport) => transport[name as never])).toEqual([given, value]);
    },
  );

  it.each(Object.entries(httpDefaults))('%s is looked up by prefix, the most specific counts', (name, value) => {
    const given = other(name, value);
    const both = resolve({ [`long-polling.${name}`]: given });
    expect([both.longPolling, both.callbackPolling].map((one) => one[name as never])).toEqual([given, given]);
    const json = resolve({ [name]: given, [`long-polling.${name}`]: given, [`long-polling.json.${name}`]: value });
    expect([json.longPolling, json.callbackPolling].map((one) => one[name as never])).toEqual([value, given]);
    const jsonp = resolve({ [`long-polling.jsonp.${name}`]: given });
    expect([jsonp.longPolling, jsonp.callbackPolling].map((one) => one[name as never])).toEqual([value, given]);
  });

  it.each(Object.entries(webSocketDefaults))('%s is taken with and without its prefix', (name, value) => {
    const given = other(name, value);
    expect(resolve({ [name]: given }).websocket[name as never]).toEqual(given);
    expect(resolve({ [name]: value, [`ws.${name}`]: given }).websocket[name as never]).toEqual(given);
  });

  it('metaConnectDeliverOnly is always true for callback-polling', () => {
    expect(resolve({ 'long-polling.jsonp.metaConnectDeliverOnly': false }).callbackPolling.metaConnectDeliverOnly).toBe(
      true,
    );
  });

  it('sweepPeriod is its default when it is negative', () => {
    expect(resolve({ sweepPeriod: -1 }).sweepPeriod).toBe(997);
  });

  it('that is undefined is not given', () => {
    expect(resolve({ timeout: undefined }).websocket.timeout).toBe(30_000);
  });

  it.each([
    'transports',
    'jsonDebug',
    'sweepThreads',
    'schedulerThreads',
    'executorMaxThreads',
    'ws.bufferSize',
    'mimeType',
  ])('%s of the Java server is accepted and means nothing', (name) => {
    expect(resolve({ [name]: 'whatever' })).toEqual(resolveOptions());
  });
});

describe('strings', () => {
  it('are read as numbers, booleans and lists where those are wanted', () => {
    const settings = resolve({
      timeout: '5000',
      interval: ' 7 ',
      maxProcessing: '-1',
      'ws.maxMessageSize': '1024',
      broadcastToPublisher: 'false',
      trustClientSession: 'true',
      allowedTransports: 'long-polling, websocket,',
      browserCookieName: 'B',
    });
    expect(settings.websocket).toMatchObject({ timeout: 5000, interval: 7, maxProcessing: -1, maxMessageSize: 1024 });
    expect(settings.longPolling).toMatchObject({
      trustClientSession: true,
      browserCookieName: 'B',
      maxMessageSize: 65_536,
    });
    expect(settings).toMatchObject({ broadcastToPublisher: false, allowedTransports: ['long-polling', 'websocket'] });
  });
});

describe('a mistake', () => {
  it.each<[Record<string, unknown>, ErrorConstructor | TypeErrorConstructor, string]>([
    [{ timeOut: 1 }, TypeError, "There is no option 'timeOut'; did you mean 'timeout'?"],
    [{ 'ws.maxMesageSize': 1 }, TypeError, "There is no option 'ws.maxMesageSize'; did you mean 'ws.maxMessageSize'?"],
    [{ xyzzyplugh: 1 }, TypeError, "There is no option 'xyzzyplugh'"],
    [{ __proto__: null, constructor: 1 }, TypeError, "There is no option 'constructor'"],
    [{ timeout: 'soon' }, TypeError, "The option 'timeout' must be a number, not 'soon'"],
    [{ timeout: '' }, TypeError, "The option 'timeout' must be a number, not ''"],
    [{ timeout: null }, TypeError, "The option 'timeout' must be a number, not null"],
    [{ timeout: true }, TypeError, "The option 'timeout' must be a number, not true"],
    [{ timeout: Number.NaN }, TypeError, "The option 'timeout' must be a number, not NaN"],
    [{ timeout: [1] }, TypeError, "The option 'timeout' must be a number, not a list"],
    [{ 'ws.timeout': {} }, TypeError, "The option 'ws.timeout' must be a number, not an object"],
    [{ timeout: -1 }, RangeError, "The option 'timeout' must be a number from 0 to 2147483647, not -1"],
    [{ maxQueue: -2 }, RangeError, "The option 'maxQueue' must be a number from -1 to 2147483647, not -2"],
    [{ timeout: 2 ** 31 }, RangeError, "The option 'timeout' must be a number from 0 to 2147483647, not 2147483648"],
    [
      { duplicateMetaConnectHttpResponseCode: 399 },
      RangeError,
      "The option 'duplicateMetaConnectHttpResponseCode' must be a number from 400 to 2147483647, not 399",
    ],
    [{ trustClientSession: 1 }, TypeError, "The option 'trustClientSession' must be true or false, not 1"],
    [{ trustClientSession: 'yes' }, TypeError, "The option 'trustClientSession' must be true or false, not 'yes'"],
    [{ browserCookieName: 5 }, TypeError, "The option 'browserCookieName' must be a string, not 5"],
    [
      { queuePolicy: 'drop' },
      RangeError,
      "The option 'queuePolicy' must be one of 'disconnect', 'dropOldest', 'dropNewest', not 'drop'",
    ],
    [{ allowedOrigins: 5 }, TypeError, "The option 'allowedOrigins' must be a list of strings, not 5"],
    [{ forwardFields: ['ext', 5] }, TypeError, "The option 'forwardFields' must be a list of strings, not a list"],
    [
      { allowedTransports: ['pigeon'] },
      RangeError,
      "The option 'allowedTransports' may hold 'websocket', 'long-polling', 'callback-polling', not 'pigeon'",
    ],
    [{ allowedTransports: [] }, RangeError, "The option 'allowedTransports' names no transport"],
    [{ allowedTransports: ' , ' }, RangeError, "The option 'allowedTransports' names no transport"],
    [{ requestAttributes: {} }, TypeError, "The option 'requestAttributes' must be a function, not an object"],
    [{ logger: 'console' }, TypeError, "The option 'logger' must be an object, not 'console'"],
    [{ limits: null }, TypeError, "The option 'limits' must be an object, not null"],
    [{ limits: { maxMessages: 0 } }, RangeError, 'maxMessages must be a positive integer'],
    [{ limits: { maxDepth: 513 } }, RangeError, 'maxDepth must be at most 512'],
    [{ limits: { maxStuff: 1 } }, RangeError, 'There is no limit named maxStuff'],
    [
      { allowedOrigins: ['example.com'] },
      TypeError,
      "'example.com' in the option 'allowedOrigins' is no origin: write 'https://app.example.com', 'https://*.example.com' or '*'",
    ],
  ])('such as %j is told in one sentence', (options, kind, sentence) => {
    const build = (): BayeuxServer => new BayeuxServer(options as ServerOptions);
    expect(build).toThrow(kind);
    expect(build).toThrow(new kind(sentence));
  });

  it('finds the nearest name, also among other candidates, and none when none is near', () => {
    expect(suggestion('prot', ['port', 'host'])).toBe("; did you mean 'port'?");
    expect(suggestion('colour', ['port', 'host'])).toBe('');
  });
});

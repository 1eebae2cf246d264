/** The options that may change while a server runs, and what has to follow from each change. */
import type { ServerOptions } from '../options.ts';
import type { Rooms } from '../rooms.ts';
import { resolveOptions, suggestion } from '../settings.ts';

type ServerOption =
  | 'logLevel'
  | 'strictHandshake'
  | 'maxSubscriptionsPerSession'
  | 'maxRemoteChannels'
  | 'maxSessionsPerCookie'
  | 'maxUnconnectedSessions'
  | 'maxSessions'
  | 'overloadInterval'
  | 'overloadHosts'
  | 'maxPublishRate'
  | 'publishBurst'
  | 'maxSubscribeRate'
  | 'subscribeBurst'
  | 'maxChannelRate'
  | 'channelBurst'
  | 'maxBadMessages'
  | 'maxHandshakeRate'
  | 'maxHandshakeRatePerAddress'
  | 'handshakeBurstPerAddress'
  | 'maxSessionsPerAddress'
  | 'maxConnectionsPerAddress';

type TransportOption =
  | 'timeout'
  | 'interval'
  | 'maxInterval'
  | 'handshakeReconnect'
  | 'maxProcessing'
  | 'maxLazyTimeout'
  | 'maxQueue'
  | 'maxQueueBytes'
  | 'queuePolicy';

type Follow = (rooms: Rooms) => void;

/** It is read anew whenever it is needed. */
const nothing: Follow = () => undefined;
/** Clients have been told the old value. */
const advise: Follow = ({ sessions }) => {
  for (const session of sessions.list) session.timing.readvise();
};
const reread: Follow = ({ rates }) => rates.reread();

const serverOptions: Readonly<Record<ServerOption, Follow>> = {
  logLevel: ({ diagnostics, settings }) => diagnostics.setLevel(settings.logLevel),
  strictHandshake: nothing,
  maxSubscriptionsPerSession: nothing,
  maxRemoteChannels: nothing,
  maxSessionsPerCookie: nothing,
  maxUnconnectedSessions: nothing,
  maxSessions: nothing,
  overloadInterval: nothing,
  overloadHosts: nothing,
  maxPublishRate: reread,
  publishBurst: reread,
  maxSubscribeRate: reread,
  subscribeBurst: reread,
  maxChannelRate: reread,
  channelBurst: reread,
  maxBadMessages: reread,
  maxHandshakeRate: reread,
  maxHandshakeRatePerAddress: reread,
  handshakeBurstPerAddress: reread,
  maxSessionsPerAddress: reread,
  maxConnectionsPerAddress: reread,
};

const transportOptions: Readonly<Record<TransportOption, Follow>> = {
  timeout: advise,
  interval: advise,
  maxInterval: advise,
  handshakeReconnect: advise,
  maxProcessing: nothing,
  maxLazyTimeout: nothing,
  maxQueue: nothing,
  maxQueueBytes: nothing,
  queuePolicy: nothing,
};

type TransportPrefix = 'ws' | 'long-polling' | 'long-polling.json' | 'long-polling.jsonp';

/** Names of the options that may change while a server runs. */
export type ChangeableOption = ServerOption | TransportOption | `${TransportPrefix}.${TransportOption}`;

const follows: ReadonlyMap<string, Follow> = new Map(Object.entries({ ...serverOptions, ...transportOptions }));

/** Those names without the prefixes of transports, which each of the second kind may have. */
export const changeableOptions: readonly string[] = [...follows.keys()];

export class Changes {
  readonly #rooms: Rooms;
  #options: ServerOptions;

  /** `options` are those the server was made with: what is changed is checked, and takes precedence, as if it were among them. */
  constructor(rooms: Rooms, options: ServerOptions) {
    this.#rooms = rooms;
    this.#options = options;
  }

  /** Throws `TypeError` or `RangeError` as the constructor of the server, and `TypeError` for what may not change. */
  make(name: ChangeableOption, value: unknown): void {
    const options = { ...this.#options, [name]: value };
    const next = resolveOptions(options);
    const own = name.slice(name.lastIndexOf('.') + 1);
    const follow = follows.get(own);
    if (!follow)
      throw new TypeError(
        `The option '${name}' cannot change while the server runs${suggestion(name, changeableOptions) || ': it was read when the server was made'}`,
      );
    this.#options = options;
    const { settings } = this.#rooms;
    const pairs = [
      [settings, next],
      [settings.websocket, next.websocket],
      [settings.longPolling, next.longPolling],
      [settings.callbackPolling, next.callbackPolling],
    ] as unknown as readonly (readonly [Record<string, unknown>, Record<string, unknown>])[];
    for (const [present, wanted] of pairs) if (own in present) present[own] = wanted[own];
    follow(this.#rooms);
  }
}

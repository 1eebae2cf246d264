/** What operators see of a server: plain objects, which hold what was so at that moment, and can be written as JSON. */
import type { Channel } from '../channel/channel.ts';
import { hashed } from '../diagnostics.ts';
import type { Settings } from '../options.ts';
import type { Rooms } from '../rooms.ts';
import type { Session, SessionState } from '../session/session.ts';

/** The options that are in force, without objects and functions of the application. */
export type PlainSettings = Omit<Settings, 'jsonContext' | 'logger' | 'clientAddress' | 'requestAttributes'>;

/** A server as a whole. */
export interface ServerSnapshot {
  readonly state: 'new' | 'started' | 'draining' | 'stopped';
  /** In ms since 1970; null before it has started. */
  readonly startedAt: number | null;
  /** In ms. */
  readonly uptime: number;
  /** How much too much there is to do: 0 nothing to 3, at which it is not ready. */
  readonly overload: 0 | 1 | 2 | 3;
  /** How late the event loop last was for the sweeper, in ms. */
  readonly lateness: number;
  /** Sessions, those inside the server among them. */
  readonly sessions: number;
  /** Sessions that have not sent their first connect. */
  readonly unconnected: number;
  readonly channels: number;
  /** How often each named thing happened, such as `limit_hit.maxMessageSize`. */
  readonly counters: Readonly<Record<string, number>>;
  readonly settings: PlainSettings;
}

/** A session. Who knows its id can speak for it, so that it is shown by a hash, as in the log, unless ids are asked for. */
export interface SessionSnapshot {
  readonly hash: string;
  readonly id?: string;
  readonly isLocal: boolean;
  readonly state: SessionState;
  readonly transport: string;
  /** Since when it exists, in ms since 1970. */
  readonly since: number;
  /** When its last message came, or its connect was held, in ms since 1970. */
  readonly lastSeen: number;
  readonly queuedMessages: number;
  /** Characters of the queued messages. */
  readonly queuedBytes: number;
  /** Messages that were sent, and that its client has not confirmed. */
  readonly unacknowledged: number;
  readonly subscriptions: number;
  readonly userAgent: string | null;
  /** For whom the limits per address count it; null for those they do not count, such as this machine. */
  readonly address: string | null;
}

/** A channel. */
export interface ChannelSnapshot {
  readonly name: string;
  readonly subscribers: number;
  readonly persistent: boolean;
  readonly lazy: boolean;
  readonly listeners: number;
  readonly authorizers: number;
  /** Whether it exists because a client asked for it. */
  readonly isRemote: boolean;
}

/** A transport. */
export interface TransportSnapshot {
  readonly name: string;
  readonly isAllowed: boolean;
  /** Sessions that have used it last. */
  readonly sessions: number;
  /** HTTP requests that are not answered yet, held connects among them. */
  readonly requests: number;
  /** Open WebSockets. */
  readonly connections: number;
}

export function sessionSnapshot({ rates, clock }: Rooms, session: Session, withId: boolean): SessionSnapshot {
  // One look at both clocks, so that what came later is never shown as earlier.
  const epoch = Date.now() - clock.now();
  return {
    hash: hashed(session.id),
    ...(withId && { id: session.id }),
    isLocal: session.isLocalSession,
    state: session.state,
    transport: session.transport,
    since: Math.round(epoch + session.timing.begun),
    lastSeen: Math.round(epoch + session.timing.lastMessage),
    queuedMessages: session.queue.length,
    queuedBytes: session.queueBytes,
    unacknowledged: session.unacknowledged,
    subscriptions: session.subscriptionCount,
    userAgent: session.userAgent ?? null,
    address: rates.addressOf(session) ?? null,
  };
}

export function channelSnapshot(channel: Channel): ChannelSnapshot {
  return {
    name: channel.id,
    subscribers: channel.subscriberCount,
    persistent: channel.persistent,
    lazy: channel.lazy,
    listeners: (['message', 'subscribed', 'unsubscribed'] as const).reduce(
      (count, name) => count + channel.listeners(name).length,
      0,
    ),
    authorizers: channel.authorizers.length,
    isRemote: channel.isRemote,
  };
}

/** A copy that later changes leave alone. */
export function plainSettings(settings: Settings): PlainSettings {
  const {
    jsonContext: _json,
    logger: _logger,
    clientAddress: _address,
    requestAttributes: _attributes,
    ...plain
  } = settings;
  return structuredClone(plain);
}

/** The words of the server's public API: what applications hold, and what they implement. */
import type { ChannelId, Maybe, Message } from '@cometd-ts/protocol';
import type { ServerMessage } from './message.ts';

/** What a listener, extension or policy answers: `false` stops the message, anything else lets it pass. */
export type Verdict = Maybe<boolean | undefined | void>;

/**
 * How much there is to do. 0: no more than can be done. 1: long-pollers are asked to pause. 2: handshakes are refused, and
 * sessions may publish half as fast. 3: HTTP requests and new connections are refused, and the longest queues are ended.
 */
export type OverloadLevel = 0 | 1 | 2 | 3;

/** Takes a listener away again. */
export interface Registration {
  remove(): void;
}

/** How a listener is added. */
export interface ListenerOptions {
  /** Removes the listener when it aborts. */
  readonly signal?: AbortSignal;
  /** On channels: the listener does not keep the channel from being swept. Default false. */
  readonly weak?: boolean;
}

/**
 * The request a message came with. For HTTP it belongs to that request; for WebSocket it is a snapshot of the upgrade
 * request. Book section 9.3.6.
 */
export interface BayeuxContext {
  /** URL of the request, with its query. */
  readonly url: string;
  /** Name of the protocol, such as `HTTP/1.1` or `HTTP/2.0`. */
  readonly protocol: string;
  /** Whether the connection is encrypted. */
  readonly secure: boolean;
  /** Address of the peer, while its connection is open; null afterwards. */
  readonly remoteAddress: { readonly address: string; readonly port: number } | null;
  readonly localAddress: { readonly address: string; readonly port: number } | null;
  /** Who the application says made this request: `request.user`, as authentication middleware sets it, or null. */
  readonly userPrincipal: unknown;
  /** Languages the peer accepts, best first, as in `Accept-Language`. */
  readonly locales: readonly string[];
  /** First value of a header, in any case; undefined when absent. */
  header(name: string): string | undefined;
  /** All values of a header. */
  headerValues(name: string): readonly string[];
  cookie(name: string): string | undefined;
  parameter(name: string): string | undefined;
  parameterValues(name: string): readonly string[];
  /** A value from the server option `requestAttributes`. */
  attribute(name: string): unknown;
  /** Whether `userPrincipal.roles` is an array with this role. */
  isUserInRole(role: string): boolean;
}

/** What can be asked about a server from inside a policy, a listener or an extension. */
export interface Bayeux {
  getChannel(name: string): ServerChannel | undefined;
  getSession(id: string): ServerSession | undefined;
  createChannelIfAbsent(
    name: string,
    ...initializers: ChannelInitializer[]
  ): { readonly channel: ServerChannel; readonly created: boolean };
  readonly sessions: readonly ServerSession[];
  readonly channels: readonly ServerChannel[];
}

/** Configures a channel before anybody else can see it. Book section 9.3.2.4. */
export type ChannelInitializer = (channel: ServerChannel) => void;

/** What happens in a server. Every callback is called in the order of registration. */
export interface ServerEvents {
  /** Configures a new channel, after the initialisers given to `createChannelIfAbsent`. */
  configureChannel: ChannelInitializer;
  /** A channel exists now, configured. */
  channelAdded: (channel: ServerChannel) => void;
  /** A channel is gone: nobody used it for three sweeps. */
  channelRemoved: (name: string) => void;
  /** A handshake succeeded; `message` is its request. */
  sessionAdded: (session: ServerSession, message: ServerMessage) => void;
  /** A session ended. `message` is the disconnect that ended it, or null; `timeout` is true when it expired. */
  sessionRemoved: (session: ServerSession, message: ServerMessage | null, timeout: boolean) => void;
  /** A session subscribed to a channel; `message` is its request, or null when the server did it. */
  subscribed: (session: ServerSession, channel: ServerChannel, message: ServerMessage | null) => void;
  /** A subscription ended; `message` is its request, or null when the server ended it, or the session is over. */
  unsubscribed: (session: ServerSession, channel: ServerChannel, message: ServerMessage | null) => void;
  /** There is more to do, or less: see `OverloadLevel`. */
  overload: (level: OverloadLevel, previous: OverloadLevel) => void;
}

/** What happens on a channel. */
export interface ChannelEvents {
  /**
   * A message published to this channel, or to one that this wildcard channel matches (`channel` is the exact one).
   * It may be changed here. Answering false stops it: the publisher's reply is `404::message_deleted`.
   */
  message: (sender: ServerSession | null, channel: ServerChannel, message: ServerMessage) => Verdict;
  /** As the server's event of this name, for this channel. */
  subscribed: (session: ServerSession, channel: ServerChannel, message: ServerMessage | null) => void;
  /** As the server's event of this name, for this channel. */
  unsubscribed: (session: ServerSession, channel: ServerChannel, message: ServerMessage | null) => void;
}

/** What happens to a session. `queued`, `deQueue` and `queueMaxed` must not publish to other sessions. */
export interface SessionEvents {
  /** As `sessionAdded` of the server, for this session. */
  added: (session: ServerSession, message: ServerMessage) => void;
  /** As `sessionRemoved` of the server, for this session. */
  removed: (session: ServerSession, message: ServerMessage | null, timeout: boolean) => void;
  /** A message about to be queued for this session; false keeps it out. */
  message: (session: ServerSession, sender: ServerSession | null, message: ServerMessage) => Verdict;
  /** A message is in the queue. */
  queued: (sender: ServerSession | null, message: ServerMessage) => void;
  /** The queue is about to be taken for writing, together with `replies`; it may be changed. */
  deQueue: (session: ServerSession, queue: ServerMessage[], replies: readonly ServerMessage[]) => void;
  /** The queue is full: true keeps the message all the same, false discards it. Without listeners the queue policy decides. */
  queueMaxed: (
    session: ServerSession,
    queue: ServerMessage[],
    sender: ServerSession | null,
    message: ServerMessage,
  ) => boolean;
  /** A connect is put on hold, for at most `holdTime` ms. */
  suspended: (session: ServerSession, message: ServerMessage, holdTime: number) => void;
  /** A held connect is about to be answered. */
  resumed: (session: ServerSession, message: ServerMessage, timeout: boolean) => void;
}

/** The server's side of one client. Book section 6.3.1. */
export interface ServerSession {
  readonly id: string;
  readonly isLocalSession: boolean;
  /**
   * Is a node of the cluster whose secret matched: Oort sets this. A node may use the channels of the cluster, and neither
   * rates nor quotas count what it does. Default false.
   */
  isNode: boolean;
  /** Has completed its handshake and is not gone. */
  readonly isHandshook: boolean;
  /** Has sent its first connect and is not gone. */
  readonly isConnected: boolean;
  /** Was disconnected or has expired. */
  readonly isTerminated: boolean;
  /** Value of the `User-Agent` header of the handshake. */
  readonly userAgent: string | undefined;
  /** Name of the transport last used, such as `websocket`. */
  readonly transport: string;
  /** Anything the application wants to remember about this session. */
  readonly attributes: Map<string, unknown>;
  readonly subscriptions: readonly ServerChannel[];
  /** Hold time of a connect in ms; −1 leaves it to the transport. These throw `RangeError` for what is no time. */
  timeout: number;
  /** Pause between two connects in ms; −1 leaves it to the transport. */
  interval: number;
  /** Silence allowed after a connect reply, in ms; −1 leaves it to the transport. */
  maxInterval: number;
  /** What its queue holds instead of the transport's `maxQueue` and `maxQueueBytes`; null, the default, leaves it to the transport. */
  queueBounds: QueueBounds | null;
  /** How full its queue is, by the nearer of its bounds: 0 for empty, 1 for full, more for a message that is longer than all. 0 without bounds. */
  readonly queueFill: number;
  /** Messages travel only with connect replies. */
  metaConnectDeliverOnly: boolean;
  /** Queued messages may travel with the handshake reply. */
  allowMessageDeliveryDuringHandshake: boolean;
  /** Whether this session receives what it publishes itself. */
  broadcastToPublisher: boolean;
  /** Queues a message for this session alone. True when it was queued. */
  deliver(sender: ServerSession | LocalSessionLike | null, message: ServerMessage | Message): Maybe<boolean>;
  deliver(sender: ServerSession | LocalSessionLike | null, channel: string, data: unknown): Maybe<boolean>;
  /** Ends the session and tells the client so. */
  disconnect(): void;
  /** Runs `block` while nothing is sent to this session; what was queued goes out together afterwards. */
  batch(block: () => void): void;
  startBatch(): void;
  /** True when this was the outermost batch. Throws `RangeError` without a batch. */
  endBatch(): boolean;
  addExtension(extension: SessionExtension): Registration;
  addListener<Name extends keyof SessionEvents>(
    name: Name,
    listener: SessionEvents[Name],
    options?: ListenerOptions,
  ): Registration;
}

/** What a queue of messages holds at most; −1 for no bound. */
export interface QueueBounds {
  readonly maxQueue: number;
  /** Characters of all messages in it. */
  readonly maxQueueBytes: number;
}

/** What `publish` and `deliver` accept as the sender beside a server session. */
export interface LocalSessionLike {
  readonly serverSession: ServerSession;
}

/** A channel of the server. Book sections 6.1.1 and 9.3.2.4. */
export interface ServerChannel {
  readonly id: string;
  readonly channelId: ChannelId;
  readonly isMeta: boolean;
  readonly isService: boolean;
  readonly isBroadcast: boolean;
  readonly isWild: boolean;
  readonly subscribers: readonly ServerSession[];
  readonly authorizers: readonly Authorizer[];
  readonly attributes: Map<string, unknown>;
  /** A persistent channel is never swept. Default true for meta and service channels, false for broadcast channels. */
  persistent: boolean;
  /** Messages on a lazy channel may wait for `lazyTimeout`. Setting false also resets `lazyTimeout`. */
  lazy: boolean;
  /** Longest wait of a lazy message in ms; −1 leaves it to the transport's `maxLazyTimeout`. Setting it makes the channel lazy when > 0. */
  lazyTimeout: number;
  /** Whether a publisher that is subscribed here receives its own messages. Default true. */
  broadcastToPublisher: boolean;
  /**
   * Publishes to the subscribers of this channel and of the wildcard channels that match it; nobody's permission is asked.
   * True when at least one session queued the message. Throws `TypeError` on a wildcard channel.
   */
  publish(from: ServerSession | LocalSessionLike | null, data: unknown): Maybe<boolean>;
  /** As `publish`, for a whole message with its `ext` and other fields. */
  publishMessage(from: ServerSession | LocalSessionLike | null, message: ServerMessage | Message): Maybe<boolean>;
  subscribe(session: ServerSession): boolean;
  unsubscribe(session: ServerSession): boolean;
  addAuthorizer(authorizer: Authorizer): Registration;
  addListener<Name extends keyof ChannelEvents>(
    name: Name,
    listener: ChannelEvents[Name],
    options?: ListenerOptions,
  ): Registration;
}

/** What a message asks for on a channel. */
export type Operation = 'CREATE' | 'SUBSCRIBE' | 'PUBLISH';

/** An authorizer's answer. Grant needs no other answer unless somebody denies; ignore leaves it to others. */
export type AuthorizerResult =
  | { readonly verdict: 'grant' }
  | { readonly verdict: 'ignore' }
  | { readonly verdict: 'deny'; readonly reason: string };

/** Decides about one channel, or the channels a wildcard matches. Book section 9.3.4. */
export interface Authorizer {
  authorize(
    operation: Operation,
    channel: ChannelId,
    session: ServerSession | null,
    message: ServerMessage,
  ): Maybe<AuthorizerResult>;
}

/**
 * Decides who may do what. A missing method, or an answer that is not false, allows. One that throws denies that message.
 * Policies are asked about local sessions too. Book section 9.3.3 and 6.3.6.1.
 */
export interface SecurityPolicy {
  canHandshake?(server: Bayeux, session: ServerSession, message: ServerMessage): Verdict;
  canCreate?(server: Bayeux, session: ServerSession | null, channel: string, message: ServerMessage): Verdict;
  canSubscribe?(server: Bayeux, session: ServerSession | null, channel: ServerChannel, message: ServerMessage): Verdict;
  canPublish?(server: Bayeux, session: ServerSession | null, channel: ServerChannel, message: ServerMessage): Verdict;
}

/**
 * Sees every message of the server: `rcv*` in order of registration, `send*` in reverse. False stops the message
 * (`404::message_deleted` for an incoming one, silence for a reply). One that throws is reported and skipped. Book chapter 10.
 */
export interface Extension {
  rcv?(from: ServerSession | null, message: ServerMessage): Verdict;
  rcvMeta?(from: ServerSession | null, message: ServerMessage): Verdict;
  /** `to` is null for a message that is published, before it is fanned out. */
  send?(from: ServerSession | null, to: ServerSession | null, message: ServerMessage): Verdict;
  sendMeta?(from: ServerSession | null, to: ServerSession | null, message: ServerMessage): Verdict;
}

/** Sees the messages of one session, after the server's extensions. */
export interface SessionExtension {
  rcv?(session: ServerSession, message: ServerMessage): Verdict;
  rcvMeta?(session: ServerSession, message: ServerMessage): Verdict;
  /** The message to deliver: the same, a changed `copy()`, or null to drop it. Nothing means the same. */
  send?(
    sender: ServerSession | null,
    session: ServerSession,
    message: ServerMessage,
  ): Maybe<ServerMessage | null | undefined | void>;
  sendMeta?(sender: ServerSession | null, session: ServerSession, message: ServerMessage): Verdict;
}

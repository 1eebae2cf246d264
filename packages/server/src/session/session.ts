/** A session: one client as the server sees it, with its queue and its deadlines. Book section 6.3.1. */
import {
  type Advice,
  chain,
  every,
  isBroadcast,
  isMeta,
  type JSONContext,
  type Maybe,
  META_DISCONNECT,
  type Message,
} from '@cometd-ts/protocol';
import type {
  ListenerOptions,
  LocalSessionLike,
  Registration,
  ServerChannel,
  ServerSession,
  SessionEvents,
  SessionExtension,
} from '../api.ts';
import { type Diagnostics, hashed } from '../diagnostics.ts';
import { type ServerExtensions, SessionExtensions } from '../extensions.ts';
import { Listeners } from '../listeners.ts';
import { ServerMessage } from '../message.ts';
import type { TransportOptions } from '../options.ts';
import type { SessionClock } from './clock.ts';
import type { Conduit, Ending } from './conduit.ts';

/** What a session needs from the house it lives in. */
export interface SessionHost {
  readonly json: JSONContext;
  readonly clock: SessionClock;
  readonly diagnostics: Diagnostics;
  readonly extensions: ServerExtensions;
  /** Takes the session out of the house; false when it was not in. */
  remove(session: Session, message: ServerMessage | null, timeout: boolean): boolean;
}

/** The transport a session is served by: its name and its options. */
export interface Via {
  readonly name: string;
  readonly settings: Readonly<TransportOptions>;
}

export type SessionState = 'new' | 'handshaken' | 'connected' | 'disconnected' | 'expired';

/** Longest hold a client may ask for, unless the transport's own timeout is longer, in ms. */
const LONGEST_ADVISED_TIMEOUT = 60_000;
/** Longest sleep a client may announce, in ms. */
const LONGEST_ADVISED_INTERVAL = 3_600_000;

const noMessages: ServerMessage[] = [];

export class Session implements ServerSession {
  readonly id: string;
  readonly isLocalSession: boolean;
  readonly #host: SessionHost;
  #state: SessionState = 'new';

  timeout = -1;
  interval = -1;
  maxInterval = -1;
  metaConnectDeliverOnly: boolean;
  allowMessageDeliveryDuringHandshake: boolean;
  broadcastToPublisher: boolean;
  userAgent: string | undefined;

  #via: Via;
  #advisedBy = '';
  #transientTimeout = -1;
  #transientInterval = -1;

  /** 0 while no deadline runs: a connect is being processed or held. */
  #expireAt = 0;
  #lastMessage = 0;
  #connects = 0;

  #queue: ServerMessage[] = [];
  #queueBytes = 0;
  #nonLazy = false;
  #batch = 0;
  #lazyTimer: NodeJS.Timeout | undefined;
  #lazyAt = 0;
  #conduit: Conduit | null = null;

  #subscriptions: Set<ServerChannel> | undefined;
  #attributes: Map<string, unknown> | undefined;
  #extensions: SessionExtensions | undefined;
  #listeners: Listeners<SessionEvents> | undefined;

  constructor(host: SessionHost, id: string, via: Via, isLocal: boolean, broadcastToPublisher: boolean) {
    this.#host = host;
    this.id = id;
    this.#via = via;
    this.isLocalSession = isLocal;
    this.broadcastToPublisher = broadcastToPublisher;
    this.metaConnectDeliverOnly = false;
    this.allowMessageDeliveryDuringHandshake = via.settings.allowMessageDeliveryDuringHandshake;
  }

  // Who it is

  get state(): SessionState {
    return this.#state;
  }

  get isHandshook(): boolean {
    return this.#state === 'handshaken' || this.#state === 'connected';
  }

  get isConnected(): boolean {
    return this.#state === 'connected';
  }

  get isTerminated(): boolean {
    return this.#state === 'disconnected' || this.#state === 'expired';
  }

  get transport(): string {
    return this.#via.name;
  }

  get attributes(): Map<string, unknown> {
    this.#attributes ??= new Map();
    return this.#attributes;
  }

  get subscriptions(): readonly ServerChannel[] {
    return this.#subscriptions ? [...this.#subscriptions] : [];
  }

  get subscriptionCount(): number {
    return this.#subscriptions?.size ?? 0;
  }

  addListener<Name extends keyof SessionEvents>(
    name: Name,
    listener: SessionEvents[Name],
    options?: ListenerOptions,
  ): Registration {
    this.#listeners ??= new Listeners();
    return this.#listeners.add(name, listener, options);
  }

  addExtension(extension: SessionExtension): Registration {
    this.#extensions ??= new SessionExtensions(this, this.#host.diagnostics);
    return this.#extensions.add(extension);
  }

  get extensions(): SessionExtensions | undefined {
    return this.#extensions;
  }

  notify<Name extends 'added' | 'removed' | 'suspended' | 'resumed'>(
    name: Name,
    ...args: Parameters<SessionEvents[Name]>
  ): void {
    if (!this.#listeners) return;
    this.#host.diagnostics.notify(
      `session listener '${name}'`,
      this.#listeners.of(name) as readonly ((...args: unknown[]) => unknown)[],
      ...args,
    );
  }

  // Its life

  /** The handshake succeeded. False when it is not the first. */
  handshaken(): boolean {
    if (this.#state !== 'new') return false;
    this.#state = 'handshaken';
    this.armExpiration(0);
    return true;
  }

  /** A connect arrived. False when the session has not handshaken or is gone. */
  connected(): boolean {
    if (!this.isHandshook) return false;
    this.#state = 'connected';
    return true;
  }

  /** Called by the registry once the session is out of it. True when it had been handshaken. */
  terminated(timeout: boolean): boolean {
    const wasHandshook = this.isHandshook;
    this.#state = timeout ? 'expired' : 'disconnected';
    this.#cancelLazy();
    return wasHandshook;
  }

  disconnect(): void {
    const wasHandshook = this.isHandshook;
    if (!this.#host.remove(this, null, false) || !wasHandshook) return;
    const farewell = new ServerMessage({ channel: META_DISCONNECT, successful: true });
    const { diagnostics, extensions } = this.#host;
    const queued = chain(extensions.send(null, this, farewell), (kept) =>
      kept ? this.receive(null, farewell) : false,
    );
    chain(
      diagnostics.guard('disconnect', false, () => queued),
      () => this.flush(),
    );
  }

  subscribed(channel: ServerChannel): void {
    this.#subscriptions ??= new Set();
    this.#subscriptions.add(channel);
  }

  unsubscribed(channel: ServerChannel): void {
    this.#subscriptions?.delete(channel);
  }

  // Its deadlines

  /** A message arrived: a connect stops the expiration, any other message postpones it by one maxInterval. */
  touch(isConnect: boolean): void {
    const now = this.#host.clock.now();
    this.#lastMessage = now;
    if (isConnect) this.#expireAt = 0;
    else if (this.#expireAt !== 0) this.#expireAt = Math.max(this.#expireAt, now + this.effectiveMaxInterval);
  }

  /** Numbers the connects, so that a late end of an older one cannot expire a session whose newer one is held. */
  beginConnect(): number {
    return ++this.#connects;
  }

  isCurrentConnect(connect: number): boolean {
    return connect === this.#connects;
  }

  /** From now on the client has interval + maxInterval to come back. Ignored on behalf of an overtaken connect. */
  armExpiration(connect: number): void {
    if (connect !== this.#connects || this.isLocalSession) return;
    this.#expireAt = this.#host.clock.now() + this.effectiveInterval + this.effectiveMaxInterval;
  }

  /** A connect is being held: its client cannot be late. */
  suspendExpiration(): void {
    this.#expireAt = 0;
    this.#lastMessage = this.#host.clock.now();
  }

  /** Whether the sweeper shall remove this session. */
  isOverdue(now: number): boolean {
    if (this.isLocalSession) return false;
    if (this.#expireAt !== 0) return now > this.#expireAt;
    const { maxProcessing } = this.#via.settings;
    return maxProcessing > 0 && now - this.#lastMessage > maxProcessing;
  }

  // What it advises

  /** Serves the session by this transport from now on; a change of transport advises the client again. */
  servedBy(via: Via): void {
    this.#via = via;
  }

  get via(): Via {
    return this.#via;
  }

  /** Takes over what a connect's advice asks for; without advice, forgets what an earlier one asked for. */
  takeClientAdvice(advice: Advice | undefined): void {
    this.#transientTimeout = clamp(advice?.timeout, Math.max(LONGEST_ADVISED_TIMEOUT, this.#via.settings.timeout));
    this.#transientInterval = clamp(advice?.interval, LONGEST_ADVISED_INTERVAL);
    if (advice) this.#advisedBy = '';
  }

  /** The next reply to a connect carries advice again. */
  readvise(): void {
    this.#advisedBy = '';
  }

  /** Complete advice when the client does not have it yet, else null. */
  takeAdvice(): Advice | null {
    if (this.#advisedBy === this.#via.name) return null;
    this.#advisedBy = this.#via.name;
    const { settings } = this.#via;
    const advice: Advice = {
      reconnect: 'retry',
      interval: this.effectiveInterval,
      timeout: this.timeout >= 0 ? this.timeout : settings.timeout,
    };
    if (settings.handshakeReconnect) advice.maxInterval = this.effectiveMaxInterval;
    return advice;
  }

  /** How long the connect being processed may be held, in ms. */
  get holdTime(): number {
    if (this.#transientTimeout >= 0) return this.#transientTimeout;
    return this.timeout >= 0 ? this.timeout : this.#via.settings.timeout;
  }

  get effectiveInterval(): number {
    if (this.#transientInterval >= 0) return this.#transientInterval;
    return this.interval >= 0 ? this.interval : this.#via.settings.interval;
  }

  get effectiveMaxInterval(): number {
    return this.maxInterval > 0 ? this.maxInterval : this.#via.settings.maxInterval;
  }

  get deliverOnly(): boolean {
    return this.metaConnectDeliverOnly || this.#via.settings.metaConnectDeliverOnly;
  }

  // Its road

  get conduit(): Conduit | null {
    return this.#conduit;
  }

  /** Binds the session to another road, or none; the one it had lets go. */
  bind(conduit: Conduit | null, ending: Ending = 'replaced'): void {
    const previous = this.#conduit;
    if (previous === conduit) return;
    this.#conduit = conduit;
    previous?.release(ending);
  }

  /** A conduit gives the session up, if it still has it. */
  unbind(conduit: Conduit): void {
    if (this.#conduit === conduit) this.#conduit = null;
  }

  // Its messages

  deliver(sender: ServerSession | LocalSessionLike | null, message: ServerMessage | Message): Maybe<boolean>;
  deliver(sender: ServerSession | LocalSessionLike | null, channel: string, data: unknown): Maybe<boolean>;
  deliver(
    sender: ServerSession | LocalSessionLike | null,
    what: string | ServerMessage | Message,
    data?: unknown,
  ): Maybe<boolean> {
    const from = sessionOf(sender);
    const given = typeof what === 'string' ? new ServerMessage({ channel: what, data }) : what;
    const message = given instanceof ServerMessage ? (given.frozen ? given.copy() : given) : new ServerMessage(given);
    return chain(this.#host.extensions.send(from, this, message), (kept) =>
      kept ? this.receive(from, message) : false,
    );
  }

  /** Takes a message in: session extensions, freezing, message listeners, queue. True when it was queued. */
  receive(sender: Session | null, message: ServerMessage): Maybe<boolean> {
    if (sender === this && !this.broadcastToPublisher && isBroadcast(message.channel)) return false;
    if (!this.#extensions && !this.#listeners) return this.#enqueue(sender, message);
    return chain(this.#extensions ? this.#extensions.send(sender, message) : message, (kept) => {
      if (!kept) return false;
      kept.freeze(this.#host.json);
      const listeners = this.#listeners?.of('message') ?? [];
      const passed = every(listeners, (listener) =>
        chain(
          this.#host.diagnostics.guard("session listener 'message'", undefined, () => listener(this, sender, kept)),
          (verdict) => verdict !== false,
        ),
      );
      return chain(passed, (yes) => yes && this.#enqueue(sender, kept));
    });
  }

  /** Whether messages that cannot wait are queued. */
  get hasNonLazyMessages(): boolean {
    return this.#nonLazy;
  }

  get hasMessages(): boolean {
    return this.#queue.length > 0;
  }

  get isBatching(): boolean {
    return this.#batch > 0;
  }

  /** The queued messages as they are. Extensions may look; only `deQueue` listeners may change them. */
  get queue(): readonly ServerMessage[] {
    return this.#queue;
  }

  /** Empties the queue for writing, together with `replies`. */
  takeQueue(replies: readonly ServerMessage[]): ServerMessage[] {
    this.#cancelLazy();
    const listeners = this.#listeners?.of('deQueue');
    if (listeners && listeners.length > 0) {
      this.#host.diagnostics.notify("session listener 'deQueue'", listeners, this, this.#queue, replies);
      for (const message of this.#queue) message.freeze(this.#host.json);
    }
    if (this.#queue.length === 0) return noMessages;
    const taken = this.#queue;
    this.#queue = [];
    this.#queueBytes = 0;
    this.#nonLazy = false;
    return taken;
  }

  /** Messages that were taken but could not be written come back to the front of the queue. */
  putBack(messages: readonly ServerMessage[]): void {
    if (this.isTerminated) return;
    for (const message of messages) {
      this.#queueBytes += message.size;
      if (!message.lazy) this.#nonLazy = true;
    }
    this.#queue = [...messages, ...this.#queue];
  }

  batch(block: () => void): void {
    this.startBatch();
    try {
      block();
    } finally {
      this.endBatch();
    }
  }

  startBatch(): void {
    this.#batch++;
  }

  endBatch(): boolean {
    if (this.#batch === 0) throw new RangeError('There is no batch to end');
    if (--this.#batch > 0) return false;
    if (this.#nonLazy) this.flush();
    return true;
  }

  /** Has the queue taken as soon as it may travel. */
  flush(): void {
    this.#cancelLazy();
    this.#conduit?.flush();
  }

  #enqueue(sender: Session | null, message: ServerMessage): boolean {
    if (this.isTerminated && !isMeta(message.channel)) return false;
    message.freeze(this.#host.json);
    if (!this.#hasRoomFor(message) && !this.#makeRoom(sender, message)) return false;
    this.#queue.push(message);
    this.#queueBytes += message.size;
    if (!message.lazy) this.#nonLazy = true;
    if (this.#listeners)
      this.#host.diagnostics.notify("session listener 'queued'", this.#listeners.of('queued'), sender, message);
    if (this.#batch > 0) return true;
    if (message.lazy) this.#waitLazily(message);
    else this.flush();
    return true;
  }

  #hasRoomFor(message: ServerMessage): boolean {
    const { maxQueue, maxQueueBytes } = this.#via.settings;
    if (maxQueue > 0 && this.#queue.length >= maxQueue) return isMeta(message.channel);
    if (maxQueueBytes > 0 && this.#queue.length > 0 && this.#queueBytes + message.size > maxQueueBytes)
      return isMeta(message.channel);
    return true;
  }

  /** The queue is full. Its listeners decide; without any, it is emptied onto the wire if the client can take it, else the policy decides. */
  #makeRoom(sender: Session | null, message: ServerMessage): boolean {
    const { diagnostics } = this.#host;
    const listeners = this.#listeners?.of('queueMaxed') ?? [];
    if (listeners.length > 0) {
      for (const listener of listeners) {
        const kept = diagnostics.guard("session listener 'queueMaxed'", true, () =>
          listener(this, this.#queue, sender, message),
        );
        if (kept === false) return false;
      }
      return true;
    }
    if (this.#batch === 0) this.#conduit?.relieve();
    if (this.#hasRoomFor(message)) return true;
    const { queuePolicy } = this.#via.settings;
    diagnostics.limitHit('maxQueue', `session ${hashed(this.id)}`);
    if (queuePolicy === 'dropNewest') {
      diagnostics.count('queue_dropped.dropNewest');
      return false;
    }
    if (queuePolicy === 'dropOldest') {
      while (this.#queue.length > 0 && !this.#hasRoomFor(message)) {
        this.#queueBytes -= this.#queue.shift()?.size ?? 0;
        diagnostics.count('queue_dropped.dropOldest');
      }
      return true;
    }
    diagnostics.count('queue_dropped.disconnect', this.#queue.length + 1);
    diagnostics.warn(
      'maxQueue',
      'A session is disconnected: its client does not take its messages (options maxQueue, maxQueueBytes, queuePolicy)',
    );
    this.#queue = [];
    this.#queueBytes = 0;
    this.#nonLazy = false;
    this.disconnect();
    return false;
  }

  #waitLazily(message: ServerMessage): void {
    const wait = message.lazyTimeout > 0 ? message.lazyTimeout : this.#via.settings.maxLazyTimeout;
    if (wait <= 0) return this.flush();
    const at = this.#host.clock.now() + wait;
    if (this.#lazyTimer && this.#lazyAt <= at) return;
    clearTimeout(this.#lazyTimer);
    this.#lazyAt = at;
    this.#lazyTimer = setTimeout(() => this.flush(), wait);
  }

  #cancelLazy(): void {
    if (!this.#lazyTimer) return;
    clearTimeout(this.#lazyTimer);
    this.#lazyTimer = undefined;
    this.#lazyAt = 0;
  }
}

/** The server session that a sender stands for. Throws `TypeError` for anything that is no session. */
export function sessionOf(sender: ServerSession | LocalSessionLike | null): Session | null {
  if (sender === null || sender instanceof Session) return sender;
  const session = 'serverSession' in sender ? sender.serverSession : undefined;
  if (session instanceof Session) return session;
  throw new TypeError('The sender must be a session of this server, a local session, or null');
}

/** A number of ms from a peer, inside its bounds; −1 when it is none. */
function clamp(value: unknown, most: number): number {
  return typeof value === 'number' && value >= 0 ? Math.min(value, most) : -1;
}

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
  QueueBounds,
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
import type { FanOut, Run } from './fan-out.ts';
import { LazyWait } from './lazy-wait.ts';
import { type MessageList, MessageQueue } from './queue.ts';
import type { Retention } from './retention.ts';
import { Timing, type Via } from './timing.ts';

/** What a session needs from the house it lives in. */
export interface SessionHost {
  readonly json: JSONContext;
  readonly clock: SessionClock;
  readonly diagnostics: Diagnostics;
  readonly extensions: ServerExtensions;
  readonly fanOut: FanOut;
  /** Takes the session out of the house; false when it was not in. */
  remove(session: Session, message: ServerMessage | null, timeout: boolean, reason?: EndReason): boolean;
}

/** Why a session ended, as it is counted. `server` is the application's own wish. */
export type EndReason = 'disconnect' | 'server' | 'expired' | 'overflow' | 'misbehaved' | 'drain' | 'stopped';

export type SessionState = 'new' | 'handshaken' | 'connected' | 'disconnected' | 'expired';

/** A channel, as its subscribers know it. */
export interface Subscription extends ServerChannel {
  /** One of its subscribers is watched from now on. */
  crowdChanged(): void;
}

export class Session implements ServerSession {
  readonly id: string;
  readonly isLocalSession: boolean;
  isNode = false;
  readonly #host: SessionHost;
  #state: SessionState = 'new';

  /** When it expires, and what its client is told. */
  readonly timing: Timing;
  metaConnectDeliverOnly: boolean;
  allowMessageDeliveryDuringHandshake: boolean;
  broadcastToPublisher: boolean;
  queueBounds: QueueBounds | null = null;
  userAgent: string | undefined;

  readonly #queue: MessageQueue = new MessageQueue();
  /** Number of the newest message of a fan-out that it has been given, or passed over with. */
  #heard = 0;
  #batch = 0;
  #lazyWait: LazyWait | undefined;
  #conduit: Conduit | null = null;

  #subscriptions: Set<Subscription> | undefined;
  #attributes: Map<string, unknown> | undefined;
  #extensions: SessionExtensions | undefined;
  #listeners: Listeners<SessionEvents> | undefined;
  #retention: Retention | undefined;
  #farewell: Advice | null = null;
  #isCutOff = false;

  constructor(host: SessionHost, id: string, via: Via, isLocal: boolean, broadcastToPublisher: boolean) {
    this.#host = host;
    this.id = id;
    this.timing = new Timing(host.clock, via);
    this.isLocalSession = isLocal;
    this.broadcastToPublisher = broadcastToPublisher;
    this.metaConnectDeliverOnly = false;
    this.allowMessageDeliveryDuringHandshake = via.settings.allowMessageDeliveryDuringHandshake;
  }

  // Who it is

  get state(): SessionState {
    return this.#state;
  }

  /** Whether it is one of ours: rates, quotas and the reserved channels are for the others. */
  get isTrusted(): boolean {
    return this.isLocalSession || this.isNode;
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
    return this.timing.via.name;
  }

  get timeout(): number {
    return this.timing.timeout;
  }

  set timeout(timeout: number) {
    this.timing.timeout = timeout;
  }

  get interval(): number {
    return this.timing.interval;
  }

  set interval(interval: number) {
    this.timing.interval = interval;
  }

  get maxInterval(): number {
    return this.timing.maxInterval;
  }

  set maxInterval(maxInterval: number) {
    this.timing.maxInterval = maxInterval;
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
    this.#watched();
    this.#listeners ??= new Listeners();
    return this.#listeners.add(name, listener, options);
  }

  addExtension(extension: SessionExtension): Registration {
    this.#watched();
    this.#extensions ??= new SessionExtensions(this, this.#host.diagnostics);
    return this.#extensions.add(extension);
  }

  get extensions(): SessionExtensions | undefined {
    return this.#extensions;
  }

  /** From now on nothing leaves but with the replies to connects, and is kept by `retention`. */
  retain(retention: Retention): void {
    this.#retention = retention;
    this.metaConnectDeliverOnly = true;
  }

  /** Whether what leaves is kept until the client has it. */
  get isRetaining(): boolean {
    return this.#retention !== undefined;
  }

  /** For those who extend a session from inside the house. */
  get diagnostics(): Diagnostics {
    return this.#host.diagnostics;
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
    if (!this.isLocalSession) this.timing.armExpiration(0);
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
    this.catchUp();
    const wasHandshook = this.isHandshook;
    this.#state = timeout ? 'expired' : 'disconnected';
    this.#lazyWait?.end();
    return wasHandshook;
  }

  disconnect(): void {
    const wasHandshook = this.isHandshook;
    if (!this.#host.remove(this, null, false) || !wasHandshook) return;
    const farewell = new ServerMessage({ channel: META_DISCONNECT, successful: true });
    const { diagnostics, extensions } = this.#host;
    const queued = diagnostics.guard('disconnect', false, () =>
      chain(extensions.send(null, this, farewell), (kept) => kept && this.receive(null, farewell)),
    );
    chain(queued, () => this.flush());
  }

  /** Ends, because what waits for it takes the room of all. */
  shed(): void {
    this.catchUp();
    this.#overflow();
  }

  /**
   * Ends, and what waits for it is lost. Its client hears with its held or next connect that it is not known any more: it begins anew,
   * and knows that something is missing.
   */
  #overflow(rejected = 0): void {
    this.#host.diagnostics.count('queue_dropped.disconnect', this.#queue.take().length + rejected);
    this.#isCutOff = true;
    this.#host.remove(this, null, false, 'overflow');
    this.flush();
  }

  /** Whether its client has to begin anew, and may. */
  get isCutOff(): boolean {
    return this.#isCutOff;
  }

  /** Its client is to go elsewhere, with this advice: with the reply to its held or next connect. */
  sendAway(advice: Advice): void {
    this.#farewell = advice;
    this.flush();
  }

  /** The advice its client is sent away with; null while it may stay. */
  get farewell(): Advice | null {
    return this.#farewell;
  }

  /** Whether nothing would be lost if it ended with the reply that is about to leave. */
  get isSettled(): boolean {
    return !this.#retention || (this.#retention.isSettled && this.#mail.size === 0);
  }

  /** Ends without a word of its own. What is queued still travels with the reply that is about to leave. */
  leave(): void {
    this.#host.remove(this, null, false);
  }

  subscribed(channel: Subscription): void {
    this.#subscriptions ??= new Set();
    this.#subscriptions.add(channel);
  }

  unsubscribed(channel: Subscription): void {
    this.#subscriptions?.delete(channel);
  }

  /** Whether the sweeper shall remove this session. */
  isOverdue(now: number): boolean {
    return !this.isLocalSession && this.timing.isOverdue(now);
  }

  // Its road

  /** Whether its messages leave with the replies to connects only, over a transport of these settings. */
  isDeliverOnly({ metaConnectDeliverOnly }: Pick<TransportOptions, 'metaConnectDeliverOnly'>): boolean {
    return metaConnectDeliverOnly || this.metaConnectDeliverOnly || this.#retention !== undefined;
  }

  get conduit(): Conduit | null {
    return this.#conduit;
  }

  /** Binds the session to another road, or none; the one it had lets go. */
  bind(conduit: Conduit | null, ending: Ending = 'replaced'): void {
    const previous = this.#conduit;
    if (previous === conduit) return;
    this.catchUp();
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
    this.catchUp();
    if (sender === this && !this.broadcastToPublisher && isBroadcast(message.channel)) return false;
    return this.#extensions || this.#listeners ? this.#show(sender, message) : this.#enqueue(sender, message);
  }

  /** Session extensions and message listeners see a message before it is queued. */
  #show(sender: Session | null, message: ServerMessage): Maybe<boolean> {
    return chain(this.#extensions ? this.#extensions.send(sender, message) : message, (kept) => {
      if (!kept) return false;
      if (kept === message) message.freeze(this.#host.json);
      else if (!this.#encodes(kept, 'session extension')) return false;
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

  // A fan-out, in which its turn may be yet to come

  /** Whether its messages are seen before they are queued, or taken at once: such a session does not wait for its turn. */
  get isWatched(): boolean {
    return this.#listeners !== undefined || this.#extensions !== undefined || this.isLocalSession;
  }

  /** Its channels have to know. */
  #watched(): void {
    if (this.isWatched) return;
    this.catchUp();
    if (this.#subscriptions) for (const channel of this.#subscriptions) channel.crowdChanged();
  }

  /** Queues what is due from a run. True when a message was queued. */
  #hear(run: Run): boolean {
    if (this.#heard === run.last) return false;
    const due = run.due(this.#heard);
    this.#heard = run.last;
    let queued = this.#adopt(due);
    if (!queued) for (const message of due.messages) queued = this.#enqueue(null, message);
    if (queued) run.took(this.#heard);
    return queued;
  }

  /** Takes over messages as they are, if nothing is queued and nothing stands against it. */
  #adopt(list: MessageList): boolean {
    if (!this.isHandshook || this.#queue.size > 0) return false;
    if (list.messages.length > 1 && !list.fits(this.bounds)) return false;
    this.#queue.adopt(list);
    return true;
  }

  /** Its turn has come: what is due is queued, and leaves if its client can have it now. */
  takeTurn(run: Run): void {
    if (this.#hear(run) && this.#batch === 0) this.#conduit?.relieve();
  }

  /** The message of a run with that number, and those before it, are not due to it any more. */
  passOver(number: number): void {
    this.#heard = number;
  }

  /** Queues what is due to it, before anything else happens to it. */
  catchUp(): void {
    const run = this.#dueRun;
    if (run) this.hearNow(run);
  }

  /** Queues what is due from a run before its turn: it leaves with the next flush. */
  hearNow(run: Run): void {
    if (this.#hear(run) && this.#batch === 0) this.flush();
  }

  /** The run under way, if something of it is due. */
  get #dueRun(): Run | null {
    const { run } = this.#host.fanOut;
    return run !== null && run.last !== this.#heard && this.#subscriptions?.has(run.channel as Subscription)
      ? run
      : null;
  }

  /** The queue, with what is due to it. What does not fit waits for its turn: to look at a queue must not end a session. */
  get #mail(): MessageQueue {
    const run = this.#dueRun;
    if (run) this.#take(run);
    return this.#queue;
  }

  #take(run: Run): void {
    if (!this.isHandshook) return;
    const { messages } = run.due(this.#heard);
    this.#heard = run.last - messages.length;
    for (const message of messages) {
      if (!this.#hasRoomFor(message)) return;
      this.#queue.add(message);
      run.took(++this.#heard);
      if (this.#batch === 0) this.flush();
    }
  }

  /** What its queue holds. */
  get bounds(): QueueBounds {
    return this.queueBounds ?? this.timing.via.settings;
  }

  /** Whether messages that cannot wait are queued. */
  get hasNonLazyMessages(): boolean {
    return this.#mail.hasNonLazy;
  }

  get hasMessages(): boolean {
    return this.#mail.size > 0;
  }

  /** Size of the queued messages, in characters of JSON. */
  get queueBytes(): number {
    return this.#mail.bytes;
  }

  get queueFill(): number {
    const { size, bytes } = this.#mail;
    const { maxQueue, maxQueueBytes } = this.bounds;
    return Math.max(maxQueue > 0 ? size / maxQueue : 0, maxQueueBytes > 0 ? bytes / maxQueueBytes : 0);
  }

  /** Messages that were sent and that the client has not confirmed. */
  get unacknowledged(): number {
    return this.#retention?.size ?? 0;
  }

  get isBatching(): boolean {
    return this.#batch > 0;
  }

  /** The queued messages as they are. */
  get queue(): readonly ServerMessage[] {
    return this.#mail.messages;
  }

  /** Empties the queue for writing, together with `replies`. */
  takeQueue(replies: readonly ServerMessage[]): readonly ServerMessage[] {
    const taken = this.#retention ? this.#takeRetained(this.#retention, replies) : this.#dequeue(replies);
    if (taken.length > 0 && !this.isLocalSession) {
      const { traffic, observer } = this.#host.diagnostics;
      traffic.sent.message += taken.length;
      observer?.taken(taken.length);
    }
    return taken;
  }

  #takeRetained(retention: Retention, replies: readonly ServerMessage[]): readonly ServerMessage[] {
    return retention.take(this.#mail, replies, () => this.#dequeue(replies));
  }

  #dequeue(replies: readonly ServerMessage[]): readonly ServerMessage[] {
    this.#lazyWait?.end();
    const listeners = this.#listeners?.of('deQueue');
    if (!listeners || listeners.length === 0) return this.#mail.take();
    const where = "session listener 'deQueue'";
    this.#host.diagnostics.notify(where, listeners, this, this.#queue.own, replies);
    return this.#queue.take().filter((message) => this.#encodes(message, where));
  }

  /** Messages that were taken but could not be written come back to the front of the queue. */
  putBack(messages: readonly ServerMessage[]): void {
    if (!this.isTerminated) this.#queue.putBack(messages);
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
    if (this.#queue.hasNonLazy) this.flush();
    return true;
  }

  /** Has the queue taken as soon as it may travel. */
  flush(): void {
    this.#lazyWait?.end();
    this.#conduit?.flush();
  }

  /** Whether a message that user code has put in can be encoded. One that cannot is reported, and harms no other. */
  #encodes(message: ServerMessage, where: string): boolean {
    try {
      message.freeze(this.#host.json);
      return true;
    } catch (error) {
      this.#host.diagnostics.failed(where, error);
      return false;
    }
  }

  #enqueue(sender: Session | null, message: ServerMessage): boolean {
    if (this.isTerminated && !isMeta(message.channel)) return false;
    message.freeze(this.#host.json);
    if (!this.#hasRoomFor(message) && !this.#makeRoom(sender, message)) return false;
    this.#queue.add(message);
    if (this.#listeners)
      this.#host.diagnostics.notify("session listener 'queued'", this.#listeners.of('queued'), sender, message);
    if (this.#batch > 0) return true;
    if (message.lazy) this.#waitLazily(message);
    else this.flush();
    return true;
  }

  /** What the server itself has to say, its farewell, always fits. */
  #hasRoomFor(message: ServerMessage): boolean {
    return this.#queue.size === 0 || this.#queue.hasRoomFor(message, this.bounds) || isMeta(message.channel);
  }

  /** The queue is full. Its listeners decide; without any, it is emptied onto the wire if the client can take it, else the policy decides. */
  #makeRoom(sender: Session | null, message: ServerMessage): boolean {
    const { diagnostics } = this.#host;
    const listeners = this.#listeners?.of('queueMaxed') ?? [];
    if (listeners.length > 0) {
      const where = "session listener 'queueMaxed'";
      const kept = listeners.every(
        (listener) => diagnostics.guard(where, true, () => listener(this, this.#queue.own, sender, message)) !== false,
      );
      this.#queue.recount((one) => this.#encodes(one, where));
      if (!kept) diagnostics.count('queue_dropped.listener');
      return kept && !this.isTerminated;
    }
    if (this.#batch === 0) this.#conduit?.relieve();
    if (this.#hasRoomFor(message)) return true;
    const { queuePolicy } = this.timing.via.settings;
    diagnostics.limitHit('maxQueue', `session ${hashed(this.id)}`);
    if (queuePolicy === 'dropNewest') {
      diagnostics.count('queue_dropped.dropNewest');
      return false;
    }
    if (queuePolicy === 'dropOldest') {
      diagnostics.count('queue_dropped.dropOldest', this.#queue.dropFor(message, this.bounds));
      return true;
    }
    diagnostics.warn(
      'maxQueue',
      'A session ends: its client does not take its messages (options maxQueue, maxQueueBytes, queuePolicy)',
    );
    this.#overflow(1);
    return false;
  }

  #waitLazily(message: ServerMessage): void {
    const wait = message.lazyTimeout > 0 ? message.lazyTimeout : this.timing.via.settings.maxLazyTimeout;
    if (wait <= 0) return this.flush();
    this.#lazyWait ??= new LazyWait(() => this.flush());
    this.#lazyWait.begin(this.#host.clock.now(), wait);
  }
}

/** The server session that a sender stands for. Throws `TypeError` for anything that is no session. */
export function sessionOf(sender: ServerSession | LocalSessionLike | null): Session | null {
  if (sender === null || sender instanceof Session) return sender;
  const session = 'serverSession' in sender ? sender.serverSession : undefined;
  if (session instanceof Session) return session;
  throw new TypeError('The sender must be a session of this server, a local session, or null');
}

/** A channel: who is subscribed to it, who listens on it, who guards it. Book sections 6.1.1 and 9.3.2.4. */
import { type ChannelId, isBroadcast, isMeta, isService, type Maybe, type Message } from '@cometd-ts/protocol';
import type {
  Authorizer,
  ChannelEvents,
  ListenerOptions,
  LocalSessionLike,
  Registration,
  ServerChannel,
  ServerSession,
} from '../api.ts';
import { duration } from '../duration.ts';
import { Listeners } from '../listeners.ts';
import { ServerMessage } from '../message.ts';
import type { Crowd } from '../session/fan-out.ts';
import type { Session } from '../session/session.ts';

/** What a channel hands on to the house it stands in. */
export interface ChannelHost {
  publish(from: ServerSession | LocalSessionLike | null, channel: Channel, message: ServerMessage): Maybe<boolean>;
  /** The subscribers of a channel are about to change. */
  settle(channel: Channel): void;
  subscribed(session: Session, channel: Channel, message: ServerMessage | null): void;
  unsubscribed(session: Session, channel: Channel, message: ServerMessage | null): void;
}

/** Sweeps without any use after which a channel is removed. */
const IDLE_SWEEPS = 3;

const none: readonly never[] = [];

export class Channel implements ServerChannel {
  readonly channelId: ChannelId;
  readonly id: string;
  readonly isMeta: boolean;
  readonly isService: boolean;
  readonly isBroadcast: boolean;
  /** Whether a remote client's message created it: these are counted. */
  readonly isRemote: boolean;
  broadcastToPublisher = true;

  readonly #host: ChannelHost;
  readonly #subscribers: Set<ServerSession> = new Set();
  /** The subscribers as a list, made when somebody asks and thrown away when they change: fan-out iterates a snapshot. */
  #snapshot: readonly ServerSession[] | undefined;
  #crowd: Crowd | undefined;
  #listeners: Listeners<ChannelEvents> | undefined;
  #authorizers: readonly Authorizer[] = [];
  #attributes: Map<string, unknown> | undefined;
  #persistent: boolean;
  #lazy = false;
  #lazyTimeout = -1;
  #idleSweeps = 0;

  constructor(host: ChannelHost, channelId: ChannelId, isRemote: boolean) {
    this.#host = host;
    this.channelId = channelId;
    this.id = channelId.id;
    this.isMeta = isMeta(this.id);
    this.isService = isService(this.id);
    this.isBroadcast = isBroadcast(this.id);
    this.isRemote = isRemote;
    this.#persistent = !this.isBroadcast && !isRemote;
  }

  get isWild(): boolean {
    return this.channelId.isWild;
  }

  get subscribers(): readonly ServerSession[] {
    this.#snapshot ??= [...this.#subscribers];
    return this.#snapshot;
  }

  /** The subscribers, and those of them who are watched: another object whenever that has changed. */
  get crowd(): Crowd {
    const sessions = this.subscribers as readonly Session[];
    this.#crowd ??= { sessions, watched: sessions.filter((session) => session.isWatched) };
    return this.#crowd;
  }

  /** One of its subscribers is watched from now on. */
  crowdChanged(): void {
    this.#crowd = undefined;
  }

  #subscribersChanged(): void {
    this.#snapshot = undefined;
    this.#crowd = undefined;
  }

  get authorizers(): readonly Authorizer[] {
    return this.#authorizers;
  }

  get attributes(): Map<string, unknown> {
    this.#attributes ??= new Map();
    return this.#attributes;
  }

  get persistent(): boolean {
    return this.#persistent;
  }

  set persistent(persistent: boolean) {
    this.#persistent = persistent;
    this.used();
  }

  get lazy(): boolean {
    return this.#lazy;
  }

  set lazy(lazy: boolean) {
    this.#lazy = lazy;
    if (!lazy) this.#lazyTimeout = -1;
  }

  get lazyTimeout(): number {
    return this.#lazyTimeout;
  }

  set lazyTimeout(timeout: number) {
    this.#lazyTimeout = duration('lazyTimeout', timeout);
    this.lazy = timeout > 0;
  }

  publish(from: ServerSession | LocalSessionLike | null, data: unknown): Maybe<boolean> {
    return this.#host.publish(from, this, new ServerMessage({ channel: this.id, data }));
  }

  publishMessage(from: ServerSession | LocalSessionLike | null, message: ServerMessage | Message): Maybe<boolean> {
    const own =
      message instanceof ServerMessage ? (message.frozen ? message.copy() : message) : new ServerMessage(message);
    own.channel = this.id;
    return this.#host.publish(from, this, own);
  }

  /** True when the session is subscribed afterwards. Service channels accept and record nothing; meta channels refuse. */
  subscribe(session: ServerSession, message: ServerMessage | null = null): boolean {
    if (this.isService) return true;
    if (this.isMeta || !session.isHandshook) return false;
    if (this.#subscribers.has(session)) return true;
    this.used();
    this.#host.settle(this);
    this.#subscribers.add(session);
    this.#subscribersChanged();
    this.#host.subscribed(session as Session, this, message);
    return true;
  }

  /** False for meta channels only. */
  unsubscribe(session: ServerSession, message: ServerMessage | null = null): boolean {
    if (this.isMeta) return false;
    if (!this.#subscribers.has(session)) return true;
    this.#host.settle(this);
    if (!this.#subscribers.delete(session)) return true;
    this.#subscribersChanged();
    this.#host.unsubscribed(session as Session, this, message);
    return true;
  }

  hasSubscriber(session: ServerSession): boolean {
    return this.#subscribers.has(session);
  }

  get subscriberCount(): number {
    return this.#subscribers.size;
  }

  addAuthorizer(authorizer: Authorizer): Registration {
    this.used();
    this.#authorizers = [...this.#authorizers, authorizer];
    return {
      remove: () => {
        this.#authorizers = this.#authorizers.filter((other) => other !== authorizer);
      },
    };
  }

  addListener<Name extends keyof ChannelEvents>(
    name: Name,
    listener: ChannelEvents[Name],
    options?: ListenerOptions,
  ): Registration {
    this.used();
    this.#listeners ??= new Listeners();
    return this.#listeners.add(name, listener, options);
  }

  /** The listeners of an event; the shared empty list when there are none. */
  listeners<Name extends keyof ChannelEvents>(name: Name): readonly ChannelEvents[Name][] {
    return this.#listeners?.of(name) ?? none;
  }

  /** Something happened that keeps the channel alive for another round of sweeps. */
  used(): void {
    this.#idleSweeps = 0;
  }

  /** One pass of the sweeper. True when the channel is to be removed. */
  sweep(): boolean {
    for (const session of this.#subscribers) {
      if (!session.isHandshook) this.unsubscribe(session);
    }
    if (this.isMeta || this.#persistent || this.#subscribers.size > 0) return false;
    if (this.#authorizers.length > 0 || this.#listeners?.hasStrong) return false;
    return ++this.#idleSweeps >= IDLE_SWEEPS;
  }

  /** The channel was removed: subscriptions and listeners go without a word. */
  removed(): void {
    this.#host.settle(this);
    this.#subscribers.clear();
    this.#subscribersChanged();
    this.#listeners?.clear();
  }
}

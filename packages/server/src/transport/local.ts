/** Sessions inside the server: a client's API, without a wire. What they send passes the same hall as everybody's. Book section 6.3.1. */
import {
  attempt,
  ChannelId,
  chain,
  every,
  type Maybe,
  META_CONNECT,
  META_DISCONNECT,
  META_HANDSHAKE,
  META_SUBSCRIBE,
  META_UNSUBSCRIBE,
  type Message,
} from '@cometd-ts/protocol';
import type { LocalSessionLike, Registration, ServerSession, Verdict } from '../api.ts';
import { Listeners } from '../listeners.ts';
import { ServerMessage } from '../message.ts';
import type { Hall } from '../receive.ts';
import type { Rooms } from '../rooms.ts';
import type { Conduit } from '../session/conduit.ts';
import type { Session } from '../session/session.ts';

/** A message that arrived at a local session, on the channel it was published to. */
export type LocalListener = (channel: LocalChannel, message: ServerMessage) => unknown;

/** Sees the messages a local session sends and receives; false stops one. */
export interface LocalExtension {
  rcv?(session: LocalSession, message: ServerMessage): Verdict;
  send?(session: LocalSession, message: ServerMessage): Verdict;
}

type ChannelListeners = Record<string, LocalListener>;

export class LocalSession implements LocalSessionLike, Conduit {
  readonly #rooms: Rooms;
  readonly #hall: Hall;
  readonly #idHint: string;
  #session: Session | null = null;
  #messageId = 0;
  #batch = 0;
  #batched: (() => void)[] = [];
  readonly #channels: Map<string, LocalChannel> = new Map();
  #extensions: readonly LocalExtension[] = [];
  readonly attributes: Map<string, unknown> = new Map();

  constructor(rooms: Rooms, hall: Hall, idHint: string) {
    this.#rooms = rooms;
    this.#hall = hall;
    this.#idHint = idHint;
  }

  /** Id of the session. Throws `TypeError` before a successful handshake. */
  get id(): string {
    return this.serverSession.id;
  }

  get isHandshook(): boolean {
    return this.#session?.isHandshook === true;
  }

  get isConnected(): boolean {
    return this.#session?.isConnected === true;
  }

  /** The server's side of this session. Throws `TypeError` before a successful handshake. */
  get serverSession(): ServerSession {
    if (!this.#session) throw new TypeError('The local session has not completed a handshake');
    return this.#session;
  }

  /**
   * Begins the session; it is connected from then on, for as long as it likes. Answers the handshake reply: at once, unless
   * a policy or an extension makes it wait. What an earlier session had subscribed to is gone; listeners are still there.
   * Throws `TypeError` while the session is handshook.
   */
  handshake(ext?: Record<string, unknown>): Maybe<ServerMessage> {
    if (this.isHandshook) throw new TypeError('The local session is handshook already');
    this.#over();
    const session = this.#rooms.sessions.create(
      { name: 'local', settings: this.#rooms.settings.websocket },
      this.#idHint,
    );
    const request = this.#message({
      channel: META_HANDSHAKE,
      version: '1.0',
      supportedConnectionTypes: ['local'],
      ...(ext && { ext }),
    });
    return chain(this.#exchange(session, request), (reply) => {
      if (!reply.successful) return reply;
      this.#session = session;
      session.bind(this);
      const connect = this.#message({
        channel: META_CONNECT,
        clientId: session.id,
        connectionType: 'local',
        advice: { interval: -1 },
      });
      return chain(this.#exchange(session, connect), () => {
        if (session.hasMessages) this.flush();
        return reply;
      });
    });
  }

  /** Ends the session; what is batched is sent before. */
  disconnect(): Maybe<ServerMessage> {
    const session = this.#connected();
    this.#batch = 0;
    this.#sendBatched();
    const request = this.#message({ channel: META_DISCONNECT, clientId: session.id });
    return chain(this.#exchange(session, request), (reply) => {
      if (session.isTerminated) this.#over();
      return reply;
    });
  }

  /** The client's side of a channel. Throws `RangeError` for an illegal name. */
  getChannel(name: string): LocalChannel {
    let channel = this.#channels.get(name);
    if (!channel) {
      channel = new LocalChannel(new ChannelId(name, this.#rooms.channels.naming), this);
      this.#channels.set(name, channel);
    }
    return channel;
  }

  addExtension(extension: LocalExtension): Registration {
    this.#extensions = [...this.#extensions, extension];
    return {
      remove: () => {
        this.#extensions = this.#extensions.filter((other) => other !== extension);
      },
    };
  }

  /** Runs `block`; what it sends goes out together afterwards. */
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
    this.#sendBatched();
    return true;
  }

  /** Sends one message through this session's extensions and the whole hall; answers the reply. */
  send(fields: Message): Maybe<ServerMessage> {
    const session = this.#connected();
    const message = this.#message({ ...fields, clientId: session.id });
    if (this.#batch === 0) return this.#exchange(session, message);
    return new Promise((resolve, reject) => {
      this.#batched.push(() => {
        const reply = attempt<ServerMessage | null>(
          () => this.#exchange(session, message),
          (error) => {
            reject(error);
            return null;
          },
        );
        chain(reply, (given) => given && resolve(given));
      });
    });
  }

  // The road from the server session

  flush(): void {
    const session = this.#session;
    if (!session || session.conduit !== this) return;
    for (const message of session.takeQueue([])) this.#receive(message);
  }

  relieve(): void {
    this.flush();
  }

  release(): void {
    this.#over();
  }

  /** There is no session any more, and nothing subscribed. */
  #over(): void {
    this.#session = null;
    for (const channel of this.#channels.values()) channel.unsubscribed();
  }

  #connected(): Session {
    if (!this.#session) throw new TypeError('The local session has not completed a handshake');
    return this.#session;
  }

  #sendBatched(): void {
    const batched = this.#batched;
    this.#batched = [];
    for (const send of batched) send();
  }

  #message(fields: Message): ServerMessage {
    return new ServerMessage({ id: String(++this.#messageId), ...fields });
  }

  #exchange(session: Session, message: ServerMessage): Maybe<ServerMessage> {
    const allowed = every(this.#extensions, (extension) => this.#ask(() => extension.send?.(this, message)));
    return chain(allowed, (yes) => {
      if (!yes)
        return new ServerMessage({ channel: message.channel, successful: false, error: '404::message_deleted' });
      return chain(this.#hall.process(session, message), (reply) =>
        chain(this.#hall.leave(session, reply), (left) => {
          const answer = left ?? reply;
          if (left) this.#receive(left);
          return answer;
        }),
      );
    });
  }

  #receive(message: ServerMessage): void {
    const allowed = every(this.#extensions, (extension) => this.#ask(() => extension.rcv?.(this, message)));
    chain(allowed, (yes) => {
      if (!yes) return;
      if (message.channel === META_DISCONNECT && this.#session?.isTerminated) this.#over();
      this.#notify(message);
    });
  }

  #notify(message: ServerMessage): void {
    // The reply to a message without a legal channel has none to be heard on.
    const { naming } = this.#rooms.channels;
    if (typeof message.channel !== 'string' || ChannelId.problem(message.channel, naming) !== undefined) return;
    const channelId = new ChannelId(message.channel, naming);
    for (const name of [channelId.id, ...channelId.wilds]) this.#channels.get(name)?.notify(message, this.#rooms);
  }

  #ask(call: () => Verdict): Maybe<boolean> {
    return chain(this.#rooms.diagnostics.guard('local extension', undefined, call), (verdict) => verdict !== false);
  }
}

/** A channel as a local session sees it. */
export class LocalChannel {
  readonly channelId: ChannelId;
  readonly id: string;
  readonly #session: LocalSession;
  readonly #listeners: Listeners<ChannelListeners> = new Listeners();
  readonly #subscriptions: Set<Registration> = new Set();

  constructor(channelId: ChannelId, session: LocalSession) {
    this.channelId = channelId;
    this.id = channelId.id;
    this.#session = session;
  }

  /** Hears the messages of this channel that arrive anyway, meta and service messages included. Purely local. */
  addListener(listener: LocalListener): Registration {
    return this.#listeners.add('listener', listener);
  }

  /** Hears what is published to this channel. The first subscription tells the server, the end of the last one too. */
  subscribe(
    listener: LocalListener,
  ): Maybe<{ readonly reply: ServerMessage | null; readonly subscription: Registration }> {
    if (this.channelId.isMeta) throw new TypeError(`Nobody can subscribe to ${this.id}: add a listener instead`);
    if (!this.#session.isHandshook) throw new TypeError('The local session has not completed a handshake');
    const registration = this.#listeners.add('subscription', listener);
    const subscription: Registration = {
      remove: () => {
        registration.remove();
        if (!this.#subscriptions.delete(registration) || this.#subscriptions.size > 0) return;
        if (!this.#session.isHandshook) return;
        chain(this.#session.send({ channel: META_UNSUBSCRIBE, subscription: this.id }), () => undefined);
      },
    };
    this.#subscriptions.add(registration);
    if (this.#subscriptions.size > 1) return { reply: null, subscription };
    return chain(this.#session.send({ channel: META_SUBSCRIBE, subscription: this.id }), (reply) => {
      if (!reply.successful) {
        registration.remove();
        this.#subscriptions.delete(registration);
      }
      return { reply, subscription };
    });
  }

  /** Publishes through the whole pipeline, as a remote client would; answers the reply. Throws `TypeError` on a wildcard channel. */
  publish(data: unknown): Maybe<ServerMessage> {
    if (this.channelId.isWild) throw new TypeError(`A message cannot be published to the wildcard channel ${this.id}`);
    return this.#session.send({ channel: this.id, data });
  }

  /** Called by the session when it is over, and with it every subscription. */
  unsubscribed(): void {
    for (const registration of this.#subscriptions) registration.remove();
    this.#subscriptions.clear();
  }

  /** Called by the session for each message on this channel, or on one this wildcard channel matches. */
  notify(message: ServerMessage, rooms: Rooms): void {
    rooms.diagnostics.notify('local listener', this.#listeners.of('listener'), this, message);
    const isEvent = message.data !== undefined;
    if (isEvent) rooms.diagnostics.notify('local subscription', this.#listeners.of('subscription'), this, message);
  }
}

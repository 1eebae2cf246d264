/** A channel as the typed client sees it: listeners, subscriptions that survive, and publishing. Book section 9.2.3. */
import { META_SUBSCRIBE, META_UNSUBSCRIBE } from '@cometd-ts/protocol';
import { ClientError, errorOf, isUnknownSession } from './error.ts';
import { Deferred, type ListenerOptions, ListenerSet, type Registration } from './events.ts';
import type { Message } from './message.ts';

/** Hears the messages of a channel. */
export type ChannelListener<Data> = (message: Message<Data>, channel: ClientChannel<Data>) => unknown;

export interface SendOptions {
  /** Gives up waiting for the reply; what was sent stays sent. */
  signal?: AbortSignal | undefined;
  /** Goes along as the message's `ext`. */
  ext?: Record<string, unknown> | undefined;
}

/** What a channel asks of its client. */
export interface ChannelHost {
  readonly isHandshook: boolean;
  exchange(message: Message, signal?: AbortSignal): Promise<Message>;
  /** Tells the server of a subscription, again and again until it is reached. */
  declare(channel: ClientChannel<never>): void;
  failed(error: unknown): void;
}

export class ClientChannel<Data = unknown> {
  readonly id: string;
  readonly #host: ChannelHost;
  readonly #listeners: ListenerSet<[Message<Data>, ClientChannel<Data>]> = new ListenerSet();
  readonly #subscribers: Map<ChannelListener<Data>, SendOptions> = new Map();
  /** Ends the loops over messages, with an error or without. */
  readonly #loops: Set<(error?: Error) => void> = new Set();
  /** The reply to the subscription there is, or is to be. */
  #confirmation: Deferred<Message> | undefined;
  #confirmed = false;
  #lost = false;

  constructor(id: string, host: ChannelHost) {
    this.id = id;
    this.#host = host;
  }

  get isMeta(): boolean {
    return this.id.startsWith('/meta/');
  }

  get isService(): boolean {
    return this.id.startsWith('/service/');
  }

  get isBroadcast(): boolean {
    return !this.isMeta && !this.isService;
  }

  /** Whether the name ends in `/*` or `/**`. */
  get isWild(): boolean {
    return /\/\*\*?$/.test(this.id);
  }

  get isDeepWild(): boolean {
    return this.id.endsWith('/**');
  }

  /** Whether anybody subscribes here. */
  get isSubscribed(): boolean {
    return this.#subscribers.size > 0;
  }

  /** Hears what arrives on this channel anyway: replies, service messages, and meta messages. Local. */
  addListener(listener: ChannelListener<Data>, options?: ListenerOptions): Registration {
    return this.#listeners.add(listener, options);
  }

  /**
   * Hears what is published to this channel, from now on and through every later session, until `unsubscribe` or the
   * signal ends it. Resolves with the server's reply, which for a client that is not connected comes when it is.
   * Rejects with `BayeuxError` when the server refuses; the listener is forgotten then, and `failure` tells, too.
   * Throws `TypeError` for meta channels.
   */
  subscribe(listener: ChannelListener<Data>, options: SendOptions = {}): Promise<Message> {
    if (this.isMeta) throw new TypeError(`Nobody can subscribe to ${this.id}: add a listener instead`);
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const isFirst = this.#subscribers.size === 0;
    this.#subscribers.set(listener, options);
    if (signal) this.#endWith(signal, listener);
    if (isFirst) {
      this.#confirmation = new Deferred();
      this.#confirmed = false;
      if (this.#host.isHandshook) this.#host.declare(this as unknown as ClientChannel<never>);
    }
    return (this.#confirmation as Deferred<Message>).promise;
  }

  #endWith(signal: AbortSignal, listener: ChannelListener<Data>): void {
    const end = (): void => {
      // The listener may have been subscribed again, with another signal.
      if (this.#subscribers.get(listener)?.signal !== signal) return;
      this.unsubscribe(listener).catch((error: unknown) => this.#host.failed(error));
    };
    signal.addEventListener('abort', end, { once: true });
  }

  /**
   * Ends one subscription, or all of this channel, at once. The end of the last tells the server; rejects when the
   * server could not be told, which then may go on sending until the session ends.
   */
  async unsubscribe(listener?: ChannelListener<Data>): Promise<Message> {
    const reply: Message = { channel: META_UNSUBSCRIBE, subscription: this.id, successful: true };
    if (listener ? !this.#subscribers.delete(listener) : this.#subscribers.size === 0) return reply;
    if (!listener) this.#subscribers.clear();
    if (this.#subscribers.size > 0) return reply;
    this.#confirmation?.reject(new ClientError('aborted', `The subscription to ${this.id} was ended`));
    this.#confirmation = undefined;
    if (!this.#host.isHandshook) return reply;
    return this.#host.exchange({ channel: META_UNSUBSCRIBE, subscription: this.id });
  }

  /** Publishes. Resolves with the server's reply; rejects with `BayeuxError`, or with `ClientError`, whose `sent` says how far it got. */
  publish(data: Data, { ext, signal }: SendOptions = {}): Promise<Message> {
    if (this.isMeta || this.isWild) throw new TypeError(`Nothing can be published to ${this.id}`);
    return this.#host.exchange({ channel: this.id, data, ...(ext && { ext }) }, signal);
  }

  /** Publishes bytes, for which the client needs the binary extension. `last` says that no chunk follows; default true. */
  publishBinary(
    data: Uint8Array,
    { last = true, meta, ext, signal }: SendOptions & { last?: boolean; meta?: Record<string, unknown> } = {},
  ): Promise<Message> {
    const chunk = { data, last, ...(meta && { meta }) };
    return this.#host.exchange({ channel: this.id, data: chunk, ext: { ...ext, binary: {} } }, signal);
  }

  /**
   * The messages of this channel, one after the other. Subscribes at the first `next`, and ends the subscription when
   * the loop ends: by `break`, by the signal, or because the application ended the session. Throws what ended the
   * session otherwise, `BayeuxError` when the subscription is refused, and `ClientError` with code `overflow` when more
   * than `limit` messages wait (default 1000): after those that came before.
   */
  async *messages({
    signal,
    limit = 1000,
  }: {
    signal?: AbortSignal;
    limit?: number;
  } = {}): AsyncGenerator<Message<Data>, void, undefined> {
    if (signal?.aborted) return;
    const waiting: Message<Data>[] = [];
    let wake = new Deferred<void>();
    let problem: unknown;
    let over = false;
    const end = (error?: unknown): void => {
      if (over) return;
      over = true;
      problem = error;
      wake.resolve();
    };
    const unsubscribe = async (): Promise<void> => {
      if (!this.#subscribers.has(listener)) return;
      await this.unsubscribe(listener).catch((error: unknown) => this.#host.failed(error));
    };
    const listener = (message: Message<Data>): void => {
      if (over) return;
      if (waiting.length >= limit) {
        end(new ClientError('overflow', `More than ${limit} messages wait (limit)`));
        unsubscribe();
      } else waiting.push(message);
      wake.resolve();
    };
    const stop = (): void => end();
    signal?.addEventListener('abort', stop, { once: true });
    this.#loops.add(end);
    this.subscribe(listener).catch(end);
    try {
      while (!signal?.aborted) {
        const message = waiting.shift();
        if (message) yield message;
        else if (problem !== undefined) throw problem;
        else if (over) return;
        else {
          await wake.promise;
          wake = new Deferred<void>();
        }
      }
    } finally {
      over = true;
      signal?.removeEventListener('abort', stop);
      this.#loops.delete(end);
      await unsubscribe();
    }
  }

  // What the client asks of its channels

  /** The message that subscribes, and what its reply does. */
  declaration(settled?: (error?: Error) => void): [Message, (reply: Message) => void] {
    const confirmation = this.#confirmation ?? new Deferred();
    this.#confirmation = confirmation;
    const [options] = [...this.#subscribers.values()].filter(({ ext }) => ext);
    this.#confirmed = false;
    this.#lost = false;
    const message: Message = {
      channel: META_SUBSCRIBE,
      subscription: this.id,
      ...(options?.ext && { ext: options.ext }),
    };
    return [
      message,
      (reply) => {
        if (reply.successful) {
          this.#confirmed = true;
          confirmation.resolve(reply);
          settled?.();
          return;
        }
        const error = errorOf(reply);
        this.#lost = true;
        // What did not reach the server, or reached one that has forgotten the session, is declared still, and sent again.
        if (!reply.failure && !isUnknownSession(reply.error) && this.#confirmation === confirmation) {
          this.#subscribers.clear();
          this.#confirmation = undefined;
          confirmation.reject(error);
          for (const end of [...this.#loops]) end(error);
        }
        settled?.(error);
      },
    ];
  }

  /** Whether the server is still to be told of the subscription. */
  get isPending(): boolean {
    return this.isSubscribed && !this.#confirmed;
  }

  /** Whether the last attempt to tell the server failed on the way. */
  get isLost(): boolean {
    return this.#lost;
  }

  /** The session is over. With `forget`, so are the subscriptions. */
  ended(forget: boolean, error: Error): void {
    this.#confirmed = false;
    if (!forget) return;
    for (const end of [...this.#loops]) end(error);
    this.#confirmation?.reject(error);
    this.#confirmation = undefined;
    this.#subscribers.clear();
  }

  /** Those who wait for a confirmation learn that none will come, and loops end; other subscriptions stay declared. */
  gaveUp(error: Error): void {
    const wanted = error instanceof ClientError && (error.code === 'disconnected' || error.code === 'aborted');
    for (const end of [...this.#loops]) end(wanted ? undefined : error);
    this.#confirmed = false;
    this.#confirmation?.reject(error);
    this.#confirmation = undefined;
  }

  notify(message: Message<Data>): void {
    const failed = (error: unknown): void => this.#host.failed(error);
    this.#listeners.emit(failed, message, this);
    if (message.data === undefined) return;
    let left = this.#subscribers.size;
    for (const subscriber of this.#subscribers.keys()) {
      // Who subscribes meanwhile hears the next one.
      if (left-- === 0) return;
      try {
        const result = subscriber(message, this);
        if (result instanceof Promise) result.catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  }
}

/**
 * The typed client: promises, subscriptions that outlive sessions, and a status that always says how things are.
 * The API follows the book's section 9.2 (`ClientSession`).
 */
import type { Advice } from '@cometd-ts/protocol';
import { ClientChannel } from './channel.ts';
import type { AnyChannels, CallOf, ChannelMap, DataOf, Schema } from './channel-map.ts';
import { isLegalChannel, wildsOf } from './channel-names.ts';
import { Engine, type FailureInfo } from './engine.ts';
import { ClientError, errorOf, isUnknownSession } from './error.ts';
import { Deferred, type ListenerOptions, ListenerSet, type Registration } from './events.ts';
import type { ClientExtension } from './exchange.ts';
import type { Message } from './message.ts';
import type { ClientOptions } from './options.ts';
import { type Platform, world } from './platform.ts';
import { type ClientState, implies, isHandshaking, isHandshook } from './state.ts';
import type { Status } from './status.ts';
import { HttpPollingTransport } from './transport/http-polling.ts';
import type { TransportLike } from './transport/transport.ts';
import { WebSocketTransport } from './transport/websocket.ts';

/** What an application gives to be let in. */
export interface Credentials {
  /** Header fields for every request from now on. */
  headers?: Record<string, string>;
  /** Fields for the `ext` of the handshake. */
  ext?: Record<string, unknown>;
}

/** Options of `BayeuxClient`; the times are in ms. */
export interface BayeuxClientOptions extends ClientOptions {
  /** Transports in order of preference: `websocket`, `long-polling`, or objects. Default both, where there are WebSockets. */
  transports?: readonly ('websocket' | 'long-polling' | (TransportLike & { readonly connectionType?: string }))[];
  extensions?: readonly ClientExtension[];
  /**
   * Finds credentials: before the first handshake (`reason` is null), and when the server refuses (`reason` is the
   * error, its code 401 or 403, or reconnect `none`). One call at a time.
   */
  auth?: (request: { readonly reason: Error | null }) => Credentials | Promise<Credentials>;
  /** How many renewals of credentials in a row may fail before the client gives up. Default 3. */
  maxAuthRenewals?: number;
  /** Makes subscriptions anew in every new session. Default true. */
  resubscribe?: boolean;
  /** Checks incoming data by channel, wildcards included. What does not fit is reported by `invalid`, not delivered. */
  schemas?: Readonly<Record<string, Schema>>;
  platform?: Platform;
}

/** The events of a client, and what their listeners get. */
export interface BayeuxClientEvents {
  /** The condition changed. */
  status: [status: Status, previous: Status];
  /** A message did not succeed. */
  failure: [error: Error, message: Message];
  /** Subscriptions were made in a new session. `refused`: those that are no more. */
  restored: [{ readonly channels: readonly string[]; readonly refused: readonly string[] }];
  /** A listener, an extension or another function of the application threw. */
  exception: [error: unknown];
  /** Data did not fit the channel's schema. */
  invalid: [{ readonly message: Message; readonly issues: readonly { readonly message: string }[] }];
}

type EventSets = { [Name in keyof BayeuxClientEvents]: ListenerSet<BayeuxClientEvents[Name]> };

/** Where a probe goes: any answer, even a refusal, proves that the server is there. */
const probeChannel = '/service/probe';

export class BayeuxClient<Channels extends ChannelMap = AnyChannels> implements AsyncDisposable {
  readonly attributes: Map<string, unknown> = new Map();
  /** False declines acknowledged delivery at the next handshake, when the ack extension is there. */
  ackEnabled?: boolean;
  readonly #engine: Engine;
  readonly #options: BayeuxClientOptions;
  readonly #channels: Map<string, ClientChannel<never>> = new Map();
  readonly #events: EventSets = {
    status: new ListenerSet(),
    failure: new ListenerSet(),
    restored: new ListenerSet(),
    exception: new ListenerSet(),
    invalid: new ListenerSet(),
  };
  readonly #states: ListenerSet<[ClientState]> = new ListenerSet();
  #status: Status = { type: 'disconnected' };
  #handshake: Deferred<Message> | undefined;
  #handshakeReply: Message | undefined;
  #handshakeExt: Record<string, unknown> | undefined;
  #credentials: Credentials = {};
  #renewals = 0;
  #attempt = 0;
  #trouble: Error | undefined;
  #sessionLost = false;
  #ending: { reason: string; error: Error | null } | undefined;
  #sessions = 0;
  /** The session in which the client was connected last. */
  #lastId: string | null = null;
  #interrupted = false;
  #acknowledges = false;
  #watching: AbortController | undefined;
  #again: unknown;

  /** Throws `TypeError` for a URL that is not absolute. */
  constructor(url: string | URL, options: BayeuxClientOptions = {}) {
    const { platform = {}, transports, extensions, auth: _auth, schemas: _schemas, ...config } = options;
    this.#options = options;
    const engine = new Engine(
      {
        notify: (channel, message) => this.#notify(channel, message),
        call: (callback, message) => callback(message),
        deleted: (message, callback) => {
          if (message.channel.startsWith('/meta/') && message.channel !== '/meta/subscribe') return;
          callback?.({ ...message, successful: false, error: '404::message_deleted' });
        },
        extensionFailed: (error) => this.#exception(error),
        receive: (message) => engine.receive(message),
        changed: (state, previous) => this.#changed(state, previous),
        handshaken: () => this.#declare(),
        transportFailed: (message, info, handle) => this.#transportFailed(message, info, handle),
        waiting: (delay) => this.#waiting(delay),
        interrupted: (failure) => {
          this.#trouble = errorOf({ channel: '/meta/connect', successful: false, failure });
          this.#waiting(0);
        },
      },
      platform,
    );
    this.#engine = engine;
    Object.assign(engine.config, { logLevel: 'warn', jitter: 0.25, maxSendBayeuxMessageSize: 1_048_576 }, config);
    engine.config.url = `${url}`;
    if (!/^(https?|wss?):\/\//.test(engine.config.url)) throw new TypeError(`The URL must be absolute: ${url}`);
    engine.config.url = engine.config.url.replace(/^ws/, 'http');
    if (options.auth) engine.config.requestHeaders = () => this.#headers();
    engine.readURL();
    const webSocket = platform.openWebSocket || world().WebSocket;
    for (const entry of transports ??
      (webSocket ? (['websocket', 'long-polling'] as const) : (['long-polling'] as const))) {
      const transport =
        entry === 'websocket'
          ? new WebSocketTransport()
          : entry === 'long-polling'
            ? new HttpPollingTransport()
            : entry;
      const type = typeof entry === 'string' ? entry : `${entry.connectionType ?? entry.type}`;
      engine.registry.add(type, transport);
      transport.registered?.(type, engine as never);
    }
    for (const extension of extensions ?? []) this.addExtension(extension);
  }

  get url(): string {
    return this.#engine.getURL();
  }

  /** The session's id; null without a session. */
  get id(): string | null {
    return this.#engine.clientId;
  }

  get state(): ClientState {
    return this.#engine.state;
  }

  /** How things are. The same value as the last `status` event gave. */
  get status(): Status {
    return this.#status;
  }

  get isHandshook(): boolean {
    return isHandshook(this.state);
  }

  /** Whether the last connect was answered. */
  get isConnected(): boolean {
    return this.state === 'connected';
  }

  get isDisconnected(): boolean {
    return this.#engine.isDisconnected;
  }

  /** The type of the transport in use. */
  get transport(): string | null {
    return this.#engine.transport?.type ?? null;
  }

  /** What the server advised last. */
  get advice(): Readonly<Advice> {
    return this.#engine.advice;
  }

  /**
   * Begins. Resolves with the reply of the handshake that succeeded; until then the client tries again, and `status`
   * says what happens. Rejects when it gives up: `BayeuxError` when the server refuses for good, else `ClientError`.
   * The signal aborts the client. While a handshake is under way, the same promise is answered. Throws `TypeError` in a
   * session that has begun.
   */
  handshake({ ext, signal }: { ext?: Record<string, unknown>; signal?: AbortSignal } = {}): Promise<Message> {
    if (this.#handshake) return this.#handshake.promise;
    if (this.state !== 'disconnected') throw new TypeError(`The client is ${this.state}: it has begun already`);
    const handshake = new Deferred<Message>(signal);
    this.#handshake = handshake;
    this.#handshakeExt = ext;
    this.#ending = undefined;
    this.#renewals = 0;
    this.#attempt = 0;
    this.#sessions = 0;
    this.#lastId = null;
    this.#interrupted = false;
    if (signal?.aborted) {
      this.#handshake = undefined;
      return handshake.promise;
    }
    const abort = (): void => this.abort();
    signal?.addEventListener('abort', abort, { once: true });
    const done = (): void => {
      signal?.removeEventListener('abort', abort);
      if (this.#handshake === handshake) this.#handshake = undefined;
    };
    handshake.promise.then(done, done);
    this.#setStatus({ type: 'connecting' });
    this.#begin(handshake);
    return handshake.promise;
  }

  async #begin(handshake: Deferred<Message>): Promise<void> {
    try {
      if (this.#options.auth) await this.#renew(null);
      // Aborted meanwhile: nothing has begun yet.
      if (this.#handshake !== handshake) return;
      this.#engine.handshake(this.#props(), (reply) => this.#handshakeReplied(reply));
      this.#watch();
    } catch (error) {
      this.#setStatus({ type: 'terminated', reason: 'The handshake could not begin', error: asError(error) });
      handshake.reject(error);
    }
  }

  /** Ends the session. Resolves when it has ended, even if the server could not be told. */
  async disconnect({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.state === 'disconnected') {
      this.abort();
      return;
    }
    const ended = this.waitFor('disconnected', { signal });
    if (this.state !== 'disconnecting' && this.state !== 'terminating') {
      this.#ending ??= { reason: 'disconnect', error: null };
      if (isHandshook(this.state)) this.#engine.disconnect();
      else this.#engine.abort();
    }
    await ended;
  }

  /** Ends at once, without telling the server. What is under way fails. */
  abort(): void {
    this.#ending ??= { reason: 'abort', error: null };
    if (this.state !== 'disconnected') this.#engine.abort();
    else if (this.#handshake) {
      this.#handshake.reject(new ClientError('aborted', 'The client was aborted'));
      this.#handshake = undefined;
      this.#setStatus({ type: 'disconnected' });
    }
  }

  /** Resolves when the client is in one of these states, or in one that implies it; at once if it is. */
  waitFor(
    states: ClientState | readonly ClientState[],
    { signal, timeout }: { signal?: AbortSignal | undefined; timeout?: number } = {},
  ): Promise<ClientState> {
    const wanted: readonly ClientState[] = typeof states === 'string' ? [states] : states;
    const fits = (state: ClientState): boolean => wanted.some((one) => implies(state, one));
    if (fits(this.state)) return Promise.resolve(this.state);
    const wait = new Deferred<ClientState>(signal);
    const { remove } = this.#states.add((state) => {
      if (fits(state)) wait.resolve(state);
    });
    const timer =
      timeout === undefined
        ? undefined
        : this.#engine.setTimeout(() => {
            wait.reject(
              new ClientError('timeout', `The client is ${this.state} after ${timeout} ms, not ${wanted.join(' or ')}`),
            );
          }, timeout);
    const end = (): void => {
      remove();
      this.#engine.clearTimeout(timer);
    };
    wait.promise.then(end, end);
    return wait.promise;
  }

  /** The channel of this name, one object for each. Throws `RangeError` for an illegal name. */
  getChannel<Name extends string>(name: Name): ClientChannel<DataOf<Channels, Name>> {
    let channel = this.#channels.get(name);
    if (!channel) {
      if (!isLegalChannel(name) || name.endsWith('/') || name.includes('//'))
        throw new RangeError(`Illegal channel name: ${name}`);
      const client = this;
      channel = new ClientChannel<never>(name, {
        get isHandshook() {
          return client.isHandshook;
        },
        get isDisconnected() {
          return client.isDisconnected;
        },
        exchange: (message, signal) => this.#exchange(message, signal),
        declare: (one) => this.#subscribe([one], false),
        failed: (error) => this.#exception(error),
      });
      this.#channels.set(name, channel);
    }
    return channel as unknown as ClientChannel<DataOf<Channels, Name>>;
  }

  /**
   * Calls a method of the server. Resolves with its result. Rejects with `ClientError` when no answer came (`timeout`
   * in ms, default `maxNetworkDelay`, 0 for ever), with `BayeuxError` when the server refused the message, and with
   * an `Error` whose `cause` is what the method failed with. The signal ends the wait, not the method.
   */
  remoteCall<Name extends string>(
    target: Name,
    data: CallOf<Channels, Name>['data'],
    { timeout, signal, ext }: { timeout?: number; signal?: AbortSignal; ext?: Record<string, unknown> } = {},
  ): Promise<CallOf<Channels, Name>['result']> {
    const channel = `/service${target.startsWith('/') ? '' : '/'}${target}`;
    if (!isLegalChannel(channel)) throw new RangeError(`Illegal target: ${target}`);
    const result = new Deferred<unknown>(signal);
    if (signal?.aborted) return result.promise as never;
    if (this.isDisconnected) {
      result.reject(new ClientError('disconnected', 'The client is disconnected'));
      return result.promise as never;
    }
    const id = this.#engine.nextId();
    const message: Message = { id, channel, data: data ?? null, ...(ext && { ext }) };
    this.#engine.remoteCall(message, timeout ?? this.#engine.config.maxNetworkDelay, (reply) => {
      if (reply.successful !== false) result.resolve(reply.data);
      else if (reply.data === undefined) result.reject(errorOf(reply));
      else result.reject(new Error(`The remote call ${target} failed`, { cause: reply.data }));
    });
    result.promise.catch(() => this.#engine.forget(id));
    return result.promise as never;
  }

  /** Sends what `block` sends together. */
  batch(block: () => void): void {
    const { batches } = this.#engine;
    this.startBatch();
    try {
      block();
    } finally {
      if (this.#engine.batches === batches) this.endBatch();
    }
  }

  startBatch(): void {
    this.#engine.startBatch();
  }

  /** Answers whether the batch went out: it was the outermost, and the client is connected. Throws without a batch. */
  endBatch(): boolean {
    return this.#engine.endBatch();
  }

  /** Asks the server for a sign of life. Resolves when there is one; rejects when there is none. */
  async probe(): Promise<void> {
    try {
      await this.#exchange({ channel: probeChannel, data: {} }, undefined, true);
    } catch (error) {
      if (error instanceof ClientError) throw error;
    }
  }

  addExtension(extension: ClientExtension, name = ''): Registration {
    const entry = { name, extension };
    this.#engine.extensions.push(entry);
    extension.registered?.(name, this as never);
    return {
      remove: () => {
        const at = this.#engine.extensions.indexOf(entry);
        if (at < 0) return;
        this.#engine.extensions.splice(at, 1);
        extension.unregistered?.();
      },
    };
  }

  addListener<Name extends keyof BayeuxClientEvents>(
    event: Name,
    listener: (...args: BayeuxClientEvents[Name]) => unknown,
    options?: ListenerOptions,
  ): Registration {
    const set: ListenerSet<BayeuxClientEvents[Name]> | undefined = this.#events[event];
    if (!set) throw new TypeError(`There is no event ${event}`);
    return set.add(listener, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect();
  }

  // For extensions, as on CometD

  _debug(...args: unknown[]): void {
    this.#engine.log('debug', args);
  }

  setTimeout(fn: () => void, delay: number): unknown {
    return this.#engine.setTimeout(fn, delay);
  }

  clearTimeout(handle: unknown): void {
    this.#engine.clearTimeout(handle);
  }

  // Messages

  #exchange(message: Message, signal?: AbortSignal, quiet = false): Promise<Message> {
    const reply = new Deferred<Message>(signal);
    if (signal?.aborted) return reply.promise;
    if (this.isDisconnected) {
      reply.reject(new ClientError('disconnected', 'The client is disconnected'));
      return reply.promise;
    }
    this.#engine.queue(message, (answer) => {
      if (answer.successful) reply.resolve(answer);
      else reply.reject(errorOf(answer));
    });
    if (quiet && message.id !== undefined) this.#quiet.add(message.id);
    return reply.promise;
  }

  /** Replies that are nobody's business. */
  readonly #quiet: Set<string> = new Set();

  #notify(channel: string, message: Message): void {
    if (message.id !== undefined && this.#quiet.size > 0 && channel !== '/meta/unsuccessful') {
      if (this.#quiet.has(message.id) && message.successful !== false) this.#quiet.delete(message.id);
    }
    if (channel === '/meta/unsuccessful') {
      if (message.id !== undefined && this.#quiet.delete(message.id)) return;
      this.#events.failure.emit((error) => this.#exception(error), errorOf(message), message);
    }
    const schema = message.data === undefined ? undefined : this.#schemaOf(channel);
    if (!schema) {
      this.#deliver(channel, message);
      return;
    }
    const result = schema['~standard'].validate(message.data);
    const judge = (judged: Awaited<typeof result>): void => {
      if (judged.issues)
        this.#events.invalid.emit((error) => this.#exception(error), { message, issues: judged.issues });
      else this.#deliver(channel, { ...message, data: judged.value });
    };
    if (result instanceof Promise) result.then(judge).catch((error) => this.#exception(error));
    else judge(result);
  }

  #schemaOf(channel: string): Schema | undefined {
    const { schemas } = this.#options;
    if (!schemas) return undefined;
    const name = [channel, ...wildsOf(channel)].find((one) => Object.hasOwn(schemas, one));
    return name === undefined ? undefined : schemas[name];
  }

  #deliver(channel: string, message: Message): void {
    this.#channels.get(channel)?.notify(message as Message<never>);
    for (const wild of wildsOf(channel)) this.#channels.get(wild)?.notify(message as Message<never>);
  }

  #exception(error: unknown): void {
    if (this.#events.exception.size === 0) this.#engine.log('warn', ['A function of the application threw', error]);
    this.#events.exception.emit((second) => this.#engine.log('warn', ['An exception listener threw', second]), error);
  }

  // Session

  #props(): Message | undefined {
    const ext = { ...this.#handshakeExt, ...this.#credentials.ext };
    return Object.keys(ext).length === 0 ? undefined : ({ ext } as Message);
  }

  async #headers(): Promise<Record<string, string>> {
    const { requestHeaders } = this.#options;
    const own = typeof requestHeaders === 'function' ? await requestHeaders() : requestHeaders;
    return { ...own, ...this.#credentials.headers };
  }

  async #renew(reason: Error | null): Promise<void> {
    const credentials = await this.#options.auth?.({ reason });
    this.#credentials = credentials ?? {};
  }

  #handshakeReplied(reply: Message): void {
    if (!reply.successful) return;
    this.#handshakeReply = reply;
    this.#sessions++;
    const ack = reply.ext?.ack as { enabled?: unknown } | boolean | undefined;
    this.#acknowledges = ack === true || (typeof ack === 'object' && ack?.enabled === true);
  }

  /** Subscriptions for the batch that follows a handshake. */
  #declare(): Message[] {
    const reply = this.#handshakeReply;
    const pending = [...this.#channels.values()].filter((channel) => channel.isSubscribed);
    const again = this.#sessions > 1;
    if (again && this.#options.resubscribe === false) {
      for (const channel of pending) channel.ended(true, new ClientError('disconnected', 'The session was lost'));
    } else this.#subscribe(pending, again);
    if (reply) this.#handshake?.resolve(reply);
    return [];
  }

  #subscribe(channels: readonly ClientChannel<never>[], tells: boolean): void {
    const refused: string[] = [];
    let open = channels.length;
    const settled = (channel: string, error?: Error): void => {
      if (error) refused.push(channel);
      if (error && this.isHandshook) this.#subscribeAgain();
      if (--open > 0 || !tells) return;
      const names = channels.map(({ id }) => id).filter((id) => !refused.includes(id));
      this.#events.restored.emit((problem) => this.#exception(problem), { channels: names, refused });
    };
    for (const channel of channels) {
      this.#engine.queue(...channel.declaration((error) => settled(channel.id, error)));
    }
  }

  /** In a while, tells the server of the subscriptions that did not reach it. */
  #subscribeAgain(): void {
    if (this.#again !== undefined) return;
    this.#again = this.#engine.setTimeout(() => {
      this.#again = undefined;
      if (this.isConnected) this.#subscribe(this.#lost(), true);
    }, this.#engine.config.backoffIncrement);
  }

  #lost(): ClientChannel<never>[] {
    return [...this.#channels.values()].filter((channel) => channel.isPending && channel.isLost);
  }

  #changed(state: ClientState, previous: ClientState): void {
    if (state === 'connected') this.#connected();
    if (state === 'unconnected') this.#interrupted = true;
    if (state === 'rehandshaking') for (const channel of this.#channels.values()) channel.ended(false, gone());
    if (state === 'disconnected') this.#ended(previous);
    this.#states.emit((error) => this.#exception(error), state);
  }

  #connected(): void {
    const { clientId, transport, registry } = this.#engine;
    const id = clientId as string;
    this.#trouble = undefined;
    this.#attempt = 0;
    this.#renewals = 0;
    const recovered = this.#lastId === null || this.#lastId === id;
    const gap = this.#lastId !== null && !(this.#acknowledges && recovered) && (this.#interrupted || !recovered);
    const news = this.#lastId !== id || this.#interrupted || this.#status.type !== 'connected';
    this.#lastId = id;
    this.#interrupted = false;
    // Subscriptions that a broken line kept from the server.
    const lost = this.#lost();
    if (lost.length > 0) this.#subscribe(lost, true);
    if (!news || (this.#status.type === 'degraded' && recovered && !gap)) return;
    const type = `${transport?.type}`;
    this.#setStatus({ type: 'connected', transport: type, id, recovered, gap });
    const preferred = registry.getTransportTypes()[0];
    if (preferred !== type) this.#setStatus({ type: 'degraded', reason: `${type} is in use instead of ${preferred}` });
  }

  #ended(_previous: ClientState): void {
    const ending = this.#ending ?? {
      reason: 'The server ended the session (disconnect, or reconnect none)',
      error: null,
    };
    this.#ending = undefined;
    const wanted = ending.reason === 'disconnect' || ending.reason === 'abort';
    const error =
      ending.error ??
      new ClientError(ending.reason === 'abort' ? 'aborted' : 'disconnected', 'The client is disconnected');
    this.#engine.clearTimeout(this.#again);
    this.#again = undefined;
    this.#watching?.abort();
    this.#watching = undefined;
    for (const channel of this.#channels.values()) channel.gaveUp(error);
    this.#setStatus(wanted ? { type: 'disconnected' } : { type: 'terminated', ...ending });
    this.#handshake?.reject(error);
    this.#handshake = undefined;
  }

  #setStatus(status: Status): void {
    const previous = this.#status;
    this.#status = status;
    this.#events.status.emit((error) => this.#exception(error), status, previous);
  }

  // Failure

  #transportFailed(message: Message, info: FailureInfo, handle: (info: FailureInfo) => void): void {
    const engine = this.#engine;
    const error = errorOf(message);
    const unknown = isUnknownSession(message.error);
    const { cause } = info;
    engine.recover(message, info, () => {
      if (engine.isDisconnected) return handle(info);
      this.#trouble = error;
      this.#sessionLost = message.channel === '/meta/connect' && (unknown || info.action === 'handshake');
      if (unknown && message.channel === '/meta/connect' && info.action !== 'handshake') {
        info.action = 'handshake';
        info.delay = engine.backoff.increase();
      }
      if (
        this.#options.auth &&
        !unknown &&
        (isRefusal(message) || (info.action === 'none' && cause === 'unsuccessful'))
      ) {
        this.#authenticate(error, info, handle);
        return;
      }
      if (info.action === 'none' && cause === 'failure') {
        // No transport worked. The network may come back: all of them get another chance.
        engine.registry.reset(false);
        info.transport = engine.best();
        if (info.transport) {
          info.action = 'handshake';
          info.delay = engine.backoff.increase();
        }
      }
      if (info.action === 'none')
        this.#ending = { reason: `The server refused (reconnect none): ${message.error ?? error.message}`, error };
      handle(info);
    });
  }

  async #authenticate(error: Error, info: FailureInfo, handle: (info: FailureInfo) => void): Promise<void> {
    const { maxAuthRenewals = 3 } = this.#options;
    try {
      if (this.#renewals++ >= maxAuthRenewals)
        throw new ClientError('unauthorized', `Credentials were refused ${maxAuthRenewals} times (maxAuthRenewals)`, {
          cause: error,
        });
      await this.#renew(error);
      if (this.isDisconnected) return;
      this.#engine.handshakeProps = this.#props();
      info.action = 'handshake';
      info.delay = this.#renewals > 1 ? this.#engine.backoff.increase() : 0;
      info.transport ??= this.#engine.transport;
    } catch (problem) {
      this.#ending = { reason: 'Credentials could not be renewed', error: asError(problem) };
      info.action = 'none';
    }
    handle(info);
  }

  #waiting(delay: number): void {
    const reason = this.#trouble ?? null;
    if (!isHandshaking(this.state) || (this.#lastId === null && reason)) {
      this.#setStatus({ type: 'unconnected', reason: reason ?? gone(), nextTry: delay, attempt: ++this.#attempt });
      return;
    }
    if (this.#sessionLost && reason) this.#setStatus({ type: 'session-lost', reason });
    else if (reason && reason instanceof ClientError) {
      this.#setStatus({ type: 'unconnected', reason, nextTry: delay, attempt: ++this.#attempt });
      return;
    }
    this.#sessionLost = false;
    this.#setStatus({ type: 're-handshaking', reason });
  }

  /** Listens to the platform: the network, and whether anybody looks. */
  #watch(): void {
    const { addEventListener, removeEventListener } = world();
    const document = world().document as Document | undefined;
    if (typeof addEventListener !== 'function' || typeof removeEventListener !== 'function') return;
    const watching = new AbortController();
    this.#watching = watching;
    const { signal } = watching;
    const look = (): void => {
      if (document?.visibilityState === 'hidden') return;
      if (this.isConnected) this.probe().catch((error: unknown) => this._debug('A probe failed', error));
      else this.#engine.hurry();
    };
    addEventListener('online', look, { signal });
    addEventListener('pageshow', look, { signal });
    addEventListener(
      'offline',
      () => this.isConnected && this.#setStatus({ type: 'degraded', reason: 'The platform says it is offline' }),
      { signal },
    );
    document?.addEventListener('visibilitychange', look, { signal });
  }
}

/** Whether the server wants other credentials. */
function isRefusal({ error, failure }: Message): boolean {
  const code = failure?.httpCode;
  return code === 401 || code === 403 || (typeof error === 'string' && /^40[13]\b/.test(error));
}

function gone(): ClientError {
  return new ClientError('disconnected', 'The session has ended');
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}

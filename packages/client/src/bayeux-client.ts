/**
 * The typed client: promises, subscriptions that outlive sessions, and a status that always says how things are.
 * The API follows the book's section 9.2 (`ClientSession`).
 */
import { type Advice, META_CONNECT, META_SUBSCRIBE } from '@cometd-ts/protocol';
import type { BayeuxClientEvents, BayeuxClientOptions } from './bayeux-options.ts';
import { ClientChannel } from './channel.ts';
import type { AnyChannels, CallOf, ChannelMap, DataOf } from './channel-map.ts';
import { isLegalChannel, wildsOf } from './channel-names.ts';
import { Checks } from './checks.ts';
import { Condition, gone } from './condition.ts';
import { isRefusal, Wallet } from './credentials.ts';
import { Engine, type FailureInfo } from './engine.ts';
import { ClientError, errorOf, isUnknownSession } from './error.ts';
import { Deferred, type ListenerOptions, ListenerSet, type Registration } from './events.ts';
import type { ClientExtension } from './exchange.ts';
import type { Message } from './message.ts';
import { typeOf } from './negotiation.ts';
import { watchPage } from './page.ts';
import { world } from './platform.ts';
import { type ClientState, implies, isHandshaking, isHandshook } from './state.ts';
import type { Status } from './status.ts';
import { LongPollingTransport } from './transport/long-polling.ts';
import { WebSocketTransport } from './transport/websocket.ts';

type EventSets = { [Name in keyof BayeuxClientEvents]: ListenerSet<BayeuxClientEvents[Name]> };

/** Where a probe goes: any answer, even a refusal, proves that the server is there. */
const probeChannel = '/service/probe';

export class BayeuxClient<Channels extends ChannelMap = AnyChannels> implements AsyncDisposable {
  readonly attributes: Map<string, unknown> = new Map();
  /** False declines acknowledged delivery at the next handshake, when the ack extension is there. */
  ackEnabled?: boolean | undefined;
  readonly #engine: Engine;
  readonly #options: BayeuxClientOptions;
  readonly #wallet: Wallet | undefined;
  readonly #channels: Map<string, ClientChannel<never>> = new Map();
  readonly #events: EventSets = {
    status: new ListenerSet(),
    failure: new ListenerSet(),
    restored: new ListenerSet(),
    exception: new ListenerSet(),
    invalid: new ListenerSet(),
  };
  readonly #states: ListenerSet<[ClientState]> = new ListenerSet();
  readonly #condition: Condition = new Condition((...change) => this.#emit('status', ...change));
  #handshake: Deferred<Message> | undefined;
  #handshakeExt: Record<string, unknown> | undefined;
  /** Why the client ends; `wanted`: because the application said so. */
  #ending: { reason: string; error: (Error & { code?: unknown }) | null; wanted?: boolean } | undefined;
  #sessions = 0;
  #probeId: string | undefined;
  readonly #checks: Checks;
  #unwatch: (() => void) | undefined;
  /** When subscriptions that did not reach the server are sent again. */
  #again: unknown;

  /** Throws `TypeError` for a URL that is not absolute. */
  constructor(url: string | URL, options: BayeuxClientOptions = {}) {
    const { platform = {}, transports, extensions = [], auth, maxAuthRenewals = 3, schemas, ...config } = options;
    this.#options = options;
    this.#checks = new Checks(schemas, {
      deliver: (channel, message) => this.#deliver(channel, message),
      invalid: (message, issues) => this.#emit('invalid', { message, issues }),
      failed: this.#exception,
    });
    const engine = new Engine(
      {
        notify: (channel, message) => this.#notify(channel, message),
        call: (callback, message) => callback(message),
        deleted: (message, callback) => {
          if (message.channel.startsWith('/meta/') && message.channel !== META_SUBSCRIBE) return;
          callback?.({ ...message, successful: false, failure: { reason: 'Deleted', sent: 'no' } });
        },
        extensionFailed: this.#exception,
        receive: (message) => engine.receive(message),
        changed: (state) => this.#changed(state),
        handshaken: (reply) => this.#handshaken(reply),
        transportFailed: (message, info, handle) => this.#transportFailed(message, info, handle),
        waiting: (delay) => this.#condition.waiting(delay, isHandshaking(this.state)),
        interrupted: (failure) => {
          this.#condition.trouble = errorOf({ channel: META_CONNECT, successful: false, failure });
          this.#condition.waiting(0, false);
        },
      },
      platform,
    );
    this.#engine = engine;
    Object.assign(
      engine.config,
      { logLevel: 'warn', jitter: 0.25, autoBatch: true, maxSendBayeuxMessageSize: 1_048_576 },
      config,
    );
    if (!/^(http|ws)s?:\/\//.test(`${url}`)) throw new TypeError(`The URL must be absolute: ${url}`);
    engine.config.url = `${url}`.replace(/^ws/, 'http');
    engine.readURL();
    if (auth) {
      const wallet = new Wallet(auth, maxAuthRenewals);
      const own = engine.config.requestHeaders;
      this.#wallet = wallet;
      engine.renews = true;
      engine.config.requestHeaders = async () => ({
        ...(typeof own === 'function' ? await own() : own),
        ...wallet.credentials.headers,
      });
    }
    const webSockets = platform.openWebSocket || world().WebSocket;
    for (const entry of transports ?? (webSockets ? ['websocket', 'long-polling'] : ['long-polling'])) {
      const named = typeof entry === 'string';
      const type = named ? entry : `${entry.connectionType ?? typeOf(entry)}`;
      const own = entry === 'websocket' ? new WebSocketTransport() : new LongPollingTransport();
      const transport = named ? own : entry;
      engine.registry.add(type, transport);
      transport.registered?.(type, engine as never);
    }
    for (const extension of extensions) this.addExtension(extension);
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
    return this.#condition.status;
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
    return typeOf(this.#engine.transport);
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
    if (signal?.aborted) return handshake.promise;
    this.#handshake = handshake;
    this.#handshakeExt = ext;
    this.#ending = undefined;
    this.#sessions = 0;
    const abort = (): void => this.abort();
    const done = (): void => {
      signal?.removeEventListener('abort', abort);
      if (this.#handshake === handshake) this.#handshake = undefined;
    };
    signal?.addEventListener('abort', abort);
    handshake.promise.then(done, done);
    this.#condition.begin();
    this.#begin(handshake);
    return handshake.promise;
  }

  async #begin(handshake: Deferred<Message>): Promise<void> {
    const wallet = this.#wallet;
    try {
      if (wallet) {
        wallet.renewals = 0;
        await wallet.renew(null);
      }
      // Aborted meanwhile: nothing has begun yet.
      if (this.#handshake !== handshake) return;
      this.#engine.handshake(this.#props());
      this.#unwatch ??= watchPage(
        () => this.#look(),
        () => this.isConnected && this.#condition.set({ type: 'degraded', reason: 'The platform says it is offline' }),
      );
    } catch (error) {
      this.#condition.set({ type: 'terminated', reason: 'The handshake could not begin', error: asError(error) });
      handshake.reject(error);
    }
  }

  /** Somebody looks again, or the network is back: is the server there? */
  #look(): void {
    if (!this.isConnected) this.#engine.hurry();
    else {
      this.probe().then(
        () => this.isConnected && this.#connected(),
        (error: unknown) => this._debug('A probe failed', error),
      );
    }
  }

  /** Ends the session. Resolves when it has ended, even if the server could not be told. */
  async disconnect({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    if (!this.isHandshook) {
      if (this.state !== 'disconnecting') this.abort();
    } else {
      this.#ending ??= { reason: 'disconnect', error: null, wanted: true };
      this.#engine.disconnect();
    }
    await this.waitFor('disconnected', { signal });
  }

  /** Ends at once, without telling the server. What is under way fails. */
  abort(): void {
    const error = new ClientError('aborted', 'The client was aborted');
    this.#ending ??= { reason: 'abort', error, wanted: true };
    if (this.state !== 'disconnected') this.#engine.abort();
    else if (this.#handshake) {
      this.#handshake.reject(error);
      this.#handshake = undefined;
      this.#condition.set({ type: 'disconnected' });
    }
  }

  /** Resolves when the client is in one of these states, or in one that implies it; at once if it is. */
  waitFor(
    states: ClientState | readonly ClientState[],
    { signal, timeout }: { signal?: AbortSignal | undefined; timeout?: number } = {},
  ): Promise<ClientState> {
    const wanted = [states].flat() as ClientState[];
    const wait = new Deferred<ClientState>(signal);
    const look = (state: ClientState): void => {
      if (wanted.some((one) => implies(state, one))) wait.resolve(state);
    };
    const { remove } = this.#states.add(look);
    const late = (): void =>
      wait.reject(
        new ClientError('timeout', `The client is ${this.state} after ${timeout} ms, not ${wanted.join(' or ')}`),
      );
    const timer = timeout === undefined ? undefined : this.setTimeout(late, timeout);
    const end = (): void => {
      remove();
      this.clearTimeout(timer);
    };
    wait.promise.then(end, end);
    look(this.state);
    return wait.promise;
  }

  /** The channel of this name, one object for each. Throws `RangeError` for an illegal name. */
  getChannel<Name extends string>(name: Name): ClientChannel<DataOf<Channels, Name>> {
    let channel = this.#channels.get(name);
    if (!channel) {
      if (!isLegalChannel(name) || /\/$|\/\//.test(name)) throw new RangeError(`Illegal channel name: ${name}`);
      const client = this;
      channel = new ClientChannel<never>(name, {
        get isHandshook() {
          return client.isHandshook;
        },
        exchange: (message, signal) => this.#exchange(message, signal),
        declare: (one) => this.#subscribe([one], false),
        failed: this.#exception,
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
    {
      timeout = this.#engine.config.maxNetworkDelay,
      signal,
      ext,
    }: { timeout?: number; signal?: AbortSignal; ext?: Record<string, unknown> } = {},
  ): Promise<CallOf<Channels, Name>['result']> {
    const channel = target.replace(/^\/?/, '/service/');
    if (!isLegalChannel(channel)) throw new RangeError(`Illegal target: ${target}`);
    const result = new Deferred<unknown>(signal);
    if (this.isDisconnected) result.reject(gone());
    else if (!signal?.aborted) {
      const id = this.#engine.nextId();
      this.#engine.remoteCall({ id, channel, data: data ?? null, ...(ext && { ext }) }, timeout, (reply) => {
        if (reply.successful !== false) result.resolve(reply.data);
        else if (reply.data === undefined) result.reject(errorOf(reply));
        else result.reject(new Error(`The remote call ${target} failed`, { cause: reply.data }));
      });
      result.promise.catch(() => this.#engine.forget(id));
    }
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
    const id = this.#engine.nextId();
    this.#probeId = id;
    try {
      await this.#exchange({ id, channel: probeChannel, data: {} });
    } catch (error) {
      if (error instanceof ClientError) throw error;
    }
  }

  addExtension(extension: ClientExtension, name = ''): Registration {
    const { extensions } = this.#engine;
    const entry = { name, extension };
    extensions.push(entry);
    extension.registered?.(name, this as never);
    return {
      remove: () => {
        const at = extensions.indexOf(entry);
        if (at < 0) return;
        extensions.splice(at, 1);
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

  /** Tries now, instead of when the next attempt is due. */
  retry(): void {
    this.#engine.hurry();
  }

  // For extensions, as on CometD

  get _engine(): Engine {
    return this.#engine;
  }

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

  #exchange(message: Message, signal?: AbortSignal): Promise<Message> {
    const reply = new Deferred<Message>(signal);
    if (this.isDisconnected) reply.reject(gone());
    else if (!signal?.aborted) {
      this.#engine.queue(message, (answer) => {
        if (answer.successful) reply.resolve(answer);
        else reply.reject(errorOf(answer));
      });
    }
    return reply.promise;
  }

  #notify(channel: string, message: Message): void {
    if (channel === '/meta/unsuccessful') {
      if (message.id !== this.#probeId) this.#emit('failure', errorOf(message), message);
      return;
    }
    this.#checks.pass(channel, message);
  }

  #deliver(channel: string, message: Message): void {
    this.#channels.get(channel)?.notify(message as Message<never>);
    for (const wild of wildsOf(channel)) this.#channels.get(wild)?.notify(message as Message<never>);
  }

  #emit<Name extends keyof BayeuxClientEvents>(name: Name, ...args: BayeuxClientEvents[Name]): void {
    this.#events[name].emit(this.#exception, ...args);
  }

  /** Something of the application threw. */
  readonly #exception = (error: unknown): void => {
    const log = (second: unknown): void => this.#engine.log('warn', ['A function of the application threw', second]);
    if (this.#events.exception.size === 0) log(error);
    this.#events.exception.emit(log, error);
  };

  // Session

  #props(): object {
    const ext = { ...this.#handshakeExt, ...this.#wallet?.credentials.ext };
    return Object.keys(ext).length > 0 ? { ext } : {};
  }

  #handshaken(reply: Message): void {
    const ack = reply.ext?.ack as { enabled?: unknown } | boolean | undefined;
    this.#condition.acknowledges = ack === true || (ack as { enabled?: unknown } | undefined)?.enabled === true;
    const channels = [...this.#channels.values()].filter(({ isSubscribed }) => isSubscribed);
    const again = this.#sessions++ > 0;
    if (again && this.#options.resubscribe === false) for (const channel of channels) channel.ended(true, gone());
    else this.#subscribe(channels, again, true);
    this.#handshake?.resolve(reply);
  }

  /** Tells the server of subscriptions; with `tells`, the application of the outcome. `ahead`: before what is queued. */
  #subscribe(channels: readonly ClientChannel<never>[], tells: boolean, ahead = false): void {
    const refused: string[] = [];
    let open = channels.length;
    for (const channel of ahead ? [...channels].reverse() : channels) {
      const settled = (error?: Error): void => {
        if (error) {
          refused.push(channel.id);
          if (this.isHandshook)
            this.#again ??= this.setTimeout(() => this.#subscribeLost(), this.#engine.config.backoffIncrement);
        }
        if (--open > 0 || !tells) return;
        const names = channels.map(({ id }) => id).filter((id) => !refused.includes(id));
        this.#emit('restored', { channels: names, refused });
      };
      this.#engine.queue(...channel.declaration(settled), ahead);
    }
  }

  /** Tells the server of the subscriptions that a broken line kept from it. */
  #subscribeLost(): void {
    this.clearTimeout(this.#again);
    this.#again = undefined;
    const lost = [...this.#channels.values()].filter((channel) => channel.isPending && channel.isLost);
    if (lost.length > 0 && this.isConnected) this.#subscribe(lost, true);
  }

  #changed(state: ClientState): void {
    if (state === 'connected') this.#connected();
    if (state === 'unconnected') this.#condition.interrupted();
    if (state === 'rehandshaking') {
      this.#engine.failRemoteCalls('Disconnected');
      for (const channel of this.#channels.values()) channel.ended(false, gone());
    }
    if (state === 'disconnected') this.#ended();
    this.#states.emit(this.#exception, state);
  }

  #connected(): void {
    if (this.#wallet) this.#wallet.renewals = 0;
    this.#subscribeLost();
    const [preferred] = this.#engine.registry.getTransportTypes();
    this.#condition.connected(`${this.id}`, `${this.transport}`, preferred);
  }

  #ended(): void {
    const reason = 'The server ended the session (disconnect, or reconnect none)';
    const { wanted, ...ending } = this.#ending ?? { reason, error: new ClientError('closed', reason) };
    const error = ending.error ?? gone();
    this.#engine.failRemoteCalls(ending.error?.code === 'aborted' ? 'abort' : 'Disconnected');
    this.#ending = undefined;
    this.clearTimeout(this.#again);
    this.#again = undefined;
    this.#unwatch?.();
    this.#unwatch = undefined;
    for (const channel of this.#channels.values()) channel.gaveUp(error);
    this.#condition.set(wanted ? { type: 'disconnected' } : { type: 'terminated', ...ending });
    this.#handshake?.reject(error);
    this.#handshake = undefined;
  }

  // Failure

  #transportFailed(message: Message, info: FailureInfo, handle: (info: FailureInfo) => void): void {
    const engine = this.#engine;
    const condition = this.#condition;
    const error = errorOf(message);
    const unknown = isUnknownSession(message.error);
    const connects = message.channel === META_CONNECT;
    engine.recover(message, info);
    if (engine.isDisconnected) {
      handle(info);
      return;
    }
    const refused = isRefusal(message) || (info.action === 'none' && info.cause === 'unsuccessful');
    condition.trouble = error;
    condition.sessionLost = connects && info.action === 'handshake';
    condition.refused = refused || !message.failure;
    if (this.#wallet && !unknown && refused) {
      this.#authenticate(this.#wallet, error, info, handle);
      return;
    }
    if (info.action === 'none' && info.cause === 'failure') {
      // No transport worked. The network may come back: all of them get another chance.
      engine.registry.reset(false);
      info.transport = engine.best();
      if (info.transport) {
        info.action = 'handshake';
        info.delay = engine.backoff.increase();
      }
    }
    if (info.action === 'none') {
      this.#ending = { reason: `The server refused (reconnect none): ${message.error ?? error.message}`, error };
    }
    handle(info);
  }

  async #authenticate(
    wallet: Wallet,
    error: Error,
    info: FailureInfo,
    handle: (info: FailureInfo) => void,
  ): Promise<void> {
    try {
      await wallet.renew(error);
      if (this.isDisconnected) return;
      this.#engine.handshakeProps = this.#props();
      info.action = 'handshake';
      info.delay = wallet.renewals > 1 ? this.#engine.backoff.increase() : this.#engine.backoff.rehandshake();
      // What was refused was perhaps not the transport. Where it was, the next renewal goes on with another.
      if (wallet.renewals === 1) this.#engine.registry.reset(false);
      info.transport = wallet.renewals === 1 ? this.#engine.best() : (info.transport ?? this.#engine.transport);
    } catch (problem) {
      this.#ending = { reason: 'Credentials could not be renewed', error: asError(problem) };
      info.action = 'none';
    }
    handle(info);
  }
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}

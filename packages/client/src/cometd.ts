/**
 * The CometD JavaScript library's object, with the API of the book's chapter 8: an application written for cometd.js
 * runs unchanged. Public methods work unbound, and those that applications replace are looked up when they are needed.
 */
import type { Advice } from '@cometd-ts/protocol';
import {
  checkChannel,
  checkEvent,
  checkHandle,
  chunk,
  cut,
  type MessageCallback,
  type MessageProps,
  needs,
  resolve,
  trailing,
} from './arguments.ts';
import { isLegalChannel } from './channel-names.ts';
import { Engine, type FailureInfo } from './engine.ts';
import type { ClientExtension } from './exchange.ts';
import type { Bytes } from './ext/binary.ts';
import { ListenerTable, type SubscriptionHandle } from './listeners.ts';
import type { Callback, Failure, Message } from './message.ts';
import { mixin } from './mixin.ts';
import type { TransportRegistry } from './negotiation.ts';
import type { ClientOptions, LogLevel } from './options.ts';
import { type Platform, world } from './platform.ts';
import { isHandshaking } from './state.ts';
import { CallbackPollingTransport } from './transport/callback-polling.ts';
import { LongPollingTransport } from './transport/long-polling.ts';
import type { TransportLike } from './transport/transport.ts';
import { WebSocketTransport } from './transport/websocket.ts';
import { workerTimers } from './worker-timers.ts';

/** What `configure` takes: a URL, or options with one. */
export type CometDConfiguration = ClientOptions & { url?: string; [name: string]: unknown };

/** Where a `CometD` object is. `connected`: a connect is with the server, or on its way there. */
export type CometDStatus = 'disconnected' | 'handshaking' | 'connecting' | 'connected' | 'disconnecting';

/** A function called with the scope as `this`, or the name of a method of the scope. */
export type ScopedCallback<Scope, Data = unknown> =
  | ((this: Scope, message: Message<Data>) => void)
  | Extract<keyof Scope, string>;

type TransportListener = (messages: Message[]) => number | undefined | void;

/** For the bindings and the platform's entries. */
export interface CometDSettings {
  platform?: Platform;
  /** Messages from the network pass `cometd.receive` even when the application has replaced it. Default true. */
  receivesThroughMethod?: boolean;
}

type Arg = MessageProps | MessageCallback | null | undefined;

export class CometD {
  readonly _engine: Engine;
  readonly _name: string;
  readonly #listeners: ListenerTable = new ListenerTable();
  readonly #transportListeners: TransportListener[] = [];
  #timers: ReturnType<typeof workerTimers>;
  #timersRead = false;

  /** Strictly false: WebSocket is not used. */
  websocketEnabled?: boolean | undefined;
  /** Strictly false: the ack extension asks for no acknowledgements. */
  ackEnabled?: boolean | undefined;
  onListenerException?:
    | ((exception: unknown, subscription: SubscriptionHandle, isListener: boolean, message: Message) => void)
    | undefined;
  onCallbackException?: ((exception: unknown, message: Message) => void) | undefined;
  onExtensionException?:
    | ((exception: unknown, extensionName: string, outgoing: boolean, message: Message) => void)
    | undefined;
  onTransportException?:
    | ((failure: Failure, oldTransportType: string | null, newTransportType: string | null) => void)
    | undefined;
  /** There while the reload extension is registered: saves the session for the next page. */
  reload?: ((configuration?: { name?: string } | Event) => void) | undefined;

  constructor(name?: string, settings: CometDSettings = {}) {
    this._name = typeof name === 'string' && name !== '' ? name : 'default';
    const through = settings.receivesThroughMethod !== false;
    const engine = new Engine(
      {
        notify: (channel, message) => this.#notify(channel, message),
        call: (callback, message) => this.#call(callback, message),
        extensionFailed: (error, extension, outgoing, message) =>
          this.#guard(
            this.onExtensionException,
            [error, extension, outgoing, message],
            ['extension', extension, error],
          ),
        receive: (message) => (through ? this.receive(message) : engine.receive(message)),
        refused: ({ subscription }) => {
          for (const channel of [subscription].flat()) if (channel) this.#listeners.clearSubscriptions(channel);
        },
        changed: (state) => {
          if (state === 'disconnected') engine.setTimeout(() => this.#timers?.end(), 0);
        },
        handshaking: () => this.#listeners.clearSubscriptions(),
        transportFailed: (message, info, handle) => this.onTransportFailure(message, info, handle),
        transportException: (failure, oldType, newType) =>
          this.#guard(this.onTransportException, [failure, oldType, newType], undefined),
        transportListeners: () => this.#transportListeners,
      },
      settings.platform ?? {},
    );
    this._engine = engine;
    bindMethods(this);
    if (settings.platform?.openWebSocket || world().WebSocket)
      this.registerTransport('websocket', new WebSocketTransport());
    this.registerTransport('long-polling', new LongPollingTransport());
    this.registerTransport('callback-polling', new CallbackPollingTransport());
  }

  // Configuration

  /** Takes options over those there are. Throws when there is no URL then. */
  configure(configuration?: string | CometDConfiguration): void {
    const { config } = this._engine;
    const options = typeof configuration === 'string' ? { url: configuration } : (configuration ?? {});
    mixin(false, config, options);
    if (!config.url) throw new Error("Missing required configuration parameter 'url' specifying the Bayeux server URL");
    this._engine.readURL();
    this.#readTimers();
  }

  /** `configure` and `handshake` in one. */
  init(configuration: string | CometDConfiguration, handshakeProps?: Arg, handshakeCallback?: MessageCallback): void {
    this.configure(configuration);
    this.handshake(handshakeProps, handshakeCallback);
  }

  #readTimers(): void {
    const { config, platform } = this._engine;
    if (this.#timersRead || !config.useWorkerScheduler || platform.setTimeout) return;
    this.#timersRead = true;
    this.#timers = workerTimers(world());
    if (this.#timers) this._engine.platform = { ...platform, ...this.#timers };
  }

  getName(): string {
    return this._name;
  }

  getURL(): string | null {
    return this._engine.getURL() || null;
  }

  getClientId(): string | null {
    return this._engine.clientId;
  }

  getStatus(): CometDStatus {
    const { state, connectSent } = this._engine;
    if (state === 'disconnected') return 'disconnected';
    if (state === 'disconnecting' || state === 'terminating') return 'disconnecting';
    if (isHandshaking(state) || state === 'handshaken') return 'handshaking';
    return connectSent ? 'connected' : 'connecting';
  }

  isDisconnected(): boolean {
    return this._engine.isDisconnected;
  }

  /** A copy of the options. */
  getConfiguration(): CometDConfiguration {
    return mixin(true, {}, this._engine.config) as CometDConfiguration;
  }

  /** A copy of what the server advised. Empty before the first handshake. */
  getAdvice(): Advice {
    return mixin(true, {}, this._engine.advice) as Advice;
  }

  setLogLevel(level: LogLevel): void {
    this._engine.config.logLevel = level;
  }

  setBackoffIncrement(ms: number): void {
    this._engine.config.backoffIncrement = ms;
  }

  getBackoffIncrement(): number {
    return this._engine.config.backoffIncrement;
  }

  getBackoffPeriod(): number {
    return this._engine.backoff.period;
  }

  increaseBackoffPeriod(): number {
    return this._engine.backoff.increase();
  }

  resetBackoffPeriod(): void {
    this._engine.backoff.reset();
  }

  setTimeout(fn: () => void, delay: number): unknown {
    return this._engine.setTimeout(fn, delay);
  }

  clearTimeout(handle: unknown): void {
    this._engine.clearTimeout(handle);
  }

  // Session

  /** Begins a session. Throws unless disconnected. The callback is called again at every later handshake. */
  handshake(handshakeProps?: Arg, handshakeCallback?: MessageCallback): void {
    const [props, callback] = trailing(handshakeProps, handshakeCallback);
    if (this._engine.state !== 'disconnected') throw new Error(`Illegal state: ${this.getStatus()}`);
    if (!this._engine.config.url) this.configure({});
    this._engine.handshake(props, callback);
  }

  /** Ends the session. Does nothing when it has ended already. An old leading boolean is ignored. */
  disconnect(disconnectProps?: Arg | boolean, disconnectCallback?: Arg, legacyCallback?: MessageCallback): void {
    if (this.isDisconnected()) return;
    const [first, second] =
      typeof disconnectProps === 'boolean'
        ? [disconnectCallback, legacyCallback]
        : [disconnectProps, disconnectCallback];
    const [props, callback] = trailing(first, second);
    this._engine.disconnect(props, callback);
  }

  startBatch(): void {
    this._engine.startBatch();
  }

  endBatch(): void {
    this._engine.endBatch();
  }

  /** Sends what `callback` sends together. */
  batch(callback: () => void): void;
  batch<Scope>(scope: Scope, callback: ((this: Scope) => void) | Extract<keyof Scope, string>): void;
  batch(scope: unknown, callback?: unknown): void {
    const [context, method] = resolve(scope, callback);
    const { batches } = this._engine;
    const end = (): void => {
      if (this._engine.batches === batches) this.endBatch();
    };
    this.startBatch();
    try {
      (method as () => void).call(context);
    } catch (error) {
      this._info('Exception during execution of batch', error);
      end();
      throw error;
    }
    end();
  }

  // Listeners and subscriptions

  /** Hears the messages of a channel that arrive anyway, meta channels included. Local; survives handshakes. */
  addListener<Data = unknown>(channel: string, callback: MessageCallback<Data>): SubscriptionHandle;
  addListener<Scope, Data = unknown>(
    channel: string,
    scope: Scope,
    callback: ScopedCallback<Scope, Data>,
  ): SubscriptionHandle;
  addListener(channel: string, ...rest: unknown[]): SubscriptionHandle {
    needs(2, channel === undefined ? 0 : rest.length + 1);
    if (typeof channel !== 'string') throw new Error('Illegal argument type: channel must be a string');
    const [scope, callback] = resolve(rest[0], rest[1]);
    return this.#listeners.add(channel, scope, callback, true);
  }

  removeListener(handle: SubscriptionHandle): void {
    checkHandle(handle);
    this.#listeners.remove(handle);
  }

  /** Drops all listeners and subscriptions, here only. */
  clearListeners(): void {
    this.#listeners.clear();
  }

  /** Hears what is published to a channel. The first subscription to it tells the server. */
  subscribe<Data = unknown>(
    channel: string,
    callback: MessageCallback<Data>,
    subscribeProps?: Arg,
    subscribeCallback?: MessageCallback,
  ): SubscriptionHandle;
  subscribe<Scope, Data = unknown>(
    channel: string,
    scope: Scope,
    callback: ScopedCallback<Scope, Data>,
    subscribeProps?: Arg,
    subscribeCallback?: MessageCallback,
  ): SubscriptionHandle;
  subscribe(channel: string, ...rest: unknown[]): SubscriptionHandle {
    needs(2, channel === undefined ? 0 : rest.length + 1);
    checkChannel(channel);
    this.#checkConnected();
    const [scope, callback, used] = resolve(rest[0], rest[1]);
    const [props, subscribeCallback] = trailing(rest[used], rest[used + 1]);
    const isFirst = !this.#listeners.isSubscribed(channel);
    const handle = this.#listeners.add(channel, scope, callback, false);
    this.#tell('/meta/subscribe', channel, isFirst, props, subscribeCallback);
    return handle;
  }

  /** Ends a subscription. The end of the last one tells the server. */
  unsubscribe(handle: SubscriptionHandle, unsubscribeProps?: Arg, unsubscribeCallback?: MessageCallback): void {
    needs(1, handle === undefined ? 0 : 1);
    this.#checkConnected();
    checkHandle(handle);
    const [props, callback] = trailing(unsubscribeProps, unsubscribeCallback);
    this.#listeners.remove(handle);
    const { channel } = handle;
    this.#tell('/meta/unsubscribe', channel, !this.#listeners.isSubscribed(channel), props, callback);
  }

  /** Subscribes again what a handshake has ended; answers the new handle. */
  resubscribe(handle?: SubscriptionHandle | null, subscribeProps?: MessageProps): SubscriptionHandle | undefined {
    if (!handle) return undefined;
    if (!handle.listener) this.#listeners.remove(handle);
    return this.subscribe(handle.channel, handle.scope, handle.callback as never, subscribeProps);
  }

  /** Drops all subscriptions, here only. */
  clearSubscriptions(): void {
    this.#listeners.clearSubscriptions();
  }

  #tell(channel: string, subscription: string, sends: boolean, props: object | undefined, callback?: Callback): void {
    if (sends) this._engine.queue({ ...props, id: this._engine.nextId(), channel, subscription }, callback);
    else if (callback) {
      const id = this._engine.nextId();
      this.setTimeout(() => this.#call(callback, { id, successful: true, channel, subscription }), 0);
    }
  }

  // Messages

  /** Publishes to a channel. The callback hears whether the server took the message. */
  publish(channel: string, publishCallback: MessageCallback): void;
  publish<Data = unknown>(channel: string, content: Data, publishProps?: Arg, publishCallback?: MessageCallback): void;
  publish(channel: string, ...values: unknown[]): void {
    needs(1, channel === undefined ? 0 : 1);
    checkChannel(channel);
    if (/^\/meta\//.test(channel)) throw new Error('Illegal argument: cannot publish to meta channels');
    this.#checkConnected();
    const [[data = values[0] && {}, props], callback] = cut(values);
    this._engine.queue({ ...(props as object), id: this._engine.nextId(), channel, data }, callback);
  }

  /** Publishes bytes; the binary extension must be registered. `last`: no chunk follows, which is the default. */
  publishBinary(channel: string, publishCallback: MessageCallback): void;
  publishBinary(channel: string, data: Bytes, publishCallback: MessageCallback): void;
  publishBinary(channel: string, data: Bytes, last: boolean | undefined, publishCallback: MessageCallback): void;
  publishBinary(
    channel: string,
    data: Bytes,
    last: boolean | undefined,
    meta: object | null | undefined,
    publishCallback: MessageCallback,
  ): void;
  publishBinary(
    channel: string,
    data: Bytes,
    last?: boolean,
    meta?: object | null,
    publishProps?: MessageProps | null,
    publishCallback?: MessageCallback,
  ): void;
  publishBinary(channel: string, ...values: unknown[]): void {
    const [[data, last, meta, props], callback] = cut(values);
    this.publish(channel, ...chunk(data, last, meta, props), callback as MessageCallback);
  }

  /** Calls a method of the server. `timeout` in ms; default `maxNetworkDelay`; 0 waits for ever. */
  remoteCall<Result = unknown>(target: string, callback: MessageCallback<Result>): void;
  remoteCall<Result = unknown>(target: string, content: unknown, callback: MessageCallback<Result>): void;
  remoteCall<Result = unknown>(
    target: string,
    content: unknown,
    timeout?: number,
    callback?: MessageCallback<Result>,
  ): void;
  remoteCall<Result = unknown>(
    target: string,
    content: unknown,
    timeout: number | undefined,
    callProps: MessageProps | null | undefined,
    callback?: MessageCallback<Result>,
  ): void;
  remoteCall(target: string, ...values: unknown[]): void {
    needs(1, target === undefined ? 0 : 1);
    if (typeof target !== 'string') throw new Error('Illegal argument type: target must be a string');
    this.#checkConnected();
    const [[data = {}, timeout, props], callback] = cut(values);
    const delay = timeout ?? this._engine.config.maxNetworkDelay;
    if (typeof delay !== 'number') throw new Error('Illegal argument type: timeout must be a number');
    const path = target.replace(/^\/?/, '/');
    const channel = `/service${path}`;
    if (!isLegalChannel(channel)) throw new Error(`Illegal argument: invalid target ${path}`);
    this._engine.remoteCall({ ...(props as object), id: this._engine.nextId(), channel, data }, delay, callback);
  }

  remoteCallBinary<Result = unknown>(target: string, callback: MessageCallback<Result>): void;
  remoteCallBinary<Result = unknown>(target: string, data: Bytes, callback: MessageCallback<Result>): void;
  remoteCallBinary<Result = unknown>(
    target: string,
    data: Bytes,
    last: boolean | undefined,
    callback: MessageCallback<Result>,
  ): void;
  remoteCallBinary<Result = unknown>(
    target: string,
    data: Bytes,
    last: boolean | undefined,
    meta: object | null | undefined,
    callback: MessageCallback<Result>,
  ): void;
  remoteCallBinary<Result = unknown>(
    target: string,
    data: Bytes,
    last: boolean | undefined,
    meta: object | null | undefined,
    timeout: number | undefined,
    callback: MessageCallback<Result>,
  ): void;
  remoteCallBinary<Result = unknown>(
    target: string,
    data: Bytes,
    last?: boolean,
    meta?: object | null,
    timeout?: number,
    callProps?: MessageProps | null,
    callback?: MessageCallback<Result>,
  ): void;
  remoteCallBinary(target: string, ...values: unknown[]): void {
    const [[data, last, meta, timeout, props], callback] = cut(values);
    const [bytes, marked] = chunk(data, last, meta, props);
    this.remoteCall(target, bytes, timeout as number, marked, callback as MessageCallback);
  }

  /** Sends a complete message through the extensions. */
  send(message: Message): void {
    this._engine.queue(message);
  }

  /** Treats a message as if it had arrived. */
  receive(message: Message): void {
    this._engine.receive(message);
  }

  // Extensions

  registerExtension(name: string, extension: ClientExtension): boolean {
    needs(2, name === undefined ? 0 : extension === undefined ? 1 : 2);
    if (typeof name !== 'string') throw new Error('Illegal argument type: extension name must be a string');
    const { extensions } = this._engine;
    if (this.getExtension(name)) {
      this._info(
        'Could not register extension with name',
        name,
        'since another extension with the same name already exists',
      );
      return false;
    }
    extensions.push({ name, extension });
    extension.registered?.(name, this as never);
    return true;
  }

  unregisterExtension(name: string): boolean {
    if (typeof name !== 'string') throw new Error('Illegal argument type: extension name must be a string');
    const { extensions } = this._engine;
    const at = extensions.findIndex((entry) => entry.name === name);
    if (at < 0) return false;
    const [removed] = extensions.splice(at, 1);
    removed?.extension.unregistered?.();
    return true;
  }

  getExtension<Found extends ClientExtension = ClientExtension>(name: string): Found | null {
    return (this._engine.extensions.find((entry) => entry.name === name)?.extension as Found | undefined) ?? null;
  }

  // Transports

  /** Adds a transport, last if there is no index. False: the type is there already. */
  registerTransport(type: string, transport: TransportLike, index?: number): boolean {
    if (!this._engine.registry.add(type, transport, index)) return false;
    transport.registered?.(type, this as never);
    return true;
  }

  unregisterTransport(type: string): TransportLike | null {
    const transport = this._engine.registry.remove(type);
    transport?.unregistered?.();
    return transport;
  }

  unregisterTransports(): void {
    this._engine.registry.clear();
  }

  getTransportTypes(): string[] {
    return this._engine.registry.getTransportTypes();
  }

  findTransport(type: string): TransportLike | null {
    return this._engine.registry.find(type);
  }

  getTransportRegistry(): TransportRegistry {
    return this._engine.registry;
  }

  getTransport(): TransportLike | null {
    return this._engine.transport;
  }

  /** Hears of messages that are about to time out; answering ms gives them so much more time. */
  addTransportListener(event: 'timeout', listener: TransportListener): void {
    checkEvent(event);
    this.#transportListeners.push(listener);
  }

  removeTransportListener(event: 'timeout', listener: TransportListener): boolean {
    if (event !== 'timeout') return false;
    const at = this.#transportListeners.indexOf(listener);
    if (at >= 0) this.#transportListeners.splice(at, 1);
    return at >= 0;
  }

  /** What is done when a handshake or a connect failed. Applications may replace it; it must call the handler. */
  onTransportFailure(message: Message, failureInfo: FailureInfo, failureHandler: (info: FailureInfo) => void): void {
    this._engine.recover(message, failureInfo);
    failureHandler(failureInfo);
  }

  // What extensions and bindings use

  get _platform(): Platform {
    return this._engine.platform;
  }

  _debug(...args: unknown[]): void {
    this._engine.log('debug', args);
  }

  _info(...args: unknown[]): void {
    this._engine.log('info', args);
  }

  _warn(...args: unknown[]): void {
    this._engine.log('warn', args);
  }

  _mixin(deep: boolean, target: object, ...objects: unknown[]): object {
    return mixin(deep, target, ...objects);
  }

  _getCallback(id: string | undefined): Callback | undefined {
    return id === undefined ? undefined : this._engine.getCallback(id);
  }

  _putCallback(id: string | undefined, callback: Callback | undefined): Callback | undefined {
    return id === undefined ? undefined : this._engine.putCallback(id, callback as Callback);
  }

  _getTransportListeners(event: string): readonly TransportListener[] {
    checkEvent(event);
    return this.#transportListeners;
  }

  // Calls of the application

  #checkConnected(): void {
    if (this.isDisconnected()) throw new Error('Illegal state: disconnected');
  }

  #notify(channel: string, message: Message): void {
    this.#listeners.visit(channel, (handle) => {
      if (!handle.listener && message.data === undefined && !channel.startsWith('/meta/')) return;
      try {
        handle.callback.call(handle.scope, message);
      } catch (error) {
        this.#guard(this.onListenerException, [error, handle, handle.listener, message], ['listener', handle, error]);
      }
    });
  }

  #call(callback: Callback, message: Message): void {
    try {
      callback.call(this, message);
    } catch (error) {
      this.#guard(this.onCallbackException, [error, message], ['callback', message, error]);
    }
  }

  /** Tells a hook of the application; without one, the console. */
  #guard<Args extends unknown[]>(
    hook: ((...args: Args) => void) | undefined,
    args: Args,
    otherwise: unknown[] | undefined,
  ): void {
    if (typeof hook !== 'function') {
      if (otherwise) this._info('Exception during execution of', ...otherwise);
      return;
    }
    try {
      hook.apply(this, args);
    } catch (error) {
      this._info('Exception during execution of an exception callback', error);
    }
  }
}

/** Makes every method of an object work without it: `const { publish } = cometd`. */
function bindMethods(cometd: object): void {
  const target = cometd as Record<string, unknown>;
  let prototype: object = Object.getPrototypeOf(cometd) as object;
  while (prototype !== Object.prototype) {
    for (const name of Object.getOwnPropertyNames(prototype)) {
      const method = Object.getOwnPropertyDescriptor(prototype, name)?.value as unknown;
      if (name === 'constructor' || typeof method !== 'function' || Object.hasOwn(target, name)) continue;
      target[name] = method.bind(cometd);
    }
    prototype = Object.getPrototypeOf(prototype) as object;
  }
}

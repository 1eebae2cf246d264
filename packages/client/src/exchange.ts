/** Messages out and in: ids, extensions, batches, callbacks, remote calls, and what becomes of messages that fail. */

import { createLog, type Log } from './log.ts';
import type { Callback, Failure, Message } from './message.ts';
import { type Configuration, defaultConfiguration } from './options.ts';
import { type Platform, startTimer, stopTimer } from './platform.ts';
import type { TransportLike } from './transport/transport.ts';

/** Sees every message on its way. Undefined: the same message; null: the message is deleted. */
export interface ClientExtension {
  registered?(name: string, client: never): void;
  unregistered?(): void;
  incoming?(message: Message): Message | null | undefined | void;
  outgoing?(message: Message): Message | null | undefined | void;
}

/** What the engine tells the face that stands on it. Every function of the application is called by the face. */
export interface Face {
  /** A message for the listeners of a channel; its callback has been called. */
  notify(channel: string, message: Message): void;
  /** Calls a callback of the application. */
  call(callback: Callback, message: Message): void;
  /** An extension threw; the message goes on as it was. */
  extensionFailed(error: unknown, name: string, outgoing: boolean, message: Message): void;
  /** A message from the network. */
  receive(message: Message): void;
  /** A subscription was refused, or never reached the server. Nobody has been told yet. */
  refused(message: Message): void;
  /** An extension deleted a message on its way out. */
  deleted?(message: Message, callback: Callback | undefined): void;
}

interface RemoteCall {
  readonly channel: string;
  readonly callback: Callback | undefined;
  readonly timer: unknown;
}

export abstract class Exchange<F extends Face = Face> {
  readonly config: Configuration = defaultConfiguration();
  platform: Platform;
  readonly face: F;
  readonly log: Log;
  readonly extensions: { readonly name: string; readonly extension: ClientExtension }[] = [];
  clientId: string | null = null;
  transport: TransportLike | null = null;
  /** Holds messages back until the handshake is answered. */
  protected held = false;
  #depth = 0;
  /** Changes when all batches end at once: who ends one of before then does nothing. */
  batches = 0;
  #queue: Message[] = [];
  #ids = 0;
  /** Ids of messages that were sent and not answered. */
  readonly #outstanding: Set<string> = new Set();
  readonly #callbacks: Map<string, Callback> = new Map();
  readonly #remoteCalls: Map<string, RemoteCall> = new Map();

  constructor(face: F, platform: Platform) {
    this.face = face;
    this.platform = platform;
    this.log = createLog(platform, () => this.config.logLevel);
  }

  abstract get isDisconnected(): boolean;
  /** The URL for messages that go to this channel. */
  protected abstract urlFor(channel?: string): string;
  protected abstract failed(message: Message): void;

  nextId(): string {
    return String(++this.#ids);
  }

  setTimeout(fn: () => void, ms: number): unknown {
    return startTimer(
      this.platform,
      () => {
        try {
          fn();
        } catch (error) {
          this.log('debug', ['Exception invoking timed function', error]);
        }
      },
      ms,
    );
  }

  clearTimeout(handle: unknown): void {
    stopTimer(this.platform, handle);
  }

  // Batches

  get isBatching(): boolean {
    return this.#depth > 0;
  }

  startBatch(): void {
    this.#depth++;
  }

  /** Answers whether the messages of the batch went out. */
  endBatch(): boolean {
    if (this.#depth === 0) throw new Error('Calls to startBatch() and endBatch() are not paired');
    if (--this.#depth > 0 || this.held || this.isDisconnected) return false;
    this.flush();
    return true;
  }

  protected endBatches(): void {
    this.#depth = 0;
    this.batches++;
  }

  flush(): void {
    const messages = this.#queue;
    if (messages.length === 0 || this.#depth > 0 || this.held) return;
    this.#queue = [];
    this.transmit(messages, false);
  }

  /** Messages that were never sent fail. */
  protected failQueue(failure: Failure): void {
    const messages = this.#queue;
    this.#queue = [];
    this.fail(undefined, messages, { ...failure, sent: 'no' });
  }

  // Out

  /** Sends a message, or keeps it while a batch or a handshake is open. */
  queue(message: Message, callback?: Callback): void {
    message.id ??= this.nextId();
    if (callback) this.putCallback(message.id, callback);
    if (this.#depth > 0 || this.held) this.#queue.push(message);
    else this.transmit([message], false);
  }

  /** Puts messages before all that is queued. */
  protected queueFirst(messages: Message[]): void {
    this.#queue.unshift(...messages);
  }

  putCallback(id: string, callback: Callback): Callback | undefined {
    const previous = this.getCallback(id);
    if (typeof callback === 'function') this.#callbacks.set(id, callback);
    return previous;
  }

  getCallback(id: string): Callback | undefined {
    return this.#callbacks.get(id);
  }

  /** Hands messages to the transport, now. Answers whether any was left by the extensions. */
  transmit(messages: readonly Message[], metaConnect: boolean, channel?: string): boolean {
    const { transport } = this;
    const outgoing: Message[] = [];
    for (const message of messages) {
      if (this.clientId !== null) message.clientId = this.clientId;
      const changed = this.#outgoing(message);
      if (changed) {
        if (message.id !== undefined) changed.id = message.id;
        outgoing.push(changed);
      } else this.#deleted(message);
    }
    if (outgoing.length === 0) return false;
    if (!transport) {
      this.setTimeout(() => this.fail(undefined, outgoing, { reason: 'Disconnected', sent: 'no' }), 0);
      return true;
    }
    const envelope = {
      url: this.urlFor(channel),
      sync: false as const,
      messages: outgoing,
      onSuccess: (received: Message[]) => this.#received(received),
      onFailure: (conduit: unknown, lost: Message[], failure: Failure) => this.#lost(transport, conduit, lost, failure),
    };
    for (const { id } of outgoing) if (id !== undefined) this.#outstanding.add(id);
    this.log('debug', ['Send', envelope]);
    try {
      transport.send(envelope, metaConnect);
    } catch (exception) {
      this.log('debug', ['Could not send', exception]);
      this.setTimeout(() => this.#lost(transport, undefined, outgoing, { exception, sent: 'no' }), 0);
    }
    return true;
  }

  #deleted(message: Message): void {
    const callback = message.id === undefined ? undefined : this.getCallback(message.id);
    if (message.id !== undefined) {
      this.#callbacks.delete(message.id);
      this.#takeRemoteCall(message.id);
    }
    this.face.deleted?.(message, callback);
  }

  #outgoing(message: Message): Message | null {
    let result: Message | null = message;
    for (const { name, extension } of [...this.extensions].reverse()) {
      if (!result) return null;
      result = this.#extend(name, extension, extension.outgoing, result, true);
    }
    return result;
  }

  #incoming(message: Message): Message | null {
    let result: Message | null = message;
    for (const { name, extension } of [...this.extensions]) {
      if (!result) return null;
      result = this.#extend(name, extension, extension.incoming, result, false);
    }
    return result;
  }

  #extend(
    name: string,
    extension: ClientExtension,
    visit: ClientExtension['incoming'],
    message: Message,
    outgoing: boolean,
  ): Message | null {
    if (typeof visit !== 'function') return message;
    try {
      const result = visit.call(extension, message);
      return result === undefined ? message : result;
    } catch (error) {
      this.face.extensionFailed(error, name, outgoing, message);
      return message;
    }
  }

  // In

  #received(messages: Message[]): void {
    this.log('debug', ['Received', messages]);
    for (const message of messages) {
      try {
        this.face.receive(message);
      } catch (error) {
        // One bad message never harms its neighbours.
        this.log('warn', ['Could not process a message', message, error]);
      }
    }
  }

  /** A message that arrived, or is to be treated as if it had. */
  receive(message: Message): void {
    const changed = this.#incoming(message);
    if (!changed) {
      if (message.id !== undefined) this.#callbacks.delete(`${message.id}`);
      return;
    }
    const answers = changed.id !== undefined && this.#outstanding.has(changed.id);
    if (changed.id !== undefined && (changed.data === undefined || changed.successful !== undefined)) {
      this.#outstanding.delete(changed.id);
    }
    this.process(changed, answers);
  }

  /** Does what a message says, after the extensions. `answers`: one of ours waited for it. */
  protected abstract process(message: Message, answers: boolean): void;

  #lost(transport: TransportLike, conduit: unknown, messages: Message[], failure: Failure): void {
    const connectionType = `${transport.type ?? transport.getType?.()}`;
    this.fail(conduit, messages, { connectionType, ...failure });
  }

  /** Fails messages that were sent, or would have been: each becomes an unsuccessful reply made here. */
  fail(conduit: unknown, messages: readonly Message[], failure: Failure): void {
    for (const message of messages) {
      const { id, channel, subscription } = message;
      if (id !== undefined) this.#outstanding.delete(id);
      this.failed({
        ...(id !== undefined && { id }),
        channel,
        successful: false,
        ...(subscription !== undefined && { subscription }),
        failure: { ...failure, message, transport: conduit },
      });
    }
  }

  /** Gives a reply to its callback, to the listeners of its channel, and to those of everything unsuccessful. */
  protected settle(channel: string, message: Message): void {
    if (channel === '/meta/subscribe' && message.successful !== true) this.face.refused(message);
    this.answer(message);
    this.face.notify(channel, message);
    if (message.successful !== true) this.face.notify('/meta/unsuccessful', message);
  }

  protected answer(message: Message): void {
    const { id } = message;
    if (id === undefined) return;
    const callback = this.#callbacks.get(id);
    if (!callback) return;
    this.#callbacks.delete(id);
    this.face.call(callback, message);
  }

  // Remote calls

  /** Calls a method of the server: a message to a service channel, whose answer has the same id. */
  remoteCall(message: Message, timeout: number, callback?: Callback): void {
    message.id ??= this.nextId();
    const { id, channel } = message;
    const timer =
      timeout > 0
        ? this.setTimeout(() => {
            const call = this.#takeRemoteCall(id);
            if (!call) return;
            const reply = { id, error: '406::timeout', successful: false } as Message;
            reply.failure = { message, reason: 'Remote Call Timeout', sent: 'perhaps' };
            if (call.callback) this.face.call(call.callback, reply);
          }, timeout)
        : undefined;
    this.#remoteCalls.set(id, { channel, callback, timer });
    this.queue(message);
  }

  /** Forgets a remote call: its answer finds nobody. */
  cancelRemoteCall(id: string): void {
    this.#takeRemoteCall(id);
  }

  #takeRemoteCall(id: string | undefined): RemoteCall | undefined {
    const call = id === undefined ? undefined : this.#remoteCalls.get(id);
    if (!call) return undefined;
    this.#remoteCalls.delete(id as string);
    this.clearTimeout(call.timer);
    return call;
  }

  /** Answers a remote call, if the message is its answer and somebody waits for it. */
  protected answerRemoteCall(message: Message): boolean {
    const call = message.id === undefined ? undefined : this.#remoteCalls.get(message.id);
    if (!call || (message.channel && message.channel !== call.channel)) return false;
    this.#takeRemoteCall(message.id);
    if (!call.callback) return false;
    this.face.call(call.callback, message);
    return true;
  }
}

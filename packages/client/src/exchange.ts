/** Messages out and in: ids, extensions, batches, callbacks, remote calls, and what becomes of messages that fail. */

import { createLog, type Log } from './log.ts';
import type { Callback, Failure, Message } from './message.ts';
import { typeOf } from './negotiation.ts';
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
  /** A message from the network, for `receive`. */
  receive(message: Message): void;
  /** A subscription was refused, or never reached the server. Nobody has been told yet. */
  refused?(message: Message): void;
  /** An extension deleted a message on its way out. */
  deleted?(message: Message, callback: Callback | undefined): void;
}

/** A message of ours that somebody has an interest in. */
interface Open {
  callback?: Callback | undefined;
  /** It is on its way, and not answered. */
  sent?: boolean;
  /** The channel of a remote call, and the timer that ends the wait for its answer. */
  target?: string;
  timer?: unknown;
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
  /** Changes when all batches end at once: who ends one of before then does nothing. */
  batches = 0;
  #depth = 0;
  #queue: Message[] = [];
  #ids = 0;
  readonly #open: Map<string, Open> = new Map();

  constructor(face: F, platform: Platform) {
    this.face = face;
    this.platform = platform;
    this.log = createLog(platform, () => this.config.logLevel);
  }

  abstract get isDisconnected(): boolean;
  /** The URL for messages that go to this channel. */
  protected abstract urlFor(channel?: string): string;
  /** Does what a message says, after the extensions. `answers`: one of ours waited for it. */
  protected abstract process(message: Message, answers: boolean): void;
  protected abstract failed(message: Message): void;

  nextId(): string {
    return String(++this.#ids);
  }

  setTimeout(fn: () => void, ms: number): unknown {
    const run = (): void => {
      try {
        fn();
      } catch (error) {
        this.log('debug', ['Exception invoking timed function', error]);
      }
    };
    return startTimer(this.platform, run, ms);
  }

  clearTimeout(handle: unknown): void {
    stopTimer(this.platform, handle);
  }

  // Batches

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
    if (this.#queue.length > 0 && this.#depth === 0 && !this.held) this.transmit(this.#queue.splice(0));
  }

  /** Messages that were never sent fail. */
  protected failQueue(reason: string): void {
    this.fail(undefined, this.#queue.splice(0), { reason, sent: 'no' });
  }

  // Out

  /** Sends a message, or keeps it while a batch or a handshake is open: behind the others, or `ahead` of them. */
  queue(message: Message, callback?: Callback, ahead = false): void {
    message.id ??= this.nextId();
    if (callback) this.putCallback(message.id, callback);
    if (this.#depth === 0 && !this.held) this.transmit([message]);
    else if (ahead) this.#queue.unshift(message);
    else this.#queue.push(message);
  }

  /** Answers the callback there was. */
  putCallback(id: string, callback: Callback | undefined): Callback | undefined {
    const previous = this.getCallback(id);
    if (typeof callback === 'function') this.#of(id).callback = callback;
    return previous;
  }

  getCallback(id: string): Callback | undefined {
    return this.#open.get(id)?.callback;
  }

  #of(id: string): Open {
    let open = this.#open.get(id);
    if (!open) {
      open = {};
      this.#open.set(id, open);
    }
    return open;
  }

  /** Forgets a message: an answer finds nobody. */
  forget(id: string | undefined): Open | undefined {
    const open = this.#open.get(id as string);
    this.#open.delete(id as string);
    this.clearTimeout(open?.timer);
    return open;
  }

  /** Hands messages to the transport, now. */
  transmit(messages: readonly Message[], channel?: string): void {
    const { transport } = this;
    const outgoing: Message[] = [];
    for (const message of messages) {
      const { id } = message;
      if (this.clientId !== null) message.clientId = this.clientId;
      const changed = this.#extend(message, 'outgoing');
      if (!changed) {
        this.face.deleted?.(message, this.forget(id)?.callback);
        continue;
      }
      if (id !== undefined) {
        changed.id = id;
        this.#of(id).sent = true;
      }
      outgoing.push(changed);
    }
    if (outgoing.length === 0) return;
    const onFailure = (conduit: unknown, lost: Message[], failure: Failure): void =>
      this.fail(conduit, lost, { connectionType: `${typeOf(transport)}`, ...failure });
    try {
      if (!transport) throw new Error('Disconnected');
      transport.send(
        {
          url: this.urlFor(channel),
          sync: false,
          messages: outgoing,
          onSuccess: (received) => this.#received(received),
          onFailure,
        },
        channel === '/meta/connect',
      );
      this.log('debug', ['Send', outgoing]);
    } catch (exception) {
      this.log('debug', ['Could not send', exception]);
      const failure: Failure = transport ? { exception } : { reason: 'Disconnected' };
      this.setTimeout(() => onFailure(undefined, outgoing, { ...failure, sent: 'no' }), 0);
    }
  }

  /** Shows a message to the extensions: those who see what goes out come in reverse. */
  #extend(message: Message, way: 'incoming' | 'outgoing'): Message | null {
    const entries = [...this.extensions];
    if (way === 'outgoing') entries.reverse();
    let result = message as Message | null;
    for (const { name, extension } of entries) {
      const before: Message | null = result;
      if (!before) return null;
      try {
        const changed = extension[way]?.(before) as Message | null | undefined;
        if (changed !== undefined) result = changed;
      } catch (error) {
        this.face.extensionFailed(error, name, way === 'outgoing', before);
      }
    }
    return result;
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
    const changed = this.#extend(message, 'incoming');
    const open = this.#open.get((changed ?? message).id as string);
    if (!changed) {
      if (open && !open.target) this.forget(message.id);
      return;
    }
    const answers = open?.sent === true;
    // The server answers a remote call twice: that it has it, and its result.
    if (open && !open.target && (changed.data === undefined || changed.successful !== undefined)) {
      open.sent = false;
      if (!open.callback) this.forget(changed.id);
    }
    this.process(changed, answers);
  }

  /** Fails messages that were sent, or would have been: each becomes an unsuccessful reply made here. */
  fail(conduit: unknown, messages: readonly Message[], failure: Failure): void {
    for (const message of messages) {
      const { id, channel, subscription } = message;
      const open = this.#open.get(id as string);
      if (open) open.sent = false;
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
    const failed = message.successful !== true;
    if (failed && channel === '/meta/subscribe') this.face.refused?.(message);
    const open = this.#open.get(message.id as string);
    if (open && !open.target) {
      this.forget(message.id);
      if (open.callback) this.face.call(open.callback, message);
    }
    this.face.notify(channel, message);
    if (failed) this.face.notify('/meta/unsuccessful', message);
  }

  // Remote calls

  /** Calls a method of the server: a message to a service channel, whose answer has the same id. */
  remoteCall(message: Message, timeout: number, callback?: Callback): void {
    const id = message.id ?? this.nextId();
    message.id = id;
    const open = this.#of(id);
    open.callback = callback;
    open.target = message.channel;
    if (timeout > 0) {
      open.timer = this.setTimeout(() => {
        const failure: Failure = { message, reason: 'Remote Call Timeout', sent: 'perhaps' };
        this.answerRemoteCall({ id, error: '406::timeout', successful: false, failure } as Message);
      }, timeout);
    }
    this.queue(message);
  }

  /** Remote calls that are under way will not be answered: their session is over. */
  failRemoteCalls(reason: string): void {
    for (const [id, { target, sent }] of this.#open) {
      if (!target || !sent) continue;
      this.answerRemoteCall({ id, channel: target, successful: false, failure: { reason, sent: 'perhaps' } });
    }
  }

  /** Answers a remote call, if the message is its answer and somebody waits for it. */
  protected answerRemoteCall(message: Message): boolean {
    const { id, channel } = message;
    const open = this.#open.get(id as string);
    if (!open?.target || (channel && channel !== open.target)) return false;
    this.forget(id);
    if (open.callback) this.face.call(open.callback, message);
    return Boolean(open.callback);
  }
}

/** The engine both clients stand on: handshake, connect, disconnect, advice, and what follows when they fail. */
import { type Advice, META_CONNECT, META_DISCONNECT, META_HANDSHAKE } from '@cometd-ts/protocol';
import { Backoff } from './backoff.ts';
import { isUnknownSession } from './error.ts';
import { Exchange, type Face } from './exchange.ts';
import type { Callback, Failure, Message } from './message.ts';
import { TransportRegistry, typeOf } from './negotiation.ts';
import { delayOf, world } from './platform.ts';
import { type ClientState, isHandshaking, isHandshook, isLeaving, moves } from './state.ts';
import type { TransportLike } from './transport/transport.ts';

/** What goes wrong at the level of the session, and what is to be done about it. A failure policy may change it. */
export interface FailureInfo {
  cause: 'negotiation' | 'unsuccessful' | 'failure';
  action: 'none' | 'retry' | 'handshake';
  transport: TransportLike | null;
  /** How long to wait, in ms. */
  delay?: number;
  /** Where to go from now on. */
  url?: string;
  [field: string]: unknown;
}

type Action = FailureInfo['action'];

/** What the engine tells its face beyond single messages. */
export interface SessionFace extends Face {
  changed(state: ClientState, previous: ClientState): void;
  /** A handshake begins: what was subscribed to is gone. */
  handshaking?(): void;
  /** The handshake succeeded, and everybody knows: the last moment to add to the first batch. Without this, what was queued meanwhile goes out before anybody knows. */
  handshaken?(reply: Message): void;
  /** A handshake or connect failed; calls `handle` with what is to be done. */
  transportFailed(message: Message, info: FailureInfo, handle: (info: FailureInfo) => void): void;
  transportException?(failure: Failure, oldType: string | null, newType: string | null): void;
  /** Listeners for transport events. */
  transportListeners?(event: string): readonly ((messages: Message[]) => unknown)[];
  /** The connection broke between two connects. The next one is on its way. */
  interrupted?(failure: Failure): void;
  /** An attempt begins in so many ms. */
  waiting?(delay: number): void;
}

const version = '1.0';

/** An id travels with every message: one that would fill them is no id. */
const longestId = 1000;

export class Engine extends Exchange<SessionFace> {
  readonly registry: TransportRegistry = new TransportRegistry();
  readonly backoff: Backoff = new Backoff(this.config);
  state: ClientState = 'disconnected';
  advice: Advice = {};
  /** Fields for the handshakes from now on. */
  handshakeProps: object | undefined;
  /** Whether a connect is with the transport. */
  connectSent = false;
  /** Whether a server that ends the session without a word is asked again, with other credentials. */
  renews = false;
  #crossDomain = false;
  #handshakeCallback: Callback | undefined;
  /** The handshake and the connect whose reply is waited for. */
  #handshakeId: string | undefined;
  #connectId: string | undefined;
  /** Whether the last connect succeeded. */
  #connected = false;
  /** When the first of a row of failed connects failed. */
  #failingSince = 0;
  #reestablish = false;
  #scheduled: unknown;
  /** Messages the handshake reply announced, which must be here before the first connect. */
  #expected = 0;
  #ready: (() => void) | undefined;

  get isDisconnected(): boolean {
    return isLeaving(this.state);
  }

  transportListeners(event: string): readonly ((messages: Message[]) => unknown)[] {
    return this.face.transportListeners?.(event) ?? [];
  }

  move(state: ClientState): void {
    const previous = this.state;
    if (previous === state || !moves[previous].includes(state)) return;
    this.state = state;
    this.log('debug', ['Status', previous, '->', state]);
    this.face.changed(state, previous);
  }

  // URLs

  getURL(): string {
    const { transport, config } = this;
    return transport?.url || transport?.getURL?.() || config.urls[`${typeOf(transport)}`] || config.url || '';
  }

  /** Learns what there is to learn from the URL: whether it is on another origin, and whether it can be appended to. */
  readURL(): void {
    const { config } = this;
    const [, host, path = '', query] = /^(?:https?:\/\/([^/?#]*))?([^?#]*)(.*)$/.exec(config.url ?? '') ?? [];
    const here = world().location?.host;
    this.#crossDomain = Boolean(here && host && host !== here);
    if (!config.appendMessageTypeToURL || !(query || /\.[^/]*\/?$/.test(path))) return;
    this.log('info', [
      'Appending message type to URL',
      config.url,
      'is not supported: appendMessageTypeToURL is off now',
    ]);
    config.appendMessageTypeToURL = false;
  }

  protected override urlFor(channel?: string): string {
    const url = this.getURL();
    if (!this.config.appendMessageTypeToURL) return url;
    return `${url.replace(/\/?$/, '/')}${channel ? channel.slice(6) : ''}`;
  }

  // Handshake

  handshake(props?: object, callback?: Callback): void {
    this.handshakeProps = props;
    this.#handshakeCallback = callback;
    this.#handshake();
  }

  #handshake(): void {
    const { registry, config } = this;
    const first = this.state === 'disconnected';
    this.clientId = null;
    this.face.handshaking?.();
    if (first) {
      registry.reset(true);
      this.transport = null;
    }
    this.advice = { ...config.advice };
    this.endBatches();
    this.held = true;
    this.connectSent = false;
    this.#connectId = undefined;
    this.#connected = false;
    const types = this.#types();
    this.transport ??= this.best();
    if (!this.transport) {
      this.held = false;
      throw new Error(`Could not find initial transport among: ${registry.getTransportTypes()}`);
    }
    const id = this.nextId();
    const { timeout, interval } = config.advice;
    this.#handshakeId = id;
    this.putCallback(id, this.#handshakeCallback);
    this.move(first ? 'handshaking' : 'rehandshaking');
    const message: Message = {
      ...this.handshakeProps,
      id,
      channel: META_HANDSHAKE,
      version,
      minimumVersion: version,
      supportedConnectionTypes: types,
      advice: { timeout, interval } as Advice,
    };
    this.transmit([message], META_HANDSHAKE);
  }

  /** The first transport that works now, as far as anybody knows. */
  best(): TransportLike | null {
    return this.#choose(this.#types());
  }

  #types(): string[] {
    return this.registry.findTransportTypes(version, this.#crossDomain, this.getURL());
  }

  #choose(types: readonly string[]): TransportLike | null {
    return this.registry.negotiateTransport(types, version, this.#crossDomain, this.getURL());
  }

  /** Shakes hands again, with whatever transport works by now. The session there is will expire. */
  renegotiate(): void {
    if (!isHandshook(this.state)) return;
    this.#connectId = undefined;
    this.registry.reset(false);
    this.transport = this.best();
    this.#delayedHandshake(0);
  }

  #handshakeReply(message: Message): void {
    if (!isHandshaking(this.state) || message.id !== this.#handshakeId) return;
    const { clientId, supportedConnectionTypes: types } = message;
    if (message.successful !== true || typeof clientId !== 'string' || clientId.length > longestId) {
      this.#failed(message, 'unsuccessful', this.#action('handshake'), this.transport);
      return;
    }
    const transport = Array.isArray(types) ? this.#choose(types) : this.transport;
    if (!transport) {
      const reason = `Could not negotiate transport, client=[${this.#types()}], server=[${types}]`;
      message.failure = { reason, message: { ...message } };
      this.#failed(message, 'negotiation', 'none', null);
      return;
    }
    this.transport = transport;
    this.clientId = clientId;
    message.reestablish = this.#reestablish;
    this.#reestablish = true;
    this.move('handshaken');
    this.#expected = delayOf(message['x-messages']);
    if (!this.face.handshaken) this.#release();
    this.settle(META_HANDSHAKE, message);
    if (this.held) {
      this.face.handshaken?.(message);
      this.#release();
    }
    this.#ready = () => {
      this.#expected = 0;
      this.#ready = undefined;
      if (this.isDisconnected) return;
      this.backoff.reset();
      if (this.#action('retry') === 'none') this.#disconnected(true);
      else this.#connectLater(0);
    };
    // What was announced and never comes must not hold the client for ever.
    if (this.#expected > 0) this.#schedule(this.#ready, this.config.maxNetworkDelay);
    else this.#ready();
  }

  #release(): void {
    this.held = false;
    this.flush();
  }

  // Connect

  #connectLater(delay: number): void {
    if (this.isDisconnected) return;
    this.connectSent = false;
    if (this.state === 'handshaken') this.move('connecting');
    this.#schedule(() => this.#connect(), delay);
  }

  #connect(): void {
    if (!isHandshook(this.state)) return;
    const id = this.nextId();
    this.#connectId = id;
    this.connectSent = true;
    const message: Message = { id, channel: META_CONNECT, connectionType: `${typeOf(this.transport)}` };
    if (!this.#connected) message.advice = { timeout: 0 };
    this.transmit([message], META_CONNECT);
  }

  #connectReply(message: Message): void {
    if (!message.id || message.id !== this.#connectId) {
      if (this.state === 'disconnected') this.face.notify(META_CONNECT, message);
      return;
    }
    this.#connectId = undefined;
    if (message.successful !== true) {
      const action = this.#action('retry');
      // What was advised before does not help a session that the server does not know.
      const anew = action === 'retry' && isUnknownSession(message.error);
      this.#failed(message, 'unsuccessful', anew ? 'handshake' : action, this.transport);
      return;
    }
    this.#connected = true;
    this.backoff.reset();
    this.move('connected');
    this.settle(META_CONNECT, message);
    if (this.isDisconnected) return;
    const action = this.#action('retry');
    if (action === 'none') this.#disconnected(false);
    else if (action === 'handshake') this.#delayedHandshake(this.backoff.rehandshake());
    else this.#connectLater(delayOf(this.advice.interval));
  }

  /** A connection that breaks between two connects fails none of them; what was on its way is lost all the same. */
  interrupted(failure: Failure): void {
    if (this.state !== 'connected' || this.#connectId) return;
    this.#connected = false;
    this.move('unconnected');
    this.face.interrupted?.(failure);
  }

  // Disconnect

  disconnect(props?: object, callback?: Callback): void {
    const id = this.nextId();
    this.putCallback(id, callback);
    this.#schedule();
    this.move('disconnecting');
    this.transmit([{ ...props, id, channel: META_DISCONNECT }], META_DISCONNECT);
  }

  /** Ends without telling the server. */
  abort(): void {
    if (this.state !== 'disconnected') this.#disconnected(true);
  }

  #disconnectReply(message: Message): void {
    const unasked = message.id === undefined;
    if (unasked && this.state === 'disconnected') return;
    if (unasked && message.successful !== true && this.renews && !this.isDisconnected) {
      const connectId = this.#connectId;
      // The reply to the connect, which may come along, says more.
      this.#schedule(() => {
        if (this.#connectId !== connectId) return;
        this.#connectId = undefined;
        this.#failed({ ...message, channel: META_CONNECT }, 'unsuccessful', 'none', this.transport);
      });
      return;
    }
    // A server that ends the session unasked need not say that it was successful in that.
    message.successful ??= unasked;
    this.#disconnected(message.successful !== true);
    this.settle(META_DISCONNECT, message);
  }

  #disconnected(abort: boolean): void {
    const { transport } = this;
    this.#schedule();
    this.move('terminating');
    if (abort) transport?.abort();
    this.transport = null;
    this.clientId = null;
    this.endBatches();
    this.held = false;
    this.backoff.reset();
    this.#reestablish = false;
    this.#connectId = undefined;
    this.#handshakeId = undefined;
    this.#expected = 0;
    this.connectSent = false;
    this.#failingSince = 0;
    this.failQueue('Disconnected');
    this.move('disconnected');
  }

  // What arrives

  protected override process(message: Message, answers: boolean): void {
    const { channel, data, id } = message;
    const asked = answers || id === undefined;
    const meta = `${channel}`.startsWith('/meta/');
    // An answer that does not say how it went is none to rely on.
    if (answers && data === undefined) message.successful ??= false;
    this.#failingSince = 0;
    if (asked && (meta || data === undefined)) this.#advise(message);
    if (channel === META_HANDSHAKE) this.#handshakeReply(message);
    else if (channel === META_CONNECT) this.#connectReply(message);
    else if (channel === META_DISCONNECT) {
      if (asked) this.#disconnectReply(message);
    } else if (data === undefined || meta) {
      if (message.successful === undefined && data === undefined) this.log('warn', ['Unknown Bayeux Message', message]);
      else this.#settle(message);
    } else {
      if (!this.answerRemoteCall(message)) this.face.notify(channel, message);
      if (this.#expected > 0 && --this.#expected === 0) this.#ready?.();
    }
  }

  /** Gives the reply of a message that is none of the session's own to those who wait for it. */
  #settle(message: Message): void {
    const meta = message.channel.startsWith('/meta/');
    if (meta) this.settle(message.channel, message);
    else if (message.successful || !this.answerRemoteCall(message)) this.settle('/meta/publish', message);
  }

  /** Advice replaces what was advised before. Advice in a reply that answers nobody is not for this client. */
  #advise({ advice, channel, id }: Message): void {
    if (channel === META_HANDSHAKE && id !== this.#handshakeId) return;
    if (channel === META_CONNECT && id !== this.#connectId) return;
    if (advice && typeof advice === 'object' && !Array.isArray(advice))
      this.advice = { ...this.config.advice, ...advice };
  }

  #action(otherwise: Action): Action {
    const { reconnect } = this.advice as { reconnect?: unknown };
    return reconnect === 'none' || reconnect === 'retry' || reconnect === 'handshake' ? reconnect : otherwise;
  }

  // What fails

  protected override failed(message: Message): void {
    const { channel, id } = message;
    if (channel === META_DISCONNECT) this.#disconnectReply(message);
    else if (channel === META_HANDSHAKE && id === this.#handshakeId && isHandshaking(this.state)) {
      this.#failed(message, 'failure', 'handshake', null);
    } else if (channel !== META_CONNECT) this.#settle(message);
    else if (id === this.#connectId && id && !this.isDisconnected) {
      this.#connectId = undefined;
      this.#failed(message, 'failure', 'retry', null);
    } else if (this.state === 'disconnected' || id === this.#connectId) this.settle(channel, message);
  }

  /** A handshake or a connect failed: everybody is told, then the policy decides. */
  #failed(message: Message, cause: FailureInfo['cause'], action: Action, transport: TransportLike | null): void {
    const { channel } = message;
    const connects = channel === META_CONNECT;
    message.successful = false;
    if (connects) {
      this.#connected = false;
      this.#failingSince ||= Date.now();
      this.move('unconnected');
    }
    this.settle(channel, message);
    let handled = false;
    const info: FailureInfo = { cause, action: this.isDisconnected ? 'none' : action, transport };
    this.face.transportFailed(message, info, (done) => {
      if (!handled) this.#handle(done, connects);
      handled = true;
    });
  }

  /** The policy of the book, section 2.5 of the behaviour: what is to be done about a failed handshake or connect. */
  recover(message: Message, info: FailureInfo): void {
    if (message.channel === META_HANDSHAKE) this.#recoverHandshake(message, info);
    else this.#recoverConnect(info);
  }

  #recoverHandshake(message: Message, info: FailureInfo): void {
    if (!info.transport && !this.isDisconnected) {
      const next = info.action === 'none' ? null : this.best();
      const failure = message.failure ?? { reason: `${message.error}`, message };
      this.face.transportException?.(failure, typeOf(this.transport), typeOf(next));
      info.transport = next;
      if (!next) info.action = 'none';
    }
    if (info.action === 'none') return;
    info.delay = this.backoff.period;
    this.backoff.increase();
  }

  #recoverConnect(info: FailureInfo): void {
    if (info.action === 'retry') {
      info.delay = this.backoff.increase();
      const { maxInterval, timeout, interval } = this.advice;
      if (this.config.fallbackAfter > 0 && !this.#types().includes(`${typeOf(this.transport)}`)) {
        info.action = 'handshake';
        info.transport = this.best();
        info.delay = 0;
        return;
      }
      const spent = Date.now() - this.#failingSince + info.delay;
      if (
        Number(maxInterval) > 0 &&
        this.#failingSince &&
        spent > delayOf(timeout) + delayOf(interval) + Number(maxInterval)
      ) {
        info.action = 'handshake';
      }
    }
    if (info.action === 'handshake') {
      info.delay = this.backoff.rehandshake();
      this.registry.reset(false);
    }
  }

  #handle({ action, transport, url, delay }: FailureInfo, connects: boolean): void {
    if (this.state === 'disconnected') return;
    if (transport) this.transport = transport;
    if (url && this.transport) {
      if (this.transport.setURL) this.transport.setURL(url);
      else this.transport.url = url;
    }
    const wait = delayOf(delay);
    if (action === 'retry' && connects) this.#connectLater(this.#pause(wait));
    else if (action !== 'none') this.#delayedHandshake(wait);
    else if (this.state !== 'disconnecting') this.#disconnected(true);
  }

  #pause(delay: number): number {
    const pause = this.backoff.spread(delay) + delayOf(this.advice.interval);
    this.face.waiting?.(pause);
    return pause;
  }

  #delayedHandshake(delay: number): void {
    if (this.isDisconnected) return;
    this.move('rehandshaking');
    // What is sent from now on belongs to the session to come.
    this.held = true;
    this.#handshakeId = undefined;
    this.#schedule(() => this.#handshake(), this.#pause(delay));
  }

  /** One thing at a time waits; without anything, nothing waits any more. */
  #schedule(fn?: () => void, delay = 0): void {
    this.clearTimeout(this.#scheduled);
    this.#scheduled = fn && this.setTimeout(fn, delay);
  }

  /** Does now what is waiting for its time: the network is back, or somebody looks again. */
  hurry(): void {
    if (isHandshaking(this.state) && !this.#handshakeId) this.#schedule(() => this.#handshake());
    else if (this.state === 'unconnected' && !this.#connectId) this.#schedule(() => this.#connect());
  }
}

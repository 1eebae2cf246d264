/** The engine both clients stand on: handshake, connect, disconnect, advice, and what follows when they fail. */
import type { Advice } from '@cometd-ts/protocol';
import { Backoff } from './backoff.ts';
import { isUnknownSession } from './error.ts';
import { Exchange, type Face } from './exchange.ts';
import type { Callback, Failure, Message } from './message.ts';
import { TransportRegistry } from './negotiation.ts';
import { delayOf, type Platform, world } from './platform.ts';
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

/** What the engine tells its face beyond single messages. */
export interface SessionFace extends Face {
  changed(state: ClientState, previous: ClientState): void;
  /** A handshake begins: what was subscribed to is gone. */
  handshaking(): void;
  /** The handshake succeeded and everybody knows: the last moment to add messages to the first batch. */
  handshaken(): Message[];
  /** A handshake or connect failed; calls `handle` with what is to be done. */
  transportFailed(message: Message, info: FailureInfo, handle: (info: FailureInfo) => void): void;
  transportException(failure: Failure, oldType: string | null, newType: string | null): void;
  /** Listeners for transport events. */
  transportListeners(event: string): readonly ((messages: Message[]) => unknown)[];
  /** The connection broke between two connects. The next one is on its way. */
  interrupted?(failure: Failure): void;
  /** An attempt begins in so many ms. */
  waiting?(delay: number): void;
  /** Whether messages held by the handshake go out before its listeners hear of it. */
  readonly flushesFirst: boolean;
}

const actions: readonly unknown[] = ['none', 'retry', 'handshake'];

export class Engine extends Exchange<SessionFace> {
  readonly registry: TransportRegistry = new TransportRegistry();
  readonly backoff: Backoff = new Backoff(this.config);
  state: ClientState = 'disconnected';
  advice: Advice = {};
  crossDomain = false;
  /** Whether a connect is with the transport. */
  connectSent = false;
  /** When the first of a row of failed connects failed. */
  #failingSince: number | null = null;
  #connected = false;
  #reestablish = false;
  #handshakeProps: object | undefined;
  #handshakeCallback: Callback | undefined;
  #handshakeId: string | undefined;
  #connectId: string | undefined;
  #scheduled: unknown;
  /** Messages the handshake reply announced, which must be here before the first connect. */
  #expected = 0;
  #ready: (() => void) | undefined;

  constructor(face: SessionFace, platform: Platform) {
    super(face, platform);
    this.appendsType = true;
  }

  appendsType: boolean;

  get isDisconnected(): boolean {
    return isLeaving(this.state);
  }

  transportListeners(event: string): readonly ((messages: Message[]) => unknown)[] {
    return this.face.transportListeners(event);
  }

  move(state: ClientState): boolean {
    const previous = this.state;
    if (previous === state) return true;
    if (!moves[previous].includes(state)) return false;
    this.state = state;
    this.log('debug', ['Status', previous, '->', state]);
    this.face.changed(state, previous);
    return true;
  }

  // URLs

  getURL(): string {
    const { transport, config } = this;
    const own = transport?.url ?? transport?.getURL?.();
    if (own) return own;
    const type = transport?.type ?? transport?.getType?.();
    return (type && config.urls[type]) || config.url || '';
  }

  /** Learns what there is to learn from the URL: whether it is on another origin, and whether it can be appended to. */
  readURL(): void {
    const url = this.config.url ?? '';
    const parts = /^(?:https?:\/\/)?((?:\[[^\]]+\]|[^:/?#]+)(?::\d+)?)?([^?#]*)(.*)$/.exec(url);
    const host = /^https?:\/\//.test(url) ? parts?.[1] : undefined;
    const here = world().location?.host;
    this.crossDomain = Boolean(here && host && host !== here);
    this.appendsType = this.config.appendMessageTypeToURL;
    if (!this.appendsType) return;
    const path = parts?.[2] ?? '';
    const last = path.replace(/\/$/, '').split('/').pop() ?? '';
    if (parts?.[3] || last.includes('.')) {
      this.log('info', ['Appending message type to URL', url, 'is not supported: appendMessageTypeToURL is off now']);
      this.appendsType = false;
      this.config.appendMessageTypeToURL = false;
    }
  }

  protected override urlFor(channel?: string): string {
    const url = this.getURL();
    if (!this.appendsType) return url;
    const base = url.endsWith('/') ? url : `${url}/`;
    return channel ? base + channel.slice('/meta/'.length) : base;
  }

  // Handshake

  handshake(props?: object, callback?: Callback): void {
    this.#handshakeProps = props;
    this.#handshakeCallback = callback;
    this.#handshake();
  }

  /** Changes what later handshakes carry. */
  setHandshakeProps(props: object | undefined): void {
    this.#handshakeProps = props;
  }

  /** Begins anew, because the face wants to: the session there is will be replaced. */
  rehandshake(props?: object): void {
    if (this.isDisconnected) return;
    if (props) this.#handshakeProps = props;
    this.#handshake();
  }

  #handshake(): void {
    this.clientId = null;
    this.face.handshaking();
    if (this.state === 'disconnected') {
      this.registry.reset(true);
      this.transport = null;
    }
    const { config } = this;
    this.advice = { ...config.advice };
    this.endBatches();
    this.held = true;
    this.connectSent = false;
    this.#connectId = undefined;
    this.#connected = false;
    const version = '1.0';
    const types = this.registry.findTransportTypes(version, this.crossDomain, this.getURL());
    const { timeout, interval } = config.advice;
    const message: Message = {
      ...this.#handshakeProps,
      id: this.nextId(),
      channel: '/meta/handshake',
      version,
      minimumVersion: version,
      supportedConnectionTypes: types,
      advice: { timeout: timeout as number, interval: interval as number },
    };
    this.transport ??= (types[0] !== undefined && this.registry.find(types[0])) || null;
    if (!this.transport) {
      this.held = false;
      throw new Error(`Could not find initial transport among: ${this.registry.getTransportTypes()}`);
    }
    this.#handshakeId = message.id;
    if (this.#handshakeCallback) this.putCallback(message.id as string, this.#handshakeCallback);
    this.move(this.state === 'disconnected' ? 'handshaking' : 'rehandshaking');
    this.transmit([message], false, message.channel);
  }

  #handshakeReply(message: Message): void {
    if (!isHandshaking(this.state) || message.id !== this.#handshakeId) {
      this.log('debug', ['A handshake reply nobody waits for', message]);
      return;
    }
    if (message.successful !== true || typeof message.clientId !== 'string') {
      message.successful = false;
      this.#handshakeFailed(message, {
        cause: 'unsuccessful',
        action: this.#action('handshake'),
        transport: this.transport,
      });
      return;
    }
    const url = this.getURL();
    const types = message.supportedConnectionTypes;
    const transport = Array.isArray(types)
      ? this.registry.negotiateTransport(types, '1.0', this.crossDomain, url)
      : this.transport;
    if (!transport) {
      const client = this.registry.findTransportTypes('1.0', this.crossDomain, url);
      message.successful = false;
      message.failure = {
        reason: `Could not negotiate transport, client=[${client}], server=[${types}]`,
        message: { ...message },
      };
      this.#handshakeFailed(message, { cause: 'negotiation', action: 'none', transport: null });
      return;
    }
    if (transport !== this.transport) this.log('debug', ['Transport', this.transport?.type, '->', transport.type]);
    this.transport = transport;
    this.clientId = message.clientId;
    message.reestablish = this.#reestablish;
    this.#reestablish = true;
    this.move('handshaken');
    const announced = message['x-messages'];
    this.#expected = Number.isInteger(announced) && (announced as number) > 0 ? (announced as number) : 0;
    if (this.face.flushesFirst) this.#release();
    this.settle('/meta/handshake', message);
    if (this.held) this.#release(this.face.handshaken());
    this.#whenAllHere(() => {
      if (this.isDisconnected) return;
      if (this.#action('retry') === 'none') {
        this.#disconnected(true);
        return;
      }
      this.backoff.reset();
      this.#connectLater(0);
    });
  }

  #release(first: Message[] = []): void {
    this.held = false;
    this.queueFirst(first);
    this.flush();
  }

  #handshakeFailed(message: Message, info: FailureInfo): void {
    this.settle('/meta/handshake', message);
    if (this.isDisconnected) info.action = 'none';
    this.face.transportFailed(message, info, this.#handle('handshake'));
  }

  #whenAllHere(go: () => void): void {
    if (this.#expected === 0) {
      go();
      return;
    }
    this.#ready = go;
    // What was announced and never comes must not hold the client for ever.
    this.#schedule(() => {
      this.#expected = 0;
      this.#ready = undefined;
      go();
    }, this.config.maxNetworkDelay);
  }

  #arrived(): void {
    if (this.#expected === 0 || --this.#expected > 0) return;
    const go = this.#ready;
    this.#ready = undefined;
    go?.();
  }

  // Connect

  #connectLater(delay: number): void {
    if (this.isDisconnected) return;
    this.connectSent = false;
    if (this.state === 'handshaken') this.move('connecting');
    this.#schedule(() => this.#connect(), delay);
  }

  #connect(): void {
    if (this.isDisconnected || !isHandshook(this.state)) return;
    const { transport } = this;
    const message: Message = {
      id: this.nextId(),
      channel: '/meta/connect',
      connectionType: `${transport?.type ?? transport?.getType?.()}`,
      ...(!this.#connected && { advice: { timeout: 0 } }),
    };
    this.#connectId = message.id;
    this.connectSent = true;
    this.transmit([message], true, message.channel);
  }

  #connectReply(message: Message): void {
    if (message.id !== this.#connectId || this.#connectId === undefined) {
      if (this.state === 'disconnected') this.face.notify('/meta/connect', message);
      else this.log('debug', ['A connect reply nobody waits for', message]);
      return;
    }
    this.#connectId = undefined;
    if (message.successful === true) {
      this.#connected = true;
      this.backoff.reset();
      this.move('connected');
      this.settle('/meta/connect', message);
      if (this.isDisconnected) return;
      const action = this.#action('retry');
      if (action === 'none') this.#disconnected(false);
      else if (action === 'handshake') this.#delayedHandshake(this.#rehandshakes());
      else this.#connectLater(delayOf(this.advice.interval));
      return;
    }
    message.successful = false;
    this.#connectFailed(message, {
      cause: 'unsuccessful',
      action: this.#action(isUnknownSession(message.error) ? 'handshake' : 'retry'),
      transport: this.transport,
    });
  }

  #connectFailed(message: Message, info: FailureInfo): void {
    this.#connected = false;
    this.#failingSince ??= Date.now();
    this.move('unconnected');
    this.settle('/meta/connect', message);
    if (this.isDisconnected) info.action = 'none';
    this.face.transportFailed(message, info, this.#handle('connect'));
  }

  /** A connection that breaks between two connects fails none of them; what was on its way is lost all the same. */
  interrupted(failure: Failure): void {
    if (this.state !== 'connected' || this.#connectId !== undefined) return;
    this.#connected = false;
    this.move('unconnected');
    this.face.interrupted?.(failure);
  }

  // Disconnect

  disconnect(props?: object, callback?: Callback): void {
    const message: Message = { ...props, id: this.nextId(), channel: '/meta/disconnect' };
    if (callback) this.putCallback(message.id as string, callback);
    this.#cancel();
    this.move('disconnecting');
    this.transmit([message], false, message.channel);
  }

  /** Ends without telling the server. */
  abort(): void {
    if (this.state !== 'disconnected') this.#disconnected(true);
  }

  #disconnectReply(message: Message): void {
    const unasked = message.id === undefined;
    // A server that ends the session unasked need not say that it was successful in that.
    if (unasked) message.successful ??= true;
    if (this.state === 'disconnected' && unasked) return;
    if (message.successful === true) {
      this.#disconnected(false);
      this.settle('/meta/disconnect', message);
    } else this.#disconnectFailed(message);
  }

  #disconnectFailed(message: Message): void {
    message.successful = false;
    this.#disconnected(true);
    this.settle('/meta/disconnect', message);
  }

  #disconnected(abort: boolean): void {
    const { transport } = this;
    this.#cancel();
    if (this.state !== 'disconnected') this.move('terminating');
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
    this.#failingSince = null;
    this.failQueue({ reason: 'Disconnected' });
    this.move('disconnected');
  }

  // What arrives

  protected override process(message: Message, answers: boolean): void {
    const asked = answers || message.id === undefined;
    // An answer that does not say how it went is none to rely on.
    if (answers && message.data === undefined) message.successful ??= false;
    const { channel } = message;
    this.#failingSince = null;
    const meta = typeof channel === 'string' && channel.startsWith('/meta/');
    if (asked && message.advice && (meta || message.data === undefined)) this.#advise(message.advice, message);
    if (!meta) {
      if (message.data !== undefined) {
        if (!this.answerRemoteCall(message) && typeof channel === 'string') this.face.notify(channel, message);
        this.#arrived();
      } else this.#publishReply(message);
      return;
    }
    if (channel === '/meta/handshake') this.#handshakeReply(message);
    else if (channel === '/meta/connect') this.#connectReply(message);
    else if (channel === '/meta/disconnect') {
      if (asked) this.#disconnectReply(message);
    } else if (message.successful === undefined && message.data === undefined)
      this.log('warn', ['Unknown Bayeux Message', message]);
    else this.settle(channel, message);
  }

  #publishReply(message: Message): void {
    if (message.successful === undefined) {
      this.log('warn', ['Unknown Bayeux Message', message]);
      return;
    }
    if (!message.successful && this.answerRemoteCall(message)) return;
    this.settle('/meta/publish', message);
  }

  /** Advice replaces what was advised before. Advice in a reply that answers nobody is not for this client. */
  #advise(advice: unknown, { channel, id }: Message): void {
    if (advice === null || typeof advice !== 'object' || Array.isArray(advice)) return;
    if (channel === '/meta/handshake' && id !== this.#handshakeId) return;
    if (channel === '/meta/connect' && id !== this.#connectId) return;
    this.advice = { ...this.config.advice, ...advice };
  }

  #action(otherwise: FailureInfo['action']): FailureInfo['action'] {
    const { reconnect } = this.advice;
    return actions.includes(reconnect) ? (reconnect as FailureInfo['action']) : otherwise;
  }

  // What fails

  protected override failed(message: Message): void {
    const { channel, id } = message;
    if (channel === '/meta/handshake') {
      if (id === this.#handshakeId && isHandshaking(this.state)) {
        this.#handshakeFailed(message, { cause: 'failure', action: 'handshake', transport: null });
      } else this.settle(channel, message);
    } else if (channel === '/meta/connect') {
      if (id === this.#connectId && id !== undefined) {
        this.#connectId = undefined;
        if (this.isDisconnected) this.settle(channel, message);
        else this.#connectFailed(message, { cause: 'failure', action: 'retry', transport: null });
      } else if (this.state === 'disconnected') this.settle(channel, message);
    } else if (channel === '/meta/disconnect') this.#disconnectFailed(message);
    else if (channel === '/meta/subscribe' || channel === '/meta/unsubscribe') this.settle(channel, message);
    else if (!this.answerRemoteCall(message)) this.settle('/meta/publish', message);
  }

  /** The policy of the book, section 2.5 of the behaviour: what is to be done about a failed handshake or connect. */
  recover(message: Message, info: FailureInfo, handle: (info: FailureInfo) => void): void {
    if (message.channel === '/meta/handshake') this.#recoverHandshake(message, info);
    else this.#recoverConnect(info);
    handle(info);
  }

  #recoverHandshake(message: Message, info: FailureInfo): void {
    const { transport } = this;
    const type = transport?.type ?? transport?.getType?.() ?? null;
    const failure = message.failure ?? { reason: message.error ?? 'Handshake refused', message };
    if (info.action === 'none') {
      if (!info.transport && !this.isDisconnected) this.face.transportException(failure, type, null);
      return;
    }
    info.delay = this.backoff.period;
    if (!info.transport) {
      const url = this.getURL();
      const types = this.registry.findTransportTypes('1.0', this.crossDomain, url);
      const next = this.registry.negotiateTransport(types, '1.0', this.crossDomain, url);
      if (next) {
        this.face.transportException(failure, type, next.type ?? next.getType?.() ?? null);
        info.action = 'handshake';
        info.transport = next;
      } else {
        this.face.transportException(failure, type, null);
        info.action = 'none';
      }
    }
    if (info.action !== 'none') this.backoff.increase();
  }

  #recoverConnect(info: FailureInfo): void {
    if (info.action === 'none') return;
    if (info.action === 'retry') {
      info.delay = this.backoff.increase();
      const { maxInterval } = this.advice;
      const { timeout, interval } = this.advice;
      if (typeof maxInterval === 'number' && maxInterval > 0 && this.#failingSince !== null) {
        const expires = delayOf(timeout) + delayOf(interval) + maxInterval;
        if (Date.now() - this.#failingSince + this.backoff.period > expires) info.action = 'handshake';
      }
    }
    if (info.action === 'handshake') {
      // The first one is immediate; a server that answers each session with "handshake" must not be asked without end.
      info.delay = this.#rehandshakes();
      this.registry.reset(false);
    }
  }

  #lastRehandshake = 0;
  #hastyRehandshakes = 0;

  #rehandshakes(): number {
    const now = Date.now();
    const { backoffIncrement, maxBackoff } = this.config;
    this.#hastyRehandshakes =
      now - this.#lastRehandshake < Math.max(1, backoffIncrement) * 2 * (this.#hastyRehandshakes + 1)
        ? this.#hastyRehandshakes + 1
        : 0;
    this.#lastRehandshake = now;
    this.backoff.reset();
    return Math.min(this.#hastyRehandshakes * backoffIncrement, maxBackoff);
  }

  #handle(what: 'handshake' | 'connect'): (info: FailureInfo) => void {
    let handled = false;
    return (info) => {
      if (handled) return;
      handled = true;
      if (this.state === 'disconnected') return;
      if (info.transport) this.transport = info.transport;
      if (info.url && this.transport) {
        if (this.transport.setURL) this.transport.setURL(info.url);
        else this.transport.url = info.url;
      }
      const delay = delayOf(info.delay);
      if (info.action === 'handshake') this.#delayedHandshake(delay);
      else if (info.action === 'retry' && what === 'connect') this.#retry(delay);
      else if (info.action === 'retry') this.#delayedHandshake(delay);
      else if (this.state === 'disconnecting') return;
      else this.#disconnected(true);
    };
  }

  #retry(delay: number): void {
    const spread = this.backoff.spread(delay);
    this.face.waiting?.(spread + delayOf(this.advice.interval));
    this.#connectLater(spread + delayOf(this.advice.interval));
  }

  #delayedHandshake(delay: number): void {
    if (this.isDisconnected) return;
    this.move('rehandshaking');
    // What is sent from now on belongs to the session to come.
    this.held = true;
    this.#handshakeId = undefined;
    const spread = this.backoff.spread(delay) + delayOf(this.advice.interval);
    this.face.waiting?.(spread);
    this.#schedule(() => this.#handshake(), spread);
  }

  #schedule(fn: () => void, delay: number): void {
    this.#cancel();
    this.#scheduled = this.setTimeout(fn, delay);
  }

  #cancel(): void {
    this.clearTimeout(this.#scheduled);
    this.#scheduled = undefined;
  }

  /** Does now what is waiting for its time: the network is back, or somebody looks again. */
  hurry(): void {
    if (this.#scheduled === undefined) return;
    if (isHandshaking(this.state)) this.#schedule(() => this.#handshake(), 0);
    else if (this.state === 'unconnected') this.#schedule(() => this.#connect(), 0);
  }
}

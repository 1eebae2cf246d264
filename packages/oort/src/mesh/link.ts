/** One link: our client at the server of another node, from the first attempt until it is hung up. */
import { AckExtension, CometD, type Message } from '@cometd-ts/client/node';
import { encodeBinary, META_CONNECT, META_HANDSHAKE, META_SUBSCRIBE, META_UNSUBSCRIBE } from '@cometd-ts/protocol';
import type { BayeuxServer } from '@cometd-ts/server';
import type { LinkInfo, Member } from '../engine.ts';
import { OORT_CLOUD, OORT_SERVICE } from '../wire.ts';
import type { LinkSettings } from './link-options.ts';
import { memberIn, OORT_EXT } from './secret.ts';
import { Waiting } from './waiting.ts';

type LinkState = Exclude<LinkInfo['out'], 'none'>;

/** What a link says of itself. */
export interface LinkHost {
  readonly diagnostics: BayeuxServer['diagnostics'];
  /** A handshake was answered by a node. */
  answered(link: Link, successful: boolean, member: Member): void;
  /** A broadcast came. */
  arrived(link: Link, message: Message): void;
  /** The state or the reason for it has changed. */
  changed(link: Link): void;
}

/** What is sent when the other node knows us. */
export interface Opening {
  readonly member: Member;
  readonly known: readonly string[];
  readonly channels: Iterable<string>;
}

export interface LinkParts {
  readonly number: number;
  readonly url: string;
  /** Where the node of this URL is reached from here. */
  readonly address: string;
  /** The block of the handshake. */
  readonly block: Readonly<Record<string, string>>;
  readonly ack: boolean;
  readonly binary: boolean;
  readonly settings: LinkSettings;
}

/** How long a farewell may take before the connection is cut. */
const FAREWELL = 1000;

export class Link {
  readonly number: number;
  readonly url: string;
  /** The node at the other end, as its last answer says. */
  member: Member | null = null;
  /** When the present state began, in ms since 1970. */
  since: number = Date.now();
  /** When the other node was last reminded of us. */
  reminded = 0;
  /** Why it is not up, for people. */
  reason = '';
  /** Whether a first attempt has failed, or one since it was up. */
  hasFailed = false;
  readonly #parts: LinkParts;
  readonly #host: LinkHost;
  readonly #cometd: CometD;
  readonly #waiting: Waiting;
  #state: LinkState = 'connecting';
  /** Whether the join of this session was sent. */
  #isOpen = false;
  /** Whether the last connect succeeded. */
  #isThere = false;
  #opening: (() => Opening) | null = null;
  /** Channels that were observed, or are no more, while the link was away. */
  readonly #changes: Map<string, boolean> = new Map();
  #pause = 0;
  #timer: NodeJS.Timeout | undefined;
  #joinTimer: NodeJS.Timeout | undefined;

  constructor(parts: LinkParts, host: LinkHost) {
    const { settings } = parts;
    this.number = parts.number;
    this.url = parts.url;
    this.#parts = parts;
    this.#host = host;
    const codec = settings.jsonContext ?? { generate: JSON.stringify, parse: JSON.parse };
    this.#waiting = new Waiting(settings, ({ data }) => codec.generate(data ?? null)?.length ?? 0);
    this.#cometd = new CometD(parts.url, { maxPayload: settings.maxMessageSize, ...settings.network });
    this.#prepare(settings);
    this.#dial();
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Messages that wait. */
  get queued(): number {
    return this.#waiting.size;
  }

  #prepare(settings: LinkSettings): void {
    const cometd = this.#cometd;
    for (const type of cometd.getTransportTypes())
      if (!(settings.transports as readonly string[]).includes(type)) cometd.unregisterTransport(type);
    cometd.configure({
      url: this.#parts.address,
      // The secret travels in the handshake: nothing of it in any log.
      logLevel: 'error',
      useWorkerScheduler: false,
      backoffIncrement: settings.backoffIncrement,
      maxBackoff: settings.maxBackoff,
      maxNetworkDelay: settings.maxNetworkDelay,
      connectTimeout: settings.connectTimeout,
      maxSendBayeuxMessageSize: settings.maxSendBayeuxMessageSize,
      maxResponseSize: settings.maxMessageSize,
      jsonContext: settings.jsonContext,
      autoBatch: true,
    });
    if (this.#parts.ack) cometd.registerExtension('ack', new AckExtension());
    cometd.registerExtension('oort', {
      incoming: (message) => this.#incoming(message),
      outgoing: (message) => {
        if (message.channel === META_HANDSHAKE) {
          // As Java nodes write it.
          delete message.minimumVersion;
          delete message.advice;
        } else if (this.#parts.binary) encodeBinary(message);
      },
    });
    cometd.addListener(META_CONNECT, ({ successful, failure, error }) => {
      if (successful) this.#connected();
      else this.#lost(reasonOf(failure, error));
    });
    for (const name of [META_SUBSCRIBE, META_UNSUBSCRIBE]) cometd.addListener(name, (reply) => this.#told(name, reply));
    // The client gives up where the server says so; a link does not, it only takes its time.
    cometd.addListener('/meta/**', () => queueMicrotask(() => this.#look()));
  }

  // Its session

  #dial(): void {
    const props = { ext: { [OORT_EXT]: this.#parts.block } };
    this.#cometd.handshake(props, (reply) => this.#shaken(reply));
  }

  #shaken(reply: Message): void {
    clearTimeout(this.#joinTimer);
    this.#isOpen = false;
    this.#changes.clear();
    this.#isThere = reply.successful === true;
    const member = memberIn(reply);
    if (!reply.successful) this.#trouble(reasonOf(reply.failure, reply.error));
    if (member) {
      if (reply.successful) this.#pause = 0;
      if (this.member && this.member.id !== member.id) this.#forsake();
      this.member = member;
      this.#host.answered(this, reply.successful === true, member);
    } else if (reply.successful) this.#leaveStranger();
  }

  /** Somebody else, or a node whose cluster has not begun yet: a session there is of no use. Later, perhaps. */
  #leaveStranger(): void {
    const { diagnostics } = this.#host;
    this.#isThere = false;
    this.#trouble('it answers, but is no node of a cluster');
    diagnostics.count('oort_stranger');
    diagnostics.warn('oort_stranger', `${this.url} answers, but is no node of a cluster`);
    queueMicrotask(() => {
      if (this.#state !== 'closed' && !this.#cometd.isDisconnected()) this.#cometd.disconnect();
    });
  }

  #connected(): void {
    if (this.#state === 'closed') return;
    this.#isThere = true;
    this.#flush();
  }

  #lost(reason: string): void {
    this.#isThere = false;
    this.#trouble(reason);
  }

  #trouble(reason: string): void {
    if (this.#state === 'closed') return;
    this.hasFailed = true;
    this.reason = reason;
    if (this.#state === 'up') this.#move('away');
    else this.#host.changed(this);
  }

  /** Dials again after a server has ended the session, or refused one. */
  #look(): void {
    if (this.#state === 'closed' || this.#timer || !this.#cometd.isDisconnected()) return;
    if (this.#cometd.getStatus() !== 'disconnected') return;
    this.#isOpen = false;
    this.#isThere = false;
    this.#trouble(this.reason || 'the other node has ended the session');
    const { backoffIncrement, maxBackoff } = this.#parts.settings;
    this.#pause = Math.min(this.#pause + backoffIncrement, maxBackoff);
    this.#timer = setTimeout(() => this.#again(), this.#pause);
  }

  #again(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#state !== 'closed') this.#dial();
  }

  /** The other node was heard: what waits for its next attempt tries now. */
  hurry(): void {
    if (this.#timer) this.#again();
    else if (!this.#isThere) this.#cometd._engine.hurry();
  }

  /** Subscribes and joins: now, and again for as long as the join is refused. `opening` is asked each time. */
  open(opening: () => Opening): void {
    this.#opening = opening;
    this.#join();
  }

  #join(): void {
    const opening = this.#opening?.();
    if (!opening || this.#state === 'closed' || this.#cometd.isDisconnected()) return;
    const { member, known, channels } = opening;
    this.#cometd.batch(() => {
      this.#subscribe(OORT_CLOUD);
      for (const channel of channels) this.#subscribe(channel);
      this.#cometd.publish(OORT_CLOUD, known);
      this.#cometd.publish(OORT_SERVICE, { oortId: member.id, oortURL: member.url }, (reply) => {
        if (reply.successful || this.#state === 'closed') return;
        clearTimeout(this.#joinTimer);
        this.#joinTimer = setTimeout(() => {
          if (this.#isOpen) this.#join();
        }, this.#parts.settings.joinRetry);
      });
    });
    this.#isOpen = true;
    this.#flush();
  }

  // Channels

  observe(channel: string): void {
    this.#change(channel, true);
  }

  deobserve(channel: string): void {
    this.#change(channel, false);
  }

  /** While the link is away changes wait, too: its session may live on. A join tells all channels anyway. */
  #change(channel: string, observed: boolean): void {
    if (!this.#isOpen) return;
    if (!this.#isReady) this.#changes.set(channel, observed);
    else if (observed) this.#subscribe(channel);
    else this.#cometd.send({ channel: META_UNSUBSCRIBE, subscription: channel });
  }

  /** How a subscription went. One that was lost on the way is told again. */
  #told(name: string, { successful, failure, error, subscription }: Message): void {
    if (successful || typeof subscription !== 'string') return;
    if (failure) return void (this.#isOpen && this.#changes.set(subscription, name === META_SUBSCRIBE));
    this.#host.diagnostics.count('oort_refused');
    this.#host.diagnostics.warn('oort_refused', `${this.url} refuses ${name} ${subscription}: ${error}`);
  }

  #subscribe(subscription: string): void {
    this.#cometd.send({ channel: META_SUBSCRIBE, subscription });
  }

  // Messages

  /** False when it neither went out nor may wait. */
  send(message: Message): boolean {
    if (this.#state === 'closed') return false;
    if (this.#isReady) {
      this.#transmit(message);
      return true;
    }
    const { kept, dropped } = this.#waiting.add(message);
    if (dropped > 0) this.#dropped(dropped, 'queue', 'too many wait for it (options maxLinkQueue, maxLinkQueueBytes)');
    return kept;
  }

  /** Tells the other node, once more, of nodes it may have lost. */
  remind(urls: readonly string[]): void {
    this.reminded = Date.now();
    if (this.#isThere && !this.#cometd.isDisconnected()) this.#cometd.publish(OORT_CLOUD, urls);
  }

  get #isReady(): boolean {
    return this.#isOpen && this.#isThere && !this.#cometd.isDisconnected();
  }

  #flush(): void {
    if (!this.#isReady) return;
    this.reason = '';
    this.hasFailed = false;
    this.#move('up');
    // With acknowledged messages each batch ends a connect, and comes by here.
    if (this.#waiting.size === 0 && this.#changes.size === 0) return;
    const messages = this.#waiting.take();
    const changes = [...this.#changes];
    this.#changes.clear();
    for (const [channel, observed] of changes) this.#change(channel, observed);
    // Each in a frame of its own: together they might be longer than the other node takes.
    for (const message of messages) this.#transmit(message);
  }

  #transmit(message: Message): void {
    const { channel, data, id: _id, clientId: _clientId, ...props } = message;
    this.#cometd.publish(channel, data, props, (reply) => {
      if (reply.successful) return;
      const { failure, error } = reply;
      if (this.#state === 'closed') return this.#dropped(1, 'closed', 'the link was closed');
      if (!failure) return this.#dropped(1, 'refused', `it refuses ${channel}: ${error}`);
      if (failure.sent === 'no' && !tooBig(failure.exception)) {
        this.#isThere = false;
        this.#waiting.putBack(message);
        this.#trouble(reasonOf(failure, error));
      } else this.#dropped(1, 'lost', reasonOf(failure, error));
    });
  }

  #incoming(message: Message): void {
    const { channel, data, successful } = message;
    if (data === undefined || successful !== undefined || channel.startsWith('/meta/')) return;
    if (this.#state !== 'closed') this.#host.arrived(this, message);
  }

  /** What waits for a start of the node that is no more is not for the new one. */
  #forsake(): void {
    const count = this.#waiting.take().length;
    if (count > 0) this.#dropped(count, 'restart', 'the node they were for has started anew');
  }

  #dropped(count: number, why: string, text: string): void {
    const { diagnostics } = this.#host;
    diagnostics.count(`oort_link_dropped.${why}`, count);
    diagnostics.warn('oort_link_dropped', `Messages for ${this.url} were dropped (${count}): ${text}`);
  }

  // Its end

  /** Takes leave. Resolves when the connection is closed. */
  close(): Promise<void> {
    const cometd = this.#cometd;
    // Without a session there is nobody to take leave of.
    if (cometd.getClientId() === null || cometd.isDisconnected()) this.drop();
    if (this.#state === 'closed') return Promise.resolve();
    this.#end();
    return new Promise((resolve) => {
      const timer = setTimeout(() => cometd._engine.abort(), FAREWELL);
      cometd.disconnect(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Ends at once, without a word to the other node. */
  drop(): void {
    if (this.#state === 'closed') return;
    this.#end();
    this.#cometd._engine.abort();
  }

  #end(): void {
    this.#move('closed');
    clearTimeout(this.#timer);
    clearTimeout(this.#joinTimer);
    const count = this.#waiting.take().length;
    if (count > 0) this.#dropped(count, 'closed', 'the link was closed');
  }

  #move(state: LinkState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.since = Date.now();
    this.#host.changed(this);
  }
}

function reasonOf(failure: Message['failure'], error: string | undefined): string {
  if (!failure) return error ?? 'no reason given';
  const { reason, exception, websocketCode } = failure;
  if (exception instanceof Error) return exception.message;
  return reason || (websocketCode === undefined ? 'no connection' : `closed with ${websocketCode}`);
}

function tooBig(exception: unknown): boolean {
  return exception instanceof Error && exception.message.includes('maxSendBayeuxMessageSize');
}

/** How often a peer may do what costs something, and how much of it an address may have. Without a timer anywhere. */
import type { IncomingMessage } from 'node:http';
import type { BayeuxContext } from '../api.ts';
import type { Diagnostics } from '../diagnostics.ts';
import type { ServerMessage } from '../message.ts';
import { refuse } from '../meta/reply.ts';
import type { Settings } from '../options.ts';
import type { SessionClock } from '../session/clock.ts';
import type { Session } from '../session/session.ts';
import { type Account, Addresses, addressOf } from './addresses.ts';
import { Bucket } from './bucket.ts';

/** When the buckets of one peer are full again, in ms of the clock. */
interface Pace {
  publishes: number;
  subscribes: number;
  channels: number;
  mistakes: number;
}

type Step = 'publishes' | 'subscribes' | 'channels';

const limits = { publishes: 'maxPublishRate', subscribes: 'maxSubscribeRate', channels: 'maxChannelRate' } as const;

const pace: unique symbol = Symbol('the pace of this peer');
const account: unique symbol = Symbol('the account of the address of this session');
type Peer = (Session | BayeuxContext) & { [pace]?: Pace };
type Resident = Session & { [account]?: Account | undefined };

/** Bad messages are counted over this many seconds. */
const BAD_SECONDS = 10;
/** Least wait that a handshake is advised, in ms. */
const LEAST_WAIT = 1_000;

export class Rates {
  /** Publishes count twice: there is too much to do. */
  isTight = false;
  /** Whether publishes and subscribes are counted at all: all that a message is asked when they are not. */
  limitsPublishes = false;
  limitsSubscribes = false;
  readonly #settings: Settings;
  readonly #clock: SessionClock;
  readonly #diagnostics: Diagnostics;
  #buckets!: Readonly<Record<Step, Bucket>>;
  #mistakes!: Bucket;
  #handshakes!: Bucket;
  #handshakesOfAddress!: Bucket;
  readonly #addresses: Addresses = new Addresses();
  #countsAddresses = false;
  /** Addresses of the requests and connections that may shake hands. */
  readonly #met: WeakMap<BayeuxContext, string> = new WeakMap();
  readonly #cut: WeakSet<BayeuxContext> = new WeakSet();
  #handshakesFull = 0;
  #cuts = 0;
  #hasWondered = false;

  constructor(settings: Settings, clock: SessionClock, diagnostics: Diagnostics) {
    this.#settings = settings;
    this.#clock = clock;
    this.#diagnostics = diagnostics;
    this.reread();
  }

  /** Takes the settings over as they are now. Peers keep what they have used up: when their buckets will be full again. */
  reread(): void {
    const settings = this.#settings;
    this.limitsPublishes = settings.maxPublishRate >= 0;
    this.limitsSubscribes = settings.maxSubscribeRate >= 0;
    this.#buckets = {
      publishes: new Bucket(settings.maxPublishRate, settings.publishBurst),
      subscribes: new Bucket(settings.maxSubscribeRate, settings.subscribeBurst),
      channels: new Bucket(settings.maxChannelRate, settings.channelBurst),
    };
    this.#mistakes = new Bucket(settings.maxBadMessages / BAD_SECONDS, settings.maxBadMessages);
    this.#handshakes = new Bucket(settings.maxHandshakeRate, Math.max(settings.maxHandshakeRate, 1));
    this.#handshakesOfAddress = new Bucket(settings.maxHandshakeRatePerAddress, settings.handshakeBurstPerAddress);
    this.#countsAddresses =
      settings.maxHandshakeRatePerAddress >= 0 ||
      settings.maxSessionsPerAddress >= 0 ||
      settings.maxConnectionsPerAddress >= 0;
  }

  /** Addresses that are kept in mind at this moment. */
  get addressCount(): number {
    return this.#addresses.size;
  }

  sweep(): void {
    if (this.#addresses.size > 0) this.#addresses.sweep(this.#clock.now());
  }

  // What a session does

  /**
   * Whether a session may have a channel made, beside the `existing` ones that remote sessions asked for; takes it from the
   * session's bucket. False when the reply tells why not.
   */
  creates(session: Session, existing: number, reply: ServerMessage): boolean {
    if (session.isTrusted) return true;
    const { maxRemoteChannels, maxChannelRate } = this.#settings;
    if (maxRemoteChannels < 0 || existing < maxRemoteChannels)
      return maxChannelRate < 0 || this.take('channels', session, reply);
    this.#refuse(reply, 'maxRemoteChannels', maxRemoteChannels);
    return false;
  }

  /** Takes a publish, a subscribe or a new channel from the session's bucket. False when it was empty: the reply tells so. */
  take(step: Step, session: Session, reply: ServerMessage): boolean {
    const own = paceOf(session);
    const bucket = this.#buckets[step];
    const now = this.#clock.now();
    const wait = bucket.wait(own[step], now);
    if (wait === 0) {
      own[step] = bucket.taken(own[step], now);
      if (this.isTight && step === 'publishes') own[step] = bucket.taken(own[step], now);
      return true;
    }
    const limit = limits[step];
    this.#refuse(reply, limit, this.#settings[limit]);
    // Some clients take over the advice of any reply; the next connect puts it right again.
    session.timing.readvise();
    reply.advice = { ...session.timing.takeAdvice(), interval: Math.ceil(wait) };
    session.timing.readvise();
    return false;
  }

  /** A message was no Bayeux. True when the peer has sent too many of them: its session has to go. */
  misbehaved(session: Session | null, message: ServerMessage, reply: ServerMessage): boolean {
    const { maxBadMessages } = this.#settings;
    const { context } = message;
    const peer = session ?? context;
    if (maxBadMessages < 0 || !peer || session?.isTrusted) return false;
    const own = paceOf(peer);
    const now = this.#clock.now();
    if (this.#mistakes.wait(own.mistakes, now) === 0) {
      own.mistakes = this.#mistakes.taken(own.mistakes, now);
      return false;
    }
    this.#diagnostics.limitHit('maxBadMessages');
    reply.advice = { ...reply.advice, reconnect: 'none' };
    this.#cuts++;
    if (context) this.#cut.add(context);
    return true;
  }

  /** Whether a connection has sent too many bad messages, and is to be closed. */
  isCut(context: BayeuxContext): boolean {
    return this.#cuts > 0 && this.#cut.has(context);
  }

  // Who may come in

  /** Remembers for whom a request counts that may shake hands. Answers its address, if it has one. */
  meet(context: BayeuxContext, request: IncomingMessage): string | undefined {
    if (!this.#countsAddresses) return undefined;
    let address: string | undefined;
    try {
      address = addressOf(request, this.#settings);
    } catch (error) {
      this.#diagnostics.failed('clientAddress', error);
      address = addressOf(request, { trustedProxies: this.#settings.trustedProxies, clientAddress: undefined });
    }
    if (address !== undefined) this.#met.set(context, address);
    if (request.headers['x-forwarded-for'] !== undefined) this.#wonder();
    return address;
  }

  /** The address a session counts for; undefined for one that is not counted. */
  addressOf(session: Session): string | undefined {
    return (session as Resident)[account]?.address;
  }

  /** Takes a handshake out of all buckets and gives the session its place. False when it must wait: the reply tells how long. */
  handshake(session: Session, message: ServerMessage, reply: ServerMessage): boolean {
    const { maxHandshakeRate, maxHandshakeRatePerAddress, maxSessionsPerAddress, websocket } = this.#settings;
    const address = message.context ? this.#met.get(message.context) : undefined;
    const now = this.#clock.now();
    const known = address === undefined ? undefined : this.#addresses.find(address);
    if (known && maxSessionsPerAddress >= 0 && known.sessions >= maxSessionsPerAddress)
      return this.#postpone(reply, 'maxSessionsPerAddress', maxSessionsPerAddress, websocket.maxInterval / 2);
    const isPaced = address !== undefined && maxHandshakeRatePerAddress >= 0;
    const own = isPaced ? this.#handshakesOfAddress.wait(known?.handshakes ?? 0, now) : 0;
    if (own > 0) return this.#postpone(reply, 'maxHandshakeRatePerAddress', maxHandshakeRatePerAddress, own);
    // Before an account is opened: so there are never more of them than handshakes in the time of one burst.
    const all = maxHandshakeRate < 0 ? 0 : this.#handshakes.wait(this.#handshakesFull, now);
    if (all > 0) return this.#postpone(reply, 'maxHandshakeRate', maxHandshakeRate, all);
    this.#handshakesFull = this.#handshakes.taken(this.#handshakesFull, now);
    if (address === undefined) return true;
    const opened = this.#addresses.open(address);
    if (isPaced) opened.handshakes = this.#handshakesOfAddress.taken(opened.handshakes, now);
    opened.sessions++;
    (session as Resident)[account] = opened;
    return true;
  }

  /** The session gives its place back: it has ended, or was refused in the end. */
  left(session: Session): void {
    const resident = session as Resident;
    if (!resident[account]) return;
    resident[account].sessions--;
    resident[account] = undefined;
  }

  /** Whether a further WebSocket of this address would be one too many. */
  isFull(address: string | undefined): boolean {
    const { maxConnectionsPerAddress } = this.#settings;
    if (address === undefined || maxConnectionsPerAddress < 0) return false;
    if ((this.#addresses.find(address)?.connections ?? 0) < maxConnectionsPerAddress) return false;
    this.#diagnostics.limitHit('maxConnectionsPerAddress');
    return true;
  }

  /** A WebSocket of this address was opened. What is answered is to be called when it has closed. */
  opened(address: string): () => void {
    const opened = this.#addresses.open(address);
    opened.connections++;
    return () => {
      opened.connections--;
    };
  }

  #refuse(reply: ServerMessage, limit: string, value: number): void {
    this.#diagnostics.limitHit(limit);
    refuse(reply, 'limit_exceeded', limit, String(value));
  }

  /** Not now: the wait is at least what it must be, and different for each, so that they do not all come at once. */
  #postpone(reply: ServerMessage, limit: string, value: number, wait: number): false {
    this.#refuse(reply, limit, value);
    const least = Math.max(Number.isFinite(wait) ? wait : 0, LEAST_WAIT);
    reply.advice = { reconnect: 'handshake', interval: Math.round(least * (1 + Math.random())) };
    return false;
  }

  /** Says once that the addresses of clients are not known, when that is so: all would count as one, or none at all. */
  #wonder(): void {
    if (this.#hasWondered || this.#settings.trustedProxies > 0 || this.#settings.clientAddress) return;
    this.#hasWondered = true;
    this.#diagnostics.warn(
      'trustedProxies',
      'Requests come through a proxy, so clients cannot be told apart by address (options trustedProxies, clientAddress)',
    );
  }
}

function paceOf(peer: Peer): Pace {
  peer[pace] ??= { publishes: 0, subscribes: 0, channels: 0, mistakes: 0 };
  return peer[pace];
}

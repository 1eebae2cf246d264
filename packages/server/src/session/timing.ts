/** When a session expires, how long its connects are held, and what its client is told about both. Book section 9.3.2.1. */
import type { Advice } from '@cometd-ts/protocol';
import { duration } from '../duration.ts';
import type { TransportOptions } from '../options.ts';
import type { SessionClock } from './clock.ts';

/** The transport a session is served by: its name and its options. */
export interface Via {
  readonly name: string;
  readonly settings: Readonly<TransportOptions>;
}

/** Longest hold a client may ask for, unless the transport's own timeout is longer, in ms. */
const LONGEST_ADVISED_TIMEOUT = 60_000;
/** Longest sleep a client may announce, in ms. */
const LONGEST_ADVISED_INTERVAL = 3_600_000;

export class Timing {
  readonly #clock: SessionClock;
  #via: Via;

  // What the application says; −1 leaves it to the transport.
  #timeout = -1;
  #interval = -1;
  #maxInterval = -1;
  // What the client's last connect says.
  #transientTimeout = -1;
  #transientInterval = -1;
  /** The client was asked for a pause before its next connect, and has to be told of the usual interval then. */
  #isPostponed = false;
  /** Name of the transport by which the client has been told the current values. */
  #advisedBy = '';

  /** 0 while no deadline runs: a connect is being processed or held, or the session never expires. */
  #expireAt = 0;
  #lastMessage: number;
  #connects = 0;
  /** When the session began, by the clock. */
  readonly begun: number;

  constructor(clock: SessionClock, via: Via) {
    this.#clock = clock;
    this.#via = via;
    this.begun = clock.now();
    this.#lastMessage = this.begun;
  }

  /** When its last message came, or its connect was held, by the clock. */
  get lastMessage(): number {
    return this.#lastMessage;
  }

  get via(): Via {
    return this.#via;
  }

  /** Serves the session by this transport from now on; another one than before advises the client again. */
  set via(via: Via) {
    this.#via = via;
  }

  get timeout(): number {
    return this.#timeout;
  }

  set timeout(timeout: number) {
    this.#timeout = duration('timeout', timeout);
    this.readvise();
  }

  get interval(): number {
    return this.#interval;
  }

  set interval(interval: number) {
    this.#interval = duration('interval', interval);
    this.readvise();
  }

  get maxInterval(): number {
    return this.#maxInterval;
  }

  set maxInterval(maxInterval: number) {
    this.#maxInterval = duration('maxInterval', maxInterval);
    this.readvise();
  }

  /** How long the connect being processed may be held, in ms. */
  get holdTime(): number {
    return this.#transientTimeout >= 0 ? this.#transientTimeout : this.#advertisedTimeout;
  }

  // Advice

  /** Takes over what a connect's advice asks for; without advice, forgets what an earlier one asked for. */
  takeClientAdvice(advice: Advice | undefined): void {
    const longest = Math.max(LONGEST_ADVISED_TIMEOUT, this.#via.settings.timeout);
    this.#transientTimeout = within(advice?.timeout, longest);
    this.#transientInterval = within(advice?.interval, LONGEST_ADVISED_INTERVAL);
    if (advice || this.#isPostponed) this.readvise();
    this.#isPostponed = false;
  }

  /** The client pauses so many ms before its next connect, if it would not pause longer anyway: the next advice says so. */
  postpone(interval: number): void {
    if (interval <= this.#effectiveInterval) return;
    this.#transientInterval = interval;
    this.#isPostponed = true;
    this.readvise();
  }

  /** The next reply to a connect carries advice again. */
  readvise(): void {
    this.#advisedBy = '';
  }

  /** Complete advice when the client does not have it yet, else null. */
  takeAdvice(): Advice | null {
    if (this.#advisedBy === this.#via.name) return null;
    this.#advisedBy = this.#via.name;
    const advice: Advice = { reconnect: 'retry', interval: this.#effectiveInterval, timeout: this.#advertisedTimeout };
    if (this.#via.settings.handshakeReconnect) advice.maxInterval = this.#effectiveMaxInterval;
    return advice;
  }

  // Expiration

  /** A message arrived: a connect stops the expiration, any other message postpones it by one maxInterval. */
  touch(isConnect: boolean): void {
    const now = this.#clock.now();
    this.#lastMessage = now;
    if (isConnect) this.#expireAt = 0;
    else if (this.#expireAt !== 0) this.#expireAt = Math.max(this.#expireAt, now + this.#effectiveMaxInterval);
  }

  /** Numbers the connects, so that a late end of an older one cannot expire a session whose newer one is held. */
  beginConnect(): number {
    return ++this.#connects;
  }

  isCurrentConnect(connect: number): boolean {
    return connect === this.#connects;
  }

  /** From now on the client has interval + maxInterval to come back. Ignored on behalf of an overtaken connect. */
  armExpiration(connect: number): void {
    if (connect !== this.#connects) return;
    this.#expireAt = this.#clock.now() + this.#effectiveInterval + this.#effectiveMaxInterval;
  }

  /** A connect is being held: its client cannot be late. */
  suspendExpiration(): void {
    this.#expireAt = 0;
    this.#lastMessage = this.#clock.now();
  }

  /** Whether the session's time is over. */
  isOverdue(now: number): boolean {
    if (this.#expireAt !== 0) return now > this.#expireAt;
    const { maxProcessing } = this.#via.settings;
    return maxProcessing > 0 && now - this.#lastMessage > maxProcessing;
  }

  get #advertisedTimeout(): number {
    return this.#timeout >= 0 ? this.#timeout : this.#via.settings.timeout;
  }

  get #effectiveInterval(): number {
    if (this.#transientInterval >= 0) return this.#transientInterval;
    return this.#interval >= 0 ? this.#interval : this.#via.settings.interval;
  }

  get #effectiveMaxInterval(): number {
    return this.#maxInterval > 0 ? this.#maxInterval : this.#via.settings.maxInterval;
  }
}

/** A number of ms from a peer, inside its bounds; −1 when it is none. */
function within(value: unknown, most: number): number {
  return typeof value === 'number' && value >= 0 ? Math.min(value, most) : -1;
}

/** Which channels of others are wanted because somebody here is subscribed to them, and for a while after. */
import { META_SUBSCRIBE } from '@cometd-ts/protocol';
import {
  type BayeuxServer,
  isReserved,
  type Registration,
  type ServerChannel,
  type ServerSession,
} from '@cometd-ts/server';
import { around, common } from './patterns.ts';

/** What subscribes at NATS. */
export interface Wanting {
  want(pattern: string): void;
  unwant(pattern: string): void;
  /** Resolves when the server of NATS has all that was wanted so far, or is away. */
  settled(): Promise<unknown>;
}

export interface InterestOptions {
  /** Below which patterns it counts what is subscribed. */
  readonly interest: readonly string[];
  /** How long a channel stays wanted when its last subscriber has gone, in ms. */
  readonly linger: number;
}

interface Want {
  subscribers: number;
  /** When nobody was subscribed any more. */
  since: number;
}

/** How long a reply to a subscription waits for NATS, in ms. */
const PATIENCE = 1000;

/**
 * Every session counts that is subscribed, local ones too, wildcards as well, but for those of the cluster itself: the tap, and
 * whatever is subscribed to channels of the cluster. Listeners of channels are no subscribers: what they shall hear of other nodes is observed
 * (`Oort.observeChannel`).
 *
 * The first subscriber of a channel has its reply when NATS has heard of it: what another node publishes after that arrives.
 */
export class Interest {
  readonly #server: BayeuxServer;
  readonly #wanting: Wanting;
  readonly #isOurs: (session: ServerSession) => boolean;
  readonly #patterns: readonly string[];
  readonly #linger: number;
  readonly #wants: Map<string, Want> = new Map();
  readonly #registrations: Registration[] = [];
  #settling: Promise<unknown> | null = null;

  /** @param isOurs whether a session is one of the cluster */
  constructor(
    server: BayeuxServer,
    wanting: Wanting,
    { interest, linger }: InterestOptions,
    isOurs: (session: ServerSession) => boolean,
  ) {
    this.#server = server;
    this.#wanting = wanting;
    this.#isOurs = isOurs;
    this.#patterns = interest.filter((one) => !around(one).some((wider) => interest.includes(wider)));
    this.#linger = linger;
  }

  start(): void {
    if (this.#patterns.length === 0) return;
    const server = this.#server;
    this.#registrations.push(
      server.addListener('subscribed', (session, channel) => this.#subscribed(session, channel)),
      server.addListener('unsubscribed', (session, channel) => this.#unsubscribed(session, channel)),
      server.addExtension({
        sendMeta: (_from, _to, { channel }) =>
          channel === META_SUBSCRIBE && this.#settling ? this.#settling.then(() => true) : true,
      }),
    );
    for (const channel of server.channels)
      for (const session of channel.subscribers) this.#subscribed(session, channel);
  }

  stop(): void {
    for (const registration of this.#registrations) registration.remove();
  }

  /** Time has passed: what nobody is subscribed to for long enough is wanted no more. */
  sweep(at: number): void {
    for (const [pattern, { subscribers, since }] of this.#wants) {
      if (subscribers > 0 || at - since < this.#linger) continue;
      this.#wants.delete(pattern);
      this.#wanting.unwant(pattern);
    }
  }

  #subscribed(session: ServerSession, channel: ServerChannel): void {
    for (const pattern of this.#patternsOf(session, channel)) {
      const want = this.#wants.get(pattern);
      if (want) want.subscribers++;
      else {
        this.#wanting.want(pattern);
        this.#wants.set(pattern, { subscribers: 1, since: 0 });
        this.#settle();
      }
    }
  }

  #unsubscribed(session: ServerSession, channel: ServerChannel): void {
    for (const pattern of this.#patternsOf(session, channel)) {
      const want = this.#wants.get(pattern);
      if (want && --want.subscribers === 0) want.since = performance.now();
    }
  }

  /** What of a channel or pattern lies within those that count. */
  #patternsOf(session: ServerSession, { id, isBroadcast }: ServerChannel): string[] {
    if (!isBroadcast || isReserved(id) || session.isNode || this.#isOurs(session)) return [];
    return this.#patterns.map((pattern) => common(pattern, id)).filter((shared) => shared !== null);
  }

  #settle(): void {
    const settling = Promise.race([this.#wanting.settled(), patience()]).then(() => {
      if (this.#settling === settling) this.#settling = null;
    });
    this.#settling = settling;
  }
}

function patience(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PATIENCE).unref());
}

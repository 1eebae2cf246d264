/**
 * What was published and what was heard, and what is wrong with it: ghosts, duplicates, inversions, losses nobody explains.
 * Each publisher counts its messages; a message is known by its publisher and that number.
 */

/** What travels as `data`. */
export interface Mark {
  readonly p: string;
  readonly n: number;
}

interface Publish extends Mark {
  readonly channel: string;
  readonly at: number;
  outcome: 'unknown' | 'ok' | 'failed';
}

interface Subscription {
  readonly subscriber: string;
  readonly channel: string;
  readonly from: number;
  to: number;
  readonly received: Mark[];
}

interface Excuse {
  readonly subscriber: string;
  readonly publisher: string | null;
  readonly from: number;
  readonly to: number;
}

/** Each line names a message and who (did not) hear it. Empty lists are what one wants to see. */
export interface Findings {
  /** Heard, though its publisher was told that it failed. */
  readonly ghosts: readonly string[];
  /** Heard, though nobody published it. */
  readonly unexpected: readonly string[];
  readonly duplicates: readonly string[];
  /** Heard after a younger message of the same publisher on the same channel. */
  readonly inversions: readonly string[];
  /** Confirmed to its publisher, never heard, and no excuse. */
  readonly lost: readonly string[];
}

export class History {
  readonly #publishes: Map<string, Publish> = new Map();
  readonly #subscriptions: Subscription[] = [];
  readonly #excuses: Excuse[] = [];
  readonly #counters: Map<string, number> = new Map();
  readonly #now: () => number;

  /** @param now the clock, in ms; one and the same for all that is noted here */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get published(): number {
    return this.#publishes.size;
  }

  get received(): number {
    return this.#subscriptions.reduce((sum, { received }) => sum + received.length, 0);
  }

  /** A publisher is about to publish: what it shall publish. */
  publish(p: string, channel: string): Mark {
    const n = (this.#counters.get(p) ?? 0) + 1;
    this.#counters.set(p, n);
    this.#publishes.set(key({ p, n }), { p, n, channel, at: this.#now(), outcome: 'unknown' });
    return { p, n };
  }

  /** The publish was confirmed. */
  confirmed(mark: Mark): void {
    this.#outcome(mark, 'ok');
  }

  /** The publish was refused: it must never be heard. */
  refused(mark: Mark): void {
    this.#outcome(mark, 'failed');
  }

  /** From now on the subscriber must hear what is published on the channel. */
  subscribed(subscriber: string, channel: string): void {
    this.#subscriptions.push({ subscriber, channel, from: this.#now(), to: Number.POSITIVE_INFINITY, received: [] });
  }

  unsubscribed(subscriber: string, channel: string): void {
    const subscription = this.#find(subscriber, channel);
    if (subscription) subscription.to = this.#now();
  }

  heard(subscriber: string, channel: string, mark: Mark): void {
    this.#find(subscriber, channel)?.received.push(mark);
  }

  /** What was published between these times, by this publisher or by anybody (null), may be missing at the subscriber. */
  excuse(subscriber: string, publisher: string | null, from: number, to: number = this.#now()): void {
    this.#excuses.push({ subscriber, publisher, from, to });
  }

  check(): Findings {
    const findings = { ghosts: [], unexpected: [], duplicates: [], inversions: [], lost: [] } as Record<
      keyof Findings,
      string[]
    >;
    for (const subscription of this.#subscriptions) {
      const name = `${subscription.subscriber} on ${subscription.channel}`;
      const seen = new Set<string>();
      const highest = new Map<string, number>();
      for (const mark of subscription.received) {
        const id = key(mark);
        const publish = this.#publishes.get(id);
        if (!publish) findings.unexpected.push(`${id} at ${name}`);
        else if (publish.outcome === 'failed') findings.ghosts.push(`${id} at ${name}`);
        if (seen.has(id)) findings.duplicates.push(`${id} at ${name}`);
        else if (mark.n < (highest.get(mark.p) ?? 0)) findings.inversions.push(`${id} at ${name}`);
        seen.add(id);
        highest.set(mark.p, Math.max(mark.n, highest.get(mark.p) ?? 0));
      }
      for (const publish of this.#publishes.values())
        if (this.#isOwed(publish, subscription) && !seen.has(key(publish)))
          findings.lost.push(`${key(publish)} at ${name}`);
    }
    return findings;
  }

  #isOwed({ p, channel, at, outcome }: Publish, subscription: Subscription): boolean {
    if (outcome !== 'ok' || channel !== subscription.channel) return false;
    if (at < subscription.from || at > subscription.to) return false;
    return !this.#excuses.some(
      ({ subscriber, publisher, from, to }) =>
        subscriber === subscription.subscriber && (publisher ?? p) === p && at >= from && at <= to,
    );
  }

  #find(subscriber: string, channel: string): Subscription | undefined {
    return this.#subscriptions.findLast((one) => one.subscriber === subscriber && one.channel === channel);
  }

  #outcome(mark: Mark, outcome: 'ok' | 'failed'): void {
    const publish = this.#publishes.get(key(mark));
    if (!publish) throw new TypeError(`Nobody has published ${key(mark)}`);
    publish.outcome = outcome;
  }
}

function key({ p, n }: Mark): string {
  return `${p}#${n}`;
}

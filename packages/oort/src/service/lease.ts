/**
 * One of all nodes, elected: whoever holds the lease, a value in a bucket that is gone when nobody writes it again.
 *
 * A node that cannot renew its lease lays it down before any other can take it: it counts from the moment before it last wrote,
 * with two clocks of which the faster one counts, because one of them stands still while the machine sleeps, and it asks them
 * whenever it is asked, because a timer comes late when the process has stood still.
 *
 *   |- written --------------------------------------- ttl -|- gone: others may take it
 *   |- renewed at a third, and again ------- nine tenths -| laid down
 */
import { randomUUID } from 'node:crypto';
import type { Registration } from '@cometd-ts/server';
import { type Bucket, type BucketEntry, BucketError } from '../powers.ts';

/** The clocks of a node. */
export interface Clock {
  /** In ms, from anywhere; never goes back. */
  monotonic(): number;
  /** In ms since 1970. */
  wall(): number;
  /** Calls once, after so many ms or later. What it answers keeps it from doing so. */
  after(ms: number, what: () => void): () => void;
}

export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, what) => {
    const timer = setTimeout(what, Math.max(0, Math.ceil(ms)));
    return () => clearTimeout(timer);
  },
};

/** Whom a lease tells. */
export interface LeaseDesk {
  /** `token` is greater than that of any holder before. */
  elected(token: number): void;
  deposed(): void;
  /** Another node holds it, or none is known to. */
  changed(url: string | null): void;
  /** A write has failed: it will be tried again. */
  failed(error: unknown): void;
}

interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

/** What stands in the bucket. `term` is of one lease of one node: it knows what it has written by it. */
interface Holder {
  readonly url: string;
  readonly term: string;
}

interface Held {
  readonly token: number;
  revision: number;
  /** Before the last write that is known to be done. */
  since: Moment;
}

const KEY: readonly string[] = ['lease'];

export class Lease {
  readonly #bucket: Bucket;
  readonly #me: Holder;
  readonly #ttl: number;
  readonly #desk: LeaseDesk;
  readonly #clock: Clock;
  #held: Held | null = null;
  /** Who was heard to hold it, this node included, and when. */
  #heard: { readonly holder: Holder; readonly revision: number; readonly at: Moment } | null = null;
  #told: string | null = null;
  /** What is under way: one thing at a time. */
  #work: Promise<void> | null = null;
  #isAsked = false;
  #isStopped = false;
  #cancel: () => void = () => undefined;
  #cancelEnd: () => void = () => undefined;
  #watch: Registration | null = null;

  /** @param ttl of the bucket, in ms */
  constructor(bucket: Bucket, url: string, ttl: number, desk: LeaseDesk, clock: Clock = systemClock) {
    this.#bucket = bucket;
    this.#me = { url, term: randomUUID() };
    this.#ttl = ttl;
    this.#desk = desk;
    this.#clock = clock;
  }

  start(): void {
    this.#watch = this.#bucket.watch(
      {
        entry: (entry) => this.#entry(entry),
        ready: () => this.#try(),
        restarted: () => {
          this.#heard = null;
        },
      },
      KEY,
    );
  }

  /** Lays it down, so that another can take it at once. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#cancel();
    this.#watch?.remove();
    // A write under way decides which revision there is to remove.
    const held = this.#held;
    this.#layDown();
    await this.#work;
    if (!held) return;
    try {
      await this.#soon(this.#bucket.delete(KEY, held.revision));
    } catch (error) {
      this.#desk.failed(error);
    }
  }

  /** Whether this node is the one, at this very moment. */
  get isHeld(): boolean {
    return this.#held !== null && this.#isFresh(this.#held.since);
  }

  /** Of this node's time in office; null when it is not in office. */
  get token(): number | null {
    return this.isHeld ? (this.#held?.token ?? null) : null;
  }

  /** Of the node that holds it, as far as is known. */
  get url(): string | null {
    if (this.isHeld) return this.#me.url;
    if (!this.#heard || this.#elapsed(this.#heard.at) >= this.#ttl) return null;
    return this.#heard.holder.term === this.#me.term ? null : this.#heard.holder.url;
  }

  // Time

  #now(): Moment {
    return { monotonic: this.#clock.monotonic(), wall: this.#clock.wall() };
  }

  #elapsed(since: Moment): number {
    return Math.max(this.#clock.monotonic() - since.monotonic, this.#clock.wall() - since.wall);
  }

  #isFresh(since: Moment): boolean {
    return this.#elapsed(since) < this.#ttl * 0.9;
  }

  // What is heard

  #entry({ value, revision }: BucketEntry): void {
    const holder = readHolder(value);
    this.#heard = holder && { holder, revision, at: this.#now() };
    this.#tellChange();
    if (!holder) this.#try();
  }

  #tellChange(): void {
    const { url } = this;
    if (this.#told === url) return;
    this.#told = url;
    this.#desk.changed(url);
  }

  // What is done

  /** Does what is to be done now, or as soon as what is under way is done. */
  #try(): void {
    if (this.#isStopped) return;
    if (this.#work) {
      this.#isAsked = true;
      return;
    }
    this.#cancel();
    this.#work = this.#turn()
      .catch((error: unknown) => {
        this.#desk.failed(error);
        return this.#ttl / 10;
      })
      .then((pause) => {
        this.#work = null;
        if (this.#isStopped) return;
        if (this.#held && !this.isHeld) this.#layDown();
        this.#tellChange();
        this.#cancel = this.#clock.after(this.#isAsked ? 0 : pause, () => this.#try());
        this.#isAsked = false;
      });
  }

  /** Answers when the next one is due, in ms. */
  async #turn(): Promise<number> {
    if (this.#held && !this.isHeld) this.#layDown();
    if (this.#held) return this.#renew(this.#held);
    const heard = this.#heard;
    if (heard?.holder.term === this.#me.term) {
      // Written by this node, which could not know that it was done, or was too late to use it.
      await this.#soon(this.#bucket.delete(KEY, heard.revision));
      if (this.#heard === heard) this.#heard = null;
    }
    const since = this.#now();
    const token = await this.#soon(this.#bucket.create(KEY, this.#me));
    if (token === null) return (this.#ttl / 3) * (0.75 + Math.random() / 2);
    this.#held = { token, revision: token, since };
    if (this.#isStopped || !this.isHeld) return this.#giveBack(this.#held);
    this.#guardEnd();
    this.#desk.elected(token);
    return this.#ttl / 3;
  }

  async #renew(held: Held): Promise<number> {
    const since = this.#now();
    const revision = await this.#soon(this.#bucket.update(KEY, this.#me, held.revision));
    if (revision !== null) {
      held.revision = revision;
      held.since = since;
      return this.#ttl / 3;
    }
    // A write that seemed to fail may have been done: then it stands there by the name of this term.
    const entry = await this.#soon(this.#bucket.get(KEY));
    if (entry && readHolder(entry.value)?.term === this.#me.term) held.revision = entry.revision;
    else if (this.#held === held) this.#layDown();
    return 0;
  }

  async #giveBack(held: Held): Promise<number> {
    this.#held = null;
    await this.#soon(this.#bucket.delete(KEY, held.revision));
    return this.#ttl / 3;
  }

  /** An answer that does not come leaves time to ask again. What was asked may be done all the same, and is recognised then. */
  #soon<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(this.#ttl / 6, () => reject(new BucketError('down', 'No answer came in time')));
      answer.then(resolve, reject).finally(cancel);
    });
  }

  #layDown(): void {
    if (!this.#held) return;
    this.#held = null;
    this.#cancelEnd();
    this.#desk.deposed();
    this.#tellChange();
  }

  /** Lays it down in time, also while a write does not come back. */
  #guardEnd(): void {
    const held = this.#held;
    if (!held) return;
    this.#cancelEnd = this.#clock.after(Math.max(1, this.#ttl * 0.9 - this.#elapsed(held.since)), () => {
      if (this.#held !== held) return;
      if (this.isHeld) return this.#guardEnd();
      this.#layDown();
      this.#try();
    });
  }
}

function readHolder(value: unknown): Holder | null {
  if (typeof value !== 'object' || value === null) return null;
  const { url, term } = value as Partial<Record<keyof Holder, unknown>>;
  return typeof url === 'string' && typeof term === 'string' ? { url, term } : null;
}

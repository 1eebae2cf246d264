/**
 * Who is where by a bucket: each node keeps its users there and sees those of all, so that what a broken line has swallowed is
 * there to be read, and a node that joins reads it once instead of being told by every other.
 *
 *   [id of the node's start, user] → true
 *
 * What is there counts as long as the node of that start is a member: a dead one leaves no ghosts, whoever cleans up behind it.
 */
import type { Registration } from '@cometd-ts/server';
import type { Member } from '../engine.ts';
import { type Bucket, type BucketEntry, BucketError } from '../powers.ts';
import type { SetiDesk } from './routing.ts';
import type { News } from './table.ts';

/** Writes under way at a time; those of a user that comes and goes meanwhile become one. */
const WRITES = 256;
/** How long after a write that failed the next one is tried, in ms, if the engine does not say before that it is there again. */
const RETRY = 1_000;
/** How long the users of a node nobody knows may lie there, in ms: it may be about to join. */
const GRACE = 30_000;

export class NewsByBucket implements News {
  readonly #desk: SetiDesk;
  /** Users by the id of a node's start: all that is there. */
  #kept: Map<string, Set<string>> = new Map();
  /** What has been told since the watch began anew; null when it is complete. */
  #fresh: Map<string, Set<string>> | null = new Map();
  /** Users of this node of whom it must be written that they have come or gone. */
  readonly #unwritten: Set<string> = new Set();
  readonly #timers: Set<NodeJS.Timeout> = new Set();
  #bucket: Bucket | null = null;
  #registrations: Registration[] = [];
  #writes = 0;
  #isWaiting = false;

  constructor(desk: SetiDesk) {
    this.#desk = desk;
  }

  async start(): Promise<void> {
    const { oort } = this.#desk;
    const { buckets } = oort.engine;
    if (!buckets)
      throw new TypeError(`Routing 'bucket' needs an engine with buckets, and '${oort.engine.name}' has none`);
    const bucket = await buckets.open('seti');
    this.#bucket = bucket;
    await new Promise<void>((resolve) => {
      this.#registrations = [
        bucket.watch({
          entry: (entry) => this.#heard(entry),
          ready: () => {
            this.#complete();
            resolve();
          },
          restarted: () => {
            this.#fresh = new Map();
          },
        }),
        oort.addListener('cometJoined', (member) => this.#show(member)),
        oort.addListener('cometLeft', (member) => {
          // Who is cut off itself loses all others from sight.
          if (this.#isResponsible && oort.status.state !== 'down') this.#drop(member.id);
        }),
        oort.addListener('status', ({ state }) => {
          if (state === 'up') this.#goOn();
        }),
      ];
    });
  }

  async stop(): Promise<void> {
    for (const registration of this.#registrations) registration.remove();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#unwritten.clear();
    const bucket = this.#bucket;
    this.#bucket = null;
    if (bucket) await this.#dropped(bucket, this.#desk.oort.id);
    this.#kept.clear();
  }

  came(userId: string): void {
    this.#write(userId);
  }

  went(userId: string): void {
    this.#write(userId);
  }

  /** Not by messages: another node has been told to do it otherwise. */
  heard(): void {
    this.#desk.oort.server.diagnostics.count('seti_routings');
    this.#desk.oort.server.diagnostics.warn(
      'seti_routings',
      "Another node tells of its users by messages, while here routing is 'bucket': give all nodes the same",
    );
  }

  // What is there

  #heard({ key, value }: BucketEntry): void {
    const [id, user] = key;
    if (id === undefined) return;
    const all = this.#fresh ?? this.#kept;
    const users = all.get(id) ?? new Set();
    const came = value !== undefined && user !== undefined ? [user] : [];
    const went = value !== undefined ? [] : user === undefined ? [...users] : [user];
    for (const one of came) users.add(one);
    for (const one of went) users.delete(one);
    if (users.size > 0) all.set(id, users);
    else all.delete(id);
    if (this.#fresh) return;
    if (id === this.#desk.oort.id) this.#correct([...came, ...went]);
    else {
      const url = this.#urlOf(id);
      if (url !== undefined) this.#desk.note(url, came, went);
    }
  }

  /** All that is there has been told. */
  #complete(): void {
    const { oort, presences } = this.#desk;
    if (this.#fresh) this.#kept = this.#fresh;
    this.#fresh = null;
    for (const member of oort.members) this.#show(member);
    this.#correct([...(this.#kept.get(oort.id) ?? []), ...presences.localUsers]);
    this.#later(GRACE, () => this.#sweep());
  }

  #show({ id, url }: Member): void {
    if (this.#fresh) return;
    const users = this.#kept.get(id) ?? new Set();
    const gone = this.#desk.presences.usersOf(url).filter((user) => !users.has(user));
    this.#desk.note(url, users, gone);
  }

  #urlOf(id: string): string | undefined {
    return this.#desk.oort.members.find((member) => member.id === id)?.url;
  }

  // Behind the dead

  /** Of all nodes one cleans up: that whose id comes first. */
  get #isResponsible(): boolean {
    const { id, members } = this.#desk.oort;
    return members.every((member) => id < member.id);
  }

  /** Removes what nodes have left behind whose end nobody saw. */
  #sweep(): void {
    if (!this.#isResponsible) return;
    for (const id of this.#kept.keys()) if (id !== this.#desk.oort.id && this.#urlOf(id) === undefined) this.#drop(id);
  }

  #drop(id: string): void {
    if (this.#bucket) void this.#dropped(this.#bucket, id);
  }

  /** A node that is alive after all, cut off from this one, sees it and writes its users again. */
  async #dropped(bucket: Bucket, id: string): Promise<void> {
    const { diagnostics } = this.#desk.oort.server;
    try {
      await bucket.drop([id]);
    } catch (error) {
      // Who sweeps later finds it.
      if (error instanceof BucketError) diagnostics.count('seti_unwritten');
      else diagnostics.failed('seti', error);
    }
  }

  // The users of this node

  /** What is there of them may not be what is true: somebody took this node for dead, or a write was lost. */
  #correct(users: readonly string[]): void {
    const kept = this.#kept.get(this.#desk.oort.id);
    for (const user of users) if ((kept?.has(user) ?? false) !== this.#isHere(user)) this.#unwritten.add(user);
    this.#goOn();
  }

  #write(userId: string): void {
    this.#unwritten.add(userId);
    if (!this.#isWaiting) this.#pump();
  }

  #goOn(): void {
    this.#isWaiting = false;
    this.#pump();
  }

  #pump(): void {
    const bucket = this.#bucket;
    for (const user of this.#unwritten) {
      if (!bucket || this.#isWaiting || this.#writes >= WRITES) return;
      this.#unwritten.delete(user);
      this.#writes++;
      const key = [this.#desk.oort.id, user];
      (this.#isHere(user) ? bucket.put(key, true) : bucket.delete(key)).then(
        () => this.#written(),
        (error: unknown) => this.#failed(user, error),
      );
    }
  }

  #written(): void {
    this.#writes--;
    if (!this.#isWaiting) this.#pump();
  }

  #failed(user: string, error: unknown): void {
    this.#writes--;
    if (!this.#bucket) return;
    this.#unwritten.add(user);
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#desk.oort.server.diagnostics.count('seti_unwritten');
    this.#desk.oort.server.diagnostics.warn(
      'seti_unwritten',
      `The other nodes cannot be told of users for now: ${error instanceof Error ? error.message : String(error)}`,
    );
    this.#later(RETRY, () => this.#goOn());
  }

  #isHere(userId: string): boolean {
    return this.#desk.presences.sessionCount(userId) > 0;
  }

  #later(ms: number, what: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      what();
    }, ms);
    timer.unref();
    this.#timers.add(timer);
  }
}

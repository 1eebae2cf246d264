/** A world for leases, without a second of real time: nodes with clocks of their own, that stall, sleep, are cut off and crash. */
import { type Bucket, type BucketEntry, BucketError, type Watcher } from '@cometd-ts/oort';
import { type Clock, Lease } from '../../src/service/lease.ts';

/** How long a request waits that gets no answer, in ms. */
const PATIENCE = 2_000;

interface Task {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** The time that nobody in it can see, and the one bucket. */
export class World {
  now = 0;
  readonly nodes: Node[] = [];
  /** Tokens in the order in which nodes were told of them. */
  readonly tokens: number[] = [];
  readonly ttl: number;
  readonly #tasks: Task[] = [];
  readonly #random: () => number;
  #order = 0;
  #kept: { readonly value: unknown; readonly revision: number; readonly at: number } | null = null;
  #revision = 0;

  /** @param random from 0 to 1 */
  constructor(ttl: number, random: () => number) {
    this.ttl = ttl;
    this.#random = random;
  }

  node(rate = 1): Node {
    const node = new Node(this, rate, `http://node${this.nodes.length + 1}.test/cometd`);
    this.nodes.push(node);
    return node;
  }

  after(ms: number, run: () => void): void {
    const task = { at: this.now + Math.max(0, ms), order: ++this.#order, run };
    let index = this.#tasks.length;
    while (index > 0 && (this.#tasks[index - 1] as Task).at > task.at) index--;
    this.#tasks.splice(index, 0, task);
  }

  /** Lets time go by; `look` is called after all that happens. */
  async pass(ms: number, look: () => void = () => undefined): Promise<void> {
    const until = this.now + ms;
    for (let task = this.#tasks[0]; task && task.at <= until; task = this.#tasks[0]) {
      this.#tasks.shift();
      this.now = task.at;
      task.run();
      // What was awaited goes on, step by step.
      for (let step = 0; step < 12; step++) await null;
      look();
    }
    this.now = until;
  }

  /** How long a message is on its way, in ms: there and back within a sixth of the ttl. */
  get delay(): number {
    return 1 + this.#random() ** 4 * 200;
  }

  get entry(): BucketEntry | null {
    const kept = this.#kept;
    // Gone as early as may be.
    if (kept && this.now < kept.at + this.ttl) return { key: ['lease'], value: kept.value, revision: kept.revision };
    return null;
  }

  /** Null when what is there has another revision; 0 means nothing is there. */
  write(value: unknown, expected: number): number | null {
    if ((this.entry?.revision ?? 0) !== expected) return null;
    this.#kept = { value, revision: ++this.#revision, at: this.now };
    this.#tell();
    return this.#revision;
  }

  remove(expected: number): boolean {
    if (this.entry?.revision !== expected) return false;
    this.#kept = null;
    this.#revision++;
    this.#tell();
    return true;
  }

  /** That it has expired nobody is told, as with old servers. */
  #tell(): void {
    const entry = this.entry ?? { key: ['lease'], value: undefined, revision: this.#revision };
    for (const node of this.nodes) node.told(entry);
  }
}

export class Node {
  readonly lease: Lease;
  readonly url: string;
  isCut = false;
  isDead = false;
  isStopped = false;
  readonly #world: World;
  readonly #rate: number;
  #stalledUntil = 0;
  #slept = 0;
  #sleepsSince: number | null = null;
  #watcher: Watcher | null = null;

  constructor(world: World, rate: number, url: string) {
    this.#world = world;
    this.#rate = rate;
    this.url = url;
    const clock: Clock = {
      monotonic: () => this.#monotonic,
      wall: () => this.#world.now * rate,
      after: (ms, what) => this.#after(ms, what),
    };
    this.lease = new Lease(
      this.#bucket(),
      url,
      world.ttl,
      {
        elected: (token) => world.tokens.push(token),
        deposed: () => undefined,
        changed: () => undefined,
        failed: () => undefined,
      },
      clock,
    );
  }

  /** The process stands still. */
  stall(ms: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.#world.now + ms);
  }

  /** The machine sleeps: one of its clocks stands still, too. */
  sleep(ms: number): void {
    if (this.#sleepsSince !== null) return;
    this.stall(ms);
    this.#sleepsSince = this.#world.now;
    this.#world.after(ms, () => {
      this.#slept += this.#world.now - (this.#sleepsSince ?? this.#world.now);
      this.#sleepsSince = null;
    });
  }

  heal(): void {
    if (!this.isCut) return;
    this.isCut = false;
    this.#run(() => {
      this.#watcher?.restarted();
      this.#snapshot();
    });
  }

  stop(): void {
    this.isStopped = true;
    this.#run(() => void this.lease.stop());
  }

  told(entry: BucketEntry): void {
    if (this.isCut) return;
    this.#world.after(this.#world.delay, () => {
      if (!this.isCut) this.#run(() => this.#watcher?.entry(entry));
    });
  }

  get #monotonic(): number {
    const asleep = this.#sleepsSince === null ? 0 : this.#world.now - this.#sleepsSince;
    return (this.#world.now - this.#slept - asleep) * this.#rate;
  }

  #after(ms: number, what: () => void): () => void {
    let isCancelled = false;
    const due = this.#monotonic + ms;
    const look = (): void => {
      const left = due - this.#monotonic;
      if (left > 0.001) this.#world.after(left / this.#rate, look);
      else
        this.#run(() => {
          if (!isCancelled) what();
        });
    };
    look();
    return () => {
      isCancelled = true;
    };
  }

  /** As soon as the process runs. */
  #run(what: () => void): void {
    this.#world.after(Math.max(0, this.#stalledUntil - this.#world.now), () => {
      if (this.isDead) return;
      if (this.#world.now < this.#stalledUntil) this.#run(what);
      else what();
    });
  }

  #snapshot(): void {
    this.#world.after(this.#world.delay, () => {
      if (this.isCut) return;
      const { entry } = this.#world;
      this.#run(() => {
        if (entry) this.#watcher?.entry(entry);
        this.#watcher?.ready();
      });
    });
  }

  #bucket(): Bucket {
    const refused = (): never => {
      throw new TypeError('A lease does not do this');
    };
    return {
      name: 'lease',
      put: refused,
      drop: refused,
      get: () => this.#asked(() => this.#world.entry),
      create: (_key, value) => this.#asked(() => this.#world.write(value, 0)),
      update: (_key, value, revision) => this.#asked(() => this.#world.write(value, revision)),
      delete: (_key, revision = 0) => this.#asked(() => this.#world.remove(revision)),
      watch: (watcher) => {
        this.#watcher = watcher;
        this.#snapshot();
        return {
          remove: () => {
            this.#watcher = null;
          },
        };
      },
    };
  }

  /** There and back: on either way it may be lost, and then nobody knows whether it was done. */
  #asked<T>(what: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const settle = (how: () => void): void =>
        this.#run(() => {
          if (isSettled) return;
          isSettled = true;
          how();
        });
      this.#after(PATIENCE, () => settle(() => reject(new BucketError('down', 'no answer'))));
      if (this.isCut) return;
      this.#world.after(this.#world.delay, () => {
        const answer = what();
        this.#world.after(this.#world.delay, () => {
          if (!this.isCut) settle(() => resolve(answer));
        });
      });
    });
  }
}

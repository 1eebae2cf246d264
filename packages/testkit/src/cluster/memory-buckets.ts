/** Buckets inside one process: values that all nodes of a cloud see, complete and tiny, with nodes that can be cut off. */
import {
  type Bucket,
  type BucketEntry,
  BucketError,
  type BucketOptions,
  type Buckets,
  type Watcher,
} from '@cometd-ts/oort';
import type { JSONContext } from '@cometd-ts/protocol';
import type { Registration } from '@cometd-ts/server';

/** What the buckets of all nodes share. Values are kept as JSON. */
export class MemoryVault {
  readonly #post: (task: () => void) => void;
  readonly #stores: Map<string, Store> = new Map();

  /** @param post runs a task in a later turn, after all that were posted before */
  constructor(post: (task: () => void) => void) {
    this.#post = post;
  }

  /** The buckets as one node has them. */
  buckets(json: JSONContext): MemoryBuckets {
    return new MemoryBuckets(json, this.#post, (name, options) => {
      const store = this.#stores.get(name) ?? new Store(options, this.#post);
      this.#stores.set(name, store);
      return store;
    });
  }

  /** Forgets everything, like a system that kept it in memory and was restarted. Watchers are told by a restart. */
  lose(): void {
    for (const store of this.#stores.values()) store.lose();
  }
}

interface Kept {
  readonly key: readonly string[];
  readonly json: string;
  readonly revision: number;
  readonly expiry: NodeJS.Timeout | undefined;
}

interface Told {
  readonly key: readonly string[];
  /** Null: it is gone. */
  readonly json: string | null;
  readonly revision: number;
  readonly isPrefix?: true;
}

/** One bucket, whoever uses it. */
class Store {
  readonly maxBytes: number;
  readonly #ttl: number | undefined;
  readonly #post: (task: () => void) => void;
  readonly #kept: Map<string, Kept> = new Map();
  readonly #watches: Set<Watch> = new Set();
  #revision = 0;

  constructor({ ttl, maxBytes = 16 * 1024 * 1024 }: BucketOptions, post: (task: () => void) => void) {
    this.maxBytes = maxBytes;
    this.#ttl = ttl;
    this.#post = post;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Those that begin with the prefix, in the order they were written. */
  entries(prefix: readonly string[]): Told[] {
    return [...this.#kept.values()].filter(({ key }) => begins(key, prefix));
  }

  get(key: readonly string[]): Told | null {
    return this.#kept.get(text(key)) ?? null;
  }

  /** Null when what is there has another revision than `expected`; 0 means nothing is there. */
  write(key: readonly string[], json: string, expected?: number): number | null {
    if (expected !== undefined && expected !== (this.get(key)?.revision ?? 0)) return null;
    this.#forget(key);
    const expiry = this.#ttl === undefined ? undefined : setTimeout(() => this.remove(key), this.#ttl);
    expiry?.unref();
    const kept: Kept = { key, json, revision: ++this.#revision, expiry };
    this.#kept.set(text(key), kept);
    this.#tell(kept);
    return kept.revision;
  }

  remove(key: readonly string[], expected?: number): boolean {
    const kept = this.get(key);
    if (expected !== undefined && expected !== kept?.revision) return false;
    this.#forget(key);
    this.#tell({ key, json: null, revision: ++this.#revision });
    return true;
  }

  drop(prefix: readonly string[]): void {
    for (const { key } of this.entries(prefix)) this.#forget(key);
    this.#tell({ key: prefix, json: null, revision: ++this.#revision, isPrefix: true });
  }

  lose(): void {
    for (const { key } of this.entries([])) this.#forget(key);
    for (const watch of this.#watches) watch.restart();
  }

  watch(watch: Watch): void {
    this.#watches.add(watch);
  }

  unwatch(watch: Watch): void {
    this.#watches.delete(watch);
  }

  #forget(key: readonly string[]): void {
    clearTimeout(this.#kept.get(text(key))?.expiry);
    this.#kept.delete(text(key));
  }

  #tell(told: Told): void {
    this.#post(() => {
      for (const watch of this.#watches) watch.hear(told);
    });
  }
}

/** One watch of one node. */
class Watch {
  readonly #store: Store;
  readonly #prefix: readonly string[];
  readonly #watcher: Watcher;
  readonly #parse: (json: string) => unknown;
  readonly #post: (task: () => void) => void;
  /** Up to here it was told; infinite while nothing is. */
  #told = Number.POSITIVE_INFINITY;
  #epoch = 0;

  constructor(
    store: Store,
    prefix: readonly string[],
    watcher: Watcher,
    parse: (json: string) => unknown,
    post: (task: () => void) => void,
  ) {
    this.#store = store;
    this.#prefix = prefix;
    this.#watcher = watcher;
    this.#parse = parse;
    this.#post = post;
  }

  begin(): void {
    this.#store.watch(this);
    this.#snapshot();
  }

  /** Nothing is heard until `restart`. */
  interrupt(): void {
    this.#epoch++;
    this.#told = Number.POSITIVE_INFINITY;
  }

  restart(): void {
    this.interrupt();
    const epoch = this.#epoch;
    this.#post(() => {
      if (epoch === this.#epoch) this.#watcher.restarted();
    });
    this.#snapshot();
  }

  end(): void {
    this.interrupt();
    this.#store.unwatch(this);
  }

  hear(told: Told): void {
    if (told.revision > this.#told && begins(told.key, this.#prefix)) this.#tell(told);
  }

  #snapshot(): void {
    const epoch = this.#epoch;
    this.#post(() => {
      if (epoch !== this.#epoch) return;
      const entries = this.#store.entries(this.#prefix);
      this.#told = this.#store.revision;
      for (const told of entries) if (epoch === this.#epoch) this.#tell(told);
      if (epoch === this.#epoch) this.#watcher.ready();
    });
  }

  #tell({ json, ...told }: Told): void {
    this.#watcher.entry({ ...told, value: json === null ? undefined : this.#parse(json) });
  }
}

/** The buckets of one node. */
export class MemoryBuckets implements Buckets {
  readonly #json: JSONContext;
  readonly #post: (task: () => void) => void;
  readonly #storeOf: (name: string, options: BucketOptions) => Store;
  readonly #watches: Set<Watch> = new Set();
  #isCutOff = false;

  constructor(
    json: JSONContext,
    post: (task: () => void) => void,
    storeOf: (name: string, options: BucketOptions) => Store,
  ) {
    this.#json = json;
    this.#post = post;
    this.#storeOf = storeOf;
  }

  open(name: string, options: BucketOptions = {}): Promise<Bucket> {
    return this.#later(() => this.#bucket(name, this.#storeOf(name, options)));
  }

  /** Everything rejects, and nothing is heard, until `reconnect`. What is under way is not done. */
  cutOff(): void {
    this.#isCutOff = true;
    for (const watch of this.#watches) watch.interrupt();
  }

  reconnect(): void {
    this.#isCutOff = false;
    for (const watch of this.#watches) watch.restart();
  }

  /** For good. */
  close(): void {
    this.cutOff();
    for (const watch of this.#watches) watch.end();
    this.#watches.clear();
  }

  #bucket(name: string, store: Store): Bucket {
    const entryOf = ({ key, json, revision }: Told): BucketEntry => ({
      key,
      value: json === null ? undefined : this.#json.parse(json),
      revision,
    });
    return {
      name,
      get: (key) =>
        this.#later(() => {
          const told = store.get(checked(key));
          return told && entryOf(told);
        }),
      put: async (key, value) => (await this.#write(store, key, value)) as number,
      create: (key, value) => this.#write(store, key, value, 0),
      update: (key, value, revision) => this.#write(store, key, value, revision),
      delete: (key, revision) => this.#later(() => store.remove(checked(key), revision)),
      drop: (prefix) => this.#later(() => store.drop(checked(prefix))),
      watch: (watcher, prefix = []) => this.#watch(store, watcher, prefix),
    };
  }

  async #write(store: Store, key: readonly string[], value: unknown, expected?: number): Promise<number | null> {
    const own = [...checked(key)];
    const json = this.#json.generate(value);
    const bytes = Buffer.byteLength(json);
    if (bytes > store.maxBytes) throw new BucketError('tooLarge', `${bytes} bytes are more than ${store.maxBytes}`);
    return this.#later(() => store.write(own, json, expected));
  }

  #watch(store: Store, watcher: Watcher, prefix: readonly string[]): Registration {
    const watch = new Watch(store, prefix, watcher, (json) => this.#json.parse(json), this.#post);
    this.#watches.add(watch);
    watch.begin();
    if (this.#isCutOff) watch.interrupt();
    return {
      remove: () => {
        this.#watches.delete(watch);
        watch.end();
      },
    };
  }

  /** Runs in a later turn, unless the node is cut off then. */
  #later<T>(task: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#post(() => {
        if (this.#isCutOff) return reject(new BucketError('down', 'This node is cut off'));
        try {
          resolve(task());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}

function text(key: readonly string[]): string {
  return JSON.stringify(key);
}

function checked(key: readonly string[]): readonly string[] {
  if (key.length > 0 && key.every((part) => typeof part === 'string' && part !== '')) return key;
  throw new TypeError('A key is a list of texts, none of them empty');
}

function begins(key: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((part, index) => key[index] === part);
}

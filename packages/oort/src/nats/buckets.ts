/** The buckets of a cluster on NATS: in JetStream, one stream for each. */
import type { JetStreamApiError, JetStreamManager } from '@nats-io/jetstream';
import { type Bucket, BucketError, type BucketOptions, type Buckets } from '../powers.ts';
import { NatsBucket } from './bucket.ts';
import { type BucketStorage, BucketStream } from './bucket-stream.ts';
import type { Connection } from './connection.ts';
import { NatsError } from './error.ts';
import { isAtLeast } from './version.ts';

/** From here on streams have all that is asked of them. */
const OLDEST = '2.9.0';
const MAX_BYTES = 16 * 1024 * 1024;
const SHORTEST = 1000;
/** What NATS says when an account may keep nothing. */
const NOT_FOR_THIS_ACCOUNT = 10039;

export class NatsBuckets implements Buckets {
  readonly #connection: Connection;
  readonly #manager: JetStreamManager;
  readonly #storage: BucketStorage;
  readonly #open: Map<string, Promise<NatsBucket>> = new Map();
  #isClosed = false;

  private constructor(connection: Connection, manager: JetStreamManager, storage: BucketStorage) {
    this.#connection = connection;
    this.#manager = manager;
    this.#storage = storage;
  }

  /**
   * Undefined when the server keeps nothing, for nobody or for this account, or is too old to. Rejects with `NatsError` when the
   * client for it is not installed.
   */
  static async on(connection: Connection, storage: BucketStorage = {}): Promise<NatsBuckets | undefined> {
    const { info } = connection.nats;
    if (!info?.jetstream || !isAtLeast(info.version, OLDEST)) return undefined;
    const { jetstreamManager } = await load();
    const manager = await jetstreamManager(connection.nats, { checkAPI: false, timeout: 5000 });
    const isAllowed = await manager.getAccountInfo().then(
      () => true,
      // Whoever does not answer may do so later: then buckets are away for a while, and that is told when they are opened.
      (error: Error) => (error.cause as Partial<JetStreamApiError> | undefined)?.code !== NOT_FOR_THIS_ACCOUNT,
    );
    return isAllowed ? new NatsBuckets(connection, manager, storage) : undefined;
  }

  open(name: string, { ttl, maxBytes = MAX_BYTES }: BucketOptions = {}): Promise<Bucket> {
    if (ttl !== undefined && !(ttl >= SHORTEST))
      return Promise.reject(new RangeError(`A ttl is at least ${SHORTEST} ms`));
    const known = this.#open.get(name);
    if (known) return known;
    const opening = this.#opened(name, ttl, maxBytes);
    this.#open.set(name, opening);
    opening.catch(() => this.#open.delete(name));
    return opening;
  }

  /** All watches end, and whatever is under way fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const opening of await Promise.allSettled(this.#open.values()))
      if (opening.status === 'fulfilled') opening.value.close();
  }

  async #opened(name: string, ttl: number | undefined, maxBytes: number): Promise<NatsBucket> {
    if (this.#isClosed) throw new BucketError('down', 'The engine was stopped');
    const bucket = this.#connection.subjects.bucket(name);
    const stream = new BucketStream(this.#connection, this.#manager, bucket, ttl, this.#storage);
    await stream.ensure();
    return new NatsBucket(name, stream, maxBytes);
  }
}

async function load(): Promise<typeof import('@nats-io/jetstream')> {
  try {
    return await import('@nats-io/jetstream');
  } catch (cause) {
    throw new NatsError('packages', 'Buckets on NATS need its client: npm install @nats-io/jetstream', { cause });
  }
}

/** The stream that keeps one bucket, laid out as buckets of NATS are: made where it is missing, written in order, read, cleared. */
import type { Registration } from '@cometd-ts/server';
import type { JetStreamApiError, JetStreamManager, StoredMsg, StreamConfig, StreamInfo } from '@nats-io/jetstream';
import type { Msg, MsgHdrs } from '@nats-io/transport-node';
import { BucketError } from '../powers.ts';
import type { Connection } from './connection.ts';
import { reasonOf } from './error.ts';

/** Where buckets are kept. It counts when a bucket is made; one that is there stays as it is. */
export interface BucketStorage {
  /** On how many servers of a NATS cluster each bucket is kept: 1, 3 or 5. Default 1. */
  readonly replicas?: number;
  /** Default `file`. In `memory`, what was kept is lost with the servers that kept it; nodes that live write it again. */
  readonly storage?: 'file' | 'memory';
}

/** How long a server may take to answer. */
const TIMEOUT = 5000;
/** How much is on its way to the server at once; the rest waits here. Servers refuse more than 10,000. */
const MAX_FLYING = 256;
const MAX_FLYING_BYTES = 8_388_608;
/** Bytes that wait here to be written. What comes then is refused. */
const MAX_WAITING_BYTES = 268_435_456;
/** What NATS says when the revision is another one. */
const WRONG_REVISION = new Set([10071, 10164]);
const STREAM_NOT_FOUND = 10059;
const NO_MESSAGE = 10037;

interface Job {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs | undefined;
  readonly resolve: (revision: number | null) => void;
  readonly reject: (error: BucketError) => void;
}

export class BucketStream {
  readonly connection: Connection;
  readonly manager: JetStreamManager;
  /** Name of the stream. */
  readonly name: string;
  /** What all subjects begin with. */
  readonly prefix: string;
  readonly ttl: number | undefined;
  readonly #config: Partial<StreamConfig> & { name: string };
  readonly #registration: Registration;
  readonly #waiting: Job[] = [];
  readonly #calls: Set<(error: BucketError) => void> = new Set();
  #waitingBytes = 0;
  #flying = 0;
  #flyingBytes = 0;
  #ensuring: Promise<StreamInfo> | null = null;
  #isClosed = false;

  constructor(
    connection: Connection,
    manager: JetStreamManager,
    bucket: string,
    ttl: number | undefined,
    { replicas = 1, storage = 'file' }: BucketStorage,
  ) {
    this.connection = connection;
    this.manager = manager;
    this.name = `KV_${bucket}`;
    this.prefix = `$KV.${bucket}.`;
    this.ttl = ttl;
    this.#config = {
      name: this.name,
      subjects: [`${this.prefix}>`],
      max_msgs_per_subject: 1,
      storage,
      num_replicas: replicas,
      discard: 'new',
      allow_rollup_hdrs: true,
      allow_direct: true,
      deny_delete: false,
      ...(ttl === undefined ? {} : { max_age: ttl * 1e6, duplicate_window: Math.min(ttl, 120_000) * 1e6 }),
    } as Partial<StreamConfig> & { name: string };
    this.#registration = connection.onChange((isUp) => {
      if (isUp) this.#pump();
      else this.#fail(new BucketError('down', connection.reason));
    });
  }

  /** The stream, which is made when there is none. */
  ensure(): Promise<StreamInfo> {
    this.#ensuring ??= this.call(() => this.#made()).finally(() => {
      this.#ensuring = null;
    });
    return this.#ensuring;
  }

  /** Asks something of JetStream. Rejects with `BucketError` when it does not answer, or the connection is lost. */
  call<T>(ask: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const { connection } = this;
      if (this.#isClosed || !connection.isUp) return reject(new BucketError('down', connection.reason || 'closed'));
      this.#calls.add(reject);
      ask()
        .then(resolve, (error) => reject(this.#errorOf(error)))
        .finally(() => this.#calls.delete(reject));
    });
  }

  /** The last message of a subject. */
  last(subject: string): Promise<StoredMsg | null> {
    return this.call(() =>
      this.manager.streams.getMessage(this.name, { last_by_subj: subject }).catch((error) => {
        if (codeOf(error) === NO_MESSAGE) return null;
        throw error;
      }),
    );
  }

  /** Removes what matches the subject and was written before the revision. */
  async purge(filter: string, before: number): Promise<void> {
    await this.call(() => this.manager.streams.purge(this.name, { filter, seq: before }));
  }

  headers(fields: Readonly<Record<string, string>>): MsgHdrs {
    const headers = this.connection.client.headers();
    for (const [name, value] of Object.entries(fields)) headers.set(name, value);
    return headers;
  }

  /** Writes, in the order of the calls. Resolves with the revision, null when `headers` asked for another one than is there. */
  write(subject: string, payload: Uint8Array, headers?: MsgHdrs): Promise<number | null> {
    return new Promise((resolve, reject) => {
      const { connection } = this;
      if (this.#isClosed || !connection.isUp) return reject(new BucketError('down', connection.reason || 'closed'));
      if (this.#waitingBytes + payload.length > MAX_WAITING_BYTES)
        return reject(new BucketError('down', 'NATS is too slow: too much waits to be written'));
      this.#waitingBytes += payload.length;
      this.#waiting.push({ subject, payload, headers, resolve, reject });
      this.#pump();
    });
  }

  /** Whatever is under way fails. */
  close(): void {
    this.#isClosed = true;
    this.#registration.remove();
    this.#fail(new BucketError('down', 'The engine was stopped'));
  }

  async #made(): Promise<StreamInfo> {
    const { streams } = this.manager;
    const found = await streams.info(this.name).catch((error) => {
      if (codeOf(error) === STREAM_NOT_FOUND) return null;
      throw error;
    });
    if (found && found.config.max_age !== (this.#config.max_age ?? 0))
      this.connection.diagnostics.warn(
        'bucket_ttl',
        `The bucket ${this.name} was made with another ttl: ${found.config.max_age / 1e6} ms. Remove it to change that`,
      );
    return found ?? (await streams.add(this.#config));
  }

  #pump(): void {
    while (this.connection.isUp && this.#flying < MAX_FLYING && this.#flyingBytes < MAX_FLYING_BYTES) {
      const job = this.#waiting.shift();
      if (!job) return;
      this.#waitingBytes -= job.payload.length;
      this.#flying++;
      this.#flyingBytes += job.payload.length;
      const { subject, payload, headers, resolve, reject } = job;
      this.call(() => this.#request(subject, payload, headers))
        .then(resolve, reject)
        .finally(() => {
          this.#flying--;
          this.#flyingBytes -= payload.length;
          this.#pump();
        });
    }
  }

  async #request(subject: string, payload: Uint8Array, headers: MsgHdrs | undefined): Promise<number | null> {
    const options = { timeout: TIMEOUT, ...(headers ? { headers } : {}) };
    const answer = answerOf(await this.connection.nats.request(subject, payload, options));
    if (answer.seq) return answer.seq;
    if (WRONG_REVISION.has(answer.error?.err_code ?? 0)) return null;
    throw new Error(answer.error?.description ?? 'NATS has given no answer');
  }

  #fail(error: BucketError): void {
    for (const job of this.#waiting.splice(0)) job.reject(error);
    this.#waitingBytes = 0;
    for (const reject of [...this.#calls]) reject(error);
    this.#calls.clear();
  }

  #errorOf(error: unknown): BucketError {
    if (error instanceof BucketError) return error;
    const { NoRespondersError, RequestError } = this.connection.client;
    const isNobody =
      error instanceof NoRespondersError || (error instanceof RequestError && error.cause instanceof NoRespondersError);
    if (!isNobody) return new BucketError('down', `${this.name}: ${reasonOf(error)}`);
    // It was lost, or nobody leads it: it is made again, if need be, for what comes.
    this.ensure().catch(() => this.connection.diagnostics.count('nats_bucket_lost'));
    return new BucketError('down', `${this.name}: nobody at NATS keeps this bucket at the moment`);
  }
}

function codeOf(error: unknown): number | undefined {
  return (error as JetStreamApiError).code;
}

interface Acknowledgement {
  readonly seq?: number;
  readonly error?: { readonly err_code?: number; readonly description?: string };
}

function answerOf(message: Msg): Acknowledgement {
  return message.json<Acknowledgement>();
}

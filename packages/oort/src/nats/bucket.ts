/** A bucket on NATS: each key a subject of a stream that keeps the last message of every subject. */
import { randomUUID } from 'node:crypto';
import type { Registration } from '@cometd-ts/server';
import type { StoredMsg } from '@nats-io/jetstream';
import { type Bucket, type BucketEntry, BucketError, type Watcher } from '../powers.ts';
import type { BucketStream } from './bucket-stream.ts';
import { BucketWatch } from './bucket-watch.ts';
import {
  EXPECTED,
  MARKER,
  OPERATION,
  PIECES,
  patternOf,
  pieceOf,
  REMEMBERED,
  readPieces,
  subjectOf,
} from './bucket-words.ts';

/** For the subject and the headers, of what the server takes as one message. */
const OVERHEAD = 8192;
/** Pieces are not larger than this, however large a message may be. */
const MAX_PIECE = 524_288;
/** How often a key that changes under our hands is tried again. */
const TRIES = 5;

const nothing = new Uint8Array();

export class NatsBucket implements Bucket {
  readonly name: string;
  readonly #stream: BucketStream;
  readonly #maxBytes: number;
  readonly #watches: Set<BucketWatch> = new Set();
  /** Keys with a write of several steps: what is called for them waits. */
  readonly #busy: Map<string, Promise<void>> = new Map();
  /** Ids of the pieces this node has written, by subject. */
  readonly #pieces: Map<string, string> = new Map();
  /** What this node has written to say that something is gone, oldest first. */
  readonly #gone: { readonly subject: string; readonly revision: number; readonly at: number }[] = [];
  readonly #sweeper: NodeJS.Timeout;

  constructor(name: string, stream: BucketStream, maxBytes: number) {
    this.name = name;
    this.#stream = stream;
    this.#maxBytes = maxBytes;
    this.#sweeper = setInterval(() => void this.#sweep(), REMEMBERED / 5);
    this.#sweeper.unref();
  }

  async get(key: readonly string[]): Promise<BucketEntry | null> {
    const subject = this.#subject(key);
    await this.#busy.get(subject);
    for (let tries = 0; tries < TRIES; tries++) {
      const message = await this.#stream.last(subject);
      if (!message || isGone(message)) return null;
      const text = await this.#text(subject, message);
      if (text !== null) return { key, value: this.#stream.connection.json.parse(text), revision: message.seq };
    }
    return null;
  }

  async put(key: readonly string[], value: unknown): Promise<number> {
    return (await this.#write(key, value)) as number;
  }

  async create(key: readonly string[], value: unknown): Promise<number | null> {
    const subject = this.#subject(key);
    const bytes = this.#bytes(value);
    return this.#alone(subject, async () => {
      let expected = 0;
      for (let tries = 0; tries < TRIES; tries++) {
        const revision = await this.#store(subject, bytes, expected);
        if (revision !== null) return revision;
        const message = await this.#stream.last(subject);
        if (message && !isGone(message)) return null;
        expected = message?.seq ?? 0;
      }
      return null;
    });
  }

  update(key: readonly string[], value: unknown, revision: number): Promise<number | null> {
    return this.#write(key, value, revision);
  }

  async delete(key: readonly string[], revision?: number): Promise<boolean> {
    const subject = this.#subject(key);
    const headers = { [OPERATION]: 'DEL', ...(revision === undefined ? {} : { [EXPECTED]: `${revision}` }) };
    const gone = await this.#inTurn(subject, () => this.#stream.write(subject, nothing, this.#stream.headers(headers)));
    if (gone === null) return false;
    this.#gone.push({ subject, revision: gone, at: performance.now() });
    this.#forget(subject);
    return true;
  }

  async drop(prefix: readonly string[]): Promise<void> {
    const subject = this.#subject(prefix);
    const headers = this.#stream.headers({ [OPERATION]: 'PURGE' });
    await this.#alone(subject, async () => {
      const gone = (await this.#stream.write(subject, nothing, headers)) as number;
      await this.#stream.purge(this.#stream.prefix + patternOf(prefix), gone);
      this.#gone.push({ subject, revision: gone, at: performance.now() });
    });
  }

  watch(watcher: Watcher, prefix: readonly string[] = []): Registration {
    const watch = new BucketWatch(this.#stream, watcher, patternOf(prefix));
    this.#watches.add(watch);
    return {
      remove: () => {
        this.#watches.delete(watch);
        watch.end();
      },
    };
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const watch of this.#watches) watch.end();
    this.#watches.clear();
    this.#stream.close();
  }

  #subject(key: readonly string[]): string {
    return this.#stream.prefix + subjectOf(key);
  }

  #bytes(value: unknown): Uint8Array {
    const bytes = Buffer.from(this.#stream.connection.json.generate(value));
    if (bytes.length <= this.#maxBytes) return bytes;
    throw new BucketError('tooLarge', `${bytes.length} bytes are more than ${this.#maxBytes} (bucket ${this.name})`);
  }

  async #write(key: readonly string[], value: unknown, expected?: number): Promise<number | null> {
    const subject = this.#subject(key);
    const bytes = this.#bytes(value);
    if (bytes.length <= this.#maxPiece) return this.#inTurn(subject, () => this.#store(subject, bytes, expected));
    return this.#alone(subject, () => this.#store(subject, bytes, expected));
  }

  /** In one message when it fits. Else its pieces first: whoever reads the message that names them finds them. */
  async #store(subject: string, bytes: Uint8Array, expected?: number): Promise<number | null> {
    const condition = expected === undefined ? {} : { [EXPECTED]: `${expected}` };
    if (bytes.length <= this.#maxPiece) {
      const headers = expected === undefined ? undefined : this.#stream.headers(condition);
      const revision = await this.#stream.write(subject, bytes, headers);
      if (revision !== null) this.#forget(subject);
      return revision;
    }
    const id = randomUUID();
    const count = Math.ceil(bytes.length / this.#maxPiece);
    const pieces = Array.from({ length: count }, (_, index) =>
      this.#stream.write(
        pieceOf(subject, id, index),
        bytes.subarray(index * this.#maxPiece, (index + 1) * this.#maxPiece),
      ),
    );
    const done = await Promise.allSettled(pieces);
    const failed = done.find((one) => one.status === 'rejected');
    const headers = this.#stream.headers({ ...condition, [PIECES]: `${count} ${id}` });
    const revision = failed ? null : await this.#stream.write(subject, nothing, headers);
    if (revision === null) this.#clear(subject, id);
    else this.#forget(subject, id);
    if (failed) throw failed.reason;
    return revision;
  }

  get #maxPiece(): number {
    const largest = this.#stream.connection.nats.info?.max_payload ?? 1_048_576;
    return Math.min(MAX_PIECE, Math.max(largest - OVERHEAD, largest >> 1));
  }

  /** The pieces this node had written for the value before are of no use any more. Those of other nodes go with the key, or the time. */
  #forget(subject: string, now?: string): void {
    const before = this.#pieces.get(subject);
    if (now === undefined) this.#pieces.delete(subject);
    else this.#pieces.set(subject, now);
    if (before !== undefined) this.#clear(subject, before);
  }

  #clear(subject: string, id: string): void {
    this.#stream.purge(pieceOf(subject, id, '>'), Number.MAX_SAFE_INTEGER).catch((error) => {
      this.#stream.connection.diagnostics.count('nats_bucket_pieces');
      this.#stream.connection.diagnostics.debug('nats_bucket', () => String(error));
    });
  }

  async #text(subject: string, message: StoredMsg): Promise<string | null> {
    const header = message.header?.get(PIECES);
    if (!header) return Buffer.from(message.data).toString();
    const { count, id } = readPieces(header);
    const pieces = await Promise.all(
      Array.from({ length: count }, (_, index) => this.#stream.last(pieceOf(subject, id, index))),
    );
    if (pieces.includes(null)) return null;
    return Buffer.concat(pieces.map((piece) => (piece as StoredMsg).data)).toString();
  }

  /** After what is under way for this key in several steps; at once when nothing is. */
  #inTurn<T>(subject: string, act: () => Promise<T>): Promise<T> {
    return this.#busy.has(subject) ? this.#alone(subject, act) : act();
  }

  /** What is called for this key meanwhile waits until it is done. */
  #alone<T>(subject: string, act: () => Promise<T>): Promise<T> {
    const done = this.#busy.get(subject)?.then(act) ?? act();
    const over: Promise<void> = done
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        if (this.#busy.get(subject) === over) this.#busy.delete(subject);
      });
    this.#busy.set(subject, over);
    return done;
  }

  /** What says that something is gone goes, too, when everybody has heard it. Whatever was written there since stays. */
  async #sweep(): Promise<void> {
    while (this.#gone[0] && performance.now() - this.#gone[0].at > REMEMBERED) {
      const { subject, revision } = this.#gone[0];
      const isSwept = await this.#stream.purge(subject, revision + 1).then(
        () => true,
        () => false,
      );
      // Later, when the connection is back.
      if (!isSwept) return;
      this.#gone.shift();
    }
  }
}

function isGone({ header }: StoredMsg): boolean {
  return Boolean(header?.get(OPERATION) || header?.get(MARKER));
}

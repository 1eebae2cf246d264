/** One watch of a bucket: what is there, then what is written, in order, each once; told anew when something may be missing. */
import type { ConsumerConfig, StreamInfo } from '@nats-io/jetstream';
import type { Msg } from '@nats-io/transport-node';
import type { BucketEntry, Watcher } from '../powers.ts';
import type { BucketStream } from './bucket-stream.ts';
import { MARKER, OPERATION, PIECES, REMEMBERED, readPieces, readSubject, subjectOf } from './bucket-words.ts';
import type { Listening } from './connection.ts';

/** How often the server says that it is there when it has nothing else to say; how long it may be silent. */
const HEARTBEAT = 1000;
const SILENCE = 3000;
const RETRY = 250;
const MAX_RETRY = 5000;
/** After the end of its time, a value is looked for again and again until it is gone. */
const LOOK_AGAIN = 250;

/** What a message of a consumer says of itself in its reply subject. */
interface Place {
  /** Its number in the stream: its revision. */
  readonly revision: number;
  /** Its number in the consumer. */
  readonly number: number;
  /** When it was written, by the clock of the server, in ms. */
  readonly at: number;
  /** How many wait behind it. */
  readonly pending: number;
}

export class BucketWatch {
  readonly #stream: BucketStream;
  readonly #watcher: Watcher;
  readonly #filter: string;
  readonly #registration: { remove(): void };
  readonly #pieces: Map<string, { id: string; readonly data: Uint8Array[] }> = new Map();
  /** By subject, oldest first; only where values end by themselves. */
  readonly #ages: Map<string, { readonly entry: BucketEntry; readonly at: number }> = new Map();
  #subscription: Listening | null = null;
  #monitor: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  readonly #ager: NodeJS.Timeout | undefined;
  #delay = RETRY;
  /** Changes with every attempt. */
  #epoch = 0;
  /** When the stream was made that is watched. */
  #created = '';
  /** The last revision that was heard. */
  #revision = 0;
  #number = 0;
  /** Messages of the snapshot that are still to come; null when it is complete. */
  #missing: number | null = 0;
  #hasTold = false;
  #heardAt = 0;
  /** The least that the clock here was ahead of a message's: how much the clocks differ, and a little. */
  #skew = Number.POSITIVE_INFINITY;

  constructor(stream: BucketStream, watcher: Watcher, pattern: string) {
    this.#stream = stream;
    this.#watcher = watcher;
    this.#filter = stream.prefix + pattern;
    this.#registration = stream.connection.onChange((isUp) => {
      if (isUp) void this.#begin();
      else this.#interrupt();
    });
    const { ttl } = stream;
    this.#ager = ttl === undefined ? undefined : setInterval(() => this.#age(ttl), Math.min(ttl / 4, 1000));
    this.#ager?.unref();
    void this.#begin();
  }

  end(): void {
    this.#interrupt();
    clearInterval(this.#ager);
    this.#registration.remove();
    this.#epoch = Number.POSITIVE_INFINITY;
  }

  /** Nothing is heard until the next `#begin`. */
  #interrupt(): void {
    this.#epoch++;
    clearTimeout(this.#monitor);
    clearTimeout(this.#retry);
    this.#subscription?.unsubscribe();
    this.#subscription = null;
  }

  async #begin(): Promise<void> {
    this.#interrupt();
    const epoch = this.#epoch;
    const { connection, name } = this.#stream;
    const inbox = connection.client.createInbox(connection.inboxPrefix);
    try {
      const info = await this.#stream.ensure();
      if (epoch !== this.#epoch) return;
      const isResumed = this.#mayResume(info);
      if (!isResumed) this.#anew(info);
      // What the consumer sends while it is being made is heard when it is known how much there is.
      const early: Msg[] = [];
      let isKnown = false;
      this.#subscription = connection.subscribe(inbox, (message) => {
        if (epoch !== this.#epoch) return;
        if (isKnown) this.#hear(message);
        else early.push(message);
      });
      const { num_pending: count } = await this.#stream.call(() =>
        this.#stream.manager.consumers.add(name, this.#consumer(inbox, isResumed)),
      );
      if (epoch !== this.#epoch) return;
      this.#delay = RETRY;
      this.#heardAt = performance.now();
      this.#watchOver(epoch);
      isKnown = true;
      if (!isResumed) this.#missing = count;
      if (count === 0) this.#complete();
      for (const message of early) if (epoch === this.#epoch) this.#hear(message);
    } catch (error) {
      if (epoch !== this.#epoch) return;
      connection.diagnostics.count('nats_watch_failed');
      connection.diagnostics.debug('nats_watch', () => `${name}: ${String(error)}`);
      // When the connection is lost, its return begins anew.
      if (connection.isUp) this.#later();
    }
  }

  /** Whether it is enough to hear what was written since: nothing is lost then, and what is gone is still told. */
  #mayResume({ created, state }: StreamInfo): boolean {
    return (
      this.#missing === null &&
      created === this.#created &&
      state.last_seq >= this.#revision &&
      performance.now() - this.#heardAt < REMEMBERED / 2
    );
  }

  #anew({ created }: StreamInfo): void {
    this.#created = created;
    this.#revision = 0;
    this.#missing = 0;
    this.#pieces.clear();
    this.#ages.clear();
    if (this.#hasTold) this.#tell(() => this.#watcher.restarted());
    this.#hasTold = false;
  }

  #consumer(inbox: string, isResumed: boolean): Partial<ConsumerConfig> {
    this.#number = 0;
    return {
      deliver_subject: inbox,
      filter_subject: this.#filter,
      ack_policy: 'none',
      max_deliver: 1,
      mem_storage: true,
      num_replicas: 1,
      flow_control: true,
      idle_heartbeat: HEARTBEAT * 1e6,
      inactive_threshold: 30_000 * 1e6,
      ...(isResumed
        ? { deliver_policy: 'by_start_sequence', opt_start_seq: this.#revision + 1 }
        : { deliver_policy: 'last_per_subject' }),
    } as Partial<ConsumerConfig>;
  }

  #hear(message: Msg): void {
    this.#heardAt = performance.now();
    if (message.headers?.code) return this.#hearStatus(message);
    const place = placeOf(message.reply);
    if (!place) return;
    // Something was lost on the way: once more from where we are.
    if (place.number !== this.#number + 1) return void this.#begin();
    this.#number = place.number;
    this.#revision = place.revision;
    this.#skew = Math.min(this.#skew, now() - place.at);
    const epoch = this.#epoch;
    this.#read(message, place);
    if (this.#missing === null || epoch !== this.#epoch) return;
    this.#missing--;
    if (this.#missing <= 0 || place.pending === 0) this.#complete();
  }

  #hearStatus(message: Msg): void {
    const { code, description } = message.headers as NonNullable<Msg['headers']>;
    if (code !== 100) return void this.#begin();
    if (description.toLowerCase().includes('flow')) return void message.respond();
    const stalled = message.headers?.get('Nats-Consumer-Stalled');
    if (stalled) this.#stream.connection.publish(stalled);
    const last = Number(message.headers?.get('Nats-Last-Consumer') ?? 0);
    if (last > this.#number) return void this.#begin();
    // Values that went while they were told have left fewer messages than were announced.
    if (this.#missing !== null) this.#complete();
  }

  #complete(): void {
    if (this.#missing === null) return;
    this.#missing = null;
    this.#hasTold = true;
    this.#tell(() => this.#watcher.ready());
  }

  #read(message: Msg, { revision, at }: Place): void {
    const subject = message.subject.slice(this.#stream.prefix.length);
    const found = readSubject(subject);
    if (!found) return this.#foreign(message.subject);
    const { key, piece } = found;
    const own = key.join('\0');
    if (piece) {
      const known = this.#pieces.get(own);
      const pieces = known?.id === piece.id ? known : { id: piece.id, data: [] };
      pieces.data[piece.index] = message.data;
      this.#pieces.set(own, pieces);
      return;
    }
    const operation = message.headers?.get(OPERATION) || (message.headers?.get(MARKER) ? 'DEL' : '');
    if (operation !== '') {
      const isDropped = operation === 'PURGE';
      this.#pieces.delete(own);
      this.#ages.delete(own);
      if (isDropped)
        for (const map of [this.#pieces, this.#ages])
          for (const other of map.keys()) if (other.startsWith(`${own}\0`)) map.delete(other);
      return this.#entry({ key, value: undefined, revision, ...(isDropped ? { isPrefix: true } : {}) });
    }
    const bytes = this.#whole(own, message);
    // Its pieces were removed, because there is a newer value: that will be told.
    if (!bytes) return;
    let value: unknown;
    try {
      value = this.#stream.connection.json.parse(bytes.toString());
    } catch (error) {
      return this.#foreign(`${message.subject}: ${String(error)}`);
    }
    const entry: BucketEntry = { key, value, revision };
    if (this.#stream.ttl !== undefined) {
      this.#ages.delete(own);
      this.#ages.set(own, { entry, at });
    }
    this.#entry(entry);
  }

  #whole(own: string, message: Msg): Buffer | null {
    const pieces = this.#pieces.get(own);
    const header = message.headers?.get(PIECES);
    if (!header) return Buffer.from(message.data);
    const { count, id } = readPieces(header);
    if (pieces?.id !== id) return null;
    this.#pieces.delete(own);
    const data = Array.from({ length: count }, (_, index) => pieces.data[index]);
    return data.includes(undefined) ? null : Buffer.concat(data as Uint8Array[]);
  }

  /** Values that end by themselves do so without a word on old servers: whose time is over is looked for. */
  #age(ttl: number): void {
    for (const [own, known] of this.#ages) {
      if (now() - this.#skew < known.at + ttl) return;
      this.#ages.delete(own);
      void this.#look(own, known.entry);
    }
  }

  async #look(own: string, { key, revision }: BucketEntry): Promise<void> {
    const epoch = this.#epoch;
    const subject = this.#stream.prefix + subjectOf(key);
    const message = await this.#stream.last(subject).catch(() => undefined);
    if (epoch !== this.#epoch || this.#ages.has(own)) return;
    const isThere = message === undefined || (message !== null && message.seq === revision);
    if (isThere) setTimeout(() => void this.#look(own, { key, value: undefined, revision }), LOOK_AGAIN).unref();
    else if (message === null) this.#entry({ key, value: undefined, revision });
  }

  #entry(entry: BucketEntry): void {
    this.#hasTold = true;
    this.#tell(() => this.#watcher.entry(entry));
  }

  #tell(call: () => void): void {
    void this.#stream.connection.diagnostics.guard('nats_bucket', undefined, call);
  }

  #foreign(what: string): void {
    this.#stream.connection.diagnostics.rejected('nats_bucket', what);
  }

  /** A consumer that is gone says nothing; its heartbeats are missed. */
  #watchOver(epoch: number): void {
    this.#monitor = setTimeout(() => {
      if (epoch !== this.#epoch) return;
      if (performance.now() - this.#heardAt > SILENCE) void this.#begin();
      else this.#watchOver(epoch);
    }, HEARTBEAT);
    this.#monitor.unref();
  }

  #later(): void {
    this.#retry = setTimeout(() => void this.#begin(), this.#delay);
    this.#retry.unref();
    this.#delay = Math.min(this.#delay * 2, MAX_RETRY);
  }
}

/** `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream number>.<number>.<ns>.<pending>`, with domain and account before the stream on newer servers. */
function placeOf(reply: string | undefined): Place | null {
  const tokens = reply?.split('.') ?? [];
  const first = tokens.length === 9 ? 5 : 7;
  const [revision, number, nanoseconds, pending] = tokens.slice(first, first + 4).map(Number);
  if (tokens[1] !== 'ACK' || revision === undefined || number === undefined) return null;
  return { revision, number, at: (nanoseconds ?? 0) / 1e6, pending: pending ?? 0 };
}

/** By a clock that never jumps. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

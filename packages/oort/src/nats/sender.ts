/** Sends what is in the outbox, as soon as there is somebody to hear it, and again when the connection broke before NATS had it. */
import type { Connection } from './connection.ts';
import type { Entry, Outbox } from './outbox.ts';
import { KIND, NUMBER, PIECE, SOURCE } from './wire.ts';

/** Room for the headers in a message that is cut into pieces. */
const HEADERS = 512;
/** How long a server may take to tell others of its cluster what it has confirmed, in ms. */
const RECENT = 1000;

export class Sender {
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #source: string;
  readonly #isThere: (id: string) => boolean;
  /** Nodes that are waited for after the connection broke: those that were here when it did, and were not heard since. */
  readonly #awaited: Set<string> = new Set();
  #isHolding = false;
  #isConfirming = false;

  /** @param source id of this node; @param isThere whether a node has joined, and has not left */
  constructor(connection: Connection, outbox: Outbox, source: string, isThere: (id: string) => boolean) {
    this.#connection = connection;
    this.#outbox = outbox;
    this.#source = source;
    this.#isThere = isThere;
  }

  /** Whether it waits for other nodes to come back. */
  get isHolding(): boolean {
    return this.#isHolding;
  }

  /** False when the outbox is full: it is not sent. In the order of the calls. */
  send(entry: Omit<Entry, 'number'>): boolean {
    if (!this.#outbox.add(entry)) return false;
    if (this.#connection.isUp && !this.#isHolding) this.#pump();
    return true;
  }

  /**
   * The connection is lost. What is sent from now on waits until it is back, and until those who were here are, too: they may have lost
   * it for the same reason, and would not hear what is sent before them.
   */
  hold(ids: Iterable<string>): void {
    this.#isHolding = true;
    this.#outbox.rewind(performance.now(), RECENT);
    for (const id of ids) this.#awaited.add(id);
  }

  /** A node is back, or it is not waited for any more. */
  heard(id: string): void {
    if (this.#awaited.delete(id) && this.#awaited.size === 0) this.release();
  }

  /** Sends all that waits, if the connection is up. */
  release(): void {
    if (!this.#connection.isUp) return;
    this.#isHolding = false;
    this.#awaited.clear();
    this.#pump();
  }

  /** Sends all that waits if nobody is waited for. */
  back(): void {
    if (this.#isHolding && this.#awaited.size === 0) this.release();
  }

  #pump(): void {
    for (let entry = this.#outbox.take(); entry; entry = this.#outbox.take())
      if (entry.to === null || this.#isThere(entry.to)) this.#transmit(entry, entry.subject, entry.kind);
      else this.#connection.diagnostics.count('oort_link_dropped.lost');
    this.#confirm();
  }

  /** Sends one node alone what it has missed. */
  repeat(entries: readonly Entry[], id: string): void {
    const subject = this.#connection.subjects.node(id);
    for (const entry of entries) this.#transmit(entry, subject, entry.kind === 'broadcast' ? 'delivery' : entry.kind);
  }

  /** Hands one message to NATS, in pieces when it is over the limit of the server. */
  #transmit({ number, text }: Entry, subject: string, kind: Entry['kind']): void {
    const limit = Math.max(HEADERS, (this.#connection.nats.info?.max_payload ?? 1_048_576) - HEADERS);
    // A character has three bytes at most.
    if (3 * text.length <= limit) return this.#publish(subject, text, number, kind);
    const bytes = Buffer.from(text);
    const pieces = Math.ceil(bytes.length / limit);
    if (pieces === 1) return this.#publish(subject, bytes, number, kind);
    for (let piece = 1; piece <= pieces; piece++) {
      const part = bytes.subarray((piece - 1) * limit, piece * limit);
      this.#publish(subject, part, number, kind, `${piece}/${pieces}`);
    }
  }

  #publish(subject: string, payload: string | Uint8Array, number: number, kind: Entry['kind'], piece?: string): void {
    const headers = this.#connection.client.headers();
    headers.append(SOURCE, this.#source);
    headers.append(NUMBER, String(number));
    if (kind !== 'broadcast') headers.append(KIND, kind);
    if (piece !== undefined) headers.append(PIECE, piece);
    this.#connection.publish(subject, payload, { headers });
  }

  /** One question at a time, and one for all that was sent in a turn. */
  #confirm(): void {
    if (this.#isConfirming) return;
    this.#isConfirming = true;
    setImmediate(() => {
      const { sent } = this.#outbox;
      void this.#connection.flushed().then((isThere) => {
        this.#isConfirming = false;
        if (!isThere) return;
        this.#outbox.confirm(sent);
        if (this.#outbox.sent > sent) this.#confirm();
      });
    });
  }
}

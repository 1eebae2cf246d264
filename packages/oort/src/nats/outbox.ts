/** What one node sends to others: numbered, kept until NATS has it, and a little longer. Pure: no network and no clock. */

export interface Entry {
  /** Grows by one with each message of this node, whoever it is for. */
  readonly number: number;
  readonly subject: string;
  readonly text: string;
  /** `broadcast`: to all who observe the channel. `delivery`: a broadcast for one node alone. `message`: a directed message. */
  readonly kind: 'broadcast' | 'delivery' | 'message';
  /** Channel of the message. */
  readonly channel: string;
  /** Id of the one node it is for. */
  readonly to: string | null;
}

export interface OutboxBounds {
  readonly maxQueue: number;
  /** Characters. */
  readonly maxQueueBytes: number;
}

/**
 *     number     1 … 40        41 … 57                58 … 60
 *                forgotten  │  confirmed, kept for   │ sent, not   │ waiting
 *                           │  whoever missed them   │ confirmed   │
 *                           oldest                   unconfirmed   next          last
 *
 * What is not confirmed is never forgotten: when that reaches the bounds, the outbox is full.
 */
export class Outbox {
  readonly #bounds: OutboxBounds;
  #entries: Entry[] = [];
  /** Entries at the front that are forgotten already. */
  #gone = 0;
  #characters = 0;
  #unconfirmedCharacters = 0;
  #last = 0;
  #unconfirmed = 1;
  #next = 1;
  /** What had been sent at earlier moments, for forgetting by age. */
  #marks: { readonly at: number; readonly last: number }[] = [];

  constructor(bounds: OutboxBounds) {
    this.#bounds = bounds;
  }

  /** Number of the last message that was sent. */
  get sent(): number {
    return this.#next - 1;
  }

  /** How many NATS does not have, as far as is known. */
  get unconfirmed(): number {
    return this.#last - this.#unconfirmed + 1;
  }

  get isFull(): boolean {
    return this.unconfirmed >= this.#bounds.maxQueue || this.#unconfirmedCharacters >= this.#bounds.maxQueueBytes;
  }

  /** Which of the bounds is reached, or would be first. */
  get limit(): 'maxQueue' | 'maxQueueBytes' {
    const { maxQueue, maxQueueBytes } = this.#bounds;
    return this.unconfirmed / maxQueue >= this.#unconfirmedCharacters / maxQueueBytes ? 'maxQueue' : 'maxQueueBytes';
  }

  /** Half full: from now on somebody should look whether it is full. */
  get isFilling(): boolean {
    return (
      2 * this.unconfirmed >= this.#bounds.maxQueue || 2 * this.#unconfirmedCharacters >= this.#bounds.maxQueueBytes
    );
  }

  /** False when it is full. */
  add(entry: Omit<Entry, 'number'>): boolean {
    if (this.isFull) return false;
    this.#entries.push({ number: ++this.#last, ...entry });
    this.#characters += entry.text.length;
    this.#unconfirmedCharacters += entry.text.length;
    this.#forgetBeyond();
    return true;
  }

  /** The next one to be sent; it counts as sent from now on. */
  take(): Entry | undefined {
    const entry = this.#at(this.#next);
    if (entry) this.#next++;
    return entry;
  }

  /** NATS has all up to this number. */
  confirm(number: number): void {
    for (; this.#unconfirmed <= number; this.#unconfirmed++)
      this.#unconfirmedCharacters -= this.#at(this.#unconfirmed)?.text.length ?? 0;
    this.#forgetBeyond();
  }

  /**
   * The connection broke: what is not confirmed is sent again, and so is what was sent within the last `age` ms, because the server that
   * has confirmed it may be gone before it has told the other servers. Whoever has heard it knows it by its number.
   */
  rewind(at: number, age: number): void {
    const mark = this.#marks.findLast((one) => at - one.at >= age);
    const first = this.#oldest?.number ?? this.#next;
    this.#next = Math.max(first, Math.min(this.#unconfirmed, this.#next, (mark?.last ?? 0) + 1));
  }

  /** All that were sent after this number, as far as they are kept; `missing` when some are not. */
  sentSince(number: number): { readonly entries: Entry[]; readonly missing: boolean } {
    const oldest = this.#last - (this.#entries.length - this.#gone) + 1;
    const from = Math.max(number + 1, oldest);
    const entries: Entry[] = [];
    for (let at = from; at < this.#next; at++) entries.push(this.#at(at) as Entry);
    return { entries, missing: oldest > number + 1 };
  }

  /** Forgets what was confirmed and is older than `age`. */
  age(at: number, age: number): void {
    this.#marks.push({ at, last: this.#last });
    for (let mark = this.#marks[0]; mark && at - mark.at >= age; mark = this.#marks[0]) {
      this.#marks.shift();
      while ((this.#oldest?.number ?? Number.POSITIVE_INFINITY) <= mark.last && this.#forget());
    }
  }

  get #oldest(): Entry | undefined {
    return this.#entries[this.#gone];
  }

  #at(number: number): Entry | undefined {
    return this.#entries[this.#entries.length - (this.#last - number) - 1];
  }

  /** Keeps what has led to a full outbox, even when it is not full any more: others may not have heard it yet. */
  #forgetBeyond(): void {
    const { maxQueue, maxQueueBytes } = this.#bounds;
    for (let oldest = this.#oldest; oldest; oldest = this.#oldest) {
      const isBeyond =
        this.#entries.length - this.#gone > maxQueue || this.#characters - oldest.text.length >= maxQueueBytes;
      if (!isBeyond || !this.#forget()) return;
    }
  }

  /** Forgets the oldest, if it is confirmed. */
  #forget(): boolean {
    const oldest = this.#oldest;
    if (!oldest || oldest.number >= this.#unconfirmed) return false;
    this.#characters -= oldest.text.length;
    this.#gone++;
    if (this.#gone > 32 && 2 * this.#gone > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#gone);
      this.#gone = 0;
    }
    return true;
  }
}

/** What waits for a link that is away: first in, first out, and bounded. */
import type { Message } from '@cometd-ts/protocol';

export interface WaitingBounds {
  readonly maxLinkQueue: number;
  readonly maxLinkQueueBytes: number;
  readonly linkQueuePolicy: 'dropNewest' | 'dropOldest';
}

interface Entry {
  readonly message: Message;
  readonly size: number;
}

export class Waiting {
  readonly #bounds: WaitingBounds;
  readonly #sizeOf: (message: Message) => number;
  #entries: Entry[] = [];
  #bytes = 0;
  /** How many at the front have come back: the next one that comes back goes behind them. */
  #returned = 0;

  constructor(bounds: WaitingBounds, sizeOf: (message: Message) => number) {
    this.#bounds = bounds;
    this.#sizeOf = sizeOf;
  }

  get size(): number {
    return this.#entries.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Answers how many messages had to go, which may be this one: then `kept` is false. */
  add(message: Message): { readonly kept: boolean; readonly dropped: number } {
    const entry = { message, size: this.#sizeOf(message) };
    let dropped = 0;
    while (!this.#hasRoomFor(entry)) {
      dropped++;
      if (this.#bounds.linkQueuePolicy === 'dropNewest') return { kept: false, dropped };
      this.#bytes -= this.#entries.shift()?.size ?? 0;
      if (this.#returned > 0) this.#returned--;
    }
    this.#entries.push(entry);
    this.#bytes += entry.size;
    return { kept: true, dropped };
  }

  /** A message that was taken, and certainly not sent: before those that came later. */
  putBack(message: Message): void {
    const entry = { message, size: this.#sizeOf(message) };
    this.#entries.splice(this.#returned++, 0, entry);
    this.#bytes += entry.size;
  }

  take(): Message[] {
    const taken = this.#entries.map(({ message }) => message);
    this.#entries = [];
    this.#bytes = 0;
    this.#returned = 0;
    return taken;
  }

  /** A single message always fits, however long it is. */
  #hasRoomFor({ size }: Entry): boolean {
    const { maxLinkQueue, maxLinkQueueBytes } = this.#bounds;
    if (this.#entries.length === 0) return true;
    if (maxLinkQueue >= 0 && this.#entries.length >= maxLinkQueue) return false;
    return maxLinkQueueBytes < 0 || this.#bytes + size <= maxLinkQueueBytes;
  }
}

/** The messages that wait for a session's client: first in, first out, and bounded. */
import type { ServerMessage } from '../message.ts';
import type { TransportOptions } from '../options.ts';

type Bounds = Pick<TransportOptions, 'maxQueue' | 'maxQueueBytes'>;

const nothing: ServerMessage[] = [];

export class MessageQueue {
  #messages: ServerMessage[] = [];
  #bytes = 0;
  #nonLazy = false;

  /** The messages as they are. Only `deQueue` and `queueMaxed` listeners may change them. */
  get messages(): ServerMessage[] {
    return this.#messages;
  }

  get size(): number {
    return this.#messages.length;
  }

  /** Characters of all messages in it. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a message that cannot wait is among them. */
  get hasNonLazy(): boolean {
    return this.#nonLazy;
  }

  add(message: ServerMessage): void {
    // A list of its own for the first: pushing to an empty one would make room for many.
    if (this.#messages.length === 0) this.#messages = [message];
    else this.#messages.push(message);
    this.#bytes += message.size;
    if (!message.lazy) this.#nonLazy = true;
  }

  /** Whether a message fits. A single one always does, however long it is. */
  hasRoomFor(message: ServerMessage, { maxQueue, maxQueueBytes }: Bounds): boolean {
    if (maxQueue > 0 && this.#messages.length >= maxQueue) return false;
    return maxQueueBytes <= 0 || this.#messages.length === 0 || this.#bytes + message.size <= maxQueueBytes;
  }

  /** Drops messages from the front until `message` fits; answers how many. */
  dropFor(message: ServerMessage, bounds: Bounds): number {
    let dropped = 0;
    while (!this.hasRoomFor(message, bounds)) {
      this.#bytes -= this.#messages.shift()?.size ?? 0;
      dropped++;
    }
    return dropped;
  }

  /** Empties the queue; answers what was in it. */
  take(): ServerMessage[] {
    this.#bytes = 0;
    this.#nonLazy = false;
    if (this.#messages.length === 0) return nothing;
    const taken = this.#messages;
    this.#messages = [];
    return taken;
  }

  /** Somebody has had the queue in his hands: what is `sound` of it is counted anew. */
  recount(sound: (message: ServerMessage) => boolean): void {
    for (const message of this.take()) if (sound(message)) this.add(message);
  }

  /** Messages that were taken but not written come back to the front. */
  putBack(messages: readonly ServerMessage[]): void {
    const later = this.take();
    for (const message of messages) this.add(message);
    for (const message of later) this.add(message);
  }
}

/**
 * The messages that wait for a session's client: first in, first out, and bounded. Sessions that get the same messages share
 * one list of them, which nobody changes: it is made for the first of them.
 */
import type { ServerMessage } from '../message.ts';
import type { TransportOptions } from '../options.ts';

type Bounds = Pick<TransportOptions, 'maxQueue' | 'maxQueueBytes'>;

/** Longest list that is shared. Each message more makes a new one of it, which long lists are too long for. */
const LONGEST_SHARED = 32;

class List {
  readonly messages: ServerMessage[];
  /** Characters of all messages in it. */
  bytes: number;
  /** Whether a message that cannot wait is among them. */
  hasNonLazy: boolean;
  readonly isShared: boolean;

  constructor(messages: ServerMessage[], bytes: number, hasNonLazy: boolean, isShared: boolean) {
    this.messages = messages;
    this.bytes = bytes;
    this.hasNonLazy = hasNonLazy;
    this.isShared = isShared;
  }

  push(message: ServerMessage): void {
    this.messages.push(message);
    this.bytes += message.size;
    if (!message.lazy) this.hasNonLazy = true;
  }

  /** A list of a queue's own, with the same messages. */
  copy(): List {
    return new List([...this.messages], this.bytes, this.hasNonLazy, false);
  }

  /** Another shared list, with one message more. */
  with(message: ServerMessage): List {
    const hasNonLazy = this.hasNonLazy || !message.lazy;
    return new List([...this.messages, message], this.bytes + message.size, hasNonLazy, true);
  }
}

const empty = new List([], 0, false, true);

/** What was made last: a message goes to one session after another, and most have the same before it. */
const last = { from: empty, message: null as ServerMessage | null, to: empty };

function grown(from: List, message: ServerMessage): List {
  if (from === last.from && message === last.message) return last.to;
  last.from = from;
  last.message = message;
  last.to = from.with(message);
  return last.to;
}

export class MessageQueue {
  #list: List = empty;

  /** The messages as they are; not to be changed. */
  get messages(): readonly ServerMessage[] {
    return this.#list.messages;
  }

  /** The messages for `deQueue` and `queueMaxed` listeners, who may change them: then `recount` is due. */
  get own(): ServerMessage[] {
    return this.#owned().messages;
  }

  get size(): number {
    return this.#list.messages.length;
  }

  /** Characters of all messages in it. */
  get bytes(): number {
    return this.#list.bytes;
  }

  /** Whether a message that cannot wait is among them. */
  get hasNonLazy(): boolean {
    return this.#list.hasNonLazy;
  }

  add(message: ServerMessage): void {
    if (this.#list.isShared && this.#list.messages.length < LONGEST_SHARED) this.#list = grown(this.#list, message);
    else this.#owned().push(message);
  }

  /** Whether a message fits. A single one always does, however long it is. */
  hasRoomFor(message: ServerMessage, { maxQueue, maxQueueBytes }: Bounds): boolean {
    if (maxQueue > 0 && this.size >= maxQueue) return false;
    return maxQueueBytes <= 0 || this.size === 0 || this.bytes + message.size <= maxQueueBytes;
  }

  /** Drops messages from the front until `message` fits; answers how many. */
  dropFor(message: ServerMessage, bounds: Bounds): number {
    let dropped = 0;
    while (!this.hasRoomFor(message, bounds)) {
      const list = this.#owned();
      list.bytes -= list.messages.shift()?.size ?? 0;
      dropped++;
    }
    return dropped;
  }

  /** Empties the queue; answers what was in it, which others may have in common. */
  take(): readonly ServerMessage[] {
    const { messages } = this.#list;
    this.#list = empty;
    return messages;
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

  #owned(): List {
    if (this.#list.isShared) this.#list = this.#list.copy();
    return this.#list;
  }
}

/**
 * The messages that wait for a session's client: first in, first out, and bounded. Sessions that get the same messages share
 * one list of them, which nobody changes: it is made for the first of them.
 */
import type { ServerMessage } from '../message.ts';
import type { TransportOptions } from '../options.ts';

type Bounds = Pick<TransportOptions, 'maxQueue' | 'maxQueueBytes'>;

/** Longest list that is shared. Each message more makes a new one of it, which long lists are too long for. */
export const LONGEST_SHARED = 32;

/** Messages and their size. */
export class MessageList {
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
  copy(): MessageList {
    return new MessageList([...this.messages], this.bytes, this.hasNonLazy, false);
  }

  /** Whether an empty queue has room for it. A single message always fits. */
  fits({ maxQueue, maxQueueBytes }: Bounds): boolean {
    return (maxQueue <= 0 || this.messages.length <= maxQueue) && (maxQueueBytes <= 0 || this.bytes <= maxQueueBytes);
  }

  /** Another shared list, with one message more. */
  with(message: ServerMessage): MessageList {
    const hasNonLazy = this.hasNonLazy || !message.lazy;
    return new MessageList([...this.messages, message], this.bytes + message.size, hasNonLazy, true);
  }
}

export const emptyList: MessageList = new MessageList([], 0, false, true);

/** What was made last: a message goes to one session after another, and most have the same before it. */
const last = { from: emptyList, message: null as ServerMessage | null, to: emptyList };

function grown(from: MessageList, message: ServerMessage): MessageList {
  if (from === last.from && message === last.message) return last.to;
  last.from = from;
  last.message = message;
  last.to = from.with(message);
  return last.to;
}

export class MessageQueue {
  #list: MessageList = emptyList;

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

  /** Takes over a list that is shared: for an empty queue. */
  adopt(list: MessageList): void {
    this.#list = list;
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
    this.#list = emptyList;
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

  #owned(): MessageList {
    if (this.#list.isShared) this.#list = this.#list.copy();
    return this.#list;
  }
}

/** What a WebSocket connection writes next, in the order it came about: replies, and messages taken to travel before them. */
import type { JSONContext } from '@cometd-ts/protocol';
import { payloadOf, type ServerMessage } from '../message.ts';
import { type FrameBudget, frameTexts } from './frames.ts';

/** Replies of one incoming frame share a frame; messages of a queue are framed by the budget. */
interface Batch {
  readonly kind: 'replies' | 'queue';
  readonly messages: readonly ServerMessage[];
}

export class Outbox {
  readonly #json: JSONContext;
  readonly #budget: FrameBudget;
  #batches: Batch[] = [];
  #size = 0;

  constructor(json: JSONContext, budget: FrameBudget) {
    this.#json = json;
    this.#budget = budget;
  }

  /** Characters of all messages in it. */
  get size(): number {
    return this.#size;
  }

  /** Puts messages behind what is there. Throws what the JSON context throws for one that cannot be encoded. */
  push(kind: Batch['kind'], messages: readonly ServerMessage[]): void {
    for (const message of messages) this.#size += message.freeze(this.#json).size;
    this.#batches.push({ kind, messages });
  }

  /** The texts of the frames to write. */
  texts(): string[] {
    const texts: string[] = [];
    for (const { kind, messages } of this.#batches) {
      if (kind === 'queue') texts.push(...frameTexts(messages, this.#budget));
      else texts.push(payloadOf(this.#json, messages));
    }
    return texts;
  }

  /** Takes out the messages of the queue alone: the session goes elsewhere, and they with it. */
  takeBack(): ServerMessage[] {
    const messages = this.#batches.filter(({ kind }) => kind === 'queue').flatMap((batch) => batch.messages);
    this.#batches = this.#batches.filter(({ kind }) => kind === 'replies');
    for (const message of messages) this.#size -= message.size;
    return messages;
  }
}

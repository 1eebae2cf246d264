/** What waits for replies, and until when: one timer for all that a transport has under way. */
import type { Message } from '../message.ts';

/** Messages under way. The times are in ms; `since` is 0 until they have left. */
export interface Wait {
  messages: Message[];
  /** How long the reply may take. */
  delay: number;
  since: number;
  due: number;
  /** When bytes arrived last. */
  heard: number;
}

/** What the waits ask of their transport. */
export interface WaitHost {
  setTimeout(fn: () => void, delay: number): unknown;
  clearTimeout(handle: unknown): void;
  /** How many ms more these may take; nothing or 0: none. */
  notifyTransportTimeout(messages: Message[]): number;
  /** The reply is late. */
  _late(wait: Wait): void;
}

/** Bytes that keep arriving keep a message waiting, but not for more than this many times its delay. */
const patience = 3;

/** A timer that fires this late was throttled, or the machine slept: what arrived meanwhile has not been read yet. */
const throttled = 2000;

export class Waits {
  #host!: WaitHost;
  readonly #all: Set<Wait> = new Set();
  #timer: unknown;
  #due = 0;
  /** When bytes arrived last that may belong to any of them. */
  heard = 0;

  /** The host comes with each wait: one that was derived from another shares its waits. */
  start(host: WaitHost, wait: Wait): void {
    this.#host = host;
    wait.since = Date.now();
    wait.due = wait.since + wait.delay;
    this.#all.add(wait);
    this.#arm(wait.due);
  }

  end(wait: Wait): void {
    if (this.#all.delete(wait) && this.#all.size === 0) this.#stop();
  }

  #stop(): void {
    if (this.#timer !== undefined) this.#host.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Wakes when the first is due. */
  #arm(due: number): void {
    if (this.#timer !== undefined && this.#due <= due) return;
    this.#stop();
    this.#due = due;
    this.#timer = this.#host.setTimeout(() => this.#judge(), due - Date.now());
  }

  #judge(): void {
    const now = Date.now();
    this.#timer = undefined;
    const asleep = now - this.#due > throttled;
    const late: Wait[] = [];
    for (const wait of this.#all) {
      // All of it gets its whole time once more.
      if (asleep) wait.since = now;
      if (asleep) wait.due = now + wait.delay;
      const { since, delay } = wait;
      const heard = Math.max(wait.heard, this.heard);
      if (heard > since) wait.due = Math.max(wait.due, Math.min(heard + delay, since + delay * patience));
      if (wait.due <= now) late.push(wait);
    }
    const more = late.length > 0 ? this.#host.notifyTransportTimeout(late.flatMap(({ messages }) => messages)) : 0;
    for (const wait of late) {
      if (more > 0) wait.due = now + more;
      else if (this.#all.has(wait)) this.#host._late(wait);
    }
    for (const { due } of this.#all) this.#arm(due);
  }
}

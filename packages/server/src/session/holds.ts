/** Connects on hold, and when each is over. They mostly wait equally long, so a list for each length needs one timer. */

import type { Diagnostics } from '../diagnostics.ts';

/** A connect on hold, as its list links it. Only `Holds` writes the fields. */
export interface Hold {
  deadline: number;
  previous: Hold | null;
  next: Hold | null;
  /** The list it is in; null when its time is not running. */
  list: HoldList | null;
  /** Its time is over. */
  expire(): void;
}

/** Holds of one length, in the order of their deadlines. */
interface HoldList {
  readonly duration: number;
  head: Hold | null;
  tail: Hold | null;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Timers for many holds: starting and stopping one is a matter of pointers. A hold that ends early leaves the timer
 * alone, which then finds the next one not due, and waits again.
 */
export class Holds {
  readonly #lists: Map<number, HoldList> = new Map();
  readonly #diagnostics: Pick<Diagnostics, 'observer'>;
  #size = 0;

  constructor(diagnostics: Pick<Diagnostics, 'observer'>) {
    this.#diagnostics = diagnostics;
  }

  /** Connects on hold. */
  get size(): number {
    return this.#size;
  }

  /** Has `hold.expire()` called after `duration` ms, unless it is stopped before. */
  start(hold: Hold, duration: number): void {
    this.stop(hold);
    let list = this.#lists.get(duration);
    if (!list) {
      list = { duration, head: null, tail: null, timer: undefined };
      this.#lists.set(duration, list);
    }
    hold.deadline = performance.now() + duration;
    hold.list = list;
    hold.previous = list.tail;
    hold.next = null;
    if (list.tail) list.tail.next = hold;
    else list.head = hold;
    list.tail = hold;
    this.#size++;
    list.timer ??= this.#wait(list, duration);
  }

  stop(hold: Hold): void {
    const { list, previous, next } = hold;
    if (!list) return;
    if (previous) previous.next = next;
    else list.head = next;
    if (next) next.previous = previous;
    else list.tail = previous;
    hold.list = null;
    hold.previous = null;
    hold.next = null;
    this.#size--;
    this.#diagnostics.observer?.held(performance.now() - hold.deadline + list.duration);
    if (list.head) return;
    clearTimeout(list.timer);
    this.#lists.delete(list.duration);
  }

  #wait(list: HoldList, delay: number): NodeJS.Timeout {
    return setTimeout(() => this.#due(list), Math.max(delay, 0));
  }

  #due(list: HoldList): void {
    list.timer = undefined;
    const now = performance.now();
    while (list.head && list.head.deadline <= now) {
      const hold = list.head;
      this.stop(hold);
      hold.expire();
    }
    if (list.head) list.timer ??= this.#wait(list, Math.ceil(list.head.deadline - now));
  }
}

/**
 * One flush for all sessions: what every socket brought in one turn of the event loop goes out in one write each. A flush of
 * many takes several turns, so that nobody else waits until the last of them has been written.
 */

/** Something that has output to write. */
export interface Outlet {
  /** Set while the outlet waits for its flush. Only the flusher writes it. */
  dirty: boolean;
  /** Writes what there is. Must not throw. */
  write(): void;
}

/** Outlets that are written in one turn: some milliseconds of work. */
export const MOST_IN_A_TURN = 128;

/** Stands where an outlet was that has been written. */
const done: Outlet = Object.freeze({ dirty: false, write: () => undefined });

/** The dirty list of one server. */
export class Flusher {
  #dirty: Outlet[] = [];
  /** Those of the flush that has begun, and how many of them were written. */
  #flushing: Outlet[] = [];
  #written = 0;
  #afterwards: (() => void)[] = [];
  #scheduled = false;
  #hasMore = false;
  readonly #run = (): void => this.#turn();

  /** Has `outlet.write()` called once, after everything the event loop has read by then was processed. */
  add(outlet: Outlet): void {
    if (outlet.dirty) return;
    outlet.dirty = true;
    this.#dirty.push(outlet);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }

  /** For an outlet that is being written: it has more, and is written again in the next turn, before the others. */
  again(): void {
    this.#hasMore = true;
  }

  /** For an outlet that is being written: calls when all others of its flush have been written, too. */
  afterwards(call: () => void): void {
    this.#afterwards.push(call);
  }

  /** Writes all dirty outlets now. What becomes dirty meanwhile waits for the next turn. */
  flush(): void {
    this.#writeAll();
    this.#begin();
    this.#writeAll();
  }

  #turn(): void {
    if (this.#flushing.length === 0) this.#begin();
    try {
      this.#write(this.#written + MOST_IN_A_TURN);
    } finally {
      // Whatever happened to one of them, the others get their turn.
      this.#scheduled = this.#flushing.length > 0 || this.#dirty.length > 0;
      if (this.#scheduled) setImmediate(this.#run);
    }
  }

  #keep(outlet: Outlet, list: Outlet[]): void {
    this.#hasMore = false;
    if (this.#flushing === list) list[--this.#written] = outlet;
    else this.add(outlet);
  }

  #begin(): void {
    this.#flushing = this.#dirty;
    this.#dirty = [];
  }

  #writeAll(): void {
    const list = this.#flushing;
    while (this.#flushing === list && list.length > 0) this.#write(list.length);
  }

  /** Writes those of the flush before `end`, up to one that has more. */
  #write(end: number): void {
    const list = this.#flushing;
    const last = Math.min(end, list.length);
    while (this.#flushing === list && this.#written < last) {
      const at = this.#written++;
      const outlet = list[at] as Outlet;
      // What is written is held by nobody: answered polls would outlive each other, and the garbage collector copies them.
      list[at] = done;
      // Before it is written: what it is asked for meanwhile is for the next flush.
      outlet.dirty = false;
      try {
        outlet.write();
      } finally {
        if (this.#hasMore) this.#keep(outlet, list);
      }
      if (list[this.#written] === outlet) return;
    }
    if (this.#flushing !== list || this.#written < list.length) return;
    this.#flushing = [];
    this.#written = 0;
    for (const call of this.#afterwards.splice(0)) call();
  }
}

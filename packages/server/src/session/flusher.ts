/** One flush per turn of the event loop for all sessions: what every socket brought in one turn goes out in one write each. */

/** Something that has output to write. */
export interface Outlet {
  /** Set while the outlet waits for its flush. Only the flusher writes it. */
  dirty: boolean;
  /** Writes what there is. Must not throw. */
  write(): void;
}

/** The dirty list of one server. */
export class Flusher {
  #dirty: Outlet[] = [];
  #scheduled = false;
  readonly #run = (): void => this.flush();

  /** Has `outlet.write()` called once, after everything the event loop has read by then was processed. */
  add(outlet: Outlet): void {
    if (outlet.dirty) return;
    outlet.dirty = true;
    this.#dirty.push(outlet);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }

  /** Writes all dirty outlets now. What becomes dirty meanwhile waits for the next turn. */
  flush(): void {
    const list = this.#dirty;
    this.#dirty = [];
    this.#scheduled = false;
    for (const outlet of list) {
      outlet.dirty = false;
      outlet.write();
    }
  }
}

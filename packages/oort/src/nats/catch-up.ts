/** Whom this node has to ask what it has missed, after a connection was broken for a short while, its own or another. No network, no clock. */

interface Gap {
  readonly since: number;
  asked: number | null;
}

/**
 * Nodes keep for a while what they have sent. A node whose connection is back, and that has not lost another one meanwhile, asks it
 * for all that came after what it has heard last, and hears nothing else of it before the answer. So it does with one whose heartbeat
 * is late, or missing (see `Pulses`):
 *
 *     last heard 41 ─▶ a sign of life of the other ─▶ "what came after 41?" ─▶ "here it is", 42 … 57, and on it goes
 */
export class CatchUp {
  readonly #patience: number;
  readonly #interval: number;
  readonly #gaps: Map<string, Gap> = new Map();

  /** @param interval between two questions to one node, @param patience after which a node is heard without an answer; in ms */
  constructor(interval: number, patience: number) {
    this.#interval = interval;
    this.#patience = patience;
  }

  /** These nodes may have sent something that has not arrived. */
  begin(ids: Iterable<string>, at: number): void {
    for (const id of ids) this.#gaps.set(id, { since: at, asked: null });
  }

  /** Whether there is a gap between what was heard of a node and what comes now. */
  isBehind(id: string): boolean {
    return this.#gaps.has(id);
  }

  /** A node lives: whether to ask it now. */
  shallAsk(id: string, at: number): boolean {
    const gap = this.#gaps.get(id);
    if (!gap || (gap.asked !== null && at - gap.asked < this.#interval)) return false;
    gap.asked = at;
    return true;
  }

  /** It has answered, or has left. False when nothing was missing. */
  end(id: string): boolean {
    return this.#gaps.delete(id);
  }

  /** Nodes that have not answered in time: they are heard from now on, whatever was missed. */
  overdue(at: number): string[] {
    const ids = [...this.#gaps].filter(([, { since }]) => at - since > this.#patience).map(([id]) => id);
    for (const id of ids) this.#gaps.delete(id);
    return ids;
  }
}

/** What is tapped here, because other nodes observe it. */
import type { Tap } from '../tap.ts';
import type { NodeRecord } from './membership.ts';
import { around, isMatched } from './patterns.ts';

export class Taps {
  readonly #tap: Tap;
  #open: ReadonlySet<string> = new Set();
  /** Nodes that were here when the connection broke, and may be back: what they observe is kept for them. */
  readonly #absent: Map<string, NodeRecord> = new Map();

  constructor(tap: Tap) {
    this.#tap = tap;
  }

  get absent(): string[] {
    return [...this.#absent.keys()];
  }

  /** Whether other nodes observe a channel. */
  isWanted(channel: string): boolean {
    return isMatched(channel, this.#open);
  }

  /** A node has left, but perhaps only because this one is cut off. */
  keep(record: NodeRecord): void {
    this.#absent.set(record.id, record);
  }

  /** It is back, or it is not waited for any more. False when it was not. */
  release(id: string): boolean {
    return this.#absent.delete(id);
  }

  releaseAll(): void {
    this.#absent.clear();
  }

  /** Taps what these nodes observe, and nothing else: the widest of it, because what overlaps would be heard twice. */
  tap(records: readonly NodeRecord[]): void {
    const all = new Set<string>();
    for (const { observed, interest } of [...records, ...this.#absent.values()])
      for (const channel of [...observed, ...interest]) all.add(channel);
    const widest = new Set([...all].filter((channel) => !around(channel).some((wider) => all.has(wider))));
    for (const channel of widest) if (!this.#open.has(channel)) this.#tap.open(channel);
    for (const channel of this.#open) if (!widest.has(channel)) this.#tap.close(channel);
    this.#open = widest;
  }
}

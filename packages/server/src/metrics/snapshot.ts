/** One look at a server for all metrics of one scrape. */
import type { MetricsRegistry, Sample } from './registry.ts';
import type { ReadableName } from './specs.ts';

const none: readonly Sample[] = [];

export class Snapshot {
  readonly #metrics: MetricsRegistry;
  #taken: ReadonlyMap<ReadableName, readonly Sample[]> | null = null;

  constructor(metrics: MetricsRegistry) {
    this.#metrics = metrics;
  }

  /** The samples of a metric. All that are asked for before the next microtask are of the same moment. */
  samples(name: ReadableName): readonly Sample[] {
    if (!this.#taken) {
      this.#taken = this.#metrics.read();
      queueMicrotask(() => {
        this.#taken = null;
      });
    }
    return this.#taken.get(name) ?? none;
  }
}

/** How much this process has to do: the signs by which an overload is told, measured by Node.js without our help. */
import { type EventLoopUtilization, type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

/** What one look finds. */
export interface Signs {
  /** How late the event loop runs what is due: the 99th percentile since the last look, in ms. */
  readonly delay: number;
  /** The part of the time since the last look in which the event loop was at work, from 0 to 1. */
  readonly utilization: number;
  /** The part of the heap that is in use, in percent of what it may grow to. */
  readonly heap: number;
}

/** Where the signs are read. */
export interface StrainGauge {
  start(): void;
  stop(): void;
  read(): Signs;
}

/** How exactly the delay of the event loop is measured, in ms. */
const RESOLUTION = 10;

export class ProcessGauge implements StrainGauge {
  #histogram: IntervalHistogram | null = null;
  #utilization: EventLoopUtilization | undefined;

  start(): void {
    this.#histogram ??= monitorEventLoopDelay({ resolution: RESOLUTION });
    this.#histogram.enable();
    this.#utilization = performance.eventLoopUtilization();
  }

  stop(): void {
    this.#histogram?.disable();
  }

  read(): Signs {
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    return { delay: this.#readDelay(), utilization: this.#readUtilization(), heap: (100 * used) / limit };
  }

  #readDelay(): number {
    if (!this.#histogram) return 0;
    const delay = this.#histogram.percentile(99) / 1e6 - RESOLUTION;
    this.#histogram.reset();
    return delay;
  }

  #readUtilization(): number {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#utilization);
    this.#utilization = now;
    return utilization;
  }
}

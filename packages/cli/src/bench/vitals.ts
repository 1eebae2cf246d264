/** What a process costs while it is watched: CPU, memory, event loop, garbage collection. */
import { availableParallelism } from 'node:os';
import { monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks';

/** Times in ms, memory in bytes. */
export interface Vitals {
  /** Share of one core: 1.5 is one and a half cores. */
  readonly cpu: number;
  readonly rss: number;
  readonly heapUsed: number;
  /** How late the event loop was. */
  readonly delay: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Share of the time in which the event loop had something to do. */
  readonly utilization: number;
  readonly gc: { readonly count: number; readonly time: number };
  readonly cores: number;
  readonly runtime: string;
}

/** The period of the monitor, in ms: what it records is this and the delay. */
const PERIOD = 10;

/** Watches this process from when it is made until `end`. */
export class VitalsWatch {
  readonly #since = performance.now();
  readonly #cpu = process.cpuUsage();
  readonly #loop = performance.eventLoopUtilization();
  readonly #delay = monitorEventLoopDelay({ resolution: PERIOD });
  readonly #gc = { count: 0, time: 0 };
  readonly #observer = new PerformanceObserver((list) => this.#collected(list.getEntries()));

  constructor() {
    this.#delay.enable();
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  end(): Vitals {
    const elapsed = performance.now() - this.#since;
    const { user, system } = process.cpuUsage(this.#cpu);
    const { rss, heapUsed } = process.memoryUsage();
    this.#collected(this.#observer.takeRecords());
    this.#observer.disconnect();
    this.#delay.disable();
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - PERIOD);
    return {
      cpu: (user + system) / 1_000 / elapsed,
      rss,
      heapUsed,
      delay: {
        p50: late(this.#delay.percentile(50)),
        p99: late(this.#delay.percentile(99)),
        max: late(this.#delay.max),
      },
      utilization: performance.eventLoopUtilization(this.#loop).utilization,
      gc: this.#gc,
      cores: availableParallelism(),
      runtime: `Node.js ${process.version}`,
    };
  }

  #collected(entries: readonly { readonly duration: number }[]): void {
    for (const { duration } of entries) {
      this.#gc.count += 1;
      this.#gc.time += duration;
    }
  }
}

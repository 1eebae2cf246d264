/** What adapters of monitoring systems ask of a server: all values at this moment, and to be told what goes into histograms. */
import type { Registration } from '../api.ts';
import type { HistogramName, ReadableName } from './specs.ts';

/** One value of a metric, and the labels it belongs to. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Hears every value of the histograms. It is called in the middle of the server's work, so it must be quick and not throw. */
export type MetricsObserver = (name: HistogramName, value: number) => void;

/**
 * The metrics of one server; `metricSpecs` lists them. Nothing is kept for those who do not ask: counters and gauges are
 * read on demand, and histograms are measured from the first `observe` until the last observer has gone.
 *
 * ```ts
 * for (const [name, samples] of server.metrics.read()) console.log(name, samples);
 * ```
 */
export interface MetricsRegistry {
  /** Counters and gauges at this moment, each with at least one sample. Costs a look at every session. */
  read(): ReadonlyMap<ReadableName, readonly Sample[]>;
  observe(observer: MetricsObserver): Registration;
}

/** Something that has metrics: a `BayeuxServer`. */
export interface Measured {
  readonly metrics: MetricsRegistry;
}

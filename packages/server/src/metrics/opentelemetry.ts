/** The metrics of a server for OpenTelemetry, by its API alone: which SDK exports them where is the application's affair. */
import type { BatchObservableCallback, Histogram, Meter, Observable } from '@opentelemetry/api';
import type { Registration } from '../api.ts';
import type { Measured } from './registry.ts';
import { type HistogramName, metrics, type ReadableName } from './specs.ts';

/** Where the metrics go, and what they are called. */
export interface OpenTelemetryOptions {
  /** As `metrics.getMeter('cometd')` of `@opentelemetry/api` answers it. */
  readonly meter: Meter;
  /** What every name begins with. Default 'cometd.'. */
  readonly prefix?: string;
}

/**
 * Makes the metrics of a server known to OpenTelemetry. Counters and gauges are read when the SDK collects. What is
 * answered takes the observation back; the instruments stay with the meter, without values.
 */
export function openTelemetryMetrics(server: Measured, options: OpenTelemetryOptions): Registration {
  const { meter, prefix = 'cometd.' } = options;
  const histograms = new Map<HistogramName, Histogram>();
  const observables = new Map<ReadableName, Observable>();
  for (const [name, { type, unit, help, buckets = [] }] of metrics) {
    const described = { description: help, unit: unit || '1' };
    if (type === 'histogram') {
      const advice = { explicitBucketBoundaries: [...buckets] };
      histograms.set(name as HistogramName, meter.createHistogram(prefix + name, { ...described, advice }));
    } else if (type === 'counter') {
      observables.set(name as ReadableName, meter.createObservableCounter(prefix + name, described));
    } else observables.set(name as ReadableName, meter.createObservableGauge(prefix + name, described));
  }
  const look: BatchObservableCallback = (result) => {
    for (const [name, samples] of server.metrics.read()) {
      const observable = observables.get(name);
      if (observable) for (const { labels, value } of samples) result.observe(observable, value, labels);
    }
  };
  const observed = [...observables.values()];
  meter.addBatchObservableCallback(look, observed);
  const observation = server.metrics.observe((name, value) => histograms.get(name)?.record(value));
  return {
    remove() {
      observation.remove();
      meter.removeBatchObservableCallback(look, observed);
    },
  };
}

/** The metrics of a server for Prometheus, by `prom-client`. */
import { Counter, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import type { Measured, Sample } from './registry.ts';
import { Snapshot } from './snapshot.ts';
import { type HistogramName, type MetricSpec, metrics, prefixed, prometheusName, type ReadableName } from './specs.ts';

/** Where the metrics go, and what they are called. */
export interface PrometheusOptions {
  /** The registry they are put into, together with what else is there. Default one of their own. */
  readonly registry?: Registry;
  /** What every name begins with; two servers in one registry need two. Default 'cometd_'. */
  readonly prefix?: string;
  /** Counters and gauges of what the server does not know of, such as its cluster: `clusterMetrics(oort)` of `@cometd-ts/oort`. Default none. */
  readonly more?: readonly MoreMetric[];
}

/** A metric from outside the server. */
export interface MoreMetric {
  /** Without prefix, unit and `_total`, as in `metricSpecs`. */
  readonly name: string;
  readonly spec: Omit<MetricSpec, 'type' | 'buckets'> & { readonly type: 'counter' | 'gauge' };
  /** Its values at this moment. */
  readonly read: () => readonly Sample[];
}

/** The metrics of one server, as Prometheus scrapes them. */
export interface PrometheusMetrics {
  readonly registry: Registry;
  /** For the header `Content-Type` of the answer. */
  readonly contentType: string;
  /** The text of one scrape, with everything the registry has. */
  render(): Promise<string>;
  /** Takes the metrics out of the registry; nothing is measured for them any more. */
  remove(): void;
}

/**
 * Makes the metrics of a server known to Prometheus. They are read when somebody scrapes.
 * Throws `Error` when the registry has a metric of that name already.
 */
export function prometheusMetrics(server: Measured, options: PrometheusOptions = {}): PrometheusMetrics {
  const { registry = new Registry(), prefix = 'cometd_', more = [] } = options;
  const snapshot = new Snapshot(server.metrics);
  const histograms = new Map<HistogramName, Histogram>();
  const names: string[] = [];
  for (const [name, spec] of metrics) {
    const described = { name: prometheusName(name, prefix), help: spec.help, registers: [registry] };
    const metric = metricOf(described, spec, () => snapshot.samples(name as ReadableName));
    names.push(described.name);
    if (metric instanceof Histogram) histograms.set(name as HistogramName, metric);
  }
  for (const { name, spec, read } of more) {
    const described = { name: prefixed(name, spec, prefix), help: spec.help, registers: [registry] };
    names.push(described.name);
    metricOf(described, spec, read);
  }
  const observation = server.metrics.observe((name, value) => histograms.get(name)?.observe(value));
  return {
    registry,
    get contentType() {
      return registry.contentType;
    },
    render: () => registry.metrics(),
    remove() {
      observation.remove();
      for (const name of names) registry.removeSingleMetric(name);
    },
  };
}

interface Description {
  readonly name: string;
  readonly help: string;
  readonly registers: Registry[];
}

function metricOf(described: Description, spec: MetricSpec, samples: () => ReturnType<Snapshot['samples']>): Metric {
  const labelNames = [...spec.labels];
  if (spec.type === 'histogram') return new Histogram({ ...described, buckets: [...(spec.buckets ?? [])] });
  if (spec.type === 'gauge') {
    return new Gauge({
      ...described,
      labelNames,
      collect() {
        this.reset();
        for (const { labels, value } of samples()) this.set(labels, value);
      },
    });
  }
  return new Counter({
    ...described,
    labelNames,
    collect() {
      this.reset();
      for (const { labels, value } of samples()) this.inc(labels, value);
    },
  });
}

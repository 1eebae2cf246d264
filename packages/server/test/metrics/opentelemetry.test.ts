/** What the OpenTelemetry SDK exports of a server. */
import { metricSpecs } from '@cometd-ts/server';
import { openTelemetryMetrics } from '@cometd-ts/server/opentelemetry';
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { describe, expect, it, onTestFinished } from 'vitest';
import { host } from '../hosting.ts';

async function watch() {
  const house = await host();
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  // It exports when it is told to, long before its time.
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: 1_000_000,
    exportTimeoutMillis: 5000,
  });
  const provider = new MeterProvider({ readers: [reader] });
  const registration = openTelemetryMetrics(house.bayeux, { meter: provider.getMeter('cometd') });
  onTestFinished(async () => {
    registration.remove();
    await provider.shutdown();
  });
  return {
    ...house,
    registration,
    /** What is exported now, by name. */
    async look(): Promise<ReadonlyMap<string, MetricData>> {
      exporter.reset();
      await reader.forceFlush();
      const [exported] = exporter.getMetrics();
      const metrics = exported?.scopeMetrics.flatMap((scope) => scope.metrics) ?? [];
      return new Map(metrics.map((metric) => [metric.descriptor.name, metric]));
    },
  };
}

function numberOf(metric: MetricData | undefined, attributes: Readonly<Record<string, string>> = {}): unknown {
  return metric?.dataPoints.find((point) => JSON.stringify(point.attributes) === JSON.stringify(attributes))?.value;
}

describe('the OpenTelemetry SDK', () => {
  it('exports every metric of the table, with its unit and description', async () => {
    const house = await watch();
    const session = await house.enter();
    await session.subscribe('/a');
    await session.publish('/a', 1);
    await session.inbox.event('/a');
    const { reply } = { reply: session.connect(1) };
    await reply;
    const exported = await house.look();
    expect([...exported.keys()].sort()).toEqual(
      Object.keys(metricSpecs)
        .map((name) => `cometd.${name}`)
        .sort(),
    );
    for (const [name, spec] of Object.entries(metricSpecs)) {
      const metric = exported.get(`cometd.${name}`);
      expect(metric?.descriptor).toMatchObject({ description: spec.help, unit: spec.unit || '1' });
      const types = { counter: DataPointType.SUM, gauge: DataPointType.GAUGE, histogram: DataPointType.HISTOGRAM };
      expect(metric?.dataPointType, name).toBe(types[spec.type]);
    }
  });

  it('sees what happens', async () => {
    const house = await watch();
    const session = await house.enter();
    await session.subscribe('/a');
    await session.publish('/a', 1);
    await session.inbox.event('/a');
    const first = await house.look();
    const sessions = { transport: 'websocket', state: 'connected' };
    expect(numberOf(first.get('cometd.sessions'), sessions)).toBe(1);
    expect(numberOf(first.get('cometd.messages_received'), { type: 'publish' })).toBe(1);
    expect(numberOf(first.get('cometd.publish_to_deliver'))).toMatchObject({
      count: 1,
      buckets: { boundaries: metricSpecs.publish_to_deliver.buckets },
    });
    await session.disconnect();
    const second = await house.look();
    expect(numberOf(second.get('cometd.sessions'), sessions)).toBe(0);
    expect(numberOf(second.get('cometd.sessions_ended'), { reason: 'disconnect' })).toBe(1);
  });

  it('sees nothing more when the metrics were taken back', async () => {
    const house = await watch();
    await house.enter();
    house.registration.remove();
    expect((await house.look()).get('cometd.sessions')).toBeUndefined();
    expect(house.bayeux.diagnostics.observer).toBeNull();
  });
});

/** The figures of a run: percentiles, the distribution, what is expected, what speaks against the client. */
import { describe, expect, it } from 'vitest';
import { expectedOf } from '../../src/bench/bench.ts';
import type { Load } from '../../src/bench/plan.ts';
import { saturationOf } from '../../src/bench/result.ts';
import { decoded, distribution, encoded, newHistogram, record, summary } from '../../src/bench/statistics.ts';
import type { Vitals } from '../../src/bench/vitals.ts';

function oneToThousand(): ReturnType<typeof newHistogram> {
  const histogram = newHistogram();
  for (let latency = 1; latency <= 1_000; latency += 1) record(histogram, latency);
  return histogram;
}

const calm: Vitals = {
  cpu: 0.3,
  rss: 1,
  heapUsed: 1,
  delay: { p50: 0, p99: 1, max: 2 },
  utilization: 0.3,
  gc: { count: 0, time: 0 },
  cores: 2,
  runtime: 'Node.js',
};
const load: Load = { clients: 1, batchCount: 1, batchSize: 1, batchPause: 1_000, messageSize: 1, randomize: false };

describe('The statistics', () => {
  it('sum up latencies exactly to three digits', () => {
    const all = { count: 1_000, min: 1, mean: 500.5, p50: 500, p85: 850, p95: 950, p99: 990, p999: 999, max: 1_000 };
    expect(summary(oneToThousand())).toEqual(all);
  });

  it('survive being sent to another process, and being added up there', () => {
    const sum = decoded(encoded(oneToThousand()));
    sum.add(decoded(encoded(oneToThousand())));
    expect(summary(sum)).toMatchObject({ count: 2_000, p50: 500, max: 1_000 });
  });

  it('say nothing of nothing', () => {
    expect(summary(newHistogram())).toMatchObject({ count: 0, min: 0, p99: 0, max: 0 });
    expect(distribution(newHistogram())).toEqual([]);
  });

  it('count what is shorter than a microsecond, and what takes longer than ten minutes', () => {
    const histogram = newHistogram();
    record(histogram, -3);
    record(histogram, 1e12);
    expect(summary(histogram)).toMatchObject({ count: 2, min: 1 });
  });

  it('distribute all latencies over rows of equal width, with each percentile in one of them', () => {
    const rows = distribution(oneToThousand(), 4);
    expect(rows.map(({ to, count }) => [to, count])).toEqual([
      [250, 250],
      [500, 250],
      [750, 250],
      [1_000, 250],
    ]);
    expect(rows.map(({ percentiles }) => percentiles)).toEqual([[], [50], [], [85, 95, 99, 99.9]]);
  });

  it('expect each message at every member of its room', () => {
    expect(expectedOf([2, 0, 3], [10, 7, 1])).toBe(23);
  });
});

describe('The client', () => {
  const idle = summary(newHistogram());

  it('is not blamed when it had time', () => {
    expect(saturationOf([calm, calm], idle, load)).toEqual([]);
  });

  it.each([
    [{ utilization: 0.95, cpu: 0.95 }, 'The client was busy 95.0 % of the time'],
    [{ utilization: 0.8, cpu: 0.2 }, 'The client had work for 80.0 % of the time, and a core for 20.0 %'],
    [{ delay: { p50: 0, p99: 300, max: 400 } }, 'The client was late by 300 ms and more, one time in a hundred'],
  ])('is blamed for %j', (change, sentence) => {
    expect(saturationOf([{ ...calm, ...change }], idle, load)).toEqual([sentence]);
  });

  it('is blamed for batches that left late, where there was a schedule', () => {
    const lag = newHistogram();
    record(lag, 50_000);
    expect(saturationOf([calm], summary(lag), load)).toEqual(['One batch in a hundred left 50 ms late, or later']);
    expect(saturationOf([calm], summary(lag), { ...load, batchPause: 0 })).toEqual([]);
  });
});

/** Latencies in µs: recorded, added up, summed up, and drawn as text. */
import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
  type JsHistogram,
} from 'hdr-histogram-js';

/** Ten minutes: what takes longer counts as that. */
const LONGEST = 600_000_000;

/** All in µs. */
export interface Latency {
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p85: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** One row of a distribution: how many latencies are above the row before, and at most `to`. */
export interface Bucket {
  readonly to: number;
  readonly count: number;
  readonly share: number;
  /** The percentiles that fall into it, such as `50` and `99.9`. */
  readonly percentiles: readonly number[];
}

export function newHistogram(): Histogram {
  return build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST,
    numberOfSignificantValueDigits: 3,
    autoResize: false,
  });
}

export function record(histogram: Histogram, latency: number): void {
  histogram.recordValue(Math.min(LONGEST, Math.max(1, Math.round(latency))));
}

/** Text in the compressed format of HdrHistogram. */
export function encoded(histogram: Histogram): string {
  return encodeIntoCompressedBase64(histogram);
}

export function decoded(text: string): Histogram {
  return decodeFromCompressedBase64(text, 32) as Histogram;
}

export function summary(histogram: Histogram): Latency {
  const count = histogram.totalCount;
  const at = (percentile: number): number => (count === 0 ? 0 : histogram.getValueAtPercentile(percentile));
  return {
    count,
    min: count === 0 ? 0 : histogram.minNonZeroValue,
    mean: count === 0 ? 0 : histogram.mean,
    p50: at(50),
    p85: at(85),
    p95: at(95),
    p99: at(99),
    p999: at(99.9),
    max: histogram.maxValue,
  };
}

const MARKS = [50, 85, 95, 99, 99.9] as const;

/** Rows of equal width, up to the longest latency. */
export function distribution(histogram: Histogram, rows = 20): Bucket[] {
  const { totalCount: total, maxValue: max } = histogram;
  if (total === 0) return [];
  const width = Math.max(1, Math.ceil(max / rows));
  const counts = new Array<number>(Math.ceil(max / width)).fill(0);
  for (const [value, count] of countsOf(histogram)) {
    const row = Math.min(counts.length - 1, Math.max(0, Math.ceil(value / width) - 1));
    counts[row] = (counts[row] ?? 0) + count;
  }
  const marks = MARKS.map((percentile) => ({ percentile, value: histogram.getValueAtPercentile(percentile) }));
  return counts.map((count, row) => {
    const to = (row + 1) * width;
    const isLast = row === counts.length - 1;
    const falls = (value: number): boolean => value > to - width && (value <= to || isLast);
    const percentiles = marks.filter(({ value }) => falls(value)).map(({ percentile }) => percentile);
    return { to, count, share: count / total, percentiles };
  });
}

/** Each latency that there was, to three digits, and how often. */
export function* countsOf(histogram: Histogram): Generator<readonly [number, number]> {
  const { maxValue } = histogram;
  const counted = histogram as JsHistogram;
  for (let index = 0; ; index += 1) {
    const value = counted.valueFromIndex(index);
    if (value > maxValue) return;
    const count = counted.getCountAtIndex(index);
    if (count > 0) yield [value, count];
  }
}

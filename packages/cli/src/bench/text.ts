/** Results as text for a terminal. */
import { percent, perSecond, type RunResult } from './result.ts';
import { type Bucket, decoded, distribution, type Latency } from './statistics.ts';
import type { Vitals } from './vitals.ts';

const WIDTH = 40;

export function textOfRun(result: RunResult): string {
  const { outgoing, incoming, expected, latency, lag, load, histogram, client, server } = result;
  const responses = incoming.messages > 0 ? percent(incoming.payloads / incoming.messages) : '-';
  const lines = [
    `Outgoing: Elapsed = ${ms(outgoing.elapsed)} | Rate = ${rate(outgoing.messages, outgoing.elapsed)} messages/s - ` +
      `${rate(outgoing.payloads, outgoing.elapsed)} requests/s - ${mebibits(outgoing.bytes, outgoing.elapsed)} Mib/s`,
    `Messages: Success/Expected = ${incoming.messages}/${expected}`,
    `Incoming: Elapsed = ${ms(incoming.elapsed)} | Rate = ${rate(incoming.messages, incoming.elapsed)} messages/s - ` +
      `${rate(incoming.payloads, incoming.elapsed)} responses/s (${responses}) - ` +
      `${mebibits(incoming.bytes, incoming.elapsed)} Mib/s`,
    ...(histogram === ''
      ? []
      : ['', ...distribution(decoded(histogram)).map((row, _at, all) => textOfBucket(row, all)), '']),
    `Latency: ${grouped(latency.count)} samples | min/avg/p50/p85/p95/p99/p99.9/max = ${micros(latency)} µs`,
    load.batchPause > 0
      ? `         counted from when each message was due; batches left late by p50/p99/max = ` +
        `${grouped(lag.p50)}/${grouped(lag.p99)}/${grouped(lag.max)} µs`
      : '         counted from when each message was sent: without a pause there is no schedule',
    ...client.map((one, at) => textOfVitals(client.length === 1 ? 'Client' : `Client ${at + 1}`, one)),
    server ? textOfVitals('Server', server) : 'Server:   unknown: it does not tell, as cometd bench server does',
    ...warnings(result).map((warning) => `WARNING: ${warning}`),
  ];
  return lines.join('\n');
}

/** What one must know before believing the figures. */
export function warnings({ saturation, expected, incoming, refused, lost, trouble }: RunResult): string[] {
  const found: string[] = [];
  if (saturation.length > 0) {
    found.push(`the client was saturated, so these figures are its own, not the server's. ${saturation.join('. ')}`);
  }
  if (incoming.messages < expected) found.push(`${grouped(expected - incoming.messages)} messages did not arrive`);
  if (incoming.messages > expected) found.push(`${grouped(incoming.messages - expected)} messages arrived twice`);
  if (refused > 0) found.push(`${grouped(refused)} messages were refused`);
  if (lost > 0) found.push(`${grouped(lost)} sessions ended`);
  if (trouble !== undefined) found.push(`the first trouble was: ${trouble}`);
  return found;
}

function textOfBucket({ to, count, share, percentiles }: Bucket, all: readonly Bucket[]): string {
  const most = Math.max(...all.map((one) => one.count));
  const bar = '@'.repeat(Math.ceil((count / most) * WIDTH)).padEnd(WIDTH);
  const marks = percentiles.map((percentile) => ` ^${percentile}%`).join('');
  return `${grouped(to).padStart(11)} µs |${bar}| (${grouped(count)}, ${(share * 100).toFixed(2)}%)${marks}`;
}

function textOfVitals(who: string, { cpu, rss, heapUsed, delay, utilization, gc, cores, runtime }: Vitals): string {
  return (
    `${`${who}:`.padEnd(10)}CPU ${percent(cpu)} of a core (of ${cores}) | event loop busy ${percent(utilization)}, ` +
    `late p50/p99/max = ${[delay.p50, delay.p99, delay.max].map((one) => one.toFixed(1)).join('/')} ms | ` +
    `GC ${gc.count} times, ${gc.time.toFixed(1)} ms | memory ${mebibytes(rss)} MiB, heap ${mebibytes(heapUsed)} MiB | ${runtime}`
  );
}

export function micros({ min, mean, p50, p85, p95, p99, p999, max }: Latency): string {
  return [min, mean, p50, p85, p95, p99, p999, max].map((one) => grouped(one)).join('/');
}

export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function ms(time: number): string {
  return `${time.toFixed(0)} ms`;
}

function rate(count: number, elapsed: number): string {
  return perSecond(count, elapsed).toFixed(0);
}

function mebibits(bytes: number, elapsed: number): string {
  return elapsed > 0 ? `~${((bytes * 8 * 1_000) / elapsed / 1_048_576).toFixed(3)}` : '0';
}

export function mebibytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(0);
}

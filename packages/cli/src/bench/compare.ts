/** Two saved runs side by side: `cometd bench compare a.json b.json`. */
import { Complaint } from '../complaint.ts';
import { clientCpu, load, perSecond, type RunResult } from './result.ts';
import { warnings } from './text.ts';

interface Row {
  readonly name: string;
  of(result: RunResult): number | undefined;
}

const rows: readonly Row[] = [
  { name: 'outgoing messages/s', of: ({ outgoing }) => perSecond(outgoing.messages, outgoing.elapsed) },
  { name: 'incoming messages/s', of: ({ incoming }) => perSecond(incoming.messages, incoming.elapsed) },
  { name: 'incoming responses/s', of: ({ incoming }) => perSecond(incoming.payloads, incoming.elapsed) },
  { name: 'messages expected', of: ({ expected }) => expected },
  { name: 'messages received', of: ({ incoming }) => incoming.messages },
  { name: 'latency avg, µs', of: ({ latency }) => latency.mean },
  { name: 'latency p50, µs', of: ({ latency }) => latency.p50 },
  { name: 'latency p95, µs', of: ({ latency }) => latency.p95 },
  { name: 'latency p99, µs', of: ({ latency }) => latency.p99 },
  { name: 'latency p99.9, µs', of: ({ latency }) => latency.p999 },
  { name: 'latency max, µs', of: ({ latency }) => latency.max },
  { name: 'client CPU, % of a core', of: (result) => clientCpu(result) * 100 },
  { name: 'server CPU, % of a core', of: ({ server }) => server && server.cpu * 100 } as Row,
  {
    name: 'server CPU, µs per message',
    of: ({ server, incoming }) =>
      server && incoming.messages > 0 ? (server.cpu * incoming.elapsed * 1_000) / incoming.messages : undefined,
  },
  { name: 'server memory, MiB', of: ({ server }) => server && server.rss / 1_048_576 } as Row,
];

/** A table of two runs; differences in what was asked for stand above it. */
export function comparison(a: RunResult, b: RunResult): string {
  const lines = [...differences(a, b), `${''.padEnd(28)}${'a'.padStart(14)}${'b'.padStart(14)}${'b/a'.padStart(10)}`];
  for (const { name, of } of rows) {
    const [one, other] = [of(a) ?? undefined, of(b) ?? undefined];
    const ratio = one !== undefined && other !== undefined && one > 0 ? (other / one).toFixed(2) : '-';
    lines.push(`${name.padEnd(28)}${figure(one)}${figure(other)}${ratio.padStart(10)}`);
  }
  for (const warning of warnings(a)) lines.push(`WARNING: a: ${warning}`);
  for (const warning of warnings(b)) lines.push(`WARNING: b: ${warning}`);
  return lines.join('\n');
}

function figure(value: number | undefined): string {
  return (value === undefined ? 'unknown' : value.toLocaleString('en-US', { maximumFractionDigits: 1 })).padStart(14);
}

function differences(a: RunResult, b: RunResult): string[] {
  const [one, other] = [a, b].map(({ plan, load }) => ({ ...plan, ...load }) as Record<string, unknown>);
  if (!one || !other) return [];
  return Object.keys(one)
    .filter((name) => one[name] !== other[name])
    .map((name) => `${name}: ${one[name]} (a), ${other[name]} (b)`);
}

/** Reads two files of results, and prints the last run of each. */
export async function compare(files: readonly string[]): Promise<readonly RunResult[]> {
  const [first, second, ...more] = files;
  if (first === undefined || second === undefined || more.length > 0) {
    throw new Complaint('cometd bench compare takes two files of results, as --json writes them');
  }
  const [a, b] = (await Promise.all([load(first), load(second)])).map((runs) => runs.at(-1));
  if (!a || !b) return [];
  console.log(comparison(a, b));
  return [a, b];
}

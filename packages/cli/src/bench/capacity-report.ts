/** The page of `cometd bench capacity`: the answer, and how latency and CPU grow with the users. */
import { writeReport } from './html.ts';
import { escaped, plot } from './plot.ts';
import { clientCpu, type RunResult } from './result.ts';
import { type Capacity, textOfCapacity } from './verdict.ts';

export async function capacityReport(file: string, capacity: Capacity): Promise<void> {
  const { best, worst } = capacity;
  // The two between which the answer lies, whole.
  const runs = [best?.result, worst?.result].filter((one): one is RunResult => one !== null && one !== undefined);
  const names = runs.map(({ load }) => `${load.clients} users`);
  await writeReport(file, runs, { names, opening: openingOf(capacity) });
}

/** What stands above the runs. */
export function openingOf(capacity: Capacity): string {
  const runs = capacity.steps.flatMap(({ result }) => result ?? []);
  const latencies = (['p50', 'p99'] as const).map((name) => ({
    name,
    points: runs.map(({ load, latency }) => [load.clients, latency[name] / 1_000] as const),
  }));
  const [first = 1, last = 1] = [runs[0]?.load.clients, runs.at(-1)?.load.clients];
  const limit = { name: 'limit', points: [first, last].map((users) => [users, capacity.limit] as const) };
  const served = runs.filter(({ server }) => server !== null);
  const cores = [
    { name: 'server', points: served.map(({ load, server }) => [load.clients, (server?.cpu ?? 0) * 100] as const) },
    {
      name: 'client',
      points: runs.map((run) => [run.load.clients, clientCpu(run) * 100] as const),
    },
  ].filter(({ points }) => points.length > 0);
  return `<p>${escaped(textOfCapacity(capacity)).replaceAll('\n', '<br>\n')}</p>
${plot({
  title: 'Latency by users',
  x: { label: 'users' },
  y: { label: 'latency, ms', isLogarithmic: true },
  curves: [...latencies, limit],
})}
${plot({ title: 'CPU by users', x: { label: 'users' }, y: { label: '% of a core' }, curves: cores })}`;
}

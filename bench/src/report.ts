/** Turns runs into what people read: ratios of the same round first, then absolute figures. */
import { type Failure, LOAD_CPU, type Run } from './run.ts';
import { type Scenario, type ServerName, scenarios } from './scenarios.ts';
import { headOf, type Surroundings } from './surroundings.ts';
import { medianOf, rangeOf, table } from './table.ts';

/** How our server did against one other in one scenario, over all rounds. */
export interface Comparison {
  readonly scenario: Scenario;
  readonly peer: ServerName;
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly rounds: number;
  readonly target?: number;
}

export function compare(runs: readonly Run[]): Comparison[] {
  const comparisons: Comparison[] = [];
  for (const scenario of scenarios) {
    const here = runs.filter((run) => run.scenario === scenario.name);
    const ours = new Map(here.filter((run) => run.server === 'ours').map((run) => [run.round, run.cost]));
    for (const peer of scenario.servers) {
      const ratios: number[] = [];
      for (const run of here) {
        const cost = ours.get(run.round);
        if (run.server === peer && peer !== 'ours' && cost !== undefined) ratios.push(cost / run.cost);
      }
      if (ratios.length === 0) continue;
      const target = scenario.targets[peer];
      comparisons.push({
        scenario,
        peer,
        median: medianOf(ratios),
        least: Math.min(...ratios),
        most: Math.max(...ratios),
        rounds: ratios.length,
        ...(target !== undefined && { target }),
      });
    }
  }
  return comparisons;
}

/** The whole page, in Markdown; it reads well in a terminal too. */
export function pageOf(runs: readonly Run[], failures: readonly Failure[], surroundings: Surroundings): string {
  const { pinned } = surroundings;
  const places = `server ${pinned ? 'on CPU 0' : 'not pinned (no taskset)'}, load on ${pinned ? `CPU ${LOAD_CPU}` : 'any CPU'}`;
  const lines = [
    ...headOf('Benchmark', surroundings, places),
    '',
    '## Ratios: the cost of ours divided by the cost of the other, in the same round',
    '',
    ...table(
      ['scenario', 'ours /', 'median', 'range', 'rounds', 'target'],
      compare(runs).map(({ scenario, peer, median, least, most, rounds: count, target }) => [
        scenario.name,
        peer,
        median.toFixed(2),
        `${least.toFixed(2)}–${most.toFixed(2)}`,
        String(count),
        target === undefined ? '' : `≤ ${target.toFixed(2)} ${median <= target ? 'met' : 'MISSED'}`,
      ]),
    ),
  ];
  for (const scenario of scenarios) {
    const here = runs.filter((run) => run.scenario === scenario.name);
    if (here.length > 0) lines.push('', `## ${scenario.title}`, '', ...absolute(scenario, here));
  }
  const notes = notesOf(runs, failures);
  if (notes.length > 0) lines.push('', '## Take with care', '', ...notes);
  return `${lines.join('\n')}\n`;
}

function absolute(scenario: Scenario, runs: readonly Run[]): string[] {
  const memory = scenario.name === 'memory';
  const head = memory
    ? ['server', 'kB RSS / session', 'range', 'kB heap / session', 'sessions/s']
    : ['server', `µs CPU / ${scenario.unit}`, 'range', '/s', 'p50 ms', 'p90', 'p99', 'max', 'server', 'load', 'others'];
  const rows = scenario.servers.flatMap((server) => {
    const mine = runs.filter((run) => run.server === server);
    if (mine.length === 0) return [];
    const of = (pick: (run: Run) => number): number => medianOf(mine.map(pick));
    const costs = mine.map((run) => run.cost);
    const cost = [of((run) => run.cost).toFixed(2), rangeOf(costs)];
    const rate = Math.round(of((run) => run.rate)).toLocaleString('en');
    if (memory) return [[server, ...cost, of((run) => run.heap ?? 0).toFixed(2), rate]];
    const ms = (pick: 'p50' | 'p90' | 'p99' | 'max'): string =>
      of((run) => (run.latency?.[pick] ?? 0) / 1_000).toFixed(1);
    const percent = (pick: (run: Run) => number): string => `${Math.round(of(pick) * 100)} %`;
    return [
      [
        server,
        ...cost,
        rate,
        ms('p50'),
        ms('p90'),
        ms('p99'),
        ms('max'),
        percent((run) => run.serverBusy),
        percent((run) => run.loadBusy),
        percent((run) => run.foreign ?? 0),
      ],
    ];
  });
  const target = memory ? scenario.targets.ours : undefined;
  const lines = table(head, rows);
  if (target !== undefined) lines.push('', `Target of ours: ≤ ${target} kB of RSS.`);
  return lines;
}

function notesOf(runs: readonly Run[], failures: readonly Failure[]): string[] {
  const notes = failures.map(
    ({ scenario, server, round, reason }) =>
      `- ${scenario}, ${server}, round ${round}: FAILED, ${reason.split('\n', 1)[0]}`,
  );
  for (const { scenario, server, round, clean, foreign, saturated } of runs) {
    const which = `- ${scenario}, ${server}, round ${round}`;
    if (!clean) notes.push(`${which}: others took ${Math.round((foreign ?? 0) * 100)} % of the server's CPU.`);
    if (saturated) notes.push(`${which}: the load was saturated, so throughput and latency are the load's.`);
  }
  return notes;
}

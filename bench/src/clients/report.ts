/** Turns runs of clients into what people read: ratios of the same round first, then absolute figures. */
import { headOf, type Surroundings } from '../surroundings.ts';
import { medianOf, rangeOf, table } from '../table.ts';
import { CLIENT_CPU, type ClientFailure, type ClientRun } from './run.ts';
import { type ClientName, type ClientScenario, clientNames, clientScenarios, ours, peers } from './scenarios.ts';

/** The cost of one client divided by the cost of another, for every round both took part in. */
export function ratiosOf(runs: readonly ClientRun[], scenario: string, one: ClientName, other: ClientName): number[] {
  const here = runs.filter((run) => run.scenario === scenario);
  const costs = new Map(here.filter((run) => run.client === one).map((run) => [run.round, run.cost]));
  return here.flatMap((run) => {
    const cost = run.client === other ? costs.get(run.round) : undefined;
    return cost === undefined ? [] : [cost / run.cost];
  });
}

/** The whole page, in Markdown; it reads well in a terminal too. */
export function pageOf(
  runs: readonly ClientRun[],
  failures: readonly ClientFailure[],
  surroundings: Surroundings,
): string {
  const places = surroundings.pinned ? `client on CPU ${CLIENT_CPU}, server on CPU 0` : 'nothing pinned (no taskset)';
  const measured = clientScenarios.filter(({ name }) => runs.some((run) => run.scenario === name));
  const lines = [
    ...headOf('Benchmark of clients', surroundings, places),
    '',
    '## Ratios: the CPU of ours per message divided by that of the other, in the same round',
    '',
    ...table(
      ['scenario', ...ours.flatMap((one) => peers.map((peer) => `${one} / ${peer}`))],
      measured.map(({ name }) => [
        name,
        ...ours.flatMap((one) => peers.map((peer) => ratioOf(ratiosOf(runs, name, one, peer)))),
      ]),
    ),
  ];
  for (const scenario of measured) {
    lines.push('', `## ${scenario.name}: ${scenario.title}`, '', ...absolute(scenario, runs));
  }
  const notes = notesOf(runs, failures);
  if (notes.length > 0) lines.push('', '## Take with care', '', ...notes);
  return `${lines.join('\n')}\n`;
}

function ratioOf(ratios: readonly number[]): string {
  return ratios.length === 0 ? '' : `${medianOf(ratios).toFixed(2)} (${rangeOf(ratios)})`;
}

function absolute(scenario: ClientScenario, runs: readonly ClientRun[]): string[] {
  const rows = clientNames.flatMap((client) => {
    const mine = runs.filter((run) => run.scenario === scenario.name && run.client === client);
    if (mine.length === 0) return [];
    const costs = mine.map((run) => run.cost);
    const rates = mine.map((run) => run.rate);
    const count = (rate: number): string => Math.round(rate).toLocaleString('en');
    const percent = (pick: (run: ClientRun) => number): string => `${Math.round(medianOf(mine.map(pick)) * 100)} %`;
    return [
      [
        client,
        medianOf(costs).toFixed(2),
        rangeOf(costs),
        count(medianOf(rates)),
        `${count(Math.min(...rates))}–${count(Math.max(...rates))}`,
        percent((run) => run.clientBusy),
        percent((run) => run.serverBusy),
        percent((run) => run.foreign ?? 0),
      ],
    ];
  });
  return table(['client', 'µs CPU / message', 'range', 'messages/s', 'range', 'client', 'server', 'others'], rows);
}

function notesOf(runs: readonly ClientRun[], failures: readonly ClientFailure[]): string[] {
  const failed = failures.map(
    ({ scenario, client, round, reason }) =>
      `- ${scenario}, ${client}, round ${round}: FAILED, ${reason.split('\n', 1)[0]}`,
  );
  const disturbed = runs.filter(({ clean }) => !clean);
  return failed.concat(
    disturbed.map(
      ({ scenario, client, round, foreign }) =>
        `- ${scenario}, ${client}, round ${round}: others took ${Math.round((foreign ?? 0) * 100)} % of the client's CPU.`,
    ),
  );
}

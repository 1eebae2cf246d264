/** Turns runs into what people read: targets and ratios of the same round first, then absolute figures. */
import { type Scenario, type ServerName, scenarios, servers } from '../scenarios.ts';
import { headOf } from '../surroundings.ts';
import { medianOf, rangeOf, type Table, table } from '../table.ts';
import { type Measure, type Place, ratioOf, type Spread, saturatedIn, undisturbed } from './ratios.ts';
import type { Results } from './results.ts';
import { LOAD_CPU, type Run } from './run.ts';
import { javaTargets, type Outcome, outcomeOf, targets, worstOf } from './targets.ts';

/** The whole page, in Markdown; it reads well in a terminal too. */
export function pageOf(results: Results): string {
  const { runs } = results;
  const measured = measuredOf(results);
  const lines = [
    ...head(results),
    '',
    '## Targets',
    '',
    'Ours divided by the other in the same round, median and range over the rounds. Rounds that others disturbed count only where',
    'there are no better ones.',
    '',
    ...shown(targetTable(results)),
    '',
    '## Against CometD for Java, in every scenario',
    '',
    'Each is to be 0.90 at most; the aim is 0.65.',
    '',
    ...shown(javaTable(results)),
    '',
    '## All ratios: ours divided by the other, in the same round',
    '',
    ...shown(ratioTable(measured, runs)),
    '',
    '## What circumstances cost us: a scenario divided by the plain one, in the same round',
    '',
    ...shown(circumstanceTable(runs)),
  ];
  for (const scenario of measured) {
    const here = runs.filter((run) => run.scenario === scenario.name);
    lines.push('', `## ${scenario.name}`, '', `${scenario.title}.`, '', ...shown(absolute(scenario, here)));
  }
  lines.push('', '## Who is who', '', ...whoIsWho(runs));
  const notes = notesOf(results);
  if (notes.length > 0) lines.push('', '## Take with care', '', ...notes);
  return `${lines.join('\n')}\n`;
}

function shown({ head, rows }: Table): string[] {
  return rows.length === 0 ? ['Not measured.'] : table(head, rows);
}

/** The scenarios that have a run, in their order. */
export function measuredOf({ runs }: Results): Scenario[] {
  return scenarios.filter(({ name }) => runs.some((run) => run.scenario === name));
}

/** Which process was where. */
export function placesOf(pinned: boolean): string {
  return pinned ? `server on CPU 0, load on CPU ${LOAD_CPU}` : 'nothing pinned (no taskset, or one CPU)';
}

/** What must be said when the titles of the scenarios are wrong. */
export function otherClients(clients: number): string {
  return `${clients.toLocaleString('en')} clients in every scenario, whatever its title says.`;
}

/** Which rounds, in words. */
export function roundsOf([first, last]: readonly [number, number]): string {
  return first === last ? `Round ${first}` : `Rounds ${first} to ${last}`;
}

function head({ parts }: Results): string[] {
  const lines: string[] = [];
  for (const { surroundings, rounds, clients } of parts) {
    const [title = '', ...rest] = headOf('Comparison of servers', surroundings, placesOf(surroundings.pinned));
    if (lines.length === 0) lines.push(title);
    else lines.push('', `${roundsOf(rounds)}, of ${surroundings.date}:`);
    lines.push(...rest, ...(clients === undefined ? [] : [otherClients(clients)]));
  }
  return lines;
}

export function written(spread: Spread | undefined, digits = 2): string {
  if (!spread) return '';
  const { median, least, most, rounds } = spread;
  if (rounds === 1) return median.toFixed(digits);
  return `${median.toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`;
}

/** What the table of targets says, row by row. */
export function outcomesOf({ runs }: Results): Outcome[] {
  const against = javaTargets.map((target) => outcomeOf(target, runs));
  const java = (['cost', 'p50'] as const).map((measure): Outcome => {
    const kind = measure === 'cost' ? 'CPU per message' : 'p50 latency';
    const measured = against.filter((one) => one.measure === measure && one.spread !== undefined);
    const worst = worstOf(measured);
    const what = `every scenario, vs CometD for Java, ${kind}`;
    if (!worst) {
      const [some] = javaTargets;
      return { ...outcomeOf({ ...some!, what }, []), verdict: 'not measured' };
    }
    const good = measured.filter(({ verdict }) => verdict !== 'MISSED').length;
    return { ...worst, what: `${what}: the worst of ${measured.length}, of which ${good} are met (${worst.what})` };
  });
  const all = targets.map((target) => outcomeOf(target, runs));
  const beforeCores = all.findIndex(({ isRising }) => isRising);
  return [...all.slice(0, beforeCores), ...java, ...all.slice(beforeCores)];
}

/** A target as people write it. */
export function bound({ isRising, unit }: Outcome, value: number): string {
  return `${isRising ? '≥' : '≤'} ${unit ? `${value} ${unit}` : value.toFixed(2)}`;
}

/** Says in a row that the load was what limited a server. */
export function fullBy(saturated: readonly ServerName[]): string {
  return saturated.length === 0 ? '' : `SATURATED by ${saturated.join(', ')}`;
}

function targetTable(results: Results): Table {
  const rows = outcomesOf(results).map((outcome) => {
    const { what, spread, atLeast, aim, verdict, saturated } = outcome;
    const rounds = String(spread?.rounds ?? 0);
    return [what, written(spread), rounds, bound(outcome, atLeast), bound(outcome, aim), verdict, fullBy(saturated)];
  });
  return { head: ['scenario', 'median (range)', 'rounds', 'at least', 'aim', '', 'load'], rows };
}

export function javaTable({ runs }: Results): Table {
  const names = [...new Set(javaTargets.map(({ one }) => one.scenario))];
  const cell = (scenario: string, server: ServerName, measure: Measure): string => {
    const target = javaTargets.find(
      (one) => one.one.scenario === scenario && one.other?.server === server && one.measure === measure,
    );
    const outcome = target && outcomeOf(target, runs);
    return outcome?.spread ? `${written(outcome.spread)}${outcome.verdict === 'MISSED' ? ' MISSED' : ''}` : '';
  };
  const rows = names
    .map((name) => [
      name,
      cell(name, 'java', 'cost'),
      cell(name, 'java', 'p50'),
      cell(name, 'java-small', 'cost'),
      cell(name, 'java-small', 'p50'),
    ])
    .filter((row) => row.slice(1).some((one) => one !== ''));
  return { head: ['scenario', 'CPU / java', 'p50 / java', 'CPU / java-small', 'p50 / java-small'], rows };
}

/** Figures by which we are compared with others in a scenario; the first one decides. */
export function measuresOf({ kind, cores }: Scenario): readonly Measure[] {
  if (kind === 'idle') return ['cost', 'arrival'];
  return cores > 1 ? ['rate', 'p50'] : ['cost', 'p50', 'p99'];
}

export function ratioTable(measured: readonly Scenario[], runs: readonly Run[]): Table {
  const rows = measured.flatMap((scenario) => {
    const { name, kind } = scenario;
    return scenario.servers.flatMap((server) => {
      const spreads = new Map(
        measuresOf(scenario).map((measure) => [measure, ratioOf(runs, at(name, 'ours'), at(name, server), measure)]),
      );
      const rounds = [...spreads.values()].find((spread) => spread !== undefined)?.rounds;
      if (server === 'ours' || rounds === undefined) return [];
      const of = (measure: Measure): string => written(spreads.get(measure));
      const memory = kind === 'idle' ? of('cost') : '';
      const cpu = kind === 'idle' ? of('arrival') : of('cost');
      const load = fullBy(saturatedIn(runs, [at(name, 'ours'), at(name, server)]));
      return [[name, server, cpu, of('p50'), of('p99'), of('rate'), memory, String(rounds), load]];
    });
  });
  const columns = ['scenario', 'ours /', 'CPU', 'p50', 'p99', 'messages/s', 'RSS', 'rounds', 'load'];
  // Columns without a figure only make the page wide.
  const used = columns.map((_, index) => index < 2 || rows.some((row) => row[index] !== ''));
  const kept = (cells: readonly string[]): string[] => cells.filter((_, index) => used[index]);
  return { head: kept(columns), rows: rows.map(kept) };
}

const at = (scenario: string, server: ServerName): Place => ({ scenario, server });

/** A scenario of ours, and the one it differs from in one thing. */
export const circumstances: readonly (readonly [string, string])[] = [
  ...['ack', 'tls', 'binary', '8k'].map((suffix) => [`fan-out-${suffix}`, 'fan-out'] as const),
  ['fan-out-32k', 'fan-out'],
  ['fan-out-slow', 'fan-out-32k'],
  ['fan-out-10-ack', 'fan-out-10'],
  ['long-polling-ack', 'long-polling'],
  ['long-polling-tls', 'long-polling'],
  ['long-polling-h2', 'long-polling-tls'],
  ...[100, 5_000, 15_000].map((count) => [`subscribers-${count}`, 'subscribers-1000'] as const),
  ...[1_000, 100_000].map((count) => [`channels-${count}`, 'channels-1'] as const),
  ...[2, 3, 4, 5].map((depth) => [`depth-${depth}`, 'depth-1'] as const),
];

export function circumstanceTable(runs: readonly Run[]): Table {
  const rows = circumstances.flatMap(([one, other]) => {
    const spread = ratioOf(runs, at(one, 'ours'), at(other, 'ours'), 'cost');
    const p50 = ratioOf(runs, at(one, 'ours'), at(other, 'ours'), 'p50');
    return spread ? [[one, other, written(spread), written(p50), String(spread.rounds)]] : [];
  });
  return { head: ['ours in', 'divided by', 'CPU', 'p50', 'rounds'], rows };
}

/** A row for each server, with its medians. */
export function absolute(scenario: Scenario, runs: readonly Run[]): Table {
  const isIdle = scenario.kind === 'idle';
  const isHeld = runs.some(({ grown }) => grown !== undefined);
  const head = isIdle
    ? ['server', 'kB RSS / session', 'range', 'kB heap / session', 'µs CPU / new session', 'sessions/s', 'load']
    : ['server', `µs CPU / ${scenario.unit}`, 'range', '/s', 'p50 ms', 'p90', 'p99', 'max', 'server', 'load', 'others'];
  if (isHeld) head.push('MB grown');
  const rows = scenario.servers.flatMap((server) => {
    const mine = undisturbed(runs.filter((run) => run.server === server));
    if (mine.length === 0) return [];
    const of = (pick: (run: Run) => number): number => medianOf(mine.map(pick));
    const percent = (pick: (run: Run) => number): string => `${Math.round(of(pick) * 100)} %`;
    const ms = (pick: 'p50' | 'p90' | 'p99' | 'max'): string =>
      of((run) => (run.latency?.[pick] ?? 0) / 1_000).toFixed(1);
    const cost = [of((run) => run.cost).toFixed(2), rangeOf(mine.map((run) => run.cost))];
    const rate = Math.round(of((run) => run.rate)).toLocaleString('en');
    const load = `${percent((run) => run.loadBusy)}${mine.some((run) => run.saturated) ? ' SATURATED' : ''}`;
    if (isIdle) {
      const arrival = of((run) => run.arrival ?? 0).toFixed(0);
      return [[server, ...cost, of((run) => run.heap ?? 0).toFixed(2), arrival, rate, load]];
    }
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
        load,
        percent((run) => run.foreign ?? 0),
        ...(isHeld ? [of((run) => run.grown ?? 0).toFixed(0)] : []),
      ],
    ];
  });
  return { head, rows };
}

function whoIsWho(runs: readonly Run[]): string[] {
  const names = Object.keys(servers) as ServerName[];
  return names
    .filter((name) => runs.some(({ server }) => server === name))
    .map((name) => `- \`${name}\`: ${servers[name]}.`);
}

/** What a reader must know before a figure is believed. */
export function notesOf({ runs, failures, absent }: Results): string[] {
  const notes = Object.entries(absent).map(([server, why]) => `- ${server} did not take part: ${why}.`);
  for (const { scenario, server, round, reason } of failures) {
    notes.push(`- ${scenario}, ${server}, round ${round}: FAILED, ${reason}`);
  }
  for (const { scenario, server, round, clean, foreign, saturated } of runs) {
    const which = `- ${scenario}, ${server}, round ${round}`;
    if (!clean) notes.push(`${which}: others took ${Math.round((foreign ?? 0) * 100)} % of the server's CPU.`);
    if (saturated) notes.push(`${which}: the load was saturated, so throughput and latency are the load's.`);
  }
  if (runs.some(({ scenario }) => scenario.startsWith('cores')))
    notes.push('- cores: the load shares the cores with the servers, and takes what it needs from them.');
  return notes;
}

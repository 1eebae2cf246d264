/** Turns runs of clusters into what people read: ratios of the same round first, then absolute figures. */
import { headOf, type Surroundings } from '../surroundings.ts';
import { medianOf, rangeOf, table } from '../table.ts';
import { type ChangeRun, LOAD_CPU, type MeetingRun, NODES_CPU, type TrafficRun } from './run.ts';
import { type ClusterName, clusterNames, meetings, middleOf, SUBSCRIBERS, traffics } from './scenarios.ts';

export interface ClusterFailure {
  readonly cluster: ClusterName;
  readonly what: string;
  readonly round: number;
  readonly reason: string;
}

/** All that was measured. */
export interface Results {
  readonly traffic: TrafficRun[];
  readonly changes: ChangeRun[];
  readonly meetings: MeetingRun[];
  readonly failures: ClusterFailure[];
}

const pairs: readonly (readonly [ClusterName, ClusterName])[] = [
  ['ours', 'java'],
  ['ours-no-ack', 'java-no-ack'],
  ['ours', 'ours-no-ack'],
  ['nats', 'ours'],
  ['nats', 'ours-no-ack'],
  ['nats', 'socket.io'],
];

const total = (costs: readonly number[]): number => costs.reduce((sum, cost) => sum + cost, 0);
/** Of the nodes that only receive, each. */
const others = (costs: readonly number[]): number => total(costs.slice(1)) / (costs.length - 1);

/** `pick` of one cluster divided by that of another, in every round both took part in. */
function ratiosOf<Run extends { readonly cluster: ClusterName; readonly round: number }>(
  runs: readonly Run[],
  [one, other]: readonly [ClusterName, ClusterName],
  pick: (run: Run) => number,
): string {
  const mine = new Map(runs.filter(({ cluster }) => cluster === one).map((run) => [run.round, pick(run)]));
  const ratios = runs.flatMap((run) => {
    const own = run.cluster === other ? mine.get(run.round) : undefined;
    return own === undefined ? [] : [own / pick(run)];
  });
  return ratios.length === 0 ? '' : `${medianOf(ratios).toFixed(2)} (${rangeOf(ratios)})`;
}

const pairNames = pairs.map((pair) => pair.join(' / '));

/** The whole page, in Markdown; it reads well in a terminal too. `without`: which nodes are not in it, and why. */
export function pageOf(results: Results, surroundings: Surroundings, without: readonly string[]): string {
  const places = surroundings.pinned
    ? `all nodes on CPU ${NODES_CPU}, load on CPU ${LOAD_CPU}`
    : 'nothing pinned (no taskset)';
  const disturbed = [...results.traffic, ...results.changes, ...results.meetings].filter(({ clean }) => !clean).length;
  const all = results.traffic.length + results.changes.length + results.meetings.length;
  const lines = [
    ...headOf('Benchmark of clusters', surroundings, places),
    ...without.flatMap((one) => ['', `Not in this run are ${one}.`]),
    ...(disturbed === 0
      ? []
      : ['', `DISTURBED: in ${disturbed} of ${all} runs others took more than 6 % of the nodes' CPU.`]),
    '',
    '## Ratios: CPU of all nodes, and of what stands between them, per message, one cluster divided by another in the same round',
    '',
    ...table(
      ['traffic', 'nodes', ...pairNames],
      groupsOf(results.traffic).map(({ title, nodes, runs }) => [
        title,
        String(nodes),
        ...pairs.map((pair) => ratiosOf(runs, pair, ({ costs, middle }) => total(costs) + middle)),
      ]),
    ),
    '',
    '## What a message costs',
    '',
    `CPU in µs, medians. Each node has ${SUBSCRIBERS} subscribers; one client of the first node publishes.`,
    '`crossing` is what one message costs both nodes beyond what it costs one node alone to deliver it to its own.',
    '',
    ...trafficTable(results.traffic),
  ];
  if (results.changes.length > 0) {
    lines.push('', '## A user who comes or goes', '', ...changeTable(results.changes));
  }
  if (results.meetings.length > 0) {
    lines.push('', '## Two nodes that have just started meet', '', ...meetingTables(results.meetings));
  }
  if (results.failures.length > 0) {
    lines.push('', '## Failed', '');
    for (const { cluster, what, round, reason } of results.failures)
      lines.push(`- ${what}, ${cluster}, round ${round}: ${reason.split('\n', 1)[0]}`);
  }
  return `${lines.join('\n')}\n`;
}

interface Group {
  readonly title: string;
  readonly nodes: number;
  readonly runs: readonly TrafficRun[];
}

function groupsOf(all: readonly TrafficRun[]): Group[] {
  const counts = [...new Set(all.map(({ nodes }) => nodes))].sort((a, b) => a - b);
  return traffics
    .flatMap(({ name, title }) =>
      counts.map((nodes) => ({
        title,
        nodes,
        runs: all.filter((run) => run.traffic === name && run.nodes === nodes),
      })),
    )
    .filter(({ runs }) => runs.length > 0);
}

function trafficTable(all: readonly TrafficRun[]): string[] {
  const head = [
    'traffic',
    'nodes',
    'cluster',
    'first node',
    'each other',
    'between',
    'delivered',
    'against one node',
    'crossing',
    'messages/s',
    'here p50 ms',
    'p99',
    'there p50',
    'p99',
    'load',
  ];
  const rows = groupsOf(all).flatMap(({ title, nodes, runs }) =>
    clusterNames.flatMap((cluster) => {
      const mine = runs.filter((run) => run.cluster === cluster);
      if (mine.length === 0) return [];
      const of = (pick: (run: TrafficRun) => number): number => medianOf(mine.map(pick));
      // What the same cluster cost, in the same round, when it was one node.
      const alone = (run: TrafficRun): number =>
        total(
          all.find(
            (one) =>
              one.cluster === cluster && one.traffic === run.traffic && one.round === run.round && one.nodes === 1,
          )?.costs ?? [Number.NaN],
        );
      const ms = (micros: number): string => (micros / 1_000).toFixed(2);
      const there = (pick: 'p50' | 'p99'): string =>
        nodes === 1 ? '' : ms(of((run) => Math.max(...run.delays.slice(1).map((delay) => delay[pick]))));
      return [
        [
          title,
          String(nodes),
          cluster,
          of(({ costs }) => costs[0]!).toFixed(1),
          nodes === 1 ? '' : of(({ costs }) => others(costs)).toFixed(1),
          middleOf(cluster) === null ? '' : of(({ middle }) => middle).toFixed(1),
          of(({ costs, middle }) => (total(costs) + middle) / (nodes * SUBSCRIBERS)).toFixed(2),
          of((run) => total(run.costs) / nodes / alone(run)).toFixed(2),
          nodes === 1 ? '' : of((run) => (total(run.costs) - nodes * alone(run)) / (nodes - 1)).toFixed(1),
          Math.round(of(({ rate }) => rate)).toLocaleString('en'),
          ms(of(({ delays }) => delays[0]!.p50)),
          ms(of(({ delays }) => delays[0]!.p99)),
          there('p50'),
          there('p99'),
          `${Math.round(of(({ loadBusy }) => loadBusy) * 100)} %`,
        ],
      ];
    }),
  );
  return table(head, rows);
}

function changeTable(all: readonly ChangeRun[]): string[] {
  const counts = [...new Set(all.map(({ nodes }) => nodes))].sort((a, b) => a - b);
  const rows = counts.flatMap((nodes) => {
    const runs = all.filter((run) => run.nodes === nodes);
    return clusterNames.flatMap((cluster) => {
      const mine = runs.filter((run) => run.cluster === cluster);
      if (mine.length === 0) return [];
      const pair = pairs.find(([one, other]) => one === cluster && other.startsWith('java'));
      return [
        [
          String(nodes),
          cluster,
          medianOf(mine.map(({ costs }) => costs[0]!)).toFixed(1),
          medianOf(mine.map(({ costs }) => others(costs))).toFixed(1),
          pair ? ratiosOf(runs, pair, ({ costs }) => total(costs)) : '',
        ],
      ];
    });
  });
  return table(['nodes', 'cluster', 'µs CPU there', 'each other', 'ours / java'], rows);
}

function meetingTables(all: readonly MeetingRun[]): string[] {
  const pair = pairs[0]!;
  const rows = meetings.flatMap(({ name, what, count }) => {
    const runs = all.filter((run) => run.meeting === name);
    return clusterNames.flatMap((cluster) => {
      const mine = runs.filter((run) => run.cluster === cluster);
      if (mine.length === 0) return [];
      const of = (pick: (run: MeetingRun) => number): string =>
        Math.round(medianOf(mine.map(pick))).toLocaleString('en');
      const ratio = (pick: (run: MeetingRun) => number): string =>
        cluster === pair[0] ? ratiosOf(runs, pair, pick) : '';
      return [
        [
          `${count.toLocaleString('en')} ${what} each`,
          cluster,
          of(({ time }) => time),
          of(({ cpu }) => cpu),
          of(({ bytes }) => bytes / 1_000),
          ratio(({ time }) => time),
          ratio(({ cpu }) => cpu),
          ratio(({ bytes }) => bytes),
        ],
      ];
    });
  });
  return table(
    ['each has', 'cluster', 'ms until equal', 'ms CPU of both', 'kB written', 'time, ours / java', 'CPU', 'kB'],
    rows,
  );
}

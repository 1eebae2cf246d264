/** Which plots a comparison has. One that has nothing to show is left out. */
import { percentiles } from '../load/driver.ts';
import { type Curve, lines } from '../plots/lines.ts';
import { colours } from '../plots/paper.ts';
import { type Group, type Row, rows } from '../plots/rows.ts';
import { type Scenario, type ServerName, scenarios } from '../scenarios.ts';
import { medianOf } from '../table.ts';
import { figuresOf, type Measure, type Spread, spreadOf, undisturbed } from './ratios.ts';
import type { Results } from './results.ts';
import type { Run } from './run.ts';
import { javaTargets, outcomeOf, targets } from './targets.ts';

export interface Plot {
  /** Part of the name of its file. */
  readonly name: string;
  readonly svg: string;
}

export function plotsOf({ runs }: Results): Plot[] {
  const plots: readonly (readonly [string, string | undefined])[] = [
    ['targets', targetsPlot(runs)],
    ['java', javaPlot(runs)],
    ['cpu', cpuPlot(runs)],
    ['variants', variantsPlot(runs)],
    [
      'subscribers',
      growthPlot(runs, 'subscribers', 'What a delivered message costs as subscribers grow', 'subscribers'),
    ],
    [
      'channels',
      growthPlot(runs, 'channels', 'What a delivered message costs as channels grow', 'channels that exist'),
    ],
    [
      'depth',
      growthPlot(
        runs,
        'depth',
        'What a delivered message costs as wildcards get deeper',
        'patterns, each a level deeper, that match',
      ),
    ],
    ['latency', latencyPlot(runs)],
    ['memory', idlePlot(runs, 'cost')],
    ['arrivals', idlePlot(runs, 'arrival')],
    ['cores', coresPlot(runs)],
  ];
  return plots.flatMap(([name, svg]) => (svg === undefined ? [] : [{ name, svg }]));
}

function rowOf(name: string, server: ServerName, spread: Spread | undefined, more: Partial<Row> = {}): Row[] {
  if (!spread) return [];
  const { median, least, most } = spread;
  return [{ name, colour: colours[server], value: median, least, most, ...more }];
}

const filled = (groups: readonly Group[]): Group[] => groups.filter((group) => group.rows.length > 0);

function targetsPlot(runs: readonly Run[]): string | undefined {
  const groups = filled(
    targets
      .filter(({ other, isRising }) => other?.server !== 'ours' && other !== undefined && !isRising)
      .map((target) => {
        const { spread, other, atLeast, aim } = outcomeOf(target, runs);
        const server = other?.server ?? 'ours';
        return {
          name: target.one.scenario,
          rows: rowOf(`ours / ${server}`, server, spread, { bounds: [atLeast, aim] }),
        };
      }),
  );
  if (groups.length === 0) return undefined;
  return rows({
    title: 'What we cost, divided by what others cost',
    note: 'CPU of the server per message, in the same round; left of the dashed line we are cheaper. Marks: the aim, and at least.',
    x: { label: 'ratio', isLogarithmic: true },
    groups: merged(groups),
    rule: 1,
  });
}

/** Rows with the same heading stand together. */
function merged(groups: readonly Group[]): Group[] {
  const names = [...new Set(groups.map(({ name }) => name))];
  return names.map((name) => ({
    name,
    rows: groups.filter((group) => group.name === name).flatMap((one) => one.rows),
  }));
}

function javaPlot(runs: readonly Run[]): string | undefined {
  const groups = filled(
    javaTargets.map((target) => {
      const { spread, other, measure, atLeast, aim } = outcomeOf(target, runs);
      const server = other!.server;
      const name = `${measure === 'cost' ? 'CPU' : 'p50'} / ${server}`;
      return { name: target.one.scenario, rows: rowOf(name, server, spread, { bounds: [atLeast, aim] }) };
    }),
  );
  if (groups.length === 0) return undefined;
  return rows({
    title: 'Next to CometD for Java, on the same core',
    note: 'Ours divided by theirs in the same round; left of the dashed line we are ahead. Marks: the aim, and at least.',
    x: { label: 'ratio', isLogarithmic: true },
    groups: merged(groups),
    rule: 1,
  });
}

function costGroups(runs: readonly Run[], chosen: readonly Scenario[]): Group[] {
  return filled(
    chosen.map(({ name: scenario, servers }) => ({
      name: scenario,
      rows: servers.flatMap((server) => rowOf(server, server, spreadOf(figuresOf(runs, { scenario, server }, 'cost')))),
    })),
  );
}

function cpuPlot(runs: readonly Run[]): string | undefined {
  const groups = costGroups(
    runs,
    scenarios.filter(({ group, name }) => ['ws', 'polling'].includes(group) || name === 'latency'),
  );
  if (groups.length === 0) return undefined;
  return rows({
    title: 'CPU of the server for a message',
    note: 'Median of the rounds, and their range. Absolute figures drift with the machine: compare within a scenario.',
    x: { label: 'µs', isLogarithmic: true },
    groups,
  });
}

function variantsPlot(runs: readonly Run[]): string | undefined {
  const groups = costGroups(
    runs,
    scenarios.filter(({ group }) => group === 'variants'),
  );
  if (groups.length === 0) return undefined;
  return rows({
    title: 'CPU of the server for a message in other circumstances',
    note: 'Acknowledged, over TLS or HTTP/2, bytes, 8 KiB and 32 KiB, and with 5 % of the subscribers not reading.',
    x: { label: 'µs', isLogarithmic: true },
    groups,
  });
}

/** `prefix` is what the scenarios begin with; the number is what grows. */
function growthPlot(runs: readonly Run[], prefix: string, title: string, label: string): string | undefined {
  const steps = scenarios
    .filter(({ name }) => name.startsWith(`${prefix}-`) && runs.some(({ scenario }) => scenario === name))
    .map((scenario) => ({ scenario, x: Number(scenario.name.slice(prefix.length + 1)) }));
  const names = [...new Set(steps.flatMap(({ scenario }) => scenario.servers))];
  const curves = names
    .map((server): Curve => {
      const points = steps.flatMap(({ scenario, x }) => {
        const spread = spreadOf(figuresOf(runs, { scenario: scenario.name, server }, 'cost'));
        return spread ? [{ x, y: spread.median, least: spread.least, most: spread.most }] : [];
      });
      return { name: server, colour: colours[server], points };
    })
    .filter(({ points }) => points.length > 0);
  if (steps.length < 2 || curves.length === 0) return undefined;
  const isFew = prefix === 'depth';
  const marks = steps.map(({ x }) => [x, x.toLocaleString('en')] as const);
  return lines({
    title,
    note: 'CPU of the server per delivered message; median of the rounds, and their range.',
    x: { label, isLogarithmic: !isFew, marks },
    y: { label: 'µs' },
    curves,
  });
}

function latencyPlot(runs: readonly Run[]): string | undefined {
  const here = runs.filter(({ scenario }) => scenario === 'latency');
  const marks = percentiles.map((percentile) => [1 / (1 - percentile / 100), `${percentile} %`] as const);
  const curves = [...new Set(here.map(({ server }) => server))].map((server): Curve => {
    const mine = undisturbed(here.filter((run) => run.server === server));
    const points = percentiles.map((_, index) => {
      const ages = mine.map(({ latency }) => (latency?.at[index] ?? 0) / 1_000);
      return { x: marks[index]![0], y: medianOf(ages), least: Math.min(...ages), most: Math.max(...ages) };
    });
    return { name: server, colour: colours[server], points };
  });
  if (curves.length === 0) return undefined;
  return lines({
    title: 'How long a message takes at a fixed load',
    note: '40 publishes a second, each to 1,000 subscribers over WebSocket: median of the rounds, and their range.',
    x: { label: 'share of the messages that took at most so long', isLogarithmic: true, marks },
    y: { label: 'ms', isLogarithmic: true },
    curves,
  });
}

function idlePlot(runs: readonly Run[], measure: Measure): string | undefined {
  const groups = filled(
    scenarios
      .filter(({ kind }) => kind === 'idle')
      .map(({ name: scenario, transport, servers }) => ({
        name: transport === 'websocket' ? 'WebSocket' : 'Long-polling',
        rows: servers.flatMap((server) =>
          rowOf(server, server, spreadOf(figuresOf(runs, { scenario, server }, measure)), {
            digits: measure === 'cost' ? 1 : 0,
          }),
        ),
      })),
  );
  if (groups.length === 0) return undefined;
  const isMemory = measure === 'cost';
  return rows({
    title: isMemory ? 'What an idle session weighs' : 'What a new session costs',
    note: isMemory
      ? 'Resident memory of the server per session with one subscription, without the sockets of the kernel.'
      : 'CPU of the server for a connection, a handshake, a first connect and a subscription.',
    x: { label: isMemory ? 'kB' : 'µs' },
    groups,
    isBars: true,
  });
}

function coresPlot(runs: readonly Run[]): string | undefined {
  const groups = filled(
    scenarios
      .filter(({ cores }) => cores > 1)
      .map(({ name: scenario, inFlight, servers }) => ({
        name: inFlight === 1 ? 'one in flight' : 'ten in flight',
        rows: servers.flatMap((server) =>
          rowOf(
            server === 'ours' ? 'ours, 2 workers' : server,
            server,
            spreadOf(figuresOf(runs, { scenario, server }, 'rate')),
            { digits: 0 },
          ),
        ),
      })),
  );
  if (groups.length === 0) return undefined;
  return rows({
    title: 'Messages a second when both cores may be used',
    note: 'WebSocket fan-out to 1,000 subscribers. The load shares the cores.',
    x: { label: 'delivered messages a second' },
    groups,
    isBars: true,
  });
}

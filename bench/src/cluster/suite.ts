/** `npm run bench -- cluster`: clusters of ours and of Java's shrink side by side, and take turns under load. */
import { parseArgs } from 'node:util';
import { pinSelf } from '../child.ts';
import { listOf, numberOf } from '../flags.ts';
import { keep } from '../keep.ts';
import { surroundingsOf } from '../surroundings.ts';
import { type Java, readyJava } from './java.ts';
import { type Program, readyNatsProgram, redisProgram } from './middle.ts';
import { pageOf, type Results } from './report.ts';
import { Cluster, LOAD_CPU, meet, ourCommand, type Programs } from './run.ts';
import {
  type ClusterName,
  canCarry,
  clusterNames,
  hasState,
  isJava,
  MOST_NODES,
  meetings,
  middleOf,
  traffics,
} from './scenarios.ts';

const parts = ['traffic', 'meetings'] as const;

export const usage = `npm run bench -- cluster [flags]
  --rounds N      interleaved rounds, default 2
  --seconds S     seconds measured in a run, 0.1 to 15, default 0.6
  --only A,B      ${parts.join(', ')}
  --clusters A,B  clusters: ${clusterNames.join(', ')}
  --nodes N       nodes at most, 1 to ${MOST_NODES}
  --profile DIR   our nodes leave a CPU profile there each
  --no-save       print only`;

const packages: readonly string[] = [
  '@cometd-ts/oort',
  '@cometd-ts/client',
  '@cometd-ts/server',
  'ws',
  '@nats-io/transport-node',
  'socket.io',
  '@socket.io/redis-adapter',
  'redis',
];

/** Throws `RangeError`, or an error of `parseArgs`, for flags that make no sense. */
export async function benchCluster(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '2' },
      seconds: { type: 'string', default: '0.6' },
      nodes: { type: 'string', default: String(MOST_NODES) },
      only: { type: 'string' },
      clusters: { type: 'string' },
      profile: { type: 'string' },
      'no-save': { type: 'boolean', default: false },
    },
  });
  const rounds = numberOf('rounds', values.rounds, 1, 1_000);
  const seconds = numberOf('seconds', values.seconds, 0.1, 15);
  const most = numberOf('nodes', values.nodes, 1, MOST_NODES);
  const only = listOf(values.only, parts);
  const wanted = listOf(values.clusters, clusterNames);
  const java: Java = wanted.some(isJava) ? readyJava() : { command: [], obstacle: '', versions: {} };
  const middles = new Map<string, Program>();
  if (wanted.includes('nats')) middles.set('nats', await readyNatsProgram());
  if (wanted.includes('socket.io')) middles.set('redis', redisProgram());
  const obstacles = [
    ...(java.obstacle === '' ? [] : [`nodes of Java: ${java.obstacle}`]),
    ...[...middles.values()].flatMap((one) => ('obstacle' in one ? [`nodes on ${one.kind}: ${one.obstacle}`] : [])),
  ];
  for (const obstacle of obstacles) console.error(`skipped: ${obstacle}`);
  const programs: Programs = {
    node: (name) =>
      isJava(name) ? java.command : ourCommand(name === 'socket.io' ? 'socket-io-node.js' : 'node.js', options),
    middle: (name) => middles.get(middleOf(name) ?? '') ?? null,
  };
  const clusters = wanted.filter((name) => {
    const middle = programs.middle(name);
    return isJava(name) ? java.obstacle === '' : middle === null || !('obstacle' in middle);
  });
  const options = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];
  pinSelf(LOAD_CPU);
  const date = new Date();
  const taken = surroundingsOf(date, rounds, seconds, packages);
  const between = [...middles.values()].flatMap((one) =>
    'version' in one ? [[`${one.kind}-server`, one.version]] : [],
  );
  const surroundings = {
    ...taken,
    versions: { ...taken.versions, ...java.versions, ...Object.fromEntries(between) },
  };
  const results: Results = { traffic: [], changes: [], meetings: [], failures: [] };
  const attempt = attempts(results);

  if (only.includes('traffic')) {
    const running = clusters.map((name) => new Cluster(name, programs));
    try {
      // From the largest to the smallest: when one node is measured, it is as warm as it was among others.
      for (const cluster of running) {
        await attempt(cluster.name, 'starting', 0, async () => {
          for (let nodes = 1; nodes <= most; nodes++) await cluster.grow();
          await cluster.warmUp(traffics[1]!);
        });
      }
      for (let nodes = most; nodes >= 1; nodes--) {
        await measure(running, nodes, rounds, seconds, results, attempt);
        if (nodes === 1) break;
        for (const cluster of running) await attempt(cluster.name, 'shrinking', 0, () => cluster.shrink());
      }
    } finally {
      await Promise.all(running.map((cluster) => cluster.end()));
    }
  }
  if (only.includes('meetings')) {
    const meeting = clusters.filter((name) => hasState(name) && !name.endsWith('-no-ack'));
    // Processes of their own for each: fewer rounds will do.
    for (let round = 1; round <= Math.ceil(rounds / 3); round++) {
      for (const one of meetings) {
        for (const name of meeting) {
          await attempt(name, one.name, round, async () => {
            const run = await meet(name, one, round, programs);
            results.meetings.push(run);
            return `${run.time.toFixed(0)} ms, ${run.cpu.toFixed(0)} ms CPU, ${(run.bytes / 1e3).toFixed(0)} kB`;
          });
        }
      }
    }
  }
  const page = pageOf(results, surroundings, obstacles);
  if (!values['no-save']) keep(date, 'cluster', page, { surroundings, ...results });
  console.log(`\n${page}`);
}

type Attempt = (cluster: ClusterName, what: string, round: number, act: () => Promise<string | void>) => Promise<void>;

/** One run that fails is reported with the others, and does not cost the rest. */
function attempts({ failures }: Results): Attempt {
  return async (cluster, what, round, act) => {
    try {
      const line = await act();
      if (line) console.error(`${round}  ${what.padEnd(24)} ${cluster.padEnd(12)} ${line}`);
    } catch (error) {
      const failure = { cluster, what, round, reason: (error as Error).message };
      failures.push(failure);
      console.error(failure);
      process.exitCode = 1;
    }
  };
}

async function measure(
  running: readonly Cluster[],
  nodes: number,
  rounds: number,
  seconds: number,
  results: Results,
  attempt: Attempt,
): Promise<void> {
  const costsOf = (costs: readonly number[]): string => `${costs.map((cost) => cost.toFixed(1)).join(' + ')} µs`;
  for (let round = 1; round <= rounds; round++) {
    for (const traffic of traffics) {
      for (const cluster of running) {
        if (!canCarry(cluster.name, traffic)) continue;
        await attempt(cluster.name, `${nodes} nodes, ${traffic.name}`, round, async () => {
          const run = await cluster.run(traffic, round, seconds);
          results.traffic.push(run);
          return `${costsOf(run.costs)}${run.middle > 0 ? `, between ${run.middle.toFixed(1)}` : ''}, ${run.rate.toFixed(0)}/s${run.clean ? '' : ', DISTURBED'}`;
        });
      }
    }
    if (nodes === 1) continue;
    for (const cluster of running) {
      if (!hasState(cluster.name)) continue;
      await attempt(cluster.name, `${nodes} nodes, users`, round, async () => {
        const run = await cluster.change(round);
        results.changes.push(run);
        return costsOf(run.costs);
      });
    }
  }
}

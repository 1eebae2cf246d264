/** `npm run bench`: runs the scenarios of a suite in interleaved rounds, prints the tables and keeps them. */
import { parseArgs } from 'node:util';
import { pinSelf } from './child.ts';
import { benchClients, usage as clientsUsage } from './clients/suite.ts';
import { benchCluster, usage as clusterUsage } from './cluster/suite.ts';
import { listOf, numberOf } from './flags.ts';
import { keep } from './keep.ts';
import { pageOf } from './report.ts';
import { type Failure, LOAD_CPU, type Run, run } from './run.ts';
import { type Scenario, type ServerName, scenarios, serverNames } from './scenarios.ts';
import { surroundingsOf } from './surroundings.ts';

const usage = `npm run bench -- [flags]
  --rounds N      interleaved rounds, default 5
  --seconds S     seconds measured in a run after warming up, 0.1 to 15, default 3
  --only A,B      scenarios: ${scenarios.map((one) => one.name).join(', ')}
  --servers A,B   servers: ${serverNames.join(', ')}
  --no-save       print only

${clientsUsage}

${clusterUsage}`;

const packages: readonly string[] = ['@cometd-ts/server', 'ws', 'socket.io', 'faye', 'cometd-nodejs-server'];

/** Seconds until the hot path of every server is compiled. */
const WARM_UP = 2;

interface Choice {
  readonly rounds: number;
  readonly seconds: number;
  readonly chosen: readonly Scenario[];
  readonly servers: readonly ServerName[];
  readonly save: boolean;
}

try {
  const [suite, ...flags] = process.argv.slice(2);
  if (suite === 'clients') await benchClients(flags);
  else if (suite === 'cluster') await benchCluster(flags);
  else await bench(choose(process.argv.slice(2)));
} catch (error) {
  const misuse = error instanceof RangeError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
  console.error(misuse ? `${(error as Error).message}\n\n${usage}` : error);
  process.exitCode = 1;
}

function choose(args: readonly string[]): Choice {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      only: { type: 'string' },
      servers: { type: 'string' },
      'no-save': { type: 'boolean', default: false },
    },
  });
  const names = listOf(
    values.only,
    scenarios.map((one) => one.name),
  );
  return {
    rounds: numberOf('rounds', values.rounds, 1, 1_000),
    // Held connects must outlive the run, because the load does not look for replies among messages.
    seconds: numberOf('seconds', values.seconds, 0.1, 15),
    chosen: scenarios.filter((one) => names.includes(one.name)),
    servers: listOf(values.servers, serverNames),
    save: !values['no-save'],
  };
}

async function bench({ rounds, seconds, chosen, servers, save }: Choice): Promise<void> {
  pinSelf(LOAD_CPU);
  const date = new Date();
  const surroundings = surroundingsOf(date, rounds, seconds, packages);
  const plan = { seconds, warmUp: Math.max(WARM_UP, seconds / 2) };
  const runs: Run[] = [];
  const failures: Failure[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const scenario of chosen) {
      for (const server of scenario.servers) {
        if (!servers.includes(server)) continue;
        try {
          const result = await run(scenario, server, round, plan);
          runs.push(result);
          console.error(lineOf(result, rounds));
        } catch (error) {
          // One run that fails is reported with the others; it must not cost the hours of the rest.
          const failure = { scenario: scenario.name, server, round, reason: (error as Error).message };
          failures.push(failure);
          console.error(failure);
          process.exitCode = 1;
        }
      }
    }
  }
  const page = pageOf(runs, failures, surroundings);
  if (save) keep(date, '', page, { surroundings, runs, failures });
  console.log(`\n${page}`);
}

/** Progress, one line a run. */
function lineOf(result: Run, rounds: number): string {
  const { scenario, server, round, cost, rate, serverBusy, loadBusy, foreign, clean, saturated } = result;
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  const unit = scenario === 'memory' ? 'kB' : 'µs';
  return [
    `${round}/${rounds} ${scenario.padEnd(12)} ${server.padEnd(20)} ${cost.toFixed(2).padStart(7)} ${unit}`,
    `${Math.round(rate).toLocaleString('en').padStart(9)}/s`,
    `server ${percent(serverBusy)}, load ${percent(loadBusy)}, others ${percent(foreign ?? 0)}`,
    clean ? '' : 'NOT CLEAN',
    saturated ? 'LOAD SATURATED' : '',
  ]
    .filter((part) => part !== '')
    .join('  ');
}

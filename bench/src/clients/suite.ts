/** `npm run bench -- clients`: all clients in interleaved rounds, one at a time. */
import { parseArgs } from 'node:util';
import { pinSelf } from '../child.ts';
import { listOf, numberOf } from '../flags.ts';
import { keep } from '../keep.ts';
import { surroundingsOf } from '../surroundings.ts';
import { pageOf } from './report.ts';
import { type ClientFailure, type ClientRun, run, SERVER_CPU } from './run.ts';
import { clientNames, clientScenarios, clientsOf } from './scenarios.ts';

export const usage = `npm run bench -- clients [flags]
  --rounds N      interleaved rounds, default 5
  --seconds S     seconds measured in a run after warming up, 0.1 to 15, default 1.5
  --only A,B      scenarios: ${clientScenarios.map((one) => one.name).join(', ')}
  --clients A,B   clients: ${clientNames.join(', ')}
  --retries N     how often a disturbed run is repeated, default 2
  --no-save       print only`;

const packages: readonly string[] = [
  '@cometd-ts/client',
  '@cometd-ts/server',
  'ws',
  'cometd',
  'cometd-nodejs-client',
  'faye',
  'socket.io',
  'socket.io-client',
];

/** Throws `RangeError`, or an error of `parseArgs`, for flags that make no sense. */
export async function benchClients(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '1.5' },
      retries: { type: 'string', default: '2' },
      only: { type: 'string' },
      clients: { type: 'string' },
      'no-save': { type: 'boolean', default: false },
    },
  });
  const rounds = numberOf('rounds', values.rounds, 1, 1_000);
  const seconds = numberOf('seconds', values.seconds, 0.1, 15);
  const retries = numberOf('retries', values.retries, 0, 10);
  const names = listOf(
    values.only,
    clientScenarios.map((one) => one.name),
  );
  const clients = listOf(values.clients, clientNames);
  pinSelf(SERVER_CPU);
  const date = new Date();
  const surroundings = surroundingsOf(date, rounds, seconds, packages);
  const runs: ClientRun[] = [];
  const failures: ClientFailure[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const scenario of clientScenarios.filter(({ name }) => names.includes(name))) {
      for (const client of clientsOf(scenario)) {
        if (!clients.includes(client)) continue;
        try {
          const result = await run(scenario, client, round, { seconds, retries });
          runs.push(result);
          console.error(lineOf(result, rounds));
        } catch (error) {
          // One run that fails is reported with the others; it must not cost the hours of the rest.
          const failure = { scenario: scenario.name, client, round, reason: (error as Error).message };
          failures.push(failure);
          console.error(failure);
          process.exitCode = 1;
        }
      }
    }
  }
  const page = pageOf(runs, failures, surroundings);
  if (!values['no-save']) keep(date, 'clients', page, { surroundings, runs, failures });
  console.log(`\n${page}`);
}

/** Progress, one line a run. */
function lineOf(result: ClientRun, rounds: number): string {
  const { scenario, client, round, cost, rate, clientBusy, serverBusy, foreign, clean } = result;
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  return [
    `${round}/${rounds} ${scenario.padEnd(21)} ${client.padEnd(16)} ${cost.toFixed(2).padStart(7)} µs`,
    `${Math.round(rate).toLocaleString('en').padStart(9)}/s`,
    `client ${percent(clientBusy)}, server ${percent(serverBusy)}, others ${percent(foreign ?? 0)}`,
    ...(clean ? [] : ['NOT CLEAN']),
  ].join('  ');
}

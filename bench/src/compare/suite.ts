/** `npm run bench -- compare`: all servers in interleaved rounds, scenario by scenario, kept as they are measured. */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { pinSelf } from '../child.ts';
import { listOf, numberOf } from '../flags.ts';
import { type Group, groupNames, type Scenario, type ServerName, scenarios, serverNames } from '../scenarios.ts';
import { prepare } from '../servers/all.ts';
import { surroundingsOf } from '../surroundings.ts';
import { htmlOf } from './page.ts';
import { plotsOf } from './plots.ts';
import { pageOf } from './report.ts';
import { keepResults, merge, newFile, type Part, type Results, readResults, replaced } from './results.ts';
import { type Failure, LOAD_CPU, type Plan, type Run, run } from './run.ts';

export const usage = `npm run bench -- compare [flags]; 'compare' may be left out
  --rounds N      interleaved rounds, default 3
  --seconds S     seconds measured in a run after warming up, 0.1 to 15, default 1.2
  --group A,B     parts: ${groupNames.join(', ')}
  --only A,B      scenarios; --list names them
  --servers A,B   servers: ${serverNames.join(', ')}
  --all           the scenarios, too, that are left out when nothing is chosen
  --list          lists what would be measured, and how long that takes
  --clients N     other numbers of clients than the scenarios have
  --settle S      seconds that a server may take to come to rest after warming up, default 8: Java compiles
  --retries N     how often a run that others disturbed is repeated, default 1
  --profile DIR   servers in Node.js leave a CPU profile of each run there; figures are higher then, and not kept
  --into FILE     adds to an earlier run, a .json file of bench/results
  --no-save       print only`;

const packages: readonly string[] = ['@cometd-ts/server', 'ws', 'socket.io', 'faye', 'cometd-nodejs-server'];

/** Seconds until the hot path of every server for Node.js is compiled. */
const WARM_UP = 1.2;
/** Of so many rounds one has those who are measured rarely. */
const RARE = 3;

interface Choice {
  readonly rounds: number;
  readonly plan: Plan;
  readonly chosen: readonly Scenario[];
  readonly servers: readonly ServerName[];
  /** Instead of those of the scenarios. */
  readonly clients: number | undefined;
  /** Where the results go; `undefined` when they are not kept. */
  readonly file: string | undefined;
  /** What they are added to. */
  readonly old: Results | undefined;
  readonly isList: boolean;
}

/** Throws `RangeError`, or an error of `parseArgs`, for flags that make no sense. */
export async function benchServers(args: readonly string[]): Promise<void> {
  const date = new Date();
  const choice = choose(args, date);
  if (choice.isList) {
    console.log(listing(choice));
    return;
  }
  const present = await presentOf(choice);
  console.error(aboutOf(choice, present.servers));
  pinSelf(LOAD_CPU);
  const taken = surroundingsOf(date, choice.rounds, choice.plan.seconds, packages);
  const surroundings = { ...taken, versions: { ...taken.versions, ...present.versions } };
  const names = choice.chosen.map(({ name }) => name);
  const gone = choice.old ? replaced(choice.old, surroundings, names) : [];
  if (gone.length > 0)
    console.error(`What ${choice.file} has of ${gone.join(', ')} is of other code, and goes after the first round`);
  const runs: Run[] = [];
  const failures: Failure[] = [];
  const resultsAfter = (rounds: number): Results => {
    const { clients } = choice;
    const parts: Part[] = [{ surroundings, rounds: [1, rounds], ...(clients !== undefined && { clients }) }];
    const added = { parts, runs, failures, absent: present.absent };
    return choice.old ? merge(choice.old, added) : added;
  };
  for (let round = 1; round <= choice.rounds; round++) {
    for (const scenario of choice.chosen) {
      const isDue = (name: ServerName): boolean => (round - 1) % RARE === 0 || !scenario.rarely.includes(name);
      for (const server of scenario.servers.filter((name) => present.servers.includes(name) && isDue(name))) {
        try {
          const result = await run(scenario, server, round, choice.plan);
          runs.push(result);
          console.error(lineOf(result, choice.rounds));
        } catch (error) {
          // One run that fails is reported with the others; it must not cost the hours of the rest.
          console.error(`${scenario.name}, ${server}:`, error);
          failures.push({ scenario: scenario.name, server, round, reason: reasonOf(error as Error) });
          process.exitCode = 1;
        }
      }
      // A run that is interrupted leaves what was measured until then.
      if (choice.file !== undefined) keep(choice.file, resultsAfter(round));
    }
  }
  console.log(`\n${pageOf(resultsAfter(choice.rounds))}`);
  if (choice.file !== undefined) console.log(`Kept as ${choice.file}, and as .md and .html beside it`);
}

function keep(file: string, results: Results): void {
  const plots = plotsOf(results);
  const drawn = Object.fromEntries(plots.map(({ name, svg }) => [`${name}.svg`, svg]));
  keepResults(file, results, { md: pageOf(results), html: htmlOf(results, plots), ...drawn });
}

function choose(args: readonly string[], date: Date): Choice {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '1.2' },
      settle: { type: 'string', default: '8' },
      retries: { type: 'string', default: '1' },
      group: { type: 'string' },
      only: { type: 'string' },
      servers: { type: 'string' },
      clients: { type: 'string' },
      profile: { type: 'string' },
      into: { type: 'string' },
      all: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      'no-save': { type: 'boolean', default: false },
    },
  });
  const servers = listOf(values.servers, serverNames);
  // Held connects must outlive the run, because the load does not look for replies among messages.
  const seconds = numberOf('seconds', values.seconds, 0.1, 15);
  const clients = values.clients === undefined ? undefined : numberOf('clients', values.clients, 1, 15_000);
  return {
    rounds: numberOf('rounds', values.rounds, 1, 1_000),
    plan: {
      seconds,
      warmUp: Math.min(WARM_UP, 2 * seconds),
      settle: numberOf('settle', values.settle, 0, 60),
      retries: numberOf('retries', values.retries, 0, 10),
      profile: values.profile === undefined ? undefined : folder(values.profile),
    },
    chosen: chosenOf(values.group, values.only, values.all)
      .filter((scenario) => scenario.servers.some((server) => servers.includes(server)))
      .map((scenario) => (clients === undefined ? scenario : { ...scenario, clients })),
    servers,
    clients,
    file: values['no-save'] || values.profile !== undefined ? undefined : (values.into ?? newFile(date)),
    old: values.into === undefined ? undefined : readResults(values.into),
    isList: values.list,
  };
}

function folder(name: string): string {
  mkdirSync(name, { recursive: true });
  return resolve(name);
}

/** What is asked for by name, or all of a group that is usual. */
function chosenOf(group: string | undefined, only: string | undefined, all: boolean): readonly Scenario[] {
  if (only !== undefined) {
    const names = listOf(
      only,
      scenarios.map(({ name }) => name),
    );
    return scenarios.filter(({ name }) => names.includes(name));
  }
  const chosen: readonly Group[] = listOf(group, groupNames);
  return scenarios.filter((scenario) => chosen.includes(scenario.group) && (all || !scenario.isExtra));
}

interface Present {
  readonly servers: readonly ServerName[];
  readonly versions: Readonly<Record<string, string>>;
  readonly absent: Readonly<Record<string, string>>;
}

/** Makes the servers ready, and finds out who cannot take part. */
async function presentOf({ chosen, servers }: Choice): Promise<Present> {
  const wanted = servers.filter((name) => chosen.some((scenario) => scenario.servers.includes(name)));
  const ready: ServerName[] = [];
  const absent: Record<string, string> = {};
  let versions: Record<string, string> = {};
  for (const name of wanted) {
    const prepared = await prepare(name);
    versions = { ...versions, ...prepared.versions };
    if (prepared.obstacle === '') ready.push(name);
    else {
      absent[name] = prepared.obstacle;
      console.error(`skipped: ${name}, because ${prepared.obstacle}`);
    }
  }
  return { servers: ready, versions, absent };
}

/** Seconds that one run takes, about: processes start, sessions come, code gets warm. */
function durationOf({ clients, channels, kind, before }: Scenario, server: ServerName, { plan }: Choice): number {
  const isJava = server.startsWith('java');
  const coming = (clients + (kind === 'idle' ? 1_000 : 0)) / 1_800 + channels / 20_000;
  const measuring = kind === 'idle' ? 0 : plan.warmUp + before / 50 + plan.seconds + (isJava ? plan.settle : 0);
  return (isJava ? 1.2 : 0.6) + coming + measuring;
}

function aboutOf(choice: Choice, servers: readonly ServerName[]): string {
  const { rounds, chosen } = choice;
  let [count, seconds] = [0, 0];
  for (const scenario of chosen) {
    for (const server of scenario.servers.filter((name) => servers.includes(name))) {
      const times = scenario.rarely.includes(server) ? Math.ceil(rounds / RARE) : rounds;
      count += times;
      seconds += times * durationOf(scenario, server, choice);
    }
  }
  return `${count} runs in ${rounds} ${rounds === 1 ? 'round' : 'rounds'}: about ${Math.ceil(seconds / 60)} min`;
}

function listing(choice: Choice): string {
  const lines = choice.chosen.map(({ name, group, servers: all }) => {
    const names = all.filter((server) => choice.servers.includes(server));
    return `${group.padEnd(10)}${name.padEnd(22)}${names.join(', ')}`;
  });
  return [...lines, aboutOf(choice, choice.servers)].join('\n');
}

/** What is kept of an error: without the stack, which a process sends with it, and which names places of this machine. */
function reasonOf({ message }: Error): string {
  const [line = ''] = message.split('\n', 1);
  return line.replace(/^Error: /, '');
}

/** Progress, one line a run. */
function lineOf(result: Run, rounds: number): string {
  const { scenario, server, round, cost, arrival, rate, serverBusy, loadBusy, foreign, clean, saturated } = result;
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  return [
    `${round}/${rounds} ${scenario.padEnd(18)} ${server.padEnd(20)} ${cost.toFixed(2).padStart(7)} ${arrival === undefined ? 'µs' : 'kB'}`,
    `${Math.round(rate).toLocaleString('en').padStart(9)}/s`,
    `server ${percent(serverBusy)}, load ${percent(loadBusy)}, others ${percent(foreign ?? 0)}`,
    clean ? '' : 'NOT CLEAN',
    saturated ? 'LOAD SATURATED' : '',
  ]
    .filter((part) => part !== '')
    .join('  ');
}

/** `cometd bench client`: users of a chat, who measure how long their messages take. */
import { availableParallelism } from 'node:os';
import { Complaint, reasonOf } from '../complaint.ts';
import { Bench, type Progress } from './bench.ts';
import { type Given, helpOf, numberOf, readFlags, textOf } from './flags.ts';
import { historyFile, recall, remember } from './history.ts';
import { writeReport } from './html.ts';
import { Interview } from './interview.ts';
import type { Load, Plan } from './plan.ts';
import { type Answer, type Answers, chosen, clientQuestions } from './questions.ts';
import { type RunResult, save } from './result.ts';
import { grouped, textOfRun } from './text.ts';

export const benchClientHelp: string = `cometd bench client: users of a chat, who measure how long their messages take

${helpOf(clientQuestions)}
      --processes <number>        processes the users live in (default by the cores of this machine)
      --runs <number>             runs in one sitting, when nothing is asked (default 1)
      --patience <ms>             nothing has arrived for so long: the rest is lost (default 10000)
      --insecure                  takes certificates that nobody vouches for
      --json <file>               keeps the results, for cometd bench compare
      --html <file>               writes a page of plots
      --ask                       asks for what no flag says, as it does on a terminal
      --yes                       asks nothing
      --history <file>            where the last answers are kept

Several client hosts want a --channel each. The exit code is 1 when messages did not arrive.`;

const extras = {
  processes: 'string',
  runs: 'string',
  patience: 'string',
  insecure: 'boolean',
  json: 'string',
  html: 'string',
  ask: 'boolean',
  yes: 'boolean',
  history: 'string',
} as const;

/** Runs once or several times; answers whether all messages arrived. */
export async function benchClient(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<boolean> {
  const given = readFlags(args, clientQuestions, extras);
  const asks = given.extras.ask === true || (process.stdin.isTTY && given.extras.yes !== true);
  const results = asks ? await interviewed(given, environment) : await told(given);
  const [json, html] = [textOf(given.extras.json), textOf(given.extras.html)];
  if (json !== undefined && results.length > 0) await save(json, results);
  if (html !== undefined && results.length > 0) await writeReport(html, results);
  return results.every(({ expected, incoming }) => incoming.messages >= expected);
}

/** By flags alone. */
async function told(given: Given): Promise<RunResult[]> {
  const runs = numberOf('runs', given.extras.runs, 1, 1);
  const bench = await open(given, given.answers);
  const results: RunResult[] = [];
  try {
    const load = loadOf(given.answers);
    if (load.clients < 1) throw new Complaint('clients must be at least 1');
    while (results.length < runs) results.push(await run(bench, load));
  } finally {
    await bench.close();
  }
  return results;
}

/** By questions, until there are no clients wanted any more. */
async function interviewed(
  given: Given,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<RunResult[]> {
  const file = textOf(given.extras.history) ?? historyFile(environment);
  const interview = new Interview(process.stdin, process.stdout);
  const results: RunResult[] = [];
  let bench: Bench | undefined;
  try {
    let last = await recall(file, 'client');
    const place = await interview.ask(
      clientQuestions.filter(({ again }) => !again),
      given.answers,
      last,
    );
    while (place) {
      const answers = await interview.ask(
        clientQuestions.filter(({ again }) => again),
        given.answers,
        last,
      );
      if (!answers || answers.clients === 0) break;
      last = { ...place, ...answers };
      await remember(file, 'client', last);
      bench ??= await open(given, place);
      results.push(await run(bench, loadOf(answers)));
      // With all answers given by flags nobody would ever say that it is enough.
      if (clientQuestions.every(({ again, flag }) => !again || flag in given.answers)) break;
    }
  } finally {
    interview.close();
    await bench?.close();
  }
  return results;
}

async function run(bench: Bench, load: Load): Promise<RunResult> {
  try {
    await bench.gather(load.clients);
    console.log(`Clients ready: ${load.clients}`);
    const result = await bench.run(load);
    console.log(textOfRun(result));
    return result;
  } catch (error) {
    throw new Complaint(`The clients cannot be had: ${reasonOf(error)}`);
  }
}

function open({ extras: { insecure, processes, patience } }: Given, answers: Answers): Promise<Bench> {
  return openBench(planOf(answers, insecure === true), {
    processes,
    patience: numberOf('patience', patience, 10_000, 1),
    isQuiet: false,
  });
}

/** Opens a bench with as many processes as a flag says, or as make sense on this machine. */
export function openBench(
  plan: Plan,
  {
    processes: wanted,
    patience,
    isQuiet,
  }: { processes: string | boolean | undefined; patience: number; isQuiet: boolean },
): Promise<Bench> {
  // With a server on this machine, half of the cores are its own.
  const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(new URL(plan.url).hostname);
  const cores = availableParallelism();
  const processes = Math.max(1, isHere ? Math.floor(cores / 2) : cores - 1);
  return Bench.open(plan, {
    processes: numberOf('processes', wanted, processes, 1),
    patience,
    progress: isQuiet ? silent : progressOf(process.stdout),
  });
}

function of<Value extends Answer>(answers: Answers, flag: string): Value {
  return chosen(clientQuestions, answers, flag);
}

/** Throws `Complaint` for what cannot be a place. */
export function planOf(answers: Answers, insecure: boolean): Plan {
  const scheme = of<boolean>(answers, 'tls') ? 'https' : 'http';
  const host = of<string>(answers, 'host');
  const url = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${of<number>(answers, 'port')}${of<string>(answers, 'path')}`;
  if (!URL.canParse(url)) throw new Complaint(`${url} is no URL: look at host, port and path`);
  const channel = of<string>(answers, 'channel').replace(/\/$/, '');
  if (!/^\/[^*"\\]+$/.test(channel) || channel.startsWith('/meta/')) {
    throw new Complaint(`'${channel}' is no channel for rooms`);
  }
  return {
    url,
    transport: of(answers, 'transport'),
    channel,
    rooms: of(answers, 'rooms'),
    roomsPerClient: of(answers, 'rooms-per-client'),
    ack: of(answers, 'ack'),
    insecure,
  };
}

function loadOf(answers: Answers): Load {
  return {
    clients: of(answers, 'clients'),
    batchCount: of(answers, 'batch-count'),
    batchSize: of(answers, 'batch-size'),
    batchPause: of(answers, 'batch-pause'),
    messageSize: of(answers, 'message-size'),
    randomize: of(answers, 'randomize'),
  };
}

const silent: Progress = { gathering: () => undefined, arriving: () => undefined };

/** Progress on one line of a terminal, or on a line each elsewhere. */
function progressOf(output: NodeJS.WriteStream): Progress {
  const tell = (line: string, isLast: boolean): void => {
    if (!output.isTTY) output.write(`${line}\n`);
    else output.write(`\r\u001b[K${line}${isLast ? '\n' : ''}`);
  };
  return {
    gathering: (entered, all) => tell(`Waiting for clients ${entered}/${all}`, entered >= all),
    arriving: (received, expected) => {
      const isAll = received >= expected;
      const words = isAll ? 'All messages arrived' : 'Waiting for messages to arrive';
      tell(`${words} ${grouped(received)}/${grouped(expected)}`, isAll);
    },
  };
}

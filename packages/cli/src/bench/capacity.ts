/** `cometd bench capacity`: how many users a server serves before their messages take too long. */
import { setTimeout as pause } from 'node:timers/promises';
import { Complaint, reasonOf } from '../complaint.ts';
import type { Bench } from './bench.ts';
import { capacityReport } from './capacity-report.ts';
import { openBench, planOf } from './client.ts';
import { Climb } from './climb.ts';
import { helpOf, numberOf, readFlags, textOf } from './flags.ts';
import { type OwnServer, startServer } from './own-server.ts';
import type { Load } from './plan.ts';
import { type Answer, capacityQuestions, chosen } from './questions.ts';
import { save } from './result.ts';
import { capacityOf, heads, type Step, textOfCapacity, textOfStep, verdictOn } from './verdict.ts';

export const benchCapacityHelp: string = `cometd bench capacity: how many users a server serves before their messages take too long

${helpOf(capacityQuestions)}
      --processes <number>        processes the users live in (default by the cores of this machine)
      --patience <ms>             nothing has arrived for so long: the rest is lost (default 10000)
      --insecure                  takes certificates that nobody vouches for
      --json <file>               keeps the results of all steps
      --html <file>               writes a page of plots

Without --host and --port it starts a server on this machine, and ends it. Users come until one message in a hundred takes longer
than --latency; then the number is found to a tenth. The exit code is 1 when not even the first users could be served.`;

const extras = {
  processes: 'string',
  patience: 'string',
  insecure: 'boolean',
  json: 'string',
  html: 'string',
} as const;

/** Before what did not go well is tried again, in ms. */
const REST = 1_000;

/** Answers whether anybody could be served. */
export async function benchCapacity(args: readonly string[]): Promise<boolean> {
  const given = readFlags(args, capacityQuestions, extras);
  const of = <Value extends Answer>(flag: string): Value => chosen(capacityQuestions, given.answers, flag);
  const isOwn = given.answers.host === undefined && given.answers.port === undefined;
  if (isOwn && given.answers.tls === true) throw new Complaint('tls wants the host of a server that has it');
  const server: OwnServer | null = isOwn ? await startServer(of('path')) : null;
  let bench: Bench | undefined;
  try {
    const place = { ...given.answers, ...(server && { host: server.host, port: server.port }) };
    const roomSize = of<number>('room-size');
    const plan = { ...planOf(place, given.extras.insecure === true), rooms: 1, roomsPerClient: 1, roomSize };
    bench = await openBench(plan, {
      processes: given.extras.processes,
      patience: numberOf('patience', given.extras.patience, 10_000, 1),
      isQuiet: !process.stdout.isTTY,
    });
    const [every, seconds, limit] = [of<number>('every'), of<number>('seconds'), of<number>('latency')];
    const loadOf = (clients: number): Load => ({
      clients,
      batchCount: Math.ceil((seconds * clients) / every),
      batchSize: 1,
      batchPause: (every * 1e6) / clients,
      messageSize: of('message-size'),
      randomize: true,
    });
    console.log(`${plan.url}: users say something every ${every} s, each to a room of ${roomSize}`);
    console.log(heads);
    const steps = await climb(bench, loadOf, { from: of('clients'), most: of('most'), limit });
    const capacity = capacityOf(steps, { limit, every, roomSize });
    console.log(`\n${textOfCapacity(capacity)}`);
    const results = capacity.steps.flatMap(({ result }) => result ?? []);
    const [json, html] = [textOf(given.extras.json), textOf(given.extras.html)];
    if (json !== undefined && results.length > 0) await save(json, results);
    if (html !== undefined && results.length > 0) await capacityReport(html, capacity);
    return capacity.best !== undefined;
  } finally {
    await bench?.close();
    await server?.end();
  }
}

interface Bounds {
  readonly from: number;
  readonly most: number;
  readonly limit: number;
}

async function climb(bench: Bench, loadOf: (users: number) => Load, { from, most, limit }: Bounds): Promise<Step[]> {
  const search = new Climb(from, most);
  const steps: Step[] = [];
  // Nobody is quick who has just got up: the first run is not counted.
  await attempt(bench, loadOf(Math.min(from, most)), limit);
  for (let users = search.next; users !== null; users = search.next) {
    let step = await attempt(bench, loadOf(users), limit);
    // It may have been somebody else's fault, or some were still on their way out: once is not believed.
    if (step.trouble !== undefined) {
      await pause(REST);
      step = await attempt(bench, loadOf(users), limit);
    }
    console.log(textOfStep(step));
    steps.push(step);
    search.tell(step.trouble === undefined);
  }
  return steps;
}

async function attempt(bench: Bench, load: Load, limit: number): Promise<Step> {
  const users = load.clients;
  try {
    await bench.gather(users);
    const result = await bench.run(load);
    return { users, result, ...verdictOn(result, limit) };
  } catch (error) {
    return { users, result: null, trouble: `not all could be had: ${reasonOf(error)}`, isOurs: false };
  }
}

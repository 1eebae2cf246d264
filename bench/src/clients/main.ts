/** The process of one client: connects it, lets it receive or publish, and counts. */
import { connect as dial, type Socket } from 'node:net';
import { answer } from '../child.ts';
import { connectOf, type Peer } from './peer.ts';
import { type ClientName, CREDIT, chatter, findScenario } from './scenarios.ts';
import type { Address } from './server.ts';

const [name, scenarioName] = process.argv.slice(2) as [ClientName, string];
const scenario = findScenario(scenarioName);

/** What the client did since the last `mark`. */
export interface Done {
  readonly messages: number;
  readonly seconds: number;
  /** In ns; for where /proc does not tell. */
  readonly cpu: number;
}

/** The run is over: a figure of a client that lost something means nothing. */
function lost(reason: unknown): never {
  console.error(`${name}, ${scenario.name}:`, reason);
  process.exit(1);
}

let messages = 0;
let markedAt = 0;
let markedCpu: NodeJS.CpuUsage;
let peer: Peer;

/** Over long-polling the next poll tells the server that it may go on; over WebSocket a byte on the line does. */
async function receive(line: Socket | undefined): Promise<void> {
  let expected = 0;
  await peer.subscribe(({ n }) => {
    if (n !== expected++) lost(`message ${n} came instead of ${expected - 1}`);
    messages++;
    if (line && expected % CREDIT === 0) line.write('.');
  });
}

function publish(): void {
  const next = chatter(scenario);
  const done = (): void => {
    messages++;
    peer.publish(next(), done);
  };
  for (let i = 0; i < scenario.together; i++) peer.publish(next(), done);
}

answer({
  setUp: async ({ port, line }: Address) => {
    const connect = await connectOf(name);
    peer = await connect(`http://127.0.0.1:${port}`, scenario.transport, lost);
    if (scenario.task !== 'receive') return;
    const polling = scenario.transport === 'long-polling';
    await receive(polling ? undefined : dial({ port: line, host: '127.0.0.1', noDelay: true }).on('error', lost));
  },
  start: () => {
    if (scenario.task === 'publish') publish();
  },
  mark: () => {
    messages = 0;
    markedAt = performance.now();
    markedCpu = process.cpuUsage();
  },
  take: (): Done => {
    const { user, system } = process.cpuUsage(markedCpu);
    return { messages, seconds: (performance.now() - markedAt) / 1_000, cpu: (user + system) * 1_000 };
  },
});

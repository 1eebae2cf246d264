/** `npm run demo:cluster`: an auction on three nodes, each a process, and a page that shows them, until Ctrl-C. By the mesh, or by NATS. */
import { parseArgs } from 'node:util';
import { Cloud } from './cluster/cloud.ts';
import { freePort } from './cluster/ports.ts';

const names = ['Halley', 'Encke', 'Tuttle'];
const signals = ['SIGINT', 'SIGTERM'] as const;
const usual = [8080, 8081, 8082, 8083];
const help = `npm run demo:cluster -- [--ports 8080,8081,8082,8083] [--nats nats://127.0.0.1:4222]

  --ports  of the page that shows the cloud, and of the three nodes; 0 for any free port
  --nats   the NATS server that carries the cluster; without it the nodes are a mesh`;

const { values } = parseArgs({
  options: { ports: { type: 'string' }, nats: { type: 'string' }, help: { type: 'boolean' } },
});
const ports = portsFrom(values.ports);
if (values.help || !ports) {
  console.log(help);
  process.exitCode = values.help ? 0 : 1;
} else await run(ports);

async function run([own = 0, ...others]: readonly number[]): Promise<void> {
  const chosen = await Promise.all(others.map((port) => port || freePort()));
  const cloud = new Cloud(Object.fromEntries(names.map((name, index) => [name, chosen[index] ?? 0])), {
    nats: values.nats,
  });
  const end = (): void => {
    // Who cannot wait says so twice.
    for (const signal of signals) process.removeListener(signal, end);
    void cloud.close().then(() => process.exit());
  };
  for (const signal of signals) process.on(signal, end);
  try {
    console.log(`The cloud is at  ${await cloud.start(own)}`);
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    console.error(isTaken ? `Port ${own} is taken: choose others with --ports` : error);
    process.exitCode = 1;
    return;
  }
  for (const { name, url } of cloud.fleet.nodes) console.log(`${name.padEnd(6)} is at     ${new URL('/', url).href}`);
}

function portsFrom(text: string | undefined): readonly number[] | undefined {
  if (text === undefined) return usual;
  const numbers = text.split(',').map(Number);
  const isRight = numbers.length === 4 && numbers.every((port) => Number.isInteger(port) && port >= 0 && port < 65_536);
  return isRight ? numbers : undefined;
}

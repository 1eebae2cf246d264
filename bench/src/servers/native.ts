/**
 * A server that is no program of Node.js: a process that says `ready PORT`, answers each line of its stdin with a line,
 * and ends with its stdin, and so with us.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Served } from './start.ts';

/** Where programs are that were compiled for the benchmark. */
export const workshop: string = fileURLToPath(new URL('../../../.tmp/bench/', import.meta.url));

/** A server that can be stopped, too. */
export interface Peer extends Served {
  stop(): Promise<void>;
}

export interface Native extends Peer {
  ask(question: string): Promise<string>;
}

/** The process has the CPUs that we have. */
export async function launch(command: readonly string[]): Promise<Native> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const lost = new Promise<never>((_, reject) => {
    child.on('error', reject);
    child.stdin.on('error', reject);
    child.on('exit', (code, signal) => reject(new Error(`${program} ended: ${signal ?? code}`)));
  });
  const lines = createInterface({ input: child.stdout });
  const [first] = (await Promise.race([once(lines, 'line'), lost])) as [string];
  const port = Number(/^ready (\d+)$/.exec(first)?.[1]);
  if (!port) throw new Error(`${program} said '${first}' instead of its port`);
  const asked: ((line: string) => void)[] = [];
  lines.on('line', (line) => asked.shift()?.(line));

  const ask = (question: string): Promise<string> => {
    const answer = new Promise<string>((resolve) => asked.push(resolve));
    child.stdin.write(`${question}\n`);
    return Promise.race([answer, lost]);
  };
  return {
    port,
    pid: child.pid!,
    ask,
    cpu: async () => Number(await ask('cpu')),
    memory: async () => {
      const [rss, heap] = (await ask('memory')).split(' ').map(Number);
      return { rss: rss!, heap: heap! };
    },
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/** What stands between the nodes of some clusters: a NATS server, or Redis. A process on the CPU of the nodes, measured as they are. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort, natsProgram, readyNats } from '@cometd-ts/testkit/nats';
import { canPin } from '../child.ts';
import { processTime } from '../cpu.ts';

export type MiddleKind = 'nats' | 'redis';

/** How one is started on a port, and which version that is; or why it cannot be. */
export type Program =
  | { readonly kind: MiddleKind; readonly version: string; readonly command: (port: number) => readonly string[] }
  | { readonly kind: MiddleKind; readonly obstacle: string };

/** A current nats-server, which is built when it is not there yet. */
export async function readyNatsProgram(): Promise<Program> {
  await readyNats((line) => console.error(line));
  const program = natsProgram('current');
  if ('reason' in program) return { kind: 'nats', obstacle: program.reason };
  const { version, command } = program;
  return { kind: 'nats', version, command: (port) => [command, '-a', '127.0.0.1', '-p', String(port), '-js'] };
}

export function redisProgram(): Program {
  const { stdout, status } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  if (status !== 0) return { kind: 'redis', obstacle: 'redis-server is missing' };
  const version = /v=(\S+)/.exec(stdout)?.[1] ?? '';
  const quiet = ['--save', '', '--appendonly', 'no', '--loglevel', 'warning'];
  return {
    kind: 'redis',
    version,
    command: (port) => ['redis-server', '--bind', '127.0.0.1', '--port', String(port), ...quiet],
  };
}

export class Middle {
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#process = child;
    this.url = url;
  }

  static async start({ kind, command }: Exclude<Program, { obstacle: string }>, cpu: number): Promise<Middle> {
    const port = await freePort();
    const [program = '', ...args] = [...(canPin ? ['taskset', '-c', String(cpu)] : []), ...command(port)];
    const child = spawn(program, args, { stdio: 'ignore' });
    const middle = new Middle(child, `${kind}://127.0.0.1:${port}`);
    for (let tries = 0; !(await answers(port)); tries++) {
      if (child.exitCode !== null || tries > 200) throw new Error(`${kind} did not start`);
      await wait(20);
    }
    return middle;
  }

  /** Time on the CPU, in ns. */
  get cpu(): number {
    return processTime(this.#process.pid ?? -1) ?? 0;
  }

  async end(): Promise<void> {
    const gone = once(this.#process, 'exit');
    if (!this.#process.kill('SIGKILL')) return;
    await gone;
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const told = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => told(true));
    socket.once('error', () => told(false));
  });
}

/** Two places where servers live: each a `cometd serve` in a process of its own, which is restarted as an operator would. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const command = fileURLToPath(new URL('../../packages/cli/bin/cometd.js', import.meta.url));
const services = fileURLToPath(new URL('feed.js', import.meta.url));

/** What the servers queued, session by session, in order. */
export type Promised = Map<string, string[]>;

/** A port nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

export class House {
  readonly port: number;
  readonly management: number;
  readonly #name: string;
  readonly #promised: Promised;
  /** Sessions of processes that have ended: nothing is on its way to them any more. */
  readonly ended: Set<string> = new Set();
  #sessions: Set<string> = new Set();
  #process: ChildProcess | undefined;
  #generation = 0;

  private constructor(name: string, promised: Promised, port: number, management: number) {
    this.#name = name;
    this.#promised = promised;
    this.port = port;
    this.management = management;
  }

  static async open(name: string, promised: Promised): Promise<House> {
    const house = new House(name, promised, await freePort(), await freePort());
    onTestFinished(() => house.stop('SIGKILL'));
    await house.start();
    return house;
  }

  /** Resolves when the server says that it is ready. */
  async start(): Promise<void> {
    const args = ['serve', '--port', this.port, '--management', this.management, '--services', services];
    const env = { ...process.env, HOUSE_NAME: `${this.#name}${++this.#generation}` };
    const child = fork(command, [...args, '--drain', 8000, '--set', 'trustedProxies=1'].map(String), {
      env,
      execArgv: [],
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    this.#process = child;
    child.on('message', ({ session, data }: { session: string; data: string }) => {
      this.#sessions.add(session);
      const before = this.#promised.get(session);
      if (before) before.push(data);
      else this.#promised.set(session, [data]);
    });
    await new Promise<void>((resolve, reject) => {
      child.stdout?.on('data', (text: Buffer) => String(text).includes('CometD is listening') && resolve());
      child.once('exit', (code) => reject(new Error(`cometd serve ended with ${code}`)));
    });
    const { status } = await fetch(`http://127.0.0.1:${this.management}/readyz`);
    if (status !== 200) throw new Error(`/readyz of a server that has started answers ${status}`);
  }

  /** How many sessions got something in the life of the present process. */
  get population(): number {
    return this.#sessions.size;
  }

  /** Resolves when the process has ended, and all that it told has arrived. */
  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child) return;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
    for (const session of this.#sessions) this.ended.add(session);
    this.#sessions = new Set();
  }
}

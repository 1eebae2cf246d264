/** A process of its own for a server or the load: started on one CPU, asked questions over IPC, always ended. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

/** What a child can be asked: a name, one argument, one answer. */
export type Answers = Readonly<Record<string, (argument: never) => unknown>>;

interface Question {
  readonly id: number;
  readonly ask: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** Said by a child whose work another process does. */
interface Deputy {
  readonly measured: number;
}

/** Said by a child before it gives up. */
interface Farewell {
  readonly lost: string;
}

/** Whether processes can be pinned here; without `taskset` the figures are noisier and the report says so. */
export const canPin: boolean = spawnSync('taskset', ['-c', '1', 'true']).status === 0;

/** For processes that are not pinned, although the conductor is. */
export const ANY_CPU: string = `0-${cpus().length - 1}`;

/** Moves this process to one CPU, so that the conductor does not disturb the server. */
export function pinSelf(cpu: number): void {
  if (canPin) spawnSync('taskset', ['-acp', String(cpu), String(process.pid)]);
}

/** The asking side. */
export class Child {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  readonly #ended: Promise<unknown>;
  #measured: number | undefined;
  #lastId = 0;
  #failure: Error | undefined;

  /** `script` is relative to this file. */
  constructor(script: string, args: readonly string[], cpu: number | string) {
    const node = ['--expose-gc', fileURLToPath(new URL(script, import.meta.url)), ...args];
    const [command, all] = canPin
      ? ['taskset', ['-c', String(cpu), process.execPath, ...node]]
      : [process.execPath, node];
    this.#process = spawn(command, all, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#ended = once(this.#process, 'exit');
    this.#process.on('message', (message: Answer | Deputy | Farewell) => {
      if ('measured' in message) this.#measured = message.measured;
      else if ('lost' in message) this.#lost(new Error(message.lost));
      else this.#answered(message);
    });
    this.#process.on('error', (error) => this.#lost(error));
    this.#process.on('exit', (code, signal) => this.#lost(new Error(`${script} ${args[0]} ended: ${signal ?? code}`)));
  }

  /** Of the process that is measured. */
  get pid(): number {
    return this.#measured ?? this.#process.pid ?? -1;
  }

  ask<Value>(ask: string, argument?: unknown): Promise<Value> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = ++this.#lastId;
    return new Promise<Value>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#process.send({ id, ask, argument } satisfies Question, (error) => {
        if (error) this.#lost(error);
      });
    });
  }

  async end(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGKILL');
    await this.#ended;
  }

  #answered({ id, value, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error !== undefined) waiting?.reject(new Error(error));
    else waiting?.resolve(value);
  }

  #lost(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** Names the process that is to be measured instead of this child. */
export function measureInstead(pid: number): void {
  process.send?.({ measured: pid } satisfies Deputy);
}

/** Ends this child: what it was asked, and will be, is answered with the reason. */
export function giveUp(reason: string): void {
  if (process.send) process.send({ lost: reason } satisfies Farewell, () => process.exit(1));
  else process.exit(1);
}

/** The answering side, called once in the child. A question that fails is answered with the error. */
export function answer(answers: Answers): void {
  const reply = (message: Answer): void => {
    process.send?.(message);
  };
  process.on('message', async (message) => {
    const { id, ask, argument } = message as Question;
    try {
      reply({ id, value: await answers[ask]?.(argument as never) });
    } catch (error) {
      reply({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.on('disconnect', () => process.exit());
}

/** The process of a node, ours or Java's: asked in lines, measured through the kernel, always ended. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { canPin } from '../child.ts';
import { processTime } from '../cpu.ts';

/** A question is given up after so many ms. */
const PATIENCE = 60_000;
/** How long a node may take to end, in ms. */
const FAREWELL = 3_000;

interface Question {
  resolve(): void;
  reject(error: Error): void;
}

export class Host {
  /** Of the node. */
  readonly url: string;
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #asked: Map<string, Question> = new Map();
  #ids = 0;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>, url: string) {
    this.#process = child;
    this.url = url;
    child.on('exit', () => {
      for (const { reject } of this.#asked.values()) reject(new Error(`The node ${url} is gone`));
    });
  }

  /** Resolves when the node is ready. */
  static async start(command: readonly string[], cpu: number): Promise<Host> {
    const [program = '', ...args] = canPin ? ['taskset', '-c', String(cpu), ...command] : command;
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    const [first] = (await Promise.race([
      once(lines, 'line'),
      once(child, 'exit').then(() => Promise.reject(new Error(`${command[0]} ended before its node was ready`))),
    ])) as [string];
    const host = new Host(child, first.replace('ready ', ''));
    lines.on('line', (line: string) => host.#heard(line));
    return host;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Time on the CPU, in ns. Throws where the kernel does not tell. */
  get cpu(): number {
    const time = processTime(this.#process.pid ?? -1);
    if (time === undefined) throw new Error('Nodes are measured through /proc, which is not here');
    return time;
  }

  /** Bytes it has written so far: to sockets, but for a few. */
  get written(): number {
    const io = readFileSync(`/proc/${this.#process.pid}/io`, 'latin1');
    return Number(/^wchar: (\d+)$/m.exec(io)?.[1]);
  }

  /** Resolves when the node says that it is so. */
  ask(deed: string, what: string | number = ''): Promise<void> {
    const id = String(++this.#ids);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#asked.delete(id);
        reject(new Error(`The node ${this.url} did not answer '${deed} ${what}' within ${PATIENCE / 1_000} s`));
      }, PATIENCE);
      const settle =
        (done: (error: Error) => void): ((error?: Error) => void) =>
        (error) => {
          clearTimeout(timer);
          done(error as Error);
        };
      this.#asked.set(id, { resolve: settle(() => resolve()), reject: settle(reject) });
      this.#process.stdin.write(`${id} ${deed} ${what}\n`);
    });
  }

  async end(): Promise<void> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    const timer = setTimeout(() => child.kill('SIGKILL'), FAREWELL);
    // It ends by itself, so that a profile of it is written.
    child.stdin.end();
    await gone;
    clearTimeout(timer);
  }

  #heard(line: string): void {
    const [id = '', mark, ...words] = line.split(' ');
    const question = this.#asked.get(id);
    this.#asked.delete(id);
    if (mark === '!') question?.reject(new Error(words.join(' ')));
    else question?.resolve();
  }
}

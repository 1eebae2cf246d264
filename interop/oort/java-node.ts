/** A Java node of a cluster, and what it tells. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Of CometD. */
export type Release = 5 | 7;

export class JavaNode {
  readonly url: string;
  readonly id: string;
  /** All it has told, one line each, words between spaces. */
  readonly log: string[] = [];
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  #waiting: { matches(line: string): boolean; found(line: string): void }[] = [];

  /** Starts one on a free port, or on `port`; `primary` counts for the others. */
  static async start(
    secret: string,
    { release = 7, port = 0, primary = false }: { release?: Release; port?: number; primary?: boolean } = {},
  ): Promise<JavaNode> {
    const folder = release === 7 ? 'target' : `target/cometd${release}`;
    const classPath = `${folder}/classes:${readFileSync(`${here}${folder}/classpath.txt`, 'utf8')}`;
    const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=off';
    const args = [quiet, '-cp', classPath, 'OortNode', String(port), secret, ...(primary ? ['primary'] : [])];
    const child = spawn('java', args, { cwd: here, stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    const [first] = (await once(lines, 'line')) as [string];
    const [, url = '', id = ''] = first.split('\t');
    return new JavaNode(child, lines, url, id);
  }

  private constructor(
    child: ChildProcessByStdio<Writable, Readable, null>,
    lines: ReturnType<typeof createInterface>,
    url: string,
    id: string,
  ) {
    this.#process = child;
    this.url = url;
    this.id = id;
    lines.on('line', (line: string) => this.#heard(line.replaceAll('\t', ' ')));
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Has it do something; see OortNode.java. */
  tell(...words: readonly string[]): void {
    this.#process.stdin.write(`${words.join(' ')}\n`);
  }

  /** Has it do something, and answers the line it says about it, without its first word. */
  async ask(...words: readonly string[]): Promise<string> {
    const [name = ''] = words;
    const answer = this.next((line) => line.startsWith(`${name} `));
    this.tell(...words);
    return (await answer).slice(name.length + 1);
  }

  /** Resolves with the line, once it has told it: before or from now on. */
  told(line: string): Promise<string> {
    if (this.log.includes(line)) return Promise.resolve(line);
    return this.next((other) => other === line);
  }

  next(matches: (line: string) => boolean): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`The Java node did not tell it within 20 s. It told: ${this.log.join(' | ')}`)),
        20_000,
      );
      this.#waiting.push({
        matches,
        found: (line) => {
          clearTimeout(timer);
          resolve(line);
        },
      });
    });
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.stdin.end();
    await gone;
  }

  /** Without a word. */
  async kill(): Promise<void> {
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await gone;
  }

  #heard(line: string): void {
    this.log.push(line);
    this.#waiting = this.#waiting.filter((one) => {
      if (!one.matches(line)) return true;
      one.found(line);
      return false;
    });
  }
}

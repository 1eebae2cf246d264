/** A NATS server as a process on 127.0.0.1, which can be killed, frozen and started again where it was, with what it kept. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from './ports.ts';
import { type NatsKind, natsProgram } from './programs.ts';

export interface NatsOptions {
  /** Default `current`. */
  readonly kind?: NatsKind;
  /** Whether it keeps streams and buckets. Default true. */
  readonly jetStream?: boolean;
  /** Further lines of its configuration: accounts, users, TLS, limits. */
  readonly config?: string;
  /** Written beside the configuration, which calls them by their bare names: certificates, say. */
  readonly files?: Readonly<Record<string, string>>;
}

/** How a server is one of several. */
export interface NatsRoutes {
  readonly name: string;
  /** Where the other servers reach this one. */
  readonly port: number;
  /** Of all servers, this one too. */
  readonly ports: readonly number[];
}

/** How long a server may take until it is ready, in ms, which only a failure takes. */
const patience = 30_000;

/** A server that is ready. Throws with the reason when there is no program of this kind. */
export async function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  const server = await NatsServer.prepare(options);
  try {
    await server.start();
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

export class NatsServer {
  readonly port: number;
  readonly version: string;
  readonly #command: string;
  readonly #folder: string;
  readonly #monitor: number;
  #process: ChildProcess | undefined;

  /** A server with a folder and ports, not started. */
  static async prepare(options: NatsOptions, routes?: NatsRoutes): Promise<NatsServer> {
    const { kind = 'current', jetStream = true, config = '', files = {} } = options;
    const program = natsProgram(kind);
    if ('reason' in program) throw new Error(program.reason);
    const folder = await mkdtemp(join(tmpdir(), 'nats-'));
    const [port, monitor] = [await freePort(), await freePort()];
    const lines = [
      `server_name: ${routes?.name ?? 'alone'}`,
      `listen: 127.0.0.1:${port}`,
      `http: 127.0.0.1:${monitor}`,
      ...(jetStream ? [`jetstream { store_dir: "${folder}/store" }`] : []),
      ...(routes ? clusterOf(routes) : []),
      config,
    ];
    for (const [name, text] of Object.entries({ ...files, config: lines.join('\n') }))
      await writeFile(join(folder, name), text);
    return new NatsServer(program, folder, port, monitor);
  }

  private constructor(
    { command, version }: { readonly command: string; readonly version: string },
    folder: string,
    port: number,
    monitor: number,
  ) {
    this.#command = command;
    this.version = version;
    this.#folder = folder;
    this.port = port;
    this.#monitor = monitor;
  }

  /** What clients connect to. */
  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** A file that was given, or is made by the server. */
  file(name: string): string {
    return join(this.#folder, name);
  }

  /** Starts it, on the port it always had, with what it kept. Resolves when it is ready: its streams too. */
  async start(): Promise<void> {
    this.launch();
    await this.ready();
  }

  /** Starts it without waiting: one server of several is ready only when others are. */
  launch(): void {
    if (this.#process) throw new Error('This server runs already');
    const log = openSync(this.file('log'), 'a');
    const child = spawn(this.#command, ['-c', 'config'], { cwd: this.#folder, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#process = child;
    const guard = guarded(child, this.#folder);
    child.once('exit', () => {
      guard.kill('SIGKILL');
      this.#process = undefined;
    });
  }

  async ready(): Promise<void> {
    const deadline = performance.now() + patience;
    while (!(await this.#isHealthy())) {
      if (!this.#process) throw new Error(`nats-server has ended: ${await this.#lastWords()}`);
      if (performance.now() > deadline) throw new Error(`nats-server is not ready: ${await this.#lastWords()}`);
      await pause(20);
    }
  }

  /** An answer of its monitoring, such as `varz`, `connz`, `jsz?streams=1`. */
  async monitor<Answer = unknown>(what: string, signal: AbortSignal | null = null): Promise<Answer> {
    const response = await fetch(`http://127.0.0.1:${this.#monitor}/${what}`, { signal });
    return (await response.json()) as Answer;
  }

  /** Without a word, as when the machine fails. Resolves when it is gone. */
  kill(): Promise<void> {
    return this.#signal('SIGKILL');
  }

  /** As an operator does it. Resolves when it is gone. */
  stop(): Promise<void> {
    return this.#signal('SIGTERM');
  }

  /**
   * In lame duck mode: it tells its clients to go elsewhere, closes their connections one after the other, and ends. Resolves when it is gone.
   */
  retire(): Promise<void> {
    return this.#signal('SIGUSR2');
  }

  /** Stands still with all connections open, as a process does whose machine is overloaded. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Ends it for good, and removes what it kept. */
  async close(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #signal(signal: 'SIGKILL' | 'SIGTERM' | 'SIGUSR2'): Promise<void> {
    const child = this.#process;
    if (!child) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  async #isHealthy(): Promise<boolean> {
    const url = `http://127.0.0.1:${this.#monitor}/healthz`;
    return fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
      ({ status }) => status === 200,
      // Nobody listens yet.
      () => false,
    );
  }

  async #lastWords(): Promise<string> {
    return (await readFile(this.file('log'), 'utf8')).trim().split('\n').slice(-5).join('\n');
  }
}

function clusterOf({ port, ports }: NatsRoutes): string[] {
  const routes = ports.map((other) => `nats://127.0.0.1:${other}`).join(', ');
  return [`cluster { name: test, listen: 127.0.0.1:${port}, routes: [${routes}] }`];
}

/** Ends the server, and removes what it kept, when this process has ended without a chance to do so: killed by its runner, say. */
function guarded({ pid }: ChildProcess, folder: string): ChildProcess {
  // What it reads ends with this process.
  const script = 'cat; kill -9 "$0"; rm -rf "$1"';
  return spawn('sh', ['-c', script, String(pid), folder], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
}

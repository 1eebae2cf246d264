/** The processes of the nodes: started, killed, started again, and never left behind. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isFromNode, type Report, type Way } from './messages.ts';

/** A node, as the fleet knows it. */
export interface NodeView {
  readonly name: string;
  readonly url: string;
  /** `starting` until its first word. */
  readonly life: 'starting' | 'running' | 'killed' | 'ended';
  /** What it said last; null when there is no process that could have said it. */
  readonly report: Report | null;
  /** Why it has ended by itself; empty when it has not. */
  readonly reason: string;
}

export interface FleetEvents {
  /** Something about the nodes is new. */
  changed: () => void;
  /** A node has told of something, or the fleet has, of that node. */
  happened: (name: string, at: number, text: string) => void;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** How long nodes may take to end when they are asked to, in ms. */
const farewell = 3_000;

const nodeFile = fileURLToPath(new URL('./node.js', import.meta.url));

export class Fleet {
  readonly #nodes: Map<string, Mutable<NodeView> & { readonly port: number; process: ChildProcess | null }> = new Map();
  readonly #events: FleetEvents;
  readonly #way: Way;
  readonly #file: string;
  #isClosed = false;

  /** @param ports of the nodes, by name @param way what carries the cluster @param file what each process runs */
  constructor(ports: Readonly<Record<string, number>>, way: Way, events: FleetEvents, file = nodeFile) {
    this.#way = way;
    this.#events = events;
    this.#file = file;
    for (const [name, port] of Object.entries(ports)) {
      const url = `http://127.0.0.1:${port}/cometd`;
      this.#nodes.set(name, { name, url, port, life: 'ended', report: null, reason: '', process: null });
    }
  }

  get nodes(): readonly NodeView[] {
    return [...this.#nodes.values()].map(({ name, url, life, report, reason }) => ({
      name,
      url,
      life,
      report,
      reason,
    }));
  }

  /** False when there is no such node, or it runs. */
  start(name: string): boolean {
    const node = this.#nodes.get(name);
    if (!node || node.process || this.#isClosed) return false;
    const child = fork(this.#file, { execArgv: [] });
    Object.assign(node, { process: child, life: 'starting', report: null, reason: '' });
    child.on('message', (message) => {
      if (!isFromNode(message) || node.process !== child) return;
      if (message.what === 'happened') return this.#events.happened(name, message.at, message.text);
      if (message.what === 'failed') node.reason = message.reason;
      else Object.assign(node, { report: message, life: 'running' });
      this.#events.changed();
    });
    child.once('exit', (code, signal) => {
      if (node.life !== 'killed') {
        node.life = 'ended';
        node.reason ||= `its process has ended with ${signal ?? code}`;
      }
      Object.assign(node, { process: null, report: null });
      if (!this.#isClosed) this.#events.happened(name, Date.now(), node.life === 'killed' ? 'was killed' : node.reason);
      this.#events.changed();
    });
    child.send({ port: node.port, url: node.url, way: this.#way, names: this.#names });
    this.#events.happened(name, Date.now(), 'is started');
    this.#events.changed();
    return true;
  }

  /** Without a word: it has no time to say goodbye to anybody. False when there is no such node, or it does not run. */
  kill(name: string): boolean {
    const node = this.#nodes.get(name);
    if (!node?.process) return false;
    node.life = 'killed';
    return node.process.kill('SIGKILL');
  }

  /** Ends all nodes; who does not go is killed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const processes = [...this.#nodes.values()].flatMap(({ process }) => process ?? []);
    await Promise.all(
      processes.map(
        (child) =>
          new Promise<void>((resolve) => {
            const timer = setTimeout(() => child.kill('SIGKILL'), farewell);
            child.once('exit', () => {
              clearTimeout(timer);
              resolve();
            });
            child.kill('SIGTERM');
          }),
      ),
    );
  }

  get #names(): Record<string, string> {
    return Object.fromEntries([...this.#nodes.values()].map(({ url, name }) => [url, name]));
  }
}

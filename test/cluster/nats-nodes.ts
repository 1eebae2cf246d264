/** Nodes as processes on NATS, each with a way of its own to the server, or with several servers to choose from. */
import { ToxicProxy } from '@cometd-ts/testkit';
import { NatsCluster, type NatsServer } from '@cometd-ts/testkit/nats';
import { type Cluster, eventually, Node, nodeProgram, settled } from './nodes.ts';
import type { Plan } from './words.ts';

let clusters = 0;

/** A cluster of its own on servers that others may use, too. */
export class NatsNodes implements Cluster {
  readonly #program: string;
  readonly #nats: NatsServer | NatsCluster;
  readonly #namespace = `test-${++clusters}`;
  readonly #nodes: Set<Node> = new Set();
  readonly #ways: Map<Node, ToxicProxy> = new Map();

  private constructor(program: string, nats: NatsServer | NatsCluster) {
    this.#program = program;
    this.#nats = nats;
  }

  static async ready(nats: NatsServer | NatsCluster): Promise<NatsNodes> {
    return new NatsNodes(await nodeProgram(), nats);
  }

  /** A node is missed when it was silent for as long as a session may be in a mesh: `maxInterval`. */
  async start(plan: Partial<Plan> = {}): Promise<Node> {
    const leaveAfter = plan.server?.maxInterval ?? 3_000;
    const { servers, way } = await this.#wayOf();
    const node = await Node.launch(this.#program, {
      port: 0,
      channels: [],
      server: {},
      addresses: {},
      ...plan,
      nats: {
        heartbeat: Math.min(1_000, leaveAfter / 5),
        leaveAfter,
        // On a busy machine, too.
        connectTimeout: 30_000,
        ...plan.nats,
        servers,
        namespace: this.#namespace,
        connection: {
          ignoreClusterUpdates: way !== null,
          reconnectTimeWait: 100,
          reconnectJitter: 100,
          timeout: 10_000,
        },
      },
    });
    for (const other of this.#nodes) if (other.port === node.port) this.#nodes.delete(other);
    this.#nodes.add(node);
    if (way) this.#ways.set(node, way);
    return node;
  }

  async meet(): Promise<void> {
    // They find each other by themselves.
  }

  async together(count: number, plan: Partial<Plan> = {}): Promise<Node[]> {
    const nodes: Node[] = [];
    for (let each = 0; each < count; each++) nodes.push(await this.start(plan));
    await this.settled(nodes);
    return nodes;
  }

  settled(nodes: readonly Node[]): Promise<void> {
    return settled(nodes);
  }

  /** Resolves when all of these say that all is well. */
  async up(...nodes: readonly Node[]): Promise<void> {
    await eventually(async () => {
      for (const node of nodes) {
        const { state, reason } = await node.ask<{ state: string; reason: string }>('status');
        if (state !== 'up') throw new Error(`${node.url} is ${state}: ${reason}`);
      }
    });
  }

  forget(node: Node): void {
    this.#nodes.delete(node);
  }

  /** The way of a node to the server, to be troubled. */
  way(node: Node): ToxicProxy {
    const way = this.#ways.get(node);
    if (!way) throw new Error(`${node.url} has no way of its own to NATS`);
    return way;
  }

  jolt(...nodes: readonly Node[]): void {
    for (const node of nodes) this.way(node).reset();
  }

  part(...nodes: readonly Node[]): void {
    for (const node of nodes) {
      this.way(node).refuse();
      this.way(node).reset();
    }
  }

  join(...nodes: readonly Node[]): void {
    for (const node of nodes) this.way(node).heal();
  }

  async close(): Promise<void> {
    for (const node of this.#nodes) {
      node.thaw();
      await node.kill();
    }
    for (const way of this.#ways.values()) await way.close();
  }

  async #wayOf(): Promise<{ servers: readonly string[]; way: ToxicProxy | null }> {
    if (this.#nats instanceof NatsCluster) return { servers: this.#nats.urls, way: null };
    const way = await ToxicProxy.start(this.#nats.port);
    return { servers: [`nats://127.0.0.1:${way.port}`], way };
  }
}

/** Two engines at one node, for a cluster that moves from one to the other, node by node, without stopping. */
import type { Message } from '@cometd-ts/protocol';
import type { ServerSession } from '@cometd-ts/server';
import type { Comets, Engine, EngineNode, EngineStatus, Member } from './engine.ts';
import { hasComets } from './engine.ts';

export interface MovingOptions {
  /** The engine all nodes have today, such as the mesh. */
  readonly from: Engine;
  /** The engine they are to have. It must know others that move, as NATS does. */
  readonly to: Engine;
}

/**
 * An engine for the time of a move, in three rounds. In each, all nodes are started anew, one by one:
 *
 * 1. with this engine. Nodes that have `from` are met there, and only there; who has `to` alone is met by `to`. So each pair of nodes has one
 *    way between them, and the guarantees of `Engine` hold: nothing is heard twice, or out of order.
 * 2. with `to` alone, told that others have not moved yet (`natsEngine({ moving: true })`): what it keeps in buckets is sent as messages, too.
 * 3. with `to` alone.
 *
 * Nodes that have `from` alone and nodes that have `to` alone do not hear each other: finish each round before the next. The way
 * back is the same.
 */
export function movingEngine({ from, to }: MovingOptions): Engine & Comets {
  return new Moving(from, to);
}

interface Place {
  readonly member: Member;
  readonly way: Engine;
}

const severity: Record<EngineStatus['state'], number> = { up: 0, degraded: 1, down: 2 };

class Moving implements Engine, Comets {
  readonly name: string;
  readonly #from: Engine;
  readonly #to: Engine;
  /** Where the node of each URL is met. */
  readonly #places: Map<string, Place> = new Map();

  constructor(from: Engine, to: Engine) {
    this.name = `${from.name} to ${to.name}`;
    this.#from = from;
    this.#to = to;
  }

  get #both(): readonly Engine[] {
    return [this.#from, this.#to];
  }

  get #comets(): Comets | null {
    return hasComets(this.#from) ? this.#from : null;
  }

  /** The worse of both. */
  get status(): EngineStatus {
    const [one, other] = [this.#from, this.#to];
    const worst = severity[one.status.state] >= severity[other.status.state] ? one : other;
    const { state, reason } = worst.status;
    return state === 'up' ? worst.status : { state, reason: `${worst.name}: ${reason}` };
  }

  get members(): readonly Member[] {
    return [...this.#places.values()].map(({ member }) => member);
  }

  async start(node: EngineNode): Promise<void> {
    const at = (way: Engine): EngineNode => ({
      ...node,
      joined: (member) => this.#joined(node, member, way),
      left: (member) => this.#left(node, member, way),
      observed: (channel, member, deliver) => node.observed(channel, member, deliver),
      changed: () => node.changed(this.status),
    });
    await this.#from.start(at(this.#from));
    try {
      await this.#to.start({ ...at(this.#to), alsoOn: this.#from.name });
    } catch (error) {
      await this.#from.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#both.map((engine) => engine.stop()));
    this.#places.clear();
  }

  observe(channel: string): void {
    for (const engine of this.#both) engine.observe(channel);
  }

  deobserve(channel: string): void {
    for (const engine of this.#both) engine.deobserve(channel);
  }

  send(url: string, message: Message): boolean {
    const way = this.#places.get(url)?.way ?? this.#both.find((engine) => engine.isConnected(url)) ?? this.#from;
    return way.send(url, message);
  }

  isConnected(url: string): boolean {
    return this.#both.some((engine) => engine.isConnected(url));
  }

  isNode(session: ServerSession): boolean {
    return this.#both.some((engine) => engine.isNode(session));
  }

  // The powers of `from`

  observeComet(url: string): void {
    if (!this.#comets) throw new TypeError(`The engine '${this.#from.name}' finds other nodes by itself`);
    this.#comets.observeComet(url);
  }

  deobserveComet(url: string): boolean {
    return this.#comets?.deobserveComet(url) ?? false;
  }

  get knownComets(): readonly string[] {
    return this.#comets?.knownComets ?? this.members.map(({ url }) => url);
  }

  isOortHandshake(message: Message): boolean {
    return this.#comets?.isOortHandshake(message) ?? false;
  }

  // Who comes and goes. A node that has moved is back by its new way before the old one has noticed.

  #joined(node: EngineNode, member: Member, way: Engine): void {
    const place = this.#places.get(member.url);
    if (place?.member.id === member.id) return;
    if (place) this.#left(node, place.member, place.way);
    this.#places.set(member.url, { member, way });
    node.joined(member);
  }

  #left(node: EngineNode, member: Member, way: Engine): void {
    const place = this.#places.get(member.url);
    if (place?.member.id !== member.id || place.way !== way) return;
    this.#places.delete(member.url);
    node.left(member);
  }
}

/** A cluster inside one process: an engine without a network, complete and tiny, with means to cut nodes off. */

import { type Engine, type EngineNode, type EngineStatus, type Member, Tap } from '@cometd-ts/oort';
import type { Message } from '@cometd-ts/protocol';
import { ChannelId } from '@cometd-ts/protocol';
import type { ServerSession } from '@cometd-ts/server';
import { MemoryAddresses, type MemoryServer } from './memory-addresses.ts';
import { type MemoryBuckets, MemoryVault } from './memory-buckets.ts';

/** What its engines can do beyond messages. Default nothing, as the mesh. */
export interface MemoryCloudOptions {
  readonly addresses?: boolean;
  /** What the nodes put there is kept as long as the cloud is. */
  readonly buckets?: boolean;
}

/** The space between the engines. What is sent arrives in a later turn, as JSON, in the order it was sent. */
export class MemoryCloud {
  readonly #engines: Set<MemoryEngine> = new Set();
  readonly #cuts: Set<string> = new Set();
  readonly #options: MemoryCloudOptions;
  /** Who serves which address. */
  readonly served: Map<string, Set<MemoryServer>> = new Map();
  readonly vault: MemoryVault | null;
  #post: (() => void)[] = [];

  constructor(options: MemoryCloudOptions = {}) {
    this.#options = options;
    this.vault = options.buckets ? new MemoryVault((task) => this.post(task)) : null;
  }

  /** An engine for one node, whatever its URL. @param isMoving whether other nodes may be able to do less */
  engine(_url = '', isMoving = false): MemoryEngine {
    return new MemoryEngine(this, this.#options, isMoving);
  }

  get engines(): readonly MemoryEngine[] {
    return [...this.#engines];
  }

  /** Two nodes do not reach each other any more: each hears that the other has left. */
  cut(a: string, b: string): void {
    this.#cuts.add(key(a, b));
    this.#meet(a, b, (one, other) => one.lose(other));
  }

  /** They reach each other again, and join. */
  heal(a: string, b: string): void {
    if (this.#cuts.delete(key(a, b))) this.#meet(a, b, (one, other) => one.meet(other));
  }

  /** A node reaches nothing any more: neither the others, nor addresses, nor buckets. It knows that at once. */
  cutOff(url: string): void {
    for (const { member } of this.engines) if (member.url !== url) this.cut(url, member.url);
    this.#find(url)?.turn({ state: 'down', reason: 'cut off' });
  }

  /** It reaches everything again. */
  reconnect(url: string): void {
    this.#find(url)?.turn({ state: 'up', reason: '' });
    for (const { member } of this.engines) if (member.url !== url) this.heal(url, member.url);
  }

  /** The node is gone without a word, like a process that was killed. It hears nothing any more. */
  kill(url: string): void {
    for (const engine of this.engines) if (engine.member.url === url) this.leave(engine);
  }

  enter(engine: MemoryEngine): void {
    this.#engines.add(engine);
    for (const other of this.engines) {
      if (other === engine || this.#cuts.has(key(engine.member.url, other.member.url))) continue;
      if (engine.member.alsoOn !== undefined && engine.member.alsoOn === other.member.alsoOn) continue;
      engine.meet(other);
      other.meet(engine);
    }
  }

  leave(engine: MemoryEngine): void {
    this.#engines.delete(engine);
    engine.addresses?.stop();
    engine.buckets?.close();
    for (const other of this.engines) other.lose(engine);
  }

  /** Runs `task` in a later turn, after all that were posted before. */
  post(task: () => void): void {
    if (this.#post.push(task) > 1) return;
    setImmediate(() => {
      const tasks = this.#post;
      this.#post = [];
      for (const one of tasks) one();
    });
  }

  /** Resolves when nothing is on its way. */
  async settled(): Promise<void> {
    do await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#post.length > 0);
  }

  #meet(a: string, b: string, what: (one: MemoryEngine, other: MemoryEngine) => void): void {
    const [one, other] = [this.#find(a), this.#find(b)];
    if (!one || !other) return;
    what(one, other);
    what(other, one);
  }

  #find(url: string): MemoryEngine | undefined {
    return this.engines.find(({ member }) => member.url === url);
  }
}

export class MemoryEngine implements Engine {
  readonly name = 'memory';
  readonly isMoving: boolean;
  readonly addresses?: MemoryAddresses;
  readonly #cloud: MemoryCloud;
  readonly #observed: Map<string, ChannelId> = new Map();
  /** Who is met, and whether `joined` was told. */
  readonly #peers: Map<MemoryEngine, { joined: boolean }> = new Map();
  #node: EngineNode | null = null;
  #tap: Tap | null = null;
  #buckets: MemoryBuckets | undefined;
  #status: EngineStatus = { state: 'down', reason: 'not started' };

  constructor(cloud: MemoryCloud, { addresses = false }: MemoryCloudOptions = {}, isMoving = false) {
    this.isMoving = isMoving;
    this.#cloud = cloud;
    if (addresses) this.addresses = new MemoryAddresses(cloud, this);
  }

  /** Whoever uses what the cloud keeps asks this first. */
  get isUp(): boolean {
    return this.#status.state === 'up';
  }

  /** Null when it is not started. */
  get node(): EngineNode | null {
    return this.#node;
  }

  get member(): Member {
    return { id: this.#node?.id ?? '', url: this.#node?.url ?? '', alsoOn: this.#node?.alsoOn };
  }

  get status(): EngineStatus {
    return this.#status;
  }

  get members(): readonly Member[] {
    return [...this.#peers].filter(([, { joined }]) => joined).map(([peer]) => peer.member);
  }

  get buckets(): MemoryBuckets | undefined {
    return this.#buckets;
  }

  async start(node: EngineNode): Promise<void> {
    this.#node = node;
    this.#buckets = this.#cloud.vault?.buckets(node.server.settings.jsonContext);
    this.#tap = await Tap.on(node.server, node.session, ({ channel, json }) => {
      for (const peer of this.#peers.keys())
        this.#cloud.post(() => {
          if (peer.#observes(channel) && this.#peers.has(peer))
            peer.#hear(this, (there, message) => there.arrived(message), json);
        });
    });
    this.#tap.open('/**');
    this.#change({ state: 'up', reason: '' });
    this.#cloud.enter(this);
  }

  async stop(): Promise<void> {
    this.#cloud.leave(this);
    this.#tap?.stop();
    this.#node = null;
    this.#peers.clear();
    this.#status = { state: 'down', reason: 'stopped' };
  }

  observe(channel: string): void {
    if (this.#observed.has(channel)) return;
    this.#observed.set(channel, new ChannelId(channel));
    // Who is about to join is told of all that is observed then.
    for (const peer of this.#peers.keys()) if (peer.#peers.get(this)?.joined) peer.#observedBy(this, channel);
  }

  deobserve(channel: string): void {
    this.#observed.delete(channel);
  }

  send(url: string, message: Message): boolean {
    if (typeof message.channel !== 'string') throw new TypeError('A message needs a channel');
    const peer = [...this.#peers.keys()].find(({ member }) => member.url === url);
    const json = this.#node?.server.settings.jsonContext.generate(message);
    if (!peer || json === undefined) return false;
    this.#cloud.post(() => peer.#hear(this, (there, heard) => there.addressed(heard), json));
    return true;
  }

  isConnected(url: string): boolean {
    return [...this.#peers.keys()].some(({ member }) => member.url === url);
  }

  isNode(_session: ServerSession): boolean {
    return false;
  }

  // What the cloud and the other engines call

  /** The node is cut off from the cloud, or is part of it again. */
  turn(status: EngineStatus): void {
    this.#status = status;
    this.#cloud.post(() => this.#node?.changed(status));
    if (status.state === 'up') this.#buckets?.reconnect();
    else this.#buckets?.cutOff();
  }

  reaches(other: MemoryEngine): boolean {
    return other === this || this.#peers.has(other);
  }

  /** The other one is there. What is observed on either side is told first, then that it has joined. */
  meet(peer: MemoryEngine): void {
    this.#peers.set(peer, { joined: false });
    this.#cloud.post(() => {
      for (const channel of peer.#observed.keys()) this.#tellObserved(peer, channel);
      const known = this.#peers.get(peer);
      if (!known) return;
      known.joined = true;
      this.#node?.joined(peer.member);
    });
  }

  /** The other one is gone. */
  lose(peer: MemoryEngine): void {
    const known = this.#peers.get(peer);
    const { member } = peer;
    if (!this.#peers.delete(peer)) return;
    this.#cloud.post(() => {
      if (known?.joined) this.#node?.left(member);
    });
  }

  #observes(channel: string): boolean {
    const id = new ChannelId(channel);
    return [id.id, ...id.wilds].some((name) => this.#observed.has(name));
  }

  #observedBy(peer: MemoryEngine, channel: string): void {
    this.#cloud.post(() => this.#tellObserved(peer, channel));
  }

  #tellObserved(peer: MemoryEngine, channel: string): void {
    const node = this.#node;
    if (!node || !this.#peers.has(peer)) return;
    node.observed(channel, peer.member, (message) => {
      if (!this.#peers.has(peer)) return false;
      const json = node.server.settings.jsonContext.generate(message);
      this.#cloud.post(() => peer.#hear(this, (there, heard) => there.arrived(heard), json));
      return true;
    });
  }

  #hear(from: MemoryEngine, how: (node: EngineNode, message: Message) => void, json: string): void {
    const node = this.#node;
    if (node && this.#peers.has(from)) how(node, node.server.settings.jsonContext.parse(json) as Message);
  }

  #change(status: EngineStatus): void {
    this.#status = status;
    this.#node?.changed(status);
  }
}

function key(a: string, b: string): string {
  return [a, b].sort().join(' ');
}

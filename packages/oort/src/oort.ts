/** A node of the cluster: what applications hold, and the desk between the Bayeux server and the engine. Book section 9.5. */
import { randomUUID } from 'node:crypto';
import { ChannelId, chain, isBroadcast, type Message } from '@cometd-ts/protocol';
import {
  type BayeuxServer,
  isReserved,
  type LocalSession,
  type Registration,
  type ServerSession,
} from '@cometd-ts/server';
import { type Comets, type Engine, type EngineStatus, hasComets, type Member } from './engine.ts';
import { Events } from './events.ts';
import { Inflow } from './inflow.ts';
import { localSession } from './local.ts';

export interface OortOptions {
  /**
   * Identity of this node: the absolute URL of its Bayeux server, as all other nodes reach it and write it. `localhost` will do
   * for nodes on one machine only.
   */
  readonly url: string;
  /** What carries the cluster, such as `meshEngine({ secret })` of the entry `./mesh`. */
  readonly engine: Engine;
  /** Channels and patterns to observe from the start. Default none. */
  readonly channels?: readonly string[];
}

/** What happens in a cluster, as one node hears of it. */
export interface OortEvents {
  /** A node has joined: messages go both ways. */
  cometJoined: (member: Member) => void;
  /** A node has left, or was lost. */
  cometLeft: (member: Member) => void;
  /** Another node has begun to observe a channel; `deliver` brings it, alone, what it should know first. */
  observed: (channel: string, member: Member, deliver: (message: Message) => boolean) => void;
  status: (status: EngineStatus) => void;
}

export class Oort {
  readonly server: BayeuxServer;
  readonly url: string;
  /** Identity of this start. */
  readonly id: string = randomUUID();
  readonly #engine: Engine;
  readonly #events: Events<OortEvents>;
  readonly #observed: Map<string, number> = new Map();
  readonly #inflow: Inflow;
  #session: LocalSession | null = null;
  /** Of that session, also when it has ended. */
  #serverSession: ServerSession | null = null;
  #state: 'new' | 'starting' | 'started' | 'stopped' = 'new';

  /** Throws `TypeError` for a URL or a channel that is none. */
  constructor(server: BayeuxServer, { url, engine, channels = [] }: OortOptions) {
    this.server = server;
    this.url = absolute(url);
    this.#engine = engine;
    this.#events = new Events(server.diagnostics);
    this.#inflow = new Inflow(() => server.sessions);
    for (const channel of channels) this.observeChannel(channel);
  }

  /** Joins the cluster. Call it when the server can be reached. Rejects with what is wrong. */
  async start(): Promise<void> {
    if (this.#state !== 'new') throw new TypeError('This Oort was started before; make a new one');
    this.#state = 'starting';
    const { id, url, server } = this;
    const session = await localSession(server, 'oort');
    this.#session = session;
    this.#serverSession = session.serverSession;
    await this.#engine.start({
      id,
      url,
      server,
      session,
      // Who comes and goes does so in the order of the messages.
      joined: (member) => this.#inflow.take(() => this.#events.tell('cometJoined', member)),
      left: (member) => this.#inflow.take(() => this.#events.tell('cometLeft', member)),
      arrived: (message) => this.#inflow.take(() => this.#arrived(message)),
      addressed: (message) => this.#inflow.take(() => this.#publish(session, message)),
      observed: (channel, member, deliver) => this.#events.tell('observed', channel, member, deliver),
      changed: (status) => this.#events.tell('status', status),
    });
    this.#state = 'started';
  }

  /** Leaves the cluster. The server goes on. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    const wasNew = this.#state === 'new';
    this.#state = 'stopped';
    if (wasNew) return;
    this.#inflow.clear();
    await this.#engine.stop();
    if (this.#session?.isHandshook) await this.#session.disconnect();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  get isStarted(): boolean {
    return this.#state === 'started';
  }

  get status(): EngineStatus {
    return this.#engine.status;
  }

  /** The engine, for pages and for its own powers. */
  get engine(): Engine {
    return this.#engine;
  }

  /** The local session that publishes what comes from other nodes. Throws `TypeError` before `start`. */
  get session(): LocalSession {
    if (!this.#session) throw new TypeError('This Oort has not been started');
    return this.#session;
  }

  /** Messages of other nodes that have arrived, and wait until clients here have taken what came before: for 3 s in all, when many come at once. */
  get inflow(): number {
    return this.#inflow.size;
  }

  // The other nodes

  get members(): readonly Member[] {
    return this.#engine.members;
  }

  /** Whether messages of the node of this URL may be arriving. */
  isCometConnected(url: string): boolean {
    return this.#engine.isConnected(url);
  }

  /** Whether a session stands for the cluster: another node's, or the one that publishes what comes from them. For authorizers. */
  isOort(session: ServerSession | null): boolean {
    if (session === null) return false;
    return session === this.#serverSession || this.#engine.isNode(session);
  }

  /** Goes to the node at this URL. Throws `TypeError` for what is no absolute URL, and when the engine finds nodes by itself. */
  observeComet(url: string): void {
    this.#comets().observeComet(absolute(url));
  }

  /** Takes leave of a node. False when it was not known. */
  deobserveComet(url: string): boolean {
    return this.#comets().deobserveComet(url);
  }

  /** URLs of the nodes this one has gone to. */
  get knownComets(): readonly string[] {
    return hasComets(this.#engine) ? this.#engine.knownComets : this.members.map(({ url }) => url);
  }

  /** Whether a handshake comes from a node that knows the secret. For security policies that ask clients for credentials. */
  isOortHandshake(message: Message): boolean {
    return hasComets(this.#engine) && this.#engine.isOortHandshake(message);
  }

  /** Sends a message to one node, where it is heard as if published there. False when there is no way to it; nothing was sent. */
  send(url: string, message: Message): boolean {
    return this.#state === 'started' && this.#engine.send(url, message);
  }

  // Channels

  /**
   * What other nodes publish on this channel, or on channels this pattern matches, arrives here from now on. As often as it is
   * observed it must be deobserved. Throws `TypeError` for meta and service channels, `RangeError` for illegal names.
   */
  observeChannel(channel: string): void {
    const name = new ChannelId(channel).id;
    if (!isBroadcast(name)) throw new TypeError(`Only broadcast channels can be observed, not ${name}`);
    const times = this.#observed.get(name) ?? 0;
    this.#observed.set(name, times + 1);
    if (times === 0 && this.#state !== 'stopped') this.#engine.observe(name);
  }

  /** False when it was not observed. */
  deobserveChannel(channel: string): boolean {
    const times = this.#observed.get(channel);
    if (times === undefined) return false;
    if (times > 1) {
      this.#observed.set(channel, times - 1);
      return true;
    }
    this.#observed.delete(channel);
    if (this.#state !== 'stopped') this.#engine.deobserve(channel);
    return true;
  }

  get observedChannels(): readonly string[] {
    return [...this.#observed.keys()];
  }

  addListener<Name extends keyof OortEvents>(name: Name, listener: OortEvents[Name]): Registration {
    return this.#events.add(name, listener);
  }

  /** Publishes what came from another node: channels of the cluster past everybody, all others as any session would. */
  #arrived(message: Message): void {
    if (!isBroadcast(message.channel)) return;
    const session = this.session;
    if (isReserved(message.channel)) return this.#publish(session, message);
    const { diagnostics } = this.server;
    const replied = diagnostics.guard('oort', null, () => session.send(message));
    chain(replied, (reply) => {
      if (!reply || reply.successful) return;
      diagnostics.count('oort_refused');
      const why = `${reply.error ?? 'no reason given'} (grant the local session oort)`;
      diagnostics.warn('oort_refused', `A message from another node was refused on ${message.channel}: ${why}`);
    });
  }

  #publish(session: LocalSession, message: Message): void {
    const { server } = this;
    void server.diagnostics.guard('oort', false, () =>
      server.createChannelIfAbsent(message.channel).channel.publishMessage(session, message),
    );
  }

  #comets(): Engine & Comets {
    if (hasComets(this.#engine)) return this.#engine;
    throw new TypeError(`The engine '${this.#engine.name}' finds other nodes by itself: nothing to observe`);
  }
}

function absolute(url: string): string {
  if (typeof url !== 'string' || !/^https?:\/\/[^/]/.test(url) || !URL.canParse(url))
    throw new TypeError(`An Oort URL must be absolute, such as http://node1.example.com:8080/cometd, not '${url}'`);
  return url;
}

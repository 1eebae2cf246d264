/** The engine on NATS: one connection instead of links to all other nodes, and messages only for those who want them. */
import { readFileSync } from 'node:fs';
import type { Message } from '@cometd-ts/protocol';
import type { ServerMessage, ServerSession } from '@cometd-ts/server';
import type { Msg } from '@nats-io/transport-node';
import type { Engine, EngineNode, EngineStatus, Member } from '../engine.ts';
import type { Buckets } from '../powers.ts';
import { Tap } from '../tap.ts';
import { NatsAddresses } from './addresses.ts';
import { NatsBuckets } from './buckets.ts';
import { Channels } from './channels.ts';
import { Connection } from './connection.ts';
import { NatsError, reasonOf } from './error.ts';
import { Inbox } from './inbox.ts';
import { Interest } from './interest.ts';
import { LateAddresses } from './late-addresses.ts';
import { type Action, type Event, Membership, type NodeRecord } from './membership.ts';
import { type NatsOptions, type NatsSettings, natsSettings } from './options.ts';
import { Outbox } from './outbox.ts';
import { around, isMatched } from './patterns.ts';
import { Refusal } from './refusal.ts';
import { Sender } from './sender.ts';
import { type Heartbeat, type Introduction, KIND, letterOf, readHeartbeat, readIntroduction, SOURCE } from './wire.ts';

export interface NatsEngine extends Engine {
  /** Messages for other nodes that NATS does not have yet, as far as is known. */
  readonly queued: number;
}

/**
 * An engine for one node. Throws `TypeError` without servers, `RangeError` for options that are wrong. `start` rejects with
 * `NatsError` when NATS cannot be reached or does not let it in.
 *
 * @example
 * const oort = new Oort(server, { url, engine: natsEngine({ servers: 'nats://127.0.0.1:4222' }) });
 */
export function natsEngine(options: NatsOptions): NatsEngine {
  return new Nats(natsSettings(options));
}

const stopped: EngineStatus = { state: 'down', reason: 'stopped' };
const up: EngineStatus = { state: 'up', reason: '' };

/** What there is between `start` and `stop`. */
interface Running {
  readonly node: EngineNode;
  readonly started: number;
  readonly version: string;
  readonly connection: Connection;
  readonly tap: Tap;
  readonly membership: Membership;
  readonly channels: Channels;
  readonly interest: Interest;
  readonly outbox: Outbox;
  readonly sender: Sender;
  readonly refusal: Refusal;
  readonly inbox: Inbox;
  readonly addresses: NatsAddresses;
  readonly buckets: NatsBuckets | undefined;
}

class Nats implements NatsEngine {
  readonly name = 'nats';
  readonly addresses: LateAddresses = new LateAddresses();
  readonly isMoving: boolean;
  readonly #settings: NatsSettings;
  readonly #observed: Set<string> = new Set();
  /** What is tapped, because others observe it. */
  readonly #tapped: Set<string> = new Set();
  /** Nodes that were here when the connection broke, and may be back: what they observe is kept for them. */
  readonly #absent: Map<string, NodeRecord> = new Map();
  #running: Running | null = null;
  #status: EngineStatus = { state: 'down', reason: 'not started' };
  #revision = 1;
  #isAnnouncing = false;
  #events: Event[] = [];
  #isBusy = false;
  #heldUntil = 0;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(settings: NatsSettings) {
    this.#settings = settings;
    this.isMoving = settings.moving ?? false;
  }

  // Its life

  async start(node: EngineNode): Promise<void> {
    if (this.#running || this.#status === stopped) throw new TypeError('An engine on NATS is started once');
    const { heartbeat, leaveAfter, maxQueueBytes } = this.#settings;
    const connection = await Connection.open(this.#settings, node.server, `cometd ${node.url}`);
    try {
      const tap = await Tap.on(node.server, node.session, (message) => this.#published(message));
      const outbox = new Outbox(this.#settings);
      const channels = new Channels(connection, (channel, message) => this.#arrived(channel, message));
      const isOurs = (session: ServerSession) => session === node.session.serverSession || tap.isSession(session);
      const buckets = await NatsBuckets.on(connection, this.#settings);
      this.#running = {
        node,
        buckets,
        addresses: new NatsAddresses(connection, () => this.members.length),
        started: Date.now(),
        version: ownVersion(),
        connection,
        tap,
        outbox,
        membership: new Membership({ id: node.id, url: node.url, alsoOn: node.alsoOn }, { heartbeat, leaveAfter }),
        channels,
        interest: new Interest(node.server, channels, this.#settings, isOurs),
        sender: new Sender(connection, outbox, node.id),
        refusal: new Refusal(node, outbox, (channel) => isMatched(channel, this.#tapped)),
        inbox: new Inbox(maxQueueBytes),
      };
      if (this.#isStopped) throw new Error('The engine was stopped while it started');
      await this.#enter(this.#running);
    } catch (error) {
      await this.stop();
      await connection.close();
      throw error;
    }
  }

  async #enter({ node, connection, channels, interest, addresses }: Running): Promise<void> {
    const { subjects } = connection;
    for (const channel of this.#observed) channels.want(channel);
    interest.start();
    this.addresses.stand(addresses);
    connection.subscribe(subjects.heartbeats, (message) => this.#heartbeat(message));
    connection.subscribe(subjects.node(node.id), (message) => this.#addressed(message));
    connection.onChange((isUp) => this.#connected(isUp));
    this.#say({ isCall: true });
    if (!(await connection.flushed()))
      throw new NatsError('unreachable', `NATS was lost while this node started: ${connection.reason}`);
    // What it has complained about is told in a turn of its own.
    await new Promise<void>((resolve) => setImmediate(resolve));
    const [problem] = connection.forbidden.filter((one) => !one.includes(subjects.channelPrefix));
    if (problem !== undefined) throw new NatsError('denied', problem);
    const { heartbeat } = this.#settings;
    this.#every(heartbeat, () => {
      this.#say({});
      void connection.flushed();
    });
    this.#every(heartbeat / 4, () => this.#tick());
    this.#changed();
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#status = stopped;
    const running = this.#running;
    this.#running = null;
    for (const timer of this.#timers) clearInterval(timer);
    if (!running) return;
    const { node, connection, outbox, sender, tap, interest, refusal, addresses, buckets } = running;
    interest.stop();
    tap.stop();
    refusal.watch(false);
    this.addresses.stand(null);
    addresses.stop();
    await buckets?.close();
    sender.release();
    this.#tell(connection, node.id, { revision: this.#revision, isFarewell: true });
    const isFlushed = await connection.flushed();
    const { unconfirmed } = outbox;
    if (!isFlushed && unconfirmed > 0) {
      node.server.diagnostics.count('oort_link_dropped.closed', unconfirmed);
      node.server.diagnostics.warn(
        'oort_link_dropped',
        `Messages for other nodes were dropped (${unconfirmed}): stopped while NATS is away`,
      );
    }
    await connection.close();
  }

  get #isStopped(): boolean {
    return this.#status === stopped;
  }

  // What is known

  get status(): EngineStatus {
    return this.#status;
  }

  get members(): readonly Member[] {
    return this.#running?.membership.members ?? [];
  }

  get buckets(): Buckets | undefined {
    return this.#running?.buckets;
  }

  get queued(): number {
    return this.#running?.outbox.unconfirmed ?? 0;
  }

  isConnected(url: string): boolean {
    return this.#running?.membership.find(url) !== undefined;
  }

  isNode(_session: ServerSession): boolean {
    return false;
  }

  // What its node wants

  observe(channel: string): void {
    if (this.#observed.has(channel)) return;
    this.#observed.add(channel);
    this.#running?.channels.want(channel);
    this.#announce();
  }

  deobserve(channel: string): void {
    if (!this.#observed.delete(channel)) return;
    this.#running?.channels.unwant(channel);
    this.#announce();
  }

  send(url: string, message: Message): boolean {
    if (typeof message.channel !== 'string') throw new TypeError('A message needs a channel');
    const member = this.#running?.membership.find(url);
    return member !== undefined && this.#direct(member.id, message, 'message');
  }

  #direct(id: string, message: Message, kind: 'delivery' | 'message'): boolean {
    const running = this.#running;
    if (!running?.membership.record(id)) return false;
    const { connection, sender } = running;
    const text = connection.json.generate(message);
    return sender.send({ subject: connection.subjects.node(id), channel: message.channel, text, kind, to: id });
  }

  /** A message of this server, on a channel others observe. */
  #published({ channel, json }: ServerMessage): void {
    const running = this.#running;
    if (!running) return;
    const { connection, sender, node, outbox, refusal } = running;
    const { diagnostics } = node.server;
    let subject: string;
    try {
      subject = connection.subjects.channel(channel);
    } catch (error) {
      diagnostics.count('oort_link_dropped.refused');
      return diagnostics.warn('oort_link_dropped', `A message did not go to other nodes: ${reasonOf(error)}`);
    }
    const isSent = sender.send({ subject, channel, text: json, kind: 'broadcast', to: null });
    if (outbox.isFilling) refusal.watch(true);
    if (isSent) return;
    diagnostics.count('oort_link_dropped.queue');
    diagnostics.warn(
      'oort_link_dropped',
      `A message did not go to other nodes: too many wait for NATS (option maxQueue, maxQueueBytes)`,
    );
  }

  // What others send

  #arrived(channel: string, message: Msg): void {
    const running = this.#running;
    if (!running) return;
    const letter = letterOf(message.headers);
    if (letter?.kind !== 'broadcast') return this.#strange('a broadcast');
    if (!running.membership.record(letter.source)) return running.node.server.diagnostics.count('nats.latecomer');
    const text = running.inbox.take(letter, message);
    if (text === null) return;
    const read = this.#read(running, text);
    if (read?.channel === channel) running.node.arrived(read);
    else this.#strange('a broadcast');
  }

  #addressed(message: Msg): void {
    const running = this.#running;
    if (!running) return;
    const source = message.headers?.get(SOURCE) ?? '';
    switch (message.headers?.get(KIND)) {
      case 'heartbeat':
        return this.#alive(source, readHeartbeat(message));
      case 'introduction':
        return this.#introduced(source, readIntroduction(message));
    }
    const letter = letterOf(message.headers);
    if (!letter || letter.kind === 'broadcast') return this.#strange('a directed message');
    if (!running.membership.record(letter.source)) return running.node.server.diagnostics.count('nats.latecomer');
    const text = running.inbox.take(letter, message);
    if (text === null) return;
    const read = this.#read(running, text);
    if (!read) return this.#strange('a directed message');
    if (letter.kind === 'delivery') running.node.arrived(read);
    else running.node.addressed(read);
  }

  #read({ node, connection }: Running, text: string): Message | null {
    const { diagnostics } = node.server;
    const value = diagnostics.guard<unknown>('nats', null, () => connection.json.parse(text));
    if (typeof value !== 'object' || value === null || typeof (value as Message).channel !== 'string') return null;
    const message = value as Message;
    delete message.id;
    delete message.clientId;
    return message;
  }

  #heartbeat(message: Msg): void {
    const running = this.#running;
    if (running) this.#alive(running.connection.subjects.nodeOf(message.subject), readHeartbeat(message));
  }

  #alive(id: string, heartbeat: Heartbeat | undefined): void {
    if (!heartbeat || id === '') return this.#strange('a heartbeat');
    const { revision, isCall = false, record, isFarewell } = heartbeat;
    const at = performance.now();
    if (isFarewell) return this.#gone(id);
    if (record) this.#feed({ what: 'changed', record: { ...record, id }, at });
    else this.#feed({ what: 'heartbeat', id, revision, isCall, at });
    if (this.#running?.membership.record(id)) this.#running.sender.heard(id);
  }

  #introduced(source: string, introduction: Introduction | undefined): void {
    if (!introduction || introduction.record.id !== source) return this.#strange('an introduction');
    this.#feed({ what: 'introduced', ...introduction, at: performance.now() });
    this.#absent.delete(source);
    this.#running?.sender.heard(source);
  }

  #gone(id: string): void {
    this.#absent.delete(id);
    this.#feed({ what: 'farewell', id });
    this.#running?.sender.heard(id);
  }

  #strange(what: string): void {
    this.#running?.node.server.diagnostics.rejected('oort_nats', what);
  }

  // What is said to others

  /** To all. */
  #say(more: Omit<Heartbeat, 'revision'>): void {
    const running = this.#running;
    if (running) this.#tell(running.connection, running.node.id, { revision: this.#revision, ...more });
  }

  #tell(connection: Connection, id: string, heartbeat: Heartbeat): void {
    connection.publish(connection.subjects.heartbeat(id), JSON.stringify(heartbeat));
  }

  #talk(id: string, kind: 'heartbeat' | 'introduction', said: Heartbeat | Introduction): void {
    const { connection, node } = this.#running as Running;
    const headers = connection.client.headers();
    headers.append(SOURCE, node.id);
    headers.append(KIND, kind);
    connection.publish(connection.subjects.node(id), JSON.stringify(said), { headers });
  }

  /** What this node observes has changed: once for all that changes in a turn. */
  #announce(): void {
    this.#revision++;
    if (!this.#running || this.#isAnnouncing) return;
    this.#isAnnouncing = true;
    setImmediate(() => {
      this.#isAnnouncing = false;
      if (this.#running) this.#say({ record: this.#record(this.#running) });
    });
  }

  #record({ node: { id, url, alsoOn }, started, version }: Running): NodeRecord {
    return {
      id,
      url,
      started,
      version,
      revision: this.#revision,
      observed: [...this.#observed],
      interest: this.#settings.interest,
      ...(alsoOn !== undefined && { alsoOn }),
    };
  }

  // The machine

  /** One event at a time: what is done for one may bring the next. */
  #feed(event: Event): void {
    this.#events.push(event);
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (let next = this.#events.shift(); next && this.#running; next = this.#events.shift()) {
        const { membership } = this.#running;
        const before = membership.records;
        const actions = membership.apply(next);
        if (actions.length === 0) continue;
        this.#keep(before);
        this.#retap();
        for (const action of actions) this.#do(action);
      }
    } finally {
      this.#isBusy = false;
      this.#events = [];
    }
  }

  #do(action: Action): void {
    const running = this.#running;
    if (!running) return;
    const { node, membership } = running;
    switch (action.do) {
      case 'introduce': {
        const { id, lost, asks } = action;
        return this.#talk(id, 'introduction', { record: this.#record(running), lost, asks });
      }
      case 'answer':
        return this.#talk(action.id, 'heartbeat', { revision: this.#revision });
      case 'joined':
        return node.joined(action.member);
      case 'left':
        return node.left(action.member);
      case 'observed': {
        const record = membership.record(action.id);
        if (!record) return;
        const member = { id: record.id, url: record.url };
        for (const channel of action.channels)
          node.observed(channel, member, (message) => this.#direct(member.id, message, 'delivery'));
        return;
      }
      case 'twins':
        node.server.diagnostics.count('oort_twins');
        return node.server.diagnostics.warn(
          'oort_twins',
          `Two nodes run with the Oort URL ${action.url}: give each its own`,
        );
    }
  }

  /** What is published for nodes that have left because the connection broke waits for them, until it is clear whether they come back. */
  #keep(before: readonly NodeRecord[]): void {
    const running = this.#running as Running;
    const { membership } = running;
    if (!this.#isCutOff(running)) return;
    for (const record of before) if (!membership.record(record.id)) this.#absent.set(record.id, record);
  }

  /** Whether it may be the fault of this node that it does not hear others: the server is away, silent, or was until a moment ago. */
  #isCutOff({ connection, sender }: Running): boolean {
    return !connection.isUp || sender.isHolding || connection.silence > 1.5 * this.#settings.heartbeat;
  }

  /** Taps what others observe, and nothing else: the widest of it, because what overlaps would be heard twice. */
  #retap(): void {
    const { membership, tap } = this.#running as Running;
    const wanted = new Set<string>();
    const all = new Set<string>();
    for (const { observed, interest } of [...membership.records, ...this.#absent.values()])
      for (const channel of [...observed, ...interest]) all.add(channel);
    for (const channel of all) if (!around(channel).some((wider) => all.has(wider))) wanted.add(channel);
    for (const channel of wanted) if (!this.#tapped.has(channel)) tap.open(channel);
    for (const channel of this.#tapped) if (!wanted.has(channel)) tap.close(channel);
    this.#tapped.clear();
    for (const channel of wanted) this.#tapped.add(channel);
  }

  #connected(isUp: boolean): void {
    const running = this.#running;
    if (!running) return;
    const { sender, channels, membership } = running;
    if (isUp) {
      channels.back();
      this.#heldUntil = performance.now() + this.#settings.leaveAfter;
      this.#feed({ what: 'back', at: performance.now() });
      this.#say({ isCall: true });
      sender.back();
    } else sender.hold([...membership.members.map(({ id }) => id), ...this.#absent.keys()]);
    this.#changed();
  }

  #tick(): void {
    const running = this.#running;
    if (!running) return;
    const at = performance.now();
    const { sender, connection, outbox, refusal, interest } = running;
    this.#feed({ what: 'tick', at });
    if (!outbox.isFilling) refusal.watch(false);
    interest.sweep(at);
    outbox.age(at, 2 * this.#settings.leaveAfter);
    if (sender.isHolding && connection.isUp && at > this.#heldUntil) sender.release();
    if (this.#absent.size > 0 && !this.#isCutOff(running)) {
      this.#absent.clear();
      this.#retap();
    }
    this.#changed();
  }

  #changed(): void {
    const running = this.#running;
    if (!running) return;
    const status = statusOf(running);
    if (status.state === this.#status.state && status.reason === this.#status.reason) return;
    this.#status = status;
    running.node.changed(status);
  }

  #every(period: number, act: () => void): void {
    const timer = setInterval(act, period);
    timer.unref();
    this.#timers.push(timer);
  }
}

function statusOf({ connection, membership }: Running): EngineStatus {
  if (!connection.isUp) return { state: 'down', reason: `NATS is away: ${connection.reason}` };
  const problems = connection.forbidden;
  for (const url of membership.twins) problems.push(`two nodes run with the URL ${url}`);
  return problems.length === 0 ? up : { state: 'degraded', reason: problems.sort().join('; ') };
}

/** Of this package. */
function ownVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

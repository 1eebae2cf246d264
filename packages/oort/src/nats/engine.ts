/** The engine on NATS: one connection instead of links to all other nodes, and messages only for those who want them. */
import { isBroadcast, type Message } from '@cometd-ts/protocol';
import type { ServerMessage, ServerSession } from '@cometd-ts/server';
import type { Engine, EngineNode, EngineStatus, Member } from '../engine.ts';
import type { Buckets } from '../powers.ts';
import { Connection } from './connection.ts';
import type { Listener } from './ear.ts';
import { NatsError, reasonOf } from './error.ts';
import { LateAddresses } from './late-addresses.ts';
import type { Action, Event } from './membership.ts';
import { type NatsOptions, type NatsSettings, natsSettings } from './options.ts';
import { isMatched } from './patterns.ts';
import { furnish, type Rooms } from './rooms.ts';
import type { Pulse } from './wire.ts';

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

class Nats implements NatsEngine, Listener {
  readonly name = 'nats';
  readonly addresses: LateAddresses = new LateAddresses();
  readonly isMoving: boolean;
  readonly #settings: NatsSettings;
  readonly #observed: Set<string> = new Set();
  #running: Rooms | null = null;
  #status: EngineStatus = { state: 'down', reason: 'not started' };
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
    if (this.#running || this.#isStopped) throw new TypeError('An engine on NATS is started once');
    const connection = await Connection.open(this.#settings, node.server, `cometd ${node.url}`);
    try {
      const running = await furnish(node, connection, this.#observed, this, (message) => this.#published(message));
      if (this.#isStopped) throw new Error('The engine was stopped while it started');
      this.#running = running;
      await this.#enter(running);
    } catch (error) {
      await this.stop();
      await connection.close();
      throw error;
    }
  }

  async #enter(running: Rooms): Promise<void> {
    const { connection, channels, interest, addresses, ear, voice } = running;
    const { heartbeat, joinAfter } = this.#settings;
    for (const channel of this.#observed) channels.want(channel);
    interest.start();
    this.addresses.stand(addresses);
    ear.start();
    connection.onChange((isUp) => this.#connected(isUp));
    if (!joinAfter) this.#appear(running);
    if (!(await connection.flushed()))
      throw new NatsError('unreachable', `NATS was lost while this node started: ${connection.reason}`);
    // What it has complained about is told in a turn of its own.
    await new Promise<void>((resolve) => setImmediate(resolve));
    const { channelPrefix } = connection.subjects;
    const [problem] = connection.forbidden.filter((one) => !one.includes(channelPrefix));
    if (problem !== undefined) throw new NatsError('denied', problem);
    void joinAfter?.then(() => this.#running === running && this.#appear(running));
    this.#every(heartbeat, () => {
      voice.heartbeat();
      void connection.flushed();
    });
    this.#every(heartbeat / 4, () => this.#tick());
    this.#changed();
  }

  #appear({ ear, voice }: Rooms): void {
    ear.listen();
    voice.speak();
    voice.call();
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#status = stopped;
    const running = this.#running;
    this.#running = null;
    for (const timer of this.#timers) clearInterval(timer);
    if (!running) return;
    const { node, connection, outbox, sender, channels, tap, interest, refusal, addresses, buckets, ear, voice } =
      running;
    ear.stop();
    interest.stop();
    channels.stop();
    tap.stop();
    refusal.watch(false);
    this.addresses.stand(null);
    addresses.stop();
    await buckets?.close();
    sender.release();
    voice.farewell();
    if (!(await connection.flushed())) this.#dropped(node, 'closed', outbox.unconfirmed, 'stopped while NATS is away');
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
    this.#running?.voice.announce();
  }

  deobserve(channel: string): void {
    if (!this.#observed.delete(channel)) return;
    this.#running?.channels.unwant(channel);
    this.#running?.voice.announce();
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
    try {
      const subject = connection.subjects.channel(channel);
      const isSent = sender.send({ subject, channel, text: json, kind: 'broadcast', to: null });
      if (outbox.isFilling) refusal.watch(true);
      if (!isSent) this.#dropped(node, 'queue', 1, `too many wait for NATS (option ${outbox.limit})`);
    } catch (error) {
      this.#dropped(node, 'refused', 1, reasonOf(error));
    }
  }

  #dropped({ server }: EngineNode, reason: 'queue' | 'refused' | 'closed' | 'lost', count: number, why: string): void {
    if (count === 0) return;
    server.diagnostics.count(`oort_link_dropped.${reason}`, count);
    server.diagnostics.warn('oort_link_dropped', `Messages for other nodes were dropped (${count}): ${why}`);
  }

  // What others say

  alive(id: string, pulse?: Pulse): void {
    const running = this.#running;
    if (!running?.membership.record(id)) return;
    const { sender, catchUp, voice, inbox, pulses } = running;
    const at = performance.now();
    sender.heard(id);
    if (pulse && !pulses.heard(id, pulse.beat, at)) {
      inbox.doubt(id);
      catchUp.begin([id], at);
    } else if (pulse && !catchUp.isBehind(id)) inbox.confirm(id, pulse.sent);
    if (catchUp.shallAsk(id, at)) voice.ask(id, inbox.last(id));
  }

  settled(id: string): void {
    const running = this.#running;
    if (!running) return;
    const { taps, membership, sender } = running;
    if (taps.release(id)) taps.tap(membership.records);
    sender.heard(id);
  }

  asked(id: string, after: number): void {
    const running = this.#running;
    const record = running?.membership.record(id);
    if (!running || !record) return;
    const { outbox, voice, sender } = running;
    const { entries, missing } = outbox.sentSince(after);
    const wanted = new Set([...record.observed, ...record.interest]);
    voice.again(id, !missing);
    sender.repeat(
      entries.filter(({ to, channel }) => to === id || (to === null && isMatched(channel, wanted))),
      id,
    );
    // Whoever has missed something is told of the state of things anew.
    if (missing) this.#observedBy(id, record.observed);
  }

  lost(id: string): void {
    const running = this.#running;
    if (!running) return;
    running.inbox.trust(id);
    running.node.server.diagnostics.count('oort_link_dropped.lost');
    running.node.server.diagnostics.warn(
      'oort_link_dropped',
      `Messages of ${running.membership.record(id)?.url ?? 'a node'} were lost on their way through NATS`,
    );
  }

  missing(id: string, channel: string | null): void {
    if (channel === null || !isBroadcast(channel) || this.#running?.channels.wants(channel)) this.lost(id);
  }

  // The machine

  /** One event at a time: what is done for one may bring the next. */
  feed(event: Event): void {
    this.#events.push(event);
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (let next = this.#events.shift(); next && this.#running; next = this.#events.shift()) {
        const { membership } = this.#running;
        const { changes } = membership;
        const actions = membership.apply(next);
        if (membership.changes !== changes) this.#moved(this.#running);
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
    const { node, voice } = running;
    switch (action.do) {
      case 'introduce': {
        const { id, lost, asks } = action;
        return voice.introduce(id, { lost, asks });
      }
      case 'answer':
        return voice.answer(action.id);
      case 'joined':
        return node.joined(action.member);
      case 'left':
        return node.left(action.member);
      case 'observed':
        return this.#observedBy(action.id, action.channels);
      case 'twins':
        node.server.diagnostics.count('oort_twins');
        return node.server.diagnostics.warn(
          'oort_twins',
          `Two nodes run with the Oort URL ${action.url}: give each its own`,
        );
    }
  }

  #observedBy(id: string, channels: readonly string[]): void {
    for (const channel of channels) {
      const record = this.#running?.membership.record(id);
      if (!record) return;
      const { url } = record;
      this.#running?.node.observed(channel, { id, url }, (message) => this.#direct(id, message, 'delivery'));
    }
  }

  /** What is published for nodes that have left because this one is cut off waits for them, until it is clear whether they come back. */
  #moved(running: Rooms): void {
    const { membership, taps, catchUp, pulses, inbox } = running;
    for (const record of membership.departed) {
      catchUp.end(record.id);
      pulses.forget(record.id);
      inbox.trust(record.id);
      if (this.#isCutOff(running)) taps.keep(record);
    }
    taps.tap(membership.records);
  }

  /** Whether it may be the fault of this node that it does not hear others: the server is away, silent, or was until a moment ago. */
  #isCutOff({ connection, sender }: Rooms): boolean {
    return !connection.isUp || sender.isHolding || connection.silence > 1.5 * this.#settings.heartbeat;
  }

  #connected(isUp: boolean): void {
    const running = this.#running;
    if (!running) return;
    const { sender, channels, membership, taps, catchUp, voice, pulses } = running;
    const ids = membership.members.map(({ id }) => id);
    if (isUp) {
      const at = performance.now();
      channels.back();
      catchUp.begin(ids, at);
      pulses.clear();
      this.#heldUntil = at + this.#settings.leaveAfter;
      this.feed({ what: 'back', at });
      voice.call();
      sender.back();
    } else sender.hold([...ids, ...taps.absent]);
    this.#changed();
  }

  #tick(): void {
    const running = this.#running;
    if (!running) return;
    const at = performance.now();
    const { sender, connection, outbox, refusal, interest, taps, membership, catchUp, pulses } = running;
    this.feed({ what: 'tick', at });
    const late = this.#isCutOff(running) ? [] : pulses.late(at).filter((id) => !catchUp.isBehind(id));
    catchUp.begin(late, at);
    if (!outbox.isFilling) refusal.watch(false);
    interest.sweep(at);
    outbox.age(at, 2 * this.#settings.leaveAfter);
    for (const id of catchUp.overdue(at)) this.lost(id);
    if (sender.isHolding && connection.isUp && at > this.#heldUntil) sender.release();
    if (taps.absent.length > 0 && !this.#isCutOff(running)) {
      taps.releaseAll();
      taps.tap(membership.records);
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

function statusOf({ connection, membership }: Rooms): EngineStatus {
  if (!connection.isUp) return { state: 'down', reason: `NATS is away: ${connection.reason}` };
  const problems = connection.forbidden;
  for (const url of membership.twins) problems.push(`two nodes run with the URL ${url}`);
  return problems.length === 0 ? up : { state: 'degraded', reason: problems.sort().join('; ') };
}

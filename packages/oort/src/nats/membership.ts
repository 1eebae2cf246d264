/** Who belongs to the cloud, as one node knows it: events in, actions out, no network and no clock. */
import type { Member } from '../engine.ts';

/** What a node says of itself. */
export interface NodeRecord extends Member {
  /** When it was started, in ms since 1970 by its own clock. */
  readonly started: number;
  /** Of what nodes say to each other, for those to come that say it otherwise. */
  readonly version: number;
  /** Grows with each change of what it observes. */
  readonly revision: number;
  readonly observed: readonly string[];
  /** Patterns below which it observes whatever its clients subscribe to. */
  readonly interest: readonly string[];
}

/**
 * Everybody hears everybody's heartbeats. Who hears one of a node it does not know introduces itself to that node, which does the same:
 *
 *     heartbeat of B ─▶ A: who is that?  ─▶ introduction of A to B, asking for one ─▶ B: joined(A)
 *                                            introduction of B to A              ◀─
 *                       A: joined(B)     ◀─
 *
 * A newcomer asks all to send a heartbeat at once, and so it knows everybody after one round. There is no list of nodes that is
 * kept anywhere: a bucket would need JetStream, would lag behind the heartbeats that detect a crash anyway, and a record
 * that outlives its node helps nobody, because it has left.
 *
 * A node that is also on another engine, as this one is, is met there: it is told who this one is, and is nobody here.
 *
 * Two nodes can differ in whether they have lost each other, when one was cut off only just long enough. So an introduction
 * says how often its sender has lost the other. When that has grown, the other one takes leave first, and both join anew.
 */
export type Event =
  /** `revision`: of the record it has now. `isCall`: all shall answer with a heartbeat of their own. */
  | {
      readonly what: 'heartbeat';
      readonly id: string;
      readonly revision: number;
      readonly isCall: boolean;
      readonly at: number;
    }
  /** A record: to all when it has changed, or to this node as an introduction. */
  | { readonly what: 'changed'; readonly record: NodeRecord; readonly at: number }
  | {
      readonly what: 'introduced';
      readonly record: NodeRecord;
      /** How often that node has lost this one. */
      readonly lost: number;
      /** It wants one in return. */
      readonly asks: boolean;
      readonly at: number;
    }
  | { readonly what: 'farewell'; readonly id: string }
  /** Time has passed. Comes more often than nodes say that they live. */
  | { readonly what: 'tick'; readonly at: number }
  /** The connection is there again. */
  | { readonly what: 'back'; readonly at: number };

export type Action =
  | { readonly do: 'introduce'; readonly id: string; readonly lost: number; readonly asks: boolean }
  /** Send a heartbeat to this node alone. */
  | { readonly do: 'answer'; readonly id: string }
  | { readonly do: 'joined'; readonly member: Member }
  | { readonly do: 'left'; readonly member: Member }
  /** A node observes these channels that it did not observe before. */
  | { readonly do: 'observed'; readonly id: string; readonly channels: readonly string[] }
  /** Two nodes that run use the same URL. `id`: the one that is not listened to. */
  | { readonly do: 'twins'; readonly url: string; readonly id: string };

/** Times in ms. */
export interface MembershipOptions {
  readonly heartbeat: number;
  readonly leaveAfter: number;
}

interface Peer {
  record: NodeRecord;
  /** How often it had lost this node when it was introduced. */
  readonly lost: number;
  /** When it was last heard. */
  seen: number;
  /** When its record was last asked for. */
  asked: number;
}

/** How many ids of nodes are remembered that were asked, lost or replaced. */
const REMEMBERED = 10_000;

export class Membership {
  readonly #self: Member;
  readonly #options: MembershipOptions;
  readonly #peers: Map<string, Peer> = new Map();
  /** Nodes that were heard and are not known yet, and when they were asked who they are. */
  readonly #asked: Map<string, number> = new Map();
  readonly #lost: Map<string, number> = new Map();
  /** Starts of nodes that another start has replaced, and twins of this node. */
  readonly #replaced: Map<string, { readonly url: string; heard: number | null }> = new Map();
  /** Nodes that are met on another engine. */
  readonly #elsewhere: Map<string, string> = new Map();
  #lastTick: number | null = null;
  #departed: NodeRecord[] = [];
  #changes = 0;

  constructor(self: Member, options: MembershipOptions) {
    this.#self = self;
    this.#options = options;
  }

  /** What has happened; answers what is to be done, in this order. */
  apply(event: Event): Action[] {
    this.#departed = [];
    switch (event.what) {
      case 'heartbeat':
        return this.#heartbeat(event);
      case 'changed':
        return this.#changed(event.record, event.at);
      case 'introduced':
        return this.#introduced(event);
      case 'farewell':
        return this.#leave(event.id);
      case 'tick':
        return this.#tick(event.at);
      case 'back':
        return this.#back(event.at);
    }
  }

  // What is known

  get members(): Member[] {
    return [...this.#peers.values()].map(({ record: { id, url } }) => ({ id, url }));
  }

  get records(): NodeRecord[] {
    return [...this.#peers.values()].map(({ record }) => record);
  }

  /** Those who have left with the last event. */
  get departed(): readonly NodeRecord[] {
    return this.#departed;
  }

  /** Grows with each change of the records. */
  get changes(): number {
    return this.#changes;
  }

  record(id: string): NodeRecord | undefined {
    return this.#peers.get(id)?.record;
  }

  /** The node of a URL. */
  find(url: string): Member | undefined {
    for (const { record } of this.#peers.values()) if (record.url === url) return record;
    return undefined;
  }

  /** URLs that more than one running node uses, as far as that was heard lately. */
  get twins(): string[] {
    const since = (this.#lastTick ?? 0) - this.#options.leaveAfter;
    const heard = [...this.#replaced.values()].filter((one) => one.heard !== null && one.heard >= since);
    return [...new Set(heard.map(({ url }) => url))];
  }

  // Events

  #heartbeat({ id, revision, isCall, at }: Event & { what: 'heartbeat' }): Action[] {
    if (id === this.#self.id || this.#elsewhere.has(id)) return [];
    const peer = this.#peers.get(id);
    if (!peer) return this.#replaced.has(id) ? this.#twin(id, '', at) : this.#ask(id, at);
    peer.seen = at;
    if (revision !== peer.record.revision && at - peer.asked >= this.#options.heartbeat) {
      peer.asked = at;
      return [this.#introduce(id, true)];
    }
    return isCall ? [{ do: 'answer', id }] : [];
  }

  /** Once in a heartbeat: its answer may be on its way. */
  #ask(id: string, at: number): Action[] {
    const asked = this.#asked.get(id);
    if (asked !== undefined && at - asked < this.#options.heartbeat) return [];
    remember(this.#asked, id, at);
    return [this.#introduce(id, true)];
  }

  #introduce(id: string, asks: boolean): Action {
    return { do: 'introduce', id, lost: this.#lost.get(id) ?? 0, asks };
  }

  #changed(record: NodeRecord, at: number): Action[] {
    const peer = this.#peers.get(record.id);
    if (!peer)
      return this.#heartbeat({ what: 'heartbeat', id: record.id, revision: record.revision, isCall: false, at });
    peer.seen = at;
    return this.#update(peer, record);
  }

  #update(peer: Peer, record: NodeRecord): Action[] {
    if (record.revision <= peer.record.revision) return [];
    const before = new Set(peer.record.observed);
    peer.record = record;
    this.#changes++;
    const channels = record.observed.filter((channel) => !before.has(channel));
    return channels.length === 0 ? [] : [{ do: 'observed', id: record.id, channels }];
  }

  #introduced({ record, lost, asks, at }: Event & { what: 'introduced' }): Action[] {
    const { id, url } = record;
    if (id === this.#self.id) return [];
    if (this.#replaced.has(id) || url === this.#self.url) {
      const twins = this.#twin(id, url, at);
      // So that the other one knows it, too.
      return asks ? [this.#introduce(id, false), ...twins] : twins;
    }
    if (record.alsoOn !== undefined && record.alsoOn === this.#self.alsoOn) {
      remember(this.#elsewhere, id, url);
      return asks ? [this.#introduce(id, false)] : [];
    }
    const peer = this.#peers.get(id);
    const isSame = peer?.lost === lost;
    const actions = isSame ? [] : this.#leave(id);
    // After taking leave, which changes how often this node has lost the other.
    if (asks) actions.push(this.#introduce(id, false));
    if (isSame) {
      peer.seen = at;
      return [...actions, ...this.#update(peer, record)];
    }
    const old = this.find(url);
    if (old) {
      remember(this.#replaced, old.id, { url, heard: null });
      actions.push(...this.#leave(old.id));
    }
    this.#asked.delete(id);
    this.#peers.set(id, { record, lost, seen: at, asked: at });
    this.#changes++;
    if (record.observed.length > 0) actions.push({ do: 'observed', id, channels: record.observed });
    actions.push({ do: 'joined', member: { id, url } });
    return actions;
  }

  /** It has left; if it is heard again it must join anew. */
  #leave(id: string): Action[] {
    this.#asked.delete(id);
    const peer = this.#peers.get(id);
    if (!peer) return [];
    this.#peers.delete(id);
    this.#departed.push(peer.record);
    this.#changes++;
    remember(this.#lost, id, (this.#lost.get(id) ?? 0) + 1);
    return [{ do: 'left', member: { id, url: peer.record.url } }];
  }

  /** Told once for each node that is not listened to. */
  #twin(id: string, url: string, at: number): Action[] {
    const known = this.#replaced.get(id);
    const wasHeard = known !== undefined && known.heard !== null;
    const twin = { url: known?.url ?? url, heard: at };
    remember(this.#replaced, id, twin);
    return wasHeard ? [] : [{ do: 'twins', url: twin.url, id }];
  }

  #tick(at: number): Action[] {
    const { heartbeat, leaveAfter } = this.#options;
    // A tick that comes late says that this process stood still: what others have sent meanwhile has yet to be read.
    const stall = this.#lastTick === null ? 0 : at - this.#lastTick - heartbeat;
    this.#lastTick = at;
    const actions: Action[] = [];
    for (const [id, peer] of this.#peers) {
      if (stall > 0) peer.seen += stall;
      if (at - peer.seen > leaveAfter) actions.push(...this.#leave(id));
    }
    return actions;
  }

  /** Others may need a moment longer to come back. */
  #back(at: number): Action[] {
    const { heartbeat, leaveAfter } = this.#options;
    const least = at - leaveAfter + 2 * heartbeat;
    for (const peer of this.#peers.values()) peer.seen = Math.max(peer.seen, least);
    return [];
  }
}

/** Keeps the latest; the oldest is forgotten when there are too many. */
function remember<T>(map: Map<string, T>, id: string, value: T): void {
  map.delete(id);
  map.set(id, value);
  if (map.size <= REMEMBERED) return;
  const [oldest] = map.keys();
  map.delete(oldest as string);
}

/**
 * What carries a cluster: the contract between `Oort` and the engine below it.
 *
 * A *node* is one Bayeux server with an identity: a URL that is the same for everybody, and an id that is new with every
 * start. An engine finds the other nodes, tells when one has joined or left, and carries messages between them. It knows
 * nothing of users, objects or services; they know nothing of engines.
 *
 * What every engine guarantees:
 *
 * - **Order.** What one node sends to another, by whichever of the two ways below, is heard there in the order it was sent,
 *   as far as both ways are the same one: broadcasts among themselves, directed messages among themselves. A broadcast and
 *   a directed message may overtake each other. Between different senders there is no order.
 * - **At most once.** A message is heard once or not at all. It is lost when the other node is away, or its connection was
 *   away for longer than the engine bridges. Nothing is sent again to a node that left and joined anew.
 * - **One hop.** What came from a node is never carried on to another node.
 * - **Joined and left.** `joined(member)` comes once for each start of a node that is not this one, when messages can go both ways: what is
 *   published inside the callback reaches it. `left(member)` comes once after each `joined`, and never without one. A node
 *   that has started anew has left before it joins: `left(old id)`, then `joined(new id)`.
 *   A broken connection that the engine bridges is neither.
 * - **What survives.** Nothing: an engine keeps no messages for nodes to come. Whoever needs state shares it again on `joined`
 *   or on `observed`.
 * - **Calls come one at a time.** The engine calls its node only from a fresh turn, or from a network event, never from inside
 *   a call of `observe`, `deobserve` or `send`; so whoever calls these need not fear to be called back half-way.
 *
 * A complete tiny engine is `MemoryCloud` in the testkit; `engineContract` there is the suite that every engine passes.
 */
import type { Message } from '@cometd-ts/protocol';
import type { BayeuxServer, LocalSession, ServerSession } from '@cometd-ts/server';
import type { Addresses, Buckets } from './powers.ts';

/** A node as others know it. */
export interface Member {
  /** Identity of this start of the node; a node that starts anew has a new one. */
  readonly id: string;
  /** Identity of the node: its Oort URL, compared letter by letter. */
  readonly url: string;
  /** The name of another engine by which this node is met, too, while a cluster moves: see `movingEngine`. */
  readonly alsoOn?: string | undefined;
}

/** Where a node stands in its cluster. */
export interface EngineStatus {
  /** `up`: all is well. `degraded`: some of the cluster cannot be reached. `down`: none of it can, or the engine is not started. */
  readonly state: 'up' | 'degraded' | 'down';
  /** Why it is not `up`, for people; empty when it is. */
  readonly reason: string;
}

/** What `Oort` hands to its engine. */
export interface EngineNode {
  readonly id: string;
  readonly url: string;
  /**
   * This node is also on the engine of this name. Others of which that is true are met there: here they are nobody, nothing they
   * say is heard and nothing is said to them. An engine that cannot tell others rejects its `start` with `TypeError`.
   */
  readonly alsoOn?: string | undefined;
  readonly server: BayeuxServer;
  /** The local session that stands for the cluster here: what comes from other nodes is published by it. Handshaken. */
  readonly session: LocalSession;
  joined(member: Member): void;
  left(member: Member): void;
  /** A broadcast of another node on an observed channel, once, whatever patterns overlap. Its `id` and `clientId` are gone. */
  arrived(message: Message): void;
  /** A message another node has sent to this one. It is heard on its channel as if that node had published it here. */
  addressed(message: Message): void;
  /**
   * Another node has begun to observe `channel` (as it was given to its `observe`), or has come back and observes it again.
   * `deliver` brings a message to that node alone, as a broadcast; false when it is gone already. May come shortly before `joined`.
   */
  observed(channel: string, member: Member, deliver: (message: Message) => boolean): void;
  /** The status has changed. */
  changed(status: EngineStatus): void;
}

/** An engine. It serves one node, once: after `stop` it is not started again. */
export interface Engine {
  /** For logs and pages: `mesh`, `nats`. */
  readonly name: string;
  readonly status: EngineStatus;
  /** The nodes that have joined and not left, this one excluded. */
  readonly members: readonly Member[];
  /** Resolves when other nodes can find this one. Rejects with what is wrong when they never can. */
  start(node: EngineNode): Promise<void>;
  /** Leaves: the others hear `left` at once. After it nothing of the node is called. Resolves when all connections are closed. */
  stop(): Promise<void>;
  /** Messages other nodes publish on this channel, or on channels this pattern matches, arrive here from now on. Before `start`, too. */
  observe(channel: string): void;
  deobserve(channel: string): void;
  /**
   * Sends a message to the node of this URL alone. False when there is no such node, or no way to it: nothing was sent.
   * Works from `joined` (inside its callback, too) until `left`. Throws `TypeError` for a message without a channel.
   */
  send(url: string, message: Message): boolean;
  /**
   * Whether messages of the node of this URL may be arriving: true from a moment before `joined` until `left`. What says that
   * it comes from a node of which this is false is a latecomer.
   */
  isConnected(url: string): boolean;
  /** Whether a session of the server stands for another node. */
  isNode(session: ServerSession): boolean;
  /** Messages that wait, in engines with one queue for all other nodes. */
  readonly queued?: number;
  /** Absent when the engine has none. Of use from `start` to `stop`; what is registered ends with the engine. */
  readonly addresses?: Addresses;
  /** Absent when the engine has none, or the system it stands on keeps nothing: known when `start` has resolved. */
  readonly buckets?: Buckets | undefined;
  /** Other nodes may have neither: what is said by these is said by messages, too, until the last one has moved. Default false. */
  readonly isMoving?: boolean | undefined;
}

/** Optional power of engines that go to other nodes by their URL. */
export interface Comets {
  /** Goes to the node at this URL. Own and known URLs change nothing. Throws `TypeError` for what is no absolute http(s) URL. */
  observeComet(url: string): void;
  /** Takes leave of the node of this URL; both hear `left`. False when it was not known. */
  deobserveComet(url: string): boolean;
  /** URLs of the nodes it has gone to, or is on its way to. */
  readonly knownComets: readonly string[];
  /** Whether a handshake comes from a node that knows the secret. For security policies. */
  isOortHandshake(message: Message): boolean;
}

/** One pair of links, as this node sees it. */
export interface LinkInfo {
  /** The other node's URL; the one it was dialed by, until it has answered. */
  readonly url: string;
  /** The other node's id; null until it is known. */
  readonly id: string | null;
  /** Our link to it. `connecting`: it was never up. `away`: messages wait until it is back. `none`: the other node has come here only. */
  readonly out: 'none' | 'connecting' | 'up' | 'away' | 'closed';
  /** Its session here: it has shaken hands, has said that it joins, has joined. */
  readonly in: 'none' | 'shaken' | 'joining' | 'joined';
  /** Messages that wait for our link. */
  readonly queued: number;
  /** When our link, or without one its session, came into its present state, in ms since 1970. */
  readonly since: number;
  /** What has gone wrong with our link, for people; empty when nothing has. */
  readonly problem: string;
}

/** Optional power of engines that have a pair of links to each other node. For status pages. */
export interface Links {
  readonly links: readonly LinkInfo[];
}

export function hasLinks(engine: Engine): engine is Engine & Links {
  return 'links' in engine;
}

export function hasComets(engine: Engine): engine is Engine & Comets {
  return 'observeComet' in engine && 'deobserveComet' in engine;
}

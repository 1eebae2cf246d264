/** The registry of sessions: it creates them, knows the living, and removes those that left or expired. */
import type { ServerEvents } from '../api.ts';
import type { Listeners } from '../listeners.ts';
import type { ServerMessage } from '../message.ts';
import { localSessionId, sessionId } from './identifier.ts';
import type { Neighbours } from './neighbours.ts';
import { type EndReason, Session, type SessionHost } from './session.ts';
import type { Via } from './timing.ts';

/** A queue that is not worth ending a session for, in characters. */
const LITTLE = 65_536;

export class Sessions {
  readonly #byId: Map<string, Session> = new Map();
  readonly #host: SessionHost;
  readonly #listeners: Listeners<ServerEvents>;
  readonly #broadcastToPublisher: boolean;
  readonly #neighbours: Neighbours;
  /** Sessions that have not connected yet; a set, so that counting them costs nothing. */
  readonly #unconnected: Set<Session> = new Set();

  constructor(
    host: SessionHost,
    listeners: Listeners<ServerEvents>,
    broadcastToPublisher: boolean,
    neighbours: Neighbours,
  ) {
    this.#host = host;
    this.#listeners = listeners;
    this.#broadcastToPublisher = broadcastToPublisher;
    this.#neighbours = neighbours;
  }

  /** A session that is not registered yet. */
  create(via: Via, localHint?: string): Session {
    const isLocal = localHint !== undefined;
    const id = isLocal ? localSessionId(localHint) : sessionId(this.#neighbours.mark);
    return new Session(this.#host, id, via, isLocal, this.#broadcastToPublisher);
  }

  get(id: string): Session | undefined {
    return this.#byId.get(id);
  }

  get list(): readonly Session[] {
    return [...this.#byId.values()];
  }

  get size(): number {
    return this.#byId.size;
  }

  get unconnectedCount(): number {
    return this.#unconnected.size;
  }

  /** The session has handshaken: server listeners are told first, then its own. */
  register(session: Session, message: ServerMessage): void {
    this.#byId.set(session.id, session);
    if (!session.isLocalSession) this.#unconnected.add(session);
    this.#host.diagnostics.notify('sessionAdded listener', this.#listeners.of('sessionAdded'), session, message);
    session.notify('added', session, message);
  }

  /** The session has sent its first connect. */
  connected(session: Session): void {
    this.#unconnected.delete(session);
  }

  /**
   * Out of the registry, server listeners, end of its state, subscriptions, its own listeners: in this order.
   * False when it was not registered.
   */
  remove(session: Session, message: ServerMessage | null, timeout: boolean, reason?: EndReason): boolean {
    if (!this.#byId.delete(session.id)) return false;
    this.#unconnected.delete(session);
    this.#host.diagnostics.count(`sessions_ended.${reason ?? reasonOf(session, message, timeout)}`);
    this.#host.diagnostics.notify(
      'sessionRemoved listener',
      this.#listeners.of('sessionRemoved'),
      session,
      message,
      timeout,
    );
    if (!session.terminated(timeout)) return true;
    for (const channel of session.subscriptions) channel.unsubscribe(session);
    session.notify('removed', session, message, timeout);
    return true;
  }

  /** Removes the sessions whose time is over; their held connects are let go without an answer. */
  sweep(): void {
    const now = this.#host.clock.now();
    for (const session of this.#byId.values()) {
      if (!session.isOverdue(now)) continue;
      this.remove(session, null, true);
      session.bind(null, 'expired');
    }
  }

  /** Ends the sessions with the longest queues, until half of all that waits is gone. Those with little in them stay. */
  shed(): void {
    let bytes = 0;
    for (const session of this.#byId.values()) bytes += session.queueBytes;
    const heavy = this.list.filter((session) => !session.isLocalSession && session.queueBytes > LITTLE);
    let left = bytes / 2;
    for (const session of heavy.sort((a, b) => b.queueBytes - a.queueBytes)) {
      if (left <= 0) return;
      left -= session.queueBytes;
      session.shed();
    }
  }

  /** The server stops: every session is removed and let go. */
  clear(): void {
    for (const session of this.#byId.values()) {
      this.remove(session, null, false, 'stopped');
      session.bind(null, 'stopped');
    }
  }
}

/** Why a session ends, where nobody says more: who was sent elsewhere has gone for that. */
function reasonOf(session: Session, message: ServerMessage | null, timeout: boolean): EndReason {
  if (timeout) return 'expired';
  if (session.farewell) return 'drain';
  return message ? 'disconnect' : 'server';
}

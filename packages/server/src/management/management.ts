/** What operators may see of a running server, and do to it. What JMX is to the server in Java: book section 9.3.13. */
import { hashed, printable } from '../diagnostics.ts';
import type { ServerOptions } from '../options.ts';
import type { Rooms } from '../rooms.ts';
import type { Session } from '../session/session.ts';
import { type ChangeableOption, Changes } from './changes.ts';
import {
  type ChannelSnapshot,
  channelSnapshot,
  plainSettings,
  type ServerSnapshot,
  type SessionSnapshot,
  sessionSnapshot,
  type TransportSnapshot,
} from './snapshots.ts';

/** What management needs to know of the server beside its rooms. */
export interface House {
  readonly state: 'new' | 'started' | 'stopped';
  /** In ms since 1970; null before it has started. */
  readonly startedAt: number | null;
  /** Open WebSockets. */
  readonly connections: number;
  /** HTTP requests of a transport that are not answered yet. */
  requestsOf(transport: string): number;
}

/** How sessions are shown. */
export interface SessionView {
  /** Shows their ids, too. Who knows the id of a session can speak for it. Default false. */
  readonly ids?: boolean;
}

const HASH: RegExp = /^[0-9a-f]{8}$/;

/**
 * The attributes and operations of one server, as `server.management`: it is the server's own, because only the server
 * has what it shows, and so that nothing must be passed around. It asks nobody for permission and has no door of its own:
 * what of it is shown, and to whom, is the application's to decide. Sessions are named by their id or by its hash, as
 * in the log. Snapshots are made when they are asked for, and cost as much as there is to be seen.
 */
export class Management {
  readonly #rooms: Rooms;
  readonly #house: House;
  readonly #changes: Changes;

  constructor(rooms: Rooms, house: House, options: ServerOptions) {
    this.#rooms = rooms;
    this.#house = house;
    this.#changes = new Changes(rooms, options);
  }

  // Attributes

  get server(): ServerSnapshot {
    const { sessions, channels, diagnostics, settings } = this.#rooms;
    const { startedAt } = this.#house;
    return {
      state: this.state,
      startedAt,
      uptime: startedAt === null ? 0 : Math.max(Date.now() - startedAt, 0),
      overload: this.overload,
      lateness: this.lateness,
      sessions: sessions.size,
      unconnected: sessions.unconnectedCount,
      channels: channels.size,
      counters: Object.fromEntries(diagnostics.counters),
      settings: plainSettings(settings),
    };
  }

  get state(): ServerSnapshot['state'] {
    const { state } = this.#house;
    return state === 'started' && this.#rooms.drain.isAnnounced ? 'draining' : state;
  }

  /** How much too much there is to do: 0 nothing to 3, at which the server is not ready. */
  get overload(): 0 | 1 | 2 | 3 {
    return this.#rooms.overload.level;
  }

  /** How late the event loop last was for the sweeper, in ms; 0 for a server that does not run. */
  get lateness(): number {
    return this.#house.state === 'started' ? Math.round(this.#rooms.clock.lateness) : 0;
  }

  sessions(view: SessionView = {}): SessionSnapshot[] {
    return this.#rooms.sessions.list.map((session) => sessionSnapshot(this.#rooms, session, view.ids === true));
  }

  /** One session by its id or hash; undefined when there is none. Throws `RangeError` for a hash that several have. */
  session(name: string, view: SessionView = {}): SessionSnapshot | undefined {
    const session = this.#find(name);
    return session && sessionSnapshot(this.#rooms, session, view.ids === true);
  }

  /** The sessions for which most is queued, the first one first. */
  largestQueues(count = 20, view: SessionView = {}): SessionSnapshot[] {
    return this.#rooms.sessions.list
      .filter((session) => session.queueBytes > 0)
      .sort((one, other) => other.queueBytes - one.queueBytes)
      .slice(0, count)
      .map((session) => sessionSnapshot(this.#rooms, session, view.ids === true));
  }

  channels(): ChannelSnapshot[] {
    return this.#rooms.channels.list.map(channelSnapshot);
  }

  channel(name: string): ChannelSnapshot | undefined {
    const channel = this.#rooms.channels.get(name);
    return channel && channelSnapshot(channel);
  }

  /** The transports that are allowed, or still have sessions. */
  transports(): TransportSnapshot[] {
    const allowed: readonly string[] = this.#rooms.settings.allowedTransports;
    const counts = new Map(allowed.map((name) => [name, 0]));
    for (const { transport } of this.#rooms.sessions.list) counts.set(transport, (counts.get(transport) ?? 0) + 1);
    return [...counts].map(([name, sessions]) => ({
      name,
      isAllowed: allowed.includes(name),
      sessions,
      requests: this.#house.requestsOf(name),
      connections: name === 'websocket' ? this.#house.connections : 0,
    }));
  }

  // Operations

  /** Ends a session and tells its client so. False when there is none of that id or hash. */
  disconnect(name: string): boolean {
    const session = this.#find(name);
    session?.disconnect();
    return session !== undefined;
  }

  /** Sends what is queued for a session as soon as its client can take it, lazy messages too. False when there is none. */
  flush(name: string): boolean {
    const session = this.#find(name);
    session?.flush();
    return session !== undefined;
  }

  /**
   * Takes a channel away, with its listeners and authorizers; its subscribers are unsubscribed before, which listeners are
   * told, and clients are not. The channels below it stay. The next one who asks for it, and may, creates it again.
   * False when there is none of that name. Throws `TypeError` for a meta channel: the protocol has them.
   */
  removeChannel(name: string): boolean {
    const { channels, diagnostics } = this.#rooms;
    const channel = channels.get(name);
    if (!channel) return false;
    if (channel.isMeta) throw new TypeError(`The channel ${name} belongs to the protocol and cannot be removed`);
    for (const session of channel.subscribers) channel.unsubscribe(session);
    channels.remove(channel);
    diagnostics.info(`The channel ${printable(name)} was removed (management)`);
    return true;
  }

  /**
   * Changes an option from now on, and tells clients what concerns them with the next reply to a connect; strings are read
   * as in the constructor, undefined goes back to the default. What is set for one transport still precedes what is set
   * for all. Limits per address count only what comes after they are switched on. Throws `TypeError` for an option that
   * does not exist, has another type, or was read once and for all, and `RangeError` for a value out of range.
   */
  change<Name extends ChangeableOption>(name: Name, value: ServerOptions[Name] | string): void {
    this.#changes.make(name, value);
    this.#rooms.diagnostics.info(
      `The option ${name} is now ${printable(String(value ?? 'as by default'))} (management)`,
    );
  }

  #find(name: string): Session | undefined {
    const { sessions } = this.#rooms;
    const session = sessions.get(name);
    if (session || !HASH.test(name)) return session;
    const [found, another] = sessions.list.filter((one) => hashed(one.id) === name);
    if (another) throw new RangeError(`More than one session has the hash ${name}: give the id`);
    return found;
  }
}

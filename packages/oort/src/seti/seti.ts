/** Users across the cluster: who is where, and messages to them wherever they are. Book section 9.6. */
import type { LocalSession, Registration, ServerSession } from '@cometd-ts/server';
import type { Member } from '../engine.ts';
import { Events } from '../events.ts';
import { localSession } from '../local.ts';
import type { Oort } from '../oort.ts';
import { SETI_ALL, setiChannel, setiId } from '../wire.ts';
import { Latest } from './latest.ts';
import { Presences } from './presences.ts';
import { isPresence, type PresenceRecord, readRecord, type UserRecord } from './records.ts';

/** A user has come to a node, or left it. */
export interface PresenceEvent {
  readonly userId: string;
  /** URL of the node. */
  readonly url: string;
  /** Whether it is this node. */
  readonly isLocal: boolean;
}

export interface SetiEvents {
  /** The first session of a user on a node. */
  presenceAdded: (event: PresenceEvent) => void;
  /** The last session of a user on a node is gone, or the node is. */
  presenceRemoved: (event: PresenceEvent) => void;
}

/** Most characters of user ids in one message: what nodes take in one frame is limited. */
const LIST_LENGTH = 400_000;

/** How many nodes that have not joined are remembered. */
const MOST_EARLY = 1_000;

export class Seti {
  readonly oort: Oort;
  /** Of this node, as part of a channel. */
  readonly #id: string;
  readonly #presences: Presences = new Presences();
  readonly #events: Events<SetiEvents>;
  readonly #heard: Map<string, Latest> = new Map();
  /** Nodes that told of users before they joined; of those who never do nobody would hear that they are gone. */
  readonly #early: Set<string> = new Set();
  /** The listener for the end of a session, by session and user: a session may have several users. */
  readonly #watches: Map<ServerSession, Map<string, Registration>> = new Map();
  #registrations: Registration[] = [];
  #session: LocalSession | null = null;
  #seq = 0;

  constructor(oort: Oort) {
    this.oort = oort;
    this.#id = setiId(oort.url);
    this.#events = new Events(oort.server.diagnostics);
  }

  /** Call it after the start of `oort`. Rejects with `TypeError` when that has not started, or this has. */
  async start(): Promise<void> {
    const { oort } = this;
    if (!oort.isStarted) throw new TypeError('Start the Oort before its Seti');
    if (this.#session) throw new TypeError('This Seti was started before');
    const session = await localSession(oort.server, `seti-${this.#id}`);
    this.#session = session;
    this.#registrations = [
      oort.addListener('cometJoined', ({ url }) => this.#tell(url, this.#early.delete(url) || undefined)),
      oort.addListener('cometLeft', (member) => this.#left(member)),
      oort.addListener('observed', (channel, _member, deliver) => {
        if (channel === SETI_ALL) for (const record of this.#list(true)) deliver({ channel: SETI_ALL, data: record });
      }),
      ...[SETI_ALL, setiChannel(oort.url)].map((name) =>
        oort.server.createChannelIfAbsent(name).channel.addListener('message', (sender, _channel, message) => {
          if (oort.isOort(sender)) this.#arrived(message.data);
        }),
      ),
    ];
    oort.observeChannel(SETI_ALL);
    oort.observeChannel(setiChannel(oort.url));
  }

  /** The users of this node are present nowhere else any more. Their sessions go on. */
  async stop(): Promise<void> {
    const session = this.#session;
    if (!session) return;
    const { oort } = this;
    this.#broadcast({ userIds: [], oortURL: oort.url, presence: true, replace: true, alive: false, seq: ++this.#seq });
    this.#session = null;
    for (const registration of this.#registrations) registration.remove();
    for (const name of [SETI_ALL, setiChannel(oort.url)]) oort.deobserveChannel(name);
    for (const watches of this.#watches.values()) for (const watch of watches.values()) watch.remove();
    this.#watches.clear();
    for (const user of this.#presences.localUsers)
      for (const own of this.#presences.sessions(user)) this.#presences.removeSession(user, own);
    for (const user of this.#presences.users)
      for (const node of this.#presences.nodes(user)) this.#presences.removeNode(user, node);
    this.#heard.clear();
    this.#early.clear();
    if (session.isHandshook) await session.disconnect();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  // Users of this node

  /**
   * The session is one of the user's, until it ends or is disassociated. False when it is already, or has ended.
   * Throws `TypeError` before `start`, for an id that is no text, and for a session whose handshake is still under way, as
   * it is in `canHandshake`: whether it is let in nobody knows yet. `sessionAdded` is the place.
   */
  associate(userId: string, session: ServerSession): boolean {
    this.#started();
    if (typeof userId !== 'string' || userId === '') throw new TypeError('The id of a user must be a text');
    if (session.isTerminated) return false;
    if (!session.isHandshook)
      throw new TypeError('The handshake of the session is still under way: associate it in sessionAdded');
    const added = this.#presences.addSession(userId, session);
    if (added === 'none') return false;
    const watches = this.#watches.get(session) ?? new Map<string, Registration>();
    this.#watches.set(session, watches);
    watches.set(
      userId,
      session.addListener('removed', () => void this.disassociate(userId, session)),
    );
    if (added === 'first') this.#changed(userId, true);
    return true;
  }

  /** The session is the user's no more. False when it was not. */
  disassociate(userId: string, session: ServerSession): boolean;
  /** No session of this node is the user's any more. Answers those that were. */
  disassociate(userId: string): readonly ServerSession[];
  disassociate(userId: string, session?: ServerSession): boolean | readonly ServerSession[] {
    if (session === undefined) return this.#presences.sessions(userId).filter((own) => this.disassociate(userId, own));
    const removed = this.#presences.removeSession(userId, session);
    if (removed === 'none') return false;
    const watches = this.#watches.get(session);
    watches?.get(userId)?.remove();
    watches?.delete(userId);
    if (watches?.size === 0) this.#watches.delete(session);
    if (removed === 'last') this.#changed(userId, false);
    return true;
  }

  /** Whether the user has a session on this node. */
  isAssociated(userId: string): boolean {
    return this.#presences.sessionCount(userId) > 0;
  }

  /** Sessions the user has on this node. */
  getAssociationCount(userId: string): number {
    return this.#presences.sessionCount(userId);
  }

  /** Whether the user is on any node. */
  isPresent(userId: string): boolean {
    return this.getPresenceCount(userId) > 0;
  }

  /** Sessions the user has here, and nodes elsewhere: how many the user has there is not known here. */
  getPresenceCount(userId: string): number {
    return this.#presences.sessionCount(userId) + this.#presences.nodeCount(userId);
  }

  /** All users of the cluster, as known at this moment. */
  get userIds(): readonly string[] {
    return this.#presences.users;
  }

  /** The users of this node. */
  get associatedUserIds(): readonly string[] {
    return this.#presences.localUsers;
  }

  addListener<Name extends keyof SetiEvents>(name: Name, listener: SetiEvents[Name]): Registration {
    return this.#events.add(name, listener);
  }

  // Messages to users

  /**
   * Delivers to all sessions of these users, wherever they are, subscribed or not: a service channel is the usual choice.
   * Answers the users nobody is known to have; the other nodes are asked for these, too. At most once: whoever is moving
   * from one node to another may miss it. Throws `TypeError` before `start`, and what the JSON context throws for data it cannot write.
   */
  sendMessage(userIds: string | readonly string[], channel: string, data: unknown): readonly string[] {
    const session = this.#started();
    const unknown: string[] = [];
    for (const userId of new Set(typeof userIds === 'string' ? [userIds] : userIds)) {
      for (const own of this.#presences.sessions(userId)) void own.deliver(session, channel, data);
      const nodes = this.#presences.nodes(userId);
      const record: UserRecord = { userId, channel, setiId: this.#id, data };
      for (const url of nodes) this.#publish(setiChannel(url), record);
      if (nodes.length > 0 || this.isAssociated(userId)) continue;
      unknown.push(userId);
      this.#publish(SETI_ALL, record);
    }
    return unknown;
  }

  // What other nodes say

  #arrived(data: unknown): void {
    const record = readRecord(data);
    if (!record) {
      this.oort.server.diagnostics.rejected('seti', SETI_ALL);
      return;
    }
    if (isPresence(record)) return this.#present(record);
    const session = this.#session;
    if (!session) return;
    // Only to sessions of this node: the sender addresses every node itself.
    for (const own of this.#presences.sessions(record.userId)) void own.deliver(session, record.channel, record.data);
  }

  #present(record: PresenceRecord): void {
    const { oortURL: url, alive } = record;
    if (setiId(url) === this.#id) return;
    // What a node said before it was lost can arrive after it was.
    if (this.oort.isCometConnected(url) && !this.#isJoined(url)) {
      if (this.#early.size >= MOST_EARLY) this.#early.clear();
      this.#early.add(url);
    } else if (this.oort.isCometConnected(url)) {
      const [added, removed] = record.replace ? this.#replaced(record) : this.#alone(record);
      for (const userId of removed) this.#events.tell('presenceRemoved', { userId, url, isLocal: false });
      for (const userId of added) this.#events.tell('presenceAdded', { userId, url, isLocal: false });
    }
    if (alive) this.#tell(url, undefined);
  }

  #isJoined(url: string): boolean {
    return this.oort.members.some((member) => member.url === url);
  }

  #replaced({ oortURL: url, userIds, seq }: PresenceRecord): [added: string[], removed: string[]] {
    const listed = seq === undefined ? new Set(userIds) : this.#latest(url).listed(seq, userIds);
    if (!listed) return [[], []];
    const removed = this.#presences.usersOf(url).filter((user) => !listed.has(user));
    for (const user of removed) this.#presences.removeNode(user, url);
    return [[...listed].filter((user) => this.#presences.addNode(user, url)), removed];
  }

  #alone({ oortURL: url, userIds, presence, seq }: PresenceRecord): [added: string[], removed: string[]] {
    const users = seq === undefined ? userIds : this.#latest(url).changed(seq, userIds, presence);
    if (presence) return [users.filter((user) => this.#presences.addNode(user, url)), []];
    return [[], users.filter((user) => this.#presences.removeNode(user, url))];
  }

  #latest(url: string): Latest {
    let latest = this.#heard.get(url);
    if (!latest) {
      latest = new Latest();
      this.#heard.set(url, latest);
    }
    return latest;
  }

  #left({ url }: Member): void {
    this.#heard.delete(url);
    const users = this.#presences.usersOf(url);
    for (const user of users) this.#presences.removeNode(user, url);
    for (const userId of users) this.#events.tell('presenceRemoved', { userId, url, isLocal: false });
  }

  // What this node says

  #changed(userId: string, presence: boolean): void {
    const { url } = this.oort;
    this.#broadcast({ userIds: [userId], oortURL: url, presence, replace: false, seq: ++this.#seq });
    this.#events.tell(presence ? 'presenceAdded' : 'presenceRemoved', { userId, url, isLocal: true });
  }

  /** Tells one node the users of this one, as they are now. */
  #tell(url: string, alive: boolean | undefined): void {
    for (const data of this.#list(alive)) this.oort.send(url, { channel: setiChannel(url), data });
  }

  /** All users of this node, in one record or, when they are very many, in several. */
  #list(alive: boolean | undefined): PresenceRecord[] {
    const records: PresenceRecord[] = [];
    let userIds: string[] = [];
    let length = 0;
    const close = (): void => {
      const replace = records.length === 0;
      const fields = { userIds, oortURL: this.oort.url, presence: true, replace, seq: ++this.#seq };
      records.push(alive === undefined || !replace ? fields : { ...fields, alive });
      userIds = [];
      length = 0;
    };
    for (const user of this.#presences.localUsers) {
      if (length + user.length > LIST_LENGTH) close();
      userIds.push(user);
      length += user.length + 3;
    }
    close();
    return records;
  }

  #broadcast(record: PresenceRecord): void {
    this.#publish(SETI_ALL, record);
  }

  #publish(channel: string, data: PresenceRecord | UserRecord): void {
    const session = this.#session;
    // When the server stops, its local sessions end in any order.
    if (session?.isHandshook) void this.oort.server.createChannelIfAbsent(channel).channel.publish(session, data);
  }

  #started(): LocalSession {
    if (!this.#session?.isHandshook) throw new TypeError('Start the Seti first');
    return this.#session;
  }
}

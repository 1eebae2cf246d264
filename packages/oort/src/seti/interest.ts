/**
 * No node knows the users of another: each serves an address for every user it has, and what is sent there reaches exactly the
 * nodes that have the user. Costs a subscription for each user of this node, and nothing for those of others.
 *
 *   ['user', id]        hears messages, questions whether the user is here, and who watches the user
 *   ['users', shard]    the same for all users of a shard, when there are shards
 *   ['presence', id]    hears, where somebody watches the user, that the user has come or gone
 */
import type { Registration } from '@cometd-ts/server';
import { AddressError, type Addresses } from '../powers.ts';
import { readUserRecord, type UserRecord } from './records.ts';
import type { Routing, SetiDesk } from './routing.ts';
import { shardOf } from './shards.ts';

export interface InterestSettings {
  readonly shards: number;
  readonly timeout: number;
}

/** What travels to the address of a user. `from` is the id of the node that sends it. */
interface Call {
  readonly userId: string;
  readonly from: string;
  /** `where` wants an answer from a node that has the user, `watch` the presence of the user told again. */
  readonly what: 'message' | 'where' | 'watch';
  readonly record?: UserRecord;
}

/** What travels to those who watch a user. */
interface Present {
  /** Of the node, and of its start. */
  readonly url: string;
  readonly id: string;
  readonly presence: boolean;
}

export class Interest implements Routing {
  readonly knowsAll = false;
  readonly #desk: SetiDesk;
  readonly #settings: InterestSettings;
  /** Of users, or of shards. */
  readonly #served: Map<string, { readonly registration: Registration; users: number }> = new Map();
  readonly #watched: Map<string, Registration> = new Map();
  /** Watched users, and the nodes that had them before this one was cut off and have not said again that they do. */
  #unsure: Map<string, Set<string>> = new Map();
  /** Users who have come or gone while this node was cut off, so that nobody could be told. */
  #untold: Set<string> = new Set();
  #timer: NodeJS.Timeout | undefined;
  #registrations: Registration[] = [];
  #isStopped = false;

  constructor(desk: SetiDesk, settings: InterestSettings) {
    this.#desk = desk;
    this.#settings = settings;
  }

  async start(): Promise<void> {
    const { oort } = this.#desk;
    if (!oort.engine.addresses)
      throw new TypeError(`Routing 'interest' needs an engine with addresses, and '${oort.engine.name}' has none`);
    this.#registrations = [
      oort.addListener('cometJoined', () => this.#lookAgain()),
      oort.addListener('cometLeft', ({ url }) => this.#desk.note(url, [], this.#desk.presences.usersOf(url))),
      oort.addListener('status', ({ state }) => {
        if (state !== 'up') return;
        this.#tellLate();
        this.#doubt();
      }),
    ];
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    for (const user of this.#desk.presences.localUsers) this.#tellPresence(user, false);
    for (const { registration } of this.#served.values()) registration.remove();
    for (const registration of [...this.#watched.values(), ...this.#registrations]) registration.remove();
    this.#served.clear();
    this.#watched.clear();
  }

  came(userId: string): void {
    const address = this.#addressOf(userId);
    const key = address.join(' ');
    const served = this.#served.get(key);
    if (served) served.users++;
    else
      this.#served.set(key, { registration: this.#addresses.serve(address, (data) => this.#called(data)), users: 1 });
    try {
      this.#tellPresence(userId, true);
    } catch (error) {
      this.#release(key);
      throw error;
    }
  }

  went(userId: string): void {
    this.#tellPresence(userId, false);
    this.#release(this.#addressOf(userId).join(' '));
  }

  #release(key: string): void {
    const served = this.#served.get(key);
    if (!served || --served.users > 0) return;
    this.#served.delete(key);
    served.registration.remove();
  }

  send(record: UserRecord): boolean {
    return this.#addresses.tell(this.#addressOf(record.userId), this.#call(record.userId, 'message', record));
  }

  reach(record: UserRecord): Promise<boolean> {
    return this.#asked(this.#call(record.userId, 'message', record));
  }

  ask(userId: string): Promise<boolean> {
    return this.#asked(this.#call(userId, 'where'));
  }

  // Watching

  watch(userId: string): void {
    const registration = this.#addresses.serve(['presence', userId], (data) => this.#present(userId, data));
    this.#watched.set(userId, registration);
    this.#look(userId);
  }

  unwatch(userId: string): void {
    this.#watched.get(userId)?.remove();
    this.#watched.delete(userId);
    this.#unsure.delete(userId);
    const { presences } = this.#desk;
    for (const url of presences.nodes(userId)) presences.removeNode(userId, url);
  }

  #look(userId: string): void {
    this.#addresses.tell(this.#addressOf(userId), this.#call(userId, 'watch'));
  }

  /** What nodes told before they had joined was not heard. */
  #lookAgain(): void {
    for (const user of this.#watched.keys()) this.#look(user);
  }

  /** What was told while this node was cut off was not heard. Who has a user still will say so; the others have not. */
  #doubt(): void {
    for (const user of this.#watched.keys()) this.#unsure.set(user, new Set(this.#desk.presences.nodes(user)));
    this.#lookAgain();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const unsure = this.#unsure;
      this.#unsure = new Map();
      for (const [user, urls] of unsure) for (const url of urls) this.#desk.note(url, [], [user]);
    }, this.#settings.timeout);
  }

  #present(userId: string, data: unknown): void {
    const present = readPresent(data);
    if (!present) return this.#desk.oort.server.diagnostics.rejected('seti', 'presence');
    const { id, url, presence } = present;
    // Of a node that has not joined nobody would tell that it is gone.
    this.#unsure.get(userId)?.delete(url);
    const isMember = this.#desk.oort.members.some((member) => member.id === id && member.url === url);
    if (isMember) this.#desk.note(url, presence ? [userId] : [], presence ? [] : [userId]);
  }

  #tellPresence(userId: string, presence: boolean): void {
    const { id, url } = this.#desk.oort;
    const present: Present = { id, url, presence };
    if (!this.#addresses.tell(['presence', userId], present)) this.#untold.add(userId);
  }

  #tellLate(): void {
    const users = this.#untold;
    this.#untold = new Set();
    for (const user of users) this.#tellPresence(user, this.#desk.presences.sessionCount(user) > 0);
  }

  // Being called

  #called(data: unknown): true | undefined {
    const call = readCall(data);
    if (!call) {
      this.#desk.oort.server.diagnostics.rejected('seti', 'user');
      return undefined;
    }
    const { userId, from, what, record } = call;
    if (this.#isStopped || this.#desk.presences.sessionCount(userId) === 0) return undefined;
    // What this node sends has been delivered here.
    if (record && from !== this.#desk.oort.id) this.#desk.deliver(record);
    if (what === 'watch') this.#tellPresence(userId, true);
    return true;
  }

  async #asked(call: Call): Promise<boolean> {
    const { shards, timeout } = this.#settings;
    try {
      await this.#addresses.ask(this.#addressOf(call.userId), call, { timeout });
      return true;
    } catch (error) {
      if (!(error instanceof AddressError)) throw error;
      // Nodes of the shard that do not have the user do not answer.
      if (error.code === 'nobody' || (error.code === 'timeout' && shards > 0)) return false;
      throw error;
    }
  }

  #call(userId: string, what: Call['what'], record?: UserRecord): Call {
    return { userId, from: this.#desk.oort.id, what, ...(record && { record }) };
  }

  #addressOf(userId: string): readonly string[] {
    const { shards } = this.#settings;
    return shards > 0 ? ['users', String(shardOf(userId, shards))] : ['user', userId];
  }

  get #addresses(): Addresses {
    const { addresses } = this.#desk.oort.engine;
    if (!addresses) throw new TypeError('This engine has no addresses');
    return addresses;
  }
}

function readCall(data: unknown): Call | null {
  if (typeof data !== 'object' || data === null) return null;
  const { userId, from, what, record } = data as Partial<Record<keyof Call, unknown>>;
  if (typeof userId !== 'string' || typeof from !== 'string') return null;
  if (what === 'where' || what === 'watch') return { userId, from, what };
  if (what !== 'message') return null;
  const read = readUserRecord(record);
  return read?.userId === userId ? { userId, from, what, record: read } : null;
}

function readPresent(data: unknown): Present | null {
  if (typeof data !== 'object' || data === null) return null;
  const { url, id, presence } = data as Partial<Record<keyof Present, unknown>>;
  if (typeof url !== 'string' || typeof id !== 'string' || typeof presence !== 'boolean') return null;
  return { url, id, presence };
}

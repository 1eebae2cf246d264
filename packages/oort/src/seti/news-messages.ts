/** Who is where by messages: every node tells all others of its users, in the words of Java nodes. */
import type { Registration } from '@cometd-ts/server';
import { SETI_ALL, setiChannel, setiId } from '../wire.ts';
import { Latest } from './latest.ts';
import type { PresenceRecord } from './records.ts';
import type { SetiDesk } from './routing.ts';
import type { News } from './table.ts';

/** Most characters of user ids in one message: what nodes take in one frame is limited. */
const LIST_LENGTH = 400_000;

/** How many nodes that have not joined are remembered. */
const MOST_EARLY = 1_000;

export class NewsByMessages implements News {
  readonly #desk: SetiDesk;
  readonly #heard: Map<string, Latest> = new Map();
  /** Nodes that told of users before they joined; of those who never do nobody would hear that they are gone. */
  readonly #early: Set<string> = new Set();
  #registrations: Registration[] = [];
  #seq = 0;

  constructor(desk: SetiDesk) {
    this.#desk = desk;
  }

  async start(): Promise<void> {
    const { oort } = this.#desk;
    this.#registrations = [
      oort.addListener('cometJoined', ({ url }) => this.#tell(url, this.#early.delete(url) || undefined)),
      oort.addListener('cometLeft', ({ url }) => this.#heard.delete(url)),
      oort.addListener('observed', (channel, _member, deliver) => {
        if (channel === SETI_ALL) for (const record of this.#list(true)) deliver({ channel: SETI_ALL, data: record });
      }),
    ];
  }

  async stop(): Promise<void> {
    const { url } = this.#desk.oort;
    this.#publish({ userIds: [], oortURL: url, presence: true, replace: true, alive: false, seq: ++this.#seq });
    for (const registration of this.#registrations) registration.remove();
    this.#heard.clear();
    this.#early.clear();
  }

  came(userId: string): void {
    this.#changed(userId, true);
  }

  went(userId: string): void {
    this.#changed(userId, false);
  }

  // What other nodes say

  heard(record: PresenceRecord): void {
    const { oort } = this.#desk;
    const { oortURL: url, alive } = record;
    if (setiId(url) === this.#desk.id) return;
    // What a node said before it was lost can arrive after it was.
    if (oort.isCometConnected(url) && !oort.members.some((member) => member.url === url)) {
      if (this.#early.size >= MOST_EARLY) this.#early.clear();
      this.#early.add(url);
    } else if (oort.isCometConnected(url)) {
      if (record.replace) this.#replaced(record);
      else this.#alone(record);
    }
    if (alive) this.#tell(url, undefined);
  }

  #replaced({ oortURL: url, userIds, seq }: PresenceRecord): void {
    const listed = seq === undefined ? new Set(userIds) : this.#latest(url).listed(seq, userIds);
    if (!listed) return;
    const gone = this.#desk.presences.usersOf(url).filter((user) => !listed.has(user));
    this.#desk.note(url, listed, gone);
  }

  #alone({ oortURL: url, userIds, presence, seq }: PresenceRecord): void {
    const users = seq === undefined ? userIds : this.#latest(url).changed(seq, userIds, presence);
    this.#desk.note(url, presence ? users : [], presence ? [] : users);
  }

  #latest(url: string): Latest {
    let latest = this.#heard.get(url);
    if (!latest) {
      latest = new Latest();
      this.#heard.set(url, latest);
    }
    return latest;
  }

  // What this node says

  #changed(userId: string, presence: boolean): void {
    const { url } = this.#desk.oort;
    this.#publish({ userIds: [userId], oortURL: url, presence, replace: false, seq: ++this.#seq });
  }

  /** Tells one node the users of this one, as they are now. */
  #tell(url: string, alive: boolean | undefined): void {
    for (const data of this.#list(alive)) this.#desk.oort.send(url, { channel: setiChannel(url), data });
  }

  /** All users of this node, in one record or, when they are very many, in several. */
  #list(alive: boolean | undefined): PresenceRecord[] {
    const records: PresenceRecord[] = [];
    let userIds: string[] = [];
    let length = 0;
    const close = (): void => {
      const replace = records.length === 0;
      const fields = { userIds, oortURL: this.#desk.oort.url, presence: true, replace, seq: ++this.#seq };
      records.push(alive === undefined || !replace ? fields : { ...fields, alive });
      userIds = [];
      length = 0;
    };
    for (const user of this.#desk.presences.localUsers) {
      if (length + user.length > LIST_LENGTH) close();
      userIds.push(user);
      length += user.length + 3;
    }
    close();
    return records;
  }

  #publish(record: PresenceRecord): void {
    this.#desk.publish(SETI_ALL, record);
  }
}

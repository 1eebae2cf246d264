/** Every node knows every user: what is asked is answered at once. Book section 9.6. */
import type { Registration } from '@cometd-ts/server';
import { SETI_ALL, setiChannel } from '../wire.ts';
import { isPresence, type PresenceRecord, readRecord, type UserRecord } from './records.ts';
import type { Routing, SetiDesk } from './routing.ts';

/** How a node tells the others of its users, and hears of theirs. */
export interface News {
  start(): Promise<void>;
  stop(): Promise<void>;
  came(userId: string): void;
  went(userId: string): void;
  /** A node has told of users by a message. */
  heard(record: PresenceRecord): void;
}

export class Table implements Routing {
  readonly knowsAll = true;
  readonly #desk: SetiDesk;
  readonly #news: News;
  #registrations: Registration[] = [];

  constructor(desk: SetiDesk, news: News) {
    this.#desk = desk;
    this.#news = news;
  }

  async start(): Promise<void> {
    const { oort } = this.#desk;
    await this.#news.start();
    this.#registrations = [
      oort.addListener('cometLeft', ({ url }) => this.#desk.note(url, [], this.#desk.presences.usersOf(url))),
      ...this.#channels.map((name) =>
        oort.server.createChannelIfAbsent(name).channel.addListener('message', (sender, _channel, message) => {
          if (oort.isOort(sender)) this.#arrived(message.data);
        }),
      ),
    ];
    for (const name of this.#channels) oort.observeChannel(name);
  }

  async stop(): Promise<void> {
    await this.#news.stop();
    for (const registration of this.#registrations) registration.remove();
    for (const name of this.#channels) this.#desk.oort.deobserveChannel(name);
  }

  came(userId: string): void {
    this.#news.came(userId);
  }

  went(userId: string): void {
    this.#news.went(userId);
  }

  send(record: UserRecord): boolean {
    const nodes = this.#desk.presences.nodes(record.userId);
    for (const url of nodes) this.#desk.publish(setiChannel(url), record);
    if (nodes.length > 0) return true;
    // The news of the user may be on its way.
    if (!this.#isHere(record.userId)) this.#desk.publish(SETI_ALL, record);
    return false;
  }

  async reach(record: UserRecord): Promise<boolean> {
    return this.send(record);
  }

  async ask(userId: string): Promise<boolean> {
    return this.#desk.presences.nodeCount(userId) > 0;
  }

  watch(): void {
    return;
  }

  unwatch(): void {
    return;
  }

  get #channels(): readonly string[] {
    return [SETI_ALL, setiChannel(this.#desk.oort.url)];
  }

  #isHere(userId: string): boolean {
    return this.#desk.presences.sessionCount(userId) > 0;
  }

  #arrived(data: unknown): void {
    const record = readRecord(data);
    if (!record) this.#desk.oort.server.diagnostics.rejected('seti', SETI_ALL);
    else if (isPresence(record)) this.#news.heard(record);
    // Only to sessions of this node: the sender addresses every node itself.
    else this.#desk.deliver(record);
  }
}

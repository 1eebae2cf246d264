/** The line of one object to its likes on the other nodes: what it hears and says, and the session that says it. */
import type { LocalSession, Registration } from '@cometd-ts/server';
import { localSession } from '../local.ts';
import type { Oort } from '../oort.ts';
import { objectChannel, objectServiceChannel } from '../wire.ts';
import type { ObjectRecord } from './records.ts';
import type { Turns } from './turns.ts';

/** Whoever holds the line. It is called in its turns. */
export interface LineHolder {
  readonly turns: Turns;
  /** All of the local part: what a node is told that begins to listen. */
  whole(): ObjectRecord;
  heard(data: unknown): void;
  joined(url: string): void;
  left(url: string): void;
}

export class Line {
  readonly #oort: Oort;
  readonly #name: string;
  readonly #session: LocalSession;
  readonly #registrations: readonly Registration[];

  private constructor(oort: Oort, name: string, session: LocalSession, holder: LineHolder) {
    this.#oort = oort;
    this.#name = name;
    this.#session = session;
    const { turns } = holder;
    const hear = (channel: string): Registration =>
      oort.server.createChannelIfAbsent(channel).channel.addListener('message', (sender, _channel, { data }) => {
        if (oort.isOort(sender)) turns.run(() => holder.heard(data));
      });
    this.#registrations = [
      oort.addListener('cometJoined', ({ url }) => turns.run(() => holder.joined(url))),
      oort.addListener('cometLeft', ({ url }) => turns.run(() => holder.left(url))),
      oort.addListener('observed', (channel, _member, deliver) => {
        if (channel !== objectChannel(name)) return;
        turns.run(() => this.#send(() => deliver({ channel, data: holder.whole() })));
      }),
      hear(objectChannel(name)),
      hear(objectServiceChannel(name)),
    ];
    oort.observeChannel(objectChannel(name));
  }

  /** Rejects when the security policy refuses the session, which is named after `hint`. */
  static async open(oort: Oort, name: string, hint: string, holder: LineHolder): Promise<Line> {
    return new Line(oort, name, await localSession(oort.server, `${hint}.${name}`), holder);
  }

  get session(): LocalSession {
    return this.#session;
  }

  /** Tells all other nodes. */
  broadcast(record: () => ObjectRecord): void {
    const session = this.#session;
    // When the server stops, its local sessions end in any order. Without the cluster nobody is there to be told.
    if (!session.isHandshook || !this.#oort.isStarted) return;
    const channel = objectChannel(this.#name);
    this.#send(() =>
      this.#oort.server.createChannelIfAbsent(channel).channel.publishMessage(session, { channel, data: record() }),
    );
  }

  /** Tells one node. */
  address(url: string, record: () => ObjectRecord): void {
    this.#send(() => this.#oort.send(url, { channel: objectServiceChannel(this.#name), data: record() }));
  }

  /** Nothing is heard any more. */
  hangUp(): void {
    for (const registration of this.#registrations) registration.remove();
    this.#oort.deobserveChannel(objectChannel(this.#name));
  }

  async close(): Promise<void> {
    if (this.#session.isHandshook) await this.#session.disconnect();
  }

  /** What fails here is told in the log: a value that was changed after it was shared may have no JSON form any more. */
  #send(send: () => unknown): void {
    void this.#oort.server.diagnostics.guard('OortObject', undefined, send);
  }
}

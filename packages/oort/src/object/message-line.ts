/** A line by messages, as Java nodes have it: changes are published, whole parts are pushed to nodes that do not know them. */
import type { LocalSession, Registration } from '@cometd-ts/server';
import { localSession } from '../local.ts';
import type { Oort } from '../oort.ts';
import { objectChannel, objectServiceChannel } from '../wire.ts';
import type { Line, LineHolder } from './line.ts';
import { type ObjectRecord, pullRecord, pushRecord } from './records.ts';

export class MessageLine implements Line {
  readonly session: LocalSession;
  readonly #oort: Oort;
  readonly #name: string;
  readonly #holder: LineHolder;
  readonly #registrations: readonly Registration[];

  private constructor(oort: Oort, name: string, session: LocalSession, holder: LineHolder) {
    this.session = session;
    this.#oort = oort;
    this.#name = name;
    this.#holder = holder;
    const { turns } = holder;
    const hear = (channel: string): Registration =>
      oort.server.createChannelIfAbsent(channel).channel.addListener('message', (sender, _channel, { data }) => {
        if (oort.isOort(sender)) turns.run(() => holder.heard(data));
      });
    for (const { url } of oort.members) turns.run(() => holder.joined(url));
    this.#registrations = [
      oort.addListener('cometJoined', ({ url }) => turns.run(() => this.#joined(url))),
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

  static async open(oort: Oort, name: string, hint: string, holder: LineHolder): Promise<MessageLine> {
    return new MessageLine(oort, name, await localSession(oort.server, `${hint}.${name}`), holder);
  }

  broadcast(record: () => ObjectRecord): void {
    const { session } = this;
    // When the server stops, its local sessions end in any order. Without the cluster nobody is there to be told.
    if (!session.isHandshook || !this.#oort.isStarted) return;
    const channel = objectChannel(this.#name);
    this.#send(() =>
      this.#oort.server.createChannelIfAbsent(channel).channel.publishMessage(session, { channel, data: record() }),
    );
  }

  greet(url: string): void {
    this.#address(url, () => pushRecord(this.#holder.whole(), url));
  }

  pull(url: string): void {
    this.#address(url, () => pullRecord(this.#oort.url, this.#name));
  }

  answer(url: string): void {
    this.greet(url);
  }

  hangUp(): void {
    for (const registration of this.#registrations) registration.remove();
    this.#oort.deobserveChannel(objectChannel(this.#name));
  }

  async close(): Promise<void> {
    if (this.session.isHandshook) await this.session.disconnect();
  }

  #joined(url: string): void {
    this.#holder.joined(url);
    this.#address(url, () => pushRecord(this.#holder.whole(), undefined));
  }

  #address(url: string, record: () => ObjectRecord): void {
    this.#send(() => this.#oort.send(url, { channel: objectServiceChannel(this.#name), data: record() }));
  }

  /** What fails here is told in the log: a value that was changed after it was shared may have no JSON form any more. */
  #send(send: () => unknown): void {
    void this.#oort.server.diagnostics.guard('OortObject', undefined, send);
  }
}

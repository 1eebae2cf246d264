/** One user of the chat: as much of a Bayeux client as costs little, so that one process can be thousands of them. */
import type { Line, Lines } from './line.ts';
import type { Plan } from './plan.ts';

/** The fields of a message that are looked at. */
export interface Heard {
  readonly channel: string;
  readonly data?: unknown;
  readonly id?: string;
  readonly clientId?: string;
  readonly successful?: boolean;
  readonly error?: string;
  readonly advice?: { readonly interval?: number; readonly reconnect?: string };
  readonly ext?: { readonly ack?: unknown };
}

export interface UserEvents {
  /** What came together, apart from replies of the protocol. */
  heard(messages: readonly Heard[], bytes: number): void;
  refused(reason: string): void;
  lost(reason: string): void;
}

/** How many messages of the protocol go together: servers bound it. */
const TOGETHER = 50;

/** Reads payloads; those that are equal one after the other, as in a room, are read once. */
export class Reader {
  #last: Buffer = Buffer.alloc(0);
  #messages: readonly Heard[] = [];

  read(payload: Buffer): readonly Heard[] {
    if (this.#last.equals(payload)) return this.#messages;
    const value: unknown = JSON.parse(payload.toString());
    this.#messages = (Array.isArray(value) ? value : [value]) as readonly Heard[];
    this.#last = payload;
    return this.#messages;
  }
}

export class User {
  readonly rooms: readonly string[];
  readonly #plan: Plan;
  readonly #reader: Reader;
  readonly #events: UserEvents;
  #line: Line | undefined;
  #clientId = '';
  #lastId = 0;
  #acknowledged = -1;
  #isLeaving = false;
  /** Replies that are awaited before the user is in, and who waits. */
  #open = 0;
  #entered: { resolve(): void; reject(error: Error): void } | undefined;

  constructor(plan: Plan, rooms: readonly string[], reader: Reader, events: UserEvents) {
    this.rooms = rooms;
    this.#plan = plan;
    this.#reader = reader;
    this.#events = events;
  }

  /** Resolves when the session is connected, and in all its rooms. */
  async enter(lines: Lines): Promise<void> {
    this.#line = await lines.open({
      payload: (bytes) => this.#receive(bytes),
      lost: (reason) => this.#lost(reason),
    });
    await new Promise<void>((resolve, reject) => {
      this.#entered = { resolve, reject };
      this.#line?.send(
        JSON.stringify([
          {
            channel: '/meta/handshake',
            version: '1.0',
            supportedConnectionTypes: [this.#plan.transport],
            id: this.#id(),
            ...(this.#plan.ack && { ext: { ack: true } }),
          },
        ]),
      );
    });
  }

  /** Sends messages together; each is the JSON of its channel and of its data. Answers the bytes of it. */
  publish(messages: readonly { readonly channel: string; readonly data: string }[]): number {
    const payload = messages.map(
      ({ channel, data }) =>
        `{"channel":"${channel}","data":${data},"id":"${this.#id()}","clientId":"${this.#clientId}"}`,
    );
    const text = `[${payload.join(',')}]`;
    this.#line?.send(text);
    return text.length;
  }

  leave(): void {
    this.#isLeaving = true;
    this.#line?.send(JSON.stringify([{ channel: '/meta/disconnect', clientId: this.#clientId, id: this.#id() }]));
    this.#line?.close();
  }

  #id(): string {
    this.#lastId += 1;
    return String(this.#lastId);
  }

  #receive(payload: Buffer): void {
    let heard: readonly Heard[];
    try {
      heard = this.#reader.read(payload);
    } catch (error) {
      this.#lost(`What the server sent is no JSON: ${error instanceof Error ? error.message : error}`);
      return;
    }
    let isForUser = false;
    for (const message of heard) {
      if (message.channel.startsWith('/meta/')) this.#replied(message);
      else if ('data' in message) isForUser = true;
      else if (message.successful === false) this.#events.refused(message.error ?? 'refused');
    }
    if (isForUser) this.#events.heard(heard, payload.length);
  }

  #replied({ channel, successful, clientId, error, advice, ext }: Heard): void {
    if (this.#isLeaving) return;
    if (successful === false) {
      this.#lost(`${channel}: ${error ?? 'refused'}`);
      return;
    }
    if (channel === '/meta/handshake') {
      this.#clientId = clientId ?? '';
      this.#enterRooms();
    } else if (channel === '/meta/connect') {
      if (typeof ext?.ack === 'number') this.#acknowledged = ext.ack;
      const interval = advice?.interval ?? 0;
      if (interval > 0) setTimeout(() => this.#connect(), interval).unref();
      else this.#connect();
      this.#arrived();
    } else if (channel === '/meta/subscribe') this.#arrived();
  }

  #enterRooms(): void {
    const clientId = this.#clientId;
    const wishes = this.rooms.map((subscription) => ({
      channel: '/meta/subscribe',
      subscription,
      clientId,
      id: this.#id(),
    }));
    this.#open = wishes.length + 1;
    for (let at = 0; at < wishes.length; at += TOGETHER) {
      this.#line?.send(JSON.stringify(wishes.slice(at, at + TOGETHER)));
    }
    this.#connect({ timeout: 0 });
  }

  #connect(advice?: { timeout: number }): void {
    if (this.#isLeaving) return;
    this.#line?.send(
      JSON.stringify([
        {
          channel: '/meta/connect',
          connectionType: this.#plan.transport,
          clientId: this.#clientId,
          id: this.#id(),
          ...(advice && { advice }),
          ...(this.#plan.ack && { ext: { ack: this.#acknowledged } }),
        },
      ]),
    );
  }

  #arrived(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#entered?.resolve();
  }

  #lost(reason: string): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#entered?.reject(new Error(reason));
    this.#line?.close();
    this.#events.lost(reason);
  }
}

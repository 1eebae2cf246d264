/** A Bayeux session over a raw client of either kind: counts ids, remembers the clientId, and does nothing by itself. */
import type { Inbox, WireMessage } from './inbox.ts';
import { RawHttp, type RawHttpOptions } from './raw-http.ts';
import { RawWebSocket, type RawWebSocketOptions } from './raw-websocket.ts';

export type RawTransport = 'websocket' | 'long-polling';

export class RawSession<Client extends RawHttp | RawWebSocket = RawHttp | RawWebSocket> {
  readonly client: Client;
  /** Empty before the handshake. */
  clientId = '';
  #ids = 0;

  constructor(client: Client) {
    this.client = client;
  }

  get inbox(): Inbox {
    return this.client.inbox;
  }

  nextId(): string {
    this.#ids += 1;
    return String(this.#ids);
  }

  /** A message of this session with the next id. */
  message(channel: string, fields: WireMessage = {}): WireMessage {
    return { id: this.nextId(), channel, clientId: this.clientId, ...fields };
  }

  /** Sends the messages together; the reply to each, in their order. */
  async ask(...messages: readonly WireMessage[]): Promise<WireMessage[]> {
    const replies = messages.map((message) => this.inbox.reply(String(message.id), 10_000));
    // When the sending fails, nobody looks at these any more.
    for (const reply of replies) reply.catch(() => undefined);
    if (this.client instanceof RawHttp) await this.client.send(messages);
    else this.client.post(messages);
    return Promise.all(replies);
  }

  /** Sends one message of this session; its reply. */
  async call(channel: string, fields?: WireMessage): Promise<WireMessage> {
    return (await this.ask(this.message(channel, fields)))[0] as WireMessage;
  }

  async handshake(fields: WireMessage = {}): Promise<WireMessage> {
    const [reply] = (await this.ask({
      id: this.nextId(),
      channel: '/meta/handshake',
      version: '1.0',
      minimumVersion: '1.0',
      supportedConnectionTypes: ['websocket', 'long-polling'],
      ...fields,
    })) as [WireMessage];
    if (reply.successful) this.clientId = String(reply.clientId);
    return reply;
  }

  /** A connect. `timeout` (ms) is what the advice asks the server to hold it for; without it the server decides. */
  connect(timeout?: number, fields: WireMessage = {}): Promise<WireMessage> {
    const advice = timeout === undefined ? {} : { advice: { timeout } };
    return this.call('/meta/connect', { connectionType: this.client.transport, ...advice, ...fields });
  }

  subscribe(subscription: string | string[]): Promise<WireMessage> {
    return this.call('/meta/subscribe', { subscription });
  }

  unsubscribe(subscription: string | string[]): Promise<WireMessage> {
    return this.call('/meta/unsubscribe', { subscription });
  }

  publish(channel: string, data: unknown): Promise<WireMessage> {
    return this.call(channel, { data });
  }

  disconnect(): Promise<WireMessage> {
    return this.call('/meta/disconnect');
  }

  /** The next event on this channel. Over long-polling it only comes while a connect is held, or with another reply. */
  event(channel: string, within?: number): Promise<WireMessage> {
    return this.inbox.event(channel, within);
  }

  close(): Promise<void> {
    return this.client.close();
  }
}

/** A client that has said nothing yet. */
export async function openSession(
  transport: RawTransport,
  url: string,
  options: RawHttpOptions & RawWebSocketOptions = {},
): Promise<RawSession> {
  if (transport === 'websocket') return new RawSession(await RawWebSocket.open(url, options));
  return new RawSession(new RawHttp(url, options as RawHttpOptions));
}

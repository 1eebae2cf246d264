/** What an honest server says to one client: the truth that a malicious server starts from. */
import type { WireMessage } from './inbox.ts';

const unknownClient = {
  successful: false,
  error: '402::Unknown client',
  advice: { reconnect: 'handshake', interval: 0 },
};

export class HonestReplies {
  /** How long a connect is held, in ms, and what clients are told of it. */
  readonly hold: number;
  /** The client id given last; others are unknown. */
  clientId = '';
  readonly subscriptions: Set<string> = new Set();
  #sessions = 0;

  constructor(hold: number) {
    this.hold = hold;
  }

  /** One reply for each message, and the events that its sender has subscribed to. */
  to(messages: readonly WireMessage[]): WireMessage[] {
    return messages.flatMap((message) => this.#reply(message));
  }

  /** Whether the replies to these messages should be held back for a while. */
  holds(messages: readonly WireMessage[]): boolean {
    return messages.some(
      ({ channel, clientId, advice }) =>
        channel === '/meta/connect' && clientId === this.clientId && advice?.timeout !== 0,
    );
  }

  #reply(message: WireMessage): WireMessage[] {
    const { id, channel = '', clientId, subscription, data } = message;
    const about = { ...(id !== undefined && { id }), channel };
    if (channel === '/meta/handshake') return [this.#welcome(about)];
    if (clientId !== this.clientId) return [{ ...about, ...unknownClient }];
    const yes = { ...about, successful: true, clientId };
    if (channel === '/meta/connect') return [{ ...yes, advice: this.#advice() }];
    if (channel === '/meta/disconnect') {
      this.clientId = '';
      return [yes];
    }
    if (subscription !== undefined) {
      for (const name of [subscription].flat()) {
        if (channel === '/meta/subscribe') this.subscriptions.add(name);
        else this.subscriptions.delete(name);
      }
      return [{ ...yes, subscription }];
    }
    const event = { channel, data };
    return this.subscriptions.has(channel) ? [{ ...about, successful: true }, event] : [{ ...about, successful: true }];
  }

  #welcome(about: WireMessage): WireMessage {
    this.subscriptions.clear();
    this.clientId = `honest-${++this.#sessions}`;
    return {
      ...about,
      successful: true,
      version: '1.0',
      minimumVersion: '1.0',
      clientId: this.clientId,
      supportedConnectionTypes: ['websocket', 'long-polling', 'callback-polling'],
      advice: this.#advice(),
    };
  }

  #advice(): Record<string, unknown> {
    return { reconnect: 'retry', interval: 0, timeout: this.hold };
  }
}

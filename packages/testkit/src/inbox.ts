/** What a raw client has received, in order of arrival, and who is waiting for what. */

/** A Bayeux message as it stands on the wire; nothing is checked, because tests send and expect illegal ones too. */
export interface WireMessage {
  channel?: string;
  id?: string;
  clientId?: string;
  data?: unknown;
  ext?: Record<string, unknown>;
  advice?: Record<string, unknown>;
  successful?: boolean;
  error?: string;
  subscription?: string | string[];
  [field: string]: unknown;
}

interface Waiter {
  readonly wants: (message: WireMessage) => boolean;
  readonly resolve: (message: WireMessage) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class Inbox {
  /** Everything that came, oldest first. */
  readonly all: WireMessage[] = [];
  #untaken: WireMessage[] = [];
  #waiters: Waiter[] = [];
  #closed: Error | undefined;

  add(messages: readonly WireMessage[]): void {
    for (const message of messages) {
      this.all.push(message);
      const waiter = this.#waiters.find((one) => one.wants(message));
      if (waiter) this.#settle(waiter, () => waiter.resolve(message));
      else this.#untaken.push(message);
    }
  }

  /** The first message not taken yet that is wanted, now or later; rejects after `within` ms (default 5000). */
  next(wants: (message: WireMessage) => boolean, within: number = 5000): Promise<WireMessage> {
    const here = this.#untaken.findIndex(wants);
    if (here >= 0) return Promise.resolve(this.#untaken.splice(here, 1)[0] as WireMessage);
    if (this.#closed) return Promise.reject(this.#closed);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const seen = this.all.map((message) => JSON.stringify(message)).join('\n  ') || 'nothing';
        this.#settle(waiter, () =>
          reject(new Error(`${wants} did not come within ${within} ms. What came:\n  ${seen}`)),
        );
      }, within);
      const waiter: Waiter = { wants, resolve, reject, timer };
      this.#waiters.push(waiter);
    });
  }

  /** The reply to the message with this id. */
  reply(id: string, within?: number): Promise<WireMessage> {
    return this.next((message) => message.id === id && 'successful' in message && !('data' in message), within);
  }

  /** The next event on this channel: a message with `data`, or a disconnect the server sends on its own. */
  event(channel: string, within?: number): Promise<WireMessage> {
    return this.next(
      (message) => message.channel === channel && ('data' in message || message.id === undefined),
      within,
    );
  }

  /** Events received so far on this channel, taken or not. */
  events(channel: string): WireMessage[] {
    return this.all.filter((message) => message.channel === channel && 'data' in message);
  }

  /** Takes out all that has come, for tests in which much does. */
  empty(): WireMessage[] {
    this.#untaken = [];
    return this.all.splice(0);
  }

  /** Nothing will come any more: whoever waits is told why. */
  close(reason: Error): void {
    this.#closed = reason;
    for (const waiter of [...this.#waiters]) this.#settle(waiter, () => waiter.reject(reason));
  }

  #settle(waiter: Waiter, end: () => void): void {
    clearTimeout(waiter.timer);
    this.#waiters = this.#waiters.filter((one) => one !== waiter);
    end();
  }
}

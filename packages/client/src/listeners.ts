/** The listeners and subscriptions of the `CometD` object, by channel and in the order they were added. */
import { wildsOf } from './channel-names.ts';
import type { Message } from './message.ts';

export type Listener = (message: Message) => unknown;

/** What `addListener` and `subscribe` answer, to give back to `removeListener` and `unsubscribe`. */
export interface SubscriptionHandle {
  readonly id: number;
  readonly channel: string;
  readonly scope: unknown;
  readonly callback: Listener;
  readonly listener: boolean;
}

/** Listeners by channel. */
export class ListenerTable {
  #ids = 0;
  readonly #channels: Map<string, Map<number, SubscriptionHandle>> = new Map();

  add(channel: string, scope: unknown, callback: Listener, listener: boolean): SubscriptionHandle {
    const handle = { id: this.#ids++, channel, scope, callback, listener };
    const entries = this.#channels.get(channel);
    if (entries) entries.set(handle.id, handle);
    else this.#channels.set(channel, new Map([[handle.id, handle]]));
    return handle;
  }

  remove({ channel, id }: SubscriptionHandle): void {
    const entries = this.#channels.get(channel);
    entries?.delete(id);
    if (entries?.size === 0) this.#channels.delete(channel);
  }

  /** Whether anybody subscribes to this very channel. Listeners do not count: the server does not know them. */
  isSubscribed(channel: string): boolean {
    for (const { listener } of this.#channels.get(channel)?.values() ?? []) if (!listener) return true;
    return false;
  }

  clear(): void {
    this.#channels.clear();
  }

  /** Removes the subscriptions, all or those of one channel; listeners stay. */
  clearSubscriptions(only?: string): void {
    for (const [channel, entries] of this.#channels) {
      if (only !== undefined && channel !== only) continue;
      for (const handle of entries.values()) if (!handle.listener) this.remove(handle);
    }
  }

  /** Visits those who hear a channel: of the channel itself, then of wildcards from near to far. */
  visit(channel: string, visit: (handle: SubscriptionHandle) => void): void {
    this.#visit(channel, visit);
    for (const wild of wildsOf(channel)) this.#visit(wild, visit);
  }

  #visit(name: string, visit: (handle: SubscriptionHandle) => void): void {
    const entries = this.#channels.get(name);
    if (entries) for (const handle of entries.values()) visit(handle);
  }
}

/** The subscriptions of the channels that are wanted here. */
import type { Msg, Subscription } from '@nats-io/transport-node';
import type { Connection } from './connection.ts';
import { type Action, Cover } from './cover.ts';
import { isMatched } from './patterns.ts';

export class Channels {
  readonly #cover: Cover = new Cover();
  readonly #connection: Connection;
  readonly #heard: (channel: string, message: Msg) => void;
  readonly #subscriptions: Map<string, Subscription> = new Map();
  /** Turns of the cover that are not confirmed. */
  readonly #turns: Set<number> = new Set();
  readonly #denied: Set<string> = new Set();

  /** @param heard a message of a channel that is wanted; twice when the cover changes */
  constructor(connection: Connection, heard: (channel: string, message: Msg) => void) {
    this.#connection = connection;
    this.#heard = heard;
  }

  /** What NATS does not let this node subscribe. */
  get denied(): ReadonlySet<string> {
    return this.#denied;
  }

  want(pattern: string): void {
    this.#do(this.#cover.want(pattern));
  }

  unwant(pattern: string): void {
    this.#do(this.#cover.unwant(pattern));
  }

  /** The connection is there again, with all subscriptions: what was not confirmed is asked for anew. */
  back(): void {
    for (const turn of this.#turns) void this.#confirm(turn);
  }

  #do(actions: readonly Action[]): void {
    for (const action of actions) {
      if (action.do === 'confirm') {
        this.#turns.add(action.turn);
        void this.#confirm(action.turn);
      } else if (action.do === 'subscribe') this.#subscribe(action.pattern);
      else {
        this.#subscriptions.get(action.pattern)?.unsubscribe();
        this.#subscriptions.delete(action.pattern);
        this.#denied.delete(action.pattern);
      }
    }
  }

  #subscribe(pattern: string): void {
    const { subjects } = this.#connection;
    const subscription = this.#connection.subscribe(subjects.channel(pattern), (message) => {
      const channel = subjects.channelOf(message.subject);
      if (isMatched(channel, this.#cover.wanted)) this.#heard(channel, message);
    });
    this.#subscriptions.set(pattern, subscription);
    void subscription.closed.then((error) => {
      if (error instanceof Error && this.#subscriptions.get(pattern) === subscription) this.#denied.add(pattern);
    });
  }

  async #confirm(turn: number): Promise<void> {
    if (!(await this.#connection.flushed()) || !this.#turns.delete(turn)) return;
    this.#do(this.#cover.confirmed(turn));
  }
}

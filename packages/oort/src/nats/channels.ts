/** The subscriptions of the channels that are wanted here. */
import type { Msg } from '@nats-io/transport-node';
import type { Connection, Listening } from './connection.ts';
import { type Action, Cover } from './cover.ts';
import { isMatched } from './patterns.ts';

/**
 * How long a subscription stays when the server has confirmed the one that takes over, in ms. A server that was about to deliver a
 * message has looked up its subscribers before, and may do so a moment after the confirmation.
 */
const GRACE = 1000;

export class Channels {
  readonly #cover: Cover = new Cover();
  readonly #connection: Connection;
  readonly #heard: (channel: string, message: Msg) => void;
  readonly #subscriptions: Map<string, Listening> = new Map();
  /** Turns of the cover that are not confirmed, and those that are, until the grace is over. */
  readonly #turns: Map<number, NodeJS.Timeout | null> = new Map();
  /** How often each pattern is wanted: it may be observed, and have subscribers as well. */
  readonly #times: Map<string, number> = new Map();

  /** @param heard a message of a channel that is wanted; twice when the cover changes */
  constructor(connection: Connection, heard: (channel: string, message: Msg) => void) {
    this.#connection = connection;
    this.#heard = heard;
  }

  /** As often as it is wanted it must be unwanted. Throws `RangeError` when its name is too long. */
  want(pattern: string): void {
    this.#connection.subjects.channel(pattern);
    const times = this.#times.get(pattern) ?? 0;
    this.#times.set(pattern, times + 1);
    if (times === 0) this.#do(this.#cover.want(pattern));
  }

  unwant(pattern: string): void {
    const times = this.#times.get(pattern) ?? 0;
    if (times > 1) this.#times.set(pattern, times - 1);
    else if (this.#times.delete(pattern)) this.#do(this.#cover.unwant(pattern));
  }

  /** Whether messages of a channel are wanted. */
  wants(channel: string): boolean {
    return isMatched(channel, this.#cover.wanted);
  }

  /** Resolves when the server has all that was wanted so far, or the connection is lost. */
  settled(): Promise<boolean> {
    return this.#connection.flushed();
  }

  /** The connection is there again, with all subscriptions: what was not confirmed is asked for anew. */
  back(): void {
    for (const [turn, timer] of this.#turns) if (timer === null) void this.#confirm(turn);
  }

  stop(): void {
    for (const timer of this.#turns.values()) clearTimeout(timer ?? undefined);
    this.#turns.clear();
  }

  #do(actions: readonly Action[]): void {
    for (const action of actions) {
      if (action.do === 'confirm') {
        this.#turns.set(action.turn, null);
        void this.#confirm(action.turn);
      } else if (action.do === 'subscribe') this.#subscribe(action.pattern);
      else {
        this.#subscriptions.get(action.pattern)?.unsubscribe();
        this.#subscriptions.delete(action.pattern);
      }
    }
  }

  #subscribe(pattern: string): void {
    const { subjects } = this.#connection;
    const subscription = this.#connection.subscribe(subjects.channel(pattern), (message) => {
      const channel = subjects.channelOf(message.subject);
      if (this.wants(channel)) this.#heard(channel, message);
    });
    this.#subscriptions.set(pattern, subscription);
  }

  async #confirm(turn: number): Promise<void> {
    if (!(await this.#connection.flushed()) || this.#turns.get(turn) !== null) return;
    const timer = setTimeout(() => {
      this.#turns.delete(turn);
      this.#do(this.#cover.confirmed(turn));
    }, GRACE);
    this.#turns.set(turn, timer.unref());
  }
}

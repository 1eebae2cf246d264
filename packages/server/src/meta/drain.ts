/** How a server empties before it stops: nobody comes in any more, and those who are here are sent elsewhere, a few at a time. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Advice } from '@cometd-ts/protocol';
import type { ServerMessage } from '../message.ts';
import type { Settings } from '../options.ts';
import type { Session } from '../session/session.ts';
import type { Sessions } from '../session/sessions.ts';
import { refuse } from './reply.ts';

/** How long a server may take to empty. */
export interface DrainOptions {
  /** From the call to the stop at the latest, in ms. Default 25000. */
  readonly timeout?: number;
  /**
   * How long everything goes on as before, so that load balancers notice that the server is not ready, in ms.
   * Default an eighth of `timeout`, but 3000 at most.
   */
  readonly notice?: number;
  /** What the server still has to do when its clients have gone, or the time is over, before it stops: to leave its cluster, say. */
  readonly emptied?: () => unknown;
}

const DEFAULT_TIMEOUT = 25_000;
const LONGEST_NOTICE = 3_000;
/** The part of the time in which sessions are sent away: what is left is for those who are slow to go. */
const SPREAD = 0.6;
/** Sent away no slower than this, in ms for each: a small server is empty soon. */
const PACE = 20;
/** Between two looks, in ms. */
const STEP = 50;
/** Longest interval advised to those who are sent away, in ms; each gets another one. */
const LONGEST_INTERVAL = 2_000;

export class Drain {
  readonly #settings: Settings;
  readonly #sessions: () => Sessions;
  readonly #ending: AbortController = new AbortController();
  #state: 'open' | 'announced' | 'closed' = 'open';

  constructor(settings: Settings, sessions: () => Sessions) {
    this.#settings = settings;
    this.#sessions = sessions;
  }

  /** Whether the server was asked to empty. */
  get isAnnounced(): boolean {
    return this.#state !== 'open';
  }

  /** Whether handshakes are refused by now. */
  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Sends a handshake away: the reply tells where to, and when. */
  sheds(reply: ServerMessage): boolean {
    if (this.#state !== 'closed') return false;
    refuse(reply, 'overloaded', 'draining');
    reply.advice = this.#advice();
    return true;
  }

  /**
   * Empties the server; resolves when no client is left, when the time is over, or at `stop`. Throws `RangeError` for what
   * is no time, and then nothing has begun.
   */
  run({ timeout = DEFAULT_TIMEOUT, notice }: Omit<DrainOptions, 'emptied'>): Promise<void> {
    const quiet = notice ?? Math.min(LONGEST_NOTICE, timeout / 8);
    for (const [name, time] of Object.entries({ timeout, notice: quiet }))
      if (!(time >= 0 && time < 2 ** 31)) throw new RangeError(`'${name}' must be a time in ms, not ${time}`);
    return this.#empty(timeout, quiet);
  }

  async #empty(timeout: number, quiet: number): Promise<void> {
    const deadline = performance.now() + timeout;
    this.#state = 'announced';
    if (quiet > 0 && !(await this.#wait(Math.min(quiet, timeout)))) return;
    this.#state = 'closed';
    const begun = performance.now();
    const spread = Math.min(timeout * SPREAD, this.#remote().length * PACE, deadline - begun);
    const last = begun + spread + (deadline - begun - spread) / 2;
    for (let left = this.#remote(); left.length > 0; left = this.#remote()) {
      const now = performance.now();
      if (now >= deadline) return;
      this.#sendAway(left, begun + spread - now);
      if (now >= last) for (const session of left) this.#quieten(session);
      if (!(await this.#wait(Math.min(STEP, deadline - now)))) return;
    }
  }

  /** Ends `run` at once. */
  stop(): void {
    this.#ending.abort();
  }

  /** Some of those who were not sent away yet, chosen by chance: all of them when `time` is over. */
  #sendAway(sessions: readonly Session[], time: number): void {
    const staying = sessions.filter((session) => session.farewell === null);
    const share = time <= STEP ? 1 : STEP / time;
    for (const session of staying) if (Math.random() < share) session.sendAway(this.#advice());
  }

  /** Who is still confirming messages gets no new ones, or would never have confirmed all. */
  #quieten(session: Session): void {
    for (const channel of session.subscriptions) channel.unsubscribe(session);
  }

  #advice(): Advice {
    const { overloadHosts } = this.#settings;
    const advice: Advice = { reconnect: 'handshake', interval: Math.round(Math.random() * LONGEST_INTERVAL) };
    if (overloadHosts.length > 0) advice.hosts = [...overloadHosts];
    return advice;
  }

  /** The other nodes of a cluster stay: without them the clients would miss what is said meanwhile. */
  #remote(): Session[] {
    return this.#sessions().list.filter((session) => !session.isLocalSession && !session.isNode);
  }

  /** False when the server has been stopped meanwhile. */
  #wait(time: number): Promise<boolean> {
    return pause(time, true, { signal: this.#ending.signal }).catch(() => false);
  }
}

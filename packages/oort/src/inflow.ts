/**
 * Lets in what comes from other nodes, in its order: so much in one turn of the event loop, and no more than clients take.
 *
 * A connection that is back brings all that was kept meanwhile at once, which can be many times what the queue of a client holds. A
 * client that is there has its session yet when all of it has come in: between two helpings it can take what it has.
 */
import type { ServerSession } from '@cometd-ts/server';

/** Messages of one helping: a fraction of what the queue of a client holds by default. */
const MOST = 200;
/** How full the queue of a client may be when the next helping comes. */
const FILL = 1 / 2;
/** How often it is looked whether clients have taken what they have, in ms, while all wait for it. */
const LOOK = 5;
/** A look takes a moment for each client: at other times no more than a tenth of the time is spent on it. */
const SPARING = 10;
/** For how long all wait for those who are slow, in ms. A tenth of the time that passes gives it back. */
const PATIENCE = 3000;
const RECOVERY = 1 / 10;
/** What may wait: beyond it, what comes lets in what came first, and whoever brings it is held up by that. */
const LONGEST = 20_000;

/** What there is to know of a client. */
export type Client = Pick<ServerSession, 'isLocalSession' | 'isNode' | 'queueFill'>;

/** Whether a client has yet to take much of what it has. */
function isBehind(client: Client): boolean {
  return !client.isLocalSession && !client.isNode && client.queueFill > FILL;
}

export class Inflow {
  readonly #clients: () => readonly Client[];
  #waiting: (() => void)[] = [];
  /** The first of them that is still to come in. */
  #next = 0;
  #room = MOST;
  #isScheduled = false;
  #patience = PATIENCE;
  #looked: number = performance.now();
  #nextLook = 0;
  #isPausing = false;

  /** @param clients whose queues are looked at */
  constructor(clients: () => readonly Client[]) {
    this.#clients = clients;
  }

  /** How much waits to come in. */
  get size(): number {
    return this.#waiting.length - this.#next;
  }

  /** Runs `act` now, or after all that came before it. */
  take(act: () => void): void {
    if (!this.#isScheduled) this.#schedule();
    if (this.#room > 0 && this.size === 0) {
      this.#room--;
      return act();
    }
    this.#waiting.push(act);
    if (this.size > LONGEST) this.#admit();
  }

  /** Nothing that waits comes in any more. */
  clear(): void {
    this.#waiting = [];
    this.#next = 0;
  }

  #schedule(): void {
    this.#isScheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    this.#room = MOST;
    if (this.size === 0) return this.clear();
    if (this.#mustPause()) {
      this.#isScheduled = true;
      setTimeout(() => this.#turn(), LOOK).unref();
      return;
    }
    for (; this.#room > 0 && this.size > 0; this.#room--) this.#admit();
    this.#schedule();
  }

  #admit(): void {
    const act = this.#waiting[this.#next++] as () => void;
    if (2 * this.#next > LONGEST) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
    act();
  }

  /** Whether somebody has yet to take what he has, and it is not too long that all have waited for such. */
  #mustPause(): boolean {
    const now = performance.now();
    if (!this.#isPausing && now < this.#nextLook) return false;
    const passed = now - this.#looked;
    this.#looked = now;
    if (this.#isPausing) this.#patience -= passed;
    else this.#patience = Math.min(PATIENCE, this.#patience + passed * RECOVERY);
    this.#isPausing = this.#patience > 0 && this.#clients().some(isBehind);
    this.#nextLook = now + SPARING * (performance.now() - now);
    return this.#isPausing;
  }
}

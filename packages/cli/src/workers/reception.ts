/** Where clients come in: one socket from the start of the supervisor to its end. Each connection goes to a worker that takes it. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { BayeuxServer } from '@cometd-ts/server';
import { type Address, listen } from '../listener.ts';

/** How many connections may wait for a worker, and for how long, in ms. Beyond that they are closed. */
export interface Bounds {
  readonly most: number;
  readonly patience: number;
}

const usual: Bounds = { most: 10_000, patience: 10_000 };

/** A worker, as connections are handed to it: one at a time, so that none waits behind another at a busy one. */
export interface Taker {
  /** Hands over the connection; `failed` is called when it cannot be. */
  give(connection: Socket, failed: () => void): void;
}

interface Waiting {
  readonly connection: Socket;
  readonly since: number;
}

/** Until a worker has said that it has a connection, the connection is held here as well: when the worker dies, another one gets it. */
export class Reception {
  readonly #server: Server;
  readonly #diagnostics: BayeuxServer['diagnostics'];
  readonly #bounds: Bounds;
  /** Who takes connections, each with the one it has been given and has not taken yet: whose turn it is stands first. */
  readonly #takers: Map<Taker, Waiting | null> = new Map();
  /** The longest wait stands first. */
  readonly #waiting: Waiting[] = [];
  #impatience: NodeJS.Timeout | null = null;

  constructor(diagnostics: BayeuxServer['diagnostics'], bounds: Bounds = usual) {
    this.#diagnostics = diagnostics;
    this.#bounds = bounds;
    // What is read here would be missing there.
    this.#server = createServer({ pauseOnConnect: true }, (connection) => this.#came(connection));
  }

  /** Listens; answers the port. Throws `Complaint` when the port or host is not to be had. */
  async open(address: Address): Promise<number> {
    await listen(this.#server, address);
    this.#server.on('error', (error) => this.#warn(`Connections are not accepted: ${error.message}`));
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on it is given connections. */
  admit(taker: Taker): void {
    this.#takers.set(taker, null);
    this.#serve();
  }

  /** It has what it was given. */
  taken(taker: Taker): void {
    const given = this.#takers.get(taker);
    if (!given) return;
    // The connection stays open: the worker has it, too.
    given.connection.destroy();
    this.#takers.delete(taker);
    this.admit(taker);
  }

  /** It takes no more; what it has not taken is for another one. */
  dismiss(taker: Taker): void {
    const given = this.#takers.get(taker);
    this.#takers.delete(taker);
    if (!given) return;
    this.#waiting.unshift(given);
    this.#serve();
    this.#watch();
  }

  /** It has been given something that has not come. */
  owes(taker: Taker): boolean {
    return Boolean(this.#takers.get(taker));
  }

  /** What it was given has not reached it: it is for another one, or for the same when there is no other. */
  missed(taker: Taker): void {
    const given = this.#takers.get(taker);
    if (!given) return;
    this.#takers.delete(taker);
    this.#waiting.unshift(given);
    this.#sendAway();
    this.admit(taker);
    this.#watch();
  }

  /** Accepts no more, and closes whatever waits. */
  close(): void {
    this.#server.close();
    if (this.#impatience) clearTimeout(this.#impatience);
    const given = [...this.#takers.values()].filter((one) => one !== null);
    for (const { connection } of [...this.#waiting.splice(0), ...given]) connection.destroy();
    this.#takers.clear();
  }

  #came(connection: Socket): void {
    const { most } = this.#bounds;
    if (this.#waiting.length >= most) {
      connection.destroy();
      return this.#warn(`A connection is closed unserved: ${most} wait for a worker already`);
    }
    this.#waiting.push({ connection, since: performance.now() });
    this.#serve();
    this.#watch();
  }

  /** Gives what waits to those that are free. */
  #serve(): void {
    for (const [taker, given] of this.#takers) {
      if (given) continue;
      const next = this.#waiting.shift();
      if (!next) return;
      this.#takers.set(taker, next);
      taker.give(next.connection, () => this.dismiss(taker));
    }
  }

  /** Sees to it that nobody waits for ever. */
  #watch(): void {
    const [first] = this.#waiting;
    if (!first || this.#impatience) return;
    this.#impatience = setTimeout(
      () => {
        this.#impatience = null;
        this.#sendAway();
        this.#watch();
      },
      first.since + this.#bounds.patience - performance.now(),
    ).unref();
  }

  #sendAway(): void {
    const oldest = performance.now() - this.#bounds.patience;
    const fresh = this.#waiting.findIndex(({ since }) => since > oldest);
    const late = this.#waiting.splice(0, fresh < 0 ? this.#waiting.length : fresh);
    for (const { connection } of late) connection.destroy();
    if (late.length > 0) this.#warn(`Connections are closed unserved: ${late.length} that no worker has taken`);
  }

  #warn(text: string): void {
    this.#diagnostics.warn('reception', text);
  }
}

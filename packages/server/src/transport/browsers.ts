/** Browsers, known by their cookie: which sessions each has, and how many of them hold a connect. Book section 7.1. */

import { randomText } from '../session/identifier.ts';
import type { Neighbours } from '../session/neighbours.ts';
import type { Session } from '../session/session.ts';

const COOKIE_LENGTH = 16;

/** One browser, or one program with its own cookies. */
export interface Browser {
  readonly id: string;
  readonly sessions: Set<Session>;
  /** Connects being held. */
  held: number;
  /** When its last session left; 0 while it has some. */
  idleSince: number;
}

/** The browsers this server has issued a cookie to; a value it did not issue is worth nothing. */
export class Browsers {
  readonly #byId: Map<string, Browser> = new Map();
  readonly #bySession: Map<Session, Browser> = new Map();
  readonly #neighbours: Neighbours;

  constructor(neighbours: Neighbours) {
    this.#neighbours = neighbours;
  }

  get(id: string): Browser | undefined {
    return this.#byId.get(id);
  }

  of(session: Session): Browser | undefined {
    return this.#bySession.get(session);
  }

  get size(): number {
    return this.#byId.size;
  }

  issue(): Browser {
    const browser: Browser = {
      id: this.#neighbours.mark + randomText(COOKIE_LENGTH),
      sessions: new Set(),
      held: 0,
      idleSince: 0,
    };
    this.#byId.set(browser.id, browser);
    return browser;
  }

  add(browser: Browser, session: Session): void {
    browser.sessions.add(session);
    browser.idleSince = 0;
    this.#bySession.set(session, browser);
  }

  /** The session is gone. Its browser stays known for a while, so that a page that comes back keeps its cookie. */
  forget(session: Session): void {
    const browser = this.#bySession.get(session);
    if (!browser) return;
    this.#bySession.delete(session);
    browser.sessions.delete(session);
    if (browser.sessions.size === 0) browser.idleSince = performance.now();
  }

  /** Takes a place among the browser's held connects. `limit` < 0 is no limit, and an unknown browser has none. */
  acquire(browser: Browser | undefined, limit: number): boolean {
    if (!browser || limit < 0) return true;
    if (browser.held >= limit) return false;
    browser.held++;
    return true;
  }

  release(browser: Browser | undefined, limit: number): void {
    if (browser && limit >= 0) browser.held--;
  }

  /** Forgets browsers that have had no session for `idle` ms. */
  sweep(idle: number): void {
    const now = performance.now();
    for (const browser of this.#byId.values()) {
      if (browser.idleSince !== 0 && now - browser.idleSince > idle) this.#byId.delete(browser.id);
    }
  }

  clear(): void {
    this.#byId.clear();
    this.#bySession.clear();
  }
}

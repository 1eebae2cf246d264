/** When a node may serve bidders: it knows what the others know, or has found that they cannot be reached. Book section 9.5.7.1. */
import { hasLinks, type Oort } from '@cometd-ts/oort';

import { DefaultSecurityPolicy, type ServerMessage, type ServerSession } from '@cometd-ts/server';
import { Colleagues } from './colleagues.ts';
import type { Ledger } from './ledger.ts';

/** How often a cold node looks, and how long it may stay cold, in ms. */
const times = { look: 50, most: 10_000 } as const;

/** Lets nodes in at all times, and everybody else when the node is warm. */
export class Warmth extends DefaultSecurityPolicy {
  #oort: Oort | null = null;
  #isWarm = false;
  #timer: NodeJS.Timeout | undefined;

  get isWarm(): boolean {
    return this.#isWarm;
  }

  /** Resolves when the node is warm. Until then it does not even know its Oort. */
  warm(
    oort: Oort,
    ledger: Ledger,
    expected: readonly string[],
    colleagues: Colleagues = new Colleagues(oort),
  ): Promise<void> {
    this.#oort = oort;
    const since = performance.now();
    return new Promise((resolve) => {
      const look = (): void => {
        const others = new Set([...expected, ...colleagues.others]);
        others.delete(oort.url);
        const isLate = performance.now() - since > times.most;
        if (!isLate && ![...others].every((url) => isSettled(url, oort, ledger))) return;
        this.stop();
        this.#isWarm = true;
        resolve();
      };
      this.#timer = setInterval(look, times.look);
      look();
    });
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  override canHandshake(_server: unknown, session: ServerSession, message: ServerMessage): boolean {
    return this.#isWarm || session.isLocalSession || this.#oort?.isOortHandshake(message) === true;
  }
}

function isSettled(url: string, oort: Oort, ledger: Ledger): boolean {
  if (oort.isCometConnected(url)) return ledger.knows(url);
  if (!hasLinks(oort.engine)) return true;
  return oort.engine.links.some((link) => link.url === url && link.out !== 'up' && link.problem !== '');
}

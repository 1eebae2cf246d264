/** Who bids: everybody is a user of Seti, known on all nodes with the nodes they are at. */
import { createHash } from 'node:crypto';
import { type Oort, Seti } from '@cometd-ts/oort';
import type { Registration, ServerSession } from '@cometd-ts/server';
import type { Bidder } from './bid.ts';

/** A bidder, and where they are. */
export interface Present extends Bidder {
  /** URLs of nodes. */
  readonly nodes: readonly string[];
}

export class Bidders {
  readonly seti: Seti;
  readonly #changed: (user: Bidder, url: string, isThere: boolean) => void;
  /** Nodes of each user. */
  readonly #nodes: Map<string, Set<string>> = new Map();
  readonly #sessions: WeakMap<ServerSession, Bidder> = new WeakMap();
  #registrations: readonly Registration[] = [];

  /** @param changed called when somebody has come to a node, or left it */
  constructor(oort: Oort, changed: (user: Bidder, url: string, isThere: boolean) => void) {
    this.seti = new Seti(oort);
    this.#changed = changed;
  }

  async start(): Promise<void> {
    this.#registrations = [
      this.seti.addListener('presenceAdded', ({ userId, url }) => {
        this.#nodes.set(userId, (this.#nodes.get(userId) ?? new Set()).add(url));
        this.#changed(bidderOf(userId), url, true);
      }),
      this.seti.addListener('presenceRemoved', ({ userId, url }) => {
        const nodes = this.#nodes.get(userId);
        nodes?.delete(url);
        if (nodes?.size === 0) this.#nodes.delete(userId);
        this.#changed(bidderOf(userId), url, false);
      }),
    ];
    await this.seti.start();
  }

  async stop(): Promise<void> {
    for (const registration of this.#registrations) registration.remove();
    await this.seti.stop();
  }

  /** Everybody in the cluster, by name. */
  get present(): readonly Present[] {
    const all = [...this.#nodes].map(([userId, nodes]) => ({ ...bidderOf(userId), nodes: [...nodes].sort() }));
    return all.sort((one, other) => (userOf(one) < userOf(other) ? -1 : 1));
  }

  /** Whoever comes with the same secret is the same person, on every node. A session bids for one person: the last it named. */
  enter(session: ServerSession, name: string, secret: string): Bidder {
    const bidder = { id: createHash('sha256').update(secret).digest('base64url').slice(0, 12), name };
    const before = this.of(session);
    if (before && userOf(before) !== userOf(bidder)) this.seti.disassociate(userOf(before), session);
    this.seti.associate(userOf(bidder), session);
    this.#sessions.set(session, bidder);
    return bidder;
  }

  of(session: ServerSession): Bidder | undefined {
    return this.#sessions.get(session);
  }

  /** Tells one bidder something, wherever they are. */
  tell(bidder: Bidder, channel: string, data: object): void {
    this.seti.sendMessage(userOf(bidder), channel, data);
  }
}

// A user's id has the name in it: what is known of a user is known wherever the user is.
function userOf({ id, name }: Bidder): string {
  return `${name}~${id}`;
}

function bidderOf(userId: string): Bidder {
  const at = userId.lastIndexOf('~');
  return { id: userId.slice(at + 1), name: userId.slice(0, at) };
}

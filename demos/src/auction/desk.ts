/**
 * What bidders' pages ask for, on any node.
 *
 *   /service/auction/enter    remote call: { name, token } → { you, node, nodes, doors, categories, lots, standings, bidders }
 *   /service/auction/bid      remote call: { lot, amount, key } → the confirmed bid, or { refused, least }
 *   /auction/item/{lot}       everybody hears each new standing
 *   /auction/bidders          everybody hears who is there, and where
 *   /auction/nodes            everybody hears which nodes there are
 *   /service/auction/outbid   to a bidder whose bid is no longer the highest, wherever they are
 */
import { deny, grant, type ServerChannel, type ServerSession } from '@cometd-ts/server';
import { type Caller, CallFailure, Configure, RemoteCall, Service } from '@cometd-ts/services';
import { Pace } from '../pace.ts';
import { fieldsOf, keyFrom, longest, nameFrom } from '../words.ts';
import { type Bid, type Bidder, type Standing, standingOf } from './bid.ts';
import type { Bidders, Present } from './bidders.ts';
import type { Bidding } from './bidding.ts';
import { type Category, categories, type Lot, lotOf, lots } from './catalogue.ts';
import type { Ledger } from './ledger.ts';

export interface DeskParts {
  readonly url: string;
  readonly ledger: Ledger;
  readonly bidders: Bidders;
  readonly bidding: Bidding;
  readonly house: House;
}

/** A node as bidders see it. */
export interface Door {
  readonly url: string;
  readonly name: string;
}

export interface House {
  /** URLs of all nodes that are there. */
  readonly nodes: readonly string[];
  readonly doors: readonly Door[];
}

/** What whoever enters is told. */
export interface Entered {
  readonly you: Bidder;
  /** URL of the node they are at. */
  readonly node: string;
  /** URLs of the nodes that are there. */
  readonly nodes: readonly string[];
  /** All nodes bidders can go to, those that are away, too. */
  readonly doors: readonly Door[];
  readonly categories: readonly Category[];
  readonly lots: readonly Lot[];
  readonly standings: readonly Standing[];
  readonly bidders: readonly Present[];
}

@Service('auction')
export class Desk {
  readonly #parts: DeskParts;
  readonly #paces: WeakMap<ServerSession, Pace> = new WeakMap();

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  @RemoteCall('auction/enter')
  async enter({ session }: Caller, data: unknown): Promise<Entered> {
    const { name, token } = fieldsOf(data);
    const wanted = nameFrom(name);
    const secret = keyFrom(token, longest.token);
    if (wanted === undefined) throw new CallFailure({ refused: 'name' });
    if (secret === undefined) throw new CallFailure({ refused: 'token' });
    const { url, ledger, bidders, house } = this.#parts;
    const you = bidders.enter(session, wanted, secret);
    return {
      you,
      node: url,
      nodes: house.nodes,
      doors: house.doors,
      categories,
      lots,
      standings: ledger.standings.map(standingOf),
      bidders: bidders.present,
    };
  }

  @RemoteCall('auction/bid')
  async bid({ session }: Caller, data: unknown): Promise<Bid> {
    const { bidders, bidding, url } = this.#parts;
    const { lot, amount, key } = fieldsOf(data);
    const bidder = bidders.of(session);
    const item = lotOf(lot);
    const own = keyFrom(key);
    if (!bidder) throw new CallFailure({ refused: 'stranger' });
    if (!item) throw new CallFailure({ refused: 'lot' });
    if (typeof amount !== 'number' || !Number.isSafeInteger(amount) || amount <= 0)
      throw new CallFailure({ refused: 'amount' });
    if (own === undefined) throw new CallFailure({ refused: 'key' });
    if (!this.#paceOf(session).take()) throw new CallFailure({ refused: 'too_fast' });
    const verdict = await bidding.place({ id: `${bidder.id}.${own}`, lot: item.id, amount, bidder, node: url });
    if ('refused' in verdict) throw new CallFailure(verdict);
    return verdict.confirmed;
  }

  /** Nobody but the server speaks here; what exists may be heard by everybody. */
  @Configure('/auction/**')
  configure(channel: ServerChannel): void {
    channel.persistent = true;
    channel.addAuthorizer({
      authorize: (operation, { id }) => (operation !== 'PUBLISH' && isHeard(id) ? grant() : deny('not_yours')),
    });
  }

  #paceOf(session: ServerSession): Pace {
    const known = this.#paces.get(session);
    if (known) return known;
    const pace = new Pace();
    this.#paces.set(session, pace);
    return pace;
  }
}

function isHeard(channel: string): boolean {
  if (['/auction/item/*', '/auction/bidders', '/auction/nodes'].includes(channel)) return true;
  const [, lot] = /^\/auction\/item\/([^/]+)$/.exec(channel) ?? [];
  return lotOf(lot) !== undefined;
}

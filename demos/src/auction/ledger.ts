/**
 * The highest bids, kept by every node.
 *
 * Each node has a part of the map `auction-bids`, and in it, for every lot, the highest bid it has heard of, from bidders or
 * from the parts of others. Parts only ever rise. A bid is *confirmed* when every node of the cluster has shown it in its own
 * part; so whoever survives knows it. It follows:
 *
 * - A confirmed bid is lost only with the last node that knows it.
 * - After it no lower one is confirmed: each node would have to show it, and shows the higher one.
 * - No node needs to be in charge for this to be true. One is (`charge.ts`), so that two bids of one moment have an order.
 * - While a node is lost but not yet missed, nothing is confirmed: bids wait until it is back, or has left.
 *
 * Two halves of a cluster that do not reach each other both go on. When they meet again, the higher bid stands.
 */
import { type Oort, OortStringMap } from '@cometd-ts/oort';
import type { Registration } from '@cometd-ts/server';
import { type Bid, isAbove, readBid } from './bid.ts';
import { Colleagues } from './colleagues.ts';

export type Fate = 'confirmed' | 'outbid' | 'unsure';

/** A bid that waits for the other nodes to show it. */
interface Waiting {
  readonly bid: Bid;
  /** Nodes that have not. */
  readonly missing: Set<string>;
  readonly fate: Promise<Fate>;
  readonly decide: (fate: Fate) => void;
}

export class Ledger {
  readonly bids: OortStringMap<Bid>;
  readonly #oort: Oort;
  readonly #colleagues: Colleagues;
  /** Hears of each lot's new standing. */
  readonly #tell: (standing: Bid) => void;
  readonly #patience: number;
  readonly #waiting: Map<string, Waiting> = new Map();
  /** What our part shows, or will as soon as it is its turn. */
  readonly #highest: Map<string, Bid> = new Map();
  readonly #standings: Map<string, Bid> = new Map();
  #registrations: readonly Registration[] = [];

  /** @param patience how long a bid may wait for the other nodes before its fate is unsure, in ms */
  constructor(
    oort: Oort,
    tell: (standing: Bid) => void,
    patience = 15_000,
    colleagues: Colleagues = new Colleagues(oort),
  ) {
    this.#oort = oort;
    this.#colleagues = colleagues;
    this.#tell = tell;
    this.#patience = patience;
    this.bids = new OortStringMap<Bid>(oort, 'auction-bids', { read: readBid });
  }

  async start(): Promise<void> {
    this.#registrations = [
      this.bids.addDeltaListener('put', ({ url, isLocal }, { newValue }) => this.#shown(url, isLocal, newValue)),
      this.#oort.addListener('cometJoined', ({ url }) => {
        if (this.#colleagues.isGuest(url)) return;
        for (const { missing } of this.#waiting.values()) missing.add(url);
      }),
      this.#oort.addListener('cometLeft', ({ url }) => {
        for (const waiting of this.#waiting.values()) this.#missNot(waiting, url);
        for (const lot of this.bids.localInfo.object.keys()) this.#stand(lot);
      }),
    ];
    await this.bids.start();
  }

  /** Bids that wait stay unsure. */
  async stop(): Promise<void> {
    for (const registration of this.#registrations) registration.remove();
    for (const { decide } of [...this.#waiting.values()]) decide('unsure');
    await this.bids.stop();
  }

  /** The highest bid this node has heard of, confirmed or not. */
  highest(lot: string): Bid | undefined {
    return this.#highest.get(lot);
  }

  /** The highest bid of each lot that all nodes know of. It never falls. */
  get standings(): readonly Bid[] {
    return [...this.#standings.values()];
  }

  /** Whether the part of another node is known. */
  knows(url: string): boolean {
    return this.bids.getInfo(url) !== null;
  }

  /** Enters a bid, and resolves with what became of it. Entered twice it is one bid. */
  enter(bid: Bid): Promise<Fate> {
    const known = this.#waiting.get(bid.id);
    if (known) return known.fate;
    const highest = this.highest(bid.lot);
    const isOurs = highest?.id === bid.id;
    if (!isOurs && !isAbove(bid, highest)) return Promise.resolve('outbid');
    const waiting = this.#wait(bid);
    this.#raise(bid);
    this.#settle(waiting);
    return waiting.fate;
  }

  #wait(bid: Bid): Waiting {
    const missing = new Set(this.#colleagues.others);
    for (const url of missing) if (this.bids.getInfo(url)?.object.get(bid.lot)?.id === bid.id) missing.delete(url);
    let decide: (fate: Fate) => void = () => undefined;
    const fate = new Promise<Fate>((resolve) => {
      const timer = setTimeout(() => decide('unsure'), this.#patience);
      decide = (what) => {
        clearTimeout(timer);
        this.#waiting.delete(bid.id);
        resolve(what);
      };
    });
    const waiting: Waiting = { bid, missing, fate, decide };
    this.#waiting.set(bid.id, waiting);
    return waiting;
  }

  /** A part shows a bid it did not show before. */
  #shown(url: string, isLocal: boolean, bid: Bid): void {
    if (!isLocal) this.#raise(bid);
    for (const waiting of [...this.#waiting.values()]) {
      if (waiting.bid.id === bid.id) this.#missNot(waiting, url);
      // A node that shows a higher one and has not shown ours never will.
      else if (waiting.missing.has(url) && waiting.bid.lot === bid.lot && isAbove(bid, waiting.bid))
        waiting.decide('outbid');
    }
    this.#stand(bid.lot);
  }

  #raise(bid: Bid): void {
    if (!isAbove(bid, this.highest(bid.lot))) return;
    this.#highest.set(bid.lot, bid);
    void this.bids.putAndShare(bid.lot, bid);
  }

  #missNot(waiting: Waiting, url: string): void {
    waiting.missing.delete(url);
    this.#settle(waiting);
  }

  #settle({ bid, missing, decide }: Waiting): void {
    if (missing.size > 0) return;
    this.#rise(bid);
    decide('confirmed');
  }

  /** What all nodes show stands, whoever confirmed it. */
  #stand(lot: string): void {
    const own = this.bids.get(lot);
    if (!own) return;
    const isShown = this.#colleagues.others.every((url) => this.bids.getInfo(url)?.object.get(lot)?.id === own.id);
    if (isShown) this.#rise(own);
  }

  #rise(bid: Bid): void {
    const standing = this.#standings.get(bid.lot);
    if (standing?.id === bid.id || !isAbove(bid, standing)) return;
    this.#standings.set(bid.lot, bid);
    this.#tell(bid);
  }
}

/** A node of the auction, put together: the cluster, the ledger, the bidders, and the desk they come to. */
import { type Engine, Oort } from '@cometd-ts/oort';
import type { BayeuxServer, Registration } from '@cometd-ts/server';
import { ServerAnnotationProcessor } from '@cometd-ts/services';
import { type Bid, standingOf } from './bid.ts';
import { Bidders } from './bidders.ts';
import { Bidding } from './bidding.ts';
import { lotOf } from './catalogue.ts';
import { Colleagues, type IsGuest } from './colleagues.ts';
import { Desk, type Door } from './desk.ts';
import { Ledger } from './ledger.ts';
import type { Warmth } from './warmth.ts';

export interface AuctionOptions {
  /** Oort URL of this node. */
  readonly url: string;
  readonly engine: Engine;
  /** Nodes that are waited for before the first bidder is let in. Default none. */
  readonly expected?: readonly string[];
  /** Names of the nodes of this cluster by URL, for people. Default none: hosts. */
  readonly names?: Readonly<Record<string, string>>;
  /** The security policy of the server, if it waits. */
  readonly warmth?: Warmth;
  /** Nodes of the cloud that have no part in the auction. Default none. */
  readonly isGuest?: IsGuest;
  /** How long a bid may wait for the other nodes, in ms. Default 15000. */
  readonly patience?: number;
  /** Told what happens, in words. Default nobody. */
  readonly tell?: (event: string) => void;
}

export class Auction {
  readonly oort: Oort;
  readonly ledger: Ledger;
  readonly bidders: Bidders;
  readonly bidding: Bidding;
  readonly #options: AuctionOptions;
  readonly #colleagues: Colleagues;
  readonly #processor: ServerAnnotationProcessor;
  readonly #desk: Desk;
  #registrations: readonly Registration[] = [];
  #isTelling = false;

  constructor(server: BayeuxServer, options: AuctionOptions) {
    const { url, engine, patience, isGuest, tell = () => undefined } = options;
    this.#options = options;
    this.oort = new Oort(server, { url, engine });
    this.#colleagues = new Colleagues(this.oort, isGuest);
    this.ledger = new Ledger(this.oort, (bid) => this.#stands(bid), patience, this.#colleagues);
    this.bidders = new Bidders(this.oort, (user, node, isThere) => {
      tell(`${user.name} ${isThere ? 'is at' : 'has left'} ${this.nameOf(node)}`);
      this.#tellBidders();
    });
    this.bidding = new Bidding(this.oort, this.ledger, (bid) => this.#confirmed(bid), this.#colleagues);
    this.#processor = new ServerAnnotationProcessor(server);
    const { ledger, bidders, bidding } = this;
    this.#desk = new Desk({ url, ledger, bidders, bidding, house: this });
  }

  /** Resolves when bidders may come. */
  async start(): Promise<void> {
    const { oort, ledger, bidding, bidders } = this;
    const { tell = () => undefined, warmth, expected = [] } = this.#options;
    this.#registrations = [
      oort.addListener('cometJoined', ({ url }) => {
        tell(`${this.nameOf(url)} has joined`);
        this.#tellNodes();
      }),
      oort.addListener('cometLeft', ({ url }) => {
        tell(`${this.nameOf(url)} has left`);
        this.#tellNodes();
      }),
    ];
    await this.#processor.process(this.#desk);
    await oort.start();
    await ledger.start();
    await bidding.start();
    await bidders.start();
    await warmth?.warm(oort, ledger, expected, this.#colleagues);
    tell('lets bidders in');
  }

  async stop(): Promise<void> {
    this.#options.warmth?.stop();
    for (const registration of this.#registrations) registration.remove();
    await this.bidding.stop();
    await this.bidders.stop();
    await this.ledger.stop();
    await this.oort.stop();
    await this.#processor.deprocess(this.#desk);
  }

  /** URLs of all nodes of the auction that are there, this one included, in one order everywhere. */
  get nodes(): readonly string[] {
    return this.#colleagues.all;
  }

  /** Where bidders can go, whether it is there now or not. */
  get doors(): readonly Door[] {
    const urls = new Set([...Object.keys(this.#options.names ?? {}), ...this.nodes]);
    return [...urls].map((url) => ({ url, name: this.nameOf(url) }));
  }

  nameOf(url: string): string {
    return this.#options.names?.[url] ?? new URL(url).host;
  }

  #stands(bid: Bid): void {
    this.#options.tell?.(`${bid.bidder.name} leads for ${lotOf(bid.lot)?.title ?? bid.lot} with ${bid.amount}`);
    this.#publish(`/auction/item/${bid.lot}`, standingOf(bid));
  }

  #confirmed(bid: Bid): void {
    const [before] = bid.trail;
    if (before && before.bidder.id !== bid.bidder.id)
      this.bidders.tell(before.bidder, '/service/auction/outbid', { lot: bid.lot, amount: bid.amount, by: bid.bidder });
  }

  #tellNodes(): void {
    this.#publish('/auction/nodes', { nodes: this.nodes });
  }

  /** Once for all who come and go in one turn. */
  #tellBidders(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    setImmediate(() => {
      this.#isTelling = false;
      this.#publish('/auction/bidders', { bidders: this.bidders.present });
    });
  }

  #publish(channel: string, data: object): void {
    void this.oort.server.createChannelIfAbsent(channel).channel.publish(null, data);
  }
}

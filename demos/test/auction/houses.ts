/** Nodes of the auction in one process, over the memory engine, closed when their test ends. */
import { BayeuxServer } from '@cometd-ts/server';
import { MemoryCloud } from '@cometd-ts/testkit';
import { onTestFinished } from 'vitest';
import { Auction } from '../../src/auction/auction.ts';
import type { Bid } from '../../src/auction/bid.ts';
import type { Offer, Verdict } from '../../src/auction/bidding.ts';

export interface House {
  readonly url: string;
  readonly auction: Auction;
  readonly server: BayeuxServer;
  /** What stood, in the order this node heard of it. */
  readonly standings: Bid[];
  isAlive: boolean;
}

export class Street {
  readonly cloud: MemoryCloud = new MemoryCloud();
  readonly houses: House[] = [];
  readonly #patience: number;
  #offers = 0;

  constructor(patience = 15_000) {
    this.#patience = patience;
  }

  async open(): Promise<House> {
    const server = new BayeuxServer({ logLevel: 'error' });
    server.start();
    const url = `http://house${this.houses.length + 1}.test/cometd`;
    const auction = new Auction(server, { url, engine: this.cloud.engine(), patience: this.#patience });
    const house: House = { url, auction, server, standings: [], isAlive: true };
    this.houses.push(house);
    server.createChannelIfAbsent('/auction/item/*').channel.addListener('message', (_sender, _channel, { data }) => {
      house.standings.push(data as Bid);
    });
    await auction.start();
    onTestFinished(async () => {
      await auction.stop();
      await server.stop();
    });
    return house;
  }

  async openAll(count: number): Promise<House[]> {
    const houses = [];
    for (let n = 0; n < count; n++) houses.push(await this.open());
    await this.settled();
    return houses;
  }

  /** Without a word: it hears nothing any more, and goes on by itself. */
  kill(house: House): void {
    house.isAlive = false;
    this.cloud.kill(house.url);
  }

  get alive(): House[] {
    return this.houses.filter(({ isAlive }) => isAlive);
  }

  settled(): Promise<void> {
    return this.cloud.settled();
  }

  offer({ url }: House, amount: number, bidder = `bidder${++this.#offers}`, lot = 'kite'): Offer {
    return { id: `${bidder}.${++this.#offers}`, lot, amount, bidder: { id: bidder, name: bidder }, node: url };
  }

  bid(house: House, amount: number, bidder?: string, lot?: string): Promise<Verdict> {
    return house.auction.bidding.place(this.offer(house, amount, bidder, lot));
  }
}

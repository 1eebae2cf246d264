/** A mixed cloud carries the auction and a chat: nodes of ours with the auction, and a Java node that has none. */
import { Auction } from '@cometd-ts/demos/auction';
import { meshEngine } from '@cometd-ts/oort/mesh';
import { type Launched, launch } from '@cometd-ts/testkit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { JavaNode } from './java-node.ts';

const secret = 'one for all';

interface House {
  readonly launched: Launched;
  readonly auction: Auction;
  readonly standings: unknown[];
}

describe('a cloud of nodes with the auction and a Java node', () => {
  let java: JavaNode;
  const houses: House[] = [];
  let offers = 0;

  async function open(): Promise<House> {
    const launched = await launch({
      options: { maxMessageSize: 1 << 20, maxInterval: 1_500, timeout: 1_000, logLevel: 'error' },
    });
    const engine = meshEngine({ secret });
    const isGuest = (url: string): boolean => url === java.url;
    const auction = new Auction(launched.bayeux, { url: launched.url, engine, isGuest });
    auction.oort.observeChannel('/chat/**');
    const standings: unknown[] = [];
    launched.bayeux
      .createChannelIfAbsent('/auction/item/*')
      .channel.addListener('message', (_from, _channel, { data }) => {
        standings.push((data as { amount: number }).amount);
      });
    await auction.start();
    const house = { launched, auction, standings };
    houses.push(house);
    return house;
  }

  function bid({ auction }: House, amount: number): ReturnType<Auction['bidding']['place']> {
    const bidder = { id: `bidder${++offers}`, name: `Bidder ${offers}` };
    return auction.bidding.place({ id: `offer${offers}`, lot: 'kite', amount, bidder, node: auction.oort.url });
  }

  async function joined(count: number, ...some: House[]): Promise<void> {
    await vi.waitFor(
      () => {
        for (const { auction } of some) expect(auction.oort.members).toHaveLength(count);
      },
      { timeout: 40_000, interval: 20 },
    );
  }

  beforeAll(async () => {
    java = await JavaNode.start(secret);
    java.tell('channel', '/chat/**');
    const [one, other] = [await open(), await open()];
    for (const { auction } of [one, other]) auction.oort.observeComet(java.url);
    await joined(2, one, other);
  }, 60_000);

  afterAll(async () => {
    for (const { auction, launched } of houses) {
      await auction.stop();
      await launched.close();
    }
    await java.stop();
  });

  it('confirms bids of both nodes, and does not wait for the Java node', async () => {
    const [one, other] = houses as [House, House];
    expect(await bid(one, 50)).toMatchObject({ confirmed: { amount: 50 } });
    expect(await bid(other, 60)).toMatchObject({ confirmed: { amount: 60 } });
    for (const { standings } of [one, other]) await vi.waitFor(() => expect(standings).toEqual([50, 60]));
    expect(one.auction.nodes).toHaveLength(2);
  });

  it('brings the chat of either side to the other', async () => {
    const [one, other] = houses as [House, House];
    const heard: unknown[] = [];
    other.launched.bayeux
      .createChannelIfAbsent('/chat/room')
      .channel.addListener('message', (_from, _channel, { data }) => {
        heard.push(data);
      });
    one.launched.bayeux.createChannelIfAbsent('/chat/room').channel.publish(null, 'from-ours');
    await java.told('chat from-ours');
    await vi.waitFor(() => expect(heard).toEqual(['from-ours']), { timeout: 20_000 });
    java.tell('publish', 'from-java');
    await vi.waitFor(() => expect(heard).toEqual(['from-ours', 'from-java']), { timeout: 20_000 });
  });

  it('goes on when the Java node is killed, before anybody has missed it', async () => {
    const [one, other] = houses as [House, House];
    await java.kill();
    expect(await bid(one, 70)).toMatchObject({ confirmed: { amount: 70 } });
    expect(await bid(other, 80)).toMatchObject({ confirmed: { amount: 80 } });
    await joined(1, one, other);
    expect(await bid(one, 90)).toMatchObject({ confirmed: { amount: 90 } });
  });

  it('keeps the highest bid when one of ours leaves, and takes a Java node back', async () => {
    const [one, other] = houses as [House, House];
    await other.auction.stop();
    expect(await bid(one, 90)).toMatchObject({ refused: 'low' });
    expect(await bid(one, 100)).toMatchObject({ confirmed: { amount: 100 } });
    java = await JavaNode.start(secret, { port: java.port });
    await joined(1, one);
    expect(await bid(one, 110)).toMatchObject({ confirmed: { amount: 110 } });
  }, 60_000);
});

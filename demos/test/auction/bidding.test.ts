/** Bids on several nodes: what is confirmed is kept by all, and nothing lower follows, whoever dies. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lots } from '../../src/auction/catalogue.ts';
import { inChargeOf } from '../../src/auction/charge.ts';
import { type House, Street } from './houses.ts';

describe('a bid', () => {
  it('is confirmed when every node shows it, whichever it was made at', async () => {
    const street = new Street();
    const houses = await street.openAll(3);
    for (const [index, house] of houses.entries()) {
      const verdict = await street.bid(house, 50 + index * 10);
      expect(verdict).toMatchObject({ confirmed: { amount: 50 + index * 10, node: house.url } });
      expect(houses.map(({ auction }) => auction.ledger.bids.get('kite')?.amount)).toEqual(
        [0, 0, 0].map(() => 50 + index * 10),
      );
    }
    await street.settled();
    for (const { standings } of houses) expect(standings.map(({ amount }) => amount)).toEqual([50, 60, 70]);
    expect(houses[0]?.standings.at(-1)?.trail.map(({ amount }) => amount)).toEqual([60, 50]);
  });

  it.each([
    ['is under the starting price', 44, 'low', 45],
    ['is more than anybody has', 1_000_001, 'high', 45],
  ])('is refused when it %s', async (_title, amount, refused, least) => {
    const street = new Street();
    const [house] = await street.openAll(2);
    expect(await street.bid(house as House, amount)).toEqual({ refused, least });
  });

  it('is refused when it is no step above the highest, or the bidder is the highest already', async () => {
    const street = new Street();
    const [one, other] = (await street.openAll(2)) as [House, House];
    await street.bid(one, 50, 'anna');
    expect(await street.bid(other, 54, 'ben')).toEqual({ refused: 'low', least: 55 });
    expect(await street.bid(other, 60, 'anna')).toEqual({ refused: 'leading', least: 55 });
    expect(await street.bid(other, 55, 'ben')).toMatchObject({ confirmed: { amount: 55 } });
  });

  it('that is offered twice, at two nodes, is one bid', async () => {
    const street = new Street();
    const [one, other] = (await street.openAll(2)) as [House, House];
    const offer = street.offer(one, 50, 'anna');
    const again = { ...offer, node: other.url };
    const verdicts = await Promise.all([one.auction.bidding.place(offer), other.auction.bidding.place(again)]);
    expect(verdicts).toMatchObject([{ confirmed: { amount: 50 } }, { confirmed: { amount: 50 } }]);
    await street.bid(other, 60, 'ben');
    expect(await one.auction.bidding.place(offer)).toEqual({ refused: 'outbid', least: 65 });
    await street.settled();
    expect(one.standings.map(({ amount }) => amount)).toEqual([50, 60]);
  });

  it('waits for a node that is silent, and is confirmed when that has left', async () => {
    const street = new Street();
    const [one, two, three] = (await street.openAll(3)) as [House, House, House];
    // The part of the third is not heard any more, as when its process hangs.
    for (const { server, auction } of [one, two])
      server.createChannelIfAbsent('/oort/objects/*').channel.addListener('message', (sender, _channel, { data }) => {
        return !(auction.oort.isOort(sender) && JSON.stringify(data).includes(`"oort.info.url":"${three.url}"`));
      });
    const charge = [one, two].find(({ url }) => url === inChargeOf('kite', [one.url, two.url])) as House;
    let isConfirmed = false;
    const entered = charge.auction.ledger.enter({ ...street.offer(one, 50), at: 1, trail: [] });
    void entered.then(() => {
      isConfirmed = true;
    });
    await street.settled();
    expect([isConfirmed, one.standings, two.standings]).toEqual([false, [], []]);
    street.kill(three);
    expect(await entered).toBe('confirmed');
  });

  it('is unsure when a node stays and does not answer', async () => {
    const street = new Street(50);
    const [one, two] = (await street.openAll(2)) as [House, House];
    one.server
      .createChannelIfAbsent('/oort/objects/*')
      .channel.addListener('message', (sender) => !one.auction.oort.isOort(sender));
    expect(await one.auction.ledger.enter({ ...street.offer(one, 50), at: 1, trail: [] })).toBe('unsure');
    expect(two.auction.ledger.highest('kite')?.amount).toBe(50);
  });

  it('of one half of a cluster gives way to the higher one of the other half, when they meet again', async () => {
    const street = new Street();
    const [one, two] = (await street.openAll(2)) as [House, House];
    street.cloud.cut(one.url, two.url);
    await street.settled();
    expect(await street.bid(one, 100, 'anna')).toMatchObject({ confirmed: { amount: 100 } });
    expect(await street.bid(two, 60, 'ben')).toMatchObject({ confirmed: { amount: 60 } });
    street.cloud.heal(one.url, two.url);
    await street.settled();
    for (const { auction } of [one, two]) expect(auction.ledger.standings).toMatchObject([{ amount: 100 }]);
    expect(await street.bid(two, 100, 'ben')).toEqual({ refused: 'low', least: 110 });
  });

  it('is known to a node that comes later', async () => {
    const street = new Street();
    const [one, two] = (await street.openAll(2)) as [House, House];
    await street.bid(one, 50);
    const late = await street.open();
    await street.settled();
    expect(late.auction.ledger.standings).toMatchObject([{ amount: 50 }]);
    street.kill(one);
    street.kill(two);
    expect(await street.bid(late, 54)).toEqual({ refused: 'low', least: 55 });
  });
});

describe('the node in charge', () => {
  it('is the same for all who know the same nodes, and few lots move when one leaves', () => {
    const urls = ['a', 'b', 'c'].map((name) => `http://${name}.test/cometd`);
    const before = new Map(lots.map(({ id }) => [id, inChargeOf(id, urls)]));
    for (const { id } of lots) expect(inChargeOf(id, [...urls].reverse())).toBe(before.get(id));
    const [left, ...others] = urls;
    for (const { id } of lots) if (before.get(id) !== left) expect(inChargeOf(id, others)).toBe(before.get(id));
    expect(new Set(before.values()).size).toBe(3);
  });
});

describe('while nodes are killed at random', () => {
  interface Done {
    readonly amount: number;
    readonly asked: number;
    readonly answered: number;
  }

  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ what: fc.constant('bid' as const), at: fc.nat(9), by: fc.nat(4), more: fc.nat(30) }),
    },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('kill' as const), at: fc.nat(9), wait: fc.nat(6) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('open' as const) }) },
    { weight: 2, arbitrary: fc.record({ what: fc.constant('pause' as const), turns: fc.nat(4) }) },
  );
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

  it('no confirmed bid is lost, and none is confirmed that is not above all confirmed before', {
    timeout: 60_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const street = new Street();
        await street.openAll(3);
        const done: Done[] = [];
        const pending: Promise<void>[] = [];
        let clock = 0;
        for (const one of steps) {
          const house = (n: number): House => street.alive[n % street.alive.length] as House;
          if (one.what === 'bid') {
            const at = house(one.at);
            const amount = (at.auction.ledger.highest('kite')?.amount ?? 45) + one.more;
            const asked = ++clock;
            const placed = street.bid(at, amount, `bidder${one.by}`).then((verdict) => {
              // What a dead node says, nobody hears.
              if ('confirmed' in verdict && at.isAlive) done.push({ amount, asked, answered: ++clock });
            });
            pending.push(Promise.race([placed, dead(street, at)]));
          } else if (one.what === 'kill') {
            for (let n = 0; n < one.wait; n++) await turn();
            if (street.alive.length > 1) street.kill(house(one.at));
          } else if (one.what === 'open') {
            if (street.alive.length < 4) {
              await street.open();
              await street.settled();
            }
          } else for (let n = 0; n < one.turns; n++) await turn();
          const most = Math.max(0, ...done.map(({ amount }) => amount));
          for (const { auction } of street.alive)
            expect(auction.ledger.highest('kite')?.amount ?? 0).toBeGreaterThanOrEqual(most);
        }
        await Promise.all(pending);
        await street.settled();
        const most = Math.max(0, ...done.map(({ amount }) => amount));
        const ends = new Set(street.alive.map(({ auction }) => auction.ledger.highest('kite')?.id));
        expect(ends.size).toBe(1);
        for (const { auction, standings } of street.alive) {
          expect(auction.ledger.highest('kite')?.amount ?? 0).toBeGreaterThanOrEqual(most);
          const amounts = standings.map(({ amount }) => amount);
          expect(amounts).toEqual([...amounts].sort((a, b) => a - b));
        }
        for (const later of done)
          for (const earlier of done)
            if (earlier.answered < later.asked) expect(later.amount).toBeGreaterThan(earlier.amount);
      }),
      { numRuns: 20, seed: Number(process.env.FUZZ_SEED) || Date.now() },
    );
  });

  /** Resolves when the house is dead. */
  async function dead(street: Street, house: House): Promise<void> {
    while (house.isAlive && street.houses.includes(house)) await turn();
  }
});

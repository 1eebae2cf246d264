/** What the auction promises while its nodes are killed, whatever carries the cluster. */
import { BayeuxClient } from '@cometd-ts/client/node';
import type { Cloud } from '@cometd-ts/demos/cloud';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { isWhole, type Opened } from './processes.ts';

const eventually = (expected: () => void) => vi.waitFor(expected, { timeout: 20_000, interval: 20 });

/** @param way for the name @param open starts three nodes: Halley, Encke and Tuttle */
export function keepsBids(way: string, open: () => Promise<Opened>): void {
  describe(`an auction of three processes ${way}`, () => {
    let cloud: Cloud;

    beforeAll(async () => {
      ({ cloud } = await open());
      await eventually(() => expect(isWhole(cloud)).toBe(true));
    }, 30_000);

    afterAll(() => cloud?.close());

    async function bidder(name: string, node: string): Promise<BayeuxClient> {
      const url = cloud.fleet.nodes.find((one) => one.name === node)?.url ?? '';
      const client = new BayeuxClient(url);
      onTestFinished(() => client.disconnect());
      await client.handshake();
      await client.remoteCall('auction/enter', { name, token: `token-of-${name}` });
      return client;
    }

    it('loses no confirmed bid when one node after the other is killed, and goes on', async () => {
      const [anna, ben] = [await bidder('Anna', 'Halley'), await bidder('Ben', 'Encke')];
      const done: { amount: number; asked: number; answered: number }[] = [];
      let amount = 40;
      let isOver = false;
      let keys = 0;
      const bidOn = async (client: BayeuxClient): Promise<void> => {
        while (!isOver) {
          amount += 10;
          const offer = { lot: 'kite', amount, key: `key-of-bid-${++keys}` };
          const asked = performance.now();
          try {
            await client.remoteCall('auction/bid', offer, { timeout: 25_000 });
            done.push({ amount: offer.amount, asked, answered: performance.now() });
          } catch (error) {
            expect((error as Error).cause).toMatchObject({
              refused: expect.stringMatching(/^(low|outbid|leading|too_fast)$/),
            });
            // Whoever leads, or was too fast, waits for the other.
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
        }
      };
      const bidding = Promise.all([bidOn(anna), bidOn(ben)]);
      await eventually(() => expect(done.length).toBeGreaterThan(2));
      cloud.fleet.kill('Tuttle');
      const before = done.length;
      await eventually(() => expect(isWhole(cloud, ['Halley', 'Encke'])).toBe(true));
      await eventually(() => expect(done.length).toBeGreaterThan(before + 2));
      await eventually(() => expect(cloud.fleet.start('Tuttle')).toBe(true));
      await eventually(() => expect(isWhole(cloud)).toBe(true));
      isOver = true;
      await bidding;
      const most = Math.max(...done.map((one) => one.amount));
      cloud.fleet.kill('Halley');
      cloud.fleet.kill('Encke');
      // The youngest node alone is left, and knows.
      await eventually(() => expect(isWhole(cloud, ['Tuttle'])).toBe(true));
      const cleo = await bidder('Cleo', 'Tuttle');
      const low = cleo.remoteCall('auction/bid', { lot: 'kite', amount: most, key: 'key-too-low' });
      await expect(low).rejects.toMatchObject({ cause: { refused: 'low' } });
      await cleo.remoteCall('auction/bid', { lot: 'kite', amount: most + 200, key: 'key-high-enough' });
      for (const later of done)
        for (const earlier of done)
          if (earlier.answered < later.asked) expect(later.amount).toBeGreaterThan(earlier.amount);
    }, 60_000);
  });
}

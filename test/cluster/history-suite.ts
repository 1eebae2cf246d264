/** What is published on any node is heard on all, while others come, go and are killed: nothing twice, nothing out of order, no loss unexplained. */
import { History } from '@cometd-ts/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Cluster, eventually, type Node } from './nodes.ts';
import { clean, fallSilent, voices } from './voice.ts';

export const server = { maxInterval: 1_500, timeout: 1_000, sweepPeriod: 100, maxMessageSize: 1 << 20 };

/** @param ready makes the cluster for one test */
export function historySuite(ready: () => Promise<Cluster>): void {
  describe('a cluster under load', () => {
    let nodes: Cluster;
    let history: History;

    beforeEach(async () => {
      nodes = await ready();
      history = new History();
    });
    afterEach(() => nodes.close());

    it('loses nothing, repeats nothing and keeps every order on nodes that stay, while 30 nodes come and go', async () => {
      const stable = await nodes.together(2, { server, channels: ['/news'] });
      const speaking = await voices(stable, history);
      for (const voice of speaking) voice.speak();
      for (let each = 0; each < 30; each++) {
        const guest = await nodes.start({ server, channels: ['/news'] });
        await nodes.meet(guest, stable[each % 2] as Node);
        await nodes.settled([...stable, guest]);
        if (each % 3 === 0) await guest.kill();
        else await guest.stop();
        nodes.forget(guest);
      }
      await nodes.settled(stable);
      await fallSilent(speaking, history);
      expect(history.check()).toEqual(clean);
      expect(history.received).toBeGreaterThan(1_000);
    }, 120_000);

    it('loses nothing over links that break and come back before anybody is missed', async () => {
      const pair = (await nodes.together(2, { server: { ...server, maxInterval: 20_000 }, channels: ['/news'] })) as [
        Node,
        Node,
      ];
      const speaking = await voices(pair, history);
      for (const voice of speaking) voice.speak();
      for (let each = 0; each < 10; each++) {
        const before = history.received;
        nodes.jolt(...pair);
        await eventually(() => expect(history.received).toBeGreaterThan(before + 50));
      }
      await fallSilent(speaking, history);
      expect(history.check()).toEqual(clean);
      expect(pair.map(({ log }) => log.filter((line) => line.startsWith('left')))).toEqual([[], []]);
    }, 60_000);
  });
}

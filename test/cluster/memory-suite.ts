/** A node that others come to and leave, again and again, holds no more than at the beginning. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Cluster, eventually, type Node } from './nodes.ts';

const server = { maxInterval: 1_500, timeout: 1_000, sweepPeriod: 100, maxMessageSize: 1 << 20 };
/** What may come on top in eight rounds: code that is compiled, above all. Each round brings some 100 kB of messages and users. */
const SLACK = 1_200_000;

/** @param ready makes the cluster for one test; @param links how many sessions of other nodes a node has */
export function memorySuite(ready: () => Promise<Cluster>, links: number): void {
  let nodes: Cluster;
  beforeEach(async () => {
    nodes = await ready();
  });
  afterEach(() => nodes.close());

  describe('a node of five', () => {
    it('keeps nothing of those that stop, are killed and come back', async () => {
      const five = await nodes.together(5, { server, channels: ['/chat/**'] });
      const [stays, seed] = five as [Node, Node];
      let others = five.slice(2);

      /** One of the others goes, by a stop or a kill, and comes back with many users, who say something. */
      const round = async (number: number): Promise<void> => {
        const [goes, ...remain] = others as [Node, ...Node[]];
        await (number % 2 === 0 ? goes.stop() : goes.kill());
        const back = await nodes.start({ port: goes.port, server, channels: ['/chat/**'] });
        await nodes.meet(back, seed);
        others = [...remain, back];
        await nodes.settled([stays, seed, ...others]);
        const users = Array.from({ length: 100 }, (_, at) => `user ${number} ${at} ${'x'.repeat(100)}`);
        for (const user of users) await back.ask('enter', user);
        for (let at = 0; at < 100; at++) await back.ask('publish', `/chat/${number}`, 'y'.repeat(1000));
        await eventually(async () => expect(await stays.ask('users')).toEqual(expect.arrayContaining(users)));
        for (const user of users) await back.ask('leave', user);
        await eventually(async () => expect(await stays.ask('users')).toEqual([]));
      };

      for (let number = 0; number < 6; number++) await round(number);
      const before = await stays.ask<number>('heap');
      for (let number = 6; number < 14; number++) await round(number);
      const after = await stays.ask<number>('heap');
      expect(after - before).toBeLessThan(SLACK);
      expect(await stays.ask('sessions')).toBe(links);
      expect(await stays.ask('status')).toEqual({ state: 'up', reason: '' });
    }, 120_000);
  });
}

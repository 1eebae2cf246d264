/** Nodes as processes: who has joined and who has left, whatever happens to them and to the network between them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Cluster, eventually, type Node } from './nodes.ts';

/** Short, so that what is lost is noticed soon; in production it is 10 s. */
export const server = { maxInterval: 1_500, timeout: 1_000, sweepPeriod: 100, maxMessageSize: 1 << 20 };

const about = (node: Node, other: Node): string[] =>
  node.log
    .filter((line) => line.endsWith(` ${other.url}`) && /^(joined|left)/.test(line))
    .map((line) => line.split(' ')[0] ?? '');

/** @param ready makes the cluster for one test */
export function membershipSuite(ready: () => Promise<Cluster>): void {
  let nodes: Cluster;
  beforeEach(async () => {
    nodes = await ready();
  });
  afterEach(() => nodes.close());

  describe('a cluster', () => {
    it('hears at once of a node that leaves', async () => {
      const [a, b, c] = (await nodes.together(3, { server })) as [Node, Node, Node];
      const before = performance.now();
      await c.stop();
      await nodes.settled([a, b]);
      expect(performance.now() - before).toBeLessThan(server.maxInterval);
      for (const node of [a, b]) expect(about(node, c)).toEqual(['joined', 'left']);
    });

    it('hears of a node that was killed, and of its users, within hold time and maxInterval', async () => {
      const [a, b, c] = (await nodes.together(3, { server })) as [Node, Node, Node];
      await c.ask('enter', 'carol');
      for (const node of [a, b]) await eventually(async () => expect(await node.ask('users')).toEqual(['carol']));
      await c.kill();
      await nodes.settled([a, b]);
      for (const node of [a, b]) {
        expect(await node.ask('users')).toEqual([]);
        expect(about(node, c)).toEqual(['joined', 'left']);
        expect(node.log.at(-1)).toBe(`absent carol ${c.url}`);
      }
    });

    it('hears of a restart before anybody was missed: the old one has left, then the new one has joined', async () => {
      const [a, b] = (await nodes.together(2, { server: { ...server, maxInterval: 20_000 } })) as [Node, Node];
      await b.kill();
      const anew = await nodes.start({ port: b.port, server });
      await nodes.meet(anew, a);
      await eventually(() => expect(about(a, b)).toEqual(['joined', 'left', 'joined']));
      await nodes.settled([a, anew]);
    });

    it('hears of a restart after the old one was missed', async () => {
      const [a, b] = (await nodes.together(2, { server })) as [Node, Node];
      await b.kill();
      await nodes.settled([a]);
      const anew = await nodes.start({ port: b.port, server });
      // Nobody tells the new one of anybody: the old link is tried until it works.
      await nodes.settled([a, anew]);
      expect(about(a, b)).toEqual(['joined', 'left', 'joined']);
    });

    it('hears nothing of a break that is shorter than maxInterval', async () => {
      const [a, b] = (await nodes.together(2, { server: { ...server, maxInterval: 20_000 } })) as [Node, Node];
      await b.ask('enter', 'bob');
      await eventually(async () => expect(await a.ask('users')).toEqual(['bob']));
      nodes.jolt(a, b);
      await b.ask('send', 'bob', 1);
      expect(await a.ask('send', 'bob', 2)).toEqual([]);
      await eventually(() => expect(b.log.filter((line) => line.startsWith('message'))).toHaveLength(2));
      expect([about(a, b), about(b, a)]).toEqual([['joined'], ['joined']]);
    });

    it('hears that a node which stood still was gone, and takes it back', async () => {
      const [a, b] = (await nodes.together(2, { server })) as [Node, Node];
      b.freeze();
      await nodes.settled([a]);
      b.thaw();
      await nodes.settled([a, b]);
      expect(about(a, b)).toEqual(['joined', 'left', 'joined']);
    });

    it('comes back after all links were reset at once', async () => {
      const all = await nodes.together(4, { server });
      nodes.part(...all);
      for (const node of all) await nodes.settled([node]);
      nodes.join(...all);
      await nodes.settled(all);
    });
  });
}

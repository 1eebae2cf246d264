/** Nodes as processes: who has joined and who has left, whatever happens to them and to the network between them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type Node, Nodes } from './nodes.ts';

/** Short, so that what is lost is noticed soon; in production it is 10 s. */
const server = { maxInterval: 1_500, timeout: 1_000, sweepPeriod: 100, maxMessageSize: 1 << 20 };

let nodes: Nodes;

beforeEach(async () => {
  nodes = await Nodes.ready();
});
afterEach(() => nodes.close());

const about = (node: Node, other: Node): string[] =>
  node.log
    .filter((line) => line.endsWith(` ${other.url}`) && /^(joined|left)/.test(line))
    .map((line) => line.split(' ')[0] ?? '');

describe('a cluster', () => {
  it('of five is a full mesh, though each knew but one other', async () => {
    const five = await nodes.together(5, { server });
    for (const node of five) {
      expect(await node.members()).toHaveLength(4);
      expect(node.log.filter((line) => line.startsWith('joined'))).toHaveLength(4);
      // One session for each other node, and no more.
      await eventually(async () => expect(await node.ask('sessions')).toBe(4));
      expect(await node.ask('status')).toEqual({ state: 'up', reason: '' });
    }
  });

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
    await anew.ask('observe', a.url);
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
    for (const link of [nodes.link(a, b), nodes.link(b, a)]) link.reset();
    await b.ask('send', 'bob', 1);
    expect(await a.ask('send', 'bob', 2)).toEqual([]);
    await eventually(() => expect(b.log.filter((line) => line.startsWith('message'))).toHaveLength(2));
    expect([about(a, b), about(b, a)]).toEqual([['joined'], ['joined']]);
  });

  it('that is cut in two and healed is whole again, with the users of both halves', async () => {
    const all = (await nodes.together(4, { server })) as [Node, Node, Node, Node];
    const [a, b, c, d] = all;
    for (const [index, node] of all.entries()) await node.ask('enter', `user${index}`);
    for (const node of all) await eventually(async () => expect(await node.ask('users')).toHaveLength(4));
    for (const one of [a, b]) for (const other of [c, d]) nodes.cut(one, other);
    await Promise.all([nodes.settled([a, b]), nodes.settled([c, d])]);
    expect(await a.ask('users')).toEqual(['user0', 'user1']);
    await a.ask('leave', 'user0');
    await d.ask('enter', 'user9');
    for (const one of [a, b]) for (const other of [c, d]) nodes.heal(one, other);
    await nodes.settled(all);
    for (const node of all)
      await eventually(async () => expect(await node.ask('users')).toEqual(['user1', 'user2', 'user3', 'user9']));
  });

  it('notices a link that works one way only, says so, and is whole when it works both ways', async () => {
    const [a, b] = (await nodes.together(2, { server })) as [Node, Node];
    const back = nodes.link(b, a);
    back.refuse();
    back.reset();
    await eventually(async () => {
      const states = await Promise.all([a, b].map((node) => node.ask<{ state: string; reason: string }>('status')));
      expect(states.map(({ state }) => state)).toContain('degraded');
    });
    back.heal();
    await eventually(async () => {
      for (const node of [a, b]) expect(await node.ask('status')).toEqual({ state: 'up', reason: '' });
    });
    await nodes.settled([a, b]);
    await b.ask('enter', 'bob');
    await a.ask('enter', 'alice');
    for (const node of [a, b]) await eventually(async () => expect(await node.ask('users')).toEqual(['alice', 'bob']));
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
    for (const one of all) for (const other of all) if (one !== other) nodes.cut(one, other);
    for (const node of all) await nodes.settled([node]);
    for (const one of all) for (const other of all) if (one !== other) nodes.heal(one, other);
    await nodes.settled(all);
  });
});

/** Nodes of a mesh as processes: who has joined and who has left, whatever happens to them and to the links between them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { membershipSuite, server } from './membership-suite.ts';
import { eventually, type Node, Nodes } from './nodes.ts';

membershipSuite(() => Nodes.ready());

describe('a mesh', () => {
  let nodes: Nodes;
  beforeEach(async () => {
    nodes = await Nodes.ready();
  });
  afterEach(() => nodes.close());

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
});

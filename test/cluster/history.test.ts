/** What is published in a mesh is heard on all nodes, and a loss has a reason. */
import { History } from '@cometd-ts/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { historySuite, server } from './history-suite.ts';
import { eventually, type Node, Nodes } from './nodes.ts';
import { clean, fallSilent, voices } from './voice.ts';

historySuite(() => Nodes.ready());

describe('a mesh under load', () => {
  let nodes: Nodes;
  let history: History;
  beforeEach(async () => {
    nodes = await Nodes.ready();
    history = new History();
  });
  afterEach(() => nodes.close());

  it('loses, when nodes are cut off each other for longer, only what was published meanwhile on the other side', async () => {
    const three = (await nodes.together(3, { server, channels: ['/news'] })) as [Node, Node, Node];
    const speaking = await voices(three, history);
    for (const voice of speaking) voice.speak();
    const [a, b] = three;
    for (let each = 0; each < 3; each++) {
      const from = performance.now();
      nodes.cut(a, b);
      await eventually(() => {
        expect(a.log.at(-1)).toBe(`left ${b.url}`);
        expect(b.log.at(-1)).toBe(`left ${a.url}`);
      });
      nodes.heal(a, b);
      await nodes.settled(three);
      const to = performance.now();
      // What was on its way when the link was cut is lost with it: a link holds a second of the past at most.
      history.excuse('v0', 'v1', from - 1_000, to);
      history.excuse('v1', 'v0', from - 1_000, to);
    }
    await fallSilent(speaking, history);
    expect(history.check()).toEqual(clean);
  }, 90_000);
});

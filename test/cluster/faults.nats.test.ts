/** What is published on NATS while servers, nodes and the ways between them fail: nothing twice, nothing out of order, no loss unexplained. */
import { setTimeout as pause } from 'node:timers/promises';
import { History } from '@cometd-ts/testkit';
import { type NatsCluster, type NatsServer, natsProgram, startNats, startNatsCluster } from '@cometd-ts/testkit/nats';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NatsNodes } from './nats-nodes.ts';
import { eventually, type Node } from './nodes.ts';
import { channel, clean, fallSilent, type Voice, voices } from './voice.ts';

const server = { maxInterval: 3_000, timeout: 1_000, sweepPeriod: 100, maxMessageSize: 1 << 20 };
const plan = { server, channels: [channel] };
/** Within this time, in ms, all is well when NATS is back: 5 s where nothing else runs. */
const recovery = 15_000;

const isMissing = 'reason' in natsProgram('current');

describe.skipIf(isMissing)('a cluster on one NATS server', () => {
  let nats: NatsServer;
  let nodes: NatsNodes;
  let history: History;
  let three: [Node, Node, Node];
  let speaking: Voice[];

  beforeAll(async () => {
    nats = await startNats();
  });
  afterAll(() => nats.close());

  beforeEach(async () => {
    nodes = await NatsNodes.ready(nats);
    history = new History();
  });
  afterEach(() => nodes.close());

  async function begin(more: Parameters<NatsNodes['together']>[1] = {}, pace = 2): Promise<void> {
    three = (await nodes.together(3, { ...plan, ...more })) as [Node, Node, Node];
    speaking = await voices(three, history);
    for (const voice of speaking) voice.speak(pace);
    await heard(300);
  }

  /** Messages go on to be heard, so many more. */
  async function heard(more: number): Promise<void> {
    const before = history.received;
    await eventually(() => expect(history.received).toBeGreaterThan(before + more));
  }

  const down = (...some: readonly Node[]) =>
    eventually(async () => {
      for (const node of some) {
        const { state, reason } = await node.ask<{ state: string; reason: string }>('status');
        expect(state).toBe('down');
        expect(reason).toMatch(/^NATS is away: /);
      }
    });

  /** All is well again, and was so in time. */
  async function recovered(since: number): Promise<void> {
    await nodes.up(...three);
    await nodes.settled(three);
    expect(performance.now() - since).toBeLessThan(recovery);
  }

  const departures = (node: Node, other: Node): number =>
    node.log.filter((line) => line === `left ${other.url}`).length;

  it('goes on in each node while NATS is killed for 5 s, and what was published then is heard everywhere when it is back', async () => {
    await begin();
    await Promise.all(three.map((node, index) => node.ask('enter', `user${index}`)));
    await nats.kill();
    await down(...three);
    // Whoever publishes is heard by those at the same node.
    await heard(300);
    await pause(5_000);
    await nats.start();
    await recovered(performance.now());
    await heard(300);
    await fallSilent(speaking, history);
    expect(history.check()).toEqual(clean);
    expect(speaking.flatMap(({ refusals }) => refusals)).toEqual([]);
    for (const node of three)
      await eventually(async () => expect(await node.ask('users')).toEqual(['user0', 'user1', 'user2']));
  }, 60_000);

  it('refuses, while NATS is killed for 60 s, what it could not keep, and loses nothing it has not refused', async () => {
    await begin({ nats: { servers: [], maxQueue: 500 } }, 20);
    await nats.kill();
    await down(...three);
    await pause(60_000);
    for (const { refusals } of speaking) {
      expect(refusals.length).toBeGreaterThan(100);
      expect(new Set(refusals)).toEqual(new Set(['503:cluster,maxQueue:overloaded']));
    }
    await nats.start();
    await recovered(performance.now());
    await heard(300);
    const refused = speaking.map(({ refusals }) => refusals.length);
    await heard(300);
    await fallSilent(speaking, history);
    expect(history.check()).toEqual(clean);
    expect(speaking.map(({ refusals }) => refusals.length)).toEqual(refused);
  }, 120_000);

  it('is whole again when the server has stood still', async () => {
    await begin();
    nats.freeze();
    await down(...three);
    await pause(1_000);
    nats.thaw();
    await recovered(performance.now());
    await heard(300);
    await fallSilent(speaking, history);
    expect(history.check()).toEqual(clean);
  }, 60_000);

  it('notices a way to NATS that swallows all, and loses only what others published until it was back', async () => {
    await begin();
    const [a, b, c] = three;
    const from = performance.now();
    nodes.way(a).blackHole();
    await eventually(() => expect([departures(b, a), departures(c, a)]).toEqual([1, 1]));
    await down(a);
    nodes.way(a).heal();
    nodes.way(a).reset();
    await recovered(performance.now());
    for (const other of ['v1', 'v2']) history.excuse('v0', other, from - 1_000, performance.now());
    await heard(300);
    await fallSilent(speaking, history);
    expect(history.check()).toEqual(clean);
    expect([departures(a, b), departures(a, c)]).toEqual([1, 1]);
  }, 60_000);

  it('loses nothing on a way to NATS that is slow', async () => {
    await begin({ server: { ...server, maxInterval: 20_000 } });
    const way = nodes.way(three[0]);
    way.latency(200);
    way.slow(30_000);
    await pause(5_000);
    way.slow(0);
    await recovered(performance.now());
    await heard(300);
    await fallSilent(speaking, history);
    expect(history.check()).toEqual(clean);
    expect(three.flatMap(({ log }) => log.filter((line) => line.startsWith('left')))).toEqual([]);
  }, 60_000);

  it('loses with a node that is killed only what that node had not sent yet', async () => {
    await begin();
    const [a, b, c] = three;
    const from = performance.now();
    await c.kill();
    await nodes.settled([a, b]);
    for (const survivor of ['v0', 'v1']) history.excuse(survivor, 'v2', from - 1_000);
    history.unsubscribed('v2', channel);
    history.excuse('v2', null, from - 1_000);
    const [first, second, third] = speaking as [Voice, Voice, Voice];
    await third.leave();
    await heard(300);
    await fallSilent([first, second], history);
    expect(history.check()).toEqual(clean);
  }, 60_000);
});

describe.skipIf(isMissing)('a cluster on three NATS servers', () => {
  let cloud: NatsCluster;
  let nodes: NatsNodes;

  beforeAll(async () => {
    cloud = await startNatsCluster();
  });
  afterAll(() => cloud.close());
  beforeEach(async () => {
    nodes = await NatsNodes.ready(cloud);
  });
  afterEach(() => nodes.close());

  it('loses nothing when each of them is killed and comes back, one after the other', async () => {
    const history = new History();
    const three = await nodes.together(3, { ...plan, server: { ...server, maxInterval: 10_000 } });
    const speaking = await voices(three, history);
    for (const voice of speaking) voice.speak(2);
    await Promise.all(three.map((node, index) => node.ask('enter', `user${index}`)));
    for (const one of cloud.servers) {
      await one.kill();
      const before = history.received;
      await eventually(() => expect(history.received).toBeGreaterThan(before + 1_000));
      await nodes.up(...three);
      await one.start();
      await cloud.ready();
    }
    await nodes.settled(three);
    await fallSilent(speaking, history);
    expect(history.check()).toEqual(clean);
    expect(three.flatMap(({ log }) => log.filter((line) => line.startsWith('left')))).toEqual([]);
    for (const node of three)
      await eventually(async () => expect(await node.ask('users')).toEqual(['user0', 'user1', 'user2']));
  }, 120_000);
});

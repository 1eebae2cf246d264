/** What is published on any node is heard on all, while others come, go and are killed: nothing twice, nothing out of order, no loss unexplained. */
import { AckExtension, BayeuxClient } from '@cometd-ts/client/node';
import { History, type Mark } from '@cometd-ts/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type Node, Nodes } from './nodes.ts';

const server = { maxInterval: 1_500, timeout: 1_000, sweepPeriod: 100, maxMessageSize: 1 << 20 };
const channel = '/news';

/** A client at a node that publishes and hears, and notes both. */
class Voice {
  readonly name: string;
  readonly client: BayeuxClient;
  readonly #history: History;
  #speaking: Promise<void> | undefined;
  #isOver = false;

  static async at(node: Node, name: string, history: History): Promise<Voice> {
    const client = new BayeuxClient(node.url, { extensions: [new AckExtension()] });
    await client.handshake();
    await client.getChannel(channel).subscribe(({ data }) => history.heard(name, channel, data as Mark));
    history.subscribed(name, channel);
    return new Voice(name, client, history);
  }

  private constructor(name: string, client: BayeuxClient, history: History) {
    this.name = name;
    this.client = client;
    this.#history = history;
  }

  /** Publishes one after the other, until `hush`. */
  speak(): void {
    this.#speaking = this.#speak();
  }

  async hush(): Promise<void> {
    this.#isOver = true;
    await this.#speaking;
  }

  async #speak(): Promise<void> {
    while (!this.#isOver) {
      const mark = this.#history.publish(this.name, channel);
      try {
        await this.client.getChannel(channel).publish(mark);
        this.#history.confirmed(mark);
      } catch (error) {
        // Whether it was heard nobody knows: the history counts it as neither.
        if (this.client.status.type === 'disconnected') throw error;
      }
    }
  }
}

describe('a cluster under load', () => {
  let nodes: Nodes;
  let history: History;

  beforeEach(async () => {
    nodes = await Nodes.ready();
    history = new History();
  });
  afterEach(() => nodes.close());

  const clean = { ghosts: [], unexpected: [], duplicates: [], inversions: [], lost: [] };

  async function voices(all: readonly Node[]): Promise<Voice[]> {
    const found: Voice[] = [];
    for (const [index, node] of all.entries()) found.push(await Voice.at(node, `v${index}`, history));
    return found;
  }

  /** Everybody has heard the last word of everybody, so whatever is on its way has arrived. */
  async function settled(all: readonly Voice[]): Promise<void> {
    for (const voice of all) await voice.hush();
    const last: Mark[] = [];
    for (const { client, name } of all) {
      const mark = history.publish(name, channel);
      await client.getChannel(channel).publish(mark);
      history.confirmed(mark);
      last.push(mark);
    }
    await eventually(() => {
      const lost = history.check().lost.filter((line) => last.some(({ p, n }) => line.startsWith(`${p}#${n} `)));
      expect(lost).toEqual([]);
    });
    for (const { client } of all) await client.disconnect();
  }

  it('loses nothing, repeats nothing and keeps every order on nodes that stay, while 30 nodes come and go', async () => {
    const stable = await nodes.together(2, { server, channels: ['/news'] });
    const speaking = await voices(stable);
    for (const voice of speaking) voice.speak();
    for (let each = 0; each < 30; each++) {
      const guest = await nodes.start({ server, channels: ['/news'] });
      await guest.ask('observe', (stable[each % 2] as Node).url);
      await nodes.settled([...stable, guest]);
      if (each % 3 === 0) await guest.kill();
      else await guest.stop();
      nodes.forget(guest);
    }
    await nodes.settled(stable);
    await settled(speaking);
    expect(history.check()).toEqual(clean);
    expect(history.received).toBeGreaterThan(1_000);
  }, 120_000);

  it('loses nothing over links that break and come back before anybody is missed', async () => {
    const pair = (await nodes.together(2, { server: { ...server, maxInterval: 20_000 }, channels: ['/news'] })) as [
      Node,
      Node,
    ];
    const speaking = await voices(pair);
    for (const voice of speaking) voice.speak();
    for (let each = 0; each < 10; each++) {
      const before = history.received;
      for (const link of [nodes.link(pair[0], pair[1]), nodes.link(pair[1], pair[0])]) link.reset();
      await eventually(() => expect(history.received).toBeGreaterThan(before + 50));
    }
    await settled(speaking);
    expect(history.check()).toEqual(clean);
    expect(pair.map(({ log }) => log.filter((line) => line.startsWith('left')))).toEqual([[], []]);
  }, 60_000);

  it('loses, when nodes are cut off each other for longer, only what was published meanwhile on the other side', async () => {
    const three = (await nodes.together(3, { server, channels: ['/news'] })) as [Node, Node, Node];
    const speaking = await voices(three);
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
    await settled(speaking);
    expect(history.check()).toEqual(clean);
  }, 90_000);
});

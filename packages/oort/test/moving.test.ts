/** A cluster that moves from one engine to another, node by node. */
import { type Engine, movingEngine, Oort, OortStringMap, Seti } from '@cometd-ts/oort';
import { BayeuxServer } from '@cometd-ts/server';
import { MemoryCloud } from '@cometd-ts/testkit';
import { engineContract } from '@cometd-ts/testkit/engine-contract';
import { describe, expect, it, onTestFinished } from 'vitest';

engineContract('memory to memory', () => {
  const [from, to] = [new MemoryCloud(), new MemoryCloud()];
  let places = 0;
  return {
    place: async (_server, url = `http://node${++places}.test/cometd`) => url,
    engine: () => movingEngine({ from: from.engine(), to: to.engine() }),
    kill: async (url) => {
      from.kill(url);
      to.kill(url);
    },
    cut: async (one, other) => from.cut(one, other),
    heal: async (one, other) => from.heal(one, other),
    close: () => from.settled(),
  };
});

interface Node {
  readonly oort: Oort;
  readonly heard: unknown[];
  readonly life: string[];
  readonly map: OortStringMap<number>;
  readonly seti: Seti;
  publish(data: unknown): void;
  stop(): Promise<void>;
}

class Move {
  readonly #from: MemoryCloud = new MemoryCloud();
  readonly #to: MemoryCloud = new MemoryCloud({ addresses: true, buckets: true });

  before(url: string): Promise<Node> {
    return this.#node(url, this.#from.engine());
  }

  during(url: string): Promise<Node> {
    return this.#node(url, movingEngine({ from: this.#from.engine(), to: this.#to.engine() }));
  }

  almost(url: string): Promise<Node> {
    return this.#node(url, this.#to.engine(url, true));
  }

  after(url: string): Promise<Node> {
    return this.#node(url, this.#to.engine());
  }

  async settled(): Promise<void> {
    await this.#from.settled();
    await this.#to.settled();
    await this.#from.settled();
  }

  async #node(name: string, engine: Engine): Promise<Node> {
    const server = new BayeuxServer({ logLevel: 'error' });
    server.start();
    const oort = new Oort(server, { url: `http://${name}.test/cometd`, engine, channels: ['/a', '/a/**', '/*'] });
    const [heard, life]: [unknown[], string[]] = [[], []];
    oort.addListener('cometJoined', ({ url }) => life.push(`+${new URL(url).hostname}`));
    oort.addListener('cometLeft', ({ url }) => life.push(`-${new URL(url).hostname}`));
    const ear = server.newLocalSession('ear');
    await ear.handshake();
    await ear.getChannel('/a').subscribe((_channel, { data }) => heard.push(data));
    await oort.start();
    const map = new OortStringMap<number>(oort, 'numbers');
    await map.start();
    const seti = new Seti(oort);
    await seti.start();
    const stop = async (): Promise<void> => {
      await seti.stop();
      await map.stop();
      await oort.stop();
      await server.stop();
    };
    onTestFinished(stop);
    const publish = (data: unknown): void =>
      void server.createChannelIfAbsent('/a').channel.publishMessage(null, { channel: '/a', data });
    return { oort, heard, life, map, seti, publish, stop };
  }
}

describe('a cluster on the move', () => {
  const names = ['a', 'b', 'c'];

  /** Starts three nodes, then each anew in each of the stages; after every start all nodes are looked at. */
  async function go(look: (nodes: readonly Node[], move: Move) => Promise<void>): Promise<void> {
    const move = new Move();
    let nodes = [await move.before('a'), await move.before('b'), await move.before('c')];
    const check = async (): Promise<void> => {
      await move.settled();
      for (const { oort } of nodes) expect(oort.members).toHaveLength(2);
      await look(nodes, move);
    };
    await check();
    for (const stage of ['during', 'almost', 'after'] as const) {
      for (const [index, name] of names.entries()) {
        await nodes[index]?.stop();
        nodes = nodes.with(index, await move[stage](name));
        await check();
      }
    }
  }

  it('has each message of each node at each other node once, in every stage', () =>
    go(async (nodes, move) => {
      for (const node of nodes) node.heard.length = 0;
      for (const [index, node] of nodes.entries()) node.publish(names[index]);
      await move.settled();
      for (const node of nodes) expect([...node.heard].sort()).toEqual(names);
    }));

  it('shares the parts of objects, whole and by single changes, in every stage', () => {
    let value = 0;
    return go(async (nodes, move) => {
      const expected: number[][] = [];
      for (const { map } of nodes) {
        expected.push([++value, ++value]);
        await map.putAndShare('one', value - 1);
        await map.setAndShare(new Map([...map.localInfo.object, ['two', value]]));
      }
      await move.settled();
      for (const { map } of nodes)
        expect(nodes.map(({ oort: { url } }) => [...(map.getInfo(url)?.object.values() ?? [])])).toEqual(expected);
    });
  });

  it('finds the users of all nodes in every stage', () =>
    go(async (nodes, move) => {
      for (const [index, { oort, seti }] of nodes.entries()) {
        if (seti.isAssociated(`user of ${names[index]}`)) continue;
        const session = oort.server.newLocalSession('user');
        await session.handshake();
        seti.associate(`user of ${names[index]}`, session.serverSession);
      }
      await move.settled();
      for (const { seti } of nodes) {
        for (const name of names) expect(seti.isPresent(`user of ${name}`)).toBe(true);
        expect(await seti.reachUsers(['user of a', 'nobody'], '/service/x', 1)).toEqual(['nobody']);
      }
    }));

  it('hears that a node has left before it is back by its new way, though the old one has not noticed', async () => {
    const move = new Move();
    const watcher = await move.during('watcher');
    const old = await move.before('b');
    await move.settled();
    // The old start is still there when the new one comes.
    const renewed = await move.after('b');
    await move.settled();
    expect(watcher.life).toEqual(['+b.test', '-b.test', '+b.test']);
    expect(watcher.oort.members.map(({ id }) => id)).toEqual([renewed.oort.id]);
    await old.stop();
    await move.settled();
    expect(watcher.life).toHaveLength(3);
    expect(watcher.oort.send(renewed.oort.url, { channel: '/service/x', data: 1 })).toBe(true);
  });

  it('is as well as the worse of both engines', async () => {
    const move = new Move();
    const { oort } = await move.during('a');
    expect(oort.status).toEqual({ state: 'up', reason: '' });
    expect(oort.engine.name).toBe('memory to memory');
    await oort.stop();
    expect(oort.status).toEqual({ state: 'down', reason: 'memory: stopped' });
  });
});

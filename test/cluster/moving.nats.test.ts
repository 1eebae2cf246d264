/** A cluster moves from the mesh to NATS while clients publish: real sockets, a real server, each node started anew three times. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { movingEngine, Oort, OortStringMap } from '@cometd-ts/oort';
import { meshEngine, staticDiscovery } from '@cometd-ts/oort/mesh';
import { natsEngine } from '@cometd-ts/oort/nats';
import { BayeuxServer } from '@cometd-ts/server';
import { type NatsServer, natsPrograms, startNats } from '@cometd-ts/testkit/nats';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

const secret = 'a secret of all nodes of this cloud';

interface Node {
  readonly oort: Oort;
  readonly heard: unknown[];
  readonly map: OortStringMap<number>;
  publish(data: unknown): void;
  stop(): Promise<void>;
}

/** A port that stays with a node over its starts. */
class Place {
  readonly listener: Server = createServer();
  url = '';

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.listener.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.listener.address() as AddressInfo).port}/cometd`;
    onTestFinished(() => {
      this.listener.closeAllConnections();
      this.listener.close();
    });
    return this;
  }
}

const stages = ['before', 'during', 'almost', 'after'] as const;

for (const program of natsPrograms()) {
  if ('reason' in program) continue;
  describe(`a cluster that moves to nats-server ${program.version}`, () => {
    let nats: NatsServer;

    beforeAll(async () => {
      nats = await startNats({ kind: program.kind });
    });

    afterAll(() => nats?.close());

    async function start(place: Place, stage: (typeof stages)[number], urls: readonly string[]): Promise<Node> {
      const server = new BayeuxServer({ logLevel: 'error', maxMessageSize: 1_048_576 });
      server.attach(place.listener);
      const mesh = () =>
        meshEngine({
          secret,
          discovery: staticDiscovery(urls),
          backoffIncrement: 100,
          maxBackoff: 300,
          maxInterval: 2000,
        });
      const onNats = (moving: boolean) =>
        natsEngine({ servers: `nats://127.0.0.1:${nats.port}`, namespace: 'moving', heartbeat: 200, moving });
      const engine =
        stage === 'before'
          ? mesh()
          : stage === 'during'
            ? movingEngine({ from: mesh(), to: onNats(false) })
            : onNats(stage === 'almost');
      const oort = new Oort(server, { url: place.url, engine, channels: ['/news/**'] });
      const heard: unknown[] = [];
      const ear = server.newLocalSession('ear');
      await ear.handshake();
      await ear.getChannel('/news/*').subscribe((_channel, { data }) => heard.push(data));
      await oort.start();
      const map = new OortStringMap<number>(oort, 'numbers');
      await map.start();
      const stop = async (): Promise<void> => {
        await map.stop();
        await oort.stop();
        await server.stop();
        place.listener.removeAllListeners('request');
        place.listener.removeAllListeners('upgrade');
      };
      onTestFinished(stop);
      const publish = (data: unknown): void =>
        void server.createChannelIfAbsent('/news/a').channel.publishMessage(null, { channel: '/news/a', data });
      return { oort, heard, map, publish, stop };
    }

    it('hears everything once, and shares all parts, after each single step of the three rounds', async () => {
      const places = [await new Place().open(), await new Place().open(), await new Place().open()];
      const urls = places.map(({ url }) => url);
      let nodes: Node[] = [];
      let round = 0;
      for (const place of places) nodes.push(await start(place, 'before', urls));
      const check = async (): Promise<void> => {
        round++;
        await vi.waitFor(
          () => {
            for (const { oort } of nodes) expect(oort.members).toHaveLength(2);
          },
          { timeout: 20_000, interval: 10 },
        );
        for (const node of nodes) node.heard.length = 0;
        for (const [index, node] of nodes.entries()) {
          node.publish(`${index} first`);
          await node.map.putAndShare('round', round);
          node.publish(`${index} second`);
        }
        await vi.waitFor(
          () => {
            for (const { heard, map } of nodes) {
              expect(heard).toHaveLength(6);
              expect(urls.map((url) => map.getInfo(url)?.object.get('round'))).toEqual([round, round, round]);
            }
          },
          { timeout: 20_000, interval: 10 },
        );
        for (const { heard } of nodes)
          for (const index of [0, 1, 2])
            expect(heard.filter((text) => String(text).startsWith(`${index} `))).toEqual([
              `${index} first`,
              `${index} second`,
            ]);
      };
      await check();
      for (const stage of stages.slice(1)) {
        for (const [index, place] of places.entries()) {
          await nodes[index]?.stop();
          nodes = nodes.with(index, await start(place, stage, urls));
          await check();
        }
      }
    }, 60_000);
  });
}

/** The configuration of the page on permissions is enough for everything a node does, and for no other cluster. */
import { readFile } from 'node:fs/promises';
import { Oort, OortStringMap, Seti } from '@cometd-ts/oort';
import { natsEngine } from '@cometd-ts/oort/nats';
import { BayeuxServer } from '@cometd-ts/server';
import { type NatsServer, natsPrograms, startNats } from '@cometd-ts/testkit/nats';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

const page = await readFile(new URL('../../docs/how-to/nats-permissions.md', import.meta.url), 'utf8');
const [, block = ''] = /```conf file=nats\.conf\n([\s\S]*?)```/.exec(page) ?? [];
// The server of tests has a folder for JetStream of its own.
const config = block.replace(/^jetstream .*$/m, '').replace('$CHAT_PASSWORD', '"sesame"');

const eventually = (expected: () => void) => vi.waitFor(expected, { timeout: 15_000, interval: 10 });

for (const program of natsPrograms()) {
  if ('reason' in program) continue;
  describe(`the account of a cluster on nats-server ${program.version}`, () => {
    let nats: NatsServer;

    beforeAll(async () => {
      nats = await startNats({ kind: program.kind, config });
    });
    afterAll(() => nats?.close());

    async function node(name: string, namespace = 'chat') {
      const server = new BayeuxServer({ logLevel: 'silent' });
      server.start();
      const engine = natsEngine({
        servers: `nats://127.0.0.1:${nats.port}`,
        namespace,
        user: 'chat',
        password: 'sesame',
      });
      const oort = new Oort(server, { url: `http://${name}.test/cometd`, channels: ['/rooms/*'], engine });
      onTestFinished(async () => {
        await oort.stop();
        await server.stop();
      });
      await oort.start();
      return { server, oort };
    }

    it('lets nodes publish, share objects and find users', async () => {
      const nodes = [await node('one'), await node('two')] as const;
      const [one, two] = nodes;
      await eventually(() => expect([one.oort.members.length, two.oort.members.length]).toEqual([1, 1]));
      const heard: unknown[] = [];
      two.server
        .createChannelIfAbsent('/rooms/a')
        .channel.addListener('message', (_sender, _channel, { data }) => void heard.push(data));
      one.server.createChannelIfAbsent('/rooms/a').channel.publish(null, 'hello');
      const maps = nodes.map(({ oort }) => new OortStringMap<number>(oort, 'numbers'));
      const setis = nodes.map(({ oort }) => new Seti(oort, { routing: 'interest' }));
      for (const part of [...maps, ...setis]) await part.start();
      await maps[0]?.putAndShare('one', 1);
      const user = two.server.newLocalSession('user');
      await user.handshake();
      setis[1]?.associate('ann@example.com', user.serverSession);
      await eventually(() => {
        expect(heard).toEqual(['hello']);
        expect(maps[1]?.getInfo(one.oort.url)?.object.get('one')).toBe(1);
      });
      await vi.waitFor(
        async () => expect(await setis[0]?.reachUsers('ann@example.com', '/service/a', 1)).toEqual([]),
        15_000,
      );
      for (const { server } of nodes) expect(server.diagnostics.counters.get('nats.denied')).toBeUndefined();
    });

    it('is closed to those of another namespace', async () => {
      await expect(node('three', 'shop')).rejects.toThrow('NATS does not allow this node to subscribe to shop.hb.*');
    });
  });
}

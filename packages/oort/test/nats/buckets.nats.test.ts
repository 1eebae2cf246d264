/** Buckets on NATS keep the contract, on a current server and on an old one, whatever happens to the connection. */
import type { JSONContext } from '@cometd-ts/protocol';
import { BayeuxServer } from '@cometd-ts/server';
import { ToxicProxy } from '@cometd-ts/testkit';
import { bucketContract } from '@cometd-ts/testkit/bucket-contract';
import { natsProgram, startNats } from '@cometd-ts/testkit/nats';
import { describe, expect, onTestFinished, vi } from 'vitest';
import { NatsBuckets } from '../../src/nats/buckets.ts';
import { Connection } from '../../src/nats/connection.ts';
import { natsSettings } from '../../src/nats/options.ts';
import type { Buckets } from '../../src/powers.ts';

interface Node {
  readonly connection: Connection;
  readonly proxy: ToxicProxy;
}

for (const kind of ['current', 'debian'] as const)
  describe.skipIf('reason' in natsProgram(kind))(kind, () => {
    bucketContract(`nats, ${kind}`, async () => {
      const nats = await startNats({ kind });
      const nodes = new Map<Buckets, Node>();
      const node = (buckets: Buckets): Node => nodes.get(buckets) as Node;
      return {
        buckets: async (json: JSONContext) => {
          const proxy = await ToxicProxy.start(nats.port);
          const server = new BayeuxServer({ logLevel: 'error', jsonContext: json });
          // What NATS says of its own address would lead past the proxy.
          const settings = natsSettings({
            servers: proxy.through(nats.url),
            connection: { ignoreClusterUpdates: true },
          });
          const connection = await Connection.open(settings, server, 'test');
          const buckets = (await NatsBuckets.on(connection, { storage: 'memory' })) as NatsBuckets;
          nodes.set(buckets, { connection, proxy });
          onTestFinished(async () => {
            await buckets.close();
            await connection.close();
            await proxy.close();
            await server.stop();
          });
          return buckets;
        },
        cutOff: async (buckets) => {
          const { proxy, connection } = node(buckets);
          proxy.refuse();
          proxy.reset();
          await vi.waitFor(() => expect(connection.isUp).toBe(false));
        },
        reconnect: async (buckets) => {
          const { proxy, connection } = node(buckets);
          proxy.heal();
          await vi.waitFor(() => expect(connection.isUp).toBe(true), { timeout: 20_000 });
        },
        lose: async () => {
          await nats.kill();
          await nats.start();
        },
        close: () => nats.close(),
      };
    });
  });

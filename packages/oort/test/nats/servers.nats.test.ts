/** A cluster of nodes on a cluster of NATS servers, one of which dies. */
import { natsProgram, startNatsCluster } from '@cometd-ts/testkit/nats';
import { describe, expect, it, onTestFinished } from 'vitest';
import { at, eventually, listen, nodes } from './nodes.ts';

describe.skipIf('reason' in natsProgram('current'))('on three NATS servers', () => {
  it('loses, doubles and turns round nothing when one of them dies, whoever was connected to it', async () => {
    const cluster = await startNatsCluster({ jetStream: false });
    onTestFinished(() => cluster.close());
    const [a, b, c] = await nodes(0, ...[0, 1, 2].map((index) => at(cluster.urls, index, 10_000)));
    const houses = [a!, b!, c!];
    const heard = houses.map((house) => listen(house, '/x') as string[]);
    const counts = [0, 0, 0];
    const say = async (seconds: number) => {
      const until = performance.now() + 1000 * seconds;
      while (performance.now() < until) {
        for (const [index, { client }] of houses.entries())
          void client.send({ channel: '/x', data: `${index} ${counts[index]!++}` });
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    for (const server of cluster.servers.slice(0, 2)) {
      await say(0.3);
      const killed = server.kill();
      await say(1);
      await killed;
      await server.start();
      await cluster.ready();
    }
    await eventually(() => {
      for (const lines of heard)
        for (const [sender, count] of counts.entries()) {
          const own = lines.filter((line) => line.startsWith(`${sender} `));
          expect(own.length).toBe(count);
          expect(own).toEqual(own.map((_line, number) => `${sender} ${number}`));
        }
    });
    for (const [index, { life, url }] of houses.entries()) {
      const others = houses.filter((_house, other) => other !== index).map((other) => `joined ${other.url}`);
      expect([...life].sort(), url).toEqual(others.sort());
    }
  });
});

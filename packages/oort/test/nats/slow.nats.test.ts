/** A node that does not keep up, and a NATS server that retires: what NATS does about both, and what is seen of it. */
import { natsProgram, startNats, startNatsCluster } from '@cometd-ts/testkit/nats';
import { describe, expect, it, onTestFinished } from 'vitest';
import { at, eventually, type House, listen, nodes } from './nodes.ts';

describe.skipIf('reason' in natsProgram('current'))('NATS', () => {
  it('cuts off a node that does not read, which hears all of it when it reads again', async () => {
    const nats = await startNats({ jetStream: false, config: 'max_pending: 1MB\nwrite_deadline: "500ms"' });
    onTestFinished(() => nats.close());
    const options = { channels: ['/x'], nats: { leaveAfter: 20_000 } };
    const [a, b] = (await nodes(nats.port, options, options)) as [House, House];
    const heard = listen(b, '/x');
    const { channel } = a.server.createChannelIfAbsent('/x');
    const said: string[] = [];
    b.proxy.pause();
    await eventually(async () => {
      for (let each = 0; each < 50; each++) {
        said.push(`${said.length} ${'x'.repeat(10_000)}`);
        void channel.publish(null, said.at(-1));
      }
      const { slow_consumers: cutOff } = await nats.monitor<{ slow_consumers: number }>('varz');
      expect(cutOff).toBe(1);
    });
    b.proxy.heal();
    await eventually(() => expect(heard).toHaveLength(said.length));
    expect(heard).toEqual(said);
    expect(b.server.diagnostics.counters.get('nats.disconnect')).toBe(1);
    expect([a.life, b.life]).toEqual([[`joined ${b.url}`], [`joined ${a.url}`]]);
  });

  it('sends nodes elsewhere before a server ends, and they lose nothing by it', async () => {
    const config = 'lame_duck_duration: "30s"\nlame_duck_grace_period: "100ms"';
    const cluster = await startNatsCluster({ jetStream: false, config });
    onTestFinished(() => cluster.close());
    const [a, b] = (await nodes(0, at(cluster.urls, 0, 20_000), at(cluster.urls, 1, 20_000))) as [House, House];
    const heard = [listen(a, '/x'), listen(b, '/x')];
    let said = 0;
    const feed = setInterval(() => {
      void a.client.send({ channel: '/x', data: `a ${said}` });
      void b.client.send({ channel: '/x', data: `b ${said++}` });
    }, 5);
    onTestFinished(() => clearInterval(feed));
    await cluster.servers[0]?.retire();
    clearInterval(feed);
    expect(said).toBeGreaterThan(10);
    await eventually(() => {
      for (const lines of heard) expect(lines).toHaveLength(2 * said);
    });
    for (const lines of heard as string[][])
      for (const name of ['a', 'b'])
        expect(lines.filter((line) => line.startsWith(name))).toEqual(
          Array.from({ length: said }, (_, number) => `${name} ${number}`),
        );
    expect(a.server.diagnostics.counters.get('nats.lame_duck')).toBe(1);
    expect(a.log.join()).toContain('shuts down: this node goes to another');
    expect([a.life, b.life]).toEqual([[`joined ${b.url}`], [`joined ${a.url}`]]);
  });
});

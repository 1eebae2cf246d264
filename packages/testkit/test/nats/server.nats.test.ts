/** The NATS servers of the testkit do what tests believe of them. */

import { natsProgram, startNats, startNatsCluster } from '@cometd-ts/testkit/nats';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

async function client(servers: string | readonly string[], options: object = {}): Promise<NatsConnection> {
  const connection = await connect({ servers: [servers].flat() as string[], reconnectTimeWait: 50, ...options });
  onTestFinished(() => connection.close());
  return connection;
}

async function started(...given: Parameters<typeof startNats>) {
  const server = await startNats(...given);
  onTestFinished(() => server.close());
  return server;
}

describe.each(['current', 'debian'] as const)('a NATS server, %s', (kind) => {
  const program = natsProgram(kind);
  const options = { kind };

  it.skipIf('reason' in program)('is of the version it says', async () => {
    const server = await started(options);
    const { info } = await client(server.url);
    expect(info?.version).toBe(server.version);
    if (kind === 'debian') expect(server.version).toMatch(/^2\.\d+\.\d+$/);
    else expect(server.version).toBe('2.15.3');
  });

  it.skipIf('reason' in program)('that is killed comes back where it was, with what it kept', async () => {
    const server = await started(options);
    const { url } = server;
    const before = await client(url, { reconnect: false });
    await (await jetstreamManager(before)).streams.add({ name: 'notes', subjects: ['notes.>'] });
    for (let n = 0; n < 10; n++) await jetstream(before).publish('notes.a', String(n));
    await server.kill();
    await before.closed();
    await server.start();
    expect(server.url).toBe(url);
    const after = await client(url);
    const { state } = await (await jetstreamManager(after)).streams.info('notes');
    expect(state.messages).toBe(10);
  });

  it.skipIf('reason' in program)('that stands still answers when it goes on', async () => {
    const server = await started(options);
    const connection = await client(server.url);
    server.freeze();
    // A process of many threads stands still when the last of them does.
    const silence = () => expect(server.monitor('varz', AbortSignal.timeout(300))).rejects.toThrow();
    await vi.waitFor(silence);
    let isAnswered = false;
    const answered = connection.flush().then(() => {
      isAnswered = true;
    });
    await silence();
    expect(isAnswered).toBe(false);
    server.thaw();
    await answered;
  });

  it.skipIf('reason' in program)('asks for what its configuration says, and keeps nothing when told so', async () => {
    const config = 'authorization { user: anna, password: secret }';
    const server = await started({ ...options, config, jetStream: false });
    await expect(connect({ servers: server.url, reconnect: false })).rejects.toThrow(/authorization/i);
    const { info } = await client(server.url, { user: 'anna', pass: 'secret' });
    expect(info?.jetstream ?? false).toBe(false);
  });

  it.skipIf('reason' in program)('says why it does not start', async () => {
    await expect(startNats({ ...options, config: 'no_such_word: 1' })).rejects.toThrow(/no_such_word/);
  });

  it.skipIf('reason' in program)(
    'is one of three that keep things together, and lose nothing with one of them',
    async () => {
      const cluster = await startNatsCluster(options);
      onTestFinished(() => cluster.close());
      const connection = await client(cluster.urls);
      const manager = await jetstreamManager(connection);
      const { cluster: places } = await manager.streams.add({ name: 'notes', subjects: ['notes.>'], num_replicas: 3 });
      for (let n = 0; n < 10; n++) await jetstream(connection).publish('notes.a', String(n));
      const leader = cluster.servers[Number(places?.leader?.slice(1)) - 1];
      expect(leader).toBeDefined();
      await leader?.kill();
      const others = cluster.urls.filter((url) => url !== leader?.url);
      const late = await client(others);
      await expect
        .poll(
          async () =>
            (await (await jetstreamManager(late)).streams.info('notes').catch(() => undefined))?.state.messages,
          { timeout: 20_000 },
        )
        .toBe(10);
      await leader?.start();
      await cluster.ready();
    },
  );
});

/** Buckets on NATS when servers are killed or stand still, connections break in the middle of a value, and consumers vanish. */
import { JSONContext } from '@cometd-ts/protocol';
import { BayeuxServer } from '@cometd-ts/server';
import { ToxicProxy } from '@cometd-ts/testkit';
import { natsProgram, startNats, startNatsCluster } from '@cometd-ts/testkit/nats';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { BucketStorage } from '../../src/nats/bucket-stream.ts';
import { NatsBuckets } from '../../src/nats/buckets.ts';
import { Connection } from '../../src/nats/connection.ts';
import { natsSettings } from '../../src/nats/options.ts';
import type { Bucket, BucketEntry } from '../../src/powers.ts';

interface Node {
  readonly connection: Connection;
  readonly buckets: NatsBuckets;
}

async function node(servers: string | readonly string[], storage: BucketStorage = {}, user?: string): Promise<Node> {
  const server = new BayeuxServer({ logLevel: 'silent', jsonContext: new JSONContext() });
  const credentials = user === undefined ? {} : { user, password: user };
  const settings = natsSettings({ servers, ...credentials, connection: { ignoreClusterUpdates: true } });
  const connection = await Connection.open(settings, server, 'test');
  const buckets = (await NatsBuckets.on(connection, storage)) as NatsBuckets;
  onTestFinished(async () => {
    await buckets?.close();
    await connection.close();
    await server.stop();
  });
  return { connection, buckets };
}

/** What a watch tells: `key=value`, `-key`, `ready`, `restarted`. */
function told(bucket: Bucket): string[] {
  const lines: string[] = [];
  const watch = bucket.watch({
    entry: ({ key, value }: BucketEntry) =>
      lines.push(value === undefined ? `-${key}` : `${key}=${JSON.stringify(value)}`),
    ready: () => lines.push('ready'),
    restarted: () => lines.push('restarted'),
  });
  onTestFinished(() => watch.remove());
  return lines;
}

const late = { timeout: 30_000, interval: 20 };

afterEach(() => {
  vi.useRealTimers();
});

describe.each(['current', 'debian'] as const)('with the server %s', (kind) => {
  describe.skipIf('reason' in natsProgram(kind))('a bucket', () => {
    it('that is kept in files survives its server, and its watch goes on where it was', async () => {
      const nats = await startNats({ kind });
      onTestFinished(() => nats.close());
      const [a, b] = [await node(nats.url), await node(nats.url)];
      const [atA, atB] = [await a.buckets.open('things'), await b.buckets.open('things')];
      await atA.put(['before'], 1);
      const lines = told(atB);
      await vi.waitFor(() => expect(lines).toEqual(['before=1', 'ready']), late);
      await nats.kill();
      await vi.waitFor(() => expect(a.connection.isUp).toBe(false), late);
      await expect(atA.put(['meanwhile'], 2)).rejects.toMatchObject({ code: 'down' });
      await nats.start();
      await vi.waitFor(() => atA.put(['after'], 3), late);
      await vi.waitFor(() => expect(lines).toContain('after=3'), late);
      expect(lines).toEqual(['before=1', 'ready', 'after=3']);
      expect((await atB.get(['before']))?.value).toBe(1);
    });

    it('is not offered where nothing is kept, be it for nobody or for this account', async () => {
      const config = `accounts { keeping { jetstream: enabled, users: [{ user: a, password: a }] }
        other { users: [{ user: b, password: b }] } }`;
      const [nats, forgetful] = [await startNats({ kind, config }), await startNats({ kind, jetStream: false })];
      onTestFinished(async () => void (await Promise.all([nats.close(), forgetful.close()])));
      const offered = [];
      for (const [url, user] of [
        [nats.url, 'a'],
        [nats.url, 'b'],
        [forgetful.url, 'nobody'],
      ] as const)
        offered.push((await node(url, {}, user)).buckets !== undefined);
      expect(offered).toEqual([true, false, false]);
    });

    it('needs no more permissions than these', async () => {
      const publish = [
        '$JS.API.INFO',
        ...['INFO', 'CREATE', 'PURGE', 'MSG.GET'].map((what) => `$JS.API.STREAM.${what}.*`),
        '$JS.API.CONSUMER.CREATE.*',
        '$JS.FC.>',
        '$KV.>',
      ];
      const permissions = `{ publish: { allow: ${JSON.stringify(publish)} }, subscribe: { allow: ["_INBOX.>"] } }`;
      const config = `authorization { users: [{ user: ann, password: ann, permissions: ${permissions} }] }`;
      const nats = await startNats({ kind, config });
      onTestFinished(() => nats.close());
      const { buckets, connection } = await node(nats.url, {}, 'ann');
      const denied = vi.spyOn(connection.diagnostics, 'warn');
      const bucket = await buckets.open('things');
      const lines = told(bucket);
      for (let n = 0; n < 2_000; n++) void bucket.put([`k${n}`], 'x'.repeat(1_000));
      await bucket.put(['big'], 'x'.repeat(3_000_000));
      await bucket.put(['big'], 'small');
      await bucket.drop(['big']);
      expect(await bucket.create(['k'], 1)).not.toBeNull();
      expect((await bucket.get(['k']))?.value).toBe(1);
      await vi.waitFor(() => expect(lines.at(-1)).toBe('k=1'), late);
      expect(lines.filter((line) => /^k\d+=/.test(line))).toHaveLength(2_000);
      expect(denied.mock.calls).toEqual([]);
    });

    it('that was kept in memory is made again for whoever writes, watched or not', async () => {
      const nats = await startNats({ kind });
      onTestFinished(() => nats.close());
      const { buckets, connection } = await node(nats.url, { storage: 'memory' });
      const bucket = await buckets.open('things');
      const revision = await bucket.put(['k'], 1);
      await nats.kill();
      await vi.waitFor(() => expect(connection.isUp).toBe(false), late);
      await nats.start();
      await vi.waitFor(async () => expect(await bucket.create(['k'], 2)).not.toBeNull(), late);
      expect(await bucket.update(['k'], 3, revision + 1_000)).toBeNull();
      expect((await bucket.get(['k']))?.value).toBe(2);
    });

    it('is watched on when its consumer has vanished', async () => {
      const nats = await startNats({ kind });
      onTestFinished(() => nats.close());
      const { buckets, connection } = await node(nats.url);
      const bucket = await buckets.open('things');
      const lines = told(bucket);
      await vi.waitFor(() => expect(lines).toEqual(['ready']), late);
      const manager = await jetstreamManager(connection.nats, { checkAPI: false });
      for await (const { name } of manager.consumers.list('KV_cometd_things'))
        await manager.consumers.delete('KV_cometd_things', name);
      await bucket.put(['k'], 1);
      await vi.waitFor(() => expect(lines).toEqual(['ready', 'k=1']), late);
    });

    it('has the value before when a write broke off in the middle, and nobody sees a part of it', async () => {
      const nats = await startNats({ kind });
      onTestFinished(() => nats.close());
      const proxy = await ToxicProxy.start(nats.port);
      onTestFinished(() => proxy.close());
      const [a, b] = [await node(proxy.through(nats.url)), await node(nats.url)];
      const [atA, atB] = [await a.buckets.open('things'), await b.buckets.open('things')];
      const value = (letter: string): string => letter.repeat(3_000_000);
      await atA.put(['big'], value('a'));
      const lines = told(atB);
      await vi.waitFor(() => expect(lines.at(-1)).toBe('ready'), late);
      const cut = proxy.cutAfter(1_500_000, 'up');
      const [put, got] = await Promise.allSettled([atA.put(['big'], value('b')), atA.get(['big'])]);
      expect([put, got]).toMatchObject([{ reason: { code: 'down' } }, { reason: { code: 'down' } }]);
      await cut;
      expect((await atB.get(['big']))?.value).toBe(value('a'));
      await vi.waitFor(() => atA.put(['big'], value('c')), late);
      await vi.waitFor(() => expect(lines.at(-1)).toBe(`big="${value('c')}"`), late);
      expect(lines.map((line) => line.slice(0, 6))).toEqual(['big="a', 'ready', 'big="c']);
    });

    it('is not cluttered with what is gone, nor with pieces of values that are no more', async () => {
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
      const nats = await startNats({ kind });
      onTestFinished(() => nats.close());
      const { buckets, connection } = await node(nats.url);
      const bucket = await buckets.open('things');
      const manager = await jetstreamManager(connection.nats, { checkAPI: false });
      const messages = async (): Promise<number> => (await manager.streams.info('KV_cometd_things')).state.messages;
      for (let n = 0; n < 20; n++) await bucket.put([`k${n}`], n);
      for (let n = 0; n < 19; n++) await bucket.delete([`k${n}`]);
      for (const letter of ['a', 'b', 'c']) await bucket.put(['big'], letter.repeat(3_000_000));
      await bucket.put(['dropped', '1'], 'x'.repeat(3_000_000));
      await bucket.drop(['dropped']);
      await bucket.put(['k0'], 'again');
      vi.advanceTimersByTime(400_000);
      // What is there: two small values, and a large one in six pieces with the message that names them.
      await vi.waitFor(async () => expect(await messages()).toBe(9), late);
      expect((await bucket.get(['k0']))?.value).toBe('again');
      await bucket.put(['big'], 'small');
      await vi.waitFor(async () => expect(await messages()).toBe(3), late);
    });

    it('has its writes done, in order, when the server stood still for a moment', async () => {
      const nats = await startNats({ kind });
      onTestFinished(() => nats.close());
      const { buckets } = await node(nats.url);
      const bucket = await buckets.open('things');
      const lines = told(bucket);
      await vi.waitFor(() => expect(lines).toEqual(['ready']), late);
      nats.freeze();
      const puts = Array.from({ length: 1_000 }, (_, n) => bucket.put([`k${n}`], n));
      setTimeout(() => nats.thaw(), 500);
      const revisions = await Promise.all(puts);
      expect(revisions).toEqual([...revisions].sort((x, y) => x - y));
      await vi.waitFor(() => expect(lines).toHaveLength(1_001), late);
      expect(lines.slice(1)).toEqual(puts.map((_, n) => `k${n}=${n}`));
    });
  });
});

describe.skipIf('reason' in natsProgram('current'))('a bucket on three servers', () => {
  it('outlives two of them, one after the other; who watches it hears everything', { timeout: 120_000 }, async () => {
    const cluster = await startNatsCluster();
    onTestFinished(() => cluster.close());
    const [a, b] = [await node(cluster.urls, { replicas: 3 }), await node(cluster.urls, { replicas: 3 })];
    const [atA, atB] = [await a.buckets.open('things'), await b.buckets.open('things')];
    const lines = told(atB);
    await vi.waitFor(() => expect(lines).toEqual(['ready']), late);
    for (const [index, server] of cluster.servers.slice(0, 2).entries()) {
      await server.kill();
      await vi.waitFor(() => atA.put([`killed ${index}`], index), late);
      await vi.waitFor(() => expect(lines).toContain(`killed ${index}=${index}`), late);
      await server.start();
      await cluster.ready();
      await vi.waitFor(() => atB.put([`back ${index}`], index), late);
      await vi.waitFor(() => expect(lines).toContain(`back ${index}=${index}`), late);
    }
    expect(lines.filter((line) => line === 'restarted')).toEqual([]);
  });
});

/** Messages over the payload limit of the server, which travel in pieces, and names that are too long for it. */
import { type NatsServer, natsPrograms, startNats } from '@cometd-ts/testkit/nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, listen, nodes } from './nodes.ts';

let namespaces = 0;

for (const program of natsPrograms()) {
  if ('reason' in program) continue;
  describe(`messages over the payload limit, on nats-server ${program.version}`, () => {
    let nats: NatsServer;
    beforeAll(async () => {
      nats = await startNats({ kind: program.kind, jetStream: false, config: 'max_payload: 4096' });
    });
    afterAll(() => nats.close());

    const server = { maxMessageSize: -1, maxQueueBytes: -1 };

    it('arrive whole, once and in order, among others and of any size', async () => {
      const own = { nats: { namespace: `large-${++namespaces}` }, channels: ['/x/*', '/x/**'], server };
      const [a, b] = await nodes(nats.port, own, own);
      const heard = listen(b!, '/x/1');
      const directed: unknown[] = [];
      b!.server
        .createChannelIfAbsent('/service/work')
        .channel.addListener('message', (_sender, _channel, { data }) => void directed.push(data));
      const sizes = [1, 3000, 3500, 3583, 3584, 3585, 4000, 4095, 4096, 4097, 7168, 10_000, 100_000, 2];
      const texts = sizes.flatMap((size) => ['a'.repeat(size), '\u20ac'.repeat(size), '\ud83d\ude80'.repeat(size)]);
      for (const [index, data] of texts.entries()) {
        void a!.client.send({ channel: '/x/1', data });
        expect(a!.oort.send(b!.url, { channel: '/service/work', data })).toBe(true);
        // What covers the subscription changes in the middle of pieces.
        if (index % 5 === 0) b!.oort.observeChannel('/x/1');
        if (index % 5 === 2) b!.oort.deobserveChannel('/x/**');
        if (index % 5 === 4) b!.oort.observeChannel('/x/**');
        if (index % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await eventually(() => {
        expect(heard).toHaveLength(texts.length);
        expect(directed).toHaveLength(texts.length);
      });
      expect(heard).toEqual(texts);
      expect(directed).toEqual(texts);
    });

    it('are heard up to the bound of the queue, and not beyond', async () => {
      const own = { nats: { namespace: `large-${++namespaces}` }, channels: ['/x'], server };
      const [a, b] = await nodes(nats.port, own, { ...own, nats: { ...own.nats, maxQueueBytes: 20_000 } });
      const heard = listen(b!, '/x');
      await a!.client.send({ channel: '/x', data: 'a'.repeat(15_000) });
      await a!.client.send({ channel: '/x', data: 'b'.repeat(25_000) });
      await a!.client.send({ channel: '/x', data: 'c' });
      await eventually(() => expect(heard).toHaveLength(2));
      expect(heard).toEqual(['a'.repeat(15_000), 'c']);
    });

    it('on a channel whose name is too long do not go to other nodes, which is counted', async () => {
      const own = {
        nats: { namespace: `large-${++namespaces}` },
        channels: ['/**'],
      };
      const [a, b] = await nodes(nats.port, own, own);
      const heard = listen(b!, '/**');
      const channel = `/${'x'.repeat(4500)}`;
      a!.server.createChannelIfAbsent(channel).channel.publish(null, 'too long');
      a!.server.createChannelIfAbsent('/x').channel.publish(null, 'well');
      await eventually(() => expect(heard).toEqual(['well']));
      expect(a!.server.diagnostics.counters.get('oort_link_dropped.refused')).toBe(1);
      expect(a!.oort.status.state).toBe('up');
    });
  });
}

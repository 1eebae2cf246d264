/** Channels that come only where somebody is subscribed to them, with a real server that counts its subscriptions. */
import { type NatsServer, natsPrograms, startNats } from '@cometd-ts/testkit/nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type House, type HouseOptions, listen, node, nodes } from './nodes.ts';

let namespaces = 0;

for (const program of natsPrograms()) {
  if ('reason' in program) continue;
  describe(`interest, on nats-server ${program.version}`, () => {
    let nats: NatsServer;
    beforeAll(async () => {
      nats = await startNats({ kind: program.kind, jetStream: false });
    });
    afterAll(() => nats.close());

    /** Channels of a cloud that are subscribed at the server, in alphabetical order. */
    async function subscribed(namespace: string): Promise<string[]> {
      const { connections } = await nats.monitor<{ connections: { subscriptions_list?: string[] }[] }>('connz?subs=1');
      const start = `${namespace}.ch.`;
      return connections
        .flatMap(({ subscriptions_list = [] }) => subscriptions_list)
        .filter((subject) => subject.startsWith(start))
        .map((subject) => subject.slice(start.length))
        .sort();
    }

    /** A node that observes nothing, and one with interest in rooms. */
    async function pair(more: HouseOptions = {}): Promise<[House, House, string]> {
      const namespace = `interest-${++namespaces}`;
      const options = { namespace, interest: ['/rooms/**'], linger: 200, ...more.nats };
      const [a, b] = (await nodes(
        nats.port,
        { nats: { namespace, leaveAfter: 10_000 } },
        { ...more, nats: options },
      )) as [House, House];
      return [a, b, namespace];
    }

    it('subscribes when the first local session does, and drops it some time after the last has left', async () => {
      const [a, b, namespace] = await pair();
      expect(await subscribed(namespace)).toEqual([]);
      const channel = b.client.getChannel('/rooms/1');
      const heard: unknown[] = [];
      const note = (_channel: unknown, { data }: { data?: unknown }) => void heard.push(data);
      const { subscription } = await channel.subscribe(note);
      expect(await subscribed(namespace)).toEqual(['rooms.1']);
      await a.client.send({ channel: '/rooms/1', data: 'a' });
      await a.client.send({ channel: '/rooms/2', data: 'for nobody' });
      await eventually(() => expect(heard).toEqual(['a']));
      subscription.remove();
      expect(await subscribed(namespace)).toEqual(['rooms.1']);
      await eventually(async () => expect(await subscribed(namespace)).toEqual([]));
      await channel.subscribe(note);
      await a.client.send({ channel: '/rooms/1', data: 'again' });
      await eventually(() => expect(heard).toEqual(['a', 'again']));
    });

    it('counts who was there before it started, and is not dropped while one of several is left', async () => {
      const early: unknown[] = [];
      const [a, b, namespace] = await pair({
        prepare: ({ client }) =>
          void client.getChannel('/rooms/*').subscribe((_channel, { data }) => void early.push(data)),
      });
      expect(await subscribed(namespace)).toEqual(['rooms.*']);
      const late = b.server.newLocalSession('late');
      await late.handshake();
      await late.getChannel('/rooms/*').subscribe(() => undefined);
      await late.disconnect();
      await a.client.send({ channel: '/rooms/1', data: 1 });
      await eventually(() => expect(early).toEqual([1]));
    });

    it('takes of wildcards what lies within, and covers what overlaps', async () => {
      const [a, b, namespace] = await pair({ channels: ['/rooms/1', '/else/*'] });
      expect(await subscribed(namespace)).toEqual(['else.*', 'rooms.1']);
      const one = listen(b, '/rooms/1');
      const all = listen(b, '/**');
      await eventually(async () => expect(await subscribed(namespace)).toEqual(['else.*', 'rooms.>']));
      listen(b, '/rooms/*');
      listen(b, '/else/where');
      listen(b, '/rooms/a/b');
      await b.client.send({ channel: '/end', data: 'of the subscriptions' });
      await eventually(async () => expect(await subscribed(namespace)).toEqual(['else.*', 'rooms.>']));
      await a.client.send({ channel: '/rooms/1', data: 1 });
      await a.client.send({ channel: '/other', data: 'no' });
      await a.client.send({ channel: '/rooms/a/b', data: 2 });
      await eventually(() => expect(all.filter((data) => typeof data === 'number')).toEqual([1, 2]));
      expect(one).toEqual([1]);
    });

    it('neither loses nor doubles anything of what stays, while all else comes and goes', async () => {
      const [a, b] = await pair({ nats: { linger: 0, leaveAfter: 10_000 } });
      const steady: unknown[] = [];
      // The reply comes when NATS has heard of it: from then on nothing may be missing.
      await b.client.getChannel('/rooms/x/y').subscribe((_channel, { data }) => steady.push(data));
      const others = ['/rooms/**', '/rooms/x/*', '/rooms/x/**', '/rooms/x/z', '/rooms/*', '/**'];
      const open = new Map<string, () => void>();
      let seed = 7;
      const random = (below: number) => {
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
        return Math.floor((seed / 2_147_483_648) * below);
      };
      // For as long as subscriptions really end in between.
      const until = performance.now() + 3000;
      let count = 0;
      for (; count < 3000 || performance.now() < until; count++) {
        const n = count;
        void a.client.send({ channel: '/rooms/x/y', data: n });
        if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
        if (n % 5 !== 0) continue;
        const name = others[random(others.length)] as string;
        const close = open.get(name);
        if (close) {
          close();
          open.delete(name);
        } else if (random(2) === 0) {
          b.oort.observeChannel(name);
          open.set(name, () => b.oort.deobserveChannel(name));
        } else {
          const subscribed = b.client.getChannel(name).subscribe(() => undefined);
          open.set(name, () => void Promise.resolve(subscribed).then(({ subscription }) => subscription.remove()));
        }
      }
      await eventually(() => expect(steady.length).toBeGreaterThanOrEqual(count));
      expect(steady).toEqual(Array.from({ length: count }, (_, n) => n));
    });

    it('does not count the cluster itself: two nodes with the same interest and no clients hear nothing', async () => {
      const namespace = `interest-${++namespaces}`;
      const options = { nats: { namespace, interest: ['/**'] } };
      const [a, b] = (await nodes(nats.port, options, options)) as [House, House];
      await eventually(() => expect(a.server.getChannel('/**')?.subscribers).toHaveLength(1));
      await a.client.send({ channel: '/x', data: 1 });
      await b.client.send({ channel: '/x', data: 1 });
      expect(await subscribed(namespace)).toEqual([]);
    });

    it('is of broadcast channels of the application', async () => {
      for (const pattern of ['/meta/*', '/service/x', '/oort/**', 'rooms'])
        await expect(node(nats.port, { nats: { interest: [pattern] } }), pattern).rejects.toThrow(pattern);
    });
  });
}

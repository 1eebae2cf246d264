/** Distributed objects on NATS whose server is killed, forgets, or takes messages that are smaller than a part. */
import { Oort, OortStringMap } from '@cometd-ts/oort';
import { type NatsOptions, natsEngine } from '@cometd-ts/oort/nats';
import { BayeuxServer } from '@cometd-ts/server';
import { type NatsServer, natsProgram, startNats } from '@cometd-ts/testkit/nats';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

type Words = OortStringMap<string>;

interface House {
  readonly oort: Oort;
  readonly words: Words;
}

let houses = 0;

async function house(nats: NatsServer, options: Partial<NatsOptions> = {}): Promise<House> {
  const server = new BayeuxServer({ logLevel: 'silent' });
  server.start();
  const engine = natsEngine({ servers: nats.url, heartbeat: 200, ...options });
  const oort = new Oort(server, { url: `http://node${++houses}.test/cometd`, engine });
  const words = new OortStringMap<string>(oort, 'words');
  onTestFinished(async () => {
    await words.stop();
    await oort.stop();
    await server.stop();
  });
  await oort.start();
  await words.start();
  return { oort, words };
}

function eventually(expected: () => void): Promise<void> {
  return vi.waitFor(expected, { timeout: 30_000, interval: 10 });
}

/** All see all parts as their owners do, and nobody else's. */
function agree(...all: readonly House[]): void {
  const urls = all.map(({ oort }) => oort.url).sort();
  for (const { words } of all) {
    expect(words.getInfos().map(({ url }) => url)).toEqual(urls);
    for (const owner of all) {
      const { object, version } = owner.words.localInfo;
      expect(words.getInfo(owner.oort.url)).toMatchObject({ object, version });
    }
  }
}

describe.each(['current', 'debian'] as const)('with the server %s', (kind) => {
  describe.skipIf('reason' in natsProgram(kind))('a map', () => {
    it.each(['file', 'memory'] as const)(
      'that is kept in %s goes on while NATS is away, and is whole when it is back',
      async (storage) => {
        const nats = await startNats({ kind });
        onTestFinished(() => nats.close());
        const [a, b] = [await house(nats, { storage }), await house(nats, { storage })];
        await a.words.putAndShare('before', 'a');
        await eventually(() => agree(a, b));
        await nats.kill();
        await eventually(() => expect([a, b].map(({ oort }) => oort.status.state)).toEqual(['down', 'down']));
        for (const { words, oort } of [a, b])
          for (let n = 0; n < 100; n++) void words.putAndShare(`meanwhile ${n}`, oort.url);
        expect(a.words.localInfo.object.size).toBe(101);
        await nats.start();
        await eventually(() => agree(a, b));
        const c = await house(nats, { storage });
        await eventually(() => agree(a, b, c));
        await b.words.putAndShare('after', 'b');
        await eventually(() => agree(a, b, c));
      },
    );

    it('may be larger than a message, and any part of it', async () => {
      const nats = await startNats({ kind, config: 'max_payload: 65536' });
      onTestFinished(() => nats.close());
      const [a, b] = [await house(nats), await house(nats)];
      await a.words.setAndShare(new Map(Array.from({ length: 5_000 }, (_, n) => [`k${n}`, `${n} `.repeat(20)])));
      await a.words.putAndShare('large', 'x'.repeat(300_000));
      await a.words.putAndShare('small', 'y');
      await eventually(() => agree(a, b));
      const c = await house(nats);
      agree(a, b, c);
      expect(c.words.getInfo(a.oort.url)?.object.get('large')).toHaveLength(300_000);
    });

    it('begins anew with each node: nothing stays of one that has left', async () => {
      const nats = await startNats({ kind });
      onTestFinished(() => nats.close());
      const a = await house(nats);
      const b = await house(nats);
      await b.words.putAndShare('old', 'b');
      await eventually(() => agree(a, b));
      await b.oort.stop();
      await eventually(() => agree(a));
      const again = await house(nats);
      agree(a, again);
      expect(again.words.localInfo.object.size).toBe(0);
    });
  });
});

/** What is kept of objects in buckets: how much is written, what becomes of it, and that it is written again when it was lost. */
import {
  type Bucket,
  type BucketEntry,
  type Buckets,
  OortLongMap,
  OortObject,
  OortObjectFactories,
  OortStringMap,
} from '@cometd-ts/oort';
import { ExactJSONContext } from '@cometd-ts/protocol';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Cloud, type House } from '../clouds.ts';
import { objects } from './houses.ts';

type Users = OortStringMap<unknown>;

const users = ({ oort }: House): Users => new OortStringMap<unknown>(oort, 'users');

async function pair(): Promise<[Cloud, House, House, Users, Users]> {
  const cloud = new Cloud({ buckets: true });
  const [a, b] = [await cloud.node(), await cloud.node()];
  await cloud.settled();
  const [atA, atB] = await objects(cloud, [a, b], users);
  return [cloud, a, b, atA as Users, atB as Users];
}

/** The bucket of the object as one more node sees it, and what is written there from now on. */
async function look(cloud: Cloud): Promise<{ bucket: Bucket; entries: BucketEntry[]; values: Map<string, unknown> }> {
  const buckets = cloud.memory.vault?.buckets(new ExactJSONContext());
  const bucket = (await buckets?.open('object-users')) as Bucket;
  const entries: BucketEntry[] = [];
  const values = new Map<string, unknown>();
  const watch = bucket.watch({
    entry: (entry) => {
      entries.push(entry);
      const name = entry.key.join(' ');
      if (entry.value === undefined)
        for (const key of [...values.keys()]) if (key === name || key.startsWith(`${name} `)) values.delete(key);
      if (entry.value !== undefined) values.set(name, entry.value);
    },
    ready: () => undefined,
    restarted: () => values.clear(),
  });
  onTestFinished(() => watch.remove());
  await cloud.settled();
  entries.length = 0;
  return { bucket, entries, values };
}

const sizeOf = (map: Users, { url }: House): number | undefined => map.getInfo(url)?.object.size;

afterEach(() => {
  vi.useRealTimers();
});

describe('a listener that is told of a part while its object starts', () => {
  it('may change the part of its node, and the others hear of it', async () => {
    const cloud = new Cloud({ buckets: true });
    const [a, b] = [await cloud.node(), await cloud.node()];
    await cloud.settled();
    const [atA] = (await objects(cloud, [a], users)) as [Users];
    await atA.putAndShare('ann', 1);
    await cloud.settled();
    const atB = users(b);
    atB.addListener('updated', (_old, { isLocal }) => {
      if (!isLocal) void atB.putAndShare('seen', true);
    });
    await atB.start();
    onTestFinished(() => atB.stop());
    await cloud.settled();
    expect(atA.getInfo(b.url)?.object.get('seen')).toBe(true);
  });
});

describe('what is written', () => {
  it('is a single change for a change, whatever the size of the part, and the whole part when it was set', async () => {
    const [cloud, a, , atA] = await pair();
    await atA.setAndShare(new Map(Array.from({ length: 5_000 }, (_, n) => [`k${n}`, n])));
    const { entries } = await look(cloud);
    await atA.putAndShare('k1', 'changed');
    await atA.removeAndShare('k2');
    await cloud.settled();
    expect(entries.map(({ key }) => key)).toEqual([
      [a.oort.id, '0'],
      [a.oort.id, '1'],
    ]);
    for (const { value } of entries) expect(JSON.stringify(value).length).toBeLessThan(300);
    await atA.setAndShare(new Map([['k', 1]]));
    await atA.putAndShare('l', 2);
    await cloud.settled();
    expect(entries.slice(2).map(({ key }) => key)).toEqual([[a.oort.id], [a.oort.id, '0']]);
  });

  it('is bounded: changes that have outgrown the part make room for others', { timeout: 30_000 }, async () => {
    const [cloud, a, , atA, atB] = await pair();
    const { values } = await look(cloud);
    for (let n = 0; n < 3_000; n++) {
      void atA.putAndShare(`k${n % 10}`, n);
      if (n % 100 === 0) await cloud.settled();
    }
    await cloud.settled();
    expect([...values.keys()].filter((key) => key.startsWith(a.oort.id)).length).toBeLessThan(1_010);
    const late = await cloud.node();
    const [atLate] = (await objects(cloud, [late], users)) as [Users];
    for (const map of [atB, atLate]) expect(map.getInfo(a.url)).toMatchObject(own(atA));
  });

  it('is bounded while it is on its way, and nothing of it is lost', { timeout: 30_000 }, async () => {
    const [cloud, a, , atA, atB] = await pair();
    for (let n = 0; n < 12_000; n++) void atA.putAndShare(`k${n}`, n);
    await cloud.settled();
    expect(atB.getInfo(a.url)).toMatchObject(own(atA));
    expect(sizeOf(atB, a)).toBe(12_000);
  });

  it('is told in the log when it is too large, and written when it is not any more', { timeout: 30_000 }, async () => {
    const [cloud, a, , atA, atB] = await pair();
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const warnings: string[] = [];
    a.server.diagnostics.warn = (_reason, text) => void warnings.push(text);
    await atA.setAndShare(new Map([['k', 'x'.repeat(65 * 1024 * 1024)]]));
    await cloud.settled();
    expect(warnings).toEqual([expect.stringContaining("The object 'users' cannot be written")]);
    await atA.setAndShare(new Map([['k', 'small']]));
    await vi.advanceTimersByTimeAsync(2_000);
    await cloud.settled();
    expect(atB.getInfo(a.url)).toMatchObject(own(atA));
  });

  it('may be asked for as a whole, by who cannot read a single change', async () => {
    const cloud = new Cloud({ buckets: true });
    const exact = await cloud.node({ server: { jsonContext: new ExactJSONContext() } });
    const plain = await cloud.node();
    const [atExact, atPlain] = await objects(
      cloud,
      [exact, plain],
      ({ oort }) => new OortLongMap<string>(oort, 'users'),
    );
    await atExact?.putAndShare(2n ** 60n, 'x');
    await cloud.settled();
    expect(atPlain?.getInfo(exact.url)?.object).toEqual(new Map([[2n ** 60n, 'x']]));
  });
});

describe('a start', () => {
  it('has resolved when the parts of all nodes are there', async () => {
    const [cloud, a, b, atA] = await pair();
    await atA.putAndShare('early', 1);
    await cloud.settled();
    const c = await cloud.node();
    await cloud.settled();
    const atC = users(c);
    onTestFinished(() => atC.stop());
    await atC.start();
    expect(atC.getInfos().map(({ url, object }) => [url, object.size])).toEqual([
      [a.url, 1],
      [b.url, 0],
      [c.url, 0],
    ]);
  });

  it('is refused while the node is cut off, and may be tried again', async () => {
    const cloud = new Cloud({ buckets: true });
    const [a, b] = [await cloud.node(), await cloud.node()];
    await cloud.settled();
    await objects(cloud, [b], users);
    cloud.memory.cutOff(a.url);
    await cloud.settled();
    const atA = users(a);
    onTestFinished(() => atA.stop());
    await expect(atA.start()).rejects.toMatchObject({ name: 'BucketError', code: 'down' });
    expect(atA.isStarted).toBe(false);
    cloud.memory.reconnect(a.url);
    await cloud.settled();
    await atA.start();
    expect(atA.getInfos().map(({ url }) => url)).toEqual([a.url, b.url]);
  });

  it('is refused when the node is cut off before the parts of the others have come', async () => {
    const [cloud, a, b] = await pair();
    const late = new OortStringMap<number>(a.oort, 'late');
    const buckets = a.oort.engine.buckets as Buckets;
    const open = buckets.open.bind(buckets);
    buckets.open = async (...asked) => {
      const bucket = await open(...asked);
      const watch: Bucket['watch'] = (...args) => {
        cloud.memory.cutOff(a.url);
        return bucket.watch(...args);
      };
      return { ...bucket, watch };
    };
    await expect(late.start()).rejects.toMatchObject({ code: 'down' });
    buckets.open = open;
    await late.stop();
    cloud.memory.reconnect(a.url);
    await cloud.settled();
    await late.start();
    expect(late.getInfo(b.url)).toBeNull();
    await late.stop();
  });
});

describe('a node that is cut off', () => {
  it('goes on, and the others know its part when it is back, as it knows theirs', async () => {
    const [cloud, a, b, atA, atB] = await pair();
    await atA.putAndShare('before', 1);
    await cloud.settled();
    cloud.memory.cutOff(a.url);
    await cloud.settled();
    expect([atA.getInfos().length, atB.getInfos().length]).toEqual([1, 1]);
    const entries: unknown[] = [];
    const deltas = new Map<string, unknown>();
    atB.addEntryListener('put', ({ isLocal }, { key }) => isLocal || entries.push(key));
    atB.addDeltaListener('put', ({ isLocal }, { key, newValue }) => isLocal || deltas.set(key, newValue));
    expect(await atA.putAndShare('meanwhile', 2)).toBeUndefined();
    for (let n = 0; n < 100; n++) void atA.putAndShare('often', n);
    await atB.putAndShare('there', 3);
    await cloud.settled();
    cloud.memory.reconnect(a.url);
    await cloud.settled();
    expect(atB.getInfo(a.url)).toMatchObject(own(atA));
    expect(atB.getInfo(a.url)?.object).toEqual(
      new Map([
        ['before', 1],
        ['meanwhile', 2],
        ['often', 99],
      ]),
    );
    expect(atA.getInfo(b.url)).toMatchObject(own(atB));
    expect(entries).toEqual([]);
    expect(deltas).toEqual(atA.localInfo.object);
  });

  it('writes its part again when others have taken it for dead meanwhile', async () => {
    const [cloud, a, , atA, atB] = await pair();
    await atA.putAndShare('k', 1);
    await cloud.settled();
    const { bucket } = await look(cloud);
    cloud.memory.cutOff(a.url);
    await cloud.settled();
    await bucket.drop([a.oort.id]);
    cloud.memory.reconnect(a.url);
    await cloud.settled();
    expect(atB.getInfo(a.url)).toMatchObject(own(atA));
    await bucket.drop([a.oort.id]);
    await cloud.settled();
    expect(await bucket.get([a.oort.id])).toMatchObject({ value: { 'oort.info.object': { k: 1 } } });
    await atA.putAndShare('l', 2);
    await cloud.settled();
    expect(atB.getInfo(a.url)).toMatchObject(own(atA));
  });
});

describe('a write that was given up', () => {
  it.each([
    ['change', '0'],
    ['whole part', undefined],
  ])('does no harm when it comes late: a %s', async (_title, slot) => {
    const [cloud, a, , atA] = await pair();
    const { bucket } = await look(cloud);
    await atA.setAndShare(new Map([['k', 1]]));
    await atA.putAndShare('k', 2);
    await cloud.settled();
    const key = slot === undefined ? [a.oort.id] : [a.oort.id, slot];
    const old = await bucket.get(key);
    await atA.setAndShare(new Map([['k', 3]]));
    await atA.putAndShare('k', 4);
    await cloud.settled();
    await bucket.put(key, old?.value);
    await cloud.settled();
    const late = await cloud.node();
    const [atLate] = (await objects(cloud, [late], users)) as [Users];
    expect(atLate.getInfo(a.url)).toMatchObject(own(atA));
  });
});

describe('a bucket', () => {
  it('that was lost with all that was in it is filled again by the nodes that live', async () => {
    const [cloud, a, b, atA, atB] = await pair();
    await atA.putAndShare('k', 1);
    await cloud.settled();
    const events: unknown[] = [];
    atB.addListener('removed', (info) => events.push(info));
    cloud.memory.vault?.lose();
    await atA.putAndShare('l', 2);
    await cloud.settled();
    expect(events).toEqual([]);
    expect(atB.getInfo(a.url)).toMatchObject(own(atA));
    const late = await cloud.node();
    const [atLate] = (await objects(cloud, [late], users)) as [Users];
    expect(atLate.getInfos().map(({ url, object }) => [url, object.size])).toEqual([
      [a.url, 2],
      [b.url, 0],
      [late.url, 0],
    ]);
  });

  it('is rid of the parts of dead nodes some time later, by one of those that live', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const [cloud, a, b, atA, atB] = await pair();
    await atA.putAndShare('k', 1);
    const { values } = await look(cloud);
    const drops = [a, b].map(({ oort }) => oort.id);
    cloud.memory.kill(a.url);
    await cloud.settled();
    expect(atB.getInfo(a.url)).toBeNull();
    expect(values.has(`${a.oort.id} 0`)).toBe(true);
    vi.advanceTimersByTime(130_000);
    await cloud.settled();
    expect([...values.keys()]).toEqual([drops[1]]);
  });

  it('is rid of them when all had died with them, and they are seen by nobody before', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const [cloud, a, b, atA] = await pair();
    await atA.putAndShare('k', 1);
    const { values } = await look(cloud);
    for (const { url } of [a, b]) cloud.memory.kill(url);
    const c = await cloud.node();
    const [atC] = (await objects(cloud, [c], users)) as [Users];
    expect(atC.getInfos().map(({ url }) => url)).toEqual([c.url]);
    vi.advanceTimersByTime(130_000);
    await cloud.settled();
    expect([...values.keys()]).toEqual([c.oort.id]);
  });

  it('is not trusted: what is no part is refused and counted', async () => {
    const [cloud, a, b, , atB] = await pair();
    const { bucket } = await look(cloud);
    const good = { 'oort.info.url': a.url, 'oort.info.name': 'users', 'oort.info.object': {}, 'oort.info.version': 7 };
    for (const bad of [{ ...good, 'oort.info.object': 'x' }, { ...good, 'oort.info.name': 'y' }, {}, 'text', [1]])
      await bucket.put([a.oort.id], bad);
    await cloud.settled();
    expect(b.server.diagnostics.counters.get('rejected.oort_object')).toBeGreaterThanOrEqual(4);
    expect(atB.getInfo(a.url)).toMatchObject({ version: 0 });
  });
});

describe('an object', () => {
  it('that has stopped leaves its default for the others, also when it was changed a moment ago', async () => {
    const [cloud, a, , atA, atB] = await pair();
    void atA.putAndShare('k', 1);
    await atA.stop();
    await cloud.settled();
    expect(atB.getInfo(a.url)?.object.size).toBe(0);
    await atA.start();
    await atA.putAndShare('l', 2);
    await cloud.settled();
    expect(atB.getInfo(a.url)?.object).toEqual(new Map([['l', 2]]));
  });

  it('of any legal name has a bucket', async () => {
    const cloud = new Cloud({ buckets: true });
    const [a, b] = [await cloud.node(), await cloud.node()];
    for (const name of ['a.b', 'a-b', 'a_b', '~!$@()']) {
      const [atA, atB] = await objects(
        cloud,
        [a, b],
        ({ oort }) => new OortObject(oort, name, OortObjectFactories.forString()),
      );
      await atA?.setAndShare(name);
      await cloud.settled();
      expect(atB?.getInfo(a.url)?.object).toBe(name);
    }
  });
});

/** What all others are to see. */
function own(map: Users): object {
  const { object, version } = map.localInfo;
  return { object, version };
}

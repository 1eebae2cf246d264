/** Distributed maps: entries one by one, in order, with gaps repaired. */
import { OortLongMap, OortObjectMergers, OortStringMap } from '@cometd-ts/oort';
import { ExactJSONContext } from '@cometd-ts/protocol';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Cloud, House } from '../clouds.ts';
import { lose, objects, wiretap } from './houses.ts';

type Users = OortStringMap<unknown>;

async function pair(cloud: Cloud): Promise<[Cloud, House, House, Users, Users]> {
  const [a, b] = [await cloud.node(), await cloud.node()];
  await cloud.settled();
  const [atA, atB] = await objects(cloud, [a, b], ({ oort }) => new OortStringMap<unknown>(oort, 'users'));
  return [cloud, a, b, atA as Users, atB as Users];
}

function log(map: Users): unknown[] {
  const events: unknown[] = [];
  map.addEntryListener('put', ({ isLocal }, { key, oldValue, newValue }) =>
    events.push([isLocal, 'put', key, oldValue, newValue]),
  );
  map.addEntryListener('removed', ({ isLocal }, { key, oldValue }) => events.push([isLocal, 'removed', key, oldValue]));
  return events;
}

const big = 2n ** 63n - 1n;

async function longs(
  cloud: Cloud,
  exact: boolean,
): Promise<[Cloud, House, House, OortLongMap<string>, OortLongMap<string>]> {
  const server = exact ? { jsonContext: new ExactJSONContext() } : {};
  const [a, b] = [await cloud.node({ server }), await cloud.node({ server })];
  const [atA, atB] = await objects(cloud, [a, b], ({ oort }) => new OortLongMap<string>(oort, 'longs'));
  return [cloud, a, b, atA as OortLongMap<string>, atB as OortLongMap<string>];
}

/** @param lay makes the cloud for one test */
export function mapSuite(lay: () => Cloud): void {
  afterEach(() => {
    vi.useRealTimers();
  });

  describe('an entry', () => {
    it('is put, put if absent, and removed on all nodes, with the value before as the answer', async () => {
      const [cloud, a, , atA, atB] = await pair(lay());
      const events = [log(atA), log(atB)];
      expect(await atA.putAndShare('k', 1)).toBeUndefined();
      expect(await atA.putAndShare('k', 2)).toBe(1);
      expect(await atA.putIfAbsentAndShare('k', 3)).toBe(2);
      expect(await atA.putIfAbsentAndShare('l', 4)).toBeUndefined();
      expect(await atA.removeAndShare('k')).toBe(2);
      expect(await atA.removeAndShare('k')).toBeUndefined();
      await cloud.settled();
      for (const [index, isLocal] of [
        [0, true],
        [1, false],
      ] as const)
        expect(events[index]).toEqual([
          [isLocal, 'put', 'k', undefined, 1],
          [isLocal, 'put', 'k', 1, 2],
          [isLocal, 'put', 'l', undefined, 4],
          [isLocal, 'removed', 'k', 2],
        ]);
      expect(atB.getInfo(a.url)).toMatchObject({ object: new Map([['l', 4]]), version: 6 });
      expect(atA.localInfo.version).toBe(6);
    });

    it('is got from the part of this node, and found in any', async () => {
      const [cloud, a, b, atA, atB] = await pair(lay());
      await atA.putAndShare('k', 'a');
      await atB.putAndShare('k', 'b');
      await atB.putAndShare('only b', 1);
      await cloud.settled();
      expect([atA.get('k'), atB.get('k'), atA.get('only b')]).toEqual(['a', 'b', undefined]);
      expect([atA.find('k'), atB.find('k'), atA.find('only b'), atA.find('none')]).toEqual(['a', 'a', 1, undefined]);
      expect(atA.findInfo('only b')?.url).toBe(b.url);
      expect(atB.findInfo('k')?.url).toBe(a.url);
      expect(atA.findInfo('none')).toBeNull();
      expect(atA.merge(OortObjectMergers.mapUnion())).toEqual(
        new Map<string, unknown>([
          ['k', 'b'],
          ['only b', 1],
        ]),
      );
    });

    it('may have any text as key, and any value but nothing', async () => {
      const [cloud, a, , atA, atB] = await pair(lay());
      for (const key of ['', '__proto__', 'class', 'constructor', '12']) await atA.putAndShare(key, key);
      for (const value of [null, undefined]) expect(() => atA.putAndShare('k', value)).toThrow(TypeError);
      expect(() => atA.putAndShare(1 as unknown as string, 1)).toThrow(TypeError);
      expect(() => atA.putAndShare('k', 1n)).toThrow(RangeError);
      expect(atA.localInfo.version).toBe(5);
      await atA.setAndShare(new Map(atA.localInfo.object));
      await cloud.settled();
      expect([...(atB.getInfo(a.url)?.object.keys() ?? [])].sort()).toEqual([
        '',
        '12',
        '__proto__',
        'class',
        'constructor',
      ]);
    });
  });

  describe('a delta listener', () => {
    it('hears every entry that changes: by itself, with a whole map, with a node that goes', async () => {
      const [cloud, a, , atA, atB] = await pair(lay());
      const events: unknown[] = [];
      atB.addDeltaListener('put', (_info, { key, oldValue, newValue }) => events.push([key, oldValue, newValue]));
      atB.addDeltaListener('removed', (_info, { key, oldValue }) => events.push([key, oldValue]));
      const entries = log(atB);
      await atA.putAndShare('one', { n: 1 });
      await cloud.settled();
      await atA.setAndShare(
        new Map<string, unknown>([
          ['one', { n: 1 }],
          ['two', { n: 2 }],
        ]),
      );
      await cloud.settled();
      await atA.setAndShare(new Map<string, unknown>([['two', { n: 22 }]]));
      await cloud.settled();
      await a.oort.stop();
      await cloud.settled();
      expect(events).toEqual([
        ['one', undefined, { n: 1 }],
        ['two', undefined, { n: 2 }],
        ['one', { n: 1 }],
        ['two', { n: 2 }, { n: 22 }],
        ['two', { n: 22 }],
      ]);
      expect(entries).toHaveLength(1);
    });
  });

  describe('keys that are long', () => {
    it('are one key whether they come as number or bigint', async () => {
      const [cloud, a, , atA, atB] = await longs(lay(), true);
      await atA.putAndShare(5n, 'bigint');
      expect(await atA.putAndShare(5, 'number')).toBe('bigint');
      await cloud.settled();
      expect([...(atB.getInfo(a.url)?.object ?? [])]).toEqual([[5, 'number']]);
      expect([atB.find(5n), atB.find(5), atA.get(5n)]).toEqual(['number', 'number', 'number']);
    });

    it('beyond 2^53 are refused where the JSON context would change them', async () => {
      const [, , , atA] = await longs(lay(), false);
      expect(() => atA.putAndShare(big, 'y')).toThrow('ExactJSONContext');
      expect(() => atA.setAndShare(new Map([[big, 'y']]))).toThrow(RangeError);
      expect(() => atA.putAndShare(2 ** 53, 'y')).toThrow(RangeError);
      expect(() => atA.putAndShare(2n ** 63n, 'y')).toThrow(RangeError);
      expect(() => atA.putAndShare(1.5, 'y')).toThrow(RangeError);
      expect(() => atA.putAndShare('1' as unknown as number, 'y')).toThrow(TypeError);
      expect(atA.localInfo).toMatchObject({ object: new Map(), version: 0 });
    });
  });
}

/** What only nodes say to each other that have messages alone. */
export function mapWords(lay: () => Cloud): void {
  describe('the wire of maps', () => {
    it('travels in the words of Java nodes', async () => {
      const [cloud, a, b, atA] = await pair(lay());
      const lines = wiretap(b);
      await atA.putAndShare('k1', { n: 1 });
      await atA.putIfAbsentAndShare('k2', 2);
      await atA.removeAndShare('k1');
      await atA.setAndShare(new Map([['z', 26]]));
      await cloud.settled();
      const head = `/oort/objects/users {"oort.info.url":"${a.url}","oort.info.name":"users",`;
      const entry = `${head}"oort.info.type":"oort.map.entry","oort.info.action":`;
      expect(lines).toEqual([
        `${entry}"oort.map.put","oort.info.version":1,"oort.info.object":{"oort.map.key":"k1","oort.map.value":{"n":1}}}`,
        `${entry}"oort.map.put.absent","oort.info.version":2,"oort.info.object":{"oort.map.key":"k2","oort.map.value":2}}`,
        `${entry}"oort.map.remove","oort.info.version":3,"oort.info.object":{"oort.map.key":"k1"}}`,
        `${head}"oort.info.object":{"z":26},"oort.info.version":4}`,
      ]);
    });

    it.each<[string, unknown]>([
      ['is no object', 'k'],
      ['has no key', { 'oort.map.value': 1 }],
      ['has a key that is no text', { 'oort.map.key': 1, 'oort.map.value': 1 }],
      ['has no value', { 'oort.map.key': 'k' }],
      ['has the value null', { 'oort.map.key': 'k', 'oort.map.value': null }],
      ['has a value that is none for the reader', { 'oort.map.key': 'k', 'oort.map.value': 'bad' }],
    ])('is not trusted: what %s is refused and counted', async (_title, object) => {
      const cloud = lay();
      const [a, b] = [await cloud.node(), await cloud.node()];
      const read = (value: unknown): number => {
        if (typeof value !== 'number') throw new TypeError('A number was expected');
        return value;
      };
      const [, atB] = await objects(cloud, [a, b], ({ oort }) => new OortStringMap<number>(oort, 'users', { read }));
      for (const [type, action] of [
        ['oort.map.entry', 'oort.map.put'],
        ['oort.map.entry', 'oort.list.add'],
        ['oort.list.element', 'oort.map.put'],
      ])
        a.oort.send(b.url, {
          channel: '/service/oort/objects/users',
          data: {
            'oort.info.url': a.url,
            'oort.info.name': 'users',
            'oort.info.type': type,
            'oort.info.action': action,
            'oort.info.version': 1,
            'oort.info.object': object,
          },
        });
      await cloud.settled();
      expect(b.server.diagnostics.counters.get('rejected.oort_object')).toBe(3);
      expect(atB?.getInfo(a.url)).toMatchObject({ object: new Map(), version: 0 });
    });

    it('are numbers in entries and texts in whole maps, exact to 64 bits', async () => {
      const [cloud, a, b, atA, atB] = await longs(lay(), true);
      const lines = wiretap(b);
      await atA.putAndShare(13, 'x');
      await atA.putAndShare(big, 'y');
      await atA.putAndShare(-big, 'z');
      await cloud.settled();
      expect(atB.getInfo(a.url)?.object).toEqual(
        new Map<number | bigint, string>([
          [13, 'x'],
          [big, 'y'],
          [-big, 'z'],
        ]),
      );
      expect(atB.find(big)).toBe('y');
      await atA.removeAndShare(big);
      await atA.setAndShare(new Map<number | bigint, string>([[14, 'v']]));
      await atA.setAndShare(new Map<number | bigint, string>([[big, 'w']]));
      await cloud.settled();
      expect(lines[0]).toContain('"oort.map.key":13,');
      expect(lines[1]).toContain(`"oort.map.key":${big},`);
      expect(lines[4]).toContain('"oort.info.object":{"14":"v"},');
      expect(atB.getInfo(a.url)?.object).toEqual(new Map([[big, 'w']]));
    });

    it('that came changed are refused, and repaired by the whole map, whose keys are texts', async () => {
      const cloud = lay();
      const a = await cloud.node({ server: { jsonContext: new ExactJSONContext() } });
      const b = await cloud.node();
      const [atA, atB] = await objects(cloud, [a, b], ({ oort }) => new OortLongMap<string>(oort, 'longs'));
      await atA?.putAndShare(big, 'y');
      await cloud.settled();
      expect(b.server.diagnostics.counters.get('rejected.oort_object')).toBe(1);
      expect(atB?.getInfo(a.url)?.object).toEqual(new Map([[big, 'y']]));
    });
  });

  describe('a gap', () => {
    const version = (text: string): number => (JSON.parse(text) as Record<string, number>)['oort.info.version'] ?? -1;

    it('is repaired by one pull, and what came after it is not lost nor told twice', async () => {
      const [cloud, a, b, atA, atB] = await pair(lay());
      const events = log(atB);
      const pulls = wiretap(a);
      lose(b, (text) => text.includes('oort.map.put') && version(text) === 2);
      for (const n of [1, 2, 3, 4]) await atA.putAndShare(`k${n}`, n);
      await cloud.settled();
      expect(atB.getInfo(a.url)).toMatchObject({ object: atA.localInfo.object, version: 4 });
      expect(pulls).toEqual([
        `/service/oort/objects/users {"oort.info.url":"${b.url}","oort.info.name":"users","oort.info.action":"oort.object.pull"}`,
      ]);
      expect(events).toEqual([[false, 'put', 'k1', undefined, 1]]);
      await atA.putAndShare('k5', 5);
      await cloud.settled();
      expect(events).toHaveLength(2);
      expect(pulls).toHaveLength(1);
    });

    it('is told entry by entry to delta listeners', async () => {
      const [cloud, , b, atA, atB] = await pair(lay());
      const keys: string[] = [];
      atB.addDeltaListener('put', (_info, { key }) => keys.push(key));
      lose(b, (text) => text.includes('oort.map.put') && version(text) === 2);
      for (const n of [1, 2, 3, 4]) await atA.putAndShare(`k${n}`, n);
      await cloud.settled();
      expect(keys).toEqual(['k1', 'k2', 'k3', 'k4']);
    });

    it('is asked for again some seconds later when the answer was lost, until it has come', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const [cloud, a, b, atA, atB] = await pair(lay());
      const timers = vi.getTimerCount();
      const pulls = wiretap(a);
      let isBad = true;
      lose(b, (text) => isBad && (text.includes('oort.object.push') || version(text) === 1));
      await atA.putAndShare('k1', 1);
      await atA.putAndShare('k2', 2);
      await cloud.settled();
      expect(pulls).toHaveLength(1);
      vi.advanceTimersByTime(5_000);
      await cloud.settled();
      expect(pulls).toHaveLength(2);
      vi.advanceTimersByTime(5_000);
      isBad = false;
      expect(atB.getInfo(a.url)?.version).toBe(0);
      vi.advanceTimersByTime(5_000);
      await cloud.settled();
      expect(pulls).toHaveLength(3);
      expect(atB.getInfo(a.url)?.version).toBe(2);
      vi.advanceTimersByTime(600_000);
      await cloud.settled();
      expect(pulls).toHaveLength(3);
      expect(vi.getTimerCount()).toBe(timers);
    });

    it.each([
      ['the node has left', (_object: Users, cloud: Cloud, a: House) => cloud.ground.kill(a.url)],
      ['the object stops', (object: Users) => object.stop()],
    ])('is not asked for any more when %s', async (_title, end) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const [cloud, a, b, atA, atB] = await pair(lay());
      lose(b, (text) => text.includes('oort.object.push') || version(text) === 1);
      const before = vi.getTimerCount();
      await atA.putAndShare('k1', 1);
      await atA.putAndShare('k2', 2);
      await cloud.settled();
      expect(vi.getTimerCount()).toBe(before + 1);
      await end(atB, cloud, a);
      await cloud.settled();
      expect(vi.getTimerCount()).toBe(before);
    });

    it('of very many entries is repaired by the whole map, without keeping them all', async () => {
      const [cloud, a, b, atA, atB] = await pair(lay());
      lose(b, (text) => text.includes('oort.map.put') && version(text) === 1);
      for (let n = 0; n < 1_500; n++) void atA.putAndShare(`k${n}`, n);
      await cloud.settled();
      expect(b.server.diagnostics.counters.get('limit_hit.oort_object_waiting')).toBe(499);
      expect(atB.getInfo(a.url)?.object.size).toBe(1_500);
    });

    it('at the very start is one, too: entries of a node of which nothing is known', async () => {
      const cloud = lay();
      const a = await cloud.node();
      const [atA] = await objects(cloud, [a], ({ oort }) => new OortStringMap<number>(oort, 'users'));
      const b = await cloud.node();
      await cloud.settled();
      let isBad = true;
      lose(b, () => isBad);
      const [atB] = await objects(cloud, [b], ({ oort }) => new OortStringMap<number>(oort, 'users'));
      isBad = false;
      expect(atB?.getInfo(a.url)).toBeNull();
      await atA?.putAndShare('k', 1);
      await cloud.settled();
      expect(atB?.getInfo(a.url)?.object).toEqual(new Map([['k', 1]]));
      expect(atA?.getInfo(b.url)?.object).toEqual(new Map());
    });
  });
}

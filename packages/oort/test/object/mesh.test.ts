/** Distributed objects over the mesh, with real sockets between the nodes. */
import { OortList, OortLong, OortLongMap, OortStringMap } from '@cometd-ts/oort';
import { ExactJSONContext } from '@cometd-ts/protocol';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually, type House, type HouseOptions, node } from '../mesh/nodes.ts';

interface Town extends House {
  readonly map: OortStringMap<number>;
  readonly longs: OortLongMap<number>;
  readonly list: OortList<string>;
  readonly count: OortLong;
}

async function town(seed?: House, options: HouseOptions = {}): Promise<Town> {
  const house = await node({ ...options, server: { jsonContext: new ExactJSONContext() } });
  if (seed) house.oort.observeComet(seed.url);
  return withObjects(house);
}

async function withObjects(house: House): Promise<Town> {
  const { oort } = house;
  const objects = {
    map: new OortStringMap<number>(oort, 'map'),
    longs: new OortLongMap<number>(oort, 'longs'),
    list: new OortList<string>(oort, 'list'),
    count: new OortLong(oort, 'count'),
  };
  for (const object of Object.values(objects)) await object.start();
  onTestFinished(async () => {
    for (const object of Object.values(objects)) await object.stop();
  });
  return { ...house, ...objects };
}

/** All see the parts of all of them, as their owners do, and nobody else's. */
function agree(towns: readonly Town[]): void {
  const urls = towns.map(({ url }) => url).sort();
  for (const one of towns)
    for (const name of ['map', 'longs', 'list', 'count'] as const) {
      expect(one[name].getInfos().map(({ url }) => url)).toEqual(urls);
      for (const owner of towns)
        expect(one[name].getInfo(owner.url)).toMatchObject({
          object: owner[name].localInfo.object,
          version: owner[name].localInfo.version,
        });
    }
}

function change({ map, longs, list, count }: Town, n: number): void {
  void map.putAndShare(`k${n}`, n);
  void map.removeAndShare(`k${n - 1}`);
  void longs.putAndShare(2n ** 62n + BigInt(n), n);
  void list.addAndShare(`e${n}`, 'x');
  void list.removeAndShare('x');
  void count.addAndGet(n);
}

describe('the nodes of a mesh agree', { timeout: 20_000 }, () => {
  it('on what was shared before they met and after, by all of them at once', async () => {
    const a = await town();
    for (let n = 1; n < 20; n++) change(a, n);
    const b = await town(a);
    for (let n = 1; n < 20; n++) for (const one of [a, b]) change(one, n);
    const c = await town(b);
    for (let n = 1; n < 20; n++) for (const one of [a, b, c]) change(one, n);
    await eventually(() => agree([a, b, c]));
    expect(a.count.sum()).toBe(190 * 6);
    expect(b.longs.find(2n ** 62n + 7n)).toBe(7);
  });

  it('when the objects start when the nodes have met, on one and later on the other', async () => {
    const [one, other] = [await node(), await node()];
    one.oort.observeComet(other.url);
    await eventually(() => expect([one.life.length, other.life.length]).toEqual([1, 1]));
    const a = await withObjects(one);
    await a.map.putAndShare('early', 1);
    const b = await withObjects(other);
    await b.list.addAndShare('late');
    await eventually(() => agree([a, b]));
  });

  it('when one has left, and when one of the same URL has started anew', async () => {
    const a = await town();
    const b = await town(a);
    for (const one of [a, b]) change(one, 1);
    await eventually(() => agree([a, b]));
    const { port } = new URL(b.url);
    await b.stop();
    await eventually(() => agree([a]));
    const again = await town(a, { port: Number(port), url: b.url });
    change(again, 2);
    await eventually(() => agree([a, again]));
    expect(a.map.find('k1')).toBe(1);
    expect(a.map.getInfo(b.url)?.object).toEqual(new Map([['k2', 2]]));
  });

  it('when the object of one has stopped: nothing of it stays', async () => {
    const a = await town();
    const b = await town(a);
    change(b, 1);
    await eventually(() => agree([a, b]));
    await b.map.stop();
    await eventually(() => expect(a.map.getInfo(b.url)?.object).toEqual(new Map()));
  });
});

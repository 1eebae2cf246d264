/** Distributed lists: elements one by one, equal by value on all nodes. */
import { OortList, OortObjectMergers } from '@cometd-ts/oort';
import { describe, expect, it, vi } from 'vitest';
import type { Cloud, House } from '../clouds.ts';
import { objects, wiretap } from './houses.ts';

async function pair<E>(cloud: Cloud): Promise<[Cloud, House, House, OortList<E>, OortList<E>]> {
  const [a, b] = [await cloud.node(), await cloud.node()];
  await cloud.settled();
  const [atA, atB] = await objects(cloud, [a, b], ({ oort }) => new OortList<E>(oort, 'names'));
  return [cloud, a, b, atA as OortList<E>, atB as OortList<E>];
}

/** @param lay makes the cloud for one test */
export function listSuite(lay: () => Cloud): void {
  describe('elements', () => {
    it('are appended and removed on all nodes; all that are equal go', async () => {
      const [cloud, a, , atA, atB] = await pair<string>(lay());
      const log: unknown[] = [];
      atB.addElementListener('added', ({ isLocal }, elements) => log.push([isLocal, 'added', ...elements]));
      atB.addElementListener('removed', ({ isLocal }, elements) => log.push([isLocal, 'removed', ...elements]));
      expect(await atA.addAndShare('x', 'y', 'x')).toBe(true);
      expect(await atA.removeAndShare('x', 'z')).toBe(true);
      expect(await atA.removeAndShare('x')).toBe(false);
      expect(await atA.addAndShare()).toBe(false);
      await cloud.settled();
      expect(atB.getInfo(a.url)).toMatchObject({ object: ['y'], version: 4 });
      expect(log).toEqual([
        [false, 'added', 'x', 'y', 'x'],
        [false, 'removed', 'x', 'x'],
      ]);
    });

    it('are contained here, or present anywhere', async () => {
      const [cloud, , , atA, atB] = await pair<unknown>(lay());
      await atA.addAndShare('x', { deep: [1] });
      await cloud.settled();
      expect([atA.contains('x'), atB.contains('x'), atB.isPresent('x'), atB.isPresent('y')]).toEqual([
        true,
        false,
        true,
        false,
      ]);
      expect([atA.contains({ deep: [1] }), atB.isPresent({ deep: [1] }), atB.isPresent({ deep: [2] })]).toEqual([
        true,
        true,
        false,
      ]);
    });

    it('are kept as the others get them, so that what is removed here is removed there', async () => {
      const [cloud, a, , atA, atB] = await pair<unknown>(lay());
      const born = new Date(0);
      await atA.addAndShare({ a: 1, b: undefined }, -0, [-0], { born }, [Number.NaN]);
      await cloud.settled();
      expect(atA.localInfo.object).toEqual([{ a: 1 }, 0, [0], { born: born.toISOString() }, [null]]);
      expect(atB.getInfo(a.url)?.object).toEqual(atA.localInfo.object);
      await atA.removeAndShare({ a: 1 }, 0, [0], { born }, [Number.NaN]);
      await cloud.settled();
      expect([atA.localInfo.object, atB.getInfo(a.url)?.object]).toEqual([[], []]);
    });

    it('do not change with what the application does to its own', async () => {
      const [, , , atA] = await pair<{ n: number }>(lay());
      const mine = { n: 1 };
      const list = [mine];
      await atA.setAndShare(list);
      mine.n = 2;
      list.push(mine);
      expect(atA.localInfo.object).toEqual([{ n: 1 }]);
    });

    it('are something: null and what has no JSON form are refused, and nothing is changed', async () => {
      const [, , , atA] = await pair<unknown>(lay());
      for (const nothing of [null, undefined]) {
        expect(() => atA.addAndShare('x', nothing)).toThrow(TypeError);
        expect(() => atA.removeAndShare(nothing)).toThrow(TypeError);
        expect(() => atA.setAndShare([nothing])).toThrow(TypeError);
      }
      expect(() => atA.addAndShare(1n)).toThrow(RangeError);
      expect(() => atA.setAndShare('x' as unknown as unknown[])).toThrow(TypeError);
      expect(atA.localInfo).toMatchObject({ object: [], version: 0 });
    });

    it('may be very many', { timeout: 20_000 }, async () => {
      const [cloud, a, , atA, atB] = await pair<number>(lay());
      await atA.setAndShare(Array.from({ length: 200_000 }, (_, n) => n));
      await atA.removeAndShare(7);
      await cloud.settled();
      // So much may be on its way for a while without another word.
      await vi.waitFor(() => expect(atB.getInfo(a.url)?.object).toHaveLength(199_999), { timeout: 10_000 });
    });

    it('of all nodes make one list', async () => {
      const [cloud, , , atA, atB] = await pair<string>(lay());
      await atA.addAndShare('a');
      await atB.addAndShare('b');
      await cloud.settled();
      for (const list of [atA, atB]) expect(list.merge(OortObjectMergers.listUnion())).toEqual(['a', 'b']);
    });
  });

  describe('a delta listener', () => {
    it('hears every element that comes or goes, as often as it does', async () => {
      const [cloud, a, , atA, atB] = await pair<unknown>(lay());
      const log: unknown[] = [];
      atB.addDeltaListener('added', (_info, elements) => log.push(['+', ...elements]));
      atB.addDeltaListener('removed', (_info, elements) => log.push(['-', ...elements]));
      await atA.addAndShare('x', 'x', { n: 1 });
      await cloud.settled();
      await atA.setAndShare(['x', { n: 1 }, { n: 1 }, 'y']);
      await cloud.settled();
      await atA.setAndShare(['x', { n: 1 }, { n: 1 }, 'y']);
      await cloud.settled();
      await atA.removeAndShare('y');
      await cloud.settled();
      await a.oort.stop();
      await cloud.settled();
      expect(log).toEqual([
        ['+', 'x', 'x', { n: 1 }],
        ['-', 'x'],
        ['+', { n: 1 }, 'y'],
        ['-', 'y'],
        ['-', 'x', { n: 1 }, { n: 1 }],
      ]);
    });
  });
}

/** What only nodes say to each other that have messages alone. */
export function listWords(lay: () => Cloud): void {
  describe('the wire of lists', () => {
    it('travel in the words of Java nodes', async () => {
      const [cloud, a, b, atA] = await pair<string>(lay());
      const lines = wiretap(b);
      await atA.addAndShare('x', 'y');
      await atA.removeAndShare('x');
      await atA.setAndShare(['z']);
      await cloud.settled();
      const head = `/oort/objects/names {"oort.info.url":"${a.url}","oort.info.name":"names",`;
      const element = `${head}"oort.info.type":"oort.list.element","oort.info.action":`;
      expect(lines).toEqual([
        `${element}"oort.list.add","oort.info.version":1,"oort.info.object":["x","y"]}`,
        `${element}"oort.list.remove","oort.info.version":2,"oort.info.object":["x"]}`,
        `${head}"oort.info.object":["z"],"oort.info.version":3}`,
      ]);
    });

    it('are not trusted: no list, null in it, or an unknown action is refused and counted', async () => {
      const [cloud, a, b, , atB] = await pair<string>(lay());
      for (const [action, object] of [
        ['oort.list.add', 'x'],
        ['oort.list.add', ['x', null]],
        ['oort.list.remove', { 0: 'x' }],
        ['oort.list.sort', ['x']],
      ])
        a.oort.send(b.url, {
          channel: '/service/oort/objects/names',
          data: {
            'oort.info.url': a.url,
            'oort.info.name': 'names',
            'oort.info.type': 'oort.list.element',
            'oort.info.action': action,
            'oort.info.version': 1,
            'oort.info.object': object,
          },
        });
      await cloud.settled();
      expect(b.server.diagnostics.counters.get('rejected.oort_object')).toBe(4);
      expect(atB.getInfo(a.url)?.version).toBe(0);
    });
  });
}

/** Services with a node in charge, and the number the cluster has one of. */

import { OortMasterLong, OortPrimaryLong, type OortPrimaryLongOptions } from '@cometd-ts/oort';
import { ExactJSONContext } from '@cometd-ts/protocol';
import type { ServerOptions } from '@cometd-ts/server';
import { describe, expect, it } from 'vitest';
import type { Cloud, House } from '../clouds.ts';

interface Counting extends House {
  readonly ids: OortPrimaryLong;
}

async function counting(
  cloud: Cloud,
  options: OortPrimaryLongOptions = {},
  server: ServerOptions = {},
): Promise<Counting> {
  const house = await cloud.node({ server });
  const ids = new OortPrimaryLong(house.oort, 'ids', options);
  await ids.start();
  return { ...house, ids };
}

async function two(
  cloud: Cloud,
  options: OortPrimaryLongOptions = {},
  server: ServerOptions = {},
): Promise<[Cloud, Counting, Counting]> {
  const primary = await counting(cloud, { primary: true, ...options }, server);
  const other = await counting(cloud, options.timeout === undefined ? {} : { timeout: options.timeout }, server);
  await cloud.settled();
  return [cloud, primary, other];
}

/** @param lay makes the cloud for one test */
export function primarySuite(lay: () => Cloud): void {
  describe('the node in charge', () => {
    it('is known to all nodes, until it leaves', async () => {
      const [cloud, a, b] = await two(lay(), { timeout: 40 });
      expect([a.ids.getPrimaryOortURL(), b.ids.getPrimaryOortURL()]).toEqual([a.url, a.url]);
      expect([a.ids.isPrimary, b.ids.isPrimary]).toEqual([true, false]);
      cloud.ground.kill(a.url);
      await cloud.settled();
      expect(b.ids.getPrimaryOortURL()).toBeNull();
      await expect(b.ids.get()).rejects.toMatchObject({ code: 'timeout' });
    });

    it('is in charge no longer when its service stops', async () => {
      const [cloud, a, b] = await two(lay());
      await a.ids.stop();
      await cloud.settled();
      expect(b.ids.getPrimaryOortURL()).toBeNull();
    });

    it('may be another later', async () => {
      const [cloud, a, b] = await two(lay());
      await a.oort.stop();
      const c = await counting(cloud, { primary: true, initial: 7 });
      await cloud.settled();
      expect(b.ids.getPrimaryOortURL()).toBe(c.url);
      await expect(b.ids.get()).resolves.toBe(7);
    });

    it('is one of two, when there are two by mistake, and that is counted', async () => {
      const [cloud, a, b] = await two(lay());
      const c = await counting(cloud, { primary: true });
      await cloud.settled();
      expect([a, b, c].map(({ ids }) => ids.getPrimaryOortURL())).toEqual([a.url, a.url, a.url]);
      expect(b.server.diagnostics.counters.get('oort_primaries')).toBeGreaterThan(0);
    });
  });

  describe('the number', () => {
    it('is counted by whichever node, in one place', async () => {
      const [, a, b] = await two(lay(), { initial: 100 });
      await expect(b.ids.addAndGet(5)).resolves.toBe(105);
      await expect(a.ids.addAndGet(1)).resolves.toBe(106);
      await expect(b.ids.getAndAdd(-6)).resolves.toBe(106);
      await expect(a.ids.get()).resolves.toBe(100);
    });

    it('never gives two nodes the same, however many ask at once', async () => {
      const [, a, b] = await two(lay());
      const ids = await Promise.all(Array.from({ length: 200 }, (_, index) => (index % 2 ? a : b).ids.addAndGet(1)));
      expect(new Set(ids).size).toBe(200);
    });

    it('is exact beyond 2^53 where the JSON of the servers is', async () => {
      const [, , b] = await two(lay(), { initial: 2n ** 60n }, { jsonContext: new ExactJSONContext() });
      await expect(b.ids.addAndGet(1)).resolves.toBe(2n ** 60n + 1n);
    });

    it('does not become what JSON cannot carry, or 64 bits cannot hold', async () => {
      const [, a, b] = await two(lay(), { initial: Number.MAX_SAFE_INTEGER });
      await expect(b.ids.addAndGet(1)).rejects.toMatchObject({ code: 'failure' });
      await expect(a.ids.get()).resolves.toBe(Number.MAX_SAFE_INTEGER);
      await expect(a.ids.addAndGet(1.5)).rejects.toThrow(RangeError);
      await expect(a.ids.addAndGet('1' as never)).rejects.toThrow(TypeError);
    });

    it('has the name it had in older books, too', () => {
      expect(OortMasterLong).toBe(OortPrimaryLong);
    });
  });
}

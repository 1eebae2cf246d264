/** Distributed numbers: one counter a node, their sum everywhere, exact to 64 bits. */
import { OortLong } from '@cometd-ts/oort';
import { ExactJSONContext } from '@cometd-ts/protocol';
import { describe, expect, it } from 'vitest';
import type { Cloud } from '../clouds.ts';
import { objects } from './houses.ts';

async function pair(cloud: Cloud, exact: boolean, initial?: number): Promise<[Cloud, OortLong, OortLong]> {
  const server = exact ? { jsonContext: new ExactJSONContext() } : {};
  const [a, b] = [await cloud.node({ server }), await cloud.node({ server })];
  const [atA, atB] = await objects(cloud, [a, b], ({ oort }) => new OortLong(oort, 'count', initial));
  return [cloud, atA as OortLong, atB as OortLong];
}

/** @param lay makes the cloud for one test */
export function longSuite(lay: () => Cloud): void {
  describe('a number', () => {
    it('counts on each node, and its sum is known on all', async () => {
      const [cloud, atA, atB] = await pair(lay(), false, 10);
      expect(await atA.addAndGet(2)).toBe(12);
      expect(await atA.getAndAdd(-1)).toBe(12);
      expect(await atB.getAndSet(5)).toBe(10);
      expect(await atB.compareAndSet(4, 1)).toBe(false);
      expect(await atB.compareAndSet(5n, 6)).toBe(true);
      await cloud.settled();
      expect([atA.get(), atB.get(), atA.sum(), atB.sum()]).toEqual([11, 6, 17, 17]);
      expect([atA.localInfo.version, atB.localInfo.version]).toEqual([2, 2]);
    });

    it('is exact beyond 2^53 under ExactJSONContext', async () => {
      const [cloud, atA, atB] = await pair(lay(), true);
      expect(await atA.addAndGet(Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER);
      expect(await atA.addAndGet(2)).toBe(2n ** 53n + 1n);
      await cloud.settled();
      expect(atB.sum()).toBe(2n ** 53n + 1n);
      expect(await atA.addAndGet(-2n)).toBe(Number.MAX_SAFE_INTEGER);
    });

    it('does not change when it would not be exact, or leaves 64 bits', async () => {
      const [, plain] = await pair(lay(), false);
      await plain.addAndGet(Number.MAX_SAFE_INTEGER);
      await expect(plain.addAndGet(1)).rejects.toThrow('ExactJSONContext');
      await expect(plain.addAndGet(0.5)).rejects.toThrow(RangeError);
      await expect(plain.addAndGet('1' as unknown as number)).rejects.toThrow(TypeError);
      expect(() => plain.setAndShare(2 ** 53)).toThrow(RangeError);
      expect(plain.localInfo).toMatchObject({ object: Number.MAX_SAFE_INTEGER, version: 1 });
      const [, exact] = await pair(lay(), true);
      await exact.getAndSet(2n ** 63n - 1n);
      await expect(exact.addAndGet(1)).rejects.toThrow('does not fit into 64 bits');
      expect(exact.get()).toBe(2n ** 63n - 1n);
    });
  });
}

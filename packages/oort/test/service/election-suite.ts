/** Nodes that elect the one in charge, and numbers in blocks, on any ground with buckets. */
import {
  type Answer,
  type ElectionOptions,
  ignore,
  type Long,
  OortPrimaryLong,
  OortPrimaryService,
  type ServiceRequest,
  success,
} from '@cometd-ts/oort';
import { MemoryCloud } from '@cometd-ts/testkit';
import { describe, expect, it, vi } from 'vitest';
import type { Cloud, House } from '../clouds.ts';

/** Says who is in charge, and notes what it is told. */
class Office extends OortPrimaryService<string, string> {
  readonly log: string[] = [];

  constructor({ oort }: House, election: boolean | ElectionOptions) {
    super(oort, 'office', { election, timeout: 20_000 });
    this.addListener('elected', (token) => this.log.push(`told of ${token}`));
    this.addListener('deposed', () => this.log.push('told of the end'));
    this.addListener('primary', (url) => this.log.push(`primary ${url}`));
  }

  protected override onElected(token: number): void {
    this.log.push(`elected ${token}`);
  }

  protected override onDeposed(): void {
    this.log.push('deposed');
  }

  protected override onForward({ parameter }: ServiceRequest<string>): Answer<string> {
    return this.isPrimary ? success(`${parameter} by ${this.oort.url}`) : ignore();
  }
}

interface Candidate extends House {
  readonly office: Office;
}

async function candidate(cloud: Cloud, ttl = 1_000): Promise<Candidate> {
  const house = await cloud.node();
  const office = new Office(house, { ttl });
  await office.start();
  return { ...house, office };
}

/** The first of them is in charge. */
async function candidates(cloud: Cloud, count: number): Promise<Candidate[]> {
  const all: Candidate[] = [];
  for (let each = 0; each < count; each++) {
    all.push(await candidate(cloud));
    await inCharge(all);
  }
  await vi.waitFor(() => {
    for (const { office } of all) expect(office.getPrimaryOortURL()).toBe(all[0]?.url);
  }, 10_000);
  return all;
}

/** The one in charge, when there is one. */
async function inCharge(all: readonly Candidate[]): Promise<Candidate> {
  return vi.waitFor(
    () => {
      const those = all.filter(({ office }) => office.isPrimary);
      expect(those).toHaveLength(1);
      return those[0] as Candidate;
    },
    { timeout: 15_000, interval: 20 },
  );
}

/** @param lay makes a cloud with buckets for one test */
export function electionSuite(lay: () => Cloud): void {
  describe('of nodes that elect', { timeout: 60_000 }, () => {
    it('one is in charge, known to all, and answers', async () => {
      const [a, b, c] = (await candidates(lay(), 3)) as [Candidate, Candidate, Candidate];
      const token = a.office.fencingToken;
      expect(a.office.log.slice(0, 2)).toEqual([`elected ${token}`, `told of ${token}`]);
      expect([b.office.fencingToken, c.office.isPrimary]).toEqual([null, false]);
      for (const { office } of [a, b, c]) expect(await office.callPrimary('asked')).toBe(`asked by ${a.url}`);
    });

    it('another is in charge at once when it stops, with a greater token', async () => {
      const all = await candidates(lay(), 3);
      const [a, ...others] = all as [Candidate, Candidate, Candidate];
      const before = a.office.fencingToken as number;
      await a.office.stop();
      expect(a.office.log.slice(-3)).toEqual(['deposed', 'told of the end', 'primary null']);
      const next = await inCharge(others);
      expect(next.office.fencingToken).toBeGreaterThan(before);
      await vi.waitFor(() => {
        for (const { office } of others) expect(office.getPrimaryOortURL()).toBe(next.url);
      }, 10_000);
    });

    it('another is in charge when it is cut off, and it has laid its office down before', async () => {
      const cloud = lay();
      const [a, b] = (await candidates(cloud, 2)) as [Candidate, Candidate];
      const ends: boolean[] = [];
      b.office.addListener('elected', () => ends.push(a.office.isPrimary));
      if (cloud.ground instanceof MemoryCloud) cloud.memory.cutOff(a.url);
      else cloud.ground.cut(a.url, b.url);
      await vi.waitFor(() => expect(b.office.isPrimary).toBe(true), 15_000);
      expect(ends).toEqual([false]);
      await vi.waitFor(() => expect(a.office.log).toContain('deposed'), 10_000);
      if (cloud.ground instanceof MemoryCloud) cloud.memory.reconnect(a.url);
      else cloud.ground.heal(a.url, b.url);
      await vi.waitFor(() => expect(a.office.getPrimaryOortURL()).toBe(b.url), 15_000);
      expect(a.office.isPrimary).toBe(false);
    });

    it('the first says how long an office lasts without a word', async () => {
      const cloud = lay();
      const a = await candidate(cloud, 1_000);
      await inCharge([a]);
      const b = await candidate(cloud, 60_000);
      await a.office.stop();
      await inCharge([b]);
    });
  });

  describe('numbers in blocks', { timeout: 60_000 }, () => {
    const counting = async (
      cloud: Cloud,
      block = 10,
      initial: Long = 100,
    ): Promise<House & { ids: OortPrimaryLong }> => {
      const house = await cloud.node();
      const ids = new OortPrimaryLong(house.oort, 'ids', { block, initial });
      await ids.start();
      return { ...house, ids };
    };

    it('are given once, whichever node is asked, and grow at each', async () => {
      const cloud = lay();
      const [a, b] = [await counting(cloud), await counting(cloud)];
      const given: number[][] = [[], []];
      await Promise.all(
        Array.from({ length: 100 }, async (_, index) => {
          const list = given[index % 2] as number[];
          list.push(Number(await (index % 2 === 0 ? a : b).ids.getAndAdd(1)));
        }),
      );
      const all = given.flat();
      expect(new Set(all).size).toBe(100);
      expect(Math.min(...all)).toBe(100);
      for (const list of given) expect(list).toEqual([...list].sort((x, y) => x - y));
      expect(await a.ids.get()).toBe(200);
    });

    it('may be many in a row, over the size of a block', async () => {
      const cloud = lay();
      const [a, b] = [await counting(cloud), await counting(cloud)];
      const taken = new Set<number>();
      for (const [ids, count] of [
        [a.ids, 3],
        [b.ids, 25],
        [a.ids, 8],
        [a.ids, 1],
      ] as const) {
        const first = Number(await ids.getAndAdd(count));
        for (let each = 0; each < count; each++) {
          expect(taken.has(first + each)).toBe(false);
          taken.add(first + each);
        }
      }
    });

    it('go on after all nodes have ended', async () => {
      const cloud = lay();
      const a = await counting(cloud);
      expect(await a.ids.addAndGet(1)).toBe(101);
      await a.ids.stop();
      await expect(a.ids.getAndAdd(1)).rejects.toMatchObject({ code: 'stopped' });
      const b = await counting(cloud, 10, 0);
      expect(await b.ids.getAndAdd(1)).toBe(110);
    });

    it('are exact beyond 2^53, whatever the JSON of the servers is', async () => {
      const a = await counting(lay(), 10, 2n ** 60n);
      expect(await a.ids.getAndAdd(1)).toBe(2n ** 60n);
      expect(await a.ids.getAndAdd(1)).toBe(2n ** 60n + 1n);
    });

    it('end where 64 bits do', async () => {
      const a = await counting(lay(), 10, 2n ** 63n - 5n);
      await expect(a.ids.getAndAdd(1)).rejects.toThrow(RangeError);
    });
  });
}

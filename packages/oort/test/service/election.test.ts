/** Elections and blocks in memory, and what has nothing to do with any ground. */
import { type Answer, ignore, OortPrimaryLong, OortPrimaryService } from '@cometd-ts/oort';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cloud } from '../clouds.ts';
import { electionSuite } from './election-suite.ts';

describe('in memory', () => {
  electionSuite(() => new Cloud({ addresses: true, buckets: true }));
});

class Silent extends OortPrimaryService {
  protected override onForward(): Answer<unknown> {
    return ignore();
  }
}

describe('what cannot be', () => {
  it('is an election, or blocks, where the engine has no buckets', async () => {
    const { oort } = await new Cloud().node();
    await expect(new Silent(oort, 'x', { election: true }).start()).rejects.toThrow('needs an engine with buckets');
    await expect(new OortPrimaryLong(oort, 'x', { block: 5 }).start()).rejects.toThrow('need an engine with buckets');
  });

  it('is refused where it is asked for', async () => {
    const { oort } = await new Cloud({ buckets: true }).node();
    expect(() => new Silent(oort, 'x', { election: true, primary: true })).toThrow(TypeError);
    expect(() => new Silent(oort, 'x', { election: { ttl: 999 } })).toThrow(RangeError);
    expect(() => new OortPrimaryLong(oort, 'x', { election: true } as never)).toThrow('take blocks instead');
    for (const block of [0, -1, 1.5]) expect(() => new OortPrimaryLong(oort, 'x', { block })).toThrow(RangeError);
    const ids = new OortPrimaryLong(oort, 'x', { block: 5 });
    await ids.start();
    for (const count of [0, -1]) await expect(ids.getAndAdd(count)).rejects.toThrow(RangeError);
    await expect(ids.getAndAdd('1' as never)).rejects.toThrow(TypeError);
  });
});

it('no number is given twice, whatever is cut off, healed and started anew, and those of one start grow', async () => {
  const step = fc.record({
    what: fc.constantFrom('take', 'take', 'take', 'cut', 'heal', 'anew'),
    node: fc.nat(2),
    count: fc.integer({ min: 1, max: 12 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const cloud = new Cloud({ buckets: true });
      const open = async () => {
        const house = await cloud.node();
        const ids = new OortPrimaryLong(house.oort, 'ids', { block: 7 });
        await ids.start();
        return { ...house, ids, last: -1 };
      };
      const nodes = [await open(), await open(), await open()];
      const all = [...nodes];
      const given = new Set<number>();
      const taking: Promise<void>[] = [];
      for (const { what, node: index, count } of steps) {
        const node = nodes[index] as (typeof nodes)[number];
        if (what === 'cut') cloud.memory.cutOff(node.url);
        else if (what === 'heal') cloud.memory.reconnect(node.url);
        else if (what === 'anew') {
          cloud.memory.kill(node.url);
          const fresh = await open();
          nodes[index] = fresh;
          all.push(fresh);
        } else
          taking.push(
            node.ids.getAndAdd(count).then(
              (first) => {
                expect(Number(first)).toBeGreaterThan(node.last);
                node.last = Number(first) + count - 1;
                for (let each = 0; each < count; each++) {
                  expect(given.has(Number(first) + each)).toBe(false);
                  given.add(Number(first) + each);
                }
              },
              (error: unknown) => expect(error).toMatchObject({ code: 'unreachable' }),
            ),
          );
        if (count % 3 === 0) await cloud.settled();
      }
      await Promise.all(taking);
      for (const { oort, server } of all) {
        await oort.stop();
        await server.stop();
      }
    }),
    { numRuns: 30 },
  );
}, 60_000);

/** Values and promises of values, in any mixture. */
import { describe, expect, it } from 'vitest';
import { attempt, chain, every, everyReversed, isPromise, type Maybe } from '../src/maybe.ts';

/** An object with a `then` of any kind. */
function withThen(then: unknown): object {
  return Object.fromEntries([['then', then]]);
}

describe('isPromise', () => {
  it('asks whether then can be called, so that a then in data is data', () => {
    expect(isPromise(Promise.resolve(1))).toBe(true);
    expect(isPromise(withThen(() => 1))).toBe(true);
    for (const value of [null, undefined, 1, 'then', {}, withThen(true), withThen({}), () => 1]) {
      expect(isPromise(value)).toBe(false);
    }
  });
});

describe('chain', () => {
  it('is synchronous for a value', () => {
    expect(chain(20, (value) => value + 1)).toBe(21);
  });

  it('waits for a promise, and for what the next step answers', async () => {
    const later = chain(Promise.resolve(20), (value) => Promise.resolve(value + 1));
    expect(isPromise(later)).toBe(true);
    expect(await later).toBe(21);
  });

  it('throws what a synchronous step throws, and rejects what a later one throws', async () => {
    const fail = (): never => {
      throw new Error('no');
    };
    expect(() => chain(1, fail)).toThrow('no');
    await expect(chain(Promise.resolve(1), fail)).rejects.toThrow('no');
  });
});

describe('attempt', () => {
  it('rescues a throw at once', () => {
    const value = attempt(
      () => {
        throw new Error('thrown');
      },
      (error) => (error as Error).message,
    );
    expect(value).toBe('thrown');
  });

  it('rescues a rejection when it comes', async () => {
    const value = attempt(
      (): Maybe<string> => Promise.reject(new Error('rejected')),
      (error) => (error as Error).message,
    );
    expect(await value).toBe('rejected');
  });

  it('rescues a then that throws while it is looked at', () => {
    const hostile = Object.defineProperty({}, 'then', {
      get: () => {
        throw new Error('getter');
      },
    });
    expect(
      attempt(
        (): Maybe<unknown> => hostile,
        (error) => (error as Error).message,
      ),
    ).toBe('getter');
  });

  it('leaves what succeeds alone', async () => {
    const rescue = (): never => {
      throw new Error('not asked');
    };
    expect(attempt(() => 1, rescue)).toBe(1);
    expect(await attempt((): Maybe<number> => Promise.resolve(2), rescue)).toBe(2);
  });

  it('does not rescue what the rescue throws', async () => {
    const fail = (): never => {
      throw new Error('again');
    };
    expect(() => attempt(fail, fail)).toThrow('again');
    await expect(attempt((): Maybe<never> => Promise.reject(new Error('first')), fail)).rejects.toThrow('again');
  });
});

const visitors = { every, everyReversed };
for (const [name, visitAll] of Object.entries(visitors)) {
  const ordered = <T>(items: T[]): T[] => (name === 'every' ? items : items.toReversed());

  describe(name, () => {
    it('visits in order with the index, and stays synchronous when every visit is', () => {
      const seen: string[] = [];
      const all = visitAll(['a', 'b', 'c'], (item, index) => {
        seen.push(item + index);
        return true;
      });
      expect(all).toBe(true);
      expect(seen).toEqual(ordered(['a0', 'b1', 'c2']));
    });

    it('stops at the first false, synchronous or not', async () => {
      for (const no of [false, Promise.resolve(false)]) {
        const seen: number[] = [];
        const all = visitAll([1, 2, 3], (item) => {
          seen.push(item);
          return item === 2 ? no : true;
        });
        expect(await all).toBe(false);
        expect(seen).toEqual(ordered([1, 2, 3]).slice(0, 2));
      }
    });

    it('waits for each visit before the next', async () => {
      const seen: string[] = [];
      await visitAll([1, 2], async (item) => {
        seen.push(`begin ${item}`);
        await Promise.resolve();
        seen.push(`end ${item}`);
        return true;
      });
      const [first, second] = ordered([1, 2]);
      expect(seen).toEqual([`begin ${first}`, `end ${first}`, `begin ${second}`, `end ${second}`]);
    });

    it('answers true for nothing', () => {
      expect(visitAll([], () => false)).toBe(true);
    });

    it('throws at once while synchronous, and rejects afterwards', async () => {
      const [first, second] = ordered([1, 2]);
      const visit = (at: number | undefined) => (item: number) => {
        if (item === at) throw new Error('visit');
        return Promise.resolve(true);
      };
      expect(() => visitAll([1, 2], visit(first))).toThrow('visit');
      await expect(visitAll([1, 2], visit(second))).rejects.toThrow('visit');
    });

    it.each<[string, (item: number) => Maybe<boolean>]>([
      ['synchronous', () => true],
      ['asynchronous', () => Promise.resolve(true)],
      ['mixed', (item) => (item % 3 === 0 ? Promise.resolve(true) : true)],
    ])('does not recurse: 100,000 %s visits need no more stack than one', async (_kind, visit) => {
      const items = Array.from({ length: 100_000 }, (_, index) => index);
      let visits = 0;
      const all = visitAll(items, (item) => {
        visits++;
        return visit(item);
      });
      expect(await all).toBe(true);
      expect(visits).toBe(100_000);
    });
  });
}

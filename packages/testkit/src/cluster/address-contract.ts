/** The suite all addresses pass: the guarantees of `Addresses`, one sentence each. Its own entry, because it is made of tests. */
import type { Addresses } from '@cometd-ts/oort';
import { describe, expect, it, vi } from 'vitest';

/** Nodes in one cloud, with addresses; one for each test. It ends with the test. */
export interface AddressGround {
  /** A node that has started, and joined those that were there. */
  node(): Promise<{ readonly addresses: Addresses; stop(): Promise<void> }>;
  /** The message system is away for all nodes, and back. Absent where that cannot be had. */
  away?(): Promise<void>;
  back?(): Promise<void>;
  /** Most bytes of a message, as JSON. */
  readonly payload: number;
}

export function addressContract(name: string, ground: () => Promise<AddressGround>): void {
  const open = async (count: number): Promise<Addresses[]> => {
    const place = await ground();
    const all: Addresses[] = [];
    for (let each = 0; each < count; each++) all.push((await place.node()).addresses);
    return all;
  };
  const two = async (): Promise<[Addresses, Addresses]> => (await open(2)) as [Addresses, Addresses];
  /** Resolves when everybody can reach what `server` serves. */
  const known = async (from: Addresses, address: readonly string[]): Promise<void> =>
    vi.waitFor(async () => expect(await from.ask(address, 'are you there?', { timeout: 2_000 })).toBeDefined(), 10_000);

  describe(`${name} addresses`, () => {
    it('bring a message to all who serve one, this node included, and to nobody else', async () => {
      const [a, b, c] = (await open(3)) as [Addresses, Addresses, Addresses];
      const heard: string[] = [];
      for (const [who, at] of [
        ['a', a],
        ['b', b],
      ] as const)
        at.serve(['room', 'x'], (data) => {
          if (data !== 'are you there?') heard.push(`${who} ${JSON.stringify(data)}`);
          return true;
        });
      c.serve(['room', 'y'], (data) => void heard.push(`c ${JSON.stringify(data)}`));
      await known(c, ['room', 'x']);
      await known(a, ['room', 'x']);
      expect(a.tell(['room', 'x'], { n: 1 })).toBe(true);
      expect(heard).toEqual([]);
      await vi.waitFor(() => expect(heard.sort()).toEqual(['a {"n":1}', 'b {"n":1}']));
      // What is told after it has arrived before it, if at all.
      await known(a, ['room', 'x']);
      expect(heard).toHaveLength(2);
    });

    it.each([
      ['ann@example.com'],
      ['a.b', '*', '>', ' '],
      ['ü', '日本語', '%2E', '=41', '\u0000', '🎈'],
      ['$SYS', 'x'.repeat(200)],
      ['A'],
    ])('may be of any characters: %j', async (...texts) => {
      const [a, b] = await two();
      b.serve(['kind', ...texts], (data) => [data, texts.length]);
      await known(a, ['kind', ...texts]);
      expect(await a.ask(['kind', ...texts], 'x')).toEqual(['x', texts.length]);
      await expect(a.ask(['kind', ...texts, 'more'], 'x')).rejects.toMatchObject({ code: 'nobody' });
      await expect(a.ask(['kind', ...texts.slice(0, -1), 'other'], 'x')).rejects.toMatchObject({ code: 'nobody' });
      await expect(a.ask(['kind', 'a'], 'x')).rejects.toMatchObject({ code: 'nobody' });
    });

    it.each([[[]], [['']], [['a', '']], [[1]]])('are refused when they are none: %j', async (address) => {
      const [a] = await open(1);
      const none = address as string[];
      expect(() => a?.serve(none, () => undefined)).toThrow(TypeError);
      expect(() => a?.tell(none, 1)).toThrow(TypeError);
      await expect(a?.ask(none, 1)).rejects.toThrow(TypeError);
    });

    it('keep the order of what one node sends to one of them', async () => {
      const [a, b] = await two();
      const [far, near]: number[][] = [[], []];
      const note = (list: number[] | undefined) => (data: unknown) => {
        if (typeof data === 'number') list?.push(data);
        return true;
      };
      b.serve(['line'], note(far));
      await known(a, ['line']);
      a.serve(['line'], note(near));
      const numbers = Array.from({ length: 500 }, (_, index) => index);
      for (const number of numbers) a.tell(['line'], number);
      await vi.waitFor(() => expect([far?.length, near?.length]).toEqual([500, 500]), 10_000);
      expect(far).toEqual(numbers);
      expect(near).toEqual(numbers);
    });

    it('are heard no more when their registration is removed', async () => {
      const [a, b] = await two();
      const here = a.serve(['room'], () => 'here');
      const there = b.serve(['room'], () => 'there');
      await known(a, ['room']);
      here.remove();
      await vi.waitFor(async () => expect(await a.ask(['room'], 1)).toBe('there'));
      there.remove();
      there.remove();
      await vi.waitFor(() => expect(a.ask(['room'], 1)).rejects.toMatchObject({ code: 'nobody' }), 10_000);
    });

    it('end with their node', async () => {
      const place = await ground();
      const [one, other] = [await place.node(), await place.node()];
      other.addresses.serve(['room'], () => 1);
      await known(one.addresses, ['room']);
      await other.stop();
      await vi.waitFor(() => expect(one.addresses.ask(['room'], 1)).rejects.toMatchObject({ code: 'nobody' }), 10_000);
      expect(other.addresses.tell(['room'], 1)).toBe(false);
      await expect(other.addresses.ask(['room'], 1)).rejects.toMatchObject({ code: 'down' });
    });
  });

  describe(`${name}: a question`, () => {
    it('has the first answer that is one', async () => {
      const [a, b] = await two();
      a.serve(['who'], () => undefined);
      b.serve(['who'], async (data) => ({ asked: data }));
      await vi.waitFor(
        async () => expect(await a.ask(['who'], 'me', { timeout: 300 })).toEqual({ asked: 'me' }),
        10_000,
      );
    });

    it.each([[null], [false], [0], [''], [[]]])('may be answered with %j', async (answer) => {
      const [a, b] = await two();
      b.serve(['who'], () => answer);
      await known(a, ['who']);
      expect(await a.ask(['who'], null)).toEqual(answer);
    });

    it('is answered by this node, too', async () => {
      const [a] = (await open(1)) as [Addresses];
      a.serve(['me'], (data) => data);
      expect(await a.ask(['me'], { n: [1] })).toEqual({ n: [1] });
    });

    it('that nobody can hear is refused at once', async () => {
      const [a] = (await open(1)) as [Addresses];
      await expect(a.ask(['nobody'], 1, { timeout: 60_000 })).rejects.toMatchObject({
        name: 'AddressError',
        code: 'nobody',
      });
    });

    it('that is not answered in time is given up; one who throws has not answered', async () => {
      const [a, b] = await two();
      let asked = 0;
      b.serve(['broken'], () => {
        asked++;
        throw new Error('broken');
      });
      await vi.waitFor(
        () => expect(a.ask(['broken'], 1, { timeout: 50 })).rejects.toMatchObject({ code: 'timeout' }),
        10_000,
      );
      expect(asked).toBeGreaterThan(0);
    });

    it('is given up when its signal is aborted', async () => {
      const [a, b] = await two();
      const stop = new AbortController();
      b.serve(['slow'], (data) => (data === 'are you there?' ? true : new Promise<never>(() => undefined)));
      await known(a, ['slow']);
      const answer = expect(a.ask(['slow'], 1, { signal: stop.signal })).rejects.toThrow('enough');
      stop.abort(new Error('enough'));
      await answer;
      await expect(a.ask(['slow'], 1, { signal: stop.signal })).rejects.toThrow('enough');
    });

    it('and its answer may be as large as the system carries, and are refused beyond', async () => {
      const place = await ground();
      const [a, b] = [(await place.node()).addresses, (await place.node()).addresses];
      const fits = 'x'.repeat(place.payload - 200);
      const tooLarge = 'x'.repeat(place.payload + 1);
      b.serve(['echo'], (data) => data);
      b.serve(['grow'], () => tooLarge);
      await known(a, ['echo']);
      await vi.waitFor(() => expect(a.ask(['grow'], 1)).rejects.toMatchObject({ code: 'tooLarge' }), 10_000);
      expect(await a.ask(['echo'], fits)).toBe(fits);
      await expect(a.ask(['echo'], tooLarge)).rejects.toMatchObject({ code: 'tooLarge' });
      expect(() => a.tell(['echo'], tooLarge)).toThrow(expect.objectContaining({ code: 'tooLarge' }));
    });

    it('that JSON cannot carry throws what the JSON context throws', async () => {
      const [a] = (await open(1)) as [Addresses];
      a.serve(['me'], () => 1);
      const loop: { self?: unknown } = {};
      loop.self = loop;
      expect(() => a.tell(['me'], loop)).toThrow(TypeError);
      await expect(a.ask(['me'], loop)).rejects.toThrow(TypeError);
    });
  });

  describe(`${name}: an address that is shared`, () => {
    it('brings each message to one alone, and over many to all', async () => {
      const [a, b, c] = (await open(3)) as [Addresses, Addresses, Addresses];
      const counts = [0, 0, 0];
      const heard = new Set<number>();
      for (const [index, at] of [a, b, c].entries())
        at.serve(
          ['work'],
          (data) => {
            if (typeof data !== 'number') return index;
            expect(heard.has(data)).toBe(false);
            heard.add(data);
            counts[index] = (counts[index] ?? 0) + 1;
            return index;
          },
          { shared: true },
        );
      // Until each of them can be the one for whoever asks.
      for (const from of [a, b, c]) {
        const seen = new Set<unknown>();
        await vi.waitFor(
          async () => {
            seen.add(await from.ask(['work'], 'are you there?'));
            expect(seen.size).toBe(3);
          },
          { timeout: 10_000, interval: 1 },
        );
      }
      for (let each = 0; each < 300; each += 2) {
        a.tell(['work'], each);
        await b.ask(['work'], each + 1);
      }
      await vi.waitFor(() => expect(heard.size).toBe(300), 10_000);
      for (const count of counts) expect(count).toBeGreaterThan(20);
    });

    it('is served by this node when no other does', async () => {
      const [a, b] = await two();
      const heard: unknown[] = [];
      a.serve(['work'], (data) => heard.push(data), { shared: true });
      for (let each = 0; each < 20; each++) {
        a.tell(['work'], each);
        await a.ask(['work'], 'question');
      }
      await vi.waitFor(() => expect(heard).toHaveLength(40), 10_000);
      await vi.waitFor(async () => expect(await b.ask(['work'], 1)).toBeGreaterThan(40), 10_000);
    });

    it('cannot be served otherwise by the same node', async () => {
      const [a] = (await open(1)) as [Addresses];
      a.serve(['work'], () => 1, { shared: true });
      expect(() => a.serve(['work'], () => 1)).toThrow(TypeError);
    });
  });

  it(`${name}: when the message system is away, addresses say so at once, and serve again when it is back`, async ({
    skip,
  }) => {
    const place = await ground();
    if (!place.away) return skip();
    const [a, b] = [(await place.node()).addresses, (await place.node()).addresses];
    b.serve(['room'], () => 'b');
    await known(a, ['room']);
    await place.away();
    await vi.waitFor(
      () => expect(a.ask(['room'], 1, { timeout: 200 })).rejects.toMatchObject({ code: 'down' }),
      10_000,
    );
    expect(a.tell(['room'], 1)).toBe(false);
    // What is served meanwhile counts, too.
    b.serve(['later'], () => 'later');
    await place.back?.();
    await vi.waitFor(async () => {
      expect(await a.ask(['room'], 1, { timeout: 500 })).toBe('b');
      expect(await a.ask(['later'], 1, { timeout: 500 })).toBe('later');
    }, 20_000);
  });
}

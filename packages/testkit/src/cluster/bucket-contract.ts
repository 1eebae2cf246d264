/** The suite all buckets pass: the guarantees of `Bucket`, one sentence each. Its own entry, because it is made of tests. */
import { type Bucket, type BucketEntry, BucketError, type Buckets, type Watcher } from '@cometd-ts/oort';
import { ExactJSONContext, JSONContext } from '@cometd-ts/protocol';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

/** Where the buckets of several nodes are the same; one for each test. */
export interface BucketGround {
  /** The buckets as one more node has them. */
  buckets(json: JSONContext): Promise<Buckets>;
  /** Cuts a node off, and resolves when it has noticed. */
  cutOff(buckets: Buckets): Promise<void>;
  /** Brings it back, and resolves when it can write again. */
  reconnect(buckets: Buckets): Promise<void>;
  /** All that was kept is lost, as when it was kept in memory, for nodes that go on. Absent where that cannot be had. */
  lose?(): Promise<void>;
  close(): Promise<void>;
}

/** A watcher that notes what it is told: `+ key value`, `- key`, `ready`, `restarted`. */
class Notes implements Watcher {
  readonly lines: string[] = [];
  readonly entries: BucketEntry[] = [];
  readonly values: Map<string, unknown> = new Map();
  /** What is told anew after a restart. */
  #anew: Map<string, unknown> | null = null;

  entry(entry: BucketEntry): void {
    const name = entry.key.join('/');
    this.entries.push(entry);
    const values = this.#anew ?? this.values;
    if (entry.value === undefined) {
      values.delete(name);
      if (entry.isPrefix) for (const other of values.keys()) if (other.startsWith(`${name}/`)) values.delete(other);
      this.lines.push(`- ${name}`);
    } else {
      values.set(name, entry.value);
      this.lines.push(`+ ${name} ${JSON.stringify(entry.value)}`);
    }
  }

  ready(): void {
    if (this.#anew) {
      this.values.clear();
      for (const [name, value] of this.#anew) this.values.set(name, value);
    }
    this.#anew = null;
    this.lines.push('ready');
  }

  restarted(): void {
    this.#anew = new Map();
    this.lines.push('restarted');
  }

  get isReady(): boolean {
    return this.lines.includes('ready');
  }
}

/** Waits until what is expected is so; up to 10 s, which only a failure takes. */
function eventually(expected: () => void): Promise<void> {
  return vi.waitFor(expected, { timeout: 10_000, interval: 5 });
}

function watch(bucket: Bucket, prefix?: readonly string[]): Notes {
  const notes = new Notes();
  const registration = bucket.watch(notes, prefix);
  expect(notes.lines, 'told inside the call').toEqual([]);
  onTestFinished(() => registration.remove());
  return notes;
}

/** @param name the kind of buckets; @param lay makes the ground for one test */
export function bucketContract(name: string, lay: () => Promise<BucketGround> | BucketGround): void {
  const prepare = async (): Promise<BucketGround> => {
    const ground = await lay();
    onTestFinished(() => ground.close());
    return ground;
  };
  const two = async (): Promise<[Bucket, Bucket, BucketGround, Buckets]> => {
    const ground = await prepare();
    const [one, other] = [await ground.buckets(new JSONContext()), await ground.buckets(new JSONContext())];
    return [await one.open('things'), await other.open('things'), ground, other];
  };

  describe(`buckets of the engine '${name}'`, () => {
    it('keep what one node writes for all of them, and nothing where nothing was written', async () => {
      const [a, b] = await two();
      expect(await b.get(['k'])).toBeNull();
      const revision = await a.put(['k'], { n: 1, deep: [null, 'ä'] });
      expect(revision).toBeGreaterThan(0);
      expect(await b.get(['k'])).toEqual({ key: ['k'], value: { n: 1, deep: [null, 'ä'] }, revision });
      expect(await b.put(['k'], 2)).toBeGreaterThan(revision);
      expect((await a.get(['k']))?.value).toBe(2);
      expect(await a.get(['k', 'k'])).toBeNull();
    });

    it('are apart by their names, whatever characters these have', async () => {
      const ground = await prepare();
      const buckets = await ground.buckets(new JSONContext());
      const names = ['a', 'A', 'a.b', 'a-b', 'a_b', 'a!b', 'a~b', 'a$b', 'a@b', 'a(b)'];
      for (const each of names) await (await buckets.open(each)).put(['k'], each);
      for (const each of names) expect((await (await buckets.open(each)).get(['k']))?.value).toBe(each);
    });

    it('take keys of any texts, and tell them as they were', async () => {
      const [a, b] = await two();
      const keys = [['.'], ['*'], ['>'], [' '], ['=2E'], ['a.b'], ['a', 'b'], ['ä€😀'], ['a@b!~()$', '\n/\\"'], ['a=']];
      const notes = watch(b);
      for (const key of keys) await a.put(key, key);
      await eventually(() => expect(notes.entries).toHaveLength(keys.length));
      expect(notes.entries.map(({ key }) => key)).toEqual(keys);
      for (const key of keys) expect(await b.get(key)).toMatchObject({ key, value: key });
    });

    it.each([
      ['is empty', []],
      ['has an empty text', ['a', '']],
    ])('take no key that %s', async (_title, key) => {
      const [a] = await two();
      await expect(a.put(key, 1)).rejects.toThrow(TypeError);
      await expect(a.get(key)).rejects.toThrow(TypeError);
      await expect(a.drop(key)).rejects.toThrow(TypeError);
    });

    it('take no value without a JSON form', async () => {
      const [a] = await two();
      for (const value of [undefined, () => 1, 1n]) await expect(a.put(['k'], value)).rejects.toThrow(TypeError);
      expect(await a.get(['k'])).toBeNull();
    });

    it('carry whole numbers of 64 bits with the JSON context that does', async () => {
      const ground = await prepare();
      const one = await (await ground.buckets(new ExactJSONContext())).open('things');
      const other = await (await ground.buckets(new ExactJSONContext())).open('things');
      await one.put(['k'], { n: 2n ** 63n - 1n });
      expect((await other.get(['k']))?.value).toEqual({ n: 2n ** 63n - 1n });
    });

    it('keep what a value was when it was written', async () => {
      const [a, b] = await two();
      const mine = { n: 1 };
      const put = a.put(['k'], mine);
      mine.n = 2;
      await put;
      expect((await b.get(['k']))?.value).toEqual({ n: 1 });
    });

    it('create where nothing is, and update what is as it was known: one of many wins', async () => {
      const [a, b] = await two();
      const created = await Promise.all([a.create(['k'], 'a'), b.create(['k'], 'b')]);
      expect(created.filter((revision) => revision === null)).toHaveLength(1);
      const revision = Math.max(...created.map((one) => one ?? 0));
      const updated = await Promise.all([a.update(['k'], 'a', revision), b.update(['k'], 'b', revision)]);
      expect(updated.filter((one) => one === null)).toHaveLength(1);
      expect(await a.update(['k'], 'late', revision)).toBeNull();
      expect(await a.update(['none'], 'x', revision)).toBeNull();
      expect(Math.max(...updated.map((one) => one ?? 0))).toBeGreaterThan(revision);
    });

    it('delete, all the same or only what is known, and create again where it was', async () => {
      const [a, b] = await two();
      const revision = await a.put(['k'], 1);
      expect(await b.delete(['k'], revision - 1)).toBe(false);
      expect(await b.delete(['k'], revision)).toBe(true);
      expect(await a.get(['k'])).toBeNull();
      expect(await a.update(['k'], 2, revision)).toBeNull();
      expect(await a.delete(['k'], revision)).toBe(false);
      expect(await a.create(['k'], 3)).toBeGreaterThan(revision);
      expect(await a.delete(['k'])).toBe(true);
      expect(await a.get(['k'])).toBeNull();
    });

    it('do what is called for one key in the order of the calls', async () => {
      const [a, b] = await two();
      const notes = watch(b);
      await eventually(() => expect(notes.isReady).toBe(true));
      const puts = Array.from({ length: 200 }, (_, n) => a.put(['k'], n));
      const gone = a.delete(['k']);
      const last = a.put(['k'], 'last');
      const revisions = await Promise.all([...puts, last]);
      await gone;
      expect(revisions).toEqual([...revisions].sort((x, y) => x - y));
      await eventually(() => expect(notes.values.get('k')).toBe('last'));
      const told = notes.entries.map((entry) => entry.revision);
      expect(told).toEqual([...told].sort((x, y) => x - y));
    });

    it('tell a watcher all that is there, then that it is ready, then all that is written, in order', async () => {
      const [a, b] = await two();
      await a.put(['one'], 1);
      await a.put(['two'], 2);
      await a.put(['gone'], 3);
      await a.delete(['gone']);
      await a.put(['one'], 11);
      const notes = watch(b);
      await eventually(() => expect(notes.isReady).toBe(true));
      expect(notes.lines.filter((line) => !line.startsWith('-'))).toEqual(['+ two 2', '+ one 11', 'ready']);
      notes.lines.length = 0;
      await a.put(['three'], 3);
      await a.delete(['two']);
      await b.put(['one'], 111);
      await eventually(() => expect(notes.lines).toEqual(['+ three 3', '- two', '+ one 111']));
    });

    it('are ready at once when nothing is there', async () => {
      const [a] = await two();
      const notes = watch(a);
      await eventually(() => expect(notes.lines).toEqual(['ready']));
    });

    it('tell who watches a prefix of nothing else, and nobody of anything when the watch has ended', async () => {
      const [a, b] = await two();
      const notes = watch(b, ['x.y']);
      const ended = new Notes();
      const registration = b.watch(ended);
      await eventually(() => expect([notes.isReady, ended.isReady]).toEqual([true, true]));
      registration.remove();
      registration.remove();
      for (const key of [['x'], ['x.yz'], ['x.y'], ['x', 'y'], ['x.y', 'z'], ['x.y', 'z', '1']]) await a.put(key, 1);
      await eventually(() => expect(notes.lines).toEqual(['ready', '+ x.y 1', '+ x.y/z 1', '+ x.y/z/1 1']));
      expect(ended.lines).toEqual(['ready']);
    });

    it('drop all of a prefix in one step, and tell it once', async () => {
      const [a, b] = await two();
      const notes = watch(b);
      for (const key of [['x'], ['x', '1'], ['x', '2'], ['x', '2', '3'], ['xy'], ['y', 'x']]) await a.put(key, 1);
      await eventually(() => expect(notes.values.size).toBe(6));
      await a.drop(['x']);
      await eventually(() => expect([...notes.values.keys()]).toEqual(['xy', 'y/x']));
      expect(notes.lines.filter((line) => line.startsWith('-'))).toEqual(['- x']);
      const late = watch(a);
      await eventually(() => expect(late.isReady).toBe(true));
      expect([...late.values.keys()]).toEqual(['xy', 'y/x']);
      expect(await a.get(['x', '1'])).toBeNull();
      expect(await a.create(['x'], 2)).not.toBeNull();
    });

    it('take large values, whole, and refuse those that are too large', async () => {
      const [a, b] = await two();
      const notes = watch(b);
      await eventually(() => expect(notes.isReady).toBe(true));
      const large = Array.from({ length: 60_000 }, (_, n) => `${n} ${'€'.repeat(20)}`);
      await Promise.all([a.put(['big'], large), a.put(['small'], 1), a.put(['big'], [...large, 'more'])]);
      await eventually(() => expect(notes.values.get('big')).toHaveLength(60_001));
      expect(notes.values.get('small')).toBe(1);
      expect(notes.values.get('big')).toEqual([...large, 'more']);
      expect((await b.get(['big']))?.value).toEqual([...large, 'more']);
      expect(notes.entries.every(({ key }) => key[0] === 'big' || key[0] === 'small')).toBe(true);
      const late = watch(a);
      await eventually(() => expect(late.isReady).toBe(true));
      expect(late.values.get('big')).toEqual([...large, 'more']);
      await a.put(['big'], 'little again');
      await eventually(() => expect(notes.values.get('big')).toBe('little again'));
      expect(await a.delete(['big'])).toBe(true);
      await eventually(() => expect(notes.values.has('big')).toBe(false));
      const huge = 'x'.repeat(17 * 1024 * 1024);
      await expect(a.put(['big'], huge)).rejects.toMatchObject({ name: 'BucketError', code: 'tooLarge' });
    });

    it('bound values by what a bucket was opened with', async () => {
      const ground = await prepare();
      const bucket = await (await ground.buckets(new JSONContext())).open('small', { maxBytes: 10 });
      await bucket.put(['k'], 'x'.repeat(8));
      await expect(bucket.put(['k'], 'x'.repeat(9))).rejects.toThrow(BucketError);
      await expect(bucket.create(['l'], '€€€')).rejects.toThrow(BucketError);
    });

    it('let values go that nobody writes again, and tell it, not before their time', { timeout: 30_000 }, async () => {
      const ground = await prepare();
      const [one, other] = [await ground.buckets(new JSONContext()), await ground.buckets(new JSONContext())];
      const a = await one.open('short', { ttl: 1_000 });
      const b = await other.open('short', { ttl: 1_000 });
      const notes = watch(b);
      await a.put(['gone'], 1);
      const kept = await a.put(['kept'], 0);
      const begun = performance.now();
      let revision: number | null = kept;
      const timer = setInterval(() => {
        const known = revision;
        if (known !== null) void a.update(['kept'], 1, known).then((next) => (revision = next));
      }, 300);
      onTestFinished(() => clearInterval(timer));
      await eventually(() => expect(notes.lines).toContain('- gone'));
      expect(performance.now() - begun).toBeGreaterThan(900);
      expect(await b.get(['gone'])).toBeNull();
      expect(notes.lines).not.toContain('- kept');
      clearInterval(timer);
      await eventually(() => expect(notes.lines).toContain('- kept'));
      expect(await b.create(['kept'], 2)).not.toBeNull();
    });

    it('are down for a node that is cut off, and told anew when it is back', { timeout: 60_000 }, async () => {
      const [a, b, ground, cut] = await two();
      await a.put(['before'], 1);
      await a.put(['meanwhile gone'], 1);
      const notes = watch(b);
      await eventually(() => expect(notes.isReady).toBe(true));
      await ground.cutOff(cut);
      for (const call of [b.put(['k'], 1), b.get(['k']), b.create(['k'], 1), b.delete(['k']), b.drop(['k'])])
        await expect(call).rejects.toMatchObject({ name: 'BucketError', code: 'down' });
      await expect(cut.open('others')).rejects.toMatchObject({ code: 'down' });
      await a.put(['meanwhile'], 2);
      await a.delete(['meanwhile gone']);
      await ground.reconnect(cut);
      const expected = new Map([
        ['before', 1],
        ['meanwhile', 2],
      ]);
      await vi.waitFor(() => expect(notes.values).toEqual(expected), { timeout: 30_000, interval: 20 });
      await b.put(['after'], 3);
      await eventually(() => expect(notes.values.get('after')).toBe(3));
      expect((await a.get(['after']))?.value).toBe(3);
    });

    it('tell of a restart when all that was kept was lost', { timeout: 60_000 }, async () => {
      const [a, b, ground] = await two();
      if (!ground.lose) return;
      await a.put(['k'], 1);
      const notes = watch(b);
      await eventually(() => expect(notes.values.size).toBe(1));
      await ground.lose();
      const late = { timeout: 30_000, interval: 20 };
      await vi.waitFor(() => expect(notes.lines.slice(-2)).toEqual(['restarted', 'ready']), late);
      expect(notes.values.size).toBe(0);
      await vi.waitFor(() => a.put(['l'], 2), late);
      await vi.waitFor(() => expect(notes.values).toEqual(new Map([['l', 2]])), late);
    });
  });
}

/** The flush: everybody once, in order, a part of them in each turn, and nobody forgotten. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Flusher, type Outlet } from '../../src/session/flusher.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A flusher, outlets that note their names when they are written, and what was noted. */
function stage(count: number, onWrite: (name: number) => void = () => undefined) {
  const flusher = new Flusher();
  const written: number[] = [];
  const outlets: Outlet[] = Array.from({ length: count }, (_, name) => ({
    dirty: false,
    write() {
      written.push(name);
      onWrite(name);
    },
  }));
  return {
    flusher,
    written,
    outlets,
    add: (...names: number[]) => names.map((name) => flusher.add(outlets[name] as Outlet)),
  };
}
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

describe('a flush', () => {
  it('writes each outlet once, in the order in which they have become dirty, when the turn is over', async () => {
    const { written, add } = stage(3);
    add(2, 0, 2, 1, 0);
    expect(written).toEqual([]);
    await turn();
    expect(written).toEqual([2, 0, 1]);
    await turn();
    expect(written).toEqual([2, 0, 1]);
  });

  it('of many takes several turns, and others have theirs between them', async () => {
    const { written, add } = stage(300);
    add(...upTo(300));
    const seen: number[] = [];
    while (written.length < 300) {
      await turn();
      seen.push(written.length);
    }
    expect(seen).toEqual([128, 256, 300]);
    expect(written).toEqual(upTo(300));
  });

  it('leaves to the next what becomes dirty meanwhile, also an outlet that it has written', async () => {
    const { written, add } = stage(202, (name) => {
      if (name === 0 && written.length === 1) add(0, 201);
    });
    add(...upTo(201));
    while (written.length < 203) await turn();
    expect(written).toEqual([...upTo(201), 0, 201]);
  });

  it('takes with it what an outlet gets before its turn', async () => {
    const { written, add } = stage(200);
    add(...upTo(200));
    await turn();
    // Still to be written: it takes what there is by then.
    add(199);
    for (let turns = 0; turns < 3; turns++) await turn();
    expect(written).toEqual(upTo(200));
  });

  it('goes on when an outlet throws', async () => {
    const failures: unknown[] = [];
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const note = (error: unknown) => void failures.push(error);
    process.on('uncaughtException', note);
    onTestFinished(() => {
      process.off('uncaughtException', note);
      for (const one of others) process.on('uncaughtException', one);
    });
    const { written, add } = stage(3, (name) => {
      if (name === 1) throw new Error('broken');
    });
    add(0, 1, 2);
    while (written.length < 3) await turn();
    expect(written).toEqual([0, 1, 2]);
    expect(failures).toHaveLength(1);
    add(2);
    await turn();
    expect(written).toEqual([0, 1, 2, 2]);
  });

  it('can be had at once, also in the midst of one', async () => {
    const { flusher, written, add } = stage(200, (name) => {
      if (name === 10) flusher.flush();
    });
    add(...upTo(199));
    await turn();
    expect(written).toEqual(upTo(199));
    add(199);
    flusher.flush();
    expect(written).toEqual(upTo(200));
    await turn();
    expect(written).toEqual(upTo(200));
  });

  it('tells when all of it is written', async () => {
    const told: number[] = [];
    const { flusher, written, add } = stage(201, (name) => {
      if (name === 3) flusher.afterwards(() => void told.push(written.length));
      if (name === 5) add(200);
    });
    add(...upTo(200));
    while (written.length < 201) await turn();
    expect(told).toEqual([200]);
  });

  it('comes back in the next turn to an outlet that has more, before the others', async () => {
    let left = 3;
    const { flusher, written, add } = stage(3, (name) => {
      if (name === 1 && --left > 0) flusher.again();
    });
    add(0, 1, 2);
    const seen: string[] = [];
    for (let turns = 0; turns < 4; turns++) {
      await turn();
      seen.push(written.join(''));
    }
    expect(seen).toEqual(['01', '011', '01112', '01112']);
  });

  it('that is had at once does not leave an outlet that has more for later', () => {
    let left = 3;
    const { flusher, written, add } = stage(3, (name) => {
      if (name === 1 && --left > 0) flusher.again();
    });
    add(0, 1, 2);
    flusher.flush();
    expect(written).toEqual([0, 1, 1, 1, 2]);
  });

  it('holds on to no outlet that it has written', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const flusher = new Flusher();
    let written = 0;
    const make = (): Outlet => ({ dirty: false, write: () => void written++ });
    const first = new WeakRef(make());
    flusher.add(first.deref() as Outlet);
    for (let count = 0; count < 200; count++) flusher.add(make());
    await turn();
    // In the midst of the flush.
    expect(written).toBe(128);
    collect();
    expect(first.deref()).toBeUndefined();
  });
});

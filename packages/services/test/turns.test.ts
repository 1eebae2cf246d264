import { describe, expect, it } from 'vitest';
import { Turns } from '../src/turns.ts';
import { Gate } from './people.ts';

function begin(options: ConstructorParameters<typeof Turns>[0] = {}) {
  const story: string[] = [];
  const failures: unknown[] = [];
  const turns = new Turns(options, (error) => failures.push(error));
  const gates = new Map<string, Gate>();
  const slow = (name: string) => async (): Promise<void> => {
    const gate = new Gate();
    gates.set(name, gate);
    story.push(name);
    await gate.opened;
    story.push(`-${name}`);
  };
  /** Lets a call end, and all that follows of itself. */
  const end = async (name: string): Promise<void> => {
    gates.get(name)?.open();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { story, failures, turns, slow, end };
}

describe('turns', () => {
  it('answer at once what a synchronous call answers, and throw what it throws', () => {
    const { turns } = begin();
    expect(turns.run('a', () => 1)).toBe(1);
    expect(() =>
      turns.run('a', () => {
        throw new Error('now');
      }),
    ).toThrow('now');
  });

  it('make the calls of one session one after another, synchronous ones included', async () => {
    const { story, turns, slow, end } = begin();
    turns.run('a', slow('1'));
    turns.run('a', slow('2'));
    turns.run('a', () => story.push('3'));
    expect(story).toEqual(['1']);
    await end('1');
    expect(story).toEqual(['1', '-1', '2']);
    await end('2');
    expect(story).toEqual(['1', '-1', '2', '-2', '3']);
    expect(turns.run('a', () => 4)).toBe(4);
  });

  it('let no session wait for another', async () => {
    const { story, turns, slow } = begin();
    turns.run('a', slow('a'));
    turns.run('b', slow('b'));
    turns.run('c', () => story.push('c'));
    expect(story).toEqual(['a', 'b', 'c']);
  });

  it('let as many calls of a session run as `concurrency` says, begun in order', async () => {
    const { story, turns, slow, end } = begin({ concurrency: 2 });
    for (const name of ['1', '2', '3', '4']) turns.run('a', slow(name));
    expect(story).toEqual(['1', '2']);
    await end('2');
    expect(story).toEqual(['1', '2', '-2', '3']);
    await end('3');
    expect(story).toEqual(['1', '2', '-2', '3', '-3', '4']);
  });

  it('say who is late', async () => {
    const { turns, slow, end } = begin();
    const late: boolean[] = [];
    turns.run('a', (isLate) => late.push(isLate));
    turns.run('a', slow('1'));
    turns.run('a', (isLate) => late.push(isLate));
    await end('1');
    expect(late).toEqual([false, true]);
  });

  it.each([
    [2, undefined],
    [3, expect.any(Promise)],
  ])('of %i calls that wait, where 2 may, answer the last with %s', (count, answer) => {
    const { turns, slow } = begin({ maxWaiting: 2 });
    turns.run('a', slow('0'));
    const answers = Array.from({ length: count }, (_, n) => turns.run('a', slow(`${n + 1}`)));
    expect(answers.at(-1)).toEqual(answer);
    expect(turns.isFull('a')).toBe(true);
    expect(turns.isFull('b')).toBe(false);
  });

  it('keep the promise to one too many when its turn comes', async () => {
    const { story, turns, slow, end } = begin({ maxWaiting: 0 });
    turns.run('a', slow('1'));
    const begun = Promise.resolve(turns.run('a', slow('2'))).then(() => story.push('begun'));
    await end('1');
    await begun;
    expect(story).toEqual(['1', '-1', '2', 'begun']);
  });

  it('report what late and asynchronous calls throw, and go on', async () => {
    const { story, failures, turns, end, slow } = begin();
    turns.run('a', () => Promise.reject(new Error('async')));
    turns.run('a', () => {
      throw new Error('late');
    });
    turns.run('a', slow('3'));
    await end('none');
    expect(failures.map(String)).toEqual(['Error: async', 'Error: late']);
    expect(story).toEqual(['3']);
  });

  it.each([{ concurrency: 0 }, { concurrency: 1.5 }, { concurrency: Number.NaN }, { maxWaiting: -1 }])(
    'refuse %o',
    (options) => {
      expect(() => begin(options)).toThrow(RangeError);
    },
  );

  it('take no end of concurrency for one', () => {
    const { story, turns, slow } = begin({ concurrency: Number.POSITIVE_INFINITY });
    for (let n = 0; n < 100; n++) turns.run('a', slow(`${n}`));
    expect(story).toHaveLength(100);
  });
});

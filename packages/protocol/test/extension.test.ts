/** The order in which extensions see messages. */
import { describe, expect, it } from 'vitest';
import { ExtensionPipe } from '../src/index.ts';

function pipeOf(...names: string[]): ExtensionPipe<string> {
  const pipe = new ExtensionPipe<string>();
  for (const name of names) pipe.add(name);
  return pipe;
}

describe('ExtensionPipe', () => {
  it('visits in order on the way in and in reverse on the way out', () => {
    const seen: string[] = [];
    const visit = (name: string): boolean => seen.push(name) > 0;
    expect(pipeOf('a', 'b', 'c').incoming(visit)).toBe(true);
    expect(pipeOf('a', 'b', 'c').outgoing(visit)).toBe(true);
    expect(seen).toEqual(['a', 'b', 'c', 'c', 'b', 'a']);
  });

  it('stops at the first extension that answers false, also when it answers later', async () => {
    for (const no of [false, Promise.resolve(false)]) {
      const seen: string[] = [];
      const visit = (name: string) => {
        seen.push(name);
        return name === 'b' ? no : true;
      };
      expect(await pipeOf('a', 'b', 'c').incoming(visit)).toBe(false);
      expect(await pipeOf('a', 'b', 'c').outgoing(visit)).toBe(false);
      expect(seen).toEqual(['a', 'b', 'c', 'b']);
    }
  });

  it('finishes a visit with the extensions there were when it began', () => {
    const pipe = pipeOf('a', 'b');
    const seen: string[] = [];
    pipe.incoming((name) => {
      seen.push(name);
      pipe.remove('b');
      pipe.add('c');
      return true;
    });
    expect(seen).toEqual(['a', 'b']);
    expect(pipe.list).toEqual(['a', 'c', 'c']);
  });

  it('removes one extension at a time and tells whether it was there', () => {
    const pipe = pipeOf('a', 'b', 'a');
    expect(pipe.remove('a')).toBe(true);
    expect(pipe.list).toEqual(['b', 'a']);
    expect(pipe.remove('x')).toBe(false);
    expect(pipe.size).toBe(2);
  });
});

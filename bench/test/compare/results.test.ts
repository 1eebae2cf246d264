import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepResults, merge, readResults, replaced } from '../../src/compare/results.ts';
import { partOf, resultsOf, runOf } from './runs.ts';

describe('results', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bench-results-'));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('of the same commit are further rounds', () => {
    const old = resultsOf([runOf({ cost: 1 }), runOf({ cost: 2, round: 2 })]);
    const joined = merge(old, resultsOf([runOf({ cost: 3 })]));
    expect(joined.runs.map(({ round, cost }) => [round, cost])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(joined.parts.map(({ rounds }) => rounds)).toEqual([
      [1, 2],
      [3, 3],
    ]);
  });

  it('of another commit take the place of the scenarios that were measured again', () => {
    const old = resultsOf([runOf({ cost: 1 }), runOf({ cost: 2, scenario: 'reply' })], {
      failures: [{ scenario: 'fan-out', server: 'faye', round: 1, reason: 'ended' }],
    });
    const joined = merge(old, resultsOf([runOf({ cost: 3 })], { parts: [partOf('def', [1, 1])] }));
    expect(joined.runs.map(({ scenario, round, cost }) => [scenario, round, cost])).toEqual([
      ['reply', 1, 2],
      ['fan-out', 2, 3],
    ]);
    expect(joined.failures).toEqual([]);
    expect(joined.parts.map(({ surroundings }) => surroundings.commit)).toEqual(['abc', 'def']);
  });

  it('tell which of the old ones go', () => {
    const old = resultsOf([runOf({}), runOf({ scenario: 'reply' })]);
    const [{ surroundings }] = old.parts as [(typeof old.parts)[number]];
    expect(replaced(old, surroundings, ['fan-out', 'reply'])).toEqual([]);
    expect(replaced(old, { ...surroundings, changed: !surroundings.changed }, ['fan-out', 'idle'])).toEqual([
      'fan-out',
    ]);
    expect(replaced(old, { ...surroundings, commit: 'def' }, ['reply'])).toEqual(['reply']);
  });

  it('forget a part of which nothing is left, and who was absent and came', () => {
    const old = resultsOf([runOf({})], { absent: { java: 'there is no JDK' } });
    const added = resultsOf([runOf({ server: 'java' })], { parts: [partOf('def', [1, 1])] });
    const joined = merge(old, added);
    expect(joined.parts).toEqual([{ ...added.parts[0], rounds: [2, 2] }]);
    expect(joined.absent).toEqual({});
  });

  it('are read as they were kept, with a page of each kind beside', () => {
    const file = join(folder, 'some.json');
    const results = resultsOf([runOf({}), runOf({ server: 'faye' })], { absent: { c: 'there is no compiler' } });
    keepResults(file, results, { md: '# Page', 'cpu.svg': '<svg/>' });
    expect(readResults(file)).toEqual(results);
    expect(readdirSync(folder).sort()).toEqual(['some.cpu.svg', 'some.json', 'some.md']);
  });

  it('are not read from what is something else', () => {
    const file = join(folder, 'other.json');
    writeFileSync(file, '{"surroundings":{},"runs":[]}');
    expect(() => readResults(file)).toThrow(RangeError);
    expect(() => readResults(join(folder, 'other.md'))).toThrow(/takes a .json file/);
    expect(() => readResults(join(folder, 'none.json'))).toThrow(/--into takes the .json file of an earlier run/);
  });
});

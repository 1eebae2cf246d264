import { describe, expect, it } from 'vitest';
import { figuresOf, ratioOf, ratiosOf } from '../../src/compare/ratios.ts';
import { runOf } from './runs.ts';

const ours = { scenario: 'fan-out', server: 'ours' } as const;
const faye = { scenario: 'fan-out', server: 'faye' } as const;

describe('ratios', () => {
  it('are of the same round, and rounds that only one took part in have none', () => {
    const runs = [
      runOf({ round: 1, cost: 10 }),
      runOf({ round: 1, cost: 20, server: 'faye' }),
      runOf({ round: 2, cost: 30 }),
      runOf({ round: 2, cost: 20, server: 'faye' }),
      runOf({ round: 3, cost: 5 }),
      runOf({ round: 4, cost: 5, server: 'faye' }),
    ];
    expect(ratiosOf(runs, ours, faye, 'cost')).toEqual([0.5, 1.5]);
    expect(ratioOf(runs, ours, faye, 'cost')).toEqual({ median: 1, least: 0.5, most: 1.5, rounds: 2 });
  });

  it('leave out rounds that others disturbed, unless there are no better ones', () => {
    const disturbed = [
      runOf({ round: 1, cost: 90, clean: false }),
      runOf({ round: 1, cost: 30, server: 'faye' }),
    ] as const;
    const quiet = [runOf({ round: 2, cost: 10 }), runOf({ round: 2, cost: 20, server: 'faye' })] as const;
    expect(ratiosOf([...disturbed, ...quiet], ours, faye, 'cost')).toEqual([0.5]);
    expect(ratiosOf(disturbed, ours, faye, 'cost')).toEqual([3]);
    expect(figuresOf([...disturbed, ...quiet], ours, 'cost')).toEqual([10]);
  });

  it('can be of one server in two scenarios, and of latencies and rates', () => {
    const latency = runOf({}).latency!;
    const many = runOf({ scenario: 'channels-100000', latency: { ...latency, p50: 9_000 }, rate: 50_000 });
    const runs = [many, runOf({ scenario: 'channels-1' })];
    const [one, other] = [
      { ...ours, scenario: 'channels-100000' },
      { ...ours, scenario: 'channels-1' },
    ] as const;
    expect(ratiosOf(runs, one, other, 'p50')).toEqual([1.5]);
    expect(ratiosOf(runs, one, other, 'rate')).toEqual([0.5]);
    expect(ratiosOf(runs, one, other, 'arrival')).toEqual([]);
  });
});

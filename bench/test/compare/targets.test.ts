import { describe, expect, it } from 'vitest';
import { outcomesOf, pageOf } from '../../src/compare/report.ts';
import { javaTargets, outcomeOf, targets, verdictOf } from '../../src/compare/targets.ts';
import { findScenario } from '../../src/scenarios.ts';
import { resultsOf, runOf } from './runs.ts';

const target = targets.find(({ other }) => other?.server === 'socket.io')!;
const rising = targets.find(({ isRising }) => isRising)!;

describe('the targets', () => {
  it('name scenarios that exist, and servers that take part in them', () => {
    for (const { one, other } of [...targets, ...javaTargets]) {
      for (const place of [one, ...(other ? [other] : [])])
        expect(findScenario(place.scenario).servers).toContain(place.server);
    }
  });

  it('are met at the bound, not above it, and where more is better the other way round', () => {
    expect([0.58, 0.581, 0.65, 0.651].map((figure) => verdictOf(target, figure))).toEqual([
      'aim reached',
      'met',
      'met',
      'MISSED',
    ]);
    expect([1.09, 1.1, 1.5].map((figure) => verdictOf(rising, figure))).toEqual(['MISSED', 'met', 'aim reached']);
    expect(verdictOf(target, undefined)).toBe('not measured');
  });

  it('are judged by the median', () => {
    const runs = [0.5, 0.64, 0.9].flatMap((cost, index) => [
      runOf({ round: index + 1, cost }),
      runOf({ round: index + 1, cost: 1, server: 'socket.io' }),
    ]);
    expect(outcomeOf(target, runs)).toMatchObject({ spread: { median: 0.64, least: 0.5, most: 0.9 }, verdict: 'met' });
  });

  it('hold a figure of ours alone where there is no other', () => {
    const memory = targets.find(({ unit }) => unit === 'kB')!;
    expect(outcomeOf(memory, [runOf({ scenario: 'memory', cost: 7.7 })]).verdict).toBe('aim reached');
  });

  it('against Java are as good as the worst of them', () => {
    const runs = [
      runOf({ cost: 6 }),
      runOf({ cost: 10, server: 'java' }),
      runOf({ scenario: 'reply', cost: 19 }),
      runOf({ scenario: 'reply', cost: 20, server: 'java-small' }),
    ];
    const cpu = outcomesOf(resultsOf(runs)).find(({ what }) => what.includes('Java, CPU'));
    expect(cpu).toMatchObject({ verdict: 'MISSED', spread: { median: 0.95 } });
    expect(cpu?.what).toContain('the worst of 2, of which 1 are met (reply, CPU, vs java-small)');
  });

  it('have a row each, whether they were measured or not', () => {
    const lines = pageOf(resultsOf([runOf({})])).split('\n');
    const rows = lines.slice(lines.indexOf('## Targets')).filter((line) => line.includes('not measured'));
    // Two rows stand for all that are against Java; only our own figures need nobody else.
    expect(rows).toHaveLength(targets.length + 2);
  });
});

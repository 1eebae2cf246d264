/** Runs and results for tests that have none of their own. */
import type { Part, Results } from '../../src/compare/results.ts';
import type { Run } from '../../src/compare/run.ts';

/** A clean run of ours in `fan-out`, in round 1, but for what is given. */
export function runOf(given: Partial<Run>): Run {
  return {
    scenario: 'fan-out',
    server: 'ours',
    round: 1,
    cost: 10,
    rate: 100_000,
    latency: { p50: 6_000, p90: 9_000, p99: 12_000, max: 15_000, at: [6_000, 7_000, 9_000, 10_000, 12_000, 14_000] },
    serverBusy: 0.9,
    loadBusy: 0.8,
    foreign: 0,
    clean: true,
    saturated: false,
    ...given,
  };
}

export function partOf(commit: string, rounds: Part['rounds']): Part {
  const surroundings = {
    date: '2026-11-30T12:50:00.000Z',
    commit,
    changed: false,
    node: 'v20.19.0',
    cpu: 'CPU',
    cpus: 2,
    memory: 25,
    system: 'Linux 6',
    pinned: true,
    versions: { faye: '1.4.3' },
    rounds: rounds[1],
    seconds: 1.2,
  };
  return { surroundings, rounds };
}

export function resultsOf(runs: readonly Run[], given: Partial<Results> = {}): Results {
  const last = Math.max(1, ...runs.map(({ round }) => round));
  return { parts: [partOf('abc', [1, last])], runs, failures: [], absent: {}, ...given };
}

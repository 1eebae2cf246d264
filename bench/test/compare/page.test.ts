import { describe, expect, it } from 'vitest';
import { htmlOf } from '../../src/compare/page.ts';
import { plotsOf } from '../../src/compare/plots.ts';
import { pageOf } from '../../src/compare/report.ts';
import { scenarios } from '../../src/scenarios.ts';
import { resultsOf, runOf } from './runs.ts';

/** Everybody in every scenario, twice. */
const everything = resultsOf(
  scenarios.flatMap(({ name: scenario, kind, servers }) =>
    servers.flatMap((server, index) =>
      [1, 2].map((round) =>
        runOf({ scenario, server, round, cost: 1 + index + round / 10, ...(kind === 'idle' && { arrival: 100 }) }),
      ),
    ),
  ),
);

describe('the page of a comparison', () => {
  it('has all plots of a whole run, with no place that is not a number', () => {
    const plots = plotsOf(everything);
    expect(plots.map(({ name }) => name)).toEqual([
      'targets',
      'java',
      'cpu',
      'variants',
      'subscribers',
      'channels',
      'depth',
      'latency',
      'memory',
      'arrivals',
      'cores',
    ]);
    for (const { svg } of plots) expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('has no plot that would be empty', () => {
    expect(plotsOf(resultsOf([runOf({ scenario: 'subscribers-100' })]))).toEqual([]);
  });

  it('loads nothing and runs nothing', () => {
    const html = htmlOf(everything, plotsOf(everything));
    expect(html.match(/<svg/g)).toHaveLength(11);
    expect(html).not.toMatch(/<script|<link|<img|url\(|@import/);
  });

  it('says when the load was saturated, and what failed', () => {
    const runs = [runOf({}), runOf({ server: 'uws', saturated: true, loadBusy: 0.98 })];
    const page = pageOf(
      resultsOf(runs, {
        failures: [{ scenario: 'reply', server: 'faye', round: 1, reason: 'The traffic stalled\n    at there' }],
        absent: { java: 'there is no JDK' },
      }),
    );
    expect(page).toContain('98 % SATURATED');
    expect(page).toContain('- fan-out, uws, round 1: the load was saturated');
    expect(page).toMatch(/vs uWebSockets publish .* SATURATED by uws/);
    expect(page).toContain('- reply, faye, round 1: FAILED, The traffic stalled\n');
    expect(page).toContain('- java did not take part: there is no JDK.');
  });
});

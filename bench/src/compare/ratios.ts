/** Ratios of two runs of the same round: what survives a machine whose speed drifts. */
import type { ServerName } from '../scenarios.ts';
import { medianOf } from '../table.ts';
import type { Run } from './run.ts';

/** What of a run is compared. */
export type Measure = 'cost' | 'p50' | 'p99' | 'rate' | 'arrival';

/** `undefined` when the run has no such figure. */
export function figureOf(run: Run, measure: Measure): number | undefined {
  switch (measure) {
    case 'p50':
    case 'p99':
      return run.latency?.[measure];
    default:
      return run[measure];
  }
}

/** A server in a scenario. */
export interface Place {
  readonly scenario: string;
  readonly server: ServerName;
}

/** Figures of several rounds. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly rounds: number;
}

/** `undefined` when there are none. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  return {
    median: medianOf(values),
    least: Math.min(...values),
    most: Math.max(...values),
    rounds: values.length,
  };
}

/** The figures of one server in one scenario. */
export function figuresOf(runs: readonly Run[], { scenario, server }: Place, measure: Measure): number[] {
  return undisturbed(
    runs.flatMap((run) => {
      const figure = run.scenario === scenario && run.server === server ? figureOf(run, measure) : undefined;
      return figure === undefined ? [] : [{ figure, clean: run.clean }];
    }),
  ).map(({ figure }) => figure);
}

/** One place divided by another, in every round that both took part in. */
export function ratiosOf(runs: readonly Run[], one: Place, other: Place, measure: Measure): number[] {
  const others = new Map(runs.filter((run) => isAt(run, other)).map((run) => [run.round, run]));
  return undisturbed(
    runs.flatMap((run) => {
      const rest = isAt(run, one) ? others.get(run.round) : undefined;
      const [figure, by] = [figureOf(run, measure), rest && figureOf(rest, measure)];
      if (!rest || !figure || !by) return [];
      return [{ figure: figure / by, clean: run.clean && rest.clean }];
    }),
  ).map(({ figure }) => figure);
}

function isAt(run: Run, { scenario, server }: Place): boolean {
  return run.scenario === scenario && run.server === server;
}

/** What others disturbed counts only where there is nothing better. */
export function undisturbed<One extends { readonly clean: boolean }>(all: readonly One[]): readonly One[] {
  const clean = all.filter((one) => one.clean);
  return clean.length > 0 ? clean : all;
}

export function ratioOf(runs: readonly Run[], one: Place, other: Place, measure: Measure): Spread | undefined {
  return spreadOf(ratiosOf(runs, one, other, measure));
}

/** Those of these places in which the load was busier than it should be, so that it may have been what was measured. */
export function saturatedIn(runs: readonly Run[], places: readonly Place[]): ServerName[] {
  const found = places.filter((place) => runs.some((run) => run.saturated && isAt(run, place)));
  return [...new Set(found.map(({ server }) => server))];
}

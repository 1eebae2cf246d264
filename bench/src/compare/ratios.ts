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
  return runs.flatMap((run) => {
    const figure = run.scenario === scenario && run.server === server ? figureOf(run, measure) : undefined;
    return figure === undefined ? [] : [figure];
  });
}

/** One place divided by another, in every round that both took part in. */
export function ratiosOf(runs: readonly Run[], one: Place, other: Place, measure: Measure): number[] {
  const at = ({ scenario, server }: Place): Map<number, number> =>
    new Map(
      runs.flatMap((run) => {
        const figure = run.scenario === scenario && run.server === server ? figureOf(run, measure) : undefined;
        return figure === undefined || figure <= 0 ? [] : [[run.round, figure] as const];
      }),
    );
  const others = at(other);
  return [...at(one)].flatMap(([round, figure]) => {
    const rest = others.get(round);
    return rest === undefined ? [] : [figure / rest];
  });
}

export function ratioOf(runs: readonly Run[], one: Place, other: Place, measure: Measure): Spread | undefined {
  return spreadOf(ratiosOf(runs, one, other, measure));
}

/** From values to places on paper: linear or logarithmic, with marks where people expect them. */

export interface Axis {
  readonly label: string;
  readonly isLogarithmic?: boolean;
  /** Where there is a mark, and what it says. Default chosen by the values. */
  readonly marks?: readonly (readonly [number, string])[];
}

export interface Scale {
  at(value: number): number;
  readonly marks: readonly (readonly [place: number, text: string])[];
}

/** A scale that has room for all the values, between two places. */
export function scaleOf(axis: Axis, values: readonly number[], from: number, to: number): Scale {
  const { isLogarithmic = false } = axis;
  const [low, high, marks] = isLogarithmic ? logarithmic(axis, values) : linear(axis, values);
  const of = (value: number): number => (isLogarithmic ? Math.log10(Math.max(value, low)) : value);
  const span = of(high) - of(low) || 1;
  const at = (value: number): number => rounded(from + ((of(value) - of(low)) / span) * (to - from));
  return { at, marks: marks.map(([value, text]) => [at(value), text] as const) };
}

type Marks = readonly (readonly [number, string])[];
type Bounds = readonly [low: number, high: number, marks: Marks];

/** From nothing up to a round number. */
function linear({ marks }: Axis, values: readonly number[]): Bounds {
  const most = Math.max(1e-9, ...values, ...(marks ?? []).map(([value]) => value));
  if (marks) return [0, most, marks];
  const power = 10 ** Math.floor(Math.log10(most));
  const step = ([0.2, 0.25, 0.5, 1, 2].find((one) => one * power * 5 >= most) ?? 2) * power;
  const count = Math.ceil(most / step - 1e-9);
  return [0, count * step, Array.from({ length: count + 1 }, (_, index) => [index * step, short(index * step)])];
}

/** As far as the values go, with marks at 1, 2 and 5 of each power of ten, or at powers where there are many. */
function logarithmic({ marks }: Axis, values: readonly number[]): Bounds {
  const positive = [...values, ...(marks ?? []).map(([value]) => value)].filter((value) => value > 0);
  if (positive.length === 0) return [1, 10, [[1, '1']]];
  const [least, most] = [Math.min(...positive), Math.max(...positive)];
  if (marks) return [least, most, marks];
  const steps = most / least > 200 ? [1] : [1, 2, 5];
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.ceil(Math.log10(most)); power++) {
    for (const step of steps) all.push(step * 10 ** power);
  }
  const first = all.findLast((value) => value <= least * 1.0001) ?? least;
  const last = all.find((value) => value >= most * 0.9999) ?? most;
  const shown = all.filter((value) => value >= first && value <= last);
  return [first, last === first ? first * 10 : last, shown.map((value) => [value, short(value)])];
}

/** As people write numbers on axes. */
export function short(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 1 ? 3 : value < 10 ? 2 : 0 });
}

/** One digit after the point is enough on paper. */
export function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Plots as SVG text: lines over axes, which may be logarithmic. */

export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

export interface Axis {
  readonly label: string;
  readonly isLogarithmic?: boolean;
  /** Where there is a line, and what it says. Default chosen by the values. */
  readonly ticks?: readonly (readonly [number, string])[];
}

export interface PlotOptions {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly curves: readonly Curve[];
}

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [860, 340, 78, 34, 40, 52];
/** Told apart without colours, too, by their dashes. */
const STYLES = [
  'stroke="#0b6bcb"',
  'stroke="#c2410c" stroke-dasharray="7 3"',
  'stroke="#15803d" stroke-dasharray="2 3"',
  'stroke="#7e22ce" stroke-dasharray="9 3 2 3"',
] as const;

export function plot({ title, x, y, curves }: PlotOptions): string {
  const points = curves.flatMap((curve) => curve.points);
  const across = scaleOf(
    x,
    points.map(([one]) => one),
    LEFT,
    WIDTH - RIGHT,
  );
  const up = scaleOf(
    y,
    points.map(([, one]) => one),
    HEIGHT - BOTTOM,
    TOP,
  );
  const parts = [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">`,
    `<text x="${LEFT}" y="20" class="title">${escaped(title)}</text>`,
    ...up.ticks.map(
      ([at, text]) =>
        `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/>` +
        `<text class="tick" x="${LEFT - 8}" y="${at + 4}" text-anchor="end">${text}</text>`,
    ),
    ...across.ticks.map(
      ([at, text]) =>
        `<line class="grid" x1="${at}" x2="${at}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>` +
        `<text class="tick" x="${at}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${text}</text>`,
    ),
    `<text class="label" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${escaped(x.label)}</text>`,
    `<text class="label" transform="translate(16 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${escaped(y.label)}</text>`,
    ...curves.map(({ points: line }, index) => {
      const path = line.map(([one, other]) => `${fixed(across.at(one))},${fixed(up.at(other))}`).join(' ');
      return `<polyline fill="none" stroke-width="2" ${STYLES[index % STYLES.length]} points="${path}"/>`;
    }),
    ...curves.map(({ name }, index) => {
      const left = WIDTH - RIGHT - (curves.length - index) * 130;
      return (
        `<line x1="${left}" x2="${left + 26}" y1="16" y2="16" stroke-width="2" ${STYLES[index % STYLES.length]}/>` +
        `<text class="tick" x="${left + 32}" y="20">${escaped(name)}</text>`
      );
    }),
    '</svg>',
  ];
  return parts.join('\n');
}

interface Scale {
  at(value: number): number;
  readonly ticks: readonly (readonly [number, string])[];
}

function scaleOf({ isLogarithmic = false, ticks }: Axis, values: readonly number[], from: number, to: number): Scale {
  const positive = values.filter((value) => value > 0);
  const marks = ticks?.map(([value]) => value) ?? [];
  const most = Math.max(...values, ...marks, 1e-9);
  const least = isLogarithmic ? Math.min(...positive, ...marks, most) : 0;
  const [low, high] =
    isLogarithmic && !ticks ? [powerBelow(least), powerAbove(most)] : [least, ticks ? most : niceTop(most)];
  const of = (value: number): number => (isLogarithmic ? Math.log10(Math.max(value, low)) : value);
  const span = of(high) - of(low) || 1;
  const at = (value: number): number => from + ((of(value) - of(low)) / span) * (to - from);
  const chosen = ticks ?? (isLogarithmic ? powers(low, high) : steps(high));
  return { at, ticks: chosen.map(([value, text]) => [fixed(at(value)), text] as const) };
}

function powerBelow(value: number): number {
  return 10 ** Math.floor(Math.log10(value));
}

function powerAbove(value: number): number {
  return 10 ** Math.ceil(Math.log10(value) - 1e-9);
}

function powers(low: number, high: number): (readonly [number, string])[] {
  const ticks: (readonly [number, string])[] = [];
  for (let value = low; value <= high * 1.001; value *= 10) ticks.push([value, short(value)]);
  return ticks;
}

function niceTop(most: number): number {
  const power = powerBelow(most);
  return ([1, 2, 2.5, 5, 10].find((one) => one * power >= most) ?? 10) * power;
}

function steps(high: number): (readonly [number, string])[] {
  return Array.from({ length: 6 }, (_, index) => [(high * index) / 5, short((high * index) / 5)] as const);
}

function short(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 2 : 0 });
}

function fixed(value: number): number {
  return Math.round(value * 10) / 10;
}

export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
}

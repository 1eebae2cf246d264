/** Curves over two axes, each named where it ends; a stroke through a point is its range. */
import { line, paper, text, WIDTH } from './paper.ts';
import { type Axis, rounded, scaleOf } from './scale.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
  /** Default `y`. */
  readonly least?: number;
  readonly most?: number;
}

export interface Curve {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly Point[];
}

export interface LinesOptions {
  readonly title: string;
  readonly note: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly curves: readonly Curve[];
}

const HEIGHT = 400;
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 150, 78, 48] as const;
/** Between two names, so that both can be read. */
const APART = 16;

export function lines({ title, note, x, y, curves }: LinesOptions): string {
  const points = curves.flatMap((curve) => curve.points);
  const across = scaleOf(
    x,
    points.map((point) => point.x),
    LEFT,
    WIDTH - RIGHT,
  );
  const up = scaleOf(
    y,
    points.flatMap((point) => [point.y, point.least ?? point.y, point.most ?? point.y]),
    HEIGHT - BOTTOM,
    TOP,
  );
  const [left, right, bottom] = [LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM];
  return paper(title, note, HEIGHT, [
    ...up.marks.flatMap(([at, words]) => [
      line(left, at, right, at, 'class="grid"'),
      text(left - 8, rounded(at + 4), words, 'quiet', 'end'),
    ]),
    ...across.marks.flatMap(([at, words]) => [
      line(at, bottom, at, bottom + 5, 'class="grid"'),
      text(at, bottom + 20, words, 'quiet', 'middle'),
    ]),
    text((left + right) / 2, HEIGHT - 6, x.label, 'quiet', 'middle'),
    text(left - 8, TOP - 16, y.label, 'quiet', 'end'),
    ...curves.flatMap(({ colour, points: own }) => [
      ...own
        .filter(({ least, most }) => least !== undefined && most !== undefined && least < most)
        .map((point) =>
          line(
            across.at(point.x),
            up.at(point.least!),
            across.at(point.x),
            up.at(point.most!),
            `stroke="${colour}" stroke-width="6" stroke-opacity=".28" stroke-linecap="round"`,
          ),
        ),
      `<polyline fill="none" stroke="${colour}" stroke-width="2.2" stroke-linejoin="round" points="${own
        .map((point) => `${across.at(point.x)},${up.at(point.y)}`)
        .join(' ')}"/>`,
      ...own.map(
        (point) => `<circle class="halo" cx="${across.at(point.x)}" cy="${up.at(point.y)}" r="4" fill="${colour}"/>`,
      ),
    ]),
    ...namesOf(curves, (point) => up.at(point.y), right + 10),
  ]);
}

/** The names at the right, moved apart where curves end close to each other. */
function namesOf(curves: readonly Curve[], heightOf: (point: Point) => number, x: number): string[] {
  const ends = curves
    .flatMap(({ name, colour, points }) => {
      const last = points.at(-1);
      return last ? [{ name, colour, y: heightOf(last) }] : [];
    })
    .sort((a, b) => a.y - b.y);
  for (let index = 1; index < ends.length; index++) {
    const [above, below] = [ends[index - 1]!, ends[index]!];
    below.y = Math.max(below.y, above.y + APART);
  }
  return ends.map(
    ({ name, colour, y }) =>
      `<circle cx="${x + 2}" cy="${rounded(y)}" r="4" fill="${colour}"/>${text(x + 12, rounded(y + 4), name)}`,
  );
}

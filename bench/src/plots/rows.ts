/** A row for each figure, in groups: a dot with its range on a common axis, or a bar from nothing. */
import { line, paper, text, WIDTH } from './paper.ts';
import { type Axis, rounded, scaleOf } from './scale.ts';

export interface Row {
  readonly name: string;
  readonly colour: string;
  readonly value: number;
  readonly least: number;
  readonly most: number;
  /** Digits after the point. Default 2. */
  readonly digits?: number;
  /** Places to be reached: a mark each. */
  readonly bounds?: readonly number[];
}

export interface Group {
  readonly name: string;
  readonly rows: readonly Row[];
}

export interface RowsOptions {
  readonly title: string;
  readonly note: string;
  readonly x: Axis;
  readonly groups: readonly Group[];
  /** A dashed line over all rows. */
  readonly rule?: number;
  /** Bars instead of dots. Default false. */
  readonly isBars?: boolean;
}

const [LEFT, RIGHT, TOP, BOTTOM] = [200, 150, 62, 40] as const;
const ROW = 20;
const HEAD = 26;

export function rows({ title, note, x, groups, rule, isBars = false }: RowsOptions): string {
  const all = groups.flatMap((group) => group.rows);
  const height = TOP + groups.length * HEAD + all.length * ROW + BOTTOM;
  const values = all.flatMap(({ value, least, most, bounds = [] }) => [value, least, most, ...bounds]);
  const scale = scaleOf(x, rule === undefined ? values : [...values, rule], LEFT, WIDTH - RIGHT);
  const bottom = height - BOTTOM;
  const parts = scale.marks.flatMap(([at, words]) => [
    line(at, TOP - 8, at, bottom, 'class="grid"'),
    text(at, bottom + 16, words, 'quiet', 'middle'),
  ]);
  if (rule !== undefined) parts.push(line(scale.at(rule), TOP - 8, scale.at(rule), bottom, 'class="rule"'));
  let y = TOP;
  for (const { name, rows: own } of groups) {
    parts.push(text(0, y + 10, name, 'strong'));
    y += HEAD - 8;
    for (const row of own) {
      parts.push(...drawn(row, y + ROW / 2, scale.at, isBars ? LEFT : undefined));
      y += ROW;
    }
    y += 8;
  }
  parts.push(text((LEFT + WIDTH - RIGHT) / 2, height - 6, x.label, 'quiet', 'middle'));
  return paper(title, note, height, parts);
}

/** `from` is where bars begin. */
function drawn(row: Row, y: number, at: (value: number) => number, from: number | undefined): string[] {
  const { name, colour, value, least, most, digits = 2, bounds = [] } = row;
  const words = (figure: number): string =>
    figure.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const range = least === most ? '' : ` (${words(least)}–${words(most)})`;
  const stroke = (width: number, opacity: number): string =>
    `stroke="${colour}" stroke-width="${width}" stroke-opacity="${opacity}" stroke-linecap="round"`;
  const figure =
    from === undefined
      ? [
          line(at(least), y, at(most), y, stroke(6, 0.3)),
          `<circle class="halo" cx="${at(value)}" cy="${y}" r="5" fill="${colour}"/>`,
        ]
      : [
          `<rect x="${from}" y="${y - 6}" width="${rounded(Math.max(1, at(value) - from))}" height="12" rx="2" fill="${colour}"/>`,
          ...(least === most ? [] : [line(at(least), y, at(most), y, 'stroke="var(--ink)" stroke-width="1.5"')]),
        ];
  return [
    text(LEFT - 10, y + 4, name, name === 'ours' ? 'strong' : '', 'end'),
    ...bounds.map((bound) => line(at(bound), y - 8, at(bound), y + 8, 'stroke="var(--ink)" stroke-width="1.5"')),
    ...figure,
    text(WIDTH - RIGHT + 10, y + 4, `${words(value)}${range}`, 'quiet'),
  ];
}

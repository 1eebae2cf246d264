/** What Prometheus reads: a parser of its text format, as strict as the format is. */
import type { PrometheusMetrics } from '@cometd-ts/server/prometheus';

export interface Scrape {
  /** `# TYPE` by name. */
  readonly types: ReadonlyMap<string, string>;
  /** `# HELP` by name. */
  readonly helps: ReadonlyMap<string, string>;
  /** Values by series, such as `cometd_limit_hit_total{limit="maxQueue"}`. */
  readonly values: ReadonlyMap<string, number>;
  /** The value of a series; 0 when it is not there. */
  of(name: string, labels?: Readonly<Record<string, string>>): number;
}

const name = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const label = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const value = '[+-]?(?:\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?|Inf)|NaN';
const sample = new RegExp(`^(${name}(?:\\{${label}(?:,${label})*\\})?) (${value})$`);
const described = new RegExp(`^# (HELP|TYPE) (${name}) (.+)$`);

/** Throws `SyntaxError` for a line that is not of the format, and for a series that comes twice. */
export function parse(text: string): Scrape {
  const types = new Map<string, string>();
  const helps = new Map<string, string>();
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, kind, subject = '', words = ''] = described.exec(line) ?? [];
    if (kind) {
      (kind === 'TYPE' ? types : helps).set(subject, words);
      continue;
    }
    const [, series, number] = sample.exec(line) ?? [];
    if (series === undefined || values.has(series)) throw new SyntaxError(`Not of the text format: ${line}`);
    values.set(series, Number(number));
  }
  return {
    types,
    helps,
    values,
    of(metric, labels = {}) {
      const inner = Object.entries(labels).map(([key, given]) => `${key}="${given}"`);
      return values.get(inner.length > 0 ? `${metric}{${inner.join(',')}}` : metric) ?? 0;
    },
  };
}

export async function scrape(metrics: PrometheusMetrics): Promise<Scrape> {
  return parse(await metrics.render());
}

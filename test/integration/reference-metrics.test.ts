/** The page of metrics, made from the table in the source; run with `-u` to write it anew. The alerts name what there is. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type MetricName, type MetricSpec, metricSpecs, prometheusName } from '@cometd-ts/server';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const metrics = Object.entries(metricSpecs) as [MetricName, MetricSpec][];
const units = { s: 'seconds', By: 'bytes', '': '' } as const;
const cell = (text: string): string => text.replaceAll('|', '\\|');

function section(type: MetricSpec['type']): string {
  const rows = metrics
    .filter(([, spec]) => spec.type === type)
    .map(([name, { unit, labels, help }]) => {
      const named = labels.map((label) => `\`${label}\``).join(', ');
      return `| \`${prometheusName(name)}\` | \`cometd.${name}\` | ${units[unit]} | ${named} | ${cell(help)} |`;
    });
  return ['| Prometheus | OpenTelemetry | Unit | Labels | Meaning |', '|---|---|---|---|---|', ...rows].join('\n');
}

function values(): string {
  const rows = metrics
    .filter(([, { known }]) => known)
    .map(([name, { labels, known = [] }]) => {
      return `| \`${prometheusName(name)}\` | \`${labels[0]}\` | ${known.map((value) => `\`${value}\``).join(', ')} |`;
    });
  return ['| Metric | Label | Values |', '|---|---|---|', ...rows].join('\n');
}

function buckets(): string {
  const rows = metrics
    .filter(([, { type }]) => type === 'histogram')
    .map(([name, spec]) => `| \`${prometheusName(name)}\` | ${spec.buckets?.join(', ')} |`);
  return ['| Histogram | Upper bounds |', '|---|---|', ...rows].join('\n');
}

describe('the page of metrics', () => {
  it('lists every metric with its type, unit and labels', async () => {
    for (const [name, { help, labels, known, buckets: bounds, type }] of metrics) {
      expect(help, name).toMatch(/^[A-Z01].*\.$/);
      // Values that are reported from the start belong to one label.
      if (known) expect(labels, name).toHaveLength(1);
      expect(bounds !== undefined, name).toBe(type === 'histogram');
    }
    const page = `# Metrics

This page is made from the source by \`test/integration/reference-metrics.test.ts\`.

[Metrics](../guide/metrics.md) shows how to read them, and what to watch. The prefixes \`cometd_\` and \`cometd.\` are options
of the adapters.

## What there is

${section('gauge')}

## What happened

Counters, since the server was made.

${section('counter')}

## How long, how many

Histograms: measured from the moment somebody reads metrics.

${section('histogram')}

## Values of labels

These are reported from the start, as 0, so that a rate has a first value; others come when they first happen. Codes are
those of [Errors](errors.md), and \`other\` for the errors of applications; limits are those of [Limits](limits.md).

${values()}

## Bounds of histograms

${buckets()}
`;
    await expect(page).toMatchFileSnapshot(path.join(root, 'docs/reference/metrics.md'));
  });
});

describe('what the guide names', () => {
  const exported = new Set(
    metrics.flatMap(([name, { type }]) => {
      const full = prometheusName(name);
      return type === 'histogram' ? [full, `${full}_bucket`, `${full}_sum`, `${full}_count`] : [full];
    }),
  );
  const named = (text: string): string[] => [...text.matchAll(/\bcometd_\w+/g)].map(([name]) => name);

  it.each(['docs/guide/alerts.yml', 'docs/guide/metrics.md'])('is there: %s', async (file) => {
    const text = await readFile(path.join(root, file), 'utf8');
    expect(named(text).length).toBeGreaterThan(9);
    expect(named(text).filter((name) => !exported.has(name))).toEqual([]);
  });

  it('has the labels, and the values of labels, that alerts ask for', async () => {
    const text = await readFile(path.join(root, 'docs/guide/alerts.yml'), 'utf8');
    const asked = [...text.matchAll(/\b(cometd_\w+?)(?:_bucket)?\{(\w+)(?:=|=~|!=)"([^"]*)"\}/g)];
    expect(asked.length).toBeGreaterThan(4);
    const unknown = asked.filter(([, full = '', label = '', value = '']) => {
      const [, spec] = metrics.find(([name]) => prometheusName(name) === full) ?? [];
      if (!spec?.labels.includes(label)) return true;
      // Limits are not all reported from the start.
      if (label === 'quantile' || label === 'limit') return false;
      return !spec.known?.includes(value);
    });
    expect(unknown.map(([whole]) => whole)).toEqual([]);
  });

  it('has for every alert an expression and a summary', async () => {
    const text = await readFile(path.join(root, 'docs/guide/alerts.yml'), 'utf8');
    const alerts = text.split(/^ {6}- alert: /m).slice(1);
    expect(alerts.length).toBeGreaterThan(7);
    for (const alert of alerts) {
      expect(alert).toMatch(/^Cometd\w+\n {8}expr: cometd_|^Cometd\w+\n {8}expr: \w+(?:\(| by)/);
      expect(alert).toMatch(/^ {8}labels: \{ severity: (?:warning|critical) \}$/m);
      expect(alert).toMatch(/^ {10}summary: "/m);
    }
  });
});

/** The report as one page, with nothing to load: what was asked, what came of it, and plots. */
import { writeFile } from 'node:fs/promises';
import { Complaint, reasonOf } from '../complaint.ts';
import { escaped, plot } from './plot.ts';
import { percent, perSecond, type RunResult } from './result.ts';
import { decoded, distribution } from './statistics.ts';
import { grouped, mebibytes, warnings } from './text.ts';

/** What a page has beside its runs. */
export interface Report {
  /** What the runs are called. Default: by their numbers. */
  readonly names?: readonly string[];
  /** HTML that stands above them. */
  readonly opening?: string;
}

export async function writeReport(file: string, runs: readonly RunResult[], report: Report = {}): Promise<void> {
  try {
    await writeFile(file, reportOf(runs, report));
  } catch (error) {
    throw new Complaint(`The report cannot be written: ${reasonOf(error)}`);
  }
}

const style = `
:root { color-scheme: light dark; --ink: #16202c; --paper: #fff; --line: #d7dde5; --quiet: #55606e; --warn: #fff3d6; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ebf2; --paper: #12171e; --line: #2f3945; --quiet: #9aa6b5; --warn: #4a3a10; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
.big { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; margin: 1rem 0; } .big div { font-size: .85rem; color: var(--quiet); }
.big b { display: block; font-size: 1.7rem; color: var(--ink); font-variant-numeric: tabular-nums; }
.warning { background: var(--warn); padding: .6rem 1rem; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line); } th:first-child, td:first-child { text-align: left; }
.scroll { overflow-x: auto; } svg { width: 100%; height: auto; margin: 1rem 0; font-family: inherit; }
svg text { fill: var(--ink); } .title { font-size: 15px; font-weight: 600; } svg .tick, svg .label { font-size: 12px; fill: var(--quiet); }
.grid { stroke: var(--line); } .bar { fill: #0b6bcb; }`;

/** The whole page. */
export function reportOf(runs: readonly RunResult[], { names, opening = '' }: Report = {}): string {
  const nameAt = (index: number): string => names?.[index] ?? nameOf(index, runs);
  const curves = runs.map((result, index) => ({ name: nameAt(index), points: percentilesOf(result) }));
  const shares = [0, 50, 90, 99, 99.9, 99.99].map((share) => [1 / (1 - share / 100), `${share} %`] as const);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>cometd bench</title>
<style>${style}</style>
</head>
<body>
<h1>How many users, at which latency?</h1>
${opening}
${plot({
  title: 'Latency by percentile',
  x: { label: 'share of the messages that took at most this long', isLogarithmic: true, ticks: shares },
  y: { label: 'latency, ms', isLogarithmic: true },
  curves,
})}
${runs.map((result, index) => section(result, nameAt(index))).join('\n')}
</body>
</html>
`;
}

function nameOf(index: number, runs: readonly RunResult[]): string {
  return runs.length === 1 ? 'latency' : `run ${index + 1}`;
}

function roomsOf({ rooms, roomsPerClient, roomSize }: RunResult['plan']): string {
  return roomSize === undefined ? `${rooms} rooms, ${roomsPerClient} for each client,` : `Rooms of ${roomSize} users`;
}

function percentilesOf({ histogram }: RunResult): [number, number][] {
  if (histogram === '') return [];
  const all = decoded(histogram);
  const points: [number, number][] = [];
  for (let over = 1; over <= 10_000; over *= 1.1)
    points.push([over, all.getValueAtPercentile(100 * (1 - 1 / over)) / 1_000]);
  return points;
}

function section(result: RunResult, name: string): string {
  const { plan, load, date, outgoing, incoming, expected, latency, timeline, server } = result;
  const heading = name === 'latency' ? 'The run' : name.replace('run', 'Run');
  const rate = (count: number, elapsed: number): string => grouped(perSecond(count, elapsed));
  const big: readonly (readonly [string, string])[] = [
    [grouped(load.clients), 'clients'],
    [rate(incoming.messages, incoming.elapsed), 'messages received a second'],
    [`${ms(latency.p50)} ms`, 'half of them within'],
    [`${ms(latency.p99)} ms`, '99 % within'],
    [server ? percent(server.cpu) : 'unknown', 'of a core, the server'],
  ];
  return `<section>
<h2>${heading}</h2>
<p>${escaped(`${plan.url}, ${plan.transport}${plan.ack ? ', acknowledged' : ''}. ${load.batchCount} batches of ${load.batchSize} messages with ${load.messageSize} characters, one each ${grouped(load.batchPause)} µs, ${load.randomize ? 'at random' : 'in turns'}. ${roomsOf(plan)} below ${plan.channel}. ${date}`)}</p>
${warnings(result)
  .map((warning) => `<p class="warning" role="alert">${escaped(`Warning: ${warning}`)}</p>`)
  .join('\n')}
<div class="big">${big.map(([value, text]) => `<div><b>${value}</b>${text}</div>`).join('')}</div>
${bars(result)}
${plot({
  title: 'Messages a second',
  x: { label: 'since the first batch was due, s' },
  y: { label: 'messages/s' },
  curves: [
    { name: 'received', points: timeline.map(({ at, span, received }) => [at, received / span]) },
    { name: 'sent', points: timeline.map(({ at, span, sent }) => [at, sent / span]) },
  ],
})}
${plot({
  title: 'Latency while it went on',
  x: { label: 'since the first batch was due, s' },
  y: { label: 'latency, ms' },
  curves: (['p50', 'p99', 'max'] as const).map((one) => ({
    name: one,
    points: timeline.filter(({ received }) => received > 0).map((moment) => [moment.at, moment[one] / 1_000]),
  })),
})}
<div class="scroll">${table(
    ['', 'elapsed, ms', 'messages', 'messages/s', 'payloads/s', 'MiB'],
    [
      ['outgoing', outgoing, outgoing.messages] as const,
      ['incoming', incoming, `${grouped(incoming.messages)} of ${grouped(expected)}`] as const,
    ].map(([way, traffic, messages]) => [
      way,
      grouped(traffic.elapsed),
      typeof messages === 'number' ? grouped(messages) : messages,
      rate(traffic.messages, traffic.elapsed),
      rate(traffic.payloads, traffic.elapsed),
      (traffic.bytes / 1_048_576).toFixed(1),
    ]),
  )}
${table(
  ['latency, ms', 'min', 'avg', 'p50', 'p85', 'p95', 'p99', 'p99.9', 'max'],
  [['of messages', latency] as const, ['of batches that left late', result.lag] as const].map(
    ([what, { min, mean, p50, p85, p95, p99, p999, max }]) => [
      what,
      ...[min, mean, p50, p85, p95, p99, p999, max].map(ms),
    ],
  ),
)}
${table(
  ['', 'CPU of a core', 'loop busy', 'loop late p99, ms', 'GC, ms', 'memory, MiB', 'heap, MiB'],
  [...result.client.map((one, at) => [`client ${at + 1}`, one] as const), ['server', server] as const].map(
    ([who, one]) =>
      one
        ? [
            who,
            percent(one.cpu),
            percent(one.utilization),
            one.delay.p99.toFixed(1),
            one.gc.time.toFixed(1),
            mebibytes(one.rss),
            mebibytes(one.heapUsed),
          ]
        : [who, ...new Array<string>(6).fill('unknown')],
  ),
)}</div>
</section>`;
}

/** The distribution, with the percentiles above their bars. */
function bars({ histogram }: RunResult): string {
  if (histogram === '') return '';
  const rows = distribution(decoded(histogram), 40);
  const most = Math.max(...rows.map(({ count }) => count));
  const [width, height, left, bottom] = [860, 240, 78, 200];
  const step = (width - left - 18) / rows.length;
  const drawn = rows.map(({ to, count, share, percentiles }, index) => {
    const at = left + index * step;
    const tall = (count / most) * 140;
    const mark =
      percentiles.length > 0
        ? `<text class="tick" x="${at + step / 2}" y="${bottom - tall - 6 - (index % 2) * 12}" text-anchor="middle">${percentiles.map((one) => `p${one}`).join(' ')}</text>`
        : '';
    const tick =
      index % 5 === 4
        ? `<text class="tick" x="${at + step}" y="${bottom + 18}" text-anchor="middle">${ms(to)}</text>`
        : '';
    return `<rect class="bar" x="${at + 1}" y="${bottom - tall}" width="${step - 2}" height="${tall}"><title>up to ${ms(to)} ms: ${grouped(count)} (${percent(share)})</title></rect>${mark}${tick}`;
  });
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Distribution of the latencies">
<text class="title" x="${left}" y="20">Distribution of the latencies</text>
<line class="grid" x1="${left}" x2="${width - 18}" y1="${bottom}" y2="${bottom}"/>
${drawn.join('\n')}
<text class="label" x="${(left + width) / 2}" y="${height - 4}" text-anchor="middle">latency, ms</text>
</svg>`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (kind: string, row: readonly string[]): string =>
    `<tr>${row.map((one) => `<${kind}>${escaped(one)}</${kind}>`).join('')}</tr>`;
  return `<table>${cells('th', heads)}${rows.map((row) => cells('td', row)).join('')}</table>`;
}

function ms(microseconds: number): string {
  const value = microseconds / 1_000;
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** A comparison as one page with nothing to load: the targets, the plots, and every table behind them. */
import { escaped } from '../plots/paper.ts';
import { type ServerName, serverNames, servers } from '../scenarios.ts';
import type { Surroundings } from '../surroundings.ts';
import type { Table } from '../table.ts';
import type { Plot } from './plots.ts';
import {
  absolute,
  bound,
  circumstanceTable,
  fullBy,
  javaTable,
  measuredOf,
  notesOf,
  otherClients,
  outcomesOf,
  placesOf,
  ratioTable,
  roundsOf,
  written,
} from './report.ts';
import type { Part, Results } from './results.ts';
import type { Outcome } from './targets.ts';

const style = `
:root { color-scheme: light dark; --ink: #16202c; --paper: #fff; --line: #dfe4ea; --quiet: #586472; --soft: #f5f7f9; --good: #1f7a34; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ebf2; --paper: #12171e; --line: #2c3540; --quiet: #9aa6b5; --soft: #1a212a; --good: #5fcf7c; --bad: #ff8a80; }
}
* { box-sizing: border-box; }
body { font: 16px/1.55 system-ui, -apple-system, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 5rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .5rem; } h2 { font-size: 1.3rem; margin: 3.5rem 0 .75rem; }
p { max-width: 46rem; margin: .5rem 0; } .quiet { color: var(--quiet); font-size: .9rem; }
figure { margin: 2.5rem 0; padding: 1.25rem; border: 1px solid var(--line); border-radius: 10px; } figure svg { display: block; width: 100%; height: auto; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .35rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; } th { color: var(--quiet); font-weight: 500; }
th:first-child, td:first-child { text-align: left; white-space: normal; } .second th:nth-child(2), .second td:nth-child(2) { text-align: left; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; } .none { color: var(--quiet); }
details { border-top: 1px solid var(--line); padding: .6rem 0; } summary { cursor: pointer; } summary b { margin-right: .6rem; }
.notes li { font-size: .9rem; color: var(--quiet); }
.who { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; font-size: .9rem; } .who dt { font-weight: 600; } .who dd { margin: 0; color: var(--quiet); }`;

export function htmlOf(results: Results, plots: readonly Plot[]): string {
  const { runs, parts } = results;
  const measured = measuredOf(results);
  const last = parts.at(-1)!.surroundings;
  const notes = notesOf(results);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>What a message costs</title>
<style>${style}</style>
</head>
<body>
<h1>What a message costs</h1>
<p>CometD for TypeScript next to other servers: the same load, the same machine, one after the other in interleaved rounds.
A ratio is our figure divided by that of the other <em>in the same round</em>: below 1 we are cheaper.</p>
${parts.map(aboutOf).join('\n')}
<h2>What was to be reached</h2>
${targetsOf(outcomesOf(results))}
${plots.map(({ svg }) => `<figure>\n${svg}\n</figure>`).join('\n')}
<h2>Next to CometD for Java</h2>
<p>On one core, in every scenario: at most 0.90, and 0.65 is the aim.</p>
${tableOf(javaTable(results))}
<h2>All ratios</h2>
${tableOf(ratioTable(measured, runs), 'second')}
<h2>What circumstances cost us</h2>
<p>A scenario of ours divided by the plain one, in the same round.</p>
${tableOf(circumstanceTable(runs), 'second')}
<h2>Everything that was measured</h2>
${measured
  .map((scenario) => {
    const here = runs.filter((run) => run.scenario === scenario.name);
    return `<details><summary><b>${scenario.name}</b><span class="quiet">${escaped(scenario.title)}</span></summary>${tableOf(absolute(scenario, here))}</details>`;
  })
  .join('\n')}
<h2>Who is who</h2>
<dl class="who">${serverNames
    .filter((name) => runs.some(({ server }) => server === name))
    .map((name) => personOf(name, last))
    .join('')}</dl>
${notes.length === 0 ? '' : `<h2>Take with care</h2>\n<ul class="notes">${notes.map((note) => `<li>${escaped(note.slice(2))}</li>`).join('')}</ul>`}
</body>
</html>
`;
}

function aboutOf({ surroundings, rounds, clients }: Part): string {
  const { date, commit, changed, node, cpu, cpus, memory, system, pinned, versions, seconds } = surroundings;
  const all = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const words = [
    `${roundsOf(rounds)}: ${date.slice(0, 16).replace('T', ' ')}, commit ${commit}${changed ? ' with changes' : ''}, ${seconds} s a run, ${placesOf(pinned)}.`,
    `${cpus} × ${cpu}, ${memory} GB, ${system}, Node.js ${node}. ${all.join(', ')}.`,
    ...(clients === undefined ? [] : [otherClients(clients)]),
  ];
  return `<p class="quiet">${words.map(escaped).join('<br>')}</p>`;
}

function targetsOf(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => {
    const { what, spread, atLeast, aim, verdict, saturated } = outcome;
    const kind = verdict === 'MISSED' ? 'bad' : verdict === 'not measured' ? 'none' : 'good';
    const load =
      saturated.length === 0 ? '' : `<br><span class="none">load ${escaped(fullBy(saturated).toLowerCase())}</span>`;
    const bounds = [atLeast, aim].map((value) => `<td>${escaped(bound(outcome, value))}</td>`).join('');
    return `<tr><td>${escaped(what)}</td><td>${written(spread) || '–'}${load}</td>${bounds}<td class="${kind}">${verdict === 'MISSED' ? 'missed' : verdict}</td></tr>`;
  });
  return `<div class="scroll"><table><tr><th>scenario</th><th>median (range)</th><th>at least</th><th>aim</th><th></th></tr>${rows.join('')}</table></div>`;
}

function tableOf({ head, rows }: Table, kind = ''): string {
  if (rows.length === 0) return '<p class="none">Not measured.</p>';
  const cells = (tag: string, row: readonly string[]): string =>
    `<tr>${row.map((cell) => `<${tag}${cell.endsWith('MISSED') ? ' class="bad"' : ''}>${escaped(cell.replace(/ MISSED$/, ''))}</${tag}>`).join('')}</tr>`;
  return `<div class="scroll"><table${kind && ` class="${kind}"`}>${cells('th', head)}${rows.map((row) => cells('td', row)).join('')}</table></div>`;
}

function personOf(name: ServerName, { versions }: Surroundings): string {
  const version = versions[name] === undefined ? '' : ` ${versions[name]}`;
  return `<dt>${name}${escaped(version)}</dt><dd>${escaped(servers[name])}</dd>`;
}

/** The tables of docs/concepts/scaling.md. */
import { bounds, kinds, server } from './measured.ts';
import { type EngineCosts, fit, reach } from './model.ts';

const sizes = [10_000, 100_000, 1_000_000, 10_000_000] as const;

/** What each kind of service needs of so many sessions. */
export function sizesTable(engine: EngineCosts): string {
  const lines = [
    `| sessions | ${Object.keys(kinds).join(' | ')} |`,
    `|---|${'---|'.repeat(Object.keys(kinds).length)}`,
  ];
  for (const sessions of sizes) {
    const cells = Object.values(kinds).map((load) => {
      const needed = fit(load(sessions), server, engine, bounds);
      if (!needed) return `more than the ${engine.name} carries`;
      const { processes, cpu, memory, links } = needed;
      const each = `${Math.round(100 * cpu)} % of a core, ${Math.round(memory / 1_000)} MB`;
      return processes === 1 ? `1 process: ${each}` : `${processes} processes: ${each}, ${links} links each`;
    });
    lines.push(`| ${grouped(sessions)} | ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

/** Where an engine ends. */
export function endsTable(engine: EngineCosts): string {
  const one = { ...engine, mostProcesses: 1 };
  const lines = ['| | one process | two workers | ten processes | at most |', '|---|---|---|---|---|'];
  for (const [name, load] of Object.entries(kinds)) {
    const upTo = (processes: number): string =>
      grouped(rounded(reach(load, server, { ...one, mostProcesses: processes }, bounds)));
    lines.push(`| ${name} | ${upTo(1)} | ${upTo(2)} | ${upTo(10)} | ${upTo(engine.mostProcesses)} |`);
  }
  return lines.join('\n');
}

/** Two digits that mean something. */
function rounded(count: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(count)) - 1);
  return Math.floor(count / unit) * unit;
}

function grouped(count: number): string {
  return count.toLocaleString('en');
}

/** The tables of docs/concepts/scaling.md. */
import {
  allowedHandshakes,
  bounds,
  handshakes,
  heartbeatOf,
  kinds,
  middle,
  middleBounds,
  nats,
  natsRest,
  server,
} from './measured.ts';
import { fitMiddle, type MiddlePrediction, predictMiddle } from './middle.ts';
import { type EngineCosts, fit, type Load, most, type Prediction } from './model.ts';

const sizes = [10_000, 100_000, 1_000_000, 10_000_000] as const;
const clusters = [10, 100, 1_000] as const;
const nobody: Load = { sessions: 0, published: 0, heard: 0 };

/** What each kind of service needs of so many sessions. */
export function sizesTable(engine: EngineCosts): string {
  const lines = [
    `| sessions | ${Object.keys(kinds).join(' | ')} |`,
    `|---|${'---|'.repeat(Object.keys(kinds).length)}`,
  ];
  for (const sessions of sizes) {
    const cells = Object.values(kinds).map((load) => {
      const needed = fit(load(sessions), server, engine, bounds);
      if (!needed) return `more than ${called(engine)} carries`;
      const { processes, cpu, memory, links } = needed;
      const each = `${percent(cpu)} of a core, ${megabytes(memory)}`;
      if (processes === 1) return `1 process: ${each}`;
      if (engine === nats) return `${processes} processes: ${each}; ${serversOf(load(sessions), needed)}`;
      return `${processes} processes: ${each}, ${links} links each`;
    });
    lines.push(`| ${grouped(sessions)} | ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

function serversOf(load: Load, processes: Prediction): string {
  const needed = middleOf(load, processes);
  if (!needed) return 'more than its servers carry';
  const { servers, cores, memory } = needed;
  return `${servers} servers: ${shown(cores)} cores in all, ${megabytes(memory)} each`;
}

/** Where an engine ends. */
export function endsTable(engine: EngineCosts): string {
  const counts = [...[1, 2, 10, 100].filter((count) => count < engine.mostProcesses), engine.mostProcesses];
  const lines = [`| processes | ${counts.map(grouped).join(' | ')}, at most |`, `|---|${'---|'.repeat(counts.length)}`];
  for (const [name, load] of Object.entries(kinds)) {
    const cells = counts.map((mostProcesses) =>
      grouped(rounded(most((sessions) => carries({ ...engine, mostProcesses }, load(sessions))))),
    );
    lines.push(`| ${name} | ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

/** Whether processes can do it, and the servers between them. */
function carries(engine: EngineCosts, load: Load): boolean {
  const needed = fit(load, server, engine, bounds);
  if (!needed) return false;
  return engine.hears === 'everything' || needed.processes === 1 || middleOf(load, needed) !== null;
}

/** What NATS needs for so many processes. */
function middleOf(load: Load, { processes }: Prediction): MiddlePrediction | null {
  return fitMiddle(load, nats, middle, middleBounds, { processes, heartbeat: heartbeatOf(processes) });
}

/** What it takes to be so many, when nobody says anything: connections of all on the mesh and on three NATS servers, and heartbeats. */
export function restTable(engine: EngineCosts): string {
  const lines = [
    `| nodes | links, ${engine.name} | links, NATS | heartbeats heard a second: every 1 s, 10 s | cores of all NATS servers | of each node |`,
    '|---|---|---|---|---|---|',
  ];
  for (const processes of clusters) {
    const each = (seconds: number) =>
      predictMiddle(nobody, nats, middle, { processes, servers: 3, heartbeat: seconds });
    const [often, seldom] = [each(1), each(10)];
    const share = (seconds: number): string => `${(natsRest(processes, seconds) / 10_000).toFixed(1)} %`;
    lines.push(
      `| ${grouped(processes)} | ${grouped((processes * engine.links(processes)) / 2)} | ${grouped(often.links)} ` +
        `| ${grouped(often.beats)}, ${grouped(seldom.beats)} | ${shown(often.cores)}, ${shown(seldom.cores)} ` +
        `| ${share(1)}, ${share(10)} |`,
    );
  }
  return lines.join('\n');
}

/** How long it takes until all are back, when all sessions of NATS shake hands again at once: as it is allowed, and as fast as cores can. */
export function backTable(): string {
  const lines = [
    `| sessions | ${Object.keys(kinds).join(' | ')} |`,
    `|---|${'---|'.repeat(Object.keys(kinds).length)}`,
  ];
  for (const sessions of sizes) {
    const cells = Object.values(kinds).map((load) => {
      const needed = fit(load(sessions), server, nats, bounds);
      if (!needed) return '';
      const here = sessions / needed.processes;
      return `${grouped(here)} at each of ${needed.processes}: ${Math.ceil(here / allowedHandshakes)} s, ${Math.ceil(here / handshakes)} s`;
    });
    lines.push(`| ${grouped(sessions)} | ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

function called({ name }: EngineCosts): string {
  return name === 'mesh' ? 'the mesh' : name;
}

function shown(cores: number): string {
  return cores < 0.01 ? 'under 0.01' : cores.toFixed(2);
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

function megabytes(kilobytes: number): string {
  return `${Math.round(kilobytes / 1_000)} MB`;
}

/** Two digits that mean something. */
function rounded(count: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(count)) - 1);
  return Math.floor(count / unit) * unit;
}

function grouped(count: number): string {
  return Math.round(count).toLocaleString('en');
}

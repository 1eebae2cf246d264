/** What the figures depend on beside the code: the machine, the versions, the commit. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, release, totalmem, type } from 'node:os';
import { dirname, join } from 'node:path';
import { canPin } from './child.ts';

export interface Surroundings {
  readonly date: string;
  readonly commit: string;
  /** Whether the tree differed from the commit. */
  readonly changed: boolean;
  readonly node: string;
  readonly cpu: string;
  readonly cpus: number;
  /** In GB. */
  readonly memory: number;
  readonly system: string;
  readonly pinned: boolean;
  readonly versions: Readonly<Record<string, string>>;
  readonly rounds: number;
  readonly seconds: number;
}

/** `packages` are those whose versions matter. */
export function surroundingsOf(date: Date, rounds: number, seconds: number, packages: readonly string[]): Surroundings {
  return {
    date: date.toISOString(),
    commit: git('rev-parse', '--short=12', 'HEAD') || 'unknown',
    changed: git('status', '--porcelain', '--untracked-files=no') !== '',
    node: process.version,
    cpu: cpus()[0]?.model ?? 'CPU',
    cpus: cpus().length,
    memory: Math.round(totalmem() / 1e9),
    system: `${type()} ${release()}`,
    pinned: canPin,
    versions: Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
    rounds,
    seconds,
  };
}

/** What stands above every page. `places` says which process was where. */
export function headOf(title: string, surroundings: Surroundings, places: string): string[] {
  const { date, commit, changed, node, cpu, cpus: count, memory, system, versions, rounds, seconds } = surroundings;
  return [
    `# ${title} of ${date}`,
    '',
    `Commit ${commit}${changed ? ' with uncommitted changes' : ''}, Node.js ${node}, ${count} × ${cpu}, ${memory} GB, ${system}.`,
    `${rounds === 1 ? 'One round' : `${rounds} interleaved rounds`} of ${seconds} s; ${places}.`,
    `Versions: ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
  ];
}

function git(...args: readonly string[]): string {
  try {
    return execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return '';
  }
}

/** Not every package exports its package.json, so it is looked for above the entry. */
function versionOf(name: string): string {
  const entry = createRequire(import.meta.url).resolve(name);
  for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const found = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        readonly name?: string;
        readonly version?: string;
      };
      if (found.name === name && found.version !== undefined) return found.version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return 'unknown';
}

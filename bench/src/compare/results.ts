/** What was measured, kept after every round, and joined with what was measured before. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Surroundings } from '../surroundings.ts';
import type { Failure, Run } from './run.ts';

/** One call of the command: its rounds, and where they were run. */
export interface Part {
  readonly surroundings: Surroundings;
  readonly rounds: readonly [first: number, last: number];
  /** Instead of the numbers of clients that the scenarios have. */
  readonly clients?: number;
}

export interface Results {
  readonly parts: readonly Part[];
  readonly runs: readonly Run[];
  readonly failures: readonly Failure[];
  /** Why a server could not take part. */
  readonly absent: Readonly<Record<string, string>>;
}

/**
 * Joins new results with old ones. Rounds of the same commit are added. Of another commit, the scenarios that were
 * measured again take the place of the old ones, because figures of different code are no rounds of one another.
 */
export function merge(old: Results, added: Results): Results {
  const isSame = added.parts.every(({ surroundings }) => isOfCode(old, surroundings));
  const anew = new Set(isSame ? [] : added.runs.map(({ scenario }) => scenario));
  const isKept = ({ scenario }: { readonly scenario: string }): boolean => !anew.has(scenario);
  const last = Math.max(0, ...old.parts.map(({ rounds }) => rounds[1]));
  const later = <One extends { readonly round: number }>(one: One): One => ({ ...one, round: one.round + last });
  const runs = old.runs.filter(isKept);
  const measuredIn = ({ rounds: [first, end] }: Part): boolean =>
    runs.some(({ round }) => round >= first && round <= end);
  return {
    parts: [
      ...old.parts.filter(measuredIn),
      ...added.parts.map((part) => ({ ...part, rounds: [part.rounds[0] + last, part.rounds[1] + last] as const })),
    ],
    runs: [...runs, ...added.runs.map(later)],
    failures: [...old.failures.filter(isKept), ...added.failures.map(later)],
    absent: Object.fromEntries(
      Object.entries({ ...old.absent, ...added.absent }).filter(([name]) =>
        [...runs, ...added.runs].every(({ server }) => server !== name),
      ),
    ),
  };
}

/** Of these scenarios, those whose old figures go when new ones of this code come. */
export function replaced(old: Results, code: Code, scenarios: readonly string[]): string[] {
  if (isOfCode(old, code)) return [];
  return scenarios.filter((name) => old.runs.some(({ scenario }) => scenario === name));
}

type Code = Pick<Surroundings, 'commit' | 'changed'>;

function isOfCode({ parts }: Results, { commit, changed }: Code): boolean {
  return parts.every(({ surroundings }) => surroundings.commit === commit && surroundings.changed === changed);
}

/** Throws `RangeError`, whose text is for whoever typed the name. */
export function readResults(file: string): Results {
  // The pages are named after it, and must not take its place.
  if (!file.endsWith('.json')) throw new RangeError(`--into takes a .json file, not '${file}'`);
  let found: Partial<Results>;
  try {
    found = JSON.parse(readFileSync(file, 'utf8')) as Partial<Results>;
  } catch (error) {
    throw new RangeError(`--into takes the .json file of an earlier run: ${(error as Error).message}`);
  }
  const { parts, runs, failures, absent } = found;
  if (!parts || !runs || !failures || !absent)
    throw new RangeError(`--into takes the .json file of an earlier comparison, and '${file}' is none`);
  return { parts, runs, failures, absent };
}

/** Where a run that begins now is kept. */
export function newFile(date: Date): string {
  const name = date.toISOString().slice(0, 19).replaceAll(':', '');
  return fileURLToPath(new URL(`../../results/${name}-compare.json`, import.meta.url));
}

/** A file for each kind of page, all with the name of the .json file. `pages` are by extension. */
export function keepResults(file: string, results: Results, pages: Readonly<Record<string, string>>): void {
  mkdirSync(dirname(file), { recursive: true });
  const lines = (values: readonly object[]): string =>
    values.map((value) => `\n    ${JSON.stringify(value)}`).join(',');
  // A line for each run, so that two files can be compared.
  writeFileSync(
    file,
    `{
  "parts": [${lines(results.parts)}
  ],
  "absent": ${JSON.stringify(results.absent)},
  "failures": [${lines(results.failures)}
  ],
  "runs": [${lines(results.runs)}
  ]
}
`,
  );
  for (const [extension, text] of Object.entries(pages)) {
    writeFileSync(file.replace(/\.json$/, `.${extension}`), text);
  }
}

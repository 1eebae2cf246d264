/** The last answers of a person, in a file of the user's, so that they are the defaults the next time. No secrets. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Answers } from './questions.ts';

type Side = 'client' | 'server';

/** `bench.json` in the folder where programs of this user keep such things. */
export function historyFile(environment: Readonly<Record<string, string | undefined>>): string {
  const home = environment.XDG_CONFIG_HOME || environment.APPDATA || path.join(homedir(), '.config');
  return path.join(home, 'cometd', 'bench.json');
}

/** What was answered last. Nothing when there is no file, or none that can be read. */
export async function recall(file: string, side: Side): Promise<Answers> {
  const all = await read(file);
  const answers: Record<string, string | number | boolean> = {};
  for (const [flag, value] of Object.entries(all[side] ?? {})) {
    if (['string', 'number', 'boolean'].includes(typeof value)) answers[flag] = value;
  }
  return answers;
}

export async function remember(file: string, side: Side, answers: Answers): Promise<void> {
  const all = await read(file);
  const known = { ...all[side], ...answers };
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify({ ...all, [side]: known }, null, 2)}\n`);
}

async function read(file: string): Promise<Partial<Record<Side, Answers>>> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    // Never written, or spoilt: the defaults are as good.
    return {};
  }
}

/** Keeps what was measured in bench/results: the page, and every run. */
import { mkdirSync, writeFileSync } from 'node:fs';

/** `suite` goes into the name of the files, unless it is empty. */
export function keep(date: Date, suite: string, page: string, figures: object): void {
  const folder = new URL('../results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const name = date.toISOString().slice(0, 19).replaceAll(':', '') + (suite && `-${suite}`);
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(figures, undefined, 2)}\n`);
  writeFileSync(new URL(`${name}.md`, folder), page);
}

/** The libraries that the sentences of this folder are tried on: two official ones that say what is true, and ours. */
import { existsSync } from 'node:fs';
import type { Library } from './cometd.ts';

export type Kind = 'official 9' | 'official 7' | 'ours';

export interface Implementation {
  readonly kind: Kind;
  load(): Promise<Library>;
}

// The names are variables, so that nobody's types are asked for: these are JavaScript users.
const [nine, seven, own] = ['cometd', 'cometd7', '@cometd-ts/client'] as const;

async function module(name: string): Promise<Library> {
  const loaded = (await import(name)) as { default?: Library } & Library;
  return loaded.CometD ? loaded : (loaded.default as Library);
}

const officials: readonly Implementation[] = [
  { kind: 'official 9', load: () => module(nine) },
  { kind: 'official 7', load: () => module(seven) },
];

const home = new URL('../../../packages/client/src/', import.meta.url);
const ready = existsSync(new URL('cometd.ts', home)) && existsSync(new URL('index.ts', home));

export const implementations: readonly Implementation[] = ready
  ? [...officials, { kind: 'ours', load: () => module(own) }]
  : officials;

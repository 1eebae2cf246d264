/** Where each server is. A file is loaded only in the process that needs it. */
import type { Scenario, ServerName } from '../scenarios.ts';
import type { Prepare, Prepared, Start } from './start.ts';

interface Entry {
  readonly start: Start;
}

export const starts: Readonly<Record<ServerName, (scenario: Scenario) => Promise<Entry>>> = {
  ours: ({ cores }) => (cores > 1 ? import('./ours-workers.ts') : import('./ours.ts')),
  'ours-full': () => import('./ours-full.ts'),
  java: () => import('./java.ts'),
  'java-small': () => import('./java-small.ts'),
  'socket.io': () => import('./socket-io.ts'),
  faye: () => import('./faye.ts'),
  'cometd-nodejs-server': () => import('./cometd-nodejs-server.ts'),
  uws: () => import('./uws.ts'),
  c: () => import('./c.ts'),
  floor: () => import('./floor.ts'),
};

/** Servers that must be compiled or looked for before any run. */
const prepares: Readonly<Partial<Record<ServerName, () => Promise<{ readonly prepare: Prepare }>>>> = {
  java: () => import('./java.ts'),
  'java-small': () => import('./java-small.ts'),
  uws: () => import('./uws.ts'),
  c: () => import('./c.ts'),
};

/** Makes one server ready. */
export async function prepare(name: ServerName): Promise<Prepared> {
  const load = prepares[name];
  return load ? (await load()).prepare() : { obstacle: '', versions: {} };
}

/** A limit: a server in C that frames a message once and calls `send()` for each subscriber. Linux only. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Scenario } from '../scenarios.ts';
import { launch, type Peer, workshop } from './native.ts';
import type { Prepared } from './start.ts';

const source = fileURLToPath(new URL('../../c/sender.c', import.meta.url));
const program = `${workshop}sender`;

/** Compiles the server. */
export function prepare(): Prepared {
  const without = (obstacle: string): Prepared => ({ obstacle, versions: {} });
  if (process.platform !== 'linux') return without('it waits for sockets as only Linux does');
  const version = spawnSync('cc', ['--version'], { encoding: 'utf8' });
  if (version.status !== 0) return without('there is no C compiler');
  mkdirSync(workshop, { recursive: true });
  const compiled = spawnSync('cc', ['-O2', '-Wall', '-Wextra', '-o', program, source], { encoding: 'utf8' });
  if (compiled.status !== 0) return without(`it does not compile: ${compiled.stderr.split('\n', 1)[0]}`);
  return { obstacle: '', versions: { cc: version.stdout.split('\n', 1)[0]! } };
}

export async function start({ tls, http2, ack, lazy, binary, depth }: Scenario): Promise<Peer> {
  if (tls || http2 || ack || lazy || binary || depth > 0)
    throw new Error('The sender knows only messages and channels');
  return launch([program]);
}

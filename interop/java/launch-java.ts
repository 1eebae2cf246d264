/** Starts the compiled Java peers. `interop/run.js` compiles them and notes their class path. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

/** The peer dies with us: the server ends when its stdin does, the client when it has nothing left to do. */
export function launchJava(main: string, ...args: string[]): ChildProcessByStdio<Writable, Readable, null> {
  const classPath = `target/classes:${readFileSync(`${here}target/classpath.txt`, 'utf8')}`;
  const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=off';
  return spawn('java', [quiet, '-cp', classPath, main, ...args], { cwd: here, stdio: ['pipe', 'pipe', 'inherit'] });
}

/** Readies nginx and haproxy: those of the machine, or Debian's packages unpacked beside us, which needs no root and starts nothing. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../.tmp/balancers/', import.meta.url));
const root = `${folder}root/`;

/** The program, the packages that bring it with the libraries few machines have, and how it tells its version. */
const programs = {
  nginx: { packages: ['nginx'], version: '-v' },
  haproxy: { packages: ['haproxy', 'liblua5.3-0', 'libopentracing-c-wrapper0', 'libopentracing1'], version: '-v' },
};

export const balancers = Object.keys(programs);

/**
 * How a balancer is started: `{ command, env }`, or `{ reason }` when it cannot be had. Packages are fetched only when `mayFetch`.
 */
export function balancer(name, mayFetch = false) {
  const { packages, version } = programs[name];
  const libraries = existsSync(`${root}usr/lib`)
    ? readdirSync(`${root}usr/lib`).map((one) => `${root}usr/lib/${one}`)
    : [];
  const own = { command: `${root}usr/sbin/${name}`, env: { LD_LIBRARY_PATH: libraries.join(':') } };
  for (const found of [{ command: name, env: {} }, { command: `/usr/sbin/${name}`, env: {} }, own]) {
    if (trouble(found.command, [version], { env: { ...process.env, ...found.env } }) === undefined) return found;
  }
  if (!mayFetch) return { reason: `${name} is missing` };
  const failure = fetch(packages);
  if (failure !== undefined) return { reason: `${name} is missing, and could not be had (${failure})` };
  return balancer(name);
}

/** Unpacks packages; why it did not work, or undefined. */
function fetch(packages) {
  mkdirSync(root, { recursive: true });
  // Lists of packages are kept up to date by root alone; others take them as they are.
  if (process.getuid?.() === 0) trouble('apt-get', ['update', '-q']);
  const failure = trouble('apt-get', ['download', '-q', ...packages], { cwd: folder });
  if (failure !== undefined) return failure;
  for (const file of readdirSync(folder).filter((one) => one.endsWith('.deb'))) {
    const unpacked = trouble('dpkg', ['-x', file, root], { cwd: folder });
    if (unpacked !== undefined) return unpacked;
    rmSync(`${folder}${file}`);
  }
  return undefined;
}

/** Runs a command quietly; the last line of what it said when it failed, undefined when it worked. */
function trouble(command, args, options) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (status === 0) return undefined;
  return (error?.message ?? `${stdout}${stderr}`.trim().split('\n').at(-1)) || `it ended with ${status}`;
}

/** The NATS servers tests run: a current one, built from its sources, and the old one of Debian. Both stand below `.tmp/nats`. */
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The current server: changed by hand, so that a test tells the same tomorrow. */
const current = '2.15.3';
/** What builds it, where the Go of the machine is too old to fetch its successor by itself. */
const toolchain = '1.26.8';

const folder = fileURLToPath(new URL('../../../../.tmp/nats/', import.meta.url));
const run = promisify(execFile);

/** `current` has all that is asked of a server, `debian` is the one of Debian 12: no expiry of single keys, no filters of many subjects. */
export type NatsKind = 'current' | 'debian';

export type NatsProgram =
  | { readonly kind: NatsKind; readonly command: string; readonly version: string }
  | { readonly kind: NatsKind; readonly reason: string };

/** What is here now; nothing is fetched. With a reason instead of a command where there is none. */
export function natsPrograms(): readonly NatsProgram[] {
  return [natsProgram('current'), natsProgram('debian')];
}

export function natsProgram(kind: NatsKind): NatsProgram {
  const command = placeOf(kind);
  const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
  const version = /v(\d+\.\d+\.\d+)/.exec(stdout ?? '')?.[1];
  if (version === undefined) return { kind, reason: `${named(kind)} is not in .tmp/nats: npm run cluster readies it` };
  return { kind, command, version };
}

/** Builds and unpacks what is missing; `say` hears of what takes long. Where it cannot be had, the reason tells why. */
export async function readyNats(say: (line: string) => void = () => undefined): Promise<readonly NatsProgram[]> {
  const programs: NatsProgram[] = [];
  for (const kind of ['current', 'debian'] as const) {
    const found = natsProgram(kind);
    programs.push('command' in found ? found : await fetched(kind, say));
  }
  return programs;
}

/** For the last lines of a run: what was not tested, and why. */
export function skippedNats(programs: readonly NatsProgram[]): string[] {
  return programs.flatMap((program) =>
    'reason' in program ? [`Skipped: tests with ${named(program.kind)}, because ${program.reason}`] : [],
  );
}

function named(kind: NatsKind): string {
  return kind === 'current' ? `nats-server ${current}` : "Debian's nats-server";
}

function placeOf(kind: NatsKind): string {
  return kind === 'current' ? `${folder}${current}/nats-server` : `${folder}debian/usr/sbin/nats-server`;
}

async function fetched(kind: NatsKind, say: (line: string) => void): Promise<NatsProgram> {
  await mkdir(folder, { recursive: true });
  const draft = await mkdtemp(`${folder}draft-`);
  try {
    if (kind === 'current') await built(draft, say);
    else await unpacked(draft);
    const place = kind === 'current' ? `${folder}${current}` : `${folder}debian`;
    // Where another run was quicker, what it made is the same.
    if (!existsSync(placeOf(kind))) await rename(draft, place);
  } catch (error) {
    return { kind, reason: lastLine(error) };
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return natsProgram(kind);
}

async function built(draft: string, say: (line: string) => void): Promise<void> {
  const go = await goOf();
  say(`nats-server ${current} is being built, which takes about two minutes the first time.`);
  const module = `github.com/nats-io/nats-server/v2@v${current}`;
  await run(go, ['install', '-trimpath', '-ldflags=-s', module], { env: { ...process.env, GOBIN: draft } });
}

/** A Go that can build the server. From 1.21 on it fetches the version it needs; an older one fetches it for us, as a module. */
async function goOf(): Promise<string> {
  for (const go of ['go', '/usr/local/go/bin/go']) {
    const { stdout } = spawnSync(go, ['version'], { encoding: 'utf8' });
    const minor = Number(/go1\.(\d+)/.exec(stdout ?? '')?.[1]);
    if (minor >= 21) return go;
    if (!Number.isNaN(minor)) return await youngerGo(go);
  }
  throw new Error('Go is missing');
}

async function youngerGo(go: string): Promise<string> {
  const system = `${platform()}-${arch() === 'x64' ? 'amd64' : arch()}`;
  const module = `golang.org/toolchain@v0.0.1-go${toolchain}.${system}`;
  const { stdout } = await run(go, ['mod', 'download', '-json', module]);
  const { Dir: root } = JSON.parse(stdout) as { Dir: string };
  // Files of modules are no programs until somebody says so.
  const tools = `${root}/pkg/tool/${system.replace('-', '_')}`;
  for (const file of [`${root}/bin/go`, ...readdirSync(tools).map((name) => `${tools}/${name}`)])
    chmodSync(file, 0o755);
  return `${root}/bin/go`;
}

/** Debian's package unpacked, which needs no root and starts nothing. */
async function unpacked(draft: string): Promise<void> {
  // Lists of packages are kept up to date by root alone; others take them as they are.
  if (process.getuid?.() === 0) await run('apt-get', ['update', '-q']);
  await run('apt-get', ['download', '-q', 'nats-server'], { cwd: draft });
  const [file] = readdirSync(draft);
  if (file === undefined) throw new Error('apt-get left no package');
  await run('dpkg', ['-x', file, draft], { cwd: draft });
  await rm(`${draft}/${file}`);
}

/** The last line of what a command said before it failed. */
function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr || message).trim().split('\n').at(-1) ?? message;
}

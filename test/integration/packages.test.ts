/** The packages as users get them: built, packed, installed into an empty project, and used there. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, '../..');
const tsc = commandOf('typescript', 'tsc');
const published = readdirSync(join(root, 'packages'))
  .map((folder) => ({ folder, manifest: manifestIn(join(root, 'packages', folder)) }))
  .filter(({ folder, manifest }) => !manifest.private && existsSync(join(root, 'packages', folder, 'src/index.ts')));
const entries = published.flatMap(({ manifest }) =>
  Object.entries(manifest.exports)
    // What is exported as a file is there to be served, or to be read, not to be imported.
    .filter(([, target]) => typeof target !== 'string')
    .map(([subpath]) => manifest.name + subpath.slice(1)),
);

const resolutions = [
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
] as const;

describe('the packed packages, installed into an empty project', () => {
  const tarballs = new Map<string, string>();
  let shelf: string;
  let project: string;

  beforeAll(async () => {
    shelf = await mkdtemp(join(tmpdir(), 'cometd-packed-'));
    project = await mkdtemp(join(tmpdir(), 'cometd-user-'));
    await run(root, process.execPath, [tsc, '-b', ...published.map(({ folder }) => `packages/${folder}`)]);
    await run(root, process.execPath, ['packages/client/bundle.js']);
    const folders = published.map(({ folder }) => `./packages/${folder}`);
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', shelf, ...folders];
    for (const { name, filename } of packedFiles(JSON.parse(await run(root, 'npm', args))))
      tarballs.set(name, join(shelf, filename));
    await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
    const types = `@types/node@${manifestIn(join(root, 'node_modules/@types/node')).version}`;
    // Entries for somebody else's package are for those who have it.
    const peers = published
      .flatMap(({ manifest }) => Object.keys(manifest.peerDependencies ?? {}))
      .map((name) => `${name}@${manifestIn(join(root, 'node_modules', name)).version}`);
    const wanted = [types, ...peers, ...tarballs.values()];
    await run(project, 'npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...wanted]);
  }, 180_000);

  afterAll(() => Promise.all([shelf, project].filter(Boolean).map((folder) => rm(folder, { recursive: true }))));

  it('are all that is meant to be published', () => {
    expect(published.map(({ manifest }) => manifest.name)).toContain('@cometd-ts/protocol');
    expect([...tarballs.keys()]).toEqual(published.map(({ manifest }) => manifest.name));
  });

  describe.each(published)('$manifest.name', ({ manifest }) => {
    it('ships every file its exports and its commands name, sources included', () => {
      const home = join(project, 'node_modules', manifest.name);
      const targets = Object.values(manifest.exports).flatMap((target) =>
        typeof target === 'string' ? [target] : Object.values(target),
      );
      const named = [...targets, ...Object.values(manifest.bin ?? {}), 'LICENSE'];
      // A pattern names a folder.
      expect(named.filter((file) => !existsSync(join(home, file.replace('*', ''))))).toEqual([]);
    });

    it('leaves publint nothing to say', async () => {
      const report = await run(shelf, process.execPath, [
        commandOf('publint', 'publint'),
        'run',
        tarball(),
        '--strict',
      ]);
      expect(report).toContain('All good!');
    });

    it('has types that attw finds right for an ESM-only package', async () => {
      const attw = commandOf('@arethetypeswrong/cli', 'attw');
      const args = [attw, tarball(), '--profile', 'esm-only', '--no-color', '--no-emoji', '--format', 'ascii'];
      // attw ends with a status of its own when it finds a problem, which makes run() throw with the table.
      expect(await run(shelf, process.execPath, args)).toContain('node16 (from ESM): OK (ESM)');
    });

    for (const command of Object.keys(manifest.bin ?? {})) {
      it(`has the command ${command}, which explains itself`, async () => {
        expect(await run(project, join(project, 'node_modules/.bin', command), ['--help'])).toContain(command);
      });
    }

    const tarball = (): string => tarballs.get(manifest.name) ?? '';
  });

  describe('have the entry', () => {
    let complaints: readonly string[];

    beforeAll(async () => {
      complaints = await complaintsOfCompiler(project);
    }, 120_000);

    describe.each(entries)('%s', (entry) => {
      it('exports to an ES module what its source exports', async () => {
        const print = `import * as entry from '${entry}'; console.log(JSON.stringify(Object.keys(entry)))`;
        const output = await run(project, process.execPath, ['--input-type=module', '-e', print]);
        // To an ES module, what CommonJS exports is the default as well.
        const names: string[] = JSON.parse(output);
        expect(names.filter((name) => !['default', 'module.exports'].includes(name))).toEqual(await namesOf(entry));
      });

      it('exports the same to require()', async () => {
        const print = `console.log(JSON.stringify(Object.keys(require('${entry}'))))`;
        const output = await run(project, process.execPath, ['--no-warnings', '--input-type=commonjs', '-e', print]);
        const names: string[] = JSON.parse(output);
        expect(names.filter((name) => name !== '__esModule')).toEqual(await namesOf(entry));
      });

      it.each(resolutions)('has types under module $module, moduleResolution $moduleResolution', (resolution) => {
        const own = `${projectOf(entry, resolution)}/right.ts`;
        expect(complaints.filter((line) => line.startsWith(own) || !/^entry-\d/.test(line))).toEqual([]);
      });

      it.each(resolutions)('has types under $module that object to a name it does not export', (resolution) => {
        const own = `${projectOf(entry, resolution)}/wrong.ts`;
        expect(complaints.filter((line) => line.startsWith(own))).toEqual([
          expect.stringMatching(/TS2305.*nothingOfTheKind/),
        ]);
      });
    });
  });
});

function manifestIn(folder: string): Manifest & { readonly version: string } {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

// The script behind a command of a devDependency, to be run with the Node.js that runs this test.
function commandOf(name: string, command: string): string {
  const home = join(root, 'node_modules', name);
  const { bin } = manifestIn(home);
  const script = typeof bin === 'string' ? bin : bin?.[command];
  if (!script) throw new Error(`${name} has no command ${command}`);
  return join(home, script);
}

// npm 10 and 11 answer with a list, npm 12 with an object by package name.
function packedFiles(answer: unknown): { readonly name: string; readonly filename: string }[] {
  return Object.values(answer as Record<string, { name: string; filename: string }>);
}

/** The folder of the program that uses an entry, and nothing else. */
function projectOf(entry: string, { moduleResolution }: (typeof resolutions)[number]): string {
  return `entry-${entries.indexOf(entry)}-${moduleResolution}`;
}

/** What the compiler says to all those programs: to each for itself, but in one go, which is far quicker. */
async function complaintsOfCompiler(project: string): Promise<string[]> {
  const folders: string[] = [];
  for (const entry of entries) {
    const names = await namesOf(entry);
    for (const resolution of resolutions) {
      const folder = join(project, projectOf(entry, resolution));
      const sources = {
        'right.ts': `import * as entry from '${entry}';\nexport const names: (keyof typeof entry)[] = ${JSON.stringify(names)};\n`,
        'wrong.ts': `import { nothingOfTheKind } from '${entry}';\nnothingOfTheKind();\n`,
      };
      const compilerOptions = {
        target: 'es2023',
        lib: ['es2023'],
        types: ['node'],
        ...resolution,
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        skipLibCheck: false,
      };
      await mkdir(folder);
      for (const [name, text] of Object.entries(sources)) await writeFile(join(folder, name), text);
      await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: Object.keys(sources) }));
      folders.push(folder);
    }
  }
  // It ends with a status of its own, because of the wrong names.
  const args = [tsc, '-b', '--pretty', 'false', '--singleThreaded', ...folders];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: project }).catch(
    (error) => error,
  );
  return `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
}

// The values an entry exports, as its source lists them: the tests resolve packages to sources.
async function namesOf(entry: string): Promise<string[]> {
  return Object.keys(await import(entry)).sort();
}

async function run(cwd: string, command: string, args: readonly string[]): Promise<string> {
  // Under `npm test` these would make an inner npm work on this repository instead of on `cwd`.
  const { npm_config_local_prefix, npm_config_prefix, npm_config_workspace, ...env } = process.env;
  try {
    const { stdout } = await promisify(execFile)(command, args, { cwd, env, maxBuffer: 32 << 20 });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

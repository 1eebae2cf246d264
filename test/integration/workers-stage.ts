/** `cometd serve --workers` as a person runs it: the command, bundled from the sources, and clients on a connection of each worker. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '../..');

export interface Serving {
  readonly url: string;
  readonly child: ChildProcess;
  /** All it has said, on both ways. */
  output(): string;
  /** Resolves when the text is there; rejects when the process ends without it. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<number | null>;
}

export interface Stage {
  readonly folder: string;
  /** Runs `cometd serve` on a free port with these flags. */
  run(flags: readonly string[], environment?: Readonly<Record<string, string>>): Serving;
  /** Runs it, and waits until it listens. */
  serve(flags: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Serving>;
  /** Writes a file; answers its path. */
  write(name: string, text: string): Promise<string>;
  /** Ends what still runs. */
  clear(): void;
  close(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  // Below the repository, so that the packages it needs are found.
  await mkdir(path.join(root, '.tmp'), { recursive: true });
  const folder = await mkdtemp(path.join(root, '.tmp/workers-'));
  const bin = path.join(folder, 'bin/cometd.js');
  await build({
    entryPoints: {
      'dist/index': path.join(root, 'packages/cli/src/index.ts'),
      'node_modules/@cometd-ts/demos/src/index': path.join(root, 'demos/src/index.ts'),
    },
    outdir: folder,
    // What both need is there once, as in an installation.
    splitting: true,
    chunkNames: 'dist/[name]-[hash]',
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['source'],
    logLevel: 'silent',
    plugins: [
      {
        name: 'others',
        // Packages of others are loaded as they are.
        setup: ({ onResolve }) =>
          onResolve({ filter: /^[^.]/ }, ({ path: name, kind }) =>
            kind === 'entry-point' || name.startsWith('@cometd-ts/') ? null : { external: true },
          ),
      },
    ],
  });
  const demos = path.join(folder, 'node_modules/@cometd-ts/demos');
  await writeFile(path.join(demos, 'package.json'), '{ "type": "module", "exports": "./src/index.js" }');
  await symlink(path.join(root, 'demos/public'), path.join(demos, 'public'), 'junction');
  await mkdir(path.dirname(bin));
  await copyFile(path.join(root, 'packages/cli/bin/cometd.js'), bin);
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module", "version": "0.1.0" }');
  const children: ChildProcess[] = [];
  const run: Stage['run'] = (flags, environment = {}) => {
    const child = spawn(process.execPath, [bin, 'serve', '--port', '0', ...flags], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? '', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let output = '';
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
      child.emit('said');
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const ended = once(child, 'close').then(([code]) => code as number | null);
    const said = (pattern: RegExp): Promise<RegExpExecArray> =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(output);
          if (match) resolve(match);
        };
        child.on('said', look);
        child.on('close', () => reject(new Error(`ended without ${pattern}; it said:\n${output}`)));
        look();
      });
    return { url: '', child, output: () => output, said, ended };
  };
  return {
    folder,
    run,
    serve: async (flags, environment) => {
      const serving = run(flags, environment);
      const [, url = ''] = await serving.said(/^CometD is listening on (\S+)$/m);
      return { ...serving, url };
    },
    write: async (name, text) => {
      const file = path.join(folder, name);
      await writeFile(file, text);
      return file;
    },
    clear: () => {
      for (const child of children.splice(0)) child.kill('SIGKILL');
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

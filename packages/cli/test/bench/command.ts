/** The command `cometd`, bundled from the sources, in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '../..');

export interface Running {
  readonly child: ChildProcess;
  output(): string;
  /** Resolves with a line that matches, or rejects when the process ends without it. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<number | null>;
}

export interface Command {
  readonly folder: string;
  run(args: readonly string[], input?: string): Running;
  close(): Promise<void>;
}

export async function installCommand(): Promise<Command> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cometd-bench-'));
  const bin = path.join(folder, 'bin/cometd.js');
  await build({
    entryPoints: [path.join(root, 'src/index.ts')],
    outfile: path.join(folder, 'dist/index.js'),
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
  await mkdir(path.dirname(bin));
  await copyFile(path.join(root, 'bin/cometd.js'), bin);
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module", "version": "0.1.0" }');
  await symlink(path.join(root, '../../node_modules'), path.join(folder, 'node_modules'), 'junction');
  const children: ChildProcess[] = [];
  return {
    folder,
    run: (args, input) => {
      const child = spawn(process.execPath, [bin, ...args], {
        cwd: folder,
        env: { PATH: process.env.PATH ?? '', XDG_CONFIG_HOME: path.join(folder, 'config') },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      children.push(child);
      child.stdin.end(input ?? '');
      let output = '';
      const collect = (chunk: Buffer): void => {
        output += chunk.toString();
      };
      child.stdout.on('data', collect);
      child.stderr.on('data', collect);
      return {
        child,
        output: () => output,
        ended: once(child, 'close').then(([code]) => code as number | null),
        line: (pattern) =>
          new Promise((resolve, reject) => {
            const look = (): void => {
              const match = pattern.exec(output);
              if (match) resolve(match);
            };
            child.stdout.on('data', look);
            child.on('close', () => reject(new Error(`ended without ${pattern}; printed:\n${output}`)));
            look();
          }),
      };
    },
    close: async () => {
      for (const child of children) child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

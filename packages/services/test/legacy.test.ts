import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Inject, Listener } from '../src/index.ts';
import { tell, told } from './both-ways.ts';

const root = join(import.meta.dirname, '../../..');
const services = join(import.meta.dirname, 'both-ways.ts');

async function workshop(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cometd-legacy-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

describe('the decorators of services', () => {
  it('work as standard decorators', async () => {
    expect(await tell()).toEqual(told);
  });

  it.each([true, false])('work with experimentalDecorators, fields being defined: %s', async (defined) => {
    const outfile = join(await workshop(), 'both-ways.cjs');
    await build({
      entryPoints: [services],
      outfile,
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      conditions: ['source'],
      external: ['bufferutil', 'utf-8-validate'],
      tsconfigRaw: { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: defined } },
      logLevel: 'silent',
    });
    const compiled: { tell: typeof tell } = createRequire(import.meta.url)(outfile);
    expect(await compiled.tell()).toEqual(told);
  });

  it('have types for experimentalDecorators, which object to methods that do not fit', async () => {
    const folder = await workshop();
    const wrong = join(folder, 'wrong.ts');
    await writeFile(
      wrong,
      `import { Listener, PostConstruct } from '${join(root, 'packages/services/src/index.ts')}';
export class Wrong {
  @Listener('/a/{room}')
  fits(_: unknown, __: unknown, { room }: { room: string }): boolean {
    return room !== '';
  }
  @Listener('/a/{room}')
  other(_: unknown, __: unknown, { rom }: { rom: string }): boolean {
    return rom !== '';
  }
  @PostConstruct
  begin(n: number): void {
    this.begin(n);
  }
}
`,
    );
    const compilerOptions = {
      experimentalDecorators: true,
      allowImportingTsExtensions: true,
      rewriteRelativeImportExtensions: false,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    };
    const config = {
      extends: join(root, 'tsconfig.tests.json'),
      compilerOptions,
      include: [],
      files: [services, wrong],
    };
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const { stdout } = await promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['-p', folder]).catch(
      (error: { stdout: string }) => error,
    );
    expect([...stdout.matchAll(/wrong\.ts\((\d+),/g)].map(([, line]) => line)).toEqual(['7', '11']);
    expect(stdout).not.toContain('both-ways.ts');
  });

  it('say of a static member, and of a getter, that they are in the wrong place', () => {
    class Wrong {
      static hear(): boolean {
        return true;
      }
      get bayeux(): undefined {
        return undefined;
      }
    }
    const decorate = (decorator: unknown, target: object, name: string) => () =>
      (decorator as (...args: unknown[]) => void)(target, name, Object.getOwnPropertyDescriptor(target, name));
    expect(decorate(Listener('/a'), Wrong, 'hear')).toThrow('static');
    expect(decorate(Inject, Wrong.prototype, 'bayeux')).toThrow('it belongs on a field');
  });
});

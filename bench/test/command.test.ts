/** The command itself, bundled from its sources, measures next to nothing: it shall not rot between real measurements. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readResults } from '../src/compare/results.ts';

const root = join(import.meta.dirname, '..');

describe('npm run bench', () => {
  let folder: string;

  beforeAll(async () => {
    // Beside `src`, so that the packages of others are found.
    await mkdir(join(root, '.tmp'), { recursive: true });
    folder = await mkdtemp(join(root, '.tmp/bench-'));
    await build({
      entryPoints: ['main', 'servers/main', 'load/main'].map((name) => join(root, 'src', `${name}.ts`)),
      outdir: folder,
      bundle: true,
      splitting: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      conditions: ['source'],
      logLevel: 'silent',
      plugins: [
        {
          name: 'others',
          setup: ({ onResolve }) =>
            onResolve({ filter: /^[^.]/ }, ({ path, kind }) =>
              kind === 'entry-point' || path.startsWith('@cometd-ts/') ? null : { external: true },
            ),
        },
      ],
    });
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  function bench(...args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
    return promisify(execFile)(process.execPath, [join(folder, 'main.js'), ...args]);
  }

  it('measures, and keeps what it measured', async () => {
    const file = join(folder, 'some.json');
    await writeFile(file, '{"parts":[],"runs":[],"failures":[],"absent":{}}');
    const scenarios = ['--only', 'fan-out', '--servers', 'ours,floor', '--clients', '20'];
    const little = ['--rounds', '1', '--seconds', '0.2', '--retries', '0', '--into', file];
    const { stdout } = await bench('compare', ...scenarios, ...little);

    const { runs, failures } = readResults(file);
    expect(failures).toEqual([]);
    expect(runs.map(({ server }) => server)).toEqual(['ours', 'floor']);
    for (const { cost, rate, latency } of runs) {
      expect(cost).toBeGreaterThan(0);
      expect(rate).toBeGreaterThan(0);
      expect(latency?.p50).toBeGreaterThan(0);
    }
    expect(stdout).toMatch(/\| fan-out +\| floor/);
    expect(await readFile(join(folder, 'some.html'), 'utf8')).toContain('<svg');
  }, 60_000);

  it('lists what it would measure', async () => {
    const { stdout } = await bench('--list', '--group', 'memory', '--rounds', '1');
    expect(stdout).toMatch(/^memory +memory +ours, java/m);
    expect(stdout).toMatch(/runs in 1 round: about \d+ min/);
  });

  it('says what is wrong with flags', async () => {
    await expect(bench('--only', 'everything')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("There is no 'everything'"),
    });
  });
});

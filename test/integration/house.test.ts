import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, '../..');
const folders = [
  '.',
  'demos',
  'interop',
  'bench',
  ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`),
];
const manifests = folders
  .map((folder) => join(root, folder, 'package.json'))
  .filter((file) => existsSync(file))
  .map((file): Manifest => JSON.parse(readFileSync(file, 'utf8')));

describe('the manifests of the house', () => {
  it('have one version and one licence', () => {
    expect([...new Set(manifests.map(({ version }) => version))]).toHaveLength(1);
    expect([...new Set(manifests.map(({ license }) => license))]).toEqual(['Apache-2.0']);
  });

  it.each(manifests)('$name pins every dependency exactly', (manifest) => {
    const loose = Object.entries(installed(manifest)).filter(
      ([, range]) => !/^(npm:[\w@/-]+@)?\d+\.\d+\.\d+$/.test(range),
    );
    expect(loose).toEqual([]);
  });

  it.each(manifests)('$name has no dependency that CONTRIBUTING.md does not defend', (manifest) => {
    const defended = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .join('\n');
    const names = Object.keys({ ...installed(manifest), ...manifest.peerDependencies });
    const foreign = names.filter((name) => !manifests.some((ours) => ours.name === name));
    expect(foreign.filter((name) => !defended.includes(`\`${name}\``))).toEqual([]);
  });
});

function installed(manifest: Manifest): Record<string, string> {
  return { ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.devDependencies };
}

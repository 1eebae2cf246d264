/** Unpacks the Chromium that npm brought, once for all browser tests of all runs on this machine. */
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestProject } from 'vitest/node';

/** Where the unpacked browser stands and what must be in the environment of its process. */
export interface UnpackedChromium {
  readonly executablePath: string;
  readonly env: Readonly<Record<string, string>>;
}

declare module 'vitest' {
  interface ProvidedContext {
    chromium: UnpackedChromium;
  }
}

/** Called by vitest before the first browser test. */
export async function setup(project: TestProject): Promise<void> {
  const home = join(tmpdir(), `cometd-chromium-${version()}`);
  if (!existsSync(home)) await unpack(home);
  project.provide('chromium', {
    executablePath: join(home, 'chromium'),
    env: { LD_LIBRARY_PATH: join(home, 'al2023', 'lib'), FONTCONFIG_PATH: join(home, 'fonts'), HOME: home },
  });
}

// The package unpacks to TMPDIR, and brings its own shared libraries only when it believes to be in a Lambda of this
// name. Both are read from the environment, so the environment is lent to it and taken back.
async function unpack(home: string): Promise<void> {
  const draft = await mkdtemp(`${home}-`);
  const before = { ...process.env };
  Object.assign(process.env, { TMPDIR: draft, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' });
  try {
    const { default: chromium } = await import('@sparticuz/chromium');
    await chromium.executablePath();
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  }
  await writeFile(join(draft, 'fonts', 'fonts.conf'), fontsIn(home));
  try {
    await rename(draft, home);
  } catch (error) {
    // Another run was quicker: what it unpacked is the same.
    await rm(draft, { recursive: true });
    if (!existsSync(home)) throw error;
  }
}

// The package's own list of font folders knows only the folders of a Lambda.
function fontsIn(home: string): string {
  const folders = [join(home, 'fonts'), '/usr/share/fonts'].map((folder) => `<dir>${folder}</dir>`).join('');
  return `<?xml version="1.0"?><fontconfig>${folders}<cachedir>${join(home, 'font-cache')}</cachedir></fontconfig>`;
}

function version(): string {
  const require = createRequire(import.meta.url);
  const { version } = require(join(dirname(require.resolve('@sparticuz/chromium')), '../../package.json'));
  return version;
}

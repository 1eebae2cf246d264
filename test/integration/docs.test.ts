/** Every code block of the documentation compiles and runs, and says what the page says it says. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
await mkdir(path.join(root, '.tmp'), { recursive: true });
/** Each run has its own, so that two at once do not disturb each other. */
const workshop = await mkdtemp(path.join(root, '.tmp/snippets-'));

/**
 * A TypeScript block of a page: `ts file=client.ts with=server.ts` runs while the block `server.ts` of that page does;
 * `ts legacy` is compiled with `experimentalDecorators`.
 */
interface Snippet {
  readonly page: string;
  readonly line: number;
  readonly file: string;
  readonly with: string | undefined;
  readonly isLegacy: boolean;
  readonly code: string;
  /** What it prints, in this order: the comments that begin with an arrow. */
  readonly prints: readonly string[];
}

async function pages(): Promise<string[]> {
  const found = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md'];
  for (const folder of ['docs', 'packages', 'demos', 'bench', 'interop']) {
    for (const name of await readdir(path.join(root, folder), { recursive: true })) {
      if (name.endsWith('.md') && !name.includes('node_modules') && !name.includes('results'))
        found.push(path.join(folder, name));
    }
  }
  return found.sort();
}

function snippetsOf(page: string, text: string): Snippet[] {
  const snippets: Snippet[] = [];
  for (const block of text.matchAll(/^```ts([^\n]*)\n(.*?)^```/gms)) {
    const [, info = '', code = ''] = block;
    const line = text.slice(0, block.index).split('\n').length + 1;
    const attribute = (name: string): string | undefined => new RegExp(`\\b${name}=(\\S+)`).exec(info)?.[1];
    const prints = [...code.matchAll(/\/\/ → (.*)$/gm)].map((match) => match[1] ?? '');
    const isLegacy = /\blegacy\b/.test(info);
    const file = attribute('file') ?? `line-${line}.ts`;
    snippets.push({ page, line, file, with: attribute('with'), isLegacy, code, prints });
  }
  return snippets;
}

const all = (
  await Promise.all(
    (await pages()).map(async (page) => snippetsOf(page, await readFile(path.join(root, page), 'utf8'))),
  )
).flat();

function folderOf(snippet: Snippet): string {
  return path.join(workshop, snippet.page.replace(/\W+/g, '-'));
}

/** A port to take the place of 8080 on the page, until it is given back. */
interface Lease {
  readonly port: number;
  end(): void;
}

/**
 * A port below those that the system gives to whoever asks for any. Who leases it holds the UDP port of the same number
 * meanwhile, so that other runs pass it over from before the snippet listens until after it has ended.
 */
async function leasePort(): Promise<Lease> {
  const port = 20_000 + Math.floor(Math.random() * 12_000);
  const guard = createSocket('udp4');
  guard.bind({ port, address: '127.0.0.1', exclusive: true });
  const isOurs = await once(guard, 'listening').then(
    () => isFree(port),
    () => false,
  );
  if (isOurs) return { port, end: () => guard.close() };
  guard.close();
  return leasePort();
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port);
  const listens = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  if (!listens) return false;
  server.close();
  await once(server, 'close');
  return true;
}

/** Packages of others are loaded as they are. */
function others({ path: name, kind }: { path: string; kind: string }): { external: true } | null {
  return kind === 'entry-point' || name.startsWith('@cometd-ts/') ? null : { external: true };
}

/** Bundles a snippet with the sources of our packages, so that it runs without a build. */
async function bundle(snippet: Snippet, port: number): Promise<string> {
  const folder = folderOf(snippet);
  const outfile = path.join(folder, `${snippet.file}.${port}.mjs`);
  await build({
    stdin: {
      contents: snippet.code.replaceAll('8080', String(port)),
      loader: 'ts',
      resolveDir: folder,
      sourcefile: snippet.file,
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['source'],
    plugins: [{ name: 'ours-only', setup: (setup) => setup.onResolve({ filter: /^[^./]/ }, others) }],
    outfile,
    ...(snippet.isLegacy && { tsconfigRaw: { compilerOptions: { experimentalDecorators: true } } }),
    logLevel: 'silent',
  });
  return outfile;
}

/** Runs a program until it has printed all of `prints`; answers what it printed. */
async function run(file: string, prints: readonly string[], children: ChildProcess[]): Promise<string> {
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  let errors = '';
  const missing = (): string | undefined => {
    let from = 0;
    return prints.find((line) => {
      const at = output.indexOf(line, from);
      from = at + line.length;
      return at < 0;
    });
  };
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (prints.length > 0 && missing() === undefined) resolve();
    });
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    child.on('exit', (code) => {
      if (code === 0 && missing() === undefined) resolve();
      else reject(new Error(`exit ${code}; not printed: ${missing()}; printed:\n${output}\n${errors}`));
    });
  });
  return output;
}

describe('the documentation', () => {
  beforeAll(async () => {
    for (const snippet of all) {
      await mkdir(folderOf(snippet), { recursive: true });
      await writeFile(path.join(folderOf(snippet), snippet.file), snippet.code);
    }
  });

  afterAll(() => rm(workshop, { recursive: true, force: true }));

  it('has code on its pages', () => {
    expect(all.filter((snippet) => snippet.page === 'README.md').length).toBeGreaterThan(1);
  });

  it('has code that compiles', async () => {
    const old = all.filter((snippet) => snippet.isLegacy);
    const files = old.map((snippet) => path.join(folderOf(snippet), snippet.file));
    const extending = { extends: '../../tsconfig.tests.json' };
    const compilerOptions = { moduleDetection: 'force' };
    const configs = {
      'tsconfig.json': { ...extending, compilerOptions, include: ['**/*.ts'], exclude: files },
      'tsconfig.legacy.json': {
        ...extending,
        compilerOptions: { ...compilerOptions, experimentalDecorators: true },
        include: [],
        files,
      },
    };
    const tsc = path.join(root, 'node_modules/.bin/tsc');
    for (const [name, config] of Object.entries(configs)) {
      const file = path.join(workshop, name);
      await writeFile(file, JSON.stringify(config));
      const { stdout } = await promisify(execFile)(tsc, ['-p', file], { cwd: root }).catch((error) => error);
      expect(stdout).toBe('');
    }
  }, 120_000);

  // Most of the time they wait for each other's words: several at once do that in a fraction of it.
  it.concurrent.each(all.map((snippet) => [`${snippet.page}:${snippet.line}`, snippet] as const))(
    'has code that runs: %s',
    async (_title, snippet) => {
      const children: ChildProcess[] = [];
      const { port, end } = await leasePort();
      try {
        if (snippet.with !== undefined) {
          const server = all.find((other) => other.page === snippet.page && other.file === snippet.with);
          if (!server) throw new Error(`${snippet.page} has no block named ${snippet.with}`);
          await run(await bundle(server, port), server.prints, children);
        }
        await run(await bundle(snippet, port), snippet.prints, children);
      } finally {
        const ended = children.filter((child) => child.exitCode === null).map((child) => once(child, 'exit'));
        for (const child of children) child.kill('SIGKILL');
        await Promise.all(ended);
        end();
      }
    },
  );

  it('has links that lead somewhere', async () => {
    const broken: string[] = [];
    for (const page of await pages()) {
      const text = await readFile(path.join(root, page), 'utf8');
      for (const [, target = ''] of text.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)) {
        const [file = '', anchor] = target.split('#');
        const full = file === '' ? path.join(root, page) : path.resolve(path.dirname(path.join(root, page)), file);
        const content = await readFile(full, 'utf8').catch((error) => (error.code === 'EISDIR' ? '' : undefined));
        if (content === undefined) broken.push(`${page}: ${target}`);
        else if (anchor !== undefined && content !== '' && !anchorsOf(content).has(anchor))
          broken.push(`${page}: ${target}`);
      }
    }
    expect(broken).toEqual([]);
  });
});

/** The anchors that a page's headings make. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map((match) => match[1] ?? '');
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replace(/\s/g, '-'),
    ),
  );
}

// Measures what a page loads, minified and compressed, beside other clients. Fails when ours outgrows its budget.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const home = import.meta.dirname;
const source = join(home, 'src/index.ts');
const { resolve } = createRequire(import.meta.url);

/** What is measured: name, import, and the most it may weigh, in bytes after gzip. */
const bundles = [
  ['BayeuxClient, websocket, long-polling', `export { BayeuxClient } from '${source}'`, 15_700],
  ['CometD, three transports', `export { CometD } from '${source}'`, 13_350],
  ['cometd 9, the same three', "export { CometD } from 'cometd'"],
  ['socket.io-client', "export { io } from 'socket.io-client'"],
];

let failed = false;
console.log('Bytes of a bundle (esbuild)                minified   gzip   budget');
for (const [name, contents, budget] of bundles) {
  const bytes = await measure(contents);
  if (!bytes) continue;
  const over = budget !== undefined && bytes.gzip > budget;
  failed ||= over;
  const columns = [bytes.minified, bytes.gzip, budget ?? ''].map((value) => String(value).padStart(8));
  console.log(`${name.padEnd(42)}${columns.join(' ')}${over ? '  too big' : ''}`);
}
process.exitCode = failed ? 1 : 0;

/** Undefined for a peer that is not installed. */
async function measure(contents) {
  const [, peer] = /from '([\w.-]+)'/.exec(contents) ?? [];
  if (peer && !isInstalled(peer)) return undefined;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: home },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['source'],
    write: false,
  });
  const [{ contents: code }] = outputFiles;
  return { minified: code.length, gzip: gzipSync(code, { level: 9 }).length };
}

function isInstalled(name) {
  try {
    resolve(name);
    return true;
  } catch {
    return false;
  }
}

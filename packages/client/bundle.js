// Writes dist/browser: the client as one classic script and as one module, for pages without a build of their own.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const home = import.meta.dirname;
const out = join(home, 'dist/browser');
rmSync(out, { recursive: true, force: true });
if (process.argv.includes('--clean')) process.exit();

/** @type {import('esbuild').BuildOptions} */
const common = {
  absWorkingDir: home,
  outdir: out,
  bundle: true,
  minify: true,
  sourcemap: true,
  // The sources themselves, so that the bundles do not wait for the compiler.
  conditions: ['source'],
  logLevel: 'warning',
};

// CommonJS and AMD loaders get a module; any other page gets names in `org.cometd`, next to those that are there.
// `window` may be no member of the global object: then both have them.
const opening = `(function (make) {
  if (typeof module === 'object' && module && module.exports) module.exports = make({ exports: {} });
  else if (typeof define === 'function' && define.amd) define([], function () { return make({ exports: {} }); });
  else {
    var root = typeof globalThis === 'object' ? globalThis : self, org = root.org = root.org || {};
    org.cometd = Object.assign(org.cometd || {}, make({ exports: {} }));
    if (typeof window === 'object' && window && window !== root) window.org = org;
  }
})(function (module) {`;

await Promise.all([
  build({
    ...common,
    entryPoints: { cometd: 'src/global.ts' },
    target: 'es2020',
    format: 'cjs',
    // So that the names are written out where Node.js looks for those a CommonJS module exports.
    platform: 'node',
    banner: { js: opening },
    footer: { js: 'return Object.assign({}, module.exports);\n});' },
  }),
  build({
    ...common,
    entryPoints: { client: 'src/index.ts' },
    outExtension: { '.js': '.mjs' },
    target: 'es2022',
    format: 'esm',
    platform: 'browser',
  }),
]);

// For Node.js and TypeScript: what is called .js here is no ES module, and this is what it exports.
writeFileSync(join(out, 'package.json'), '{ "type": "commonjs" }\n');
const names = `typeof import('../global.js', { with: { 'resolution-mode': 'import' } })`;
writeFileSync(join(out, 'cometd.d.ts'), `declare const cometd: ${names};\nexport = cometd;\n`);

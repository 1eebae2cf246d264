// Writes dist/browser, for pages without a build of their own: the client as one classic script and as one module, and
// the bindings for the toolkits.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const home = import.meta.dirname;
const out = join(home, 'dist/browser');

/** How a script gets what it needs from each kind of loader: names of modules, and of globals. */
const needs = {
  jquery: {
    commonJS: ['jquery', './cometd.js'],
    amd: ['jquery', 'cometd/cometd'],
    globals: ['jQuery', 'org.cometd'],
  },
  jqueryExtension: {
    commonJS: ['./jquery.cometd.js', './cometd.js'],
    amd: ['jquery.cometd', 'cometd/cometd'],
    globals: ['jQuery.cometd', 'org.cometd'],
  },
  angular: {
    commonJS: ['angular', './cometd.js'],
    amd: ['angular', 'cometd/cometd'],
    globals: ['angular', 'org.cometd'],
  },
  dojo: { amd: ['dojo/_base/lang', 'dojo/request/xhr', 'dojo/request/script', 'cometd/cometd'] },
  dojoExtension: { amd: ['dojox/cometd', 'cometd/cometd'] },
};

if (process.argv.includes('--clean')) rmSync(out, { recursive: true, force: true });
else await writeAll();

async function writeAll() {
  const client = { entryPoints: ['src/index.ts'], bundle: true, platform: 'browser', format: 'esm', target: 'es2022' };
  const scripts = [
    ['jquery.cometd.js', binding('jquery', needs.jquery)],
    ['angular.cometd.js', binding('angular', needs.angular)],
    ['dojox/cometd.js', binding('dojo', needs.dojo)],
  ];
  for (const name of ['Ack', 'Binary', 'Reload', 'TimeStamp', 'TimeSync']) {
    const file = name.toLowerCase();
    scripts.push([`jquery.cometd-${file}.js`, extension(name, needs.jqueryExtension)]);
    scripts.push([`dojox/cometd/${file}.js`, extension(name, needs.dojoExtension)]);
  }
  await Promise.all([save('client.mjs', client), save('cometd.js', classic()), ...scripts.map((one) => save(...one))]);
  // For Node.js and TypeScript: what is called .js here is no ES module, and this is what the classic script exports.
  put('package.json', '{ "type": "commonjs" }\n');
  const names = `typeof import('../global.js', { with: { 'resolution-mode': 'import' } })`;
  put('cometd.d.ts', `declare const cometd: ${names};\nexport = cometd;\n`);
}

/** All of the client in one script. Without a loader its names go into `org.cometd`, next to those that are there. */
function classic() {
  const globals = `{
    var root = typeof globalThis === 'object' ? globalThis : self, org = root.org = root.org || {};
    org.cometd = Object.assign(org.cometd || {}, make());
    // It may be no member of the global object: then both have them.
    if (typeof window === 'object' && window && window !== root) window.org = org;
  }`;
  return {
    ...script(`${commonJS([])}\n  else ${amd([])}\n  else ${globals}`, 'Object.assign({}, module.exports)'),
    entryPoints: ['src/global.ts'],
    bundle: true,
    inject: ['bundle-es2020.js'],
    define: { 'Object.hasOwn': 'hasOwn' },
  };
}

/** The binding of a toolkit: a function that is called with what the script needs. Of the client it has types only. */
function binding(toolkit, needed) {
  return {
    ...script(load(needed), 'module.exports.bind.apply(null, arguments)'),
    entryPoints: [`src/bindings/${toolkit}.ts`],
    bundle: true,
    external: ['./src/global.ts', './src/transport/*'],
  };
}

/** Registers an extension with a toolkit's default client, under its own name. */
function extension(name, needed) {
  const contents = `
    module.exports.bind = (cometd, names) => {
      const extension = new names.${name}Extension();
      cometd.registerExtension('${name.toLowerCase()}', extension);
      return extension;
    };`;
  return { ...script(load(needed), 'module.exports.bind.apply(null, arguments)'), stdin: { contents } };
}

/** A script for engines of 2020. `loading` says who gets what `make` answers, `result` what that is. */
function script(loading, result) {
  return {
    target: 'es2020',
    format: 'cjs',
    // So that the names are written out where Node.js looks for those a CommonJS module exports.
    platform: 'node',
    banner: { js: `(function (make) {\n  ${loading}\n})(function () {\nvar module = { exports: {} };` },
    footer: { js: `return ${result};\n});` },
  };
}

function load({ commonJS: modules, amd: ids, globals }) {
  const loaders = [modules && commonJS(modules), amd(ids), globals && `make(${globals.join(', ')});`];
  return loaders.filter(Boolean).join('\n  else ');
}

function commonJS(modules) {
  const required = modules.map((module) => `require('${module}')`).join(', ');
  return `if (typeof module === 'object' && module && module.exports) module.exports = make(${required});`;
}

function amd(ids) {
  return `if (typeof define === 'function' && define.amd) define(${JSON.stringify(ids)}, make);`;
}

async function save(file, options) {
  const { outputFiles } = await build({
    ...options,
    absWorkingDir: home,
    outfile: join(out, file),
    minify: true,
    sourcemap: true,
    // The sources themselves, so that the bundles do not wait for the compiler.
    conditions: ['source'],
    logLevel: 'warning',
    write: false,
  });
  for (const { path, contents } of outputFiles) put(path.slice(out.length + 1), contents);
}

/** Replaces a file at once, and only if it changes: a server may be reading it, or npm packing it. */
function put(file, contents) {
  const path = join(out, file);
  if (existsSync(path) && readFileSync(path).equals(Buffer.from(contents))) return;
  mkdirSync(dirname(path), { recursive: true });
  const draft = join(home, `.${file.replaceAll('/', '-')}.${process.pid}`);
  writeFileSync(draft, contents);
  renameSync(draft, path);
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { listen } from './surroundings.ts';

/** The entry as one program, run by a Node.js of its own: this one's globals belong to the test runner. */
async function run(program: string): Promise<{ code: number; output: string }> {
  const bundle = await build({
    stdin: { contents: program, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    conditions: ['source'],
    banner: { js: `import { createRequire } from 'node:module'; const require = createRequire('${import.meta.url}');` },
  });
  const child = spawn(process.execPath, ['--input-type=module'], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(bundle.outputFiles[0]?.text);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  return { code, output };
}

test('Importing and using the platform leaves every global as it was', async () => {
  const { host } = await listen((_request, response) => response.end('[]'));
  const { code, output } = await run(`
    // Node.js fills in some globals when they are first read, so all are read before the first look.
    for (const name of Object.getOwnPropertyNames(globalThis)) globalThis[name];
    const look = () => new Map(
      [globalThis, ...[Object, Array, String, Promise, Error, EventTarget].map((of) => of.prototype)].flatMap((of, at) =>
        Reflect.ownKeys(of).flatMap((key) => {
          const { value, get, set } = Object.getOwnPropertyDescriptor(of, key);
          return [[at + String(key), value], [at + String(key) + ' get', get], [at + String(key) + ' set', set]];
        })));
    const before = look();
    const { nodePlatform } = await import('@cometd-ts/client/node');
    await new Promise((resolve) => nodePlatform({ proxy: false }).request({
      url: 'http://${host}/', headers: {}, body: '[]', onProgress() {}, onResponse: resolve, onError: resolve }));
    const after = look();
    const names = new Set([...before.keys(), ...after.keys()]);
    const changed = [...names].filter((name) => !Object.is(before.get(name), after.get(name)));
    console.log(JSON.stringify({ changed, seen: names.size > 300 }));
  `);
  expect(code).toBe(0);
  expect(JSON.parse(output)).toEqual({ changed: [], seen: true });
});

test('An idle connection does not keep a process alive', async () => {
  const { host, server } = await listen((_request, response) => response.end('[]'));
  server.keepAliveTimeout = 0;
  const { code, output } = await run(`
    import { nodePlatform } from '@cometd-ts/client/node';
    nodePlatform({ proxy: false }).request({
      url: 'http://${host}/', headers: {}, body: '[]', onProgress() {},
      onResponse: (status) => console.log(status), onError: console.log });
  `);
  expect(code).toBe(0);
  expect(output).toBe('200\n');
});

/** The pages of the demos over HTTP: what they say about themselves, and what cannot be had. */
import { execFileSync } from 'node:child_process';
import { createServer, request, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { BayeuxServer } from '@cometd-ts/server';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { demo } from '../src/index.ts';
import { pages } from '../src/pages.ts';

describe('the pages', () => {
  let server: Server;
  let bayeux: BayeuxServer;
  let origin: string;

  beforeAll(async () => {
    execFileSync(process.execPath, [join(import.meta.dirname, '../../packages/client/bundle.js')]);
    bayeux = new BayeuxServer();
    server = createServer(demo(bayeux));
    bayeux.attach(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    await bayeux.stop();
    server.closeAllConnections();
    server.close();
  });

  it.each([
    ['/', 'text/html; charset=utf-8'],
    ['/?from=somewhere', 'text/html; charset=utf-8'],
    ['/chat.css', 'text/css; charset=utf-8'],
    ['/chat.js', 'text/javascript; charset=utf-8'],
    ['/mark.svg', 'image/svg+xml'],
    ['/sky.svg', 'image/svg+xml'],
    ['/classic.html', 'text/html; charset=utf-8'],
    ['/classic.js', 'text/javascript; charset=utf-8'],
    ['/lib/client.js', 'text/javascript; charset=utf-8'],
    ['/lib/cometd.js', 'text/javascript; charset=utf-8'],
  ])('%s is %s', async (path, type) => {
    const { status, headers } = await fetch(origin + path);
    expect([status, headers.get('content-type')]).toEqual([200, type]);
    expect(headers.get('cache-control')).toBe('no-cache');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
  });

  it.each(['/lib/client.js', '/lib/cometd.js'])('%s says where its map is', async (path) => {
    const [, map] = /sourceMappingURL=(.+)/.exec(await (await fetch(origin + path)).text()) ?? [];
    const answer = await fetch(new URL(String(map), origin + path));
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
    expect(await answer.json()).toMatchObject({ version: 3, sourcesContent: expect.any(Array) });
  });

  it('say on their channels what the types of these channels allow', () => {
    const tsc = createRequire(import.meta.url).resolve('typescript/package.json');
    const args = [join(dirname(tsc), 'bin/tsc'), '-p', join(import.meta.dirname, '../jsconfig.json')];
    expect(execFileSync(process.execPath, args, { encoding: 'utf8' })).toBe('');
  });

  it('are not sent again to whoever has them', async () => {
    const etag = String((await fetch(`${origin}/chat.js`)).headers.get('etag'));
    const again = await fetch(`${origin}/chat.js`, { headers: { 'if-none-match': etag } });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  it('say so when there is nothing', async () => {
    const answer = await fetch(`${origin}/nowhere`);
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain('Nothing here');
  });

  it.each([
    '/../package.json',
    '/%2e%2e/package.json',
    '/lib/../../package.json',
    '/lib/package.json',
    '/lib/cometd.d.ts',
    '/..%5cpackage.json',
    '/lib/',
    '//etc/passwd',
  ])('do not lead out of their folder: %s', async (path) => {
    // As it stands: fetch would tidy the path up first.
    const status = await new Promise((resolve, reject) => {
      request(origin, { path }, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(404);
  });

  it('can only be read', async () => {
    const answer = await fetch(`${origin}/`, { method: 'POST', body: 'x' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const head = await fetch(`${origin}/`, { method: 'HEAD' });
    expect([head.status, Number(head.headers.get('content-length')) > 1000]).toEqual([200, true]);
  });
});

describe('the pages of a cluster', () => {
  const open = async (options: Parameters<typeof pages>[0]): Promise<string> => {
    const server = createServer(pages(options));
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  it.each(['auction', 'cloud'])('are those of their folder, and what they load is there: %s', async (folder) => {
    const shared = ['tokens.css', 'chat.css', 'mark.svg', 'sky.svg', 'words.js', 'log.js'];
    const origin = await open({ folder, shared });
    const found = new Map<string, number>();
    const visit = async (path: string): Promise<void> => {
      if (found.has(path)) return;
      found.set(path, 0);
      const answer = await fetch(origin + path);
      found.set(path, answer.status);
      if (path.startsWith('/lib/') || path.endsWith('.svg')) return;
      const text = await answer.text();
      const next = text.matchAll(/(?:href|src)="(\/[\w.]+)"|from '(\.?\/[\w./]+)'|url\("(\/[\w.]+)"\)/g);
      for (const [, link, module, image] of next)
        await visit(new URL(`${link ?? module ?? image}`, origin + path).pathname);
    };
    await visit('/');
    expect([...found.keys()]).toContain(`/${folder}.js`);
    expect([...found].filter(([, status]) => status !== 200)).toEqual([]);
    expect((await fetch(`${origin}/chat.js`)).status).toBe(404);
    expect(await (await fetch(`${origin}/nowhere`)).text()).toContain('Nothing here');
  });

  it('may talk to the other nodes, and to nobody else', async () => {
    const origin = await open({ folder: 'auction', connect: ['http://127.0.0.1:8082'] });
    const policy = String((await fetch(origin)).headers.get('content-security-policy'));
    expect(policy).toContain("connect-src 'self' http://127.0.0.1:8082 ws://127.0.0.1:8082;");
  });
});

/** The pages of the demos, read once: what is not in this list cannot be asked for, whatever the address says. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Page {
  readonly type: string;
  readonly etag: string;
  readonly body: Buffer;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface PagesOptions {
  /** Folder in `public/` to serve at `/`. Default `public/` itself, without its folders. */
  readonly folder?: string;
  /** Files of `public/` that are served as well. */
  readonly shared?: readonly string[];
  /** Origins the pages may talk to, beside their own. */
  readonly connect?: readonly string[];
}

// The object of the classic page keeps time in a worker made of a blob, so that a page in the background is not forgotten.
const policyFor = (connect: readonly string[]): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    ["connect-src 'self'", ...connect.flatMap((origin) => [origin, origin.replace(/^http/, 'ws')])].join(' '),
    'worker-src blob:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

/** Serves pages of `public/` at `/`, and the client for browsers, as it is published, at `/lib/`. */
export function pages({ folder = '', shared = [], connect = [] }: PagesOptions = {}): RequestListener {
  const alwaysThere = {
    'Content-Security-Policy': policyFor(connect),
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cache-Control': 'no-cache',
  } as const;
  const shelf = new Map<string, Page>();
  const home = fileURLToPath(new URL('../public/', import.meta.url));
  for (const name of shared) put(shelf, `/${name}`, join(home, name));
  stack(shelf, '/', join(home, folder));
  stackClient(shelf);
  const index = shelf.get('/index.html');
  const missing = shelf.get('/404.html');
  if (!index || !missing) throw new Error('The pages of the demos are missing: is the folder public/ complete?');
  shelf.set('/', index);

  return (request, response) => {
    const { method = 'GET', url = '/', headers } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { ...alwaysThere, Allow: 'GET, HEAD', 'Content-Length': '0' });
      response.end();
      return;
    }
    const found = shelf.get(url.replace(/[?#].*$/s, ''));
    const page = found ?? missing;
    if (found && headers['if-none-match'] === found.etag) {
      response.writeHead(304, { ...alwaysThere, ETag: found.etag });
      response.end();
      return;
    }
    response.writeHead(found ? 200 : 404, {
      ...alwaysThere,
      'Content-Type': page.type,
      'Content-Length': String(page.body.length),
      ...(found && { ETag: page.etag }),
    });
    response.end(method === 'HEAD' ? undefined : page.body);
  };
}

function stack(shelf: Map<string, Page>, prefix: string, folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isFile()) put(shelf, prefix + entry.name, join(folder, entry.name));
  }
}

/** The client as a module and as a classic script, with their maps under the names that they say. */
function stackClient(shelf: Map<string, Page>): void {
  // Not by the exports: under the condition `source`, as tests have it, those lead to sources.
  const client = dirname(createRequire(import.meta.url).resolve('@cometd-ts/client/package.json'));
  const files = Object.entries({ '/lib/client.js': 'client.mjs', '/lib/cometd.js': 'cometd.js' });
  for (const [path, name] of files) {
    const file = join(client, 'dist/browser', name);
    if (!existsSync(file)) throw new Error(`The pages need ${file}: \`npm run build\` makes it`);
    put(shelf, path, file);
    put(shelf, `/lib/${name}.map`, `${file}.map`);
  }
}

function put(shelf: Map<string, Page>, path: string, file: string): void {
  const type = types[extname(path)];
  if (type === undefined) return;
  const body = readFileSync(file);
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  shelf.set(path, { type, etag, body });
}

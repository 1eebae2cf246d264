/** Pages with our clients on them, bundled from their sources, and a book of everything these pages complain about. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';

let bundle: Promise<string> | undefined;

/** One module for pages, with all that `clients-stage.ts` exports; made once. */
function stage(): Promise<string> {
  bundle ??= build({
    entryPoints: [fileURLToPath(new URL('./clients-stage.ts', import.meta.url))],
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    conditions: ['source'],
    write: false,
  }).then(({ outputFiles }) => `${outputFiles[0]?.text}`);
  return bundle;
}

const html = `<!doctype html><title>Guests</title><link rel="icon" href="data:,">
<script type="module" src="/start.js"></script>`;
const start = `import * as stage from './stage.js'; globalThis.stage = stage;`;

/** `/` is a page with the clients in `stage`, `/strict` the same where nothing but scripts of the page may run, no worker. */
export const ourPages: RequestListener = (request, response) => {
  const [path] = `${request.url}`.split('?');
  const script = path === '/start.js' || path === '/stage.js';
  if (path === '/strict') {
    const { host } = request.headers;
    response.setHeader(
      'content-security-policy',
      `default-src 'none'; script-src 'self'; img-src data:; connect-src 'self' ws://${host}; worker-src 'none'`,
    );
  }
  response.statusCode = script || path === '/' || path === '/strict' ? 200 : 404;
  response.setHeader('content-type', script ? 'text/javascript; charset=utf-8' : 'text/html; charset=utf-8');
  if (path === '/stage.js') stage().then((text) => response.end(text));
  else response.end(script ? start : html);
};

/** An origin that has pages and no Bayeux server. */
export interface Elsewhere {
  readonly port: number;
  close(): void;
}

export async function openElsewhere(): Promise<Elsewhere> {
  const http = createServer(ourPages);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    port: (http.address() as AddressInfo).port,
    close: () => {
      http.close();
      http.closeAllConnections();
    },
  };
}

/** Opens pages, and keeps what they say on the console and what nobody caught. */
export class Guests {
  /** Errors and warnings of all pages. Empty, in a good test. */
  readonly complaints: string[] = [];
  readonly #browser: Browser;
  readonly #contexts: BrowserContext[] = [];

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  async context(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await this.#browser.newContext(options);
    context.setDefaultTimeout(20_000);
    this.#contexts.push(context);
    return context;
  }

  /** A page at this URL, in this context or in a new one. */
  async visit(url: string, context?: BrowserContext): Promise<Page> {
    const page = await (context ?? (await this.context())).newPage();
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    await page.goto(url);
    await staged(page);
    return page;
  }

  /** What the pages complained about, without what the browser itself says of requests that find nobody, or a refusal. */
  get ownComplaints(): string[] {
    const browserSays = /net::ERR_|^WebSocket connection to|^Failed to load resource|^Refused to execute script/;
    return this.complaints.filter((text) => !browserSays.test(text));
  }

  async leave(): Promise<void> {
    for (const context of this.#contexts.splice(0)) await context.close();
  }
}

/** Resolves when the page has its clients. */
export async function staged(page: Page): Promise<void> {
  await page.waitForFunction(() => typeof stage === 'object');
}

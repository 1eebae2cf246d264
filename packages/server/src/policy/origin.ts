/** Which web pages may talk to this server: one rule for POST, JSONP, WebSocket upgrades and CORS. Book section 7.4. */
import type { IncomingHttpHeaders } from 'node:http';

/**
 * `own` for the server's own pages and for clients that are no pages; `foreign` for a listed origin; `anyone` when only
 * `*` allows it, which is never worth a visitor's cookies; null is refused.
 */
export type OriginVerdict = 'own' | 'foreign' | 'anyone' | null;

interface Rule {
  readonly scheme: string;
  /** Host name, without the `*.` of a wildcard. */
  readonly host: string;
  readonly port: string;
  readonly subdomains: boolean;
}

const defaultPorts: ReadonlyMap<string, string> = new Map([
  ['http:', '80'],
  ['https:', '443'],
]);

export class OriginPolicy {
  readonly #all: boolean;
  readonly #rules: readonly Rule[];

  /** Throws `TypeError` for an entry that is no origin. */
  constructor(allowed: readonly string[]) {
    this.#all = allowed.includes('*');
    this.#rules = allowed.filter((entry) => entry !== '*').map(ruleOf);
  }

  /** Judges a request by its `Origin` and the host it was sent to. */
  judge(headers: IncomingHttpHeaders): OriginVerdict {
    const { origin } = headers;
    if (origin === undefined) return 'own';
    return this.#judge(origin, hostOf(headers));
  }

  /** Judges a request that a page makes without `Origin`, such as a script element: by what the browser says of its site. */
  judgeScript(headers: IncomingHttpHeaders): OriginVerdict {
    if (headers.origin !== undefined) return this.judge(headers);
    const site = headers['sec-fetch-site'];
    if (site === undefined || site === 'same-origin' || site === 'none') return 'own';
    const { referer } = headers;
    if (referer === undefined || !URL.canParse(referer)) return this.#all ? 'anyone' : null;
    return this.#judge(new URL(referer).origin, hostOf(headers));
  }

  #judge(origin: string, host: string | undefined): OriginVerdict {
    const page = parse(origin);
    if (!page) return this.#all ? 'anyone' : null;
    if (host !== undefined && isSameHost(page, host)) return 'own';
    if (this.#rules.some((rule) => fits(rule, page))) return 'foreign';
    return this.#all ? 'anyone' : null;
  }
}

type Page = { readonly scheme: string; readonly host: string; readonly port: string };

/** What `URL` lets pass, but is no name of a host: a star, or nothing before the first dot. */
const noHost = /^\.|\*/;

/** An origin exactly as browsers write it; anything else, `null` included, is none. */
function parse(origin: string): Page | null {
  if (!URL.canParse(origin)) return null;
  const url = new URL(origin);
  if (url.origin !== origin || noHost.test(url.hostname)) return null;
  return { scheme: url.protocol, host: url.hostname, port: url.port || (defaultPorts.get(url.protocol) ?? '') };
}

function ruleOf(entry: string): Rule {
  const subdomains = /^[a-z]+:\/\/\*\./.test(entry);
  const page = parse(subdomains ? entry.replace('*.', '') : entry);
  if (!page)
    throw new TypeError(
      `'${entry}' in the option 'allowedOrigins' is no origin: write 'https://app.example.com', 'https://*.example.com' or '*'`,
    );
  return { ...page, subdomains };
}

function fits(rule: Rule, page: Page): boolean {
  if (rule.scheme !== page.scheme || rule.port !== page.port) return false;
  return rule.subdomains ? page.host.endsWith(`.${rule.host}`) : page.host === rule.host;
}

function hostOf(headers: IncomingHttpHeaders): string | undefined {
  const authority = headers[':authority'];
  return headers.host ?? (typeof authority === 'string' ? authority : undefined);
}

/** Host and port agree; the scheme may not, behind a proxy that ends TLS. */
function isSameHost(page: Page, host: string): boolean {
  const text = `${page.scheme}//${host}`;
  if (!URL.canParse(text)) return false;
  const own = new URL(text);
  return own.hostname === page.host && (own.port || (defaultPorts.get(page.scheme) ?? '')) === page.port;
}

const noHeaders: readonly string[] = [];

/** The headers that let a foreign page read an answer. Only a listed origin may do so with its visitor's cookies. */
export function corsHeaders(verdict: OriginVerdict, origin: string | undefined): readonly string[] {
  if (verdict === 'anyone') return ['Access-Control-Allow-Origin', '*'];
  if (verdict !== 'foreign' || origin === undefined) return noHeaders;
  return ['Access-Control-Allow-Origin', origin, 'Access-Control-Allow-Credentials', 'true', 'Vary', 'Origin'];
}

/** What operators ask a running `cometd serve`: metrics and health, on a port of their own or on a guarded path. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { type BayeuxServer, type HealthCheck, healthEndpoints, type RequestHandler } from '@cometd-ts/server';
import type { MoreMetric, PrometheusMetrics } from '@cometd-ts/server/prometheus';
import { portOf, type ServeArguments } from './arguments.ts';
import { Complaint } from './complaint.ts';

/** Where management is served. */
export interface ManagementPlace {
  /** A port of its own; 0 for any free one. */
  readonly port: number | undefined;
  /** The address that port is on. Default 127.0.0.1, this machine only. */
  readonly host: string;
  /** A path on the port of the clients. */
  readonly path: string | undefined;
  /** What must be shown as `Authorization: Bearer …` on that path. */
  readonly token: string | undefined;
}

const keys: readonly string[] = ['port', 'host', 'path', 'token'];

/**
 * Where management is asked for: by flags, else by `management` in the configuration. Null when it is not. Throws
 * `Complaint` for what is wrong, and for a path that nothing guards.
 */
export function managementPlace(
  given: ServeArguments,
  configured: unknown,
  environment: Readonly<Record<string, string | undefined>>,
): ManagementPlace | null {
  const file = ofFile(configured);
  const place: ManagementPlace = {
    port: given.management ?? file.port,
    host: given.managementHost ?? file.host ?? '127.0.0.1',
    path: given.managementPath ?? file.path,
    token: environment.COMETD_MANAGEMENT_TOKEN || file.token,
  };
  if (place.path !== undefined) checkPath(place.path, given.path, place.token);
  return place.port === undefined && place.path === undefined ? null : place;
}

function ofFile(configured: unknown): Partial<Record<'host' | 'path' | 'token', string>> & { port?: number } {
  if (configured === undefined) return {};
  if (typeof configured !== 'object' || configured === null || Array.isArray(configured))
    throw new Complaint("'management' in the configuration must be an object with port, host, path or token");
  for (const [name, value] of Object.entries(configured)) {
    if (!keys.includes(name)) throw new Complaint(`'management' in the configuration has no '${name}'`);
    if (name !== 'port' && (typeof value !== 'string' || value === ''))
      throw new Complaint(`'management.${name}' in the configuration must be a string`);
  }
  const { port, ...texts } = configured as { port?: unknown; host?: string; path?: string; token?: string };
  return port === undefined ? texts : { ...texts, port: portOf(String(port)) };
}

function checkPath(path: string, bayeux: string, token: string | undefined): void {
  if (!/^\/.*[^/]$/.test(path)) throw new Complaint(`The path of management must be such as /ops, not '${path}'`);
  if (token === undefined)
    throw new Complaint('A path of management is open to all: set COMETD_MANAGEMENT_TOKEN, or management.token');
  if (`${path}/`.startsWith(`${bayeux.replace(/\/?\*?$/, '')}/`))
    throw new Complaint(`The path of management must not be below ${bayeux}, where Bayeux answers`);
}

/** `/metrics`, `/livez`, `/readyz` and `/startupz` below `path`; anything else is not found. */
export function managementPages(
  bayeux: BayeuxServer,
  metrics: PrometheusMetrics,
  checks: Readonly<Record<string, HealthCheck>>,
  path = '',
): RequestHandler {
  const health = healthEndpoints(bayeux, { path, checks });
  const place = `${path}/metrics`;
  return (request, response, next) => {
    if (request.url?.split('?', 1)[0] !== place) return health(request, response, next);
    metrics.render().then(
      (text) => {
        response.writeHead(200, { 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store' });
        response.end(text);
      },
      (error: unknown) => {
        bayeux.diagnostics.failed('metrics', error);
        response.writeHead(500, { 'Content-Length': '0' });
        response.end();
      },
    );
  };
}

/** Lets in who shows the token below `path`, to `inside`; all else is for `outside`. */
export function guarded(
  path: string,
  token: string,
  inside: RequestHandler,
  outside: RequestListener,
): RequestListener {
  const expected = digest(`Bearer ${token}`);
  return (request, response) => {
    if (!request.url?.startsWith(`${path}/`)) return outside(request, response);
    // Compared as digests: these are equally long, and how long it takes tells nothing.
    if (timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) return inside(request, response);
    response.writeHead(401, { 'WWW-Authenticate': 'Bearer', 'Content-Length': '0' });
    response.end();
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** The metrics of the server and of its process. They are not loaded unless management is asked for. */
export async function metricsOf(bayeux: BayeuxServer, more: readonly MoreMetric[]): Promise<PrometheusMetrics> {
  const [{ prometheusMetrics }, { default: prometheus }] = await Promise.all([
    import('@cometd-ts/server/prometheus'),
    import('prom-client'),
  ]);
  const metrics = prometheusMetrics(bayeux, { more });
  prometheus.collectDefaultMetrics({ register: metrics.registry });
  return metrics;
}

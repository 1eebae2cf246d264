/** What probes ask a server: whether the process is alive, has started, and may be sent clients. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isPromise } from '@cometd-ts/protocol';
import type { BayeuxServer, RequestHandler } from '../server.ts';
import { pathOf } from '../transport/upgrade.ts';

/**
 * Whether something that the application depends on is well: true, or why it is not. It is asked by every probe, so it
 * answers at once, from what it knows. What it says is shown to whoever may probe.
 */
export type HealthCheck = () => boolean | string;

/** An event loop that was later than this, in ms, serves nobody. */
const MOST_LATENESS = 10_000;

/** What the endpoints of health are made with. */
export interface HealthOptions {
  /** Asked by `/readyz`, by name. One that throws, or answers a promise, is not well. Default none. */
  readonly checks?: Readonly<Record<string, HealthCheck>>;
  /** In front of `/livez`, `/readyz` and `/startupz`, such as '/health'. Default ''. */
  readonly path?: string;
}

/**
 * A handler of `GET` and `HEAD` for `/livez`, `/readyz` and `/startupz`, for any HTTP server: status 200 when all is well,
 * else 503, with JSON such as `{"status":"unavailable","reasons":["draining"]}`. Other paths go to `next`, or are
 * answered 404. A probe costs the same however many sessions there are, and no rate limit counts it.
 */
export function healthEndpoints(server: BayeuxServer, options: HealthOptions = {}): RequestHandler {
  const { checks = {}, path = '' } = options;
  const probes: Readonly<Record<string, () => string[]>> = {
    [`${path}/livez`]: () => (server.management.lateness > MOST_LATENESS ? ['stalled'] : []),
    [`${path}/startupz`]: () => (server.management.state === 'new' ? ['starting'] : []),
    [`${path}/readyz`]: () => [...unready(server), ...failing(server, checks)],
  };
  return (request, response, next) => {
    const place = pathOf(request.url);
    const probe = Object.hasOwn(probes, place) ? probes[place] : undefined;
    if (probe) return answer(request, response, probe);
    if (next) return next();
    response.writeHead(404, { 'Content-Length': '0' });
    response.end();
  };
}

function unready({ management: { state, overload } }: BayeuxServer): string[] {
  if (state === 'new') return ['starting'];
  if (state !== 'started') return [state];
  return overload === 3 ? ['overloaded'] : [];
}

function failing(server: BayeuxServer, checks: Readonly<Record<string, HealthCheck>>): string[] {
  const reasons: string[] = [];
  for (const [name, check] of Object.entries(checks)) {
    const verdict = verdictOf(server, name, check);
    if (verdict !== true) reasons.push(verdict === false ? name : `${name}: ${verdict}`);
  }
  return reasons;
}

function verdictOf(server: BayeuxServer, name: string, check: HealthCheck): boolean | string {
  try {
    const verdict: unknown = check();
    if (typeof verdict === 'boolean' || typeof verdict === 'string') return verdict;
    // A promise that rejects later must not end the process.
    if (isPromise(verdict)) Promise.resolve(verdict).catch(() => undefined);
    throw new TypeError(`The check '${name}' must answer true, false or a reason, and at once`);
  } catch (error) {
    server.diagnostics.failed('health check', error);
    return false;
  }
}

function answer(request: IncomingMessage, response: ServerResponse, probe: () => string[]): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD', 'Content-Length': '0' });
    response.end();
    return;
  }
  const reasons = probe();
  const isWell = reasons.length === 0;
  const body = `${JSON.stringify({ status: isWell ? 'ok' : 'unavailable', reasons })}\n`;
  response.writeHead(isWell ? 200 : 503, {
    'Content-Type': 'application/json;charset=UTF-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  response.end(body);
}

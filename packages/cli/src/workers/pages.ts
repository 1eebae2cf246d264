/** The pages of management of all workers: metrics and health, as the supervisor knows them. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Crew } from './crew.ts';
import { joinMetrics } from './metrics.ts';
import type { Page } from './words.ts';

const JSON_TYPE = 'application/json;charset=UTF-8';
const nothing: Page = { status: 404, type: 'text/plain;charset=UTF-8', body: 'Nothing here\n' };

export class Pages {
  readonly #crew: Crew;
  readonly #own: () => Promise<string>;

  /** `own` answers the metrics of the supervisor itself. */
  constructor(crew: Crew, own: () => Promise<string>) {
    this.#crew = crew;
    this.#own = own;
  }

  /** The page of that name, without the slash before it. */
  async page(name: string): Promise<Page> {
    switch (name) {
      case 'metrics':
        return {
          status: 200,
          type: 'text/plain; version=0.0.4; charset=utf-8',
          body: joinMetrics([await this.#own(), ...(await this.#crew.measure())]),
        };
      case 'livez':
        return health(this.#crew.stalled());
      case 'startupz':
        return health(this.#crew.hasStarted ? [] : ['starting']);
      case 'readyz':
        return health(this.#crew.unready());
      default:
        return nothing;
    }
  }

  readonly listener: RequestListener = (request, response) => {
    const name = request.url?.split('?', 1)[0]?.slice(1) ?? '';
    void this.page(name).then((page) => reply(request, response, page));
  };
}

function health(reasons: readonly string[]): Page {
  const status = reasons.length === 0 ? 'ok' : 'unavailable';
  return {
    status: reasons.length === 0 ? 200 : 503,
    type: JSON_TYPE,
    body: `${JSON.stringify({ status, reasons })}\n`,
  };
}

/** Sends a page to who asked for it. */
export function reply({ method }: IncomingMessage, response: ServerResponse, { status, type, body }: Page): void {
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD', 'Content-Length': '0' });
    response.end();
    return;
  }
  const length = Buffer.byteLength(body);
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': length, 'Cache-Control': 'no-store' });
  response.end(body);
}

/** What the HTTP doors send back: headers, bodies, and a watch on those who do not read them. */
import type { ServerResponse } from 'node:http';
import type { Diagnostics } from '../diagnostics.ts';
import type { PassedAnswer } from '../session/neighbours.ts';
import { scriptOf } from './callback.ts';

/** What an answer looks like, beside its content. */
export interface AnswerStyle {
  /** Name of the JSONP callback, or null for plain JSON. */
  readonly callback: string | null;
  /** Headers for a page of another origin. */
  readonly cors: readonly string[];
}

export class HttpAnswers {
  readonly #diagnostics: Diagnostics;
  /** How long a peer may take no byte, in ms; −1 for ever. */
  readonly #patience: number;
  /** Responses that wait for their peer. */
  readonly #writing: Set<ServerResponse> = new Set();
  /** Those of them that the sweeper has met, with the bytes their socket had taken then. */
  readonly #slow: Map<ServerResponse, { bytes: number; since: number }> = new Map();

  constructor(diagnostics: Diagnostics, patience: number) {
    this.#diagnostics = diagnostics;
    this.#patience = patience;
  }

  /** Sends messages, as JSON or as a script. `cookie` is a whole `Set-Cookie` value. */
  respond(response: ServerResponse, json: string, style: AnswerStyle, cookie: string | null): void {
    const { callback, cors } = style;
    const content = callback === null ? json : scriptOf(callback, json);
    const headers = headersOf(callback === null ? 'application/json' : 'text/javascript;charset=UTF-8', content);
    if (callback !== null) headers.push('Content-Disposition', 'attachment; filename=f.txt');
    if (cors.length > 0) headers.push(...cors);
    if (cookie !== null) {
      const others = response.getHeader('Set-Cookie');
      if (others === undefined) headers.push('Set-Cookie', cookie);
      // Those that a handler before this one has set stay.
      else response.setHeader('Set-Cookie', [others, cookie].flat().map(String));
    }
    response.writeHead(200, headers);
    response.end(content);
    // Most are taken by the system at once.
    if (response.writableLength > 0) this.#writing.add(response);
  }

  /** Sends what another server has answered. */
  forward(response: ServerResponse, { status, headers, body, keepAlive }: PassedAnswer): void {
    if (response.headersSent || response.destroyed) return;
    if (!keepAlive && response.req.httpVersionMajor < 2) response.shouldKeepAlive = false;
    for (let at = 0; at < headers.length; at += 2) {
      const [name = '', value = ''] = headers.slice(at, at + 2);
      // Cookies that a handler before this one has set stay.
      if (name.toLowerCase() === 'set-cookie') response.appendHeader(name, value);
      else response.setHeader(name, value);
    }
    this.#writing.add(response);
    response.once('close', () => this.written(response));
    response.writeHead(status);
    response.end(body);
  }

  /** Refuses a request with a status and one sentence. */
  refuse(response: ServerResponse, status: number, reason: string, cors: readonly string[] = []): void {
    if (response.headersSent || response.destroyed) return;
    const body = `${reason}\n`;
    response.writeHead(status, [...headersOf('text/plain;charset=UTF-8', body), ...cors]);
    response.end(body);
  }

  /** A response was written, or its connection is gone. */
  written(response: ServerResponse): void {
    if (this.#writing.size > 0) this.#writing.delete(response);
    if (this.#slow.size > 0) this.#slow.delete(response);
  }

  /** Cuts the connections of those who have not taken a byte for too long. */
  sweep(now: number): void {
    if (this.#patience < 0) return;
    for (const response of this.#writing) {
      // What the peer's side has taken: bytesWritten counts those that still wait here, too.
      const bytes = (response.socket?.bytesWritten ?? 0) - (response.socket?.writableLength ?? 0);
      const met = this.#slow.get(response);
      if (met?.bytes !== bytes) this.#slow.set(response, { bytes, since: now });
      else if (now - met.since > this.#patience) {
        this.#diagnostics.limitHit('writeTimeout');
        this.written(response);
        response.destroy();
      }
    }
  }
}

function headersOf(type: string, content: string): string[] {
  return [
    'Content-Type',
    type,
    'Content-Length',
    String(Buffer.byteLength(content)),
    'Cache-Control',
    'no-store',
    'X-Content-Type-Options',
    'nosniff',
  ];
}

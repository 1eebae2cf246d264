/** The body of an HTTP request: bounded while it arrives, in the character set it says it is in. */
import type { IncomingMessage } from 'node:http';
import type { Rooms } from '../rooms.ts';

/** Why a body is not taken, with the HTTP status that says so. */
export class BodyError extends Error {
  readonly status: 400 | 413 | 415 | 503;

  constructor(status: 400 | 413 | 415 | 503, message: string) {
    super(message);
    this.status = status;
  }
}

const lenientTypes: ReadonlySet<string> = new Set(['application/json', 'text/json']);

/** What a body is, by its `Content-Type`. JSON when the header is missing. Throws `BodyError` 415 for what no Bayeux client sends. */
export function bodyKind(contentType: string | undefined): { readonly form: boolean; readonly charset: string } {
  const [type = '', ...parameters] = (contentType ?? 'application/json').split(';');
  const charset =
    parameters.map((one) => /^\s*charset\s*=\s*"?([^"\s]+)/i.exec(one)?.[1]).find((one) => one !== undefined) ??
    'utf-8';
  const name = type.trim().toLowerCase();
  if (name === 'application/x-www-form-urlencoded') return { form: true, charset };
  if (lenientTypes.has(name) || name.endsWith('+json')) return { form: false, charset };
  throw new BodyError(
    415,
    `The content type must be application/json or application/x-www-form-urlencoded, not ${name}`,
  );
}

/** Bytes of bodies being received at this moment by one server. */
export class InFlight {
  readonly #most: number;
  #bytes = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** False when the server already receives as much as it may. */
  add(bytes: number): boolean {
    this.#bytes += bytes;
    return this.#most < 0 || this.#bytes <= this.#most;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** Reads a body of at most `most` bytes (−1: any). Calls back once: with bytes, with an error, or not at all when the peer leaves. */
export function readBody(
  request: IncomingMessage,
  most: number,
  inFlight: InFlight,
  rooms: Rooms,
  done: (body: Buffer | BodyError) => void,
): void {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (most >= 0 && announced > most) return done(tooLarge(rooms, most));
  let chunks: Buffer[] = [];
  let size = 0;
  let open = true;
  const end = (result: Buffer | BodyError | null): void => {
    if (!open) return;
    open = false;
    inFlight.remove(size);
    chunks = [];
    if (result) done(result);
  };
  request.on('data', (chunk: Buffer) => {
    if (!open) return;
    size += chunk.length;
    const room = inFlight.add(chunk.length);
    if (most >= 0 && size > most) return end(tooLarge(rooms, most));
    if (!room) {
      rooms.diagnostics.limitHit('maxInFlightBytes');
      return end(new BodyError(503, 'The server receives too much at this moment (limit maxInFlightBytes)'));
    }
    chunks.push(chunk);
  });
  request.on('end', () => {
    const [only] = chunks;
    end(chunks.length === 1 && only ? only : Buffer.concat(chunks));
  });
  request.on('error', () => end(null));
  request.on('close', () => end(null));
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Throws `BodyError` 400 for bytes that are no text in that character set, 415 for a set nobody knows. */
export function textOf(body: Uint8Array, charset: string): string {
  let decoder = utf8;
  if (charset.toLowerCase() !== 'utf-8') {
    try {
      decoder = new TextDecoder(charset, { fatal: true, ignoreBOM: true });
    } catch {
      throw new BodyError(415, `The character set ${charset} is not known`);
    }
  }
  try {
    return decoder.decode(body);
  } catch {
    throw new BodyError(400, `The body is not valid ${charset}`);
  }
}

function tooLarge(rooms: Rooms, most: number): BodyError {
  rooms.diagnostics.limitHit('maxMessageSize');
  return new BodyError(413, `The body is larger than ${most} bytes (limit maxMessageSize)`);
}

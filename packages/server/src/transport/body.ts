/** The body of an HTTP request: bounded while it arrives, in the character set it says it is in. */
import { isUtf8 } from 'node:buffer';
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

/** How a body is to be read. */
export interface BodyKind {
  /** Form-encoded, with messages in parameters. */
  readonly form: boolean;
  readonly charset: string;
}

const plainJson: BodyKind = { form: false, charset: 'utf-8' };
const jsonTypes: ReadonlySet<string> = new Set(['application/json', 'text/json']);

/** What a body is, by its `Content-Type`. JSON when the header is missing. Throws `BodyError` 415 for what no Bayeux client sends. */
export function bodyKind(contentType: string | undefined): BodyKind {
  // What nearly everybody sends.
  if (
    contentType === undefined ||
    contentType === 'application/json' ||
    contentType === 'application/json;charset=UTF-8'
  ) {
    return plainJson;
  }
  const [type = '', ...parameters] = contentType.split(';');
  const charset =
    parameters.map((one) => /^\s*charset\s*=\s*"?([^"\s]+)/i.exec(one)?.[1]).find((one) => one !== undefined) ??
    'utf-8';
  const name = type.trim().toLowerCase();
  if (name === 'application/x-www-form-urlencoded') return { form: true, charset };
  if (jsonTypes.has(name) || name.endsWith('+json')) return { form: false, charset };
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

/** A body while it arrives. */
interface Reading {
  readonly most: number;
  readonly inFlight: InFlight;
  readonly rooms: Rooms;
  readonly done: (body: Buffer | BodyError) => void;
  /** A list made for the first chunk, which is nearly always the only one: pushing to an empty one makes room for many. */
  chunks: Buffer[] | null;
  size: number;
}

const reading: unique symbol = Symbol('the body of this request while it arrives');
type Request = IncomingMessage & { [reading]?: Reading | undefined };

/**
 * Reads a body of at most `most` bytes (−1: any). Calls back once: with bytes, with an error, or not at all when the peer
 * leaves. The listeners are shared by all requests, so that a parked one keeps nothing of its body alive.
 */
export function readBody(
  request: IncomingMessage,
  most: number,
  inFlight: InFlight,
  rooms: Rooms,
  done: (body: Buffer | BodyError) => void,
): void {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (most >= 0 && announced > most) return done(tooLarge(rooms, most));
  (request as Request)[reading] = { most, inFlight, rooms, done, chunks: null, size: 0 };
  request.on('data', onData);
  request.on('end', onEnd);
  request.on('error', onLost);
  request.on('close', onLost);
}

function onData(this: Request, chunk: Buffer): void {
  const body = this[reading];
  if (!body) return;
  body.size += chunk.length;
  const isRoom = body.inFlight.add(chunk.length);
  if (body.most >= 0 && body.size > body.most) return finish(this, tooLarge(body.rooms, body.most));
  if (isRoom) {
    if (body.chunks) body.chunks.push(chunk);
    else body.chunks = [chunk];
    return;
  }
  body.rooms.diagnostics.limitHit('maxInFlightBytes');
  finish(this, new BodyError(503, 'The server receives too much at this moment (limit maxInFlightBytes)'));
}

function onEnd(this: Request): void {
  const chunks = this[reading]?.chunks ?? [];
  const [only] = chunks;
  finish(this, chunks.length === 1 && only ? only : Buffer.concat(chunks));
}

function onLost(this: Request): void {
  finish(this, null);
}

function finish(request: Request, result: Buffer | BodyError | null): void {
  const body = request[reading];
  if (!body) return;
  request[reading] = undefined;
  body.inFlight.remove(body.size);
  if (result) body.done(result);
}

/** Throws `BodyError` 400 for bytes that are no text in that character set, 415 for a set nobody knows. */
export function textOf(body: Buffer, charset: string): string {
  if (charset.toLowerCase() === 'utf-8') {
    const text = body.toString('utf8');
    // Bytes that are no UTF-8 become this character; it may also have been sent.
    if (text.includes('\uFFFD') && !isUtf8(body)) throw new BodyError(400, `The body is not valid ${charset}`);
    return text;
  }
  let decoder: InstanceType<typeof TextDecoder>;
  try {
    decoder = new TextDecoder(charset, { fatal: true, ignoreBOM: true });
  } catch {
    throw new BodyError(415, `The character set ${charset} is not known`);
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

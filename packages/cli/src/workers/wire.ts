/**
 * The wire between workers: a greeting with the secret, then frames.
 *
 *     greeting   secret (32 bytes) · what for (1)
 *     frame      length of the rest (4) · kind (1) · id of the request (4) · [length of the head (4) · head in JSON · body]
 */

/** What a connection is for: many requests, or one WebSocket. */
export const REQUESTS = 1;
export const WEBSOCKET = 2;

/** Kinds of frames. */
export const REQUEST = 1;
export const ABORT = 2;
export const HURRY = 3;
export const ANSWER = 4;
export const NO_ANSWER = 5;

export const SECRET_LENGTH = 32;
export const GREETING_LENGTH: number = SECRET_LENGTH + 1;
const HEADER = 9;

export interface Frame {
  readonly kind: number;
  readonly id: number;
  readonly head: unknown;
  readonly body: Buffer;
}

const NOTHING = Buffer.alloc(0);

/** The bytes of a frame; one without a head has no body either. */
export function frame(kind: number, id: number, head?: object, body: Buffer = NOTHING): Buffer {
  if (head === undefined) {
    const bare = Buffer.allocUnsafe(HEADER);
    bare.writeUInt32BE(HEADER - 4, 0);
    bare[4] = kind;
    bare.writeUInt32BE(id, 5);
    return bare;
  }
  const text = JSON.stringify(head);
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(HEADER + 4 + length + body.length);
  bytes.writeUInt32BE(bytes.length - 4, 0);
  bytes[4] = kind;
  bytes.writeUInt32BE(id, 5);
  bytes.writeUInt32BE(length, HEADER);
  bytes.write(text, HEADER + 4, 'utf8');
  body.copy(bytes, HEADER + 4 + length);
  return bytes;
}

/** Finds frames in what arrives. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #size = 0;
  /** Bytes that have to be there before it is worth looking. */
  #wanted = 4;

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
  }

  /** The next frame, if it is there whole. */
  next(): Frame | null {
    if (this.#size < this.#wanted) return null;
    const bytes = this.#all();
    this.#wanted = 4 + bytes.readUInt32BE(0);
    if (bytes.length < this.#wanted) return null;
    const own = bytes.subarray(0, this.#wanted);
    this.#keep(bytes.subarray(this.#wanted));
    this.#wanted = 4;
    return read(own);
  }

  /** What has arrived behind the last frame. */
  rest(): Buffer {
    const bytes = this.#all();
    this.#keep(NOTHING);
    return bytes;
  }

  #all(): Buffer {
    const [only] = this.#chunks;
    if (this.#chunks.length === 1 && only) return only;
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [bytes];
    return bytes;
  }

  #keep(bytes: Buffer): void {
    this.#chunks = bytes.length > 0 ? [bytes] : [];
    this.#size = bytes.length;
  }
}

function read(bytes: Buffer): Frame {
  const kind = bytes[4] ?? 0;
  const id = bytes.readUInt32BE(5);
  if (bytes.length === HEADER) return { kind, id, head: null, body: NOTHING };
  const end = HEADER + 4 + bytes.readUInt32BE(HEADER);
  return { kind, id, head: JSON.parse(bytes.toString('utf8', HEADER + 4, end)), body: bytes.subarray(end) };
}

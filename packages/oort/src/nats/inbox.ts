/** What other nodes send, once each and whole: numbers tell what was heard before, and pieces are put together. */
import type { Msg } from '@nats-io/transport-node';
import type { Letter } from './wire.ts';

interface Source {
  /** Number of the last message that was heard whole. */
  last: number;
  /** One that is not whole yet: all pieces of a message come next to each other. */
  pieces: { readonly number: number; readonly parts: Uint8Array[]; size: number } | null;
}

/** How many starts of nodes are remembered. */
const REMEMBERED = 10_000;

export class Inbox {
  readonly #maxBytes: number;
  readonly #sources: Map<string, Source> = new Map();
  readonly #decoder: InstanceType<typeof TextDecoder> = new TextDecoder();

  /** @param maxBytes of a message in pieces; longer ones are not heard */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Number of the last message of a node that was heard here. */
  last(source: string): number {
    return this.#sources.get(source)?.last ?? 0;
  }

  /** The text of a message, when it is whole with this piece, and was not heard before. It counts as heard from now on. */
  take({ source: id, number, piece, pieces }: Letter, { data }: Pick<Msg, 'data'>): string | null {
    const source = this.#source(id);
    if (number <= source.last) return null;
    if (pieces === 1) {
      source.last = number;
      source.pieces = null;
      return this.#decoder.decode(data);
    }
    if (piece === 1 && source.pieces?.number !== number) source.pieces = { number, parts: [], size: 0 };
    const known = source.pieces;
    // Of a subscription that began in the middle, or heard through another one already.
    if (!known || known.number !== number || known.parts.length !== piece - 1) return null;
    known.size += data.length;
    if (known.size > this.#maxBytes) {
      source.pieces = null;
      source.last = number;
      return null;
    }
    known.parts.push(data.slice());
    if (piece < pieces) return null;
    source.last = number;
    source.pieces = null;
    return this.#decoder.decode(Buffer.concat(known.parts));
  }

  #source(id: string): Source {
    const known = this.#sources.get(id);
    if (known) return known;
    const source: Source = { last: 0, pieces: null };
    this.#sources.set(id, source);
    const [oldest] = this.#sources.keys();
    if (this.#sources.size > REMEMBERED) this.#sources.delete(oldest as string);
    return source;
  }
}

/** What other nodes send, once each and whole: numbers tell what was heard before, and pieces are put together. */
import type { Msg } from '@nats-io/transport-node';
import type { Letter } from './wire.ts';

interface Source {
  /** Number of the last message that was heard whole, or was for others. */
  last: number;
  /** What was heard up to this one is all that there was; of what came after it, these were heard. */
  sure: number;
  since: number[];
  /** Something before `last` may not have been heard. */
  isDoubtful: boolean;
  /** One that is not whole yet: all pieces of a message come next to each other. */
  pieces: { readonly number: number; readonly parts: Uint8Array[]; size: number } | null;
}

/** How many starts of nodes are remembered. */
const REMEMBERED = 10_000;
/** Numbers that are remembered of one node between two of its heartbeats. */
const LONGEST = 100_000;

export class Inbox {
  readonly #maxBytes: number;
  readonly #sources: Map<string, Source> = new Map();
  readonly #decoder: InstanceType<typeof TextDecoder> = new TextDecoder();

  /** @param maxBytes of a message in pieces; longer ones are not heard */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Number of the last message of a node before which nothing is missing, as far as is known. */
  last(id: string): number {
    const source = this.#sources.get(id);
    return source ? (source.isDoubtful ? source.sure : source.last) : 0;
  }

  /** All that a node has sent up to this message was heard, or was not for this node; unless there is doubt. */
  confirm(id: string, sent: number): void {
    const source = this.#source(id);
    if (source.isDoubtful) return;
    source.last = Math.max(source.last, sent);
    sure(source);
  }

  /** Something that a node has sent since then may not have been heard. */
  doubt(id: string): void {
    this.#source(id).isDoubtful = true;
  }

  /** What was in doubt comes again now, or never. */
  trust(id: string): void {
    this.#source(id).isDoubtful = false;
  }

  /** Whether a message that comes again was not heard, though a later one was: it comes too late to be heard in order. */
  isMissing({ source: id, number, piece }: Letter): boolean {
    const source = this.#sources.get(id);
    return (
      source !== undefined && piece === 1 && number > source.sure && number < source.last && !has(source.since, number)
    );
  }

  /** The text of a message, when it is whole with this piece, and was not heard before. It counts as heard from now on. */
  take({ source: id, number, piece, pieces }: Letter, { data }: Pick<Msg, 'data'>): string | null {
    const source = this.#source(id);
    if (number <= source.last) return null;
    if (pieces === 1) {
      heard(source, number);
      return this.#decoder.decode(data);
    }
    if (piece === 1 && source.pieces?.number !== number) source.pieces = { number, parts: [], size: 0 };
    const known = source.pieces;
    // Of a subscription that began in the middle, or heard through another one already.
    if (!known || known.number !== number || known.parts.length !== piece - 1) return null;
    known.size += data.length;
    if (known.size > this.#maxBytes) {
      heard(source, number);
      return null;
    }
    known.parts.push(data.slice());
    if (piece < pieces) return null;
    heard(source, number);
    return this.#decoder.decode(Buffer.concat(known.parts));
  }

  #source(id: string): Source {
    const known = this.#sources.get(id);
    if (known) return known;
    const source: Source = { last: 0, sure: 0, since: [], isDoubtful: false, pieces: null };
    this.#sources.set(id, source);
    const [oldest] = this.#sources.keys();
    if (this.#sources.size > REMEMBERED) this.#sources.delete(oldest as string);
    return source;
  }
}

function heard(source: Source, number: number): void {
  source.last = number;
  source.pieces = null;
  if (source.since.push(number) > LONGEST) sure(source);
}

function sure(source: Source): void {
  source.sure = source.last;
  source.since = [];
}

/** Whether a number is among numbers that grow. */
function has(numbers: readonly number[], wanted: number): boolean {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return numbers[low] === wanted;
}

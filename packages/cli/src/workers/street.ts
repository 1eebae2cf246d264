/** The other workers, as one of them knows them: who has which session, and the way there. */
import type { Neighbour, Neighbourhood } from '@cometd-ts/server';
import { Link } from './link.ts';
import type { Place } from './words.ts';

const BASE = 36;
/** Longest mark, with its dash. */
const LONGEST_MARK = 4;

/** What ids of sessions of a worker begin with. */
export function markOf(number: number): string {
  return `${number.toString(BASE)}-`;
}

/** The number of the worker that has made an id; undefined for an id without a mark. */
export function numberOf(id: string): number | undefined {
  const dash = id.indexOf('-');
  if (dash < 1 || dash >= LONGEST_MARK) return undefined;
  const number = Number.parseInt(id.slice(0, dash), BASE);
  return markOf(number) === id.slice(0, dash + 1) ? number : undefined;
}

export class Street implements Neighbourhood {
  readonly mark: string;
  readonly #own: number;
  readonly #secret: Buffer;
  readonly #links: Map<number, { readonly door: number; readonly link: Link }> = new Map();

  constructor(own: number, secret: Buffer) {
    this.mark = markOf(own);
    this.#own = own;
    this.#secret = secret;
  }

  ownerOf(id: string): Neighbour | undefined {
    const number = numberOf(id);
    return number === undefined ? undefined : this.#links.get(number)?.link;
  }

  /** Takes over who is there by now. Those that are gone answer nothing any more. */
  update(places: Readonly<Record<number, Place>>): void {
    for (const [number, { door, link }] of this.#links) {
      if (places[number]?.door === door) continue;
      this.#links.delete(number);
      link.close();
    }
    for (const [key, { door }] of Object.entries(places)) {
      const number = Number(key);
      if (number !== this.#own && !this.#links.has(number))
        this.#links.set(number, { door, link: new Link(door, this.#secret) });
    }
  }

  close(): void {
    this.update({});
  }
}

/** The nodes that take part in the auction. A cloud may have others, of Java say, which carry channels and are asked for nothing. */
import type { Oort } from '@cometd-ts/oort';

/** Whether the node of a URL has no part in the auction. */
export type IsGuest = (url: string) => boolean;

export class Colleagues {
  readonly #oort: Oort;
  readonly isGuest: IsGuest;

  constructor(oort: Oort, isGuest: IsGuest = () => false) {
    this.#oort = oort;
    this.isGuest = isGuest;
  }

  /** URLs of the others that are there. */
  get others(): readonly string[] {
    return this.#oort.members.flatMap(({ url }) => (this.isGuest(url) ? [] : [url]));
  }

  /** URLs of all that are there, this node included, in one order everywhere. */
  get all(): readonly string[] {
    return [this.#oort.url, ...this.others].sort();
  }
}

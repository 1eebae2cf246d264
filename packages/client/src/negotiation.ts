/** The transports a client has, in order of preference, and the choice among them. */
import type { TransportLike } from './transport/transport.ts';

export class TransportRegistry {
  #types: string[] = [];
  readonly #transports: Map<string, TransportLike> = new Map();

  getTransportTypes(): string[] {
    return [...this.#types];
  }

  /** Types that say they work now, in order of preference. */
  findTransportTypes(version: string, crossDomain: boolean, url: string): string[] {
    return this.#types.filter((type) => this.find(type)?.accept(version, crossDomain, url) === true);
  }

  /** The first transport that is among `types` and works now, or null. */
  negotiateTransport(
    types: readonly string[],
    version: string,
    crossDomain: boolean,
    url: string,
  ): TransportLike | null {
    return this.find(this.findTransportTypes(version, crossDomain, url).find((mine) => types.includes(mine)));
  }

  /** Adds a transport, last if there is no index. False: the type is there already, and nothing changed. */
  add(type: string, transport: TransportLike, index: number = this.#types.length): boolean {
    if (this.#transports.has(type)) return false;
    this.#types.splice(index, 0, type);
    this.#transports.set(type, transport);
    return true;
  }

  find(type: string | undefined): TransportLike | null {
    return this.#transports.get(type as string) ?? null;
  }

  /** Removes a transport and answers it, or null. */
  remove(type: string): TransportLike | null {
    const transport = this.find(type);
    this.#types = this.#types.filter((other) => other !== type);
    this.#transports.delete(type);
    return transport;
  }

  clear(): void {
    this.#types = [];
    this.#transports.clear();
  }

  /** Resets all transports; `init` forgets also what they have learned about the network. */
  reset(init: boolean): void {
    for (const type of this.#types) this.find(type)?.reset(init);
  }
}

/** The type of a transport, of whatever age its class is. */
export function typeOf(transport: TransportLike | null | undefined): string | null {
  return transport?.type ?? transport?.getType?.() ?? null;
}

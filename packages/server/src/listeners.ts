/** Listeners by event name. Changes take effect for the next event: whoever is being called sees an unchanged list. */
import type { ListenerOptions, Registration } from './api.ts';

type Callback = (...args: never[]) => unknown;
type Entry = { readonly listener: Callback; readonly weak: boolean };

const none: readonly never[] = Object.freeze([]);
const removed: Registration = { remove: () => undefined };

/** An event map's listeners. Lists are copied when they change, so iterating one is always safe. */
export class Listeners<Events extends { [Name in keyof Events]: Callback }> {
  readonly #entries: Map<keyof Events, readonly Entry[]> = new Map();
  readonly #lists: Map<keyof Events, readonly Callback[]> = new Map();

  /** Adds a listener; adding it twice calls it twice. Throws `TypeError` when it is not a function. */
  add<Name extends keyof Events>(name: Name, listener: Events[Name], options: ListenerOptions = {}): Registration {
    if (typeof listener !== 'function') throw new TypeError(`A listener for '${String(name)}' must be a function`);
    if (options.signal?.aborted) return removed;
    const entry: Entry = { listener, weak: options.weak ?? false };
    this.#set(name, [...(this.#entries.get(name) ?? none), entry]);
    const remove = (): void =>
      this.#set(
        name,
        (this.#entries.get(name) ?? none).filter((other) => other !== entry),
      );
    options.signal?.addEventListener('abort', remove, { once: true });
    return { remove };
  }

  /** The listeners of an event in the order they were added. */
  of<Name extends keyof Events>(name: Name): readonly Events[Name][] {
    return (this.#lists.get(name) ?? none) as readonly Events[Name][];
  }

  /** Whether any listener was added without `weak`. */
  get hasStrong(): boolean {
    for (const entries of this.#entries.values()) if (entries.some((entry) => !entry.weak)) return true;
    return false;
  }

  clear(): void {
    this.#entries.clear();
    this.#lists.clear();
  }

  #set(name: keyof Events, entries: readonly Entry[]): void {
    this.#entries.set(name, entries);
    this.#lists.set(
      name,
      entries.map((entry) => entry.listener),
    );
  }
}

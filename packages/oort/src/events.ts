/** Listeners by name, called through the server's guard: one that throws harms neither the cluster nor the others. */
import type { BayeuxServer, Registration } from '@cometd-ts/server';

type Callback = (...args: never[]) => unknown;

export class Events<Names extends { [Name in keyof Names]: Callback }> {
  readonly #diagnostics: BayeuxServer['diagnostics'];
  readonly #listeners: Map<keyof Names, readonly Callback[]> = new Map();

  constructor(diagnostics: BayeuxServer['diagnostics']) {
    this.#diagnostics = diagnostics;
  }

  /** Adding a listener twice calls it twice. Throws `TypeError` when it is not a function. */
  add<Name extends keyof Names>(name: Name, listener: Names[Name]): Registration {
    if (typeof listener !== 'function') throw new TypeError(`A listener for '${String(name)}' must be a function`);
    // Wrapped, so that removing one of two equal ones removes that one.
    const entry: Callback = (...args) => listener(...args);
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), entry]);
    return {
      remove: () =>
        void this.#listeners.set(
          name,
          (this.#listeners.get(name) ?? []).filter((other) => other !== entry),
        ),
    };
  }

  tell<Name extends keyof Names>(name: Name, ...args: Parameters<Names[Name]>): void {
    const listeners = (this.#listeners.get(name) ?? []) as readonly ((...args: Parameters<Names[Name]>) => unknown)[];
    this.#diagnostics.notify(`listener '${String(name)}'`, listeners, ...args);
  }
}

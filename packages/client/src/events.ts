/** Typed events: listeners by name, called in order, one that throws does not stop the next. */

/** What removes a listener again. */
export interface Registration {
  remove(): void;
}

export interface ListenerOptions {
  /** Removes the listener when it fires. */
  signal?: AbortSignal | undefined;
}

/** A set of listeners that knows how to end with a signal. */
export class ListenerSet<Args extends unknown[]> {
  readonly #listeners: Set<(...args: Args) => unknown> = new Set();

  get size(): number {
    return this.#listeners.size;
  }

  add(listener: (...args: Args) => unknown, { signal }: ListenerOptions = {}): Registration {
    if (signal?.aborted) return { remove: () => undefined };
    // Its own function: the same listener may be added twice, and removed once.
    const entry = (...args: Args): unknown => listener(...args);
    const remove = (): void => {
      this.#listeners.delete(entry);
      signal?.removeEventListener('abort', remove);
    };
    this.#listeners.add(entry);
    signal?.addEventListener('abort', remove);
    return { remove };
  }

  emit(failed: (error: unknown) => void, ...args: Args): void {
    let left = this.#listeners.size;
    for (const listener of this.#listeners) {
      // Who was added meanwhile hears the next one.
      if (left-- === 0) return;
      try {
        const result = listener(...args);
        // What an async listener throws is not lost either.
        if (result instanceof Promise) result.catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  }
}

/** A promise with its two ends. What it rejects with is reported elsewhere, too: nobody needs to catch it. */
export class Deferred<Value> {
  resolve!: (value: Value) => void;
  reject!: (error: unknown) => void;
  readonly promise: Promise<Value>;

  constructor(signal?: AbortSignal) {
    this.promise = new Promise((resolve, reject) => {
      const abort = (): void => reject(signal?.reason);
      const end = (): void => signal?.removeEventListener('abort', abort);
      this.resolve = (value) => {
        end();
        resolve(value);
      };
      this.reject = (error) => {
        end();
        reject(error);
      };
      if (signal?.aborted) abort();
      else signal?.addEventListener('abort', abort);
    });
    this.promise.catch(() => undefined);
  }
}

/** The timers of the platform as they were when this package was loaded: what waits for real must not wait for a fake clock. */

export const realSetTimeout: typeof setTimeout = globalThis.setTimeout;
export const realClearTimeout: typeof clearTimeout = globalThis.clearTimeout;
export const realSetImmediate: typeof setImmediate = globalThis.setImmediate;

/** How long helpers wait before they fail, in ms of real time, unless told otherwise. */
export const PATIENCE = 5_000;

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => realSetImmediate(resolve));
}

/** Answers the promise. It may reject before anybody awaits it, while a test still does something else: no accident. */
export function patient<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

/** The promise, or after `within` ms of real time an error that says what was waited for. */
export function inTime<T>(promise: Promise<T>, within: number, late: () => string): Promise<T> {
  const result = new Promise<T>((resolve, reject) => {
    const timer = realSetTimeout(() => reject(new Error(late())), within);
    const end = (): void => realClearTimeout(timer);
    promise.then(resolve, reject).finally(end);
  });
  return patient(result);
}

/** A value or the promise of one: the only place that knows the difference, so that synchronous stays synchronous. */

/** A value that is there already, or will be later. */
export type Maybe<T> = T | PromiseLike<T>;

/** Whether a value has to be waited for: an object or function whose `then` can be called. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}

/** Hands a value to the next step: at once when it is there, after it arrives otherwise. */
export function chain<T, R>(value: Maybe<T>, next: (value: T) => Maybe<R>): Maybe<R> {
  return isPromise(value) ? chainLater(value, next) : next(value);
}

async function chainLater<T, R>(value: PromiseLike<T>, next: (value: T) => Maybe<R>): Promise<R> {
  return next(await value);
}

/** Calls, and rescues what is thrown and what is rejected alike. What `rescue` throws is not rescued. */
export function attempt<T>(call: () => Maybe<T>, rescue: (error: unknown) => Maybe<T>): Maybe<T> {
  let value: Maybe<T>;
  try {
    value = call();
    if (!isPromise(value)) return value;
  } catch (error) {
    return rescue(error);
  }
  return attemptLater(value, rescue);
}

async function attemptLater<T>(value: PromiseLike<T>, rescue: (error: unknown) => Maybe<T>): Promise<T> {
  try {
    return await value;
  } catch (error) {
    return rescue(error);
  }
}

/**
 * Visits items one after another until a visit answers false; answers true when all were visited.
 * Uses a constant amount of stack, and waits only for visits that must be waited for.
 */
export function every<T>(items: readonly T[], visit: (item: T, index: number) => Maybe<boolean>): Maybe<boolean> {
  return walk(items, visit, 0, 1);
}

/** As `every`, from the last item to the first. */
export function everyReversed<T>(
  items: readonly T[],
  visit: (item: T, index: number) => Maybe<boolean>,
): Maybe<boolean> {
  return walk(items, visit, items.length - 1, -1);
}

function walk<T>(
  items: readonly T[],
  visit: (item: T, index: number) => Maybe<boolean>,
  from: number,
  step: 1 | -1,
): Maybe<boolean> {
  for (let index = from; index >= 0 && index < items.length; index += step) {
    const going = visit(items[index] as T, index);
    if (going === false) return false;
    if (isPromise(going)) return walkLater(items, visit, index + step, step, going);
  }
  return true;
}

/** Takes over from `walk` at the first promise, and stays in one loop from there on. */
async function walkLater<T>(
  items: readonly T[],
  visit: (item: T, index: number) => Maybe<boolean>,
  from: number,
  step: 1 | -1,
  first: PromiseLike<boolean>,
): Promise<boolean> {
  if ((await first) === false) return false;
  for (let index = from; index >= 0 && index < items.length; index += step) {
    let going = visit(items[index] as T, index);
    if (isPromise(going)) going = await going;
    if (going === false) return false;
  }
  return true;
}

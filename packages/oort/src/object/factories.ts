/** How the parts of an object are made, read and written. */
import { type Long, toLong } from './exact.ts';

/**
 * Makes the parts of an object.
 *
 * @example
 * const factory: Factory<Point> = {
 *   newObject: (representation = { x: 0, y: 0 }) => pointOf(representation),
 * };
 */
export interface Factory<T> {
  /** A fresh default for undefined; else what another node has sent, which throws `TypeError` when it is not of this kind. */
  newObject(representation?: unknown): T;
  /** What is written as JSON. Default: the object itself. */
  represent?(object: T): unknown;
  /** What is kept of an object the application shares. Default: itself. Throws `TypeError` for what must not be shared. */
  keep?(object: T): T;
}

export interface OortObjectFactories {
  /** Default false. */
  forBoolean(initial?: boolean): Factory<boolean>;
  /** Whole numbers of 64 bits, exact under `ExactJSONContext`; fractions of other nodes are cut off. Default 0. */
  forLong(initial?: Long): Factory<Long>;
  /** Default the empty string. */
  forString(initial?: string): Factory<string>;
  /** `read` makes a value of what was sent, and throws `TypeError` for what is none. Default: what was sent. */
  forMap<V>(read?: (value: unknown) => V): Factory<ReadonlyMap<string, V>>;
  /** `read` as for maps. */
  forList<E>(read?: (element: unknown) => E): Factory<readonly E[]>;
  /** Whatever `is` accepts; classes come out of the server's `jsonContext`. `initial` makes the default. */
  forValue<T>(initial: () => T, is: (value: unknown) => value is T): Factory<T>;
}

/** The factories of the book, section 9.7.1.2. */
export const OortObjectFactories: OortObjectFactories = {
  forBoolean: (initial = false) =>
    checked(
      'boolean',
      () => initial,
      (value) => typeof value === 'boolean',
    ),
  forLong: (initial = 0) => {
    const first = toLong(initial);
    return {
      newObject: (value) =>
        value === undefined ? first : toLong(typeof value === 'number' ? Math.trunc(value) : value),
      keep: toLong,
    };
  },
  forString: (initial = '') =>
    checked(
      'string',
      () => initial,
      (value) => typeof value === 'string',
    ),
  forMap: <V>(read?: (value: unknown) => V) => mapFactory<string, V>((key) => key, read),
  forList: <E>(read: (element: unknown) => E = (element) => element as E): Factory<readonly E[]> => ({
    newObject: (value = []) => {
      if (!Array.isArray(value)) throw new TypeError('A list was expected');
      return value.map((element) => read(present(element)));
    },
    keep: (list) => {
      if (!Array.isArray(list)) throw new TypeError('A list was expected');
      for (const element of list) present(element);
      return [...list];
    },
  }),
  forValue: (initial, is) => checked('value of this kind', initial, is),
};

/** Maps are JSON objects, whose keys are texts; `keyOf` makes a key of one. */
export function mapFactory<K extends string | number | bigint, V>(
  keyOf: (text: string) => K,
  read: (value: unknown) => V = (value) => value as V,
  keepKey: (key: K) => K = (key) => key,
): Factory<ReadonlyMap<K, V>> {
  return {
    newObject: (value = {}) => {
      if (!isPlainObject(value)) throw new TypeError('A map was expected');
      return new Map(Object.entries(value).map(([key, one]) => [keyOf(key), read(present(one))]));
    },
    represent: (map) => Object.fromEntries([...map].map(([key, value]) => [String(key), value])),
    keep: (map) => {
      if (!(map instanceof Map)) throw new TypeError('A map was expected');
      return new Map([...map].map(([key, value]): [K, V] => [keepKey(key as K), present(value as V)]));
    },
  };
}

/** The value. Throws `TypeError` for null and undefined: neither can be an element or a value. */
export function present<T>(value: T): T {
  if (value === null || value === undefined) throw new TypeError(`Nothing can be shared that is ${String(value)}`);
  return value;
}

function checked<T>(kind: string, initial: () => T, is: (value: unknown) => value is T): Factory<T> {
  const check = (value: unknown): T => {
    if (is(value)) return value;
    throw new TypeError(`A ${kind} was expected`);
  };
  return { newObject: (value) => (value === undefined ? initial() : check(value)), keep: check };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

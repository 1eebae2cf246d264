/** A map of every node, known on all nodes; its entries are shared one by one. Book section 9.7.1.1. */
import { isDeepStrictEqual } from 'node:util';
import type { Registration } from '@cometd-ts/server';
import { Events } from '../events.ts';
import type { Oort } from '../oort.ts';
import { carry, type Long, parseLong, toLong } from './exact.ts';
import { type Factory, mapFactory, present } from './factories.ts';
import type { Change, Info, Items } from './info.ts';
import { OortObject } from './object.ts';

/** An entry that was put or removed. */
export interface Entry<K, Old, New> {
  readonly key: K;
  readonly oldValue: Old;
  readonly newValue: New;
}

export interface EntryEvents<K, V> {
  put: (info: Info<ReadonlyMap<K, V>>, entry: Entry<K, V | undefined, V>) => void;
  removed: (info: Info<ReadonlyMap<K, V>>, entry: Entry<K, V, undefined>) => void;
}

export interface OortMapOptions<V> {
  /** Makes a value of what another node has sent; throws `TypeError` when it is none. Default: what was sent. */
  readonly read?: (value: unknown) => V;
}

/** How keys are written. In single entries they are JSON values, in whole maps texts. */
export interface Keys<K> {
  /** The one form of a key. Throws `TypeError` or `RangeError` for what is none. */
  of(key: unknown): K;
  parse(text: string): K;
}

const PUT = 'oort.map.put';
const PUT_ABSENT = 'oort.map.put.absent';
const REMOVE = 'oort.map.remove';

/** The base of the two maps. */
export abstract class OortMap<K extends string | number | bigint, V> extends OortObject<ReadonlyMap<K, V>> {
  readonly #keys: Keys<K>;
  readonly #read: (value: unknown) => V;
  readonly #entries: Events<EntryEvents<K, V>>;
  readonly #deltas: Events<EntryEvents<K, V>>;
  readonly #items: Items<ReadonlyMap<K, V>>;
  #hasDeltas = false;

  protected constructor(
    oort: Oort,
    name: string,
    keys: Keys<K>,
    { read = (value) => value as V }: OortMapOptions<V> = {},
  ) {
    super(oort, name, factoryOf(oort, keys, read));
    this.#keys = keys;
    this.#read = read;
    this.#entries = new Events(oort.server.diagnostics);
    this.#deltas = new Events(oort.server.diagnostics);
    this.#items = { type: 'oort.map.entry', read: (action, object) => this.#readItem(action, object) };
  }

  // Reading

  /** The value in the part of this node. */
  get(key: K): V | undefined {
    return this.localInfo.object.get(this.#keys.of(key));
  }

  /** The value in any part: the first of `findInfo`. */
  find(key: K): V | undefined {
    return this.findInfo(key)?.object.get(this.#keys.of(key));
  }

  /** The first part, by URL, that has the key; null when none has. */
  findInfo(key: K): Info<ReadonlyMap<K, V>> | null {
    const own = this.#keys.of(key);
    return this.getInfos().find(({ object }) => object.has(own)) ?? null;
  }

  // Sharing: all of it throws as `setAndShare` does

  /** Resolves with the value before. */
  putAndShare(key: K, value: V): Promise<V | undefined> {
    const own = this.#keys.of(key);
    return this.shareItem(PUT, written(own, present(value)), this.#put(own, value));
  }

  /** Puts the value if this node's part does not have the key. Resolves with the value that is there, undefined when there was none. */
  putIfAbsentAndShare(key: K, value: V): Promise<V | undefined> {
    const own = this.#keys.of(key);
    return this.shareItem(PUT_ABSENT, written(own, present(value)), this.#putIfAbsent(own, value));
  }

  /** Resolves with the value that was removed. */
  removeAndShare(key: K): Promise<V | undefined> {
    const own = this.#keys.of(key);
    return this.shareItem(REMOVE, { 'oort.map.key': own }, this.#remove(own));
  }

  // Listening

  /** Hears of single entries, here and elsewhere; not of whole maps. */
  addEntryListener<Name extends keyof EntryEvents<K, V>>(name: Name, listener: EntryEvents<K, V>[Name]): Registration {
    return this.#entries.add(name, listener);
  }

  /** Hears of every entry that changes, be it by itself, with a whole map, or with a node that comes or goes. */
  addDeltaListener<Name extends keyof EntryEvents<K, V>>(name: Name, listener: EntryEvents<K, V>[Name]): Registration {
    if (!this.#hasDeltas) {
      this.#hasDeltas = true;
      this.addListener('updated', (old, info) => this.#tellDelta(info, old?.object, info.object));
      this.addListener('removed', (info) => this.#tellDelta(info, info.object, undefined));
    }
    return this.#deltas.add(name, listener);
  }

  protected override get items(): Items<ReadonlyMap<K, V>> {
    return this.#items;
  }

  #readItem(action: string, object: unknown): Change<ReadonlyMap<K, V>> {
    if (typeof object !== 'object' || object === null) throw new TypeError('An entry was expected');
    const { 'oort.map.key': rawKey, 'oort.map.value': value } = object as Readonly<Record<string, unknown>>;
    const key = this.#keys.of(rawKey);
    switch (action) {
      case PUT:
        return this.#put(key, this.#read(present(value)));
      case PUT_ABSENT:
        return this.#putIfAbsent(key, this.#read(present(value)));
      case REMOVE:
        return this.#remove(key);
      default:
        throw new TypeError('An action of maps was expected');
    }
  }

  #put(key: K, newValue: V): Change<ReadonlyMap<K, V>, V | undefined> {
    return (info) => {
      const map = writable(info);
      const oldValue = map.get(key);
      map.set(key, newValue);
      return { result: oldValue, tell: () => this.#tell('put', info, { key, oldValue, newValue }) };
    };
  }

  #putIfAbsent(key: K, value: V): Change<ReadonlyMap<K, V>, V | undefined> {
    return (info) => {
      if (info.object.has(key)) return { result: info.object.get(key), tell: () => undefined };
      return this.#put(key, value)(info);
    };
  }

  #remove(key: K): Change<ReadonlyMap<K, V>, V | undefined> {
    return (info) => {
      const map = writable(info);
      const oldValue = map.get(key);
      if (oldValue === undefined || !map.delete(key)) return { result: undefined, tell: () => undefined };
      return { result: oldValue, tell: () => this.#tell('removed', info, { key, oldValue, newValue: undefined }) };
    };
  }

  #tell<Name extends keyof EntryEvents<K, V>>(name: Name, ...args: Parameters<EntryEvents<K, V>[Name]>): void {
    this.#entries.tell(name, ...args);
    this.#deltas.tell(name, ...args);
  }

  #tellDelta(
    info: Info<ReadonlyMap<K, V>>,
    before: ReadonlyMap<K, V> = new Map(),
    after: ReadonlyMap<K, V> = new Map(),
  ): void {
    for (const [key, oldValue] of before)
      if (!after.has(key)) this.#deltas.tell('removed', info, { key, oldValue, newValue: undefined });
    for (const [key, newValue] of after) {
      const oldValue = before.get(key);
      if (!isDeepStrictEqual(oldValue, newValue)) this.#deltas.tell('put', info, { key, oldValue, newValue });
    }
  }
}

/** A map whose keys are texts. */
export class OortStringMap<V> extends OortMap<string, V> {
  constructor(oort: Oort, name: string, options?: OortMapOptions<V>) {
    super(oort, name, { of: textOf, parse: (text) => text }, options);
  }
}

/** A map whose keys are whole numbers of 64 bits; keys beyond 2^53 are `bigint`, and need `ExactJSONContext` in the server. */
export class OortLongMap<V> extends OortMap<Long, V> {
  constructor(oort: Oort, name: string, options?: OortMapOptions<V>) {
    super(oort, name, { of: toLong, parse: parseLong }, options);
  }
}

function factoryOf<K extends string | number | bigint, V>(
  oort: Oort,
  keys: Keys<K>,
  read: (value: unknown) => V,
): Factory<ReadonlyMap<K, V>> {
  // A key that can be told in a whole map, but not by itself, could never be removed again.
  const keepKey = (key: K): K => {
    const own = keys.of(key);
    carry(oort, own);
    return own;
  };
  return mapFactory(keys.parse, read, keepKey);
}

function textOf(key: unknown): string {
  if (typeof key === 'string') return key;
  throw new TypeError(`A key of this map must be a text, not ${typeof key}`);
}

function written(key: unknown, value: unknown): object {
  return { 'oort.map.key': key, 'oort.map.value': value };
}

/** Maps of parts are made by the factory, and changed here only. */
function writable<K, V>(info: Info<ReadonlyMap<K, V>>): Map<K, V> {
  return info.object as Map<K, V>;
}

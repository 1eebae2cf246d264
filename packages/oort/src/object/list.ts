/** A list of every node, known on all nodes; its elements are shared one by one. Book section 9.7.1.1. */
import { isDeepStrictEqual } from 'node:util';
import type { Registration } from '@cometd-ts/server';
import { Events } from '../events.ts';
import type { Oort } from '../oort.ts';
import { carried } from './exact.ts';
import { type Factory, OortObjectFactories, present } from './factories.ts';
import type { Change, Info, Items } from './info.ts';
import { OortObject } from './object.ts';

export interface ElementEvents<E> {
  added: (info: Info<readonly E[]>, elements: readonly E[]) => void;
  /** Every occurrence that was removed. */
  removed: (info: Info<readonly E[]>, elements: readonly E[]) => void;
}

export interface OortListOptions<E> {
  /** Makes an element of what another node has sent; throws `TypeError` when it is none. Default: what was sent. */
  readonly read?: (element: unknown) => E;
}

const ADD = 'oort.list.add';
const REMOVE = 'oort.list.remove';

/** Elements are kept as they come out of JSON, so that what is equal here is equal on the other nodes; equal are equal values. */
export class OortList<E> extends OortObject<readonly E[]> {
  readonly #read: (element: unknown) => E;
  readonly #elements: Events<ElementEvents<E>>;
  readonly #deltas: Events<ElementEvents<E>>;
  readonly #items: Items<readonly E[]>;
  #hasDeltas = false;

  constructor(oort: Oort, name: string, { read = (element) => element as E }: OortListOptions<E> = {}) {
    super(oort, name, factoryOf(oort, read));
    this.#read = read;
    this.#elements = new Events(oort.server.diagnostics);
    this.#deltas = new Events(oort.server.diagnostics);
    this.#items = { type: 'oort.list.element', read: (action, object) => this.#readItem(action, object) };
  }

  /** Whether the part of this node has the element. */
  contains(element: E): boolean {
    return includes(this.localInfo.object, carried(this.oort, element));
  }

  /** Whether any part has the element. */
  isPresent(element: E): boolean {
    const own = carried(this.oort, element);
    return this.getInfos().some(({ object }) => includes(object, own));
  }

  /** Appends. Resolves with whether anything has changed. Throws as `setAndShare` does. */
  addAndShare(...elements: readonly E[]): Promise<boolean> {
    const own = elements.map((element) => carried(this.oort, present(element)));
    return this.shareItem(ADD, own, this.#add(own));
  }

  /** Removes all elements that are equal to one of these. Resolves with whether there were any. Throws as `setAndShare` does. */
  removeAndShare(...elements: readonly E[]): Promise<boolean> {
    const own = elements.map((element) => carried(this.oort, present(element)));
    return this.shareItem(REMOVE, own, this.#remove(own));
  }

  /** Hears of single elements, here and elsewhere; not of whole lists. */
  addElementListener<Name extends keyof ElementEvents<E>>(name: Name, listener: ElementEvents<E>[Name]): Registration {
    return this.#elements.add(name, listener);
  }

  /** Hears of every element that comes or goes, be it by itself, with a whole list, or with a node that comes or goes. */
  addDeltaListener<Name extends keyof ElementEvents<E>>(name: Name, listener: ElementEvents<E>[Name]): Registration {
    if (!this.#hasDeltas) {
      this.#hasDeltas = true;
      this.addListener('updated', (old, info) => this.#tellDelta(info, old?.object ?? [], info.object));
      this.addListener('removed', (info) => this.#tellDelta(info, info.object, []));
    }
    return this.#deltas.add(name, listener);
  }

  protected override get items(): Items<readonly E[]> {
    return this.#items;
  }

  #readItem(action: string, object: unknown): Change<readonly E[]> {
    if (!Array.isArray(object)) throw new TypeError('A list of elements was expected');
    const elements = object.map((element) => this.#read(present(element)));
    if (action === ADD) return this.#add(elements);
    if (action === REMOVE) return this.#remove(elements);
    throw new TypeError('An action of lists was expected');
  }

  #add(elements: readonly E[]): Change<readonly E[], boolean> {
    return (info) => {
      const list = writable(info);
      for (const element of elements) list.push(element);
      const changed = elements.length > 0;
      return { result: changed, tell: () => changed && this.#tell('added', info, elements) };
    };
  }

  #remove(elements: readonly E[]): Change<readonly E[], boolean> {
    return (info) => {
      const list = writable(info);
      const removed: E[] = [];
      let kept = 0;
      for (const element of list)
        if (includes(elements, element)) removed.push(element);
        else list[kept++] = element;
      list.length = kept;
      const changed = removed.length > 0;
      return { result: changed, tell: () => changed && this.#tell('removed', info, removed) };
    };
  }

  #tell(name: keyof ElementEvents<E>, info: Info<readonly E[]>, elements: readonly E[]): void {
    this.#elements.tell(name, info, elements);
    this.#deltas.tell(name, info, elements);
  }

  #tellDelta(info: Info<readonly E[]>, before: readonly E[], after: readonly E[]): void {
    const removed = difference(before, after);
    const added = difference(after, before);
    if (removed.length > 0) this.#deltas.tell('removed', info, removed);
    if (added.length > 0) this.#deltas.tell('added', info, added);
  }
}

function factoryOf<E>(oort: Oort, read: (element: unknown) => E): Factory<readonly E[]> {
  return {
    ...OortObjectFactories.forList(read),
    // A copy: the list goes on changing while the message waits to be written.
    represent: (list) => [...list],
    keep: (list) => {
      if (!Array.isArray(list)) throw new TypeError('A list was expected');
      return list.map((element: E) => carried(oort, present(element)));
    },
  };
}

function includes(elements: readonly unknown[], wanted: unknown): boolean {
  if (typeof wanted !== 'object') return elements.includes(wanted);
  return elements.some((element) => isDeepStrictEqual(element, wanted));
}

/** What `elements` has and `others` has not, as often as it has it more often. */
function difference<E>(elements: readonly E[], others: readonly E[]): E[] {
  const plain = new Map<unknown, number>();
  const objects: E[] = [];
  for (const other of others)
    if (typeof other === 'object') objects.push(other);
    else plain.set(other, (plain.get(other) ?? 0) + 1);
  return elements.filter((element) => {
    if (typeof element !== 'object') {
      const count = plain.get(element) ?? 0;
      plain.set(element, count - 1);
      return count <= 0;
    }
    const index = objects.findIndex((other) => isDeepStrictEqual(other, element));
    if (index >= 0) objects.splice(index, 1);
    return index < 0;
  });
}

/** Lists of parts are made by the factory, and changed here only. */
function writable<E>(info: Info<readonly E[]>): E[] {
  return info.object as E[];
}

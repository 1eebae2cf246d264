/** A value of every node, known on all nodes. Book section 9.7.1. */
import type { LocalSession, Registration } from '@cometd-ts/server';
import { Events } from '../events.ts';
import type { Oort } from '../oort.ts';
import { carry } from './exact.ts';
import { type Factory, present } from './factories.ts';
import type { Change, Info, Items, OwnInfo } from './info.ts';
import { type Line, openLine } from './line.ts';
import type { Merger } from './mergers.ts';
import { freeName, takeName } from './names.ts';
import { Parts } from './parts.ts';
import { type Heard, itemRecord, type ObjectRecord, readRecord, wholeRecord } from './records.ts';
import { Turns } from './turns.ts';

export interface OortObjectEvents<T> {
  /** A node has shared a whole new part; `oldInfo` is null when nothing was known of that node. */
  updated: (oldInfo: Info<T> | null, newInfo: Info<T>) => void;
  /** A node is gone, and its part with it; or this object has stopped, and knows the others' parts no more. */
  removed: (info: Info<T>) => void;
}

/**
 * A distributed object. Each node has one of the same name, and in it one part for every node. A node changes its own part
 * only; the others hear of it.
 *
 * A change is made here, told to listeners, and sent to the other nodes in one turn; its promise says that it is made here,
 * nothing about the others. They see it a little later, in the order it was made. What is lost on the way is repaired: by the
 * next change of a map or list, else when the nodes meet again. What a listener changes comes after the change it was told.
 *
 * Share what never changes: values are kept as they were given.
 */
export class OortObject<T> implements Iterable<Info<T>> {
  readonly oort: Oort;
  readonly name: string;
  readonly factory: Factory<T>;
  readonly #events: Events<OortObjectEvents<T>>;
  readonly #turns: Turns = new Turns();
  readonly #parts: Parts<T> = new Parts();
  #own: OwnInfo<T>;
  /** Nodes whose end will be told; what others say is not listened to. */
  readonly #joined: Set<string> = new Set();
  #line: Line | null = null;
  #starting: Promise<Line> | null = null;

  /** Throws `RangeError` for a name that cannot be part of a channel, and what the factory throws. */
  constructor(oort: Oort, name: string, factory: Factory<T>) {
    if (!/^[A-Za-z0-9_\-.!~()$@]+$/.test(name)) throw new RangeError(`'${name}' cannot be the name of an object`);
    this.oort = oort;
    this.name = name;
    this.factory = factory;
    this.#events = new Events(oort.server.diagnostics);
    this.#own = this.#put(oort.url, factory.newObject(), 0);
  }

  /**
   * Call it after the start of `oort`. The part of this node begins with the factory's default; those of the others come when it has
   * resolved. Rejects with `TypeError` when `oort` has not started, when this has, and when there is an object of this name already.
   */
  async start(): Promise<void> {
    const { oort, name } = this;
    if (!oort.isStarted) throw new TypeError(`Start the Oort before the object '${name}'`);
    if (this.#starting) throw new TypeError(`The object '${name}' was started before`);
    this.#own.version = takeName(oort, name);
    this.#starting = openLine(oort, name, this.constructor.name, {
      turns: this.#turns,
      standing: (line) => {
        this.#line = line;
      },
      whole: () => this.#whole,
      heard: (data) => this.#heard(data),
      joined: (url) => this.#joined.add(url),
      left: (url) => this.#memberLeft(url),
    });
    try {
      this.#line = await this.#starting;
    } catch (error) {
      this.#line = null;
      this.#free();
      this.#forget();
      throw error;
    }
  }

  /**
   * The other nodes are told the factory's default as the last value of this one, so that nothing of it stays with them; here the
   * parts of the others are removed. It can be started again.
   */
  async stop(): Promise<void> {
    // A start that is under way goes first; whoever called it is told when it fails.
    await Promise.allSettled([this.#starting]);
    const line = this.#line;
    if (!line) return;
    await new Promise<void>((resolve) => {
      this.#turns.run(() => {
        this.#end();
        resolve();
      });
    });
    await line.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  get isStarted(): boolean {
    return this.#line !== null;
  }

  /** The session that publishes changes; for publishing to local clients, too. Throws `TypeError` before `start`. */
  get session(): LocalSession {
    if (!this.#line) throw new TypeError(`Start the object '${this.name}' first`);
    return this.#line.session;
  }

  // Reading: all of it is local

  /** The part of this node. */
  get localInfo(): Info<T> {
    return this.#own;
  }

  /** The part of a node, or null when nothing is known of it. */
  getInfo(url: string): Info<T> | null {
    return this.#parts.get(url)?.info ?? null;
  }

  /** All parts that are known, sorted by URL. */
  getInfos(): readonly Info<T>[] {
    return this.#parts.infos;
  }

  [Symbol.iterator](): Iterator<Info<T>> {
    return this.getInfos()[Symbol.iterator]();
  }

  /** Makes one value of all parts. */
  merge<Result>(merger: Merger<T, Result>): Result {
    return merger(this.getInfos());
  }

  addListener<Name extends keyof OortObjectEvents<T>>(name: Name, listener: OortObjectEvents<T>[Name]): Registration {
    return this.#events.add(name, listener);
  }

  // Sharing

  /** Containers tell here how single changes are read. */
  protected get items(): Items<T> | null {
    return null;
  }

  /**
   * Replaces the whole part of this node. Resolves with the one before. Throws `TypeError` for null, for what the factory does not
   * keep and before `start`, `RangeError` for what the server's JSON cannot carry.
   */
  setAndShare(object: T): Promise<T> {
    const kept = this.factory.keep?.(present(object)) ?? present(object);
    carry(this.oort, this.#represent(kept));
    return this.share((current) => ({ next: kept, result: current }));
  }

  /** For derived classes: makes a new part of the current one and shares it, or nothing when there is no `next`. Rejects with what `step` throws. */
  protected share<Result>(step: (current: T) => { readonly next?: T; readonly result: Result }): Promise<Result> {
    void this.session;
    return this.#operate(() => {
      const { next, result } = step(this.#own.object);
      if (next !== undefined) this.#replaceOwn(next);
      return { result, record: next === undefined ? null : () => this.#whole };
    });
  }

  /** For containers: makes a single change in the part of this node and shares it; `object` is how it is written. */
  protected shareItem<Result>(action: string, object: unknown, change: Change<T, Result>): Promise<Result> {
    const type = this.items?.type;
    if (type === undefined) throw new TypeError(`The object '${this.name}' has no single changes`);
    void this.session;
    carry(this.oort, object);
    return this.#operate(() => {
      this.#own.version++;
      const { result, tell } = change(this.#own);
      tell();
      return { result, record: () => itemRecord(this.#own, type, action, object) };
    });
  }

  /** Applied and told when `work` returns; then the promise is resolved, then the others are told: all in one turn. */
  #operate<Result>(work: () => { result: Result; record: (() => ObjectRecord) | null }): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#turns.run(() => {
        const line = this.#line;
        if (!line) return reject(new TypeError(`The object '${this.name}' was stopped`));
        try {
          const { result, record } = work();
          resolve(result);
          if (record) line.broadcast(record);
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #replaceOwn(object: T): void {
    const old = this.#own;
    this.#own = this.#put(old.url, object, old.version + 1);
    this.#events.tell('updated', old, this.#own);
  }

  #end(): void {
    const line = this.#line;
    if (!line) return;
    const { diagnostics } = this.oort.server;
    void diagnostics.guard('OortObject', undefined, () => this.#replaceOwn(this.factory.newObject()));
    line.broadcast(() => this.#whole);
    line.hangUp();
    this.#line = null;
    this.#free();
    this.#forget();
  }

  // Other nodes

  #memberLeft(url: string): void {
    this.#joined.delete(url);
    this.#removePart(url);
  }

  #heard(data: unknown): void {
    const heard = readRecord(data, this.name);
    if (!heard || heard.url === this.oort.url) return this.#refuse();
    // What a node said before it was lost can arrive after it was, and before it joins its end is not told: it will say it again.
    if (!this.#joined.has(heard.url) || !this.oort.isCometConnected(heard.url)) return;
    switch (heard.kind) {
      case 'pull':
        return this.#line?.answer(heard.url);
      case 'whole':
        return this.#heardWhole(heard);
      case 'item':
        return this.#heardItem(heard);
    }
  }

  #heardWhole({ url, version, object, isPush, peer }: Extract<Heard, { kind: 'whole' }>): void {
    const part = this.#parts.get(url);
    const isNew = !part?.info;
    const isAsked = part?.isAsking ?? false;
    if (version > (part?.version ?? -1)) {
      const old = part?.info ?? null;
      const read = this.#read(() => this.factory.newObject(object));
      if (read) {
        const info = this.#put(url, read.value, version);
        this.#events.tell('updated', old, info);
        this.#parts.get(url)?.stopAsking();
        this.#catchUp(url);
      }
    }
    // Whoever is new to us may not know us; what answers a push of ours does, what answers a pull may not. One answer will do.
    const mayNotKnowUs = isNew && this.#parts.get(url)?.info && (peer !== this.oort.url || isAsked);
    if (mayNotKnowUs || (isPush && peer !== this.oort.url)) this.#line?.greet(url);
  }

  #heardItem({ url, version, type, action, object }: Extract<Heard, { kind: 'item' }>): void {
    const { items } = this;
    if (items?.type !== type) return this.#refuse();
    const part = this.#parts.of(url);
    if (version <= part.version) return;
    const change = this.#read(() => items.read(action, object));
    // What cannot be read by itself may be in the whole part: keys of long maps are texts there.
    if (!change) part.missed(version);
    else if (!part.wait(version, change.value)) this.oort.server.diagnostics.limitHit('oort_object_waiting', this.name);
    this.#catchUp(url);
  }

  #catchUp(url: string): void {
    const part = this.#parts.get(url);
    part?.catchUp();
    if (part?.hasGap) part.ask(() => this.#line?.pull(url));
    else part?.stopAsking();
  }

  #read<Value>(read: () => Value): { readonly value: Value } | null {
    try {
      return { value: read() };
    } catch (error) {
      this.#refuse(error);
      return null;
    }
  }

  #refuse(reason: unknown = ''): void {
    const text = reason instanceof Error ? `: ${reason.message}` : '';
    this.oort.server.diagnostics.rejected('oort_object', `${this.name}${text}`);
  }

  // Telling them

  get #whole(): ObjectRecord {
    return wholeRecord(this.#own, this.#represent(this.#own.object));
  }

  #represent(object: T): unknown {
    return this.factory.represent ? this.factory.represent(object) : object;
  }

  // Parts

  #put(url: string, object: T, version: number): OwnInfo<T> {
    const info: OwnInfo<T> = { url, name: this.name, object, version, isLocal: url === this.oort.url };
    this.#parts.of(url).info = info;
    return info;
  }

  /** The parts of the others. */
  #forget(): void {
    this.#joined.clear();
    for (const url of this.#parts.urls) if (url !== this.oort.url) this.#removePart(url);
  }

  #removePart(url: string): void {
    const info = this.#parts.remove(url);
    if (info) this.#events.tell('removed', info);
  }

  #free(): void {
    this.#starting = null;
    freeName(this.oort, this.name, this.#own.version);
  }
}

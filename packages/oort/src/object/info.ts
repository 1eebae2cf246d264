/** What an object is made of: one part for each node. */

/** The part of one node. Only that node changes it; here its object and version are always the latest that was heard. */
export interface Info<T> {
  /** URL of the node whose part it is. */
  readonly url: string;
  /** Name of the object. */
  readonly name: string;
  /** The value. Read it, never change it. */
  readonly object: T;
  /** Grows by one with every change. */
  readonly version: number;
  /** Whether it is the part of this node. */
  readonly isLocal: boolean;
}

/** As whoever keeps the parts sees it: single changes bring new versions. */
export interface OwnInfo<T> extends Info<T> {
  version: number;
}

/** A single change, made in the object of a part. `tell` calls the listeners; `result` is for whoever asked for the change. */
export type Change<T, Result = unknown> = (info: Info<T>) => { readonly result: Result; readonly tell: () => void };

/** How containers read single changes, such as one entry of a map. */
export interface Items<T> {
  /** Tells the changes of one kind of container from those of others. */
  readonly type: string;
  /** A change as it came from another node. Throws `TypeError` or `RangeError` for what is none. */
  read(action: string, object: unknown): Change<T>;
}

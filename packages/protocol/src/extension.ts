/** An ordered list of extensions: in order on the way in, in reverse on the way out. */
import { every, everyReversed, type Maybe } from './maybe.ts';

/**
 * Extensions of one server, session or client. Messages that come in pass the first extension first, messages that go
 * out pass it last, so that it is the outermost layer in both directions.
 *
 * The list is copied when it changes: who is visiting it finishes with the list as it was.
 */
export class ExtensionPipe<E> {
  #list: readonly E[] = [];

  /** The extensions as they are now, in the order they were added. */
  get list(): readonly E[] {
    return this.#list;
  }

  get size(): number {
    return this.#list.length;
  }

  /** Adds an extension behind the others. */
  add(extension: E): void {
    this.#list = [...this.#list, extension];
  }

  /** Removes an extension; answers whether it was there. */
  remove(extension: E): boolean {
    const index = this.#list.indexOf(extension);
    if (index < 0) return false;
    this.#list = this.#list.toSpliced(index, 1);
    return true;
  }

  /** Visits the first extension first. False as soon as one answers false, and then no other is asked. */
  incoming(visit: (extension: E) => Maybe<boolean>): Maybe<boolean> {
    return every(this.#list, visit);
  }

  /** Visits the last extension first. False as soon as one answers false, and then no other is asked. */
  outgoing(visit: (extension: E) => Maybe<boolean>): Maybe<boolean> {
    return everyReversed(this.#list, visit);
  }
}

/**
 * What an engine on a message system can do beyond carrying messages: find whoever serves an address, and keep values.
 *
 * Both are optional. What stands on `Oort` works without them, by messages alone as in the mesh, and better with them:
 * `Seti` with a route to each user, services whose absence is known at once, objects whose values outlive a broken line, elections.
 */
import type { Maybe } from '@cometd-ts/protocol';
import type { Registration } from '@cometd-ts/server';

/**
 * Addresses: names anybody may serve and anybody may send to. Only nodes that serve one are troubled with what is sent there.
 *
 * An address is a list of texts, each not empty, of any characters: `['user', 'ann@example.com']`. Its first text is the kind.
 * Data is what JSON can carry, read and written with the JSON context of the server, up to the payload limit of the system.
 * What one node sends to one address is heard in the order it was sent. A node hears what it sends itself, when it serves the
 * address. Nothing is heard inside a call of these methods. At most once: who is cut off while a message is on its way misses it.
 */
export interface Addresses {
  /**
   * Serves an address until the registration is removed. What `hear` returns, or its promise, is the answer to whoever has asked;
   * `undefined` is no answer: others may have one. What it throws is logged, and no answer.
   *
   * All who serve it hear each message. `shared`: one of them alone does, whichever; then all must serve it so. Throws
   * `TypeError` for what is no address, and for one that this node serves both ways; `RangeError` for one that is too long.
   */
  serve(
    address: readonly string[],
    hear: (data: unknown) => Maybe<unknown>,
    options?: { readonly shared?: boolean },
  ): Registration;
  /**
   * To all who serve it, if any. False when the engine is cut off and can take no more: nothing was sent. Throws `AddressError`
   * with `tooLarge`, and what the JSON context throws for data it cannot write.
   */
  tell(address: readonly string[], data: unknown): boolean;
  /**
   * The first answer of those who serve it. Rejects with `AddressError`, see there; `timeout` is in ms, by default 5000. With an
   * aborted `signal` it rejects with its reason.
   */
  ask(
    address: readonly string[],
    data: unknown,
    options?: { readonly timeout?: number; readonly signal?: AbortSignal | undefined },
  ): Promise<unknown>;
}

/**
 * `nobody`: at once, when none serves the address · `timeout`: those who do have not answered in time · `down`: the engine is cut
 * off, nothing was sent · `tooLarge`: the question, or its answer, is over the payload limit of the system.
 */
export type AddressErrorCode = 'nobody' | 'timeout' | 'down' | 'tooLarge';

export class AddressError extends Error {
  override readonly name = 'AddressError';
  readonly code: AddressErrorCode;

  constructor(code: AddressErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A value that was written, or the news that it is gone. */
export interface BucketEntry {
  readonly key: readonly string[];
  /** `undefined`: it is gone. */
  readonly value: unknown;
  /** Grows with each write in the bucket, of any key and by anybody. */
  readonly revision: number;
  /** All that begins with the key is gone with it: it was dropped. */
  readonly isPrefix?: true;
}

/** What a watch tells, in the order it was written. */
export interface Watcher {
  entry(entry: BucketEntry): void;
  /** All that was there at the start of the watch has been told. Comes once. */
  ready(): void;
  /**
   * The watch was interrupted for long enough that values may have gone unheard. What is there is told anew from its beginning, then `ready`
   * comes again; what is not told by then is gone.
   */
  restarted(): void;
}

/**
 * A bucket: values by key that all nodes see, kept by the message system. A key is a list of texts as an address is.
 * Values are what JSON can carry, written and read with the JSON context of the server, of any size up to `maxBytes`; those over the payload limit of
 * the system travel in pieces, and are seen whole or not at all.
 *
 * All calls reject with `BucketError`: `down` when the engine is cut off (nothing is known of whether it was done), `tooLarge`; and with
 * `TypeError` for what is no key or has no JSON form.
 */
export interface Bucket {
  readonly name: string;
  get(key: readonly string[]): Promise<BucketEntry | null>;
  /** Writes whatever is there. Resolves with the revision. Calls for one key are done in the order they were made. */
  put(key: readonly string[], value: unknown): Promise<number>;
  /** Writes when nothing is there. Resolves with null when something is. */
  create(key: readonly string[], value: unknown): Promise<number | null>;
  /** Writes when what is there has this revision. Resolves with null when it has another one. */
  update(key: readonly string[], value: unknown, revision: number): Promise<number | null>;
  /** Removes it, whatever is there; with `revision`, only that: false when something else is there, or nothing. */
  delete(key: readonly string[], revision?: number): Promise<boolean>;
  /**
   * Removes all whose keys begin with `prefix`, however many. Watchers are told once, of `prefix` itself (`isPrefix`); those who
   * watch a longer prefix are not told.
   */
  drop(prefix: readonly string[]): Promise<void>;
  /**
   * Tells all that is there and all that will be, of keys that begin with `prefix`, until the registration is removed. Nothing is told inside
   * the call. What is written fast and again may be told once, as it was last.
   */
  watch(watcher: Watcher, prefix?: readonly string[]): Registration;
}

export interface BucketOptions {
  /** How long a value stays that nobody writes again, in ms; at least 1000. Default: for ever. It is gone a little later, not earlier. */
  readonly ttl?: number;
  /** Most bytes of a value as JSON. Default 16 MiB. */
  readonly maxBytes?: number;
}

export interface Buckets {
  /** The bucket of this name, made when there is none. The same name has the same options on all nodes. Rejects with `BucketError`. */
  open(name: string, options?: BucketOptions): Promise<Bucket>;
}

/** `down`: the engine is cut off, or its system does not answer; whether it was done is not known · `tooLarge`: the value is over `maxBytes`. */
export type BucketErrorCode = 'down' | 'tooLarge';

export class BucketError extends Error {
  override readonly name = 'BucketError';
  readonly code: BucketErrorCode;

  constructor(code: BucketErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Remote calls: a request on a service channel, and the one message that answers it. Book section 9.3.3.11. */
import { attempt, chain, isPromise, type Maybe } from '@cometd-ts/protocol';
import type { ServerMessage, ServerSession } from '@cometd-ts/server';
import { InvalidDataError } from './schema.ts';

/** Who called, and the way to answer. The first answer counts: later ones send nothing and answer false. */
export interface Caller<Result = unknown> {
  readonly session: ServerSession;
  /** Completes the call, now or later. Undefined arrives as null. Throws `TypeError` for what has no JSON form. */
  readonly result: (result: Result) => boolean;
  /** Fails the call; the client learns `failure`. */
  readonly failure: (failure: unknown) => boolean;
}

/** Thrown by a method to fail the call with exactly this data, instead of with the name and the message of an error. */
export class CallFailure extends Error {
  override readonly name = 'CallFailure';
  readonly data: unknown;

  constructor(data: unknown, options?: ErrorOptions) {
    super(typeof data === 'string' ? data : 'The remote call failed', options);
    this.data = data;
  }
}

/** What the client learns of an error: its name and its message, never where it happened. */
export function describe(error: unknown): unknown {
  if (error instanceof CallFailure) return error.data;
  if (error instanceof Error) return { class: error.name, message: error.message };
  return { class: typeof error, message: String(error) };
}

/** What a call needs to know about failures. */
export interface Failures {
  /** What the client learns of an error. */
  describe(error: unknown): unknown;
  /** Reports an error to those who run the server. */
  failed(error: unknown): void;
}

/** One call that waits for its answer. */
export class RemoteAnswer implements Caller {
  readonly session: ServerSession;
  readonly #service: ServerSession;
  readonly #id: string | undefined;
  readonly #channel: string;
  readonly #failures: Failures;
  #answered = false;

  /** `service` is the sender of the answer. */
  constructor(session: ServerSession, service: ServerSession, request: ServerMessage, failures: Failures) {
    this.session = session;
    this.#service = service;
    // The message may be changed on its way; the answer needs these.
    this.#id = request.id;
    this.#channel = request.channel;
    this.#failures = failures;
  }

  // Functions, not methods: applications hand them on as callbacks.
  readonly result = (result: unknown): boolean => this.#answer(true, result);
  readonly failure = (failure: unknown): boolean => this.#answer(false, failure);

  /**
   * Has a method answer. A promise answers with what it resolves with; a method without one answers when it likes. False
   * when a synchronous method refuses by answering false, as CometD has it: the message is to be stopped. When it is
   * `late`, it cannot be stopped any more, and the call fails instead.
   */
  by(data: () => Maybe<unknown>, method: (data: unknown) => unknown, late: boolean): Maybe<false | undefined> {
    let isGone = late;
    const answered = attempt<false | undefined>(
      () =>
        chain(data(), (fit) => chain(this.#invoke(method, fit), (kept) => (kept ? undefined : this.#refuse(isGone)))),
      (error) => this.#fail(error),
    );
    isGone = true;
    return answered;
  }

  /** False when a synchronous method refuses. */
  #invoke(method: (data: unknown) => unknown, data: unknown): Maybe<boolean> {
    const value = method(data);
    if (isPromise(value)) {
      return chain(value, (result) => {
        this.result(result);
        return true;
      });
    }
    if (value === false) return false;
    if (value !== undefined) this.result(value);
    return true;
  }

  #refuse(isGone: boolean): false | undefined {
    if (!isGone) return false;
    this.failure('404::message_deleted');
    return undefined;
  }

  #fail(error: unknown): undefined {
    // These are answers to what the client did, and nothing that goes wrong here.
    if (!(error instanceof CallFailure || error instanceof InvalidDataError)) this.#failures.failed(error);
    this.failure(this.#failures.describe(error));
    return undefined;
  }

  #answer(successful: boolean, data: unknown): boolean {
    if (this.#answered) return false;
    this.#answered = true;
    const answer = { channel: this.#channel, successful, data: data ?? null };
    try {
      const queued = this.session.deliver(this.#service, this.#id === undefined ? answer : { ...answer, id: this.#id });
      if (isPromise(queued)) queued.then(undefined, (error: unknown) => this.#failures.failed(error));
    } catch (error) {
      // Nothing was sent: another answer may still be.
      this.#answered = false;
      throw error;
    }
    return true;
  }
}

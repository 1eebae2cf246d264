/** Addresses on NATS: a subject each, so that its servers know who serves what, and say at once when nobody does. */
import { attempt, chain, type Maybe } from '@cometd-ts/protocol';
import type { Registration } from '@cometd-ts/server';
import type { Msg } from '@nats-io/transport-node';
import { AddressError, type Addresses } from '../powers.ts';
import type { Connection, Listening } from './connection.ts';
import { reasonOf } from './error.ts';

type Hear = (data: unknown) => Maybe<unknown>;

/** The queue of those who share an address: NATS picks one of them. */
const SHARED = 'shared';
/** How long NATS may take to say that nobody else shares an address, in ms. */
const HANDED_OVER = 2_000;

/** An address that is served here: one subscription, whoever serves it. */
interface Served {
  readonly isShared: boolean;
  readonly subscription: Listening;
  hearers: readonly Hear[];
}

/**
 * The connection does not bring back what it sends, so a message for those who serve an address here is heard here directly. What is shared
 * goes to NATS or stays, by chance, so that this node has as much of it as each other; and stays when NATS knows nobody.
 */
export class NatsAddresses implements Addresses {
  readonly #connection: Connection;
  readonly #others: () => number;
  readonly #served: Map<string, Served> = new Map();
  #isStopped = false;

  /** @param others how many other nodes there are */
  constructor(connection: Connection, others: () => number) {
    this.#connection = connection;
    this.#others = others;
  }

  /** How many addresses are served here. */
  get size(): number {
    return this.#served.size;
  }

  serve(address: readonly string[], hear: Hear, { shared = false }: { readonly shared?: boolean } = {}): Registration {
    const subject = this.#subject(address);
    // Wrapped, so that removing one of two equal ones removes that one.
    const hearer: Hear = (data) => hear(data);
    const served = this.#served.get(subject) ?? this.#subscribed(subject, shared);
    if (served.isShared !== shared)
      throw new TypeError(`${JSON.stringify(address)} is served already, and ${shared ? 'not shared' : 'shared'}`);
    served.hearers = [...served.hearers, hearer];
    return {
      remove: () => {
        served.hearers = served.hearers.filter((other) => other !== hearer);
        if (served.hearers.length > 0 || this.#served.get(subject) !== served) return;
        this.#served.delete(subject);
        served.subscription.unsubscribe();
      },
    };
  }

  tell(address: readonly string[], data: unknown): boolean {
    const subject = this.#subject(address);
    if (!this.#isUp) return false;
    const payload = this.#payload(data);
    const here = this.#served.get(subject);
    if (here?.isShared) this.#handOver(subject, payload, here);
    else {
      this.#connection.publish(subject, payload);
      if (here) setImmediate(() => this.#hear(here, payload, () => undefined));
    }
    return true;
  }

  async ask(
    address: readonly string[],
    data: unknown,
    { timeout = 5_000, signal }: { readonly timeout?: number; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<unknown> {
    const subject = this.#subject(address);
    signal?.throwIfAborted();
    if (!this.#isUp) throw new AddressError('down', 'NATS cannot be reached');
    const payload = this.#payload(data);
    const here = this.#served.get(subject);
    const stays = here?.isShared === true && this.#isOurs();
    const text = await new Promise<string>((resolve, reject) => {
      const abort = (): void => end(() => reject(signal?.reason));
      const fail = (code: 'nobody' | 'timeout' | 'down', message: string): void =>
        end(() => reject(new AddressError(code, message)));
      const timer = setTimeout(() => fail('timeout', `Nobody has answered within ${timeout} ms`), timeout);
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        settle();
      };
      const askHere = (served: Served): void =>
        void setImmediate(() => this.#hear(served, payload, (answer) => end(() => resolve(answer))));
      signal?.addEventListener('abort', abort, { once: true });
      if (here && (stays || !here.isShared)) askHere(here);
      if (stays) return;
      this.#request(subject, payload, timeout + HANDED_OVER).then(
        (answer) => end(() => resolve(answer)),
        (error: unknown) => {
          if (!this.#isNobody(error)) fail('down', `NATS did not take the question: ${reasonOf(error)}`);
          else if (!here) fail('nobody', `Nobody serves ${JSON.stringify(address)}`);
          else if (here.isShared) askHere(here);
        },
      );
    });
    if (text === '')
      throw new AddressError('tooLarge', `The answer is over the payload limit of NATS, ${this.#limit} bytes`);
    return this.#connection.json.parse(text);
  }

  /** What is served here ends. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const { subscription } of this.#served.values()) subscription.unsubscribe();
    this.#served.clear();
  }

  get #isUp(): boolean {
    return !this.#isStopped && this.#connection.isUp;
  }

  get #limit(): number {
    return this.#connection.nats.info?.max_payload ?? 1_048_576;
  }

  /** By chance, whether this node is the one of all that share an address. */
  #isOurs(): boolean {
    return Math.random() * (this.#others() + 1) < 1;
  }

  #subject(address: readonly string[]): string {
    if (address.length === 0 || address.some((text) => typeof text !== 'string' || text === ''))
      throw new TypeError('An address is a list of texts, none of them empty');
    return this.#connection.subjects.address(address);
  }

  #payload(data: unknown): Buffer {
    const payload = Buffer.from(this.#connection.json.generate(data));
    if (payload.length <= this.#limit) return payload;
    throw new AddressError('tooLarge', `${payload.length} bytes are over the payload limit of NATS, ${this.#limit}`);
  }

  #subscribed(subject: string, isShared: boolean): Served {
    if (this.#isStopped) throw new TypeError('The engine was stopped: nothing can be served any more');
    const served: Served = {
      isShared,
      hearers: [],
      subscription: this.#connection.subscribe(
        subject,
        (message) => this.#hear(served, message.data, (answer) => this.#respond(message, answer)),
        isShared ? SHARED : undefined,
      ),
    };
    this.#served.set(subject, served);
    return served;
  }

  /** To another node that shares the address, or to this one. */
  #handOver(subject: string, payload: Buffer, here: Served): void {
    const stay = (): void => void setImmediate(() => this.#hear(here, payload, () => undefined));
    if (this.#isOurs()) return stay();
    this.#request(subject, payload, HANDED_OVER).catch((error: unknown) => {
      // Whatever else it is: somebody has it, and says nothing.
      if (this.#isNobody(error)) stay();
    });
  }

  async #request(subject: string, payload: Buffer, timeout: number): Promise<string> {
    const { data } = await this.#connection.nats.request(subject, payload, { timeout });
    return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString();
  }

  #isNobody(error: unknown): boolean {
    const { NoRespondersError } = this.#connection.client;
    return error instanceof NoRespondersError || (error instanceof Error && error.cause instanceof NoRespondersError);
  }

  /** Those who serve it here hear it, or the one whose turn it is; `answered` is called with what they say, as JSON. */
  #hear({ isShared, hearers }: Served, payload: Uint8Array, answered: (text: string) => void): void {
    if (this.#isStopped) return;
    const { diagnostics, json } = this.#connection;
    const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString();
    const turn = Math.floor(Math.random() * hearers.length);
    for (const hear of isShared ? hearers.slice(turn, turn + 1) : hearers) {
      const data = attempt(
        () => json.parse(text),
        () => {
          diagnostics.rejected('address', text);
          return undefined;
        },
      );
      if (data === undefined) return;
      const answer = diagnostics.guard('address', undefined, () => hear(data));
      void chain(answer, (value) =>
        diagnostics.guard('address', undefined, () => {
          if (value !== undefined) answered(this.#fitting(json.generate(value)));
        }),
      );
    }
  }

  /** Nothing, where an answer is too large: JSON never is nothing. */
  #fitting(text: string): string {
    if (Buffer.byteLength(text) <= this.#limit) return text;
    this.#connection.diagnostics.limitHit('max_payload', `an answer of ${text.length} characters`);
    return '';
  }

  #respond({ reply }: Msg, answer: string): void {
    if (reply !== undefined && reply !== '') this.#connection.publish(reply, answer);
  }
}

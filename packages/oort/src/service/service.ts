/** A service of the cluster: a request goes to the node in charge, or to all, and its answer comes back. Book section 9.5.8. */
import { attempt, chain, type Maybe } from '@cometd-ts/protocol';
import type { LocalSession, Registration } from '@cometd-ts/server';
import { localSession } from '../local.ts';
import type { Oort } from '../oort.ts';
import { AddressError, type Addresses } from '../powers.ts';
import { serviceBroadcastChannel, serviceChannel, serviceResultChannel } from '../wire.ts';
import { type Answer, failure, OortServiceError } from './answer.ts';
import { Pending, type Waiting } from './pending.ts';
import { type RequestRecord, type ResultRecord, readRequest, readResult } from './records.ts';

export interface OortServiceOptions {
  /** How long an answer may take, in ms. Default 5000. */
  readonly timeout?: number;
  /** How many requests of this node may wait for their answers. Default 10000. */
  readonly maxPending?: number;
}

/** A request, as the node that is asked gets it. */
export interface ServiceRequest<Parameter> {
  readonly parameter: Parameter;
  /** URL of the node that asks. */
  readonly url: string;
  /** Whether that is this node. */
  readonly isLocal: boolean;
}

/**
 * Whom to ask when any node that has the service will do: one of them gets the request, whichever the message system picks,
 * this one included. Its `ignore` is a failure: no other is asked.
 */
export const anyNode: unique symbol = Symbol('any node');

/** URL of the node that is asked, null for all nodes, or `anyNode`. */
export type ServiceTarget = string | null | typeof anyNode;

/** How much later than the request itself the message system gives up, in ms: so that whoever asked hears of it once. */
const LATER = 1_000;

/**
 * The base of services. Each node has an instance of the same name; `onForward` answers what other nodes, or this one, ask.
 *
 * @example
 * class Prices extends OortService<string, number> {
 *   protected onForward({ parameter }: ServiceRequest<string>): Answer<number> {
 *     const price = stock.get(parameter);
 *     return price === undefined ? ignore() : success(price);
 *   }
 * }
 */
export abstract class OortService<Parameter = unknown, Result = unknown, Context = unknown> {
  readonly oort: Oort;
  readonly name: string;
  readonly #pending: Pending;
  readonly #maxPending: number;
  readonly #timeout: number;
  #registrations: Registration[] = [];
  #session: LocalSession | null = null;
  #ids = 0;

  /** Throws `RangeError` for a name that cannot be part of a channel, and for options out of range. */
  constructor(oort: Oort, name: string, { timeout = 5_000, maxPending = 10_000 }: OortServiceOptions = {}) {
    if (!/^[A-Za-z0-9_\-.!~()$@]+$/.test(name)) throw new RangeError(`'${name}' cannot be the name of a service`);
    if (!(timeout > 0 && timeout < 2 ** 31))
      throw new RangeError(`The option 'timeout' must be ms above 0, not ${timeout}`);
    if (!(maxPending > 0)) throw new RangeError(`The option 'maxPending' must be above 0, not ${maxPending}`);
    this.oort = oort;
    this.name = name;
    this.#maxPending = maxPending;
    this.#timeout = timeout;
    this.#pending = new Pending(timeout, maxPending);
  }

  /** Call it after the start of `oort`. */
  async start(): Promise<void> {
    const { oort, name } = this;
    if (!oort.isStarted) throw new TypeError(`Start the Oort before the service '${name}'`);
    if (this.#session) throw new TypeError(`The service '${name}' was started before`);
    this.#session = await localSession(oort.server, `${this.constructor.name}-${name}`);
    const listen = (channel: string, hear: (data: unknown) => void): Registration =>
      oort.server.createChannelIfAbsent(channel).channel.addListener('message', (sender, _channel, { data }) => {
        if (oort.isOort(sender)) hear(data);
      });
    this.#registrations = [
      listen(serviceBroadcastChannel(name), (data) => this.#asked(data, true)),
      listen(serviceChannel(name), (data) => this.#asked(data, false)),
      listen(serviceResultChannel(name), (data) => this.#answered(data)),
      oort.addListener('cometLeft', ({ url }) => this.#pending.left(url)),
      ...this.#served(oort.engine.addresses),
    ];
    oort.observeChannel(serviceBroadcastChannel(name));
  }

  /** Requests of this node that wait for an answer fail. */
  async stop(): Promise<void> {
    const session = this.#session;
    if (!session) return;
    this.#session = null;
    for (const registration of this.#registrations) registration.remove();
    this.oort.deobserveChannel(serviceBroadcastChannel(this.name));
    this.#pending.stop();
    if (session.isHandshook) await session.disconnect();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Requests of this node that wait for an answer. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  // What a service implements

  /** Answers a request, at once or later. What it throws is a failure for the one who asked it alone, and nothing for one who asked all. */
  protected abstract onForward(request: ServiceRequest<Parameter>): Maybe<Answer<Result>>;

  /** A `forward` has succeeded. */
  protected onForwardSucceeded(_result: Result, _context: Context): void {
    return;
  }

  /** A `forward` has failed; `error.code` tells how, `error.data` what the other node said. */
  protected onForwardFailed(_error: OortServiceError, _context: Context): void {
    return;
  }

  // Asking

  /**
   * Asks the node of this URL, or with null all nodes, this one included; the first that succeeds or fails has answered. With `anyNode`
   * one of those that have the service is asked; that needs an engine with addresses. The answer comes
   * to `onForwardSucceeded` or `onForwardFailed`, with `context`, never before this returns. False when there is no way to the node,
   * or too many requests wait: nothing was sent, and nothing will come. Throws `TypeError` before `start`, and for `anyNode` where
   * the engine has no addresses.
   */
  forward(target: ServiceTarget, parameter: Parameter, context: Context): boolean {
    const { diagnostics } = this.oort.server;
    const refused = this.#ask(target, parameter, {
      target: typeof target === 'string' ? target : null,
      succeeded: (data) =>
        void diagnostics.guard('OortService', undefined, () => this.onForwardSucceeded(data as Result, context)),
      failed: (error) => void diagnostics.guard('OortService', undefined, () => this.onForwardFailed(error, context)),
    });
    return refused === null;
  }

  /** As `forward`, as a promise. Rejects with `OortServiceError`. With an aborted `signal` the answer is no longer waited for. */
  call(
    target: ServiceTarget,
    parameter: Parameter,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const end = (): void => signal?.removeEventListener('abort', abort);
      const refused = this.#ask(target, parameter, {
        target: typeof target === 'string' ? target : null,
        succeeded: (data) => {
          end();
          resolve(data as Result);
        },
        failed: (error) => {
          end();
          reject(error);
        },
      });
      const id = this.#ids;
      const abort = (): void => {
        if (this.#pending.take(id)) reject(signal?.reason);
      };
      if (refused) reject(refused);
      else signal?.addEventListener('abort', abort, { once: true });
    });
  }

  #ask(target: ServiceTarget, parameter: Parameter, waiting: Waiting): OortServiceError | null {
    const session = this.#session;
    if (!session?.isHandshook) throw new TypeError(`Start the service '${this.name}' first`);
    if (this.#pending.isFull) {
      this.oort.server.diagnostics.limitHit('maxPending', this.name);
      return new OortServiceError(
        'overflow',
        `More than ${this.#maxPending} requests wait for an answer (option maxPending)`,
      );
    }
    const { oort } = this;
    const id = ++this.#ids;
    const record: RequestRecord = {
      'oort.service.id': id,
      'oort.service.url': oort.url,
      'oort.service.parameter': parameter,
    };
    if (target === oort.url) {
      this.#pending.add(id, waiting);
      queueMicrotask(() => this.#asked(record, false));
      return null;
    }
    const addresses = this.#addresses;
    if (addresses) return this.#asks(addresses, target, record, waiting);
    if (target === anyNode)
      throw new TypeError(`To ask anyNode needs an engine with addresses, and '${oort.engine.name}' has none`);
    if (target !== null) {
      // Sent first: the answer comes in a later turn, and what cannot be sent leaves nothing behind.
      const sent = oort.send(target, { channel: serviceChannel(this.name), data: record });
      if (!sent) return new OortServiceError('unreachable', `There is no way to the node ${target}`);
      this.#pending.add(id, waiting);
      return null;
    }
    const channel = serviceBroadcastChannel(this.name);
    void oort.server.createChannelIfAbsent(channel).channel.publish(session, record);
    this.#pending.add(id, waiting);
    queueMicrotask(() => this.#asked(record, true));
    return null;
  }

  // By addresses: whether anybody is there is known at once, and answers come as answers

  /** Null where the engine has none, or other nodes do not hear them yet. */
  get #addresses(): Addresses | null {
    const { addresses, isMoving } = this.oort.engine;
    return isMoving ? null : (addresses ?? null);
  }

  /** Requests by message are heard all the same: nodes that move from another engine send them. */
  #served(addresses: Addresses | undefined): Registration[] {
    if (!addresses) return [];
    const answer = (data: unknown, all: boolean): Maybe<ResultRecord | undefined> => {
      const request = readRequest(data);
      if (!request) this.oort.server.diagnostics.rejected('oort_service', this.name);
      return request && this.#session ? this.#answer(request, all) : undefined;
    };
    return [
      addresses.serve(this.#address(null), (data) => answer(data, true)),
      addresses.serve(this.#address(this.oort.url), (data) => answer(data, false)),
      addresses.serve(this.#address(anyNode), (data) => answer(data, false), { shared: true }),
    ];
  }

  #address(target: ServiceTarget): readonly string[] {
    if (target === anyNode) return ['service', this.name, 'any'];
    return target === null ? ['service', this.name, 'all'] : ['service', this.name, 'node', target];
  }

  #asks(addresses: Addresses, target: ServiceTarget, record: RequestRecord, waiting: Waiting): OortServiceError | null {
    const { oort } = this;
    if (typeof target === 'string' && !oort.isCometConnected(target))
      return new OortServiceError('unreachable', `There is no way to the node ${target}`);
    // What cannot be written throws here, and leaves nothing behind.
    oort.server.settings.jsonContext.generate(record);
    const id = record['oort.service.id'];
    this.#pending.add(id, waiting);
    const timeout = Math.min(this.#timeout + LATER, 2 ** 31 - 1);
    addresses.ask(this.#address(target), record, { timeout }).then(
      (result) => this.#answered(result),
      (error: unknown) => {
        // Who is cut off can still ask itself.
        if (typeof target !== 'string' && error instanceof AddressError && error.code === 'down')
          this.#asked(record, target === null);
        else this.#pending.take(id)?.failed(this.#problem(target, error));
      },
    );
    return null;
  }

  #problem(target: ServiceTarget, error: unknown): OortServiceError {
    const code = error instanceof AddressError ? error.code : null;
    const why = error instanceof Error ? error.message : String(error);
    if (code === 'timeout' || code === 'tooLarge') return new OortServiceError(code, why);
    const whom = typeof target === 'string' ? `The node ${target} cannot be asked` : 'Nobody can be asked';
    return new OortServiceError('unreachable', `${whom} for the service '${this.name}': ${why}`);
  }

  // Being asked

  #asked(data: unknown, all: boolean): void {
    const request = readRequest(data);
    if (!request) return this.oort.server.diagnostics.rejected('oort_service', this.name);
    if (!this.#session) return;
    void chain(this.#answer(request, all), (result) => {
      if (result) this.#reply(request['oort.service.url'], result);
    });
  }

  /** Undefined when this node has nothing to say to a request that went to all. */
  #answer(request: RequestRecord, all: boolean): Maybe<ResultRecord | undefined> {
    const url = request['oort.service.url'];
    const parameter = request['oort.service.parameter'] as Parameter;
    const answered = attempt<Answer<Result> | null>(
      () => this.onForward({ parameter, url, isLocal: url === this.oort.url }),
      (error) => {
        this.oort.server.diagnostics.failed('OortService', error);
        return all ? null : failure(reasonOf(error));
      },
    );
    return chain(answered, (answer) => {
      if (!answer || (all && answer.kind === 'ignore')) return undefined;
      return {
        'oort.service.id': request['oort.service.id'],
        'oort.service.url': this.oort.url,
        'oort.service.result': answer.kind === 'success',
        'oort.service.data': answer.data,
      };
    });
  }

  #reply(requester: string, result: ResultRecord): void {
    if (requester === this.oort.url) return queueMicrotask(() => this.#answered(result));
    void this.oort.server.diagnostics.guard('OortService', false, () =>
      this.oort.send(requester, { channel: serviceResultChannel(this.name), data: result }),
    );
  }

  // Being answered

  #answered(data: unknown): void {
    const result = readResult(data);
    if (!result) return this.oort.server.diagnostics.rejected('oort_service', this.name);
    // The first has answered; nobody waits for the others.
    const waiting = this.#pending.take(result['oort.service.id'], result['oort.service.url']);
    if (!waiting) return;
    const said = result['oort.service.data'];
    if (result['oort.service.result']) waiting.succeeded(said);
    else waiting.failed(new OortServiceError('failure', `The node ${result['oort.service.url']} has refused`, said));
  }
}

/** What the requester is told of an error: its message, never its stack. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || error.name;
}

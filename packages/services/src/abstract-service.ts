/** The inherited style of services: derive a class, and map channels to its methods. Book section 9.3.3.1. */
import { attempt, ChannelId, chain, type Maybe } from '@cometd-ts/protocol';
import type { BayeuxServer, LocalSession, Registration, ServerMessage, ServerSession } from '@cometd-ts/server';
import { type TurnOptions, Turns } from './turns.ts';

/**
 * What a service does with a message. `session` is who published it, null for the server itself. What is answered, other
 * than null and undefined, is delivered to that session on the same channel. The message cannot be stopped here.
 */
export type ServiceMethod<Service = unknown> = (
  this: Service,
  session: ServerSession | null,
  message: ServerMessage,
) => unknown;

interface Mapping {
  readonly channel: string;
  readonly method: unknown;
  readonly registration: Registration;
}

/**
 * A service: a local client of the server, and a mapping from channels to methods.
 *
 * Synchronous methods run while the message passes the server: their answer leaves before the publish reply. A method that
 * returns a promise does not hold the message up. Messages of one session reach the service's methods one after another,
 * in order, the next when the promise of the one before is settled; `concurrency` lets several run. Sessions do not wait
 * for each other.
 */
export abstract class AbstractService implements AsyncDisposable {
  readonly bayeux: BayeuxServer;
  readonly name: string;
  readonly localSession: LocalSession;
  /** Kept when the local session is handshook: at once, unless a security policy takes its time. Rejects when it is refused. */
  readonly ready: Promise<void>;
  /** Whether methods hear what this service publishes itself. Default false. */
  seeOwnPublishes = false;
  readonly #turns: Turns;
  #mappings: readonly Mapping[] = [];

  /** `name` begins the id of the local session. Throws `Error` when the server refuses the session. */
  constructor(bayeux: BayeuxServer, name: string, options: TurnOptions = {}) {
    this.bayeux = bayeux;
    this.name = name;
    this.#turns = new Turns(options, (error) => this.#report('', error));
    this.localSession = bayeux.newLocalSession(name);
    const begun = chain(this.localSession.handshake(), (reply) => {
      if (!reply.successful) throw new Error(`The server refuses the session of the service ${name}: ${reply.error}`);
    });
    this.ready = Promise.resolve(begun);
    this.ready.catch((error: unknown) => this.#report('', error));
  }

  /** The server's side of the local session. Throws `TypeError` before `ready`, and after `close`. */
  get serverSession(): ServerSession {
    return this.localSession.serverSession;
  }

  /**
   * Calls a method for each message on a channel, or on those that a wildcard matches; the channel is created when it is
   * missing. The method is a function, or the name of a public method of this object, which takes no more than the session
   * and the message. Throws `RangeError` for an illegal channel, `TypeError` for a method that does not fit.
   */
  protected addService(channel: string, method: (keyof this & string) | ServiceMethod<this>): void {
    const name = typeof method === 'function' ? method.name || 'function' : method;
    const callback: unknown = typeof method === 'function' ? method : this[method];
    if (typeof callback !== 'function') throw new TypeError(`The service ${this.name} has no method ${name}`);
    if (callback.length > 2) {
      throw new TypeError(`The method ${name} of the service ${this.name} must take a session and a message only`);
    }
    const registration = this.bayeux
      .createChannelIfAbsent(new ChannelId(channel).id)
      .channel.addListener('message', (session, _, message) =>
        this.#called(callback as ServiceMethod<this>, name, session, message),
      );
    this.#mappings = [...this.#mappings, { channel, method, registration }];
  }

  /** Takes the mappings of a channel away, or only those to one method. */
  protected removeService(channel: string, method?: (keyof this & string) | ServiceMethod<this>): void {
    this.#remove((mapping) => mapping.channel === channel && (method === undefined || mapping.method === method));
  }

  /** Delivers to one session. True when it was queued. */
  protected send(session: ServerSession, channel: string, data: unknown): Maybe<boolean> {
    return session.deliver(this.serverSession, channel, data);
  }

  /** Hears what a method threw or rejected with; nobody else does. Override it to do more than log. */
  protected exception(method: string, _session: ServerSession | null, _message: ServerMessage, error: unknown): void {
    this.#report(`.${method}`, error);
  }

  /** Removes all mappings and ends the local session. */
  async close(): Promise<void> {
    this.#remove(() => true);
    if (this.localSession.isHandshook) await this.localSession.disconnect();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #called(
    method: ServiceMethod<this>,
    name: string,
    session: ServerSession | null,
    message: ServerMessage,
  ): Maybe<undefined> {
    const isOwn = session !== null && this.localSession.isHandshook && session === this.serverSession;
    if (isOwn && !this.seeOwnPublishes) return undefined;
    const { channel } = message;
    return this.#turns.run(session, () =>
      attempt<undefined>(
        () =>
          chain(method.call(this, session, message) as Maybe<unknown>, (answer) => {
            if (answer === undefined || answer === null || !session) return undefined;
            return chain(this.send(session, channel, answer), () => undefined);
          }),
        (error) => {
          this.exception(name, session, message, error);
          return undefined;
        },
      ),
    );
  }

  #remove(isMeant: (mapping: Mapping) => boolean): void {
    const meant = this.#mappings.filter(isMeant);
    this.#mappings = this.#mappings.filter((mapping) => !meant.includes(mapping));
    for (const { registration } of meant) registration.remove();
  }

  #report(method: string, error: unknown): void {
    this.bayeux.diagnostics.failed(`service ${this.name}${method}`, error);
  }
}

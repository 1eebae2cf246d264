/** Binds the methods of annotated services to a server, and unbinds them. Book section 9.3.3.12. */
import { attempt, ChannelId, chain, every, type Maybe } from '@cometd-ts/protocol';
import {
  BayeuxServer,
  type LocalSession,
  type Registration,
  type ServerChannel,
  type ServerMessage,
  type ServerSession,
} from '@cometd-ts/server';
import { bindingsOf, membersOf, methodOf, serviceNameOf, stagesOf } from './bindings.ts';
import type { Token } from './decorators.ts';
import { describe, RemoteAnswer } from './remote-call.ts';
import { checked, type Schema } from './schema.ts';
import { Pattern } from './template.ts';
import { type TurnOptions, Turns } from './turns.ts';

/** Options of a processor. `concurrency` and `maxWaiting` hold for each service by itself. */
export interface ProcessorOptions extends TurnOptions {
  /** Objects that `@Inject(SomeClass)` finds by their class. The server is always there. */
  readonly injectables?: readonly object[];
  /** Asked for what nobody provided, such as a container of another library. Undefined when it does not know either. */
  readonly resolve?: (token: Token<unknown>) => unknown;
  /** What the client learns when a remote call throws or rejects. Default `{ class, message }`, without a stack. */
  readonly describeFailure?: (error: unknown) => unknown;
}

/** What is bound for one object. */
interface Service {
  readonly name: string;
  readonly session: LocalSession;
  readonly turns: Turns;
  readonly registrations: Registration[];
}

/**
 * Binds services to a server. `process` answers at once, unless a security policy, an extension or a `@PostConstruct`
 * method takes its time: then it is a promise.
 */
export class ServerAnnotationProcessor {
  readonly #bayeux: BayeuxServer;
  readonly #options: ProcessorOptions;
  readonly #provided: Map<unknown, unknown> = new Map();
  readonly #services: Map<object, Service> = new Map();

  constructor(bayeux: BayeuxServer, options: ProcessorOptions = {}) {
    this.#bayeux = bayeux;
    this.#options = options;
  }

  /** Has `@Inject(token)` give this value. */
  provide<T>(token: Token<T>, value: T): this {
    this.#provided.set(token, value);
    return this;
  }

  /**
   * Injects what the object depends on, begins its session, configures its channels, binds its methods and calls its
   * `@PostConstruct` methods. False for an object whose class is no service. Throws, or rejects, when something does not
   * fit; nothing of the object stays bound then.
   */
  process(bean: object): Maybe<boolean> {
    const name = serviceNameOf(bean);
    if (name === undefined) return false;
    if (this.#services.has(bean)) throw new TypeError(`The service ${name} is bound already: deprocess it first`);
    this.processDependencies(bean);
    return attempt(
      () =>
        chain(this.#begin(bean, name), (service) => {
          this.processConfigurations(bean);
          return chain(this.#bind(bean, service), () => chain(this.processPostConstruct(bean), () => true));
        }),
      (error) =>
        chain(this.deprocessCallbacks(bean), () => {
          throw error;
        }),
    );
  }

  /**
   * Processes those that are services, one after another: hand it all that a container has made. What is no service, or is
   * bound already, is left alone. Answers those that were bound. Rejects when one does not fit; none of them stays bound then.
   */
  async processAll(beans: Iterable<unknown>): Promise<readonly object[]> {
    const bound: object[] = [];
    try {
      for (const bean of beans) {
        if (typeof bean !== 'object' || bean === null || this.#services.has(bean)) continue;
        if (await this.process(bean)) bound.push(bean);
      }
    } catch (error) {
      for (const bean of bound.reverse()) await this.deprocess(bean);
      throw error;
    }
    return bound;
  }

  /** Unbinds the object's methods, ends its session, and calls its `@PreDestroy` methods. False when it was not bound. */
  deprocess(bean: object): Maybe<boolean> {
    if (!this.#services.has(bean)) return false;
    return chain(this.deprocessCallbacks(bean), () => chain(this.processPreDestroy(bean), () => true));
  }

  /** Unbinds every service. */
  async deprocessAll(): Promise<void> {
    for (const bean of [...this.#services.keys()].reverse()) await this.deprocess(bean);
  }

  // The steps; each answers whether it did something

  /** Gives the object what `@Inject` asks for. Throws `TypeError` for what nobody provides. */
  processDependencies(bean: object): boolean {
    let did = false;
    for (const { member, token } of membersOf(bean, 'Inject')) {
      if (member.isSet(bean)) continue;
      member.set(bean, this.#find(token as Token<unknown> | undefined, member.name));
      did = true;
    }
    return did;
  }

  /** Creates and configures the channels of `@Configure`. Throws what a method throws, and for a channel that may not exist. */
  processConfigurations(bean: object): boolean {
    const all = bindingsOf(bean, 'Configure');
    for (const binding of all) {
      const configure = methodOf(bean, binding, ['channel']);
      for (const name of binding.channels) {
        let failure: { readonly error: unknown } | undefined;
        // The server goes on with a channel whose initialiser throws; one that lacks its authorizer must not stay unnoticed.
        const initialize = (channel: ServerChannel): void => {
          try {
            configure(channel);
          } catch (error) {
            failure = { error };
          }
        };
        const { channel, created } = this.#bayeux.createChannelIfAbsent(new ChannelId(name).id, initialize);
        if (failure) throw failure.error;
        if (created) continue;
        if (binding.configureIfExists) configure(channel);
        else if (binding.errorIfExists) throw new Error(`@Configure: the channel ${name} exists already`);
      }
    }
    return all.length > 0;
  }

  processPostConstruct(bean: object): Maybe<boolean> {
    const stages = stagesOf(bean, 'PostConstruct');
    return chain(
      every(stages, (stage) => chain(stage() as Maybe<unknown>, () => true)),
      () => stages.length > 0,
    );
  }

  deprocessCallbacks(bean: object): Maybe<boolean> {
    const service = this.#services.get(bean);
    if (!service) return false;
    this.#services.delete(bean);
    for (const registration of service.registrations) registration.remove();
    if (!service.session.isHandshook) return true;
    return chain(service.session.disconnect(), () => true);
  }

  processPreDestroy(bean: object): Maybe<boolean> {
    const stages = [...stagesOf(bean, 'PreDestroy')].reverse();
    const done = every(stages, (stage) =>
      attempt<boolean>(
        () => chain(stage() as Maybe<unknown>, () => true),
        (error) => {
          this.#bayeux.diagnostics.failed(`@PreDestroy of ${bean.constructor.name}`, error);
          return true;
        },
      ),
    );
    return chain(done, () => stages.length > 0);
  }

  // What they need

  #find(token: Token<unknown> | undefined, member: string | symbol): unknown {
    if (token === undefined || token === BayeuxServer) return this.#bayeux;
    if (this.#provided.has(token)) return this.#provided.get(token);
    const { injectables = [], resolve } = this.#options;
    const found =
      typeof token === 'function' ? injectables.find((injectable) => injectable instanceof token) : undefined;
    const value = found ?? resolve?.(token);
    if (value !== undefined) return value;
    const what = typeof token === 'function' ? token.name : String(token);
    throw new TypeError(`@Inject on ${String(member)}: nobody provides ${what}`);
  }

  #begin(bean: object, name: string): Maybe<Service> {
    const where = `service ${name}`;
    const service: Service = {
      name,
      session: this.#bayeux.newLocalSession(name),
      turns: new Turns(this.#options, (error) => this.#bayeux.diagnostics.failed(where, error)),
      registrations: [],
    };
    this.#services.set(bean, service);
    return chain(service.session.handshake(), (reply) => {
      if (!reply.successful) throw new Error(`The server refuses the session of the service ${name}: ${reply.error}`);
      for (const { member, which } of membersOf(bean, 'Session')) {
        if (!member.isSet(bean)) member.set(bean, which === 'local' ? service.session : service.session.serverSession);
      }
      return service;
    });
  }

  #bind(bean: object, service: Service): Maybe<unknown> {
    this.#bindListeners(bean, service);
    this.#bindCalls(bean, service);
    return this.#bindSubscriptions(bean, service);
  }

  #bindListeners(bean: object, service: Service): void {
    const own = service.session.serverSession;
    for (const binding of bindingsOf(bean, 'Listener')) {
      const method = methodOf(bean, binding, ['session', 'message', 'params']);
      for (const name of binding.channels) {
        this.#listen(service, new Pattern(name), (session, message, params) => {
          if (session === own && !binding.receiveOwnPublishes) return undefined;
          return method(session, message, params) as Maybe<undefined>;
        });
      }
    }
  }

  #bindCalls(bean: object, service: Service): void {
    const own = service.session.serverSession;
    for (const binding of bindingsOf(bean, 'RemoteCall')) {
      const method = methodOf(bean, binding, ['caller', 'data', 'params']);
      const schema = binding.schema as Schema | undefined;
      for (const target of binding.channels) {
        const pattern = new Pattern(`/service${target.startsWith('/') ? '' : '/'}${target}`);
        if (pattern.id.isWild) throw new RangeError(`@RemoteCall: the target ${target} must not be a wildcard`);
        this.#listen(service, pattern, (session, message, params) => {
          if (session === null || session === own) return undefined;
          const answer = new RemoteAnswer(session, own, message, {
            describe: this.#options.describeFailure ?? describe,
            failed: (error) => this.#failed(service, error),
          });
          const { data = null } = message;
          const fit = (): Maybe<unknown> => (schema ? checked(schema, data) : data);
          return service.turns.run(session, (late) => answer.by(fit, (input) => method(answer, input, params), late));
        });
      }
    }
  }

  #bindSubscriptions(bean: object, service: Service): Maybe<boolean> {
    const wanted = bindingsOf(bean, 'Subscription').flatMap((binding) => {
      const method = methodOf(bean, binding, ['message', 'params']);
      return binding.channels.map((name) => ({ name, method }));
    });
    return every(wanted, ({ name, method }) => {
      const pattern = new Pattern(name);
      const subscribed = service.session.getChannel(pattern.channel).subscribe((_, message) => {
        const params = pattern.bindName(message.channel);
        if (!params) return;
        if (service.turns.isFull(service)) return this.#bayeux.diagnostics.limitHit('maxWaiting', service.name);
        return service.turns.run(service, () => method(message, params) as Maybe<unknown>);
      });
      return chain(subscribed, ({ reply, subscription }) => {
        if (reply && !reply.successful) throw new Error(`@Subscription: ${name} is refused: ${reply.error}`);
        service.registrations.push(subscription);
        return true;
      });
    });
  }

  #listen(
    service: Service,
    pattern: Pattern,
    listener: (
      session: ServerSession | null,
      message: ServerMessage,
      params: Readonly<Record<string, string>>,
    ) => Maybe<boolean | undefined>,
  ): void {
    const { channel } = this.#bayeux.createChannelIfAbsent(pattern.channel);
    service.registrations.push(
      channel.addListener('message', (session, exact, message) => {
        const params = pattern.bind(exact.channelId);
        return params && listener(session, message, params);
      }),
    );
  }

  #failed(service: Service, error: unknown): void {
    this.#bayeux.diagnostics.failed(`service ${service.name}`, error);
  }
}

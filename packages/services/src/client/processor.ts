/** Binds the methods of annotated services to a client, and unbinds them. Book section 9.3.3.18. */
import { attempt, chain, every, type Maybe, META_HANDSHAKE } from '@cometd-ts/protocol';
import { bindingsOf, membersOf, methodOf, serviceNameOf, stagesOf } from '../bindings.ts';
import { Pattern } from '../template.ts';
import { type Client, type Face, faceOf, type Hear } from './face.ts';

export interface ClientProcessorOptions {
  /**
   * Hears what nobody else does: what asynchronous methods reject with where the client is a `CometD`, and what a
   * `@PreDestroy` method throws. Default `console.error`.
   */
  readonly exception?: (error: unknown) => void;
}

interface Wanted {
  readonly channel: string;
  readonly hear: Hear;
}

/** Binds services to one client: listeners at once, subscriptions after each handshake that succeeds. */
export class ClientAnnotationProcessor {
  readonly #client: Client;
  readonly #face: Face;
  readonly #exception: (error: unknown) => void;
  readonly #services: Map<object, (() => void)[]> = new Map();

  constructor(client: Client, { exception = (error) => console.error(error) }: ClientProcessorOptions = {}) {
    this.#client = client;
    this.#exception = exception;
    this.#face = faceOf(client, exception);
  }

  /**
   * Gives the object its client, binds its methods, and calls its `@PostConstruct` methods: a promise if one of those is.
   * False for an object whose class is no service. Throws, or rejects, when something does not fit; nothing stays bound
   * then.
   */
  process(bean: object): Maybe<boolean> {
    const name = serviceNameOf(bean);
    if (name === undefined) return false;
    if (this.#services.has(bean)) throw new TypeError(`The service ${name} is bound already: deprocess it first`);
    this.#services.set(bean, []);
    return attempt(
      () => {
        for (const { member } of membersOf(bean, 'Session')) {
          if (!member.isSet(bean)) member.set(bean, this.#client);
        }
        this.processCallbacks(bean);
        return chain(this.processPostConstruct(bean), () => true);
      },
      (error) => {
        this.deprocessCallbacks(bean);
        throw error;
      },
    );
  }

  /** Unbinds the object's methods and calls its `@PreDestroy` methods. False when it was not bound. */
  deprocess(bean: object): Maybe<boolean> {
    if (!this.deprocessCallbacks(bean)) return false;
    return chain(this.processPreDestroy(bean), () => true);
  }

  // The steps; each answers whether it did something

  processCallbacks(bean: object): boolean {
    const ends = this.#services.get(bean) ?? [];
    this.#services.set(bean, ends);
    const subscriptions = this.#wanted(bean, 'Subscription');
    const listeners = this.#wanted(bean, 'Listener');
    for (const { channel, hear } of listeners) ends.push(this.#face.listen(channel, hear));
    if (subscriptions.length > 0) this.#subscribe(subscriptions, ends);
    return listeners.length + subscriptions.length > 0;
  }

  processPostConstruct(bean: object): Maybe<boolean> {
    const stages = stagesOf(bean, 'PostConstruct');
    const done = every(stages, (stage) => chain(stage() as Maybe<unknown>, () => true));
    return chain(done, () => stages.length > 0);
  }

  deprocessCallbacks(bean: object): boolean {
    const ends = this.#services.get(bean);
    if (!ends) return false;
    this.#services.delete(bean);
    for (const end of ends) end();
    return true;
  }

  processPreDestroy(bean: object): Maybe<boolean> {
    const stages = [...stagesOf(bean, 'PreDestroy')].reverse();
    const done = every(stages, (stage) =>
      attempt<boolean>(
        () => chain(stage() as Maybe<unknown>, () => true),
        (error) => {
          this.#exception(error);
          return true;
        },
      ),
    );
    return chain(done, () => stages.length > 0);
  }

  #subscribe(subscriptions: readonly Wanted[], ends: (() => void)[]): void {
    const subscribe = (): void =>
      this.#face.batch(() => {
        for (const { channel, hear } of subscriptions) this.#face.subscribe(channel, hear);
      });
    ends.push(
      this.#face.listen(META_HANDSHAKE, ({ successful }) => {
        if (successful) subscribe();
      }),
      () =>
        this.#face.batch(() => {
          for (const { channel, hear } of subscriptions) this.#face.unsubscribe(channel, hear);
        }),
    );
    if (this.#face.isHandshook) subscribe();
  }

  #wanted(bean: object, kind: 'Listener' | 'Subscription'): Wanted[] {
    return bindingsOf(bean, kind).flatMap((binding) => {
      const method = methodOf(bean, binding, ['message', 'params']);
      return binding.channels.map((name) => {
        const pattern = new Pattern(name);
        if (kind === 'Subscription' && pattern.id.isMeta) {
          throw new TypeError(`@Subscription: nobody can subscribe to ${name}; make it a @Listener`);
        }
        const hear: Hear = (message) => {
          const params = pattern.bindName(message.channel);
          return params && method(message, params);
        };
        return { channel: pattern.channel, hear };
      });
    });
  }
}

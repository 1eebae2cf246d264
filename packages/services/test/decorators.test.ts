import {
  BayeuxServer,
  type LocalSession,
  type ServerChannel,
  type ServerMessage,
  type ServerSession,
} from '@cometd-ts/server';
import { describe, expect, it } from 'vitest';
import {
  Configure,
  Inject,
  Listener,
  PostConstruct,
  PreDestroy,
  RemoteCall,
  ServerAnnotationProcessor,
  Service,
  Session,
  Subscription,
} from '../src/index.ts';
import { enter, Gate, openServer } from './people.ts';

const next = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Database {
  readonly name: string = 'db';
}

describe('an object whose class is no service', () => {
  it('is left alone', () => {
    class Plain {
      called = false;
      @PostConstruct
      init(): void {
        this.called = true;
      }
    }
    const { bayeux } = openServer();
    const processor = new ServerAnnotationProcessor(bayeux);
    const plain = new Plain();
    expect(processor.process(plain)).toBe(false);
    expect(processor.deprocess(plain)).toBe(false);
    expect(plain.called).toBe(false);
    expect(bayeux.sessions).toEqual([]);
  });
});

describe('a service', () => {
  @Service('named')
  class Named {}
  @Service()
  class Called {}
  @Service
  class Bare {}
  class Derived extends Named {}

  it.each([
    ['named', new Named()],
    ['Called', new Called()],
    ['Bare', new Bare()],
    ['named', new Derived()],
  ])('has a session whose id begins with the name %s', (name, bean) => {
    const { bayeux } = openServer();
    expect(new ServerAnnotationProcessor(bayeux).process(bean)).toBe(true);
    expect(bayeux.sessions.map(({ id }) => id.startsWith(`${name}_`))).toEqual([true]);
  });

  it('can be bound once at a time, and again later, to two servers at once', () => {
    const [one, two] = [openServer().bayeux, openServer().bayeux];
    const [first, second] = [new ServerAnnotationProcessor(one), new ServerAnnotationProcessor(two)];
    const bean = new Named();
    expect(first.process(bean)).toBe(true);
    expect(() => first.process(bean)).toThrow('bound already');
    expect(one.sessions).toHaveLength(1);
    expect(second.process(bean)).toBe(true);
    expect(first.deprocess(bean)).toBe(true);
    expect(first.deprocess(bean)).toBe(false);
    expect([one.sessions.length, two.sessions.length]).toEqual([0, 1]);
    expect(first.process(bean)).toBe(true);
  });

  it('is refused with its session', () => {
    const { bayeux } = openServer();
    bayeux.securityPolicy = { canHandshake: () => false };
    expect(() => new ServerAnnotationProcessor(bayeux).process(new Named())).toThrow('refuses the session');
    bayeux.securityPolicy = null;
  });

  it('is bound by a promise when a policy takes its time', async () => {
    const { bayeux } = openServer();
    bayeux.securityPolicy = { canHandshake: async () => true };
    const processor = new ServerAnnotationProcessor(bayeux);
    const done = processor.process(new Named());
    expect(done).toBeInstanceOf(Promise);
    expect(await done).toBe(true);
    await processor.deprocessAll();
    expect(bayeux.sessions).toEqual([]);
  });
});

describe('all that a container has', () => {
  @Service('broken')
  class Broken {
    @PostConstruct
    begin(): void {
      throw new Error('broken');
    }
  }
  const others: readonly unknown[] = [null, undefined, 'a name', 7, () => undefined, {}, Object.create(null)];

  @Service('one')
  class One {}

  it('is looked through for services, which are bound once', async () => {
    const { bayeux } = openServer();
    const processor = new ServerAnnotationProcessor(bayeux);
    const [first, second, third] = [new One(), new One(), new One()];
    await processor.process(first);
    expect(await processor.processAll([...others, first, second, third, second])).toEqual([second, third]);
    expect(bayeux.sessions).toHaveLength(3);
    await processor.deprocessAll();
    expect(bayeux.sessions).toHaveLength(0);
  });

  it('is left as it was when one service does not fit', async () => {
    const { bayeux } = openServer();
    const processor = new ServerAnnotationProcessor(bayeux);
    const [first, second] = [new One(), new One()];
    await processor.process(first);
    await expect(processor.processAll([second, new Broken(), new One()])).rejects.toThrow('broken');
    expect(bayeux.sessions).toHaveLength(1);
    expect(await processor.deprocess(first)).toBe(true);
    expect(await processor.deprocess(second)).toBe(false);
  });
});

describe('@Inject and @Session', () => {
  @Service('injected')
  class Injected {
    @Inject bare!: BayeuxServer;
    @Inject() called!: BayeuxServer;
    @Inject(BayeuxServer) byClass!: BayeuxServer;
    @Inject(Database) database!: Database;
    @Inject<{ size: number }>('config') accessor config: { size: number } | undefined;
    @Inject('config') #secret!: unknown;
    @Inject('config') already = 'here';
    @Session local!: LocalSession;
    @Session() accessor again: LocalSession | undefined;
    @Session('server') server!: ServerSession;
    given: unknown[] = [];

    @Inject(Database)
    setDatabase(database: Database): void {
      this.given.push(database);
    }

    @Session('server')
    set session(session: ServerSession) {
      this.given.push(session);
    }

    get secret(): unknown {
      return this.#secret;
    }
  }

  it('give fields, accessors, setters and methods what they ask for, private fields too', () => {
    const { bayeux } = openServer();
    const database = new Database();
    const config = { size: 1 };
    const bean = new Injected();
    new ServerAnnotationProcessor(bayeux, { injectables: [database] }).provide('config', config).process(bean);
    expect([bean.bare, bean.called, bean.byClass]).toEqual([bayeux, bayeux, bayeux]);
    expect(bean.database).toBe(database);
    expect(bean.config).toBe(config);
    expect(bean.secret).toBe(config);
    expect(bean.already).toBe('here');
    expect(bean.local).toBe(bean.again);
    expect(bean.server).toBe(bean.local.serverSession);
    expect(bean.given).toEqual([database, bean.server]);
  });

  it('ask a container for what nobody provided', () => {
    const { bayeux } = openServer();
    const asked: unknown[] = [];
    const bean = new Injected();
    const resolve = (token: unknown): unknown => {
      asked.push(token);
      return token === Database ? new Database() : 'resolved';
    };
    new ServerAnnotationProcessor(bayeux, { resolve }).process(bean);
    expect(asked).toEqual([Database, 'config', 'config', Database]);
    expect(bean.secret).toBe('resolved');
  });

  it('say what nobody provides, before anything is bound', () => {
    const { bayeux } = openServer();
    const processor = new ServerAnnotationProcessor(bayeux);
    expect(() => processor.process(new Injected())).toThrow('@Inject on database: nobody provides Database');
    expect(bayeux.sessions).toEqual([]);
  });
});

describe('@Configure', () => {
  const order: string[] = [];
  const configured = (options?: Parameters<typeof Configure>[1]): object => {
    @Service('configured')
    class Configured {
      @Configure(['/a', '/b'], options)
      configure(channel: ServerChannel): void {
        order.push(channel.id);
        channel.lazy = true;
      }

      @Listener('/a')
      hear(): void {
        order.push('heard');
      }
    }
    return new Configured();
  };

  it('configures channels before anybody sees them', () => {
    const { bayeux } = openServer();
    order.length = 0;
    bayeux.addListener('channelAdded', ({ id, lazy }) => order.push(`added ${id} ${lazy}`));
    new ServerAnnotationProcessor(bayeux).process(configured());
    expect(order).toEqual(['/a', 'added /a true', '/b', 'added /b true']);
  });

  it.each([
    [undefined, 'exists already', false],
    [{ errorIfExists: false }, undefined, false],
    [{ configureIfExists: true }, undefined, true],
  ])('of a channel that exists, with %o: error %s, configured %s', (options, error, lazy) => {
    const { bayeux } = openServer();
    bayeux.createChannelIfAbsent('/a');
    const process = (): unknown => new ServerAnnotationProcessor(bayeux).process(configured(options));
    if (error) expect(process).toThrow(error);
    else process();
    expect(bayeux.getChannel('/a')?.lazy).toBe(lazy);
    expect(bayeux.sessions).toHaveLength(error ? 0 : 1);
  });

  it('lets the service fail whose method throws', () => {
    @Service('failing')
    class Failing {
      @Configure('/a')
      configure(): void {
        throw new Error('no authorizer');
      }
    }
    const { bayeux } = openServer();
    expect(() => new ServerAnnotationProcessor(bayeux).process(new Failing())).toThrow('no authorizer');
  });
});

describe('@Listener', () => {
  @Service('listening')
  class Listening {
    readonly heard: unknown[] = [];
    @Session local!: LocalSession;

    @Listener('/plain')
    plain(session: ServerSession | null, message: ServerMessage<number>): boolean {
      this.heard.push(['plain', session?.id.slice(0, 5), message.data]);
      return message.data !== 13;
    }

    @Listener(['/many/a', '/many/*'])
    many(_: ServerSession | null, { channel }: ServerMessage): void {
      this.heard.push(['many', channel]);
    }

    @Listener('/news/{category}/{event}')
    news(
      _: ServerSession | null,
      { channel }: ServerMessage,
      { category, event }: { category: string; event: string },
    ) {
      this.heard.push([channel, category, event]);
    }

    @Listener('/{tenant}/in/{room}')
    middle(_: ServerSession | null, __: ServerMessage, params: { tenant: string; room: string }): void {
      this.heard.push(params);
    }

    @Listener('/chat/{room}/say')
    say(_: ServerSession | null, __: ServerMessage, params: { room: string }): void {
      this.heard.push(params);
    }

    @Listener('/fail')
    fail(): void {
      throw new Error('in a listener');
    }

    @Listener('/own', { receiveOwnPublishes: true })
    own(): void {
      this.heard.push('own');
    }

    @Listener('/later')
    async later(): Promise<boolean> {
      await next();
      return false;
    }

    @Listener('/meta/subscribe')
    meta(_: ServerSession | null, { subscription }: ServerMessage): boolean {
      this.heard.push(subscription);
      return subscription !== '/forbidden';
    }
  }

  const begin = async () => {
    const server = openServer();
    const bean = new Listening();
    const processor = new ServerAnnotationProcessor(server.bayeux);
    processor.process(bean);
    bean.heard.length = 0;
    return { ...server, bean, processor, guest: await enter(server.bayeux) };
  };

  it('is called with who published, and what', async () => {
    const { bean, guest, bayeux } = await begin();
    expect(await guest.publish('/plain', 1)).toMatchObject({ successful: true });
    await bayeux.getChannel('/plain')?.publish(null, 2);
    expect(bean.heard).toEqual([
      ['plain', 'guest', 1],
      ['plain', undefined, 2],
    ]);
  });

  it('stops a message by answering false, or a promise of false', async () => {
    const { guest } = await begin();
    expect(await guest.publish('/plain', 13)).toMatchObject({ successful: false, error: '404::message_deleted' });
    expect(await guest.publish('/later', 1)).toMatchObject({ successful: false, error: '404::message_deleted' });
  });

  it('hears several channels, wildcards among them', async () => {
    const { bean, guest } = await begin();
    await guest.publish('/many/a', 1);
    await guest.publish('/many/b', 1);
    await guest.publish('/many/b/c', 1);
    expect(bean.heard).toEqual([
      ['many', '/many/a'],
      ['many', '/many/a'],
      ['many', '/many/b'],
    ]);
  });

  it('gets the variables of a template, and only what fits it', async () => {
    const { bean, guest } = await begin();
    for (const channel of ['/news/sport', '/news/sport/ski', '/news/a/b/c', '/acme/in/hall', '/acme/out/hall']) {
      expect(await guest.publish(channel, 1)).toMatchObject({ successful: true });
    }
    for (const channel of ['/chat/1/say', '/chat/1/shout']) await guest.publish(channel, 1);
    expect(bean.heard).toEqual([['/news/sport/ski', 'sport', 'ski'], { tenant: 'acme', room: 'hall' }, { room: '1' }]);
  });

  it('that throws is reported, and the message goes on', async () => {
    const { guest, errors } = await begin();
    expect(await guest.publish('/fail', 1)).toMatchObject({ successful: true });
    expect(errors).toEqual([new Error('in a listener')]);
  });

  it('hears what its service publishes only when it wants to', async () => {
    const { bean } = await begin();
    await bean.local.getChannel('/plain').publish(1);
    await bean.local.getChannel('/own').publish(1);
    expect(bean.heard).toEqual(['own']);
  });

  it('works on meta channels', async () => {
    const { bean, guest } = await begin();
    const subscribe = async (channel: string) =>
      (await guest.session.getChannel(channel).subscribe(() => undefined)).reply;
    expect(await subscribe('/allowed')).toMatchObject({ successful: true });
    expect(await subscribe('/forbidden')).toMatchObject({ successful: false });
    expect(bean.heard).toEqual(['/allowed', '/forbidden']);
  });

  it('hears nothing more when it is unbound', async () => {
    const { bean, guest, processor } = await begin();
    processor.deprocess(bean);
    await guest.publish('/plain', 1);
    expect(bean.heard).toEqual([]);
  });
});

describe('@Subscription', () => {
  @Service('subscribed')
  class Subscribed {
    readonly heard: unknown[] = [];
    readonly gates: Gate[] = [];
    @Session local!: LocalSession;

    @Subscription(['/plain', '/wild/*'])
    plain(message: ServerMessage): void {
      this.heard.push({ ...message });
    }

    @Subscription('/news/{category}')
    news({ data }: ServerMessage<string>, { category }: { category: string }): void {
      this.heard.push([category, data]);
    }

    @Subscription('/slow')
    async slow({ data }: ServerMessage): Promise<void> {
      this.heard.push(data);
      const gate = new Gate();
      this.gates.push(gate);
      await gate.opened;
      if (data === 'bad') throw new Error('in a subscription');
    }
  }

  it('hears messages as they are published, its own included', async () => {
    const { bayeux } = openServer();
    const bean = new Subscribed();
    new ServerAnnotationProcessor(bayeux).process(bean);
    const guest = await enter(bayeux);
    await guest.publish('/plain', 1);
    await guest.publish('/wild/a', 2);
    await guest.publish('/news/sport', 3);
    await guest.publish('/news/sport/ski', 4);
    await bean.local.getChannel('/plain').publish(5);
    expect(bean.heard).toEqual([
      { channel: '/plain', data: 1 },
      { channel: '/wild/a', data: 2 },
      ['sport', 3],
      { channel: '/plain', data: 5 },
    ]);
  });

  it('gets one message after another when it takes its time', async () => {
    const { bayeux, errors } = openServer();
    const bean = new Subscribed();
    new ServerAnnotationProcessor(bayeux, { maxWaiting: 2 }).process(bean);
    const guest = await enter(bayeux);
    for (const data of ['bad', 1, 2, 'dropped']) await guest.publish('/slow', data);
    expect(bean.heard).toEqual(['bad']);
    for (let n = 0; n < 3; n++) {
      bean.gates[n]?.open();
      await next();
    }
    expect(bean.heard).toEqual(['bad', 1, 2]);
    expect(errors).toEqual([new Error('in a subscription')]);
    expect(bayeux.diagnostics.counters.get('limit_hit.maxWaiting')).toBe(1);
  });

  it('ends when the service is unbound', async () => {
    const { bayeux } = openServer();
    const bean = new Subscribed();
    const processor = new ServerAnnotationProcessor(bayeux);
    processor.process(bean);
    processor.deprocess(bean);
    expect(bayeux.getChannel('/plain')?.subscribers ?? []).toEqual([]);
  });

  it('to a meta channel is refused when the service is bound, and nothing stays bound', () => {
    @Service('meta')
    class Meta {
      @Listener('/a')
      hear(): void {
        throw new Error('bound');
      }

      @Subscription('/meta/connect')
      connect(): void {
        throw new Error('heard');
      }
    }
    const { bayeux } = openServer();
    expect(() => new ServerAnnotationProcessor(bayeux).process(new Meta())).toThrow('/meta/connect');
    expect(bayeux.sessions).toEqual([]);
  });

  it('that a policy refuses fails the service', () => {
    const { bayeux } = openServer();
    bayeux.securityPolicy = { canSubscribe: () => false };
    expect(() => new ServerAnnotationProcessor(bayeux).process(new Subscribed())).toThrow('/plain is refused: 403');
    expect(bayeux.sessions).toEqual([]);
  });
});

describe('@PostConstruct and @PreDestroy', () => {
  const story: string[] = [];

  @Service('living')
  class Base {
    @Session local!: LocalSession;

    @PostConstruct
    begin(): void {
      story.push(`base begins ${this.local.isHandshook}`);
    }

    @PreDestroy
    end(): void {
      story.push(`base ends ${this.local.isHandshook}`);
    }
  }

  class Derived extends Base {
    @PostConstruct
    async beginToo(): Promise<void> {
      await next();
      story.push('derived begins');
    }

    @PreDestroy
    endToo(): void {
      story.push('derived ends');
      throw new Error('at the end');
    }
  }

  class Overriding extends Base {
    override begin(): void {
      story.push('overridden');
    }

    @PreDestroy
    override end(): void {
      story.push('overridden end');
    }
  }

  it('are called when all is bound and when all is unbound, superclass first and last', async () => {
    const { bayeux, errors } = openServer();
    story.length = 0;
    const processor = new ServerAnnotationProcessor(bayeux);
    const bean = new Derived();
    expect(await processor.process(bean)).toBe(true);
    expect(story).toEqual(['base begins true', 'derived begins']);
    story.length = 0;
    expect(await processor.deprocess(bean)).toBe(true);
    expect(story).toEqual(['derived ends', 'base ends false']);
    expect(errors).toEqual([new Error('at the end')]);
  });

  it('call what overrides them, once', () => {
    const { bayeux } = openServer();
    story.length = 0;
    const processor = new ServerAnnotationProcessor(bayeux);
    const bean = new Overriding();
    processor.process(bean);
    processor.deprocess(bean);
    expect(story).toEqual(['overridden', 'overridden end']);
  });

  it('are one in a class', () => {
    @Service('two')
    class Two {
      readonly done: string[] = [];
      @PostConstruct
      one(): void {
        this.done.push('one');
      }
      @PostConstruct
      two(): void {
        this.done.push('two');
      }
    }
    const { bayeux } = openServer();
    expect(() => new ServerAnnotationProcessor(bayeux).process(new Two())).toThrow('more than one');
    expect(bayeux.sessions).toEqual([]);
  });
});

describe('the methods of a superclass', () => {
  class Base {
    readonly heard: unknown[] = [];

    @Listener('/base')
    hear(): void {
      this.heard.push('base');
    }

    @Listener('/again')
    again(): void {
      this.heard.push('again');
    }

    @RemoteCall('who')
    async who(): Promise<string> {
      return 'base';
    }
  }

  @Service('derived')
  class Derived extends Base {
    override hear(): void {
      this.heard.push('derived');
    }

    @Listener('/again/derived')
    override again(): void {
      this.heard.push('again');
    }
  }

  it('are bound; what overrides them is called, and decorated anew it stands for itself', async () => {
    const { bayeux } = openServer();
    const bean = new Derived();
    new ServerAnnotationProcessor(bayeux).process(bean);
    const guest = await enter(bayeux, '/service/who');
    for (const channel of ['/base', '/again', '/again/derived', '/service/who']) await guest.publish(channel, 1);
    expect(bean.heard).toEqual(['derived', 'again']);
    expect((await guest.hears(2)).filter(Boolean)).toEqual(['base']);
  });
});

describe('a decorator in the wrong place', () => {
  // What the compiler objects to, JavaScript may do all the same.
  const at = (kind: string, more: object = {}) => ({
    kind,
    name: 'member',
    static: false,
    private: false,
    access: {},
    addInitializer: () => undefined,
    ...more,
  });
  const use = (decorator: unknown, context: unknown) => () =>
    (decorator as (...args: unknown[]) => void)(undefined, context);

  it.each([
    ['a field', Listener('/a'), at('field'), '@Listener on member: it belongs on a method'],
    ['a private method', Listener('/a'), at('method', { private: true }), 'must be public'],
    ['a static method', RemoteCall('a'), at('method', { static: true }), 'static'],
    ['a getter', Inject(), at('getter'), '@Inject on member: it belongs on a field'],
    ['a method', Service(), at('method'), '@Service on member: it belongs on a class'],
    ['nowhere', Listener('/a'), undefined, '@Listener was not called as a decorator'],
  ])('says so at once: %s', (_, decorator, context, text) => {
    expect(use(decorator, context)).toThrow(TypeError);
    expect(use(decorator, context)).toThrow(text);
  });

  it.each([
    ['Listener', 'takes 4 arguments; it may take at most session, message, params', Listener('/a')],
    ['Subscription', 'it may take at most message, params', Subscription('/a')],
    ['RemoteCall', 'it may take at most caller, data, params', RemoteCall('a')],
    ['Configure', 'it may take at most channel', Configure('/a')],
    ['PostConstruct', 'it may take no arguments', PostConstruct],
  ])('@%s says when the service is bound that its method takes too much', (_, text, decorator) => {
    @Service('wrong')
    class Wrong {
      @(decorator as unknown as (method: unknown, context: unknown) => void)
      method(_a: unknown, _b: unknown, _c: unknown, _d: unknown): string {
        return `${_a}${_b}${_c}${_d}`;
      }
    }
    const { bayeux } = openServer();
    expect(() => new ServerAnnotationProcessor(bayeux).process(new Wrong())).toThrow(text);
    expect(bayeux.sessions).toEqual([]);
  });

  it.each(['a', '/a/', '/a/{x}/**'])('on the illegal channel %s says so when the service is bound', (channel) => {
    @Service('wrong')
    class Wrong {
      @Listener(channel)
      hear(): boolean {
        return true;
      }
    }
    expect(() => new ServerAnnotationProcessor(openServer().bayeux).process(new Wrong())).toThrow(RangeError);
  });
});

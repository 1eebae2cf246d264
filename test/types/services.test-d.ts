/** What the compiler says about services: decorators on what fits them, and on what does not. */
import { BayeuxClient } from '@cometd-ts/client';
import type { BayeuxServer, LocalSession, ServerChannel, ServerMessage, ServerSession } from '@cometd-ts/server';
import {
  AbstractService,
  type Caller,
  Configure,
  Inject,
  Listener,
  type MethodOf,
  type ParamsOf,
  PostConstruct,
  PreDestroy,
  RemoteCall,
  remoteCalls,
  Service,
  Session,
  Subscription,
  type TargetOf,
} from '@cometd-ts/services';
import { number, object, string } from 'valibot';
import { describe, expectTypeOf, test } from 'vitest';

type Session0 = ServerSession | null;

class Database {
  readonly url: string = '';
}

describe('the parameters of a channel', () => {
  test('have the names of its variables', () => {
    expectTypeOf<ParamsOf<'/news/{category}/{event}'>>().toEqualTypeOf<{
      readonly category: string;
      readonly event: string;
    }>();
    expectTypeOf<ParamsOf<'/{tenant}/in/{room}'>>().toEqualTypeOf<{ readonly tenant: string; readonly room: string }>();
    expectTypeOf<keyof ParamsOf<'/news/*'>>().toBeNever();
    expectTypeOf<ParamsOf<'/a/{x}' | '/b/{y}'>>().toEqualTypeOf<{ readonly x: string } | { readonly y: string }>();
    expectTypeOf<ParamsOf<string>>().toEqualTypeOf<Readonly<Record<string, string>>>();
  });
});

describe('decorators of a service', () => {
  test('fit what they are made for', () => {
    @Service('a')
    class Fine {
      @Inject bayeux!: BayeuxServer;
      @Inject() readonly also!: BayeuxServer;
      @Inject() maybe?: BayeuxServer;
      @Inject() unknown: unknown;
      @Inject() #secret!: BayeuxServer;
      @Inject(Database) accessor database: Database | undefined;
      @Inject<Database>('db') named!: Database;
      @Inject('anything') anything!: number;
      @Session local!: LocalSession;
      @Session() also2!: LocalSession;
      @Session('local') also3!: LocalSession;
      @Session('server') server!: ServerSession;
      @Inject(Database) set url(database: Database) {
        this.anything = database.url.length;
      }
      @Inject(Database) give(database: Database): void {
        this.url = database;
      }
      get secret(): BayeuxServer {
        return this.#secret;
      }

      @Configure('/a') configure(channel: ServerChannel): void {
        channel.lazy = true;
      }
      @Listener('/a') none(): void {
        this.server.disconnect();
      }
      @Listener('/a') typed(_: Session0, message: ServerMessage<{ n: number }>): boolean {
        return message.data?.n === 1;
      }
      @Listener('/a') async later(): Promise<boolean> {
        return false;
      }
      @Listener('/a/{b}') params(_: Session0, __: ServerMessage, { b }: { b: string }): void {
        this.anything = b.length;
      }
      @Listener(['/a/{b}', '/c/{b}']) several(_: Session0, __: ServerMessage, { b }: { b: string }): void {
        this.anything = b.length;
      }
      @Subscription('/a/{b}') hear(_: ServerMessage<number>, { b }: { b: string }): void {
        this.anything = b.length;
      }
      @RemoteCall('a/{b}') async call(_: Caller, data: { n: number }, { b }: { b: string }): Promise<string> {
        return `${data.n}${b}`;
      }
      @RemoteCall('a') callback({ result }: Caller<string[]>, _: unknown): void {
        result(['a']);
      }
      @RemoteCall('a') veto(): false {
        return false;
      }
      @RemoteCall('a', { schema: object({ n: number() }) }) async checked(_: Caller, data: { n: number }) {
        return data.n;
      }
      @PostConstruct begin(): void {
        this.anything = 1;
      }
      @PreDestroy async end(): Promise<void> {
        this.anything = 2;
      }
    }
    expectTypeOf(new Fine().secret).toEqualTypeOf<BayeuxServer>();
  });

  test('object to members that cannot hold what they are given', () => {
    class Wrong {
      // @ts-expect-error it is given the server
      @Inject bayeux!: LocalSession;
      // @ts-expect-error it is given the server
      @Inject() also!: number;
      // @ts-expect-error it is given a database
      @Inject(Database) database!: string;
      // @ts-expect-error it is given a number
      @Inject<number>('port') port!: string;
      // @ts-expect-error it is given the local side
      @Session server!: ServerSession;
      // @ts-expect-error it is given the server's side
      @Session('server') local!: LocalSession;
      // @ts-expect-error there is no such side
      @Session('client') client!: LocalSession;
      // @ts-expect-error it is given a database
      @Inject(Database) set url(value: string) {
        this.also = value.length;
      }
      // @ts-expect-error it is given a database
      @Inject(Database) give(value: string): void {
        this.url = value;
      }
      // @ts-expect-error a static member belongs to no service
      @Inject() static one: BayeuxServer;
    }
    expectTypeOf(Wrong).toBeObject();
  });

  test('object to methods of another shape', () => {
    // @ts-expect-error it stands before a class
    @Listener('/a')
    class Wrong {
      field = 0;
      // @ts-expect-error it stands before a method
      @Listener('/a') heard!: () => void;
      // @ts-expect-error the session comes first, and may be none
      @Listener('/a') swapped(_: ServerMessage): void {
        this.field++;
      }
      // @ts-expect-error the server itself may publish
      @Listener('/a') somebody(_: ServerSession): void {
        this.field++;
      }
      // @ts-expect-error the variable has another name
      @Listener('/a/{room}') misspelt(_: Session0, __: ServerMessage, ___: { rom: string }): void {
        this.field++;
      }
      // @ts-expect-error the channel has no variables
      @Listener('/a/*') none(_: Session0, __: ServerMessage, ___: { room: string }): void {
        this.field++;
      }
      // @ts-expect-error only one of the channels has this variable
      @Listener(['/a/{b}', '/a']) sometimes(_: Session0, __: ServerMessage, ___: { b: string }): void {
        this.field++;
      }
      // @ts-expect-error there is no fourth argument
      @Listener('/a') four(_: Session0, __: ServerMessage, ___: object, ____: number): void {
        this.field++;
      }
      // @ts-expect-error a listener answers whether the message may go on
      @Listener('/a') answers(): string {
        return 'no';
      }
      // @ts-expect-error the method must be public
      @Listener('/a') #secret(): void {
        this.field++;
      }
      // @ts-expect-error the method must not be static
      @Listener('/a') static all(): void {
        new Wrong().#secret();
      }
      // @ts-expect-error a subscription does not know who published
      @Subscription('/a') hear(_: Session0, __: ServerMessage): void {
        this.field++;
      }
      // @ts-expect-error a channel is configured, no message
      @Configure('/a') configure(_: ServerMessage): void {
        this.field++;
      }
      // @ts-expect-error a synchronous method answers through the caller
      @RemoteCall('a') sync(): string {
        return 'lost';
      }
      // @ts-expect-error true or false? False would stop the message: a method that answers is asynchronous
      @RemoteCall('a') isIt(): boolean {
        return true;
      }
      // @ts-expect-error the caller comes first
      @RemoteCall('a') dataFirst(_: string, __: Caller): void {
        this.field++;
      }
      // @ts-expect-error the schema says number
      @RemoteCall('a', { schema: object({ n: number() }) }) async checked(_: Caller, __: { n: string }): Promise<void> {
        this.field++;
      }
      // @ts-expect-error it is called without arguments
      @PostConstruct begin(_: number): void {
        this.field++;
      }
      // @ts-expect-error it answers nothing
      @PreDestroy end(): number {
        return 1;
      }
    }
    expectTypeOf(Wrong).toBeObject();
  });
});

describe('an inherited service', () => {
  test('maps channels to methods of its own', () => {
    class Echo extends AbstractService {
      constructor(bayeux: BayeuxServer) {
        super(bayeux, 'echo');
        this.addService('/echo', 'echo');
        this.addService('/echo', this.echo);
        this.addService('/echo', (session, message) => {
          expectTypeOf(session).toEqualTypeOf<ServerSession | null>();
          return message.data;
        });
        // @ts-expect-error there is no such method
        this.addService('/echo', 'ecko');
        // @ts-expect-error the method must be public
        this.addService('/echo', 'hidden');
        // @ts-expect-error the method takes something else
        this.addService('/echo', this.other);
      }

      echo(_: ServerSession | null, message: ServerMessage): unknown {
        return message.data;
      }

      other(session: string): string {
        return session;
      }

      protected hidden(): void {
        this.seeOwnPublishes = true;
      }
    }
    expectTypeOf(Echo).toBeConstructibleWith({} as BayeuxServer);
  });
});

interface Contract {
  '/service/contacts': (data: { user: string }) => string[];
  '/service/contacts/{id}': (data: null) => { name: string };
  '/service/save': (data: { name: string }) => void;
  '/news/{category}': { headline: string };
}

describe('a contract', () => {
  test('names targets, data and results', () => {
    expectTypeOf<TargetOf<Contract>>().toEqualTypeOf<
      'contacts' | '/contacts' | 'contacts/{id}' | '/contacts/{id}' | 'save' | '/save'
    >();
    expectTypeOf<MethodOf<Contract, 'contacts'>>().toEqualTypeOf<{
      readonly data: { user: string };
      readonly result: string[];
    }>();
  });

  test('holds for the methods of the server', () => {
    const Call = remoteCalls<Contract>();
    class Contacts {
      field = 0;
      @Call('contacts') async all(_: unknown, data: { user: string }): Promise<string[]> {
        return [data.user];
      }
      @Call('/contacts') callback({ result }: Caller<string[]>): void {
        result([]);
      }
      @Call('contacts/{id}') async one(
        _: Caller<{ name: string }>,
        __: null,
        { id }: { id: string },
      ): Promise<{ name: string }> {
        return { name: id };
      }
      @Call('save', { schema: object({ name: string() }) }) async save(): Promise<void> {
        this.field++;
      }
      // @ts-expect-error there is no such target
      @Call('contact') async misspelt(): Promise<string[]> {
        return [];
      }
      // @ts-expect-error other data
      @Call('contacts') async otherData(_: unknown, data: { id: number }): Promise<string[]> {
        return [`${data.id}`];
      }
      // @ts-expect-error another result
      @Call('contacts') async otherResult(): Promise<number> {
        return 1;
      }
      // @ts-expect-error another result
      @Call('contacts') otherCaller({ result }: Caller<number>): void {
        result(1);
      }
      // @ts-expect-error this caller would take any result
      @Call('contacts') anyCaller({ result }: Caller): void {
        result(1);
      }
      // @ts-expect-error another parameter
      @Call('contacts/{id}') async otherParam(_: unknown, __: null, ___: { name: string }): Promise<{ name: string }> {
        return ___;
      }
      // @ts-expect-error another schema
      @Call('save', { schema: object({ name: number() }) }) async otherSchema(): Promise<void> {
        this.field++;
      }
    }
    expectTypeOf(Contacts).toBeObject();
  });

  test('holds for the calls of the client', () => {
    const client = new BayeuxClient<Contract>('http://127.0.0.1/cometd');
    expectTypeOf(client.remoteCall('contacts', { user: 'bob' })).resolves.toEqualTypeOf<string[]>();
    expectTypeOf(client.remoteCall('/contacts/bob', null)).resolves.toEqualTypeOf<{ name: string }>();
    // @ts-expect-error other data
    client.remoteCall('contacts', { id: 1 });
  });
});

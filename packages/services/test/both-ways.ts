/** Services that compile with the standard decorators and with the old ones, and what they do. */
import { BayeuxServer, type LocalSession, type ServerMessage, type ServerSession } from '@cometd-ts/server';
import {
  type Caller,
  Configure,
  Inject,
  Listener,
  PostConstruct,
  PreDestroy,
  RemoteCall,
  ServerAnnotationProcessor,
  Service,
  Session,
} from '../src/index.ts';

class Database {
  readonly url: string = 'db';
}

/** A decorator of somebody else, of either kind, that puts a function of its own in the place of a method. */
function wrapped(value: unknown, _: unknown, descriptor?: PropertyDescriptor): never {
  const method = (descriptor?.value ?? value) as (this: unknown, ...args: unknown[]) => unknown;
  function wrapper(this: unknown, ...args: unknown[]): unknown {
    return method.apply(this, args);
  }
  return (descriptor ? { ...descriptor, value: wrapper } : wrapper) as never;
}

class Base {
  readonly story: unknown[] = [];
  @Inject readonly bayeux!: BayeuxServer;
  @Inject(Database) database!: Database;
  @Session local!: LocalSession;
  @Session('server') server!: ServerSession;

  @Inject(Database)
  set given(database: Database) {
    this.story.push(['setter', database.url]);
  }

  @Inject('name')
  give(name: string): void {
    this.story.push(['method', name]);
  }

  @PostConstruct
  begin(): void {
    this.story.push(['begin', this.bayeux instanceof BayeuxServer, this.database.url]);
    this.story.push(this.local.serverSession === this.server);
  }

  @PreDestroy
  end(): void {
    this.story.push('end');
  }

  @Listener('/base')
  hear(): void {
    this.story.push('base');
  }

  @Listener('/again')
  again(): void {
    this.story.push('never');
  }

  @wrapped
  @Listener('/again')
  wrappedAgain(): void {
    this.story.push('never');
  }
}

@Service('both')
class Both extends Base {
  @Configure('/news/sport')
  configure(): void {
    this.story.push('configured');
  }

  @Listener(['/news/{category}', '/old/{category}'])
  news(_: ServerSession | null, { data }: ServerMessage<string>, { category }: { category: string }): boolean {
    this.story.push([category, data]);
    return true;
  }

  @RemoteCall('who/{name}')
  async who(_: Caller, __: unknown, { name }: { name: string }): Promise<string> {
    return name;
  }

  override hear(): void {
    this.story.push('overridden');
  }

  @Listener('/again/anew')
  override again(): void {
    this.story.push('anew');
  }

  @Listener('/outer')
  @wrapped
  @Listener('/inner')
  override wrappedAgain(): void {
    this.story.push('wrapped');
  }
}

@Service
class Bare {}

/** What happens to two objects of one class and one of another. */
export async function tell(): Promise<unknown[]> {
  await using bayeux = new BayeuxServer();
  const processor = new ServerAnnotationProcessor(bayeux, { injectables: [new Database()] }).provide('name', 'bob');
  const bean = new Both();
  await processor.process(bean);
  await processor.process(new Bare());
  const guest = bayeux.newLocalSession('guest');
  await guest.handshake();
  guest.getChannel('/service/who/al').addListener((_, { data }) => data && bean.story.push(data));
  for (const name of [
    '/news/sport',
    '/old/news',
    '/base',
    '/again',
    '/again/anew',
    '/inner',
    '/outer',
    '/service/who/al',
  ]) {
    await guest.getChannel(name).publish('x');
  }
  await new Promise((resolve) => setImmediate(resolve));
  await processor.deprocess(bean);
  await guest.getChannel('/base').publish('x');
  return [...bean.story, ...bayeux.sessions.map(({ id }) => id.replace(/_.*/, ''))];
}

/** What `tell` answers. */
export const told: readonly unknown[] = [
  ['setter', 'db'],
  ['method', 'bob'],
  'configured',
  ['begin', true, 'db'],
  true,
  ['sport', 'x'],
  ['news', 'x'],
  'overridden',
  'anew',
  'wrapped',
  'wrapped',
  'al',
  'end',
  'Bare',
  'guest',
];

/** The types of the typed client: what an application declares for its channels holds wherever it names one. */
import {
  type AnyChannels,
  BayeuxClient,
  type BayeuxClientOptions,
  BayeuxError,
  type BayeuxErrorCode,
  type ClientChannel,
  ClientError,
  type ClientErrorCode,
  type ClientState,
  type Credentials,
  type DataOf,
  type Message,
  type Registration,
  type Schema,
  type Status,
} from '@cometd-ts/client';
import { BayeuxClient as NodeClient } from '@cometd-ts/client/node';
import * as v from 'valibot';
import { describe, expectTypeOf, test } from 'vitest';

interface Chat {
  user: string;
  text: string;
}

interface Quote {
  price: number;
}

interface House {
  '/lobby': Chat;
  '/chat/{room}': Chat;
  '/chat/{room}/members': string[];
  '/chat/official': Chat & { signed: true };
  '/quotes/*': Quote;
  '/log/**': { line: string };
  '/log/{level}': { line: string; level: string };
  '/service/add': (data: { a: number; b: number }) => number;
  '/service/user/find': (data: string) => Promise<Chat | null>;
  '/service/ping': (data: undefined) => 'pong';
}

declare const client: BayeuxClient<House>;
declare const anything: BayeuxClient;
declare const room: string;

describe('the channels of a map', () => {
  test('give their data to the exact name', () => {
    expectTypeOf(client.getChannel('/lobby')).toEqualTypeOf<ClientChannel<Chat>>();
  });

  test('give their data to every name a template stands for', () => {
    expectTypeOf(client.getChannel('/chat/blue')).toEqualTypeOf<ClientChannel<Chat>>();
    expectTypeOf(client.getChannel(`/chat/${room}`)).toEqualTypeOf<ClientChannel<Chat>>();
    expectTypeOf(client.getChannel('/chat/blue/members')).toEqualTypeOf<ClientChannel<string[]>>();
    expectTypeOf(client.getChannel(`/chat/${room}/members`)).toEqualTypeOf<ClientChannel<string[]>>();
    expectTypeOf(client.getChannel('/chat/{room}')).toEqualTypeOf<ClientChannel<Chat>>();
  });

  test('give the data of a template to the wildcard over the same names', () => {
    expectTypeOf(client.getChannel('/chat/*')).toEqualTypeOf<ClientChannel<Chat>>();
  });

  test('give the data of a wildcard to itself and to the names right below', () => {
    expectTypeOf(client.getChannel('/quotes/*')).toEqualTypeOf<ClientChannel<Quote>>();
    expectTypeOf(client.getChannel('/quotes/acme')).toEqualTypeOf<ClientChannel<Quote>>();
    expectTypeOf(client.getChannel('/quotes/acme/today')).toEqualTypeOf<ClientChannel<unknown>>();
  });

  test('give the data of a deep wildcard to all names below', () => {
    expectTypeOf(client.getChannel('/log/**')).toEqualTypeOf<ClientChannel<{ line: string }>>();
    expectTypeOf(client.getChannel('/log/a/b/c')).toEqualTypeOf<ClientChannel<{ line: string }>>();
  });

  test('prefer the exact name to a template, and a template to a wildcard', () => {
    expectTypeOf<DataOf<House, '/chat/official'>>().toEqualTypeOf<Chat & { signed: true }>();
    expectTypeOf<DataOf<House, '/log/warn'>>().toEqualTypeOf<{ line: string; level: string }>();
  });

  test('say nothing of names that are not theirs', () => {
    expectTypeOf(client.getChannel('/elsewhere')).toEqualTypeOf<ClientChannel<unknown>>();
    expectTypeOf(client.getChannel(room)).toEqualTypeOf<ClientChannel<unknown>>();
  });

  test('without a map are all unknown', () => {
    expectTypeOf(anything).toEqualTypeOf<BayeuxClient<AnyChannels>>();
    expectTypeOf(anything.getChannel('/lobby')).toEqualTypeOf<ClientChannel<unknown>>();
    anything.getChannel('/lobby').publish({ whatever: 1 });
  });

  test('hold in the entry for Node.js, too', () => {
    const node = new NodeClient<House>('https://host/cometd', { node: { proxy: false } });
    expectTypeOf(node.getChannel('/chat/blue')).toEqualTypeOf<ClientChannel<Chat>>();
  });
});

describe('a channel of a map', () => {
  const lobby = client.getChannel('/lobby');

  test('publishes what was declared, and nothing else', () => {
    expectTypeOf(lobby.publish({ user: 'a', text: 'b' })).toEqualTypeOf<Promise<Message>>();
    // @ts-expect-error there is no text
    lobby.publish({ user: 'a' });
    // @ts-expect-error the text is a string
    lobby.publish({ user: 'a', text: 1 });
    // @ts-expect-error the members are names
    client.getChannel('/chat/blue/members').publish([1, 2]);
    // @ts-expect-error a quote has a price
    client.getChannel('/quotes/acme').publish({ prize: 1 });
  });

  test('gives it to its subscribers, with the channel', () => {
    lobby.subscribe((message, channel) => {
      expectTypeOf(message).toEqualTypeOf<Message<Chat>>();
      expectTypeOf(message.data).toEqualTypeOf<Chat | undefined>();
      expectTypeOf(channel).toEqualTypeOf<ClientChannel<Chat>>();
    });
    // @ts-expect-error a chat has no price
    lobby.subscribe((message) => message.data?.price);
    // @ts-expect-error a subscriber of quotes cannot hear chats
    lobby.subscribe((message: Message<Quote>) => message.data?.price);
  });

  test('gives it to its listeners', () => {
    const registration = lobby.addListener((message) => expectTypeOf(message.data).toEqualTypeOf<Chat | undefined>());
    expectTypeOf(registration).toEqualTypeOf<Registration>();
  });

  test('gives it to loops over its messages', async () => {
    for await (const message of lobby.messages({ signal: AbortSignal.timeout(1), limit: 5 })) {
      expectTypeOf(message).toEqualTypeOf<Message<Chat>>();
    }
  });

  test('takes options with signal and ext where it sends', () => {
    const { signal } = new AbortController();
    lobby.subscribe(() => undefined, { signal, ext: { replay: -1 } });
    lobby.publish({ user: 'a', text: 'b' }, { signal, ext: {} });
    lobby.publishBinary(new Uint8Array(2), { last: false, meta: { name: 'x' }, signal });
    // @ts-expect-error text is no bytes
    lobby.publishBinary('text');
  });
});

describe('a remote call', () => {
  test('takes the data and answers the result that the map declares for its service channel', () => {
    expectTypeOf(client.remoteCall('add', { a: 1, b: 2 })).toEqualTypeOf<Promise<number>>();
    expectTypeOf(client.remoteCall('/add', { a: 1, b: 2 })).toEqualTypeOf<Promise<number>>();
    expectTypeOf(client.remoteCall('user/find', 'alice')).toEqualTypeOf<Promise<Chat | null>>();
    expectTypeOf(client.remoteCall('ping', undefined, { timeout: 5 })).toEqualTypeOf<Promise<'pong'>>();
  });

  test('refuses other data', () => {
    // @ts-expect-error b is missing
    client.remoteCall('add', { a: 1 });
    // @ts-expect-error names are strings
    client.remoteCall('user/find', 1);
  });

  test('of a target nobody declared is unknown both ways', () => {
    expectTypeOf(client.remoteCall('other', { x: 1 })).toEqualTypeOf<Promise<unknown>>();
    expectTypeOf(anything.remoteCall('add', [])).toEqualTypeOf<Promise<unknown>>();
  });
});

describe('the status', () => {
  test('has for each type the fields of that type', () => {
    const { status } = client;
    if (status.type === 'connected') {
      expectTypeOf(status.transport).toBeString();
      expectTypeOf(status.id).toBeString();
      expectTypeOf(status.recovered).toBeBoolean();
      expectTypeOf(status.gap).toBeBoolean();
    }
    if (status.type === 'unconnected') {
      expectTypeOf(status.reason).toEqualTypeOf<Error>();
      expectTypeOf(status.nextTry).toBeNumber();
      expectTypeOf(status.attempt).toBeNumber();
    }
    if (status.type === 'terminated') {
      expectTypeOf(status.reason).toBeString();
      expectTypeOf(status.error).toEqualTypeOf<Error | null>();
    }
    if (status.type === 'session-lost') expectTypeOf(status.reason).toEqualTypeOf<Error>();
    if (status.type === 're-handshaking') expectTypeOf(status.reason).toEqualTypeOf<Error | null>();
    if (status.type === 'degraded') expectTypeOf(status.reason).toBeString();
    // @ts-expect-error only an attempt to come has a time
    status.nextTry;
  });

  test('lets a switch be complete', () => {
    const word = (status: Status): string => {
      switch (status.type) {
        case 'connected':
          return status.transport;
        case 'degraded':
        case 'terminated':
          return status.reason;
        case 'unconnected':
        case 'session-lost':
          return status.reason.message;
        case 're-handshaking':
        case 'connecting':
        case 'disconnected':
          return status.type;
      }
    };
    expectTypeOf(word).returns.toBeString();
  });
});

describe('the events', () => {
  test('give their listeners what they are about', () => {
    client.addListener('status', (status, previous) => {
      expectTypeOf(status).toEqualTypeOf<Status>();
      expectTypeOf(previous).toEqualTypeOf<Status>();
    });
    client.addListener('failure', (error, message) => {
      expectTypeOf(error).toEqualTypeOf<Error>();
      expectTypeOf(message).toEqualTypeOf<Message>();
    });
    client.addListener('restored', ({ channels, refused }) => {
      expectTypeOf(channels).toEqualTypeOf<readonly string[]>();
      expectTypeOf(refused).toEqualTypeOf<readonly string[]>();
    });
    client.addListener('exception', (error) => expectTypeOf(error).toBeUnknown());
    client.addListener('invalid', ({ message, issues }) => {
      expectTypeOf(message).toEqualTypeOf<Message>();
      expectTypeOf(issues[0]?.message).toEqualTypeOf<string | undefined>();
    });
  });

  test('have the names of the map and no others', () => {
    // @ts-expect-error there is no such event
    client.addListener('connected', () => undefined);
  });

  test('end with a signal or a registration', () => {
    const { signal } = new AbortController();
    expectTypeOf(client.addListener('status', () => undefined, { signal })).toEqualTypeOf<Registration>();
  });
});

describe('errors', () => {
  test('of the server have a code of the protocol, those of the way one of the client', () => {
    const error = {} as unknown;
    if (error instanceof BayeuxError) expectTypeOf(error.code).toEqualTypeOf<BayeuxErrorCode>();
    if (error instanceof ClientError) {
      expectTypeOf(error.code).toEqualTypeOf<ClientErrorCode>();
      expectTypeOf(error.sent).toEqualTypeOf<'no' | 'perhaps'>();
      expectTypeOf(error.httpCode).toEqualTypeOf<number | undefined>();
      expectTypeOf(error.websocketCode).toEqualTypeOf<number | undefined>();
      // @ts-expect-error there is no such code
      error.code === 'gone';
    }
  });
});

describe('a schema', () => {
  const chat = v.object({ user: v.string(), text: v.string() });

  test('of a library that follows the Standard Schema convention fits', () => {
    expectTypeOf(chat).toExtend<Schema<Chat>>();
    expectTypeOf(
      v.pipeAsync(
        v.string(),
        v.checkAsync(async () => true),
      ),
    ).toExtend<Schema<string>>();
    expectTypeOf<Schema<Chat>>().not.toExtend<Schema<Quote>>();
  });

  test('written by hand after the convention fits', () => {
    const even = {
      '~standard': {
        version: 1,
        vendor: 'house',
        validate: (value: unknown) =>
          typeof value === 'number' && value % 2 === 0 ? { value } : { issues: [{ message: 'odd', path: ['x'] }] },
      },
    } as const;
    expectTypeOf(even).toExtend<Schema<number>>();
    expectTypeOf(BayeuxClient).toBeConstructibleWith('https://host/cometd', { schemas: { '/even': even } });
  });

  test('without the convention does not fit', () => {
    // @ts-expect-error a function is no schema
    new BayeuxClient('https://host/cometd', { schemas: { '/even': (value: unknown) => value } });
  });
});

describe('the client', () => {
  test('takes a URL and options, and a typo in an option is found', () => {
    expectTypeOf(BayeuxClient).toBeConstructibleWith(new URL('https://host/cometd'), { transports: ['websocket'] });
    // @ts-expect-error the option is called maxBackoff
    new BayeuxClient('https://host/cometd', { maxBackof: 5 });
    // @ts-expect-error there is no such transport
    new BayeuxClient('https://host/cometd', { transports: ['streaming'] });
  });

  test('asks for credentials at once or later, and says why', () => {
    const options: BayeuxClientOptions = {
      auth: ({ reason }) => {
        expectTypeOf(reason).toEqualTypeOf<Error | null>();
        return { headers: { authorization: 'Bearer x' }, ext: { token: 'x' } };
      },
    };
    options.auth = async () => ({});
    expectTypeOf<Credentials>().toEqualTypeOf<{ headers?: Record<string, string>; ext?: Record<string, unknown> }>();
  });

  test('answers promises of what comes', () => {
    expectTypeOf(client.handshake({ ext: {}, signal: AbortSignal.timeout(1) })).toEqualTypeOf<Promise<Message>>();
    expectTypeOf(client.disconnect()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(client.waitFor(['connected', 'disconnected'], { timeout: 5 })).toEqualTypeOf<Promise<ClientState>>();
    expectTypeOf(client.probe()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(client.abort()).toBeVoid();
    expectTypeOf(client.retry()).toBeVoid();
    expectTypeOf(client.batch(() => undefined)).toBeVoid();
    expectTypeOf(client.endBatch()).toBeBoolean();
    // @ts-expect-error there is no such state
    client.waitFor('online');
  });

  test('can be a resource of a block', async () => {
    expectTypeOf(client).toExtend<AsyncDisposable>();
    await using mine = new BayeuxClient<House>('https://host/cometd');
    expectTypeOf(mine.id).toEqualTypeOf<string | null>();
  });
});

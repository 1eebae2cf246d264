/** A service that can be called, on a real server, and what every client must see of it. */
import { type BinaryData, isBinaryData } from '@cometd-ts/protocol';
import { BinaryExtension, DefaultSecurityPolicy } from '@cometd-ts/server';
import { type Caller, CallFailure, RemoteCall, ServerAnnotationProcessor, Service } from '@cometd-ts/services';
import { type Launched, launch } from '@cometd-ts/testkit';
import { expect, it, onTestFinished } from 'vitest';

export type Via = 'websocket' | 'long-polling';
export const vias: readonly Via[] = ['websocket', 'long-polling'];

@Service('desk')
class Desk {
  @RemoteCall('contacts')
  contacts({ result }: Caller<string[]>, { user }: { user: string }): void {
    result([`${user}'s friend`]);
  }

  @RemoteCall('async')
  async async(_: Caller, data: unknown): Promise<unknown> {
    await new Promise((resolve) => setImmediate(resolve));
    return data;
  }

  @RemoteCall('null')
  null({ result }: Caller): void {
    result(null);
  }

  @RemoteCall('null/async')
  async nullAsync(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  @RemoteCall('fail')
  async fail(): Promise<void> {
    throw new CallFailure('no such user');
  }

  @RemoteCall('throw')
  throw(): void {
    throw new RangeError('too far');
  }

  @RemoteCall('veto')
  veto(): false {
    return false;
  }

  @RemoteCall('silent')
  silent(): void {
    // Nobody answers.
  }

  @RemoteCall('users/{user}/{field}')
  async user(_: Caller, __: unknown, params: { user: string; field: string }): Promise<unknown> {
    return params;
  }

  @RemoteCall('reverse')
  async reverse(_: Caller, { data, meta }: BinaryData): Promise<BinaryData> {
    return { data: new Uint8Array(data).reverse(), last: true, ...(meta && { meta }) };
  }
}

class House extends DefaultSecurityPolicy {
  override canPublish(...[server, session, channel, message]: Parameters<DefaultSecurityPolicy['canPublish']>) {
    return channel.id !== '/service/denied' && super.canPublish(server, session, channel, message);
  }
}

/** A server with the service; gone when the test is. */
export async function openDesk(): Promise<Launched> {
  const server = await launch({
    // What the service throws on purpose is not worth a line.
    options: { timeout: 5000, sweepPeriod: 100, logLevel: 'silent' },
    prepare: (bayeux) => {
      bayeux.addExtension(new BinaryExtension());
      bayeux.securityPolicy = new House();
      new ServerAnnotationProcessor(bayeux).process(new Desk());
    },
  });
  onTestFinished(() => server.close());
  return server;
}

/** How a call ended, as a client saw it. */
export interface Answer {
  readonly successful: boolean;
  readonly data?: unknown;
  readonly error?: unknown;
}

/** A client, connected. */
export interface Asker {
  ask(target: string, data: unknown, timeout?: number): Promise<Answer>;
  askBytes(target: string, bytes: Uint8Array, meta: object): Promise<Answer>;
}

/** What every client sees of the service. */
export function itAnswers(connect: (url: string) => Promise<Asker>): void {
  const begin = async (): Promise<Asker> => connect((await openDesk()).url);

  it.each([
    ['contacts', { user: 'bob' }, ["bob's friend"]],
    ['/contacts', { user: 'bob' }, ["bob's friend"]],
    ['async', { deep: [1, null] }, { deep: [1, null] }],
    ['null', 1, null],
    ['null/async', 1, null],
    ['users/bob/age', 1, { user: 'bob', field: 'age' }],
  ])('gives %s with %j the result %j', async (target, data, result) => {
    const client = await begin();
    expect(await client.ask(target, data)).toEqual({ successful: true, data: result });
  });

  it.each([
    ['fail', 'no such user'],
    ['throw', { class: 'RangeError', message: 'too far' }],
  ])('gives %s the failure %j', async (target, failure) => {
    const client = await begin();
    expect(await client.ask(target, 1)).toEqual({ successful: false, data: failure });
  });

  it.each([
    ['veto', '404::message_deleted'],
    ['denied', expect.stringMatching(/^403:/)],
    ['silent', '406::timeout'],
  ])('ends %s with the error %s', async (target, error) => {
    const client = await begin();
    expect(await client.ask(target, 1, 300)).toEqual({ successful: false, error });
  });

  it('answers many calls at once, each with its own', async () => {
    const client = await begin();
    const numbers = Array.from({ length: 50 }, (_, n) => n);
    const answers = await Promise.all(numbers.map((n) => client.ask(n % 3 ? 'async' : 'users/a/b', n)));
    const expected = numbers.map((n) => ({ successful: true, data: n % 3 ? n : { user: 'a', field: 'b' } }));
    expect(answers).toEqual(expected);
  });

  it('takes bytes and gives bytes', async () => {
    const client = await begin();
    const { successful, data } = await client.askBytes('reverse', Uint8Array.of(1, 2, 3), { name: 'a' });
    expect(successful).toBe(true);
    const chunk = data as { data: ArrayBuffer; last: boolean; meta: unknown };
    expect([...new Uint8Array(chunk.data)]).toEqual([3, 2, 1]);
    expect([chunk.last, chunk.meta, isBinaryData(chunk)]).toEqual([true, { name: 'a' }, false]);
  });
}

import type { ServerMessage, ServerSession } from '@cometd-ts/server';
import { object, pipe, string, transform } from 'valibot';
import { describe, expect, it } from 'vitest';
import { type Caller, CallFailure, RemoteCall, ServerAnnotationProcessor, Service, Session } from '../src/index.ts';
import { enter, Gate, openServer } from './people.ts';

class BadUser extends Error {
  override readonly name = 'BadUser';
}

@Service('calls')
class Calls {
  readonly gates: Gate[] = [];
  readonly heard: unknown[] = [];
  readonly answers: boolean[] = [];
  @Session('server') server!: ServerSession;

  @RemoteCall('contacts')
  contacts(caller: Caller<string[]>, data: { user: string }): void {
    this.heard.push([caller.session.id.slice(0, 5), data]);
    this.answers.push(caller.result(['al', 'cy']), caller.result(['too', 'late']), caller.failure('too late'));
  }

  @RemoteCall('/refuses')
  refuses(caller: Caller): void {
    this.answers.push(caller.failure({ reason: 'no such user' }), caller.result(1));
  }

  @RemoteCall(['async', 'deep/async'])
  async async(_: Caller, data: unknown): Promise<unknown> {
    return { got: data };
  }

  @RemoteCall('nothing')
  async nothing(): Promise<void> {
    this.heard.push('nothing');
  }

  @RemoteCall('silent')
  silent(_: Caller, data: unknown): void {
    this.heard.push(data);
  }

  @RemoteCall('slow')
  async slow(_: Caller, data: unknown): Promise<unknown> {
    this.heard.push(data);
    const gate = new Gate();
    this.gates.push(gate);
    await gate.opened;
    return data;
  }

  @RemoteCall('throws')
  throws(): void {
    throw new BadUser('bob is bad');
  }

  @RemoteCall('rejects')
  async rejects(): Promise<never> {
    throw new BadUser('bob is worse');
  }

  @RemoteCall('chooses')
  async chooses(): Promise<never> {
    throw new CallFailure({ code: 7 });
  }

  @RemoteCall('throws/string')
  throwsString(): void {
    throw 'thrown';
  }

  @RemoteCall('vetoes')
  vetoes(): false {
    return false;
  }

  @RemoteCall('false')
  async false(): Promise<boolean> {
    return false;
  }

  @RemoteCall('cycle')
  async cycle(): Promise<unknown> {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    return cycle;
  }

  @RemoteCall('cycle/then')
  cycleThen(caller: Caller): void {
    try {
      caller.result(1n);
    } catch (error) {
      caller.failure((error as Error).name);
    }
  }

  @RemoteCall('users/{user}')
  async user(_: Caller, __: unknown, { user }: { user: string }): Promise<string> {
    return `user ${user}`;
  }

  @RemoteCall('users/{user}/of/{group}')
  async userOf(_: Caller, __: unknown, params: { user: string; group: string }): Promise<unknown> {
    return params;
  }

  @RemoteCall('checked', {
    schema: object({
      name: pipe(
        string(),
        transform((name) => name.toUpperCase()),
      ),
    }),
  })
  async checked(_: Caller, { name }: { name: string }): Promise<string> {
    return name;
  }
}

const next = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function begin(options: ConstructorParameters<typeof ServerAnnotationProcessor>[1] = {}) {
  const server = openServer();
  const calls = new Calls();
  const processor = new ServerAnnotationProcessor(server.bayeux, options);
  processor.process(calls);
  const guest = await enter(server.bayeux, '/service/**');
  /** What arrives for a call, and the reply of its publish; both in the order they came. */
  const call = async (target: string, data: unknown): Promise<ServerMessage[]> => {
    guest.heard.length = 0;
    await guest.publish(`/service/${target}`, data);
    await next();
    return guest.heard.map((message) => ({ ...message }) as ServerMessage);
  };
  return { ...server, calls, processor, guest, call };
}

describe('a remote call', () => {
  it('is answered before its publish reply, by a message with the same id and channel', async () => {
    const { call, calls } = await begin();
    const [result, reply] = await call('contacts', { user: 'bob' });
    const { id, channel } = reply as ServerMessage;
    expect(result).toEqual({ id, channel, successful: true, data: ['al', 'cy'] });
    expect(reply).toEqual({ id: expect.any(String), channel: '/service/contacts', successful: true });
    expect(calls.heard).toEqual([['guest', { user: 'bob' }]]);
  });

  it('is answered once: the first answer wins', async () => {
    const { call, calls } = await begin();
    expect(await call('contacts', {})).toHaveLength(2);
    expect(calls.answers).toEqual([true, false, false]);
  });

  it('can fail with any data', async () => {
    const { call, calls } = await begin();
    const [failure] = await call('refuses', null);
    expect(failure).toMatchObject({ successful: false, data: { reason: 'no such user' } });
    expect(calls.answers).toEqual([true, false]);
  });

  it.each(['async', 'deep/async'])(
    'of an asynchronous method is answered with what that returns: %s',
    async (target) => {
      const { call } = await begin();
      const [reply, result] = await call(target, 1);
      expect(reply).not.toHaveProperty('data');
      expect(result).toEqual({ id: reply?.id, channel: `/service/${target}`, successful: true, data: { got: 1 } });
    },
  );

  it('is completed with null when an asynchronous method returns nothing', async () => {
    const { call } = await begin();
    expect((await call('nothing', 1))[1]).toEqual({
      id: expect.any(String),
      channel: '/service/nothing',
      successful: true,
      data: null,
    });
  });

  it('without data hands null to the method, and without an answer is none', async () => {
    const { call, calls } = await begin();
    expect(await call('silent', undefined)).toHaveLength(1);
    expect(calls.heard).toEqual([null]);
  });

  it.each([
    ['throws', { class: 'BadUser', message: 'bob is bad' }],
    ['rejects', { class: 'BadUser', message: 'bob is worse' }],
    ['chooses', { code: 7 }],
    ['throws/string', { class: 'string', message: 'thrown' }],
  ])('%s: the failure is %j, without a stack, and the publish succeeds', async (target, data) => {
    const { call } = await begin();
    const messages = await call(target, 1);
    expect(messages.find((message) => message.data !== undefined)).toEqual({
      id: expect.any(String),
      channel: `/service/${target}`,
      successful: false,
      data,
    });
    expect(messages.find((message) => message.data === undefined)).toMatchObject({ successful: true });
  });

  it('that throws is reported to those who run the server, unless it chose its failure', async () => {
    const { call, errors } = await begin();
    await call('throws', 1);
    await call('chooses', 1);
    expect(errors).toEqual([new BadUser('bob is bad')]);
  });

  it('tells of errors what the application wants to', async () => {
    const { call } = await begin({ describeFailure: () => 'sorry' });
    expect((await call('throws', 1))[0]).toMatchObject({ successful: false, data: 'sorry' });
  });

  it('is stopped by a synchronous method that answers false', async () => {
    const { call } = await begin();
    expect(await call('vetoes', 1)).toEqual([
      { id: expect.any(String), channel: '/service/vetoes', successful: false, error: '404::message_deleted' },
    ]);
  });

  it('has the result false when an asynchronous method returns that', async () => {
    const { call } = await begin();
    expect((await call('false', 1))[1]).toMatchObject({ successful: true, data: false });
  });

  it('fails when its result has no JSON form', async () => {
    const { call, errors } = await begin();
    expect((await call('cycle', 1))[1]).toMatchObject({ successful: false, data: { class: 'TypeError' } });
    expect(errors).toHaveLength(1);
    expect((await call('cycle/then', 1))[0]).toMatchObject({ successful: false, data: 'TypeError' });
  });

  it('gets the variables of its target', async () => {
    const { call } = await begin();
    expect((await call('users/bob', 1))[1]).toMatchObject({ data: 'user bob' });
    expect((await call('users/bob/of/staff', 1))[1]).toMatchObject({ data: { user: 'bob', group: 'staff' } });
    expect(await call('users/bob/in/staff', 1)).toHaveLength(1);
  });

  it('has its data checked by a schema, which may change it', async () => {
    const { call, errors } = await begin();
    expect((await call('checked', { name: 'bob' }))[1]).toMatchObject({ successful: true, data: 'BOB' });
    const [failure] = await call('checked', { name: 1 });
    const message = expect.stringContaining('string');
    expect(failure).toMatchObject({ successful: false, data: { class: 'InvalidDataError', message } });
    expect(errors).toEqual([]);
  });

  it('from the service itself is ignored, and so is what the server publishes', async () => {
    const { bayeux, calls } = await begin();
    await bayeux.getChannel('/service/silent')?.publish(calls.server, 1);
    await bayeux.getChannel('/service/silent')?.publish(null, 2);
    expect(calls.heard).toEqual([]);
  });

  it('waits for those of the same session before it, and no session waits for another', async () => {
    const { guest, bayeux, calls } = await begin();
    const other = await enter(bayeux);
    await guest.publish('/service/slow', 1);
    await guest.publish('/service/silent', 2);
    await guest.publish('/service/vetoes', 3);
    await other.publish('/service/slow', 'other');
    expect(calls.heard).toEqual([1, 'other']);
    calls.gates[0]?.open();
    await next();
    expect(calls.heard).toEqual([1, 'other', 2]);
    // It came late: its message could not be stopped any more.
    expect(guest.heard.at(-1)).toMatchObject({
      channel: '/service/vetoes',
      successful: false,
      data: expect.anything(),
    });
  });

  it('need not wait where the processor allows more at a time', async () => {
    const { guest, calls } = await begin({ concurrency: 2 });
    for (const data of [1, 2, 3]) await guest.publish('/service/slow', data);
    expect(calls.heard).toEqual([1, 2]);
    calls.gates[1]?.open();
    await next();
    expect(calls.heard).toEqual([1, 2, 3]);
    expect(guest.heard.at(-1)).toMatchObject({ data: 2 });
  });

  it('is none any more when the service is unbound; what is under way is answered', async () => {
    const { processor, calls, guest } = await begin();
    await guest.publish('/service/slow', 1);
    processor.deprocess(calls);
    await guest.publish('/service/slow', 2);
    calls.gates[0]?.open();
    await next();
    expect(calls.heard).toEqual([1]);
    expect(guest.heard.filter(({ data }) => data !== undefined)).toEqual([expect.objectContaining({ data: 1 })]);
  });

  it.each(['a/*', '**', ''])('has no target %s', (target) => {
    @Service('wild')
    class Wild {
      @RemoteCall(target)
      call(): void {
        throw new Error('called');
      }
    }
    const { bayeux } = openServer();
    expect(() => new ServerAnnotationProcessor(bayeux).process(new Wild())).toThrow(RangeError);
  });
});

import { DefaultSecurityPolicy, type ServerMessage, type ServerSession } from '@cometd-ts/server';
import { describe, expect, it } from 'vitest';
import { AbstractService } from '../src/index.ts';
import { enter, Gate, openServer } from './people.ts';

class Echo extends AbstractService {
  readonly heard: unknown[] = [];

  map(channel: string, method: 'echo' | 'log' | 'fail' | 'slow'): void {
    this.addService(channel, method);
  }

  unmap(channel: string, method?: 'echo' | 'log'): void {
    this.removeService(channel, method);
  }

  add(channel: string, method: (session: ServerSession | null, message: ServerMessage) => unknown): void {
    this.addService(channel, method);
  }

  addByName(channel: string, method: string): void {
    this.addService(channel, method as 'echo');
  }

  say(session: ServerSession, data: unknown): unknown {
    return this.send(session, '/said', data);
  }

  echo(_: ServerSession | null, message: ServerMessage): unknown {
    return message.data;
  }

  log(session: ServerSession | null, message: ServerMessage): void {
    this.heard.push([session?.id.slice(0, 5), message.channel, message.data]);
  }

  fail(): void {
    throw new Error('in the service');
  }

  readonly gates: Gate[] = [];

  async slow(_: ServerSession | null, { data }: ServerMessage): Promise<unknown> {
    const gate = new Gate();
    this.gates.push(gate);
    this.heard.push(data);
    await gate.opened;
    return `slow ${data}`;
  }

  three(_a: unknown, _b: unknown, _c: unknown): void {
    this.heard.push('three');
  }
}

describe('a service', () => {
  it('has a session of its own, whose id begins with its name', () => {
    const { bayeux } = openServer();
    const service = new Echo(bayeux, 'echo');
    expect(service.localSession.isHandshook).toBe(true);
    expect(service.serverSession.id).toMatch(/^echo/);
    expect(bayeux.getSession(service.serverSession.id)).toBe(service.serverSession);
  });

  it('hears what is published to a channel, which it creates', async () => {
    const { bayeux } = openServer();
    const service = new Echo(bayeux, 'echo');
    service.map('/log', 'log');
    expect(bayeux.getChannel('/log')).toBeDefined();
    const guest = await enter(bayeux);
    await guest.publish('/log', 1);
    expect(service.heard).toEqual([['guest', '/log', 1]]);
  });

  it('hears what the server itself publishes, from nobody', async () => {
    const { bayeux } = openServer();
    const service = new Echo(bayeux, 'echo');
    service.map('/log', 'log');
    await bayeux.getChannel('/log')?.publish(null, 1);
    expect(service.heard).toEqual([[undefined, '/log', 1]]);
  });

  it('has what a method answers delivered to the sender alone, on the same channel, from itself', async () => {
    const { bayeux } = openServer();
    const service = new Echo(bayeux, 'echo');
    service.map('/service/echo', 'echo');
    const guest = await enter(bayeux, '/service/echo');
    const other = await enter(bayeux, '/service/echo');
    const senders: unknown[] = [];
    guest.session.serverSession.addListener('message', (_, sender) => {
      senders.push(sender);
    });
    await guest.publish('/service/echo', { a: 1 });
    expect(guest.heard.filter(({ data }) => data !== undefined)).toEqual([
      { channel: '/service/echo', data: { a: 1 } },
    ]);
    expect(senders).toEqual([service.serverSession]);
    expect(other.heard).toEqual([]);
  });

  it.each([[null], [undefined]])('delivers nothing for %s', async (nothing) => {
    const { bayeux } = openServer();
    const service = new Echo(bayeux, 'echo');
    service.add('/service/nothing', () => nothing);
    const guest = await enter(bayeux, '/service/nothing');
    await guest.publish('/service/nothing', 1);
    expect(guest.heard).toEqual([expect.objectContaining({ successful: true })]);
  });

  it.each([false, 0, ''])('delivers %j, which is something, and does not stop the message', async (something) => {
    const { bayeux } = openServer();
    const service = new Echo(bayeux, 'echo');
    service.add('/service/some', () => something);
    const guest = await enter(bayeux, '/service/some');
    const reply = await guest.publish('/service/some', 1);
    expect(guest.heard.map(({ data }) => data)).toContain(something);
    expect(reply.successful).toBe(true);
  });

  it('maps wildcards, several channels, and several methods to one channel', async () => {
    const { bayeux } = openServer();
    const service = new Echo(bayeux, 'echo');
    service.map('/a/*', 'log');
    service.map('/b/**', 'log');
    service.map('/c', 'log');
    service.add('/c', () => service.heard.push('twice'));
    const guest = await enter(bayeux);
    for (const channel of ['/a/1', '/a/1/2', '/b/1/2', '/c']) await guest.publish(channel, 0);
    expect(service.heard).toEqual([['guest', '/a/1', 0], ['guest', '/b/1/2', 0], ['guest', '/c', 0], 'twice']);
  });

  it('may add and remove mappings from within a method', async () => {
    const { bayeux } = openServer();
    const service = new Echo(bayeux, 'game');
    service.add('/service/game', (_, { data }) => {
      if (data === 'start') service.map('/game/1', 'log');
      else service.unmap('/game/1');
    });
    const guest = await enter(bayeux);
    const turn = async (): Promise<unknown> => guest.publish('/game/1', 'move');
    await turn();
    await guest.publish('/service/game', 'start');
    await turn();
    await guest.publish('/service/game', 'end');
    await turn();
    expect(service.heard).toEqual([['guest', '/game/1', 'move']]);
  });

  it('removes one method of a channel, or all', async () => {
    const { bayeux } = openServer();
    const service = new Echo(bayeux, 'echo');
    service.map('/service/a', 'log');
    service.map('/service/a', 'echo');
    service.unmap('/service/a', 'log');
    const guest = await enter(bayeux, '/service/a');
    await guest.publish('/service/a', 1);
    expect(service.heard).toEqual([]);
    expect(guest.heard.map(({ data }) => data)).toContain(1);
    service.unmap('/service/a');
    guest.heard.length = 0;
    await guest.publish('/service/a', 2);
    expect(guest.heard.map(({ data }) => data)).not.toContain(2);
  });

  it('does not hear itself, unless it wants to', async () => {
    const { bayeux } = openServer();
    const service = new Echo(bayeux, 'echo');
    service.map('/own', 'log');
    await service.localSession.getChannel('/own').publish(1);
    service.seeOwnPublishes = true;
    await service.localSession.getChannel('/own').publish(2);
    expect(service.heard).toEqual([['echo_', '/own', 2]]);
  });

  it('sends to one session', async () => {
    const { bayeux } = openServer();
    const service = new Echo(bayeux, 'echo');
    const guest = await enter(bayeux, '/said');
    expect(await service.say(guest.session.serverSession, 'psst')).toBe(true);
    expect(guest.heard).toEqual([{ channel: '/said', data: 'psst' }]);
  });

  it.each(['none', 'heard', 'three'])('refuses the method %s at registration', (name) => {
    const { bayeux } = openServer();
    const service = new Echo(bayeux, 'echo');
    expect(() => service.addByName('/a', name)).toThrow(TypeError);
    expect(bayeux.getChannel('/a')).toBeUndefined();
  });

  it('refuses an illegal channel', () => {
    const { bayeux } = openServer();
    expect(() => new Echo(bayeux, 'echo').map('a', 'log')).toThrow(RangeError);
  });

  it('has exceptions of its methods logged, and the message goes on', async () => {
    const { bayeux, errors } = openServer();
    const service = new Echo(bayeux, 'echo');
    service.map('/a', 'fail');
    service.map('/a', 'log');
    const guest = await enter(bayeux);
    expect(await guest.publish('/a', 1)).toMatchObject({ successful: true });
    expect(errors).toEqual([new Error('in the service')]);
    expect(service.heard).toHaveLength(1);
    expect(bayeux.diagnostics.counters.get('failed.service echo.fail')).toBe(1);
  });

  it('hears of the exceptions itself when it overrides the hook, asynchronous ones included', async () => {
    const seen: unknown[] = [];
    class Careful extends Echo {
      override async slow(): Promise<unknown> {
        throw new Error('later');
      }
      protected override exception(method: string, session: ServerSession | null, _: ServerMessage, error: unknown) {
        seen.push([method, session?.id.slice(0, 5), String(error)]);
      }
    }
    const { bayeux, errors } = openServer();
    const service = new Careful(bayeux, 'careful');
    service.map('/a', 'fail');
    service.map('/a', 'slow');
    const guest = await enter(bayeux);
    await guest.publish('/a', 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual([
      ['fail', 'guest', 'Error: in the service'],
      ['slow', 'guest', 'Error: later'],
    ]);
    expect(errors).toEqual([]);
  });

  it('ends with its mappings and its session', async () => {
    const { bayeux } = openServer();
    const service = new Echo(bayeux, 'echo');
    service.map('/a', 'log');
    await service.close();
    await service.close();
    expect(bayeux.sessions).toEqual([]);
    const guest = await enter(bayeux);
    await guest.publish('/a', 1);
    expect(service.heard).toEqual([]);
  });

  it('cannot be made where the server refuses its session', () => {
    const { bayeux } = openServer();
    bayeux.securityPolicy = { canHandshake: () => false };
    expect(() => new Echo(bayeux, 'echo')).toThrow('refuses the session of the service echo: 403');
  });

  it('is ready when a policy that takes its time has decided', async () => {
    const { bayeux } = openServer();
    bayeux.securityPolicy = new (class extends DefaultSecurityPolicy {
      override async canHandshake() {
        return true;
      }
    })();
    const service = new Echo(bayeux, 'echo');
    service.map('/log', 'log');
    expect(service.localSession.isHandshook).toBe(false);
    await service.ready;
    expect(service.localSession.isHandshook).toBe(true);
  });
});

describe('an asynchronous method of a service', () => {
  const next = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('does not hold the publish reply up, and answers when it ends', async () => {
    const { bayeux } = openServer();
    const service = new Echo(bayeux, 'echo');
    service.map('/service/slow', 'slow');
    const guest = await enter(bayeux, '/service/slow');
    expect(await guest.publish('/service/slow', 1)).toMatchObject({ successful: true });
    expect(guest.heard).toHaveLength(1);
    service.gates[0]?.open();
    expect((await guest.hears(2))[1]).toBe('slow 1');
  });

  it('gets the messages of one session one after another, whatever their channels, and no session waits for another', async () => {
    const { bayeux } = openServer();
    const service = new Echo(bayeux, 'echo');
    service.map('/a', 'slow');
    service.map('/b', 'slow');
    const [one, two] = [await enter(bayeux), await enter(bayeux)];
    await one.publish('/a', 1);
    await one.publish('/b', 2);
    await two.publish('/a', 'other');
    expect(service.heard).toEqual([1, 'other']);
    service.gates[0]?.open();
    await next();
    expect(service.heard).toEqual([1, 'other', 2]);
  });

  it('runs as often at a time as the service allows', async () => {
    const { bayeux } = openServer();
    const service = new Echo(bayeux, 'echo', { concurrency: 3 });
    service.map('/a', 'slow');
    const guest = await enter(bayeux);
    for (let n = 0; n < 5; n++) await guest.publish('/a', n);
    expect(service.heard).toEqual([0, 1, 2]);
    service.gates[1]?.open();
    await next();
    expect(service.heard).toEqual([0, 1, 2, 3]);
  });

  it('holds the publisher up when too many messages wait for it', async () => {
    const { bayeux } = openServer();
    const service = new Echo(bayeux, 'echo', { maxWaiting: 1 });
    service.map('/a', 'slow');
    const guest = await enter(bayeux);
    await guest.publish('/a', 0);
    await guest.publish('/a', 1);
    let replied = false;
    const third = guest.publish('/a', 2).then(() => {
      replied = true;
    });
    await next();
    expect(replied).toBe(false);
    service.gates[0]?.open();
    await next();
    expect(replied).toBe(false);
    service.gates[1]?.open();
    await third;
    expect(service.heard).toEqual([0, 1, 2]);
  });
});

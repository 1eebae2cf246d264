/** What a peer may do how often, and what an address may have: at the limit it may, one more gets an error that names it. */
import type { IncomingMessage } from 'node:http';
import { type BayeuxContext, resolveOptions, ServerMessage, type ServerOptions } from '@cometd-ts/server';
import {
  openSession,
  RawHttp,
  RawSession,
  type RawTransport,
  RawWebSocket,
  type WireMessage,
} from '@cometd-ts/testkit';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Diagnostics } from '../src/diagnostics.ts';
import { Rates } from '../src/policy/rates.ts';
import { SessionClock } from '../src/session/clock.ts';
import type { Session } from '../src/session/session.ts';
import { type House, held, host, lodge, Notebook, pass, stopTheClock, transports } from './hosting.ts';

/** The address of a test client is in a header, as if it had come through a proxy. */
const proxied: ServerOptions = { trustedProxies: 1 };

async function from(
  house: House,
  address: string,
  transport: RawTransport = 'websocket',
  handshake = true,
): Promise<{ session: RawSession; reply: WireMessage }> {
  const session = await openSession(transport, house.url, { headers: { 'x-forwarded-for': address } });
  onTestFinished(() => session.close());
  return { session, reply: handshake ? await session.handshake() : {} };
}

function hits(house: House, limit: string): number | undefined {
  return house.bayeux.diagnostics.counters.get(`limit_hit.${limit}`);
}

describe.each(transports)('over %s, a session', (transport) => {
  it('may publish its burst at once, and no more: the error names the limit, and the advice says when to come back', async () => {
    stopTheClock();
    const house = await host({ maxPublishRate: 10, publishBurst: 5 });
    const session = await house.enter(transport);
    await session.subscribe('/a');
    const replies = await session.ask(
      ...Array.from({ length: 6 }, (_, index) => session.message(index % 2 ? '/service/a' : '/a', { data: index })),
    );
    expect(replies.map((reply) => reply.successful)).toEqual([true, true, true, true, true, false]);
    expect(replies[5]).toMatchObject({
      error: '400:maxPublishRate,10:limit_exceeded',
      advice: { reconnect: 'retry', interval: 100, timeout: 30_000 },
    });
    expect(hits(house, 'maxPublishRate')).toBe(1);
    await pass(100);
    expect(await session.publish('/a', 1)).toMatchObject({ successful: true });
    expect(await session.publish('/a', 1)).toMatchObject({ successful: false });
    await pass(500);
    for (let index = 0; index < 5; index++) expect(await session.publish('/a', 1)).toMatchObject({ successful: true });
    expect(await session.publish('/a', 1)).toMatchObject({ successful: false });
    // The interval was for this once: the next connect says the usual one.
    expect(await session.connect(0)).toMatchObject({ successful: true, advice: { interval: 0 } });
  });

  it('may subscribe its burst at once, and no more; leaving is always allowed', async () => {
    stopTheClock();
    const house = await host({ maxSubscribeRate: 20, subscribeBurst: 3 });
    const session = await house.enter(transport);
    const replies: WireMessage[] = [];
    for (const name of ['/a', '/b', '/c', '/d']) replies.push(await session.subscribe(name));
    expect(replies.map((reply) => reply.successful)).toEqual([true, true, true, false]);
    expect(replies[3]).toMatchObject({
      error: '400:maxSubscribeRate,20:limit_exceeded',
      subscription: '/d',
      advice: { reconnect: 'retry', interval: 50 },
    });
    expect(house.bayeux.getChannel('/d')).toBeUndefined();
    for (const name of ['/a', '/b', '/c']) expect((await session.unsubscribe(name)).successful).toBe(true);
    expect(hits(house, 'maxSubscribeRate')).toBe(1);
    await pass(50);
    expect(await session.subscribe('/d')).toMatchObject({ successful: true });
  });

  it.each([
    [2, true],
    [3, true],
    [4, false],
  ])('may have its burst of channels made at once, and no more: %i, with a burst of 3', async (count, may) => {
    stopTheClock();
    const house = await host({ maxChannelRate: 10, channelBurst: 3 });
    house.bayeux.createChannelIfAbsent('/here');
    const session = await house.enter(transport);
    const names = Array.from({ length: count }, (_, index) => `/made/${index}`);
    const reply = await session.call('/meta/subscribe', { subscription: ['/here', ...names] });
    expect(reply.successful).toBe(may);
    if (may) return;
    expect(reply).toMatchObject({
      error: '400:maxChannelRate,10:limit_exceeded',
      advice: { reconnect: 'retry', interval: 100 },
    });
    expect(hits(house, 'maxChannelRate')).toBe(1);
    expect(await session.publish('/b', 1)).toMatchObject({ error: '400:maxChannelRate,10:limit_exceeded' });
    // What is there needs not be made, service channels never are, and other sessions have buckets of their own.
    expect(await session.subscribe('/here')).toMatchObject({ successful: true });
    expect(await session.publish('/service/b', 1)).toMatchObject({ successful: true });
    expect(await (await house.enter(transport)).publish('/c', 1)).toMatchObject({ successful: true });
    await pass(100);
    expect(await session.publish('/b', 1)).toMatchObject({ successful: true });
    expect(await session.publish('/d', 1)).toMatchObject({ successful: false });
  });

  it('that was refused is no worse off, nor is another', async () => {
    const house = await host({ maxPublishRate: 0.001 as never, publishBurst: 1 });
    const [loud, quiet] = [await house.enter(transport), await house.enter(transport)];
    await loud.publish('/a', 1);
    expect(await loud.publish('/a', 1)).toMatchObject({ successful: false });
    expect(await loud.connect(0)).toMatchObject({ successful: true });
    expect(await loud.subscribe('/a')).toMatchObject({ successful: true });
    expect(await quiet.publish('/a', 1)).toMatchObject({ successful: true });
  });

  it('that sends no Bayeux but something else is ended, with the advice not to come back', async () => {
    stopTheClock();
    const house = await host({ maxBadMessages: 3 });
    const session = await house.enter(transport);
    const side = house.sideOf(session);
    const { reply: connect } = await held(house, session);
    const bad = () => session.call('no channel', {});
    for (let index = 0; index < 3; index++) {
      const reply = await bad();
      expect(reply).toMatchObject({ successful: false, error: expect.stringMatching(/^40\d:/) });
      expect(reply.advice).toBeUndefined();
    }
    expect(house.bayeux.getSession(side.id)).toBe(side);
    expect(await bad()).toMatchObject({ successful: false, advice: { reconnect: 'none' } });
    expect(house.bayeux.getSession(side.id)).toBeUndefined();
    expect(await connect).toMatchObject({ advice: { reconnect: 'none' } });
    expect(hits(house, 'maxBadMessages')).toBe(1);
    if (session.client instanceof RawWebSocket)
      expect(await session.client.closed).toEqual({ code: 1008, reason: 'The limit maxBadMessages was hit' });
    else expect(await session.publish('/a', 1)).toMatchObject({ error: '402::session_unknown' });
  });

  it('that errs now and then stays', async () => {
    stopTheClock();
    const house = await host({ maxBadMessages: 3 });
    const session = await house.enter(transport);
    for (let index = 0; index < 12; index++) {
      expect((await session.call('no channel', {})).advice).toBeUndefined();
      await pass(3_400, 850);
    }
    expect(hits(house, 'maxBadMessages')).toBeUndefined();
  });
});

describe('what is not counted', () => {
  it('are local sessions', async () => {
    const house = await host({ maxPublishRate: 0, maxSubscribeRate: 0, maxHandshakeRate: 0, maxBadMessages: 0 });
    const local = lodge(house.bayeux);
    expect(await local.getChannel('/a').publish(1)).toMatchObject({ successful: true });
    expect(local.isConnected).toBe(true);
  });

  it('is anything, where −1 says so', async () => {
    const house = await host({
      ...proxied,
      maxPublishRate: -1,
      maxSubscribeRate: -1,
      maxBadMessages: -1,
      maxHandshakeRate: -1,
      maxHandshakeRatePerAddress: -1,
      maxSessionsPerAddress: -1,
      maxConnectionsPerAddress: -1,
    });
    const { session } = await from(house, '203.0.113.7');
    for (let round = 0; round < 6; round++) {
      const replies = await session.ask(...Array.from({ length: 100 }, () => session.message('/a', { data: 1 })));
      expect(replies.every((reply) => reply.successful)).toBe(true);
      await session.ask(...Array.from({ length: 100 }, () => session.message('no channel')));
    }
    const many = await Promise.all(Array.from({ length: 110 }, () => from(house, '203.0.113.7')));
    expect(many.every(({ reply }) => reply.successful)).toBe(true);
    expect([...house.bayeux.diagnostics.counters.keys()].filter((name) => name.startsWith('limit_hit.'))).toEqual([]);
  });

  it('are messages of a WebSocket without a session, but for the bad ones: those end it', async () => {
    const house = await host({ maxBadMessages: 3 });
    const session = await house.knock('websocket');
    for (let index = 0; index < 10; index++)
      expect(await session.publish('/a', 1)).toMatchObject({ error: '402::session_unknown' });
    for (let index = 0; index < 4; index++) await session.call('no channel', {});
    expect(await (session.client as RawWebSocket).closed).toMatchObject({ code: 1008 });
  });
});

describe.each(transports)('over %s, an address', (transport) => {
  it('may shake hands its burst at once, and no more; another is not concerned', async () => {
    stopTheClock();
    const house = await host({ ...proxied, maxHandshakeRatePerAddress: 2, handshakeBurstPerAddress: 3 });
    for (let index = 0; index < 3; index++)
      expect((await from(house, '203.0.113.7', transport)).reply).toMatchObject({ successful: true });
    const { session, reply } = await from(house, '203.0.113.7', transport);
    expect(reply).toMatchObject({
      successful: false,
      error: '400:maxHandshakeRatePerAddress,2:limit_exceeded',
      advice: { reconnect: 'handshake', interval: expect.any(Number) },
    });
    expect(reply.advice?.interval).toBeGreaterThanOrEqual(1_000);
    expect(reply.advice?.interval).toBeLessThanOrEqual(2_000);
    expect(hits(house, 'maxHandshakeRatePerAddress')).toBe(1);
    // Neither another one, nor what the client itself says it is, changes whose bucket it is.
    expect((await from(house, '203.0.113.8', transport)).reply).toMatchObject({ successful: true });
    expect((await from(house, '6.6.6.6, 203.0.113.7', transport)).reply).toMatchObject({ successful: false });
    await pass(500);
    expect(await session.handshake()).toMatchObject({ successful: true });
    expect(await session.handshake()).toMatchObject({ successful: false });
  });

  it.each([-1, 0, 1])('may have so many sessions, %i more than the limit', async (by) => {
    const house = await host({ ...proxied, maxSessionsPerAddress: 3 });
    const all = [];
    for (let index = 0; index < 3 + by; index++) all.push(await from(house, '2001:db8::1', transport));
    expect(all.filter(({ reply }) => reply.successful)).toHaveLength(Math.min(3 + by, 3));
    if (by <= 0) return;
    expect(all.at(-1)?.reply).toMatchObject({
      error: '400:maxSessionsPerAddress,3:limit_exceeded',
      advice: { reconnect: 'handshake', interval: expect.any(Number) },
    });
    // The whole /64 is one customer, and the next is another.
    expect((await from(house, '2001:db8::ffff:2', transport)).reply.successful).toBe(false);
    expect((await from(house, '2001:db8:0:1::1', transport)).reply.successful).toBe(true);
    await all[0]?.session.disconnect();
    expect(await all.at(-1)?.session.handshake()).toMatchObject({ successful: true });
  });

  it('gets its place back when the policy refuses the handshake', async () => {
    const house = await host({ ...proxied, maxSessionsPerAddress: 1 });
    house.bayeux.securityPolicy = {
      canHandshake: (_server, _session, message) => Promise.resolve(message.ext?.ok === 1),
    };
    const { session, reply } = await from(house, '203.0.113.7', transport);
    expect(reply).toMatchObject({ error: '403::handshake_denied' });
    expect(await session.handshake({ ext: { ok: 1 } })).toMatchObject({ successful: true });
    const { reply: second } = await from(house, '203.0.113.7', transport);
    expect(second).toMatchObject({ error: '400:maxSessionsPerAddress,1:limit_exceeded' });
  });

  it('gets no second place while a policy thinks about the first', async () => {
    const house = await host({ ...proxied, maxSessionsPerAddress: 1 });
    let decide = (_verdict: boolean): void => undefined;
    const asked = new Promise<void>((resolve) => {
      house.bayeux.securityPolicy = {
        canHandshake: () =>
          new Promise((verdict) => {
            decide = verdict;
            resolve();
          }),
      };
    });
    const { session } = await from(house, '203.0.113.7', transport, false);
    const first = session.handshake();
    await asked;
    expect((await from(house, '203.0.113.7', transport)).reply).toMatchObject({
      error: '400:maxSessionsPerAddress,1:limit_exceeded',
    });
    decide(true);
    expect(await first).toMatchObject({ successful: true });
  });
});

describe('WebSockets of one address', () => {
  it.each([-1, 0, 1])('are so many, %i more than the limit', async (by) => {
    const house = await host({ ...proxied, maxConnectionsPerAddress: 3 });
    const open = () => from(house, '203.0.113.7', 'websocket', false);
    const opened = [];
    for (let index = 0; index < Math.min(3 + by, 3); index++) opened.push(await open());
    if (by <= 0) return;
    await expect(open()).rejects.toThrow('429');
    expect(hits(house, 'maxConnectionsPerAddress')).toBe(1);
    await from(house, '203.0.113.8', 'websocket', false);
    expect((await from(house, '203.0.113.7', 'long-polling')).reply.successful).toBe(true);
    await opened[0]?.session.close();
    await vi.waitFor(open);
  });
});

describe('a server that has too much to do', () => {
  it('lets sessions publish half as much', () => {
    stopTheClock();
    const settings = resolveOptions({ maxPublishRate: 10, publishBurst: 10 });
    const rates = new Rates(settings, new SessionClock(), new Diagnostics(new Notebook(), 'warn'));
    const timing = { readvise: () => undefined, takeAdvice: () => null };
    const takes = (): number => {
      const session = { timing } as unknown as Session;
      let count = 0;
      while (rates.take('publishes', session, new ServerMessage({ channel: '/a' }))) count++;
      return count;
    };
    expect(takes()).toBe(10);
    rates.isTight = true;
    expect(takes()).toBe(5);
    rates.isTight = false;
    expect(takes()).toBe(10);
  });
});

describe('addresses without number', () => {
  it('fill no memory: there are no more of them than handshakes, and they are forgotten with them', () => {
    stopTheClock();
    const log = new Notebook();
    const rates = new Rates(resolveOptions({ ...proxied }), new SessionClock(), new Diagnostics(log, 'warn'));
    const knock = (index: number, session: Session): boolean => {
      const context = {} as BayeuxContext;
      const headers = { 'x-forwarded-for': `2001:db8:${(index >> 8).toString(16)}:${(index & 255).toString(16)}::1` };
      rates.meet(context, { headers, socket: {} } as unknown as IncomingMessage);
      const message = new ServerMessage({ channel: '/meta/handshake' });
      message.context = context;
      return rates.handshake(session, message, new ServerMessage({ channel: '/meta/handshake' }));
    };
    const sessions: Session[] = [];
    for (let index = 0; index < 50_000; index++) {
      const session = {} as Session;
      if (knock(index, session)) sessions.push(session);
    }
    expect(sessions).toHaveLength(500);
    expect(rates.addressCount).toBe(500);
    for (const session of sessions) rates.left(session);
    vi.advanceTimersByTime(100);
    rates.sweep();
    expect(rates.addressCount).toBe(0);
  });
});

describe('the server', () => {
  it('takes so many handshakes a second, from however many addresses', async () => {
    stopTheClock();
    const house = await host({ ...proxied, maxHandshakeRate: 20 });
    const http = new RawHttp(house.url);
    onTestFinished(() => http.close());
    let taken = 0;
    const errors = new Set<unknown>();
    for (let index = 0; index < 300; index++) {
      const handshake = {
        id: '1',
        channel: '/meta/handshake',
        version: '1.0',
        supportedConnectionTypes: ['websocket'],
      };
      const headers = { 'x-forwarded-for': `2001:db8:${index.toString(16)}::1`, cookie: undefined };
      const { body } = await http.post([handshake], { headers });
      const [reply] = JSON.parse(body) as [WireMessage];
      if (reply.successful) taken++;
      else errors.add(reply.error);
    }
    expect(taken).toBe(20);
    expect([...errors]).toEqual(['400:maxHandshakeRate,20:limit_exceeded']);
    expect(hits(house, 'maxHandshakeRate')).toBe(280);
    await pass(15_000, 900);
    expect(house.bayeux.sessions).toEqual([]);
  });

  it('counts for whom the application says', async () => {
    const house = await host({
      maxSessionsPerAddress: 1,
      clientAddress: (request) => request.headers['x-tenant']?.toString(),
    });
    const knock = async (tenant?: string) => {
      const session = new RawSession(new RawHttp(house.url, tenant ? { headers: { 'x-tenant': tenant } } : {}));
      onTestFinished(() => session.close());
      return (await session.handshake()).successful;
    };
    expect([await knock('a'), await knock('a'), await knock('b'), await knock(), await knock()]).toEqual([
      true,
      false,
      true,
      true,
      true,
    ]);
  });

  it('takes handshakes all the same when clientAddress throws, and says so', async () => {
    const house = await host({
      clientAddress: () => {
        throw new Error('no idea');
      },
    });
    for (const transport of transports) expect((await from(house, '1.2.3.4', transport)).reply.successful).toBe(true);
    expect(house.bayeux.diagnostics.counters.get('failed.clientAddress')).toBe(2);
  });

  it('says once that it does not know addresses behind a proxy nobody has told it of', async () => {
    const house = await host();
    await from(house, '203.0.113.7', 'long-polling');
    await from(house, '203.0.113.7');
    expect(house.log.lines.filter((line) => line.includes('trustedProxies'))).toHaveLength(1);
  });
});

/** Every limit at its last legal value, and one beyond: what fits is processed, what does not is told, and nobody else suffers. */
import type { ServerOptions } from '@cometd-ts/server';
import type { RawSession, WireMessage } from '@cometd-ts/testkit';
import { describe, expect, it } from 'vitest';
import { type House, host, transports } from './hosting.ts';

type Around = readonly [step: string, by: -1 | 0 | 1];
const around: readonly Around[] = [
  ['one below', -1],
  ['exactly', 0],
  ['one above', 1],
];

/** Posts one payload; answers its replies, or how it was refused. */
async function post(session: RawSession, payload: readonly WireMessage[] | string): Promise<WireMessage[] | number> {
  const { client } = session;
  if (client.transport === 'long-polling') {
    const response = await client.post(payload);
    return response.status === 200 ? JSON.parse(response.body) : response.status;
  }
  client.post(payload);
  const id = typeof payload === 'string' ? 'z' : String(payload.at(-1)?.id);
  return client.inbox.reply(id).then(
    (reply) => [reply],
    () => client.closed.then(({ code }) => code),
  );
}

const refused = { 'long-polling': 400, websocket: 1008 } as const;
const tooLarge = { 'long-polling': 413, websocket: 1009 } as const;

describe.each(transports)('a payload over %s', (transport) => {
  async function outcome(house: House, payload: (session: RawSession) => readonly WireMessage[] | string) {
    const session = await house.enter(transport);
    const witness = await house.enter(transport);
    const result = await post(session, payload(session));
    expect(await witness.publish('/service/fine', 1)).toMatchObject({ successful: true });
    return typeof result === 'number' ? result : 'processed';
  }

  const nested = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}1${']'.repeat(depth)}`);

  it.each(around)('may have so many messages, %s', async (_step, by) => {
    const house = await host({ limits: { maxMessages: 5 } });
    const result = await outcome(house, (session) =>
      Array.from({ length: 5 + by }, () => session.message('/service/a', { data: 1 })),
    );
    expect(result).toBe(by > 0 ? refused[transport] : 'processed');
  });

  it.each(around)('may nest so deeply, %s', async (_step, by) => {
    const house = await host({ limits: { maxDepth: 10 } });
    // The message itself is the first level.
    const result = await outcome(house, (session) => [session.message('/service/a', { data: nested(9 + by) })]);
    expect(result).toBe(by > 0 ? refused[transport] : 'processed');
  });

  it.each(around)('may have so many keys in an object, %s', async (_step, by) => {
    const house = await host({ limits: { maxKeys: 10 } });
    const data = Object.fromEntries(Array.from({ length: 10 + by }, (_, index) => [`k${index}`, 1]));
    const result = await outcome(house, (session) => [session.message('/service/a', { data })]);
    expect(result).toBe(by > 0 ? refused[transport] : 'processed');
  });

  it.each(around)('may have so many values, %s', async (_step, by) => {
    const house = await host({ limits: { maxNodes: 20 } });
    // The message, id, channel, clientId, data: five before the first element. The array of messages is the envelope.
    const result = await outcome(house, (session) => [
      session.message('/service/a', { data: Array.from({ length: 15 + by }, () => 1) }),
    ]);
    expect(result).toBe(by > 0 ? refused[transport] : 'processed');
  });

  it.each(around)('may have so many bytes, not characters, %s', async (_step, by) => {
    const house = await host({ maxMessageSize: 500 });
    const result = await outcome(house, (session) => {
      const frame = JSON.stringify([{ ...session.message('/service/a'), id: 'z', data: '€' }]);
      return frame.replace('€', `€${'x'.repeat(500 + by - Buffer.byteLength(frame))}`);
    });
    expect(result).toBe(by > 0 ? tooLarge[transport] : 'processed');
  });

  it('has its own maxMessageSize per transport', async () => {
    const house = await host({
      maxMessageSize: 200,
      'ws.maxMessageSize': 2000,
      'long-polling.json.maxMessageSize': 2000,
    });
    expect(await outcome(house, (session) => [session.message('/service/a', { data: 'x'.repeat(1000) })])).toBe(
      'processed',
    );
  });
});

describe('a message', () => {
  const neighbours = async (options: ServerOptions, fields: WireMessage): Promise<[unknown, string | undefined]> => {
    const session = await (await host(options)).enter();
    const replies = await session.ask(
      session.message('/service/a', { data: 1 }),
      { ...session.message('/service/a', { data: 1 }), ...fields },
      session.message('/service/a', { data: 1 }),
    );
    expect([replies[0]?.successful, replies[2]?.successful]).toEqual([true, true]);
    return [replies[1]?.successful, replies[1]?.error];
  };

  it.each(around)('may have a channel so long, %s', async (_step, by) => {
    const channel = `/service/${'x'.repeat(31 + by)}`;
    expect(await neighbours({ limits: { maxChannelLength: 40 } }, { channel })).toEqual(
      by > 0 ? [false, '400:maxChannelLength,40:limit_exceeded'] : [true, undefined],
    );
  });

  it.each(around)('may have a channel of so many segments, %s', async (_step, by) => {
    const channel = `/service${'/x'.repeat(5 + by)}`;
    expect(await neighbours({ limits: { maxChannelSegments: 6 } }, { channel })).toEqual(
      by > 0 ? [false, '400:maxChannelSegments,6:limit_exceeded'] : [true, undefined],
    );
  });

  it.each(around)('may have an id so long, %s', async (_step, by) => {
    expect(await neighbours({ limits: { maxIdLength: 10 } }, { id: 'a'.repeat(10 + by) })).toEqual(
      by > 0 ? [false, '400:maxIdLength,10:limit_exceeded'] : [true, undefined],
    );
  });

  it.each(around)('may subscribe to so many channels, %s', async (_step, by) => {
    const subscription = Array.from({ length: 5 + by }, (_, index) => `/s${index}`);
    expect(await neighbours({ limits: { maxSubscriptions: 5 } }, { channel: '/meta/subscribe', subscription })).toEqual(
      by > 0 ? [false, '400:maxSubscriptions,5:limit_exceeded'] : [true, undefined],
    );
  });

  it('over a limit makes no channel', async () => {
    const house = await host();
    const session = await house.enter();
    const before = house.bayeux.channels.length;
    for (const name of [`/${'x'.repeat(100_000 / 2)}`, '/x'.repeat(20_000)])
      expect((await session.publish(name, 1)).error).toMatch(/^400:maxChannel(Length|Segments),\d+:limit_exceeded$/);
    expect(house.bayeux.channels).toHaveLength(before);
  });
});

describe('a session', () => {
  it.each(around)('may have so many subscriptions, %s', async (_step, by) => {
    const house = await host({ maxSubscriptionsPerSession: 3 });
    const session = await house.enter();
    await session.subscribe('/first');
    // The one it has already, and service channels, do not count again.
    const names = ['/first', '/service/a', ...Array.from({ length: 2 + by }, (_, index) => `/s${index}`)];
    const reply = await session.subscribe(names);
    if (by > 0) expect(reply).toMatchObject({ error: '400:maxSubscriptionsPerSession,3:limit_exceeded' });
    else expect(reply).toMatchObject({ successful: true });
    expect(house.sideOf(session).subscriptions).toHaveLength(by > 0 ? 1 : 3 + by);
    expect(house.bayeux.diagnostics.counters.get('limit_hit.maxSubscriptionsPerSession')).toBe(by > 0 ? 1 : undefined);
  });

  it('has room again after unsubscribing', async () => {
    const session = await (await host({ maxSubscriptionsPerSession: 1 })).enter();
    await session.subscribe('/a');
    expect(await session.subscribe('/b')).toMatchObject({ successful: false });
    await session.unsubscribe('/a');
    expect(await session.subscribe('/b')).toMatchObject({ successful: true });
  });
});

describe('the server', () => {
  it.each(around)('makes so many channels for remote clients, %s', async (_step, by) => {
    const house = await host({ maxRemoteChannels: 3 });
    house.bayeux.createChannelIfAbsent('/own');
    const session = await house.enter();
    await session.publish('/a', 1);
    await session.publish('/b', 1);
    const replies = [];
    for (let index = 0; index < 1 + by; index++) replies.push(await session.publish(`/c${index}`, 1));
    expect(replies.map((reply) => reply.error)).toEqual(
      [[], [undefined], [undefined, '400:maxRemoteChannels,3:limit_exceeded']][by + 1],
    );
    expect(await session.publish('/a', 1)).toMatchObject({ successful: true });
    expect(await session.publish('/own', 1)).toMatchObject({ successful: true });
    if (by > 0)
      expect(await session.subscribe('/d')).toMatchObject({ error: '400:maxRemoteChannels,3:limit_exceeded' });
    expect(house.bayeux.createChannelIfAbsent('/mine').created).toBe(true);
  });

  it.each(around)('lets so many sessions be without a connect, %s', async (_step, by) => {
    const house = await host({ maxUnconnectedSessions: 3 });
    const sessions = await Promise.all(Array.from({ length: 3 + by }, () => house.knock()));
    const replies: WireMessage[] = [];
    for (const session of sessions) replies.push(await session.handshake());
    expect(replies.filter((reply) => reply.successful)).toHaveLength(Math.min(3 + by, 3));
    if (by <= 0) return;
    expect(replies.at(-1)).toMatchObject({
      error: '400:maxUnconnectedSessions,3:limit_exceeded',
      advice: { reconnect: 'handshake', interval: expect.any(Number) },
    });
    await sessions[0]?.connect(0);
    expect(await sessions.at(-1)?.handshake()).toMatchObject({ successful: true });
  });

  it.each(around)('gives a browser so many sessions, %s', async (_step, by) => {
    const house = await host({ maxSessionsPerCookie: 3 });
    const session = await house.knock('long-polling');
    const replies: WireMessage[] = [];
    for (let index = 0; index < 3 + by; index++) replies.push(await session.handshake());
    expect(replies.filter((reply) => reply.successful)).toHaveLength(Math.min(3 + by, 3));
    if (by > 0) expect(replies.at(-1)).toMatchObject({ error: '400:maxSessionsPerCookie,3:limit_exceeded' });
    expect(house.bayeux.sessions).toHaveLength(Math.min(3 + by, 3));
  });

  it('has no bounds where −1 says so', async () => {
    const house = await host({
      maxSubscriptionsPerSession: -1,
      maxRemoteChannels: -1,
      maxSessionsPerCookie: -1,
      maxUnconnectedSessions: -1,
      maxMessageSize: -1,
      maxInFlightBytes: -1,
    });
    const session = await house.knock('long-polling');
    for (let index = 0; index < 70; index++) expect(await session.handshake()).toMatchObject({ successful: true });
    await session.connect(0);
    expect(await session.publish('/a', 'x'.repeat(200_000))).toMatchObject({ successful: true });
  });
});

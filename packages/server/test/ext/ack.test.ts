/** Acknowledged messages as they are seen on the wire: numbers, redelivery, order, bounds. */
import type { ServerMessage, ServerOptions, ServerSession } from '@cometd-ts/server';
import type { RawSession, WireMessage } from '@cometd-ts/testkit';
import { describe, expect, it } from 'vitest';
import { AcknowledgedMessagesExtension } from '../../src/ext/ack.ts';
import { gate, type House, held, host, httpOf, lodge, pass, stopTheClock, transports } from '../hosting.ts';

const quick: ServerOptions = { timeout: 20_000 };

async function serve(options: ServerOptions = {}): Promise<House & { ack: AcknowledgedMessagesExtension }> {
  const house = await host({ ...quick, ...options });
  const ack = new AcknowledgedMessagesExtension();
  house.bayeux.addExtension(ack);
  return { ...house, ack };
}

/** A session that has negotiated acknowledgements and has had batch 1. */
async function enter(house: House, transport: 'websocket' | 'long-polling'): Promise<[RawSession, ServerSession]> {
  const session = await house.knock(transport);
  await session.handshake({ ext: { ack: true } });
  await confirm(session, 0, 0);
  return [session, house.sideOf(session)];
}

/** A connect that says which batch was the last to arrive. */
function confirm(session: RawSession, ack: number, timeout?: number): Promise<WireMessage> {
  return session.connect(timeout, { ext: { ack } });
}

/** A connect, and what came in front of its reply. */
async function carried(session: RawSession, ack: number, timeout?: number): Promise<[data: unknown[], ext: unknown]> {
  const before = session.inbox.all.length;
  const { ext } = await confirm(session, ack, timeout);
  const came = session.inbox.all.slice(before);
  return [came.flatMap((message) => ('data' in message ? [message.data] : [])), ext];
}

/** Sends a connect that the server holds. */
async function waiting(house: House, session: RawSession, ack: number): Promise<{ reply: Promise<WireMessage> }> {
  const side = house.sideOf(session);
  const suspended = new Promise<void>((resolve) => {
    const registration = side.addListener('suspended', () => {
      registration.remove();
      resolve();
    });
  });
  const reply = confirm(session, ack);
  reply.catch(() => undefined);
  await suspended;
  return { reply };
}

const say = (side: ServerSession, ...data: unknown[]): void => {
  for (const one of data) side.deliver(null, '/a', one);
};
const dataOf = (messages: readonly ServerMessage[]): unknown[] => messages.map((message) => message.data);

describe.each(transports)('acknowledged messages over %s', (transport) => {
  it('are agreed on in the handshake, by the value true and no other', async () => {
    const house = await serve();
    for (const [asked, answered] of [
      [true, { ack: true }],
      ['true', undefined],
      [false, undefined],
      [1, undefined],
    ] as const) {
      const session = await house.knock(transport);
      const { ext } = await session.handshake({ ext: { ack: asked } });
      expect(ext).toEqual(answered);
      expect(house.sideOf(session).metaConnectDeliverOnly).toBe(asked === true);
      expect((await session.connect(0)).ext).toEqual(answered && { ack: 1 });
    }
  });

  it('are numbered by the replies to connects, beginning with 1', async () => {
    const house = await serve();
    const session = await house.knock(transport);
    await session.handshake({ ext: { ack: true } });
    for (const ack of [1, 2, 3]) expect((await confirm(session, ack - 1, 0)).ext).toEqual({ ack });
    expect((await session.subscribe('/a')).ext).toBeUndefined();
    expect((await session.publish('/b', 1)).ext).toBeUndefined();
  });

  it('wake a held connect and travel in front of its reply', async () => {
    const house = await serve();
    const [session, side] = await enter(house, transport);
    const { reply } = await waiting(house, session, 1);
    say(side, 'one', 'two');
    const { ext, advice } = await reply;
    expect(ext).toEqual({ ack: 2 });
    expect(advice).toBeUndefined();
    expect(session.inbox.all.slice(-3).map((message) => message.data)).toEqual(['one', 'two', undefined]);
  });

  it('come again at once, before newer ones, until they are confirmed', async () => {
    const house = await serve();
    const [session, side] = await enter(house, transport);
    say(side, 'one');
    expect(await carried(session, 1)).toEqual([['one'], { ack: 2 }]);
    // That reply was lost, and so is the next one.
    expect(await carried(session, 1)).toEqual([['one'], { ack: 3 }]);
    say(side, 'two');
    expect(await carried(session, 1)).toEqual([['one', 'two'], { ack: 4 }]);
    await waiting(house, session, 4);
  });

  it('come again with advice, since nothing else makes the connect return', async () => {
    const house = await serve();
    const [session, side] = await enter(house, transport);
    say(side, 'one');
    await confirm(session, 1);
    expect((await confirm(session, 1)).advice).toMatchObject({ reconnect: 'retry', timeout: 20_000 });
  });

  it('are confirmed up to the number given, and no further', async () => {
    const house = await serve();
    const [session, side] = await enter(house, transport);
    const { reply } = await waiting(house, session, 1);
    say(side, 'one');
    await reply;
    say(side, 'two');
    expect(await carried(session, 1)).toEqual([['one', 'two'], { ack: 3 }]);
    // The client has had batch 2, and not batch 3.
    expect(await carried(session, 2)).toEqual([['two'], { ack: 4 }]);
  });

  it.each([
    ['a number that was never sent', 99],
    ['the number after the last', 3],
    ['a text', '2'],
    ['null', null],
    ['nothing', undefined],
    ['an object', { batch: 2 }],
  ])('are kept when a connect confirms %s', async (_, ack) => {
    const house = await serve();
    const [session, side] = await enter(house, transport);
    say(side, 'one');
    await confirm(session, 1);
    const before = session.inbox.all.length;
    await session.connect(undefined, { ext: { ack } });
    expect(session.inbox.all.slice(before).map((message) => message.data)).toContain('one');
    expect(house.bayeux.diagnostics.counters.get('rejected.ack_unknown')).toBe(typeof ack === 'number' ? 1 : undefined);
  });

  it('are not confirmed by a connect of another session', async () => {
    const house = await serve();
    const [session, side] = await enter(house, transport);
    say(side, 'one');
    await confirm(session, 1);
    const reply = await session.call('/meta/connect', { clientId: 'other', ext: { ack: 2 } });
    expect([reply.error, reply.ext]).toEqual(['402::session_unknown', undefined]);
    expect((await carried(session, 1))[0]).toEqual(['one']);
  });

  it('do not travel with other replies', async () => {
    const house = await serve();
    const [session, side] = await enter(house, transport);
    await session.subscribe('/a');
    await session.publish('/a', 'own');
    say(side, 'more');
    side.metaConnectDeliverOnly = false;
    await session.publish('/b', 1);
    expect(session.inbox.events('/a')).toEqual([]);
    expect((await carried(session, 1))[0]).toEqual(['own', 'more']);
  });

  it('do not travel with the reply to a connect that failed: clients take no number from it', async () => {
    const house = await serve();
    const [session, side] = await enter(house, transport);
    say(side, 'one');
    const registration = house.bayeux.getChannel('/meta/connect')!.addListener('message', () => false);
    expect(await carried(session, 1)).toEqual([[], undefined]);
    registration.remove();
    expect(await carried(session, 1)).toEqual([['one'], { ack: 2 }]);
  });

  it('stay when an extension swallows the reply, and come with the next', async () => {
    const house = await serve();
    const [session, side] = await enter(house, transport);
    say(side, 'one');
    const registration = house.bayeux.addExtension({
      sendMeta: (_from, to, message) => to !== side || message.channel !== '/meta/connect',
    });
    const swallowed = confirm(session, 1);
    swallowed.catch(() => undefined);
    await session.subscribe('/fence');
    registration.remove();
    expect((await carried(session, 1))[0]).toEqual(['one']);
  });

  it('that are lazy do not come sooner for being acknowledged, but are kept like the others', async () => {
    const house = await serve({ maxLazyTimeout: 10_000 });
    house.bayeux.createChannelIfAbsent('/lazy').channel.lazy = true;
    const [session] = await enter(house, transport);
    await session.subscribe('/lazy');
    const other = await house.enter();
    await other.publish('/lazy', 'later');
    const { reply } = await waiting(house, session, 1);
    await other.publish('/prompt', 1);
    expect(session.inbox.events('/lazy')).toEqual([]);
    house.sideOf(session).deliver(null, '/a', 'now');
    await reply;
    expect((await carried(session, 1))[0]).toEqual(['later', 'now']);
  });

  it('travel while a batch is open when a connect takes them, and are not lost to it', async () => {
    stopTheClock();
    const house = await serve({ timeout: 1000 });
    const [session, side] = await enter(house, transport);
    side.startBatch();
    say(side, 'one');
    const before = session.inbox.all.length;
    const reply = confirm(session, 1, transport === 'websocket' ? undefined : 0);
    if (transport === 'websocket') {
      await new Promise<void>((resolve) => side.addListener('suspended', () => resolve()));
      await pass(1100);
    }
    expect((await reply).ext).toEqual({ ack: 2 });
    expect(session.inbox.all[before]?.data).toBe('one');
    side.endBatch();
    expect((await carried(session, 1, 0))[0]).toEqual(['one']);
  });

  it('that were sent to a client which left are sent when it comes back', async () => {
    const house = await serve();
    const [session, side] = await enter(house, transport);
    await waiting(house, session, 1);
    if ('drop' in session.client) session.client.drop();
    const back = await house.knock(transport);
    back.clientId = session.clientId;
    if (transport === 'long-polling')
      for (const [name, value] of httpOf(session).jar) httpOf(back).jar.set(name, value);
    say(side, 'one');
    // Not the id of a connect before: replies are told apart by it.
    back.nextId();
    expect((await carried(back, 1))[0]).toEqual(['one']);
  });

  it('come with the farewell of a session that the server ends', async () => {
    const house = await serve();
    const [session, side] = await enter(house, transport);
    const { reply } = await waiting(house, session, 1);
    side.batch(() => {
      say(side, 'last');
      side.disconnect();
    });
    expect((await reply).advice).toMatchObject({ reconnect: 'none' });
    expect(session.inbox.all.slice(-3).map(({ channel }) => channel)).toEqual([
      '/a',
      '/meta/disconnect',
      '/meta/connect',
    ]);
  });

  it('tell those who listen what was sent and what was received', async () => {
    const house = await serve();
    const told: unknown[] = [];
    house.ack.addListener('batchSent', (session, messages, batch) => {
      told.push(['sent', session === side, dataOf(messages), batch]);
      throw new Error('careless');
    });
    house.ack.addListener('batchReceived', (session, messages, batch) => {
      told.push(['received', session === side, dataOf(messages), batch]);
    });
    const [session, side] = await enter(house, transport);
    say(side, 'one');
    await confirm(session, 1);
    say(side, 'two');
    await confirm(session, 1);
    await confirm(session, 3, 0);
    expect(told).toEqual([
      ['sent', true, ['one'], 2],
      ['sent', true, ['one', 'two'], 3],
      ['received', true, ['one', 'two'], 3],
    ]);
    expect(house.log.lines.join()).toContain("ack listener 'batchSent'");
    expect(() => house.ack.addListener('batchSent', null as never)).toThrow(TypeError);
  });

  it('travel in the form that listeners of the queue gave them, and come again in it', async () => {
    const house = await serve();
    const [session, side] = await enter(house, transport);
    say(side, 'one', 'two', 'three');
    const registration = side.addListener('deQueue', (_session, queue) => {
      queue.splice(0, 2);
    });
    expect((await carried(session, 1))[0]).toEqual(['three']);
    registration.remove();
    expect((await carried(session, 1))[0]).toEqual(['three']);
  });
});

describe.each(transports)('a connect that was overtaken over %s', (transport) => {
  it('takes nothing that a newer one shall bring', async () => {
    const house = await serve();
    const [session, side] = await enter(house, transport);
    const { opened, open } = gate();
    let slow = true;
    house.bayeux.addExtension({
      sendMeta: (_from, to, message) => {
        if (to !== side || message.channel !== '/meta/connect' || !slow) return;
        slow = false;
        return opened.then(() => true);
      },
    });
    say(side, 'one');
    const late = confirm(session, 1);
    late.catch(() => undefined);
    if (transport === 'long-polling') {
      await expect.poll(() => slow).toBe(false);
      expect(await carried(session, 1)).toEqual([['one'], { ack: 2 }]);
      const { reply } = await waiting(house, session, 2);
      say(side, 'two');
      open();
      expect((await late).ext).toEqual({ ack: 3 });
      expect((await reply).ext).toEqual({ ack: 4 });
      expect(session.inbox.events('/a').map(({ data }) => data)).toEqual(['one', 'two']);
    } else {
      // One connection is served in order: the newer one waits.
      open();
      expect((await late).ext).toEqual({ ack: 2 });
      expect((await carried(session, 2, 0))[0]).toEqual([]);
    }
  });

  it('and comes twice wakes nobody and loses nothing', async () => {
    const house = await serve();
    const [session, side] = await enter(house, transport);
    const connect = session.message('/meta/connect', { connectionType: transport, ext: { ack: 1 } });
    say(side, 'one');
    await session.ask(connect);
    expect((await session.ask(connect))[0]?.ext).toEqual({ ack: 3 });
    expect((await carried(session, 3, 0))[0]).toEqual([]);
    // The first of them once more, from a network that has kept it: it confirms less than is confirmed.
    say(side, 'two');
    await session.ask({ ...connect, advice: { timeout: 0 } });
    expect((await carried(session, 4))[0]).toEqual(['two']);
  });
});

describe('a frame of acknowledged messages', () => {
  it('is one, with the reply that numbers it, however long: half of it cannot arrive', async () => {
    const house = await serve({ 'ws.maxFrameSize': 100, 'ws.messagesPerFrame': 1 });
    const [session, side] = await enter(house, 'websocket');
    const { reply } = await waiting(house, session, 1);
    const long = 'x'.repeat(50_000);
    say(side, long, long, long);
    await reply;
    const frames = 'frames' in session.client ? session.client.frames : [];
    expect(frames.at(-1)?.map(({ channel }) => channel)).toEqual(['/a', '/a', '/a', '/meta/connect']);
  });
});

describe.each(transports)('messages that travel with a handshake over %s', (transport) => {
  it('are a batch of their own, which the reply names', async () => {
    const house = await serve({ allowMessageDeliveryDuringHandshake: true });
    house.bayeux.addListener('sessionAdded', (side) => {
      side.deliver(null, '/a', 'welcome');
    });
    const session = await house.knock(transport);
    expect(await session.handshake({ ext: { ack: true } })).toMatchObject({
      ext: { ack: { enabled: true, batch: 1 } },
      'x-messages': 1,
    });
    expect(session.inbox.all.map(({ channel }) => channel)).toEqual(['/meta/handshake', '/a']);
    if ('frames' in session.client) expect(session.client.frames).toHaveLength(1);
    expect(await carried(session, 0, 0)).toEqual([['welcome'], { ack: 2 }]);
    expect(await carried(session, 2, 0)).toEqual([[], { ack: 3 }]);
  });

  it('without that option wait for the first connect', async () => {
    const house = await serve();
    house.bayeux.addListener('sessionAdded', (side) => {
      side.deliver(null, '/a', 'welcome');
    });
    const session = await house.knock(transport);
    expect((await session.handshake({ ext: { ack: true } })).ext).toEqual({ ack: true });
    expect(await carried(session, 0, 0)).toEqual([['welcome'], { ack: 1 }]);
  });
});

describe.each(transports)('what is not confirmed over %s', (transport) => {
  const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);

  it('is bounded by maxQueue: what is new waits while both do not fit', async () => {
    const house = await serve({ maxQueue: 4 });
    const [session, side] = await enter(house, transport);
    say(side, 1, 2, 3);
    expect(await carried(session, 1)).toEqual([[1, 2, 3], { ack: 2 }]);
    say(side, 4);
    expect(await carried(session, 1)).toEqual([[1, 2, 3, 4], { ack: 3 }]);
    say(side, 5, 6);
    expect(await carried(session, 1)).toEqual([[1, 2, 3, 4], { ack: 4 }]);
    expect(await carried(session, 4)).toEqual([[5, 6], { ack: 5 }]);
  });

  it('is bounded by maxQueueBytes', async () => {
    const house = await serve({ maxQueueBytes: 60 });
    const [session, side] = await enter(house, transport);
    // 25 characters each.
    say(side, 11, 22);
    expect((await carried(session, 1))[0]).toEqual([11, 22]);
    say(side, 33);
    expect((await carried(session, 1))[0]).toEqual([11, 22]);
    expect((await carried(session, 3))[0]).toEqual([33]);
  });

  it('ends the session of a client that never confirms, when the queue behind is full', async () => {
    const house = await serve({ maxQueue: 3 });
    const [session, side] = await enter(house, transport);
    say(side, 1, 2, 3);
    await confirm(session, 1);
    say(side, 4, 5, 6);
    await confirm(session, 1);
    expect(side.isConnected).toBe(true);
    say(side, 7);
    expect(side.isTerminated).toBe(true);
    expect(house.bayeux.diagnostics.counters.get('limit_hit.maxQueue')).toBe(1);
    expect(await session.connect(0)).toMatchObject({ error: '402::session_unknown' });
  });

  it('leaves room for as much again in one turn, when a connect is held', async () => {
    const house = await serve({ maxQueue: 100 });
    const [session, side] = await enter(house, transport);
    const { reply } = await waiting(house, session, 1);
    say(side, ...numbers(1, 200));
    expect(side.isConnected).toBe(true);
    expect((await reply).ext).toEqual({ ack: 2 });
    expect((await carried(session, 2))[1]).toEqual({ ack: 3 });
    expect(session.inbox.events('/a').map(({ data }) => data)).toEqual(numbers(1, 200));
  });

  it('has no bound when the options say so', async () => {
    const house = await serve({ maxQueue: -1, maxQueueBytes: -1 });
    const [session, side] = await enter(house, transport);
    say(side, ...numbers(1, 1500));
    await confirm(session, 1);
    say(side, ...numbers(1501, 3000));
    expect((await carried(session, 1))[0]).toEqual(numbers(1, 3000));
  });
});

describe('a session that changes its transport', () => {
  it.each([
    ['websocket', 'long-polling'],
    ['long-polling', 'websocket'],
  ] as const)('from %s to %s loses nothing', async (from, to) => {
    const house = await serve({ trustClientSession: true });
    const [session, side] = await enter(house, from);
    say(side, 'one');
    expect((await carried(session, 1))[0]).toEqual(['one']);
    await waiting(house, session, 2);
    const other = await house.knock(to);
    other.clientId = session.clientId;
    // That reply was lost; "two" comes while nobody listens.
    say(side, 'two');
    await session.event('/a');
    await session.event('/a');
    const taken = session.inbox.all.slice(-2).map((message) => message.data ?? message.ext);
    expect(taken).toEqual(['two', { ack: 3 }]);
    say(side, 'three');
    expect(await carried(other, 2)).toEqual([['two', 'three'], { ack: 4 }]);
    expect(side.transport).toBe(to);
  });
});

describe('a server with the extension', () => {
  it('serves sessions that did not ask for it as before', async () => {
    const house = await serve();
    const session = await house.enter();
    const side = house.sideOf(session);
    const { reply } = await held(house, session);
    say(side, 'pushed');
    expect((await session.event('/a')).data).toBe('pushed');
    await session.publish('/fence', 1);
    expect(session.inbox.all.at(-1)?.channel).toBe('/fence');
    side.disconnect();
    await reply;
  });

  it('does not make local sessions wait for connects that never come', async () => {
    const { bayeux } = await serve();
    const local = bayeux.newLocalSession('local');
    await local.handshake({ ack: true });
    const heard: unknown[] = [];
    local.getChannel('/a').subscribe((_channel, message) => heard.push(message.data));
    await lodge(bayeux).getChannel('/a').publish('one');
    expect(heard).toEqual(['one']);
  });

  it('may be told twice', async () => {
    const house = await serve();
    house.bayeux.addExtension(new AcknowledgedMessagesExtension());
    const [session, side] = await enter(house, 'websocket');
    say(side, 'one');
    expect(await carried(session, 1)).toEqual([['one'], { ack: 2 }]);
  });
});

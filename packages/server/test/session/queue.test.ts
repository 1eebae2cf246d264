/** A session's queue: batches, lazy messages, bounds, the listeners around it, and who may carry what it holds. */
import type { ServerMessage, ServerOptions, ServerSession } from '@cometd-ts/server';
import type { RawSession } from '@cometd-ts/testkit';
import { describe, expect, it } from 'vitest';
import { type House, held, host, pass, stopTheClock, transports } from '../hosting.ts';

/** A session over HTTP whose client does not ask for its messages: they stay in the queue. */
async function full(options: ServerOptions): Promise<[House, RawSession, ServerSession]> {
  const house = await host(options);
  const session = await house.enter('long-polling');
  return [house, session, house.sideOf(session)];
}

/** What a client gets of its queue when it asks. */
async function drained(session: RawSession): Promise<unknown[]> {
  const before = session.inbox.all.length;
  await session.connect(0);
  return session.inbox.all.slice(before).flatMap((message) => ('data' in message ? [message.data] : []));
}

describe.each(transports)('a batch over %s', (transport) => {
  it('keeps messages back until the outermost ends', async () => {
    const house = await host();
    const session = await house.enter(transport);
    const side = house.sideOf(session);
    await held(house, session);
    side.startBatch();
    side.batch(() => {
      side.deliver(null, '/a', 1);
      side.deliver(null, '/a', 2);
    });
    await (await house.enter()).subscribe('/fence');
    expect(session.inbox.events('/a')).toEqual([]);
    expect(side.endBatch()).toBe(true);
    await session.event('/a');
    await session.event('/a');
    expect(session.inbox.events('/a').map((message) => message.data)).toEqual([1, 2]);
    if ('frames' in session.client) expect(session.client.frames.at(-1)).toHaveLength(2);
  });

  it('ends when its block throws, and cannot be ended once more', async () => {
    const house = await host();
    const side = house.sideOf(await house.enter(transport));
    expect(() =>
      side.batch(() => {
        throw new Error('broken');
      }),
    ).toThrow('broken');
    expect(() => side.endBatch()).toThrow(RangeError);
  });
});

describe.each(transports)('a lazy message over %s', (transport) => {
  it("waits for its channel's lazyTimeout, then for the shortest of those waiting", async () => {
    stopTheClock();
    const house = await host({ maxLazyTimeout: 3000 });
    const session = await house.enter(transport);
    for (const [name, lazyTimeout] of [
      ['/slow', 2000],
      ['/quick', 500],
    ] as const)
      house.bayeux.createChannelIfAbsent(name, (channel) => {
        channel.persistent = true;
        channel.lazyTimeout = lazyTimeout;
      });
    await session.subscribe(['/slow', '/quick']);
    await held(house, session);
    house.bayeux.getChannel('/slow')?.publish(null, 's');
    await pass(1000);
    house.bayeux.getChannel('/quick')?.publish(null, 'q');
    await pass(400);
    expect(session.inbox.events('/slow')).toEqual([]);
    await pass(200);
    await session.event('/quick');
    expect(session.inbox.all.slice(-3).flatMap((message) => message.data ?? [])).toEqual(['s', 'q']);
  });

  it('waits for maxLazyTimeout when its channel is only lazy, or travels at once when that is 0', async () => {
    stopTheClock();
    for (const maxLazyTimeout of [1000, 0]) {
      const house = await host({ maxLazyTimeout });
      const session = await house.enter(transport);
      house.bayeux.createChannelIfAbsent('/*', (channel) => {
        channel.lazy = true;
        channel.persistent = true;
      });
      await session.subscribe('/a');
      await held(house, session);
      house.bayeux.getChannel('/a')?.publish(null, 1);
      await pass(Math.max(maxLazyTimeout - 100, 0));
      if (maxLazyTimeout > 0) expect(session.inbox.events('/a')).toEqual([]);
      await pass(100);
      expect(await session.event('/a')).toMatchObject({ data: 1 });
    }
  });

  it('travels with any other message', async () => {
    const house = await host();
    const session = await house.enter(transport);
    house.bayeux.createChannelIfAbsent('/lazy', (channel) => {
      channel.lazy = true;
    });
    await session.subscribe(['/lazy', '/a']);
    await held(house, session);
    house.bayeux.getChannel('/lazy')?.publish(null, 'lazy');
    house.bayeux.getChannel('/a')?.publish(null, 'now');
    expect(await session.event('/a')).toMatchObject({ data: 'now' });
    expect(session.inbox.events('/lazy')).toHaveLength(1);
  });

  it('lets a connect be held, and the timer starts anew after an early flush', async () => {
    stopTheClock();
    const house = await host({ maxLazyTimeout: 1000 });
    const session = await house.enter(transport);
    const side = house.sideOf(session);
    house.bayeux.createChannelIfAbsent('/lazy', (channel) => {
      channel.lazy = true;
      channel.persistent = true;
    });
    await session.subscribe('/lazy');
    house.bayeux.getChannel('/lazy')?.publish(null, 1);
    await held(house, session);
    side.deliver(null, '/a', 'now');
    await session.event('/lazy');
    if (transport === 'long-polling') await held(house, session);
    await pass(900);
    house.bayeux.getChannel('/lazy')?.publish(null, 2);
    await pass(900);
    expect(session.inbox.events('/lazy')).toHaveLength(1);
    await pass(200);
    expect(await session.event('/lazy')).toMatchObject({ data: 2 });
  });
});

describe('laziness', () => {
  it('is not inherited from a plain parent, and is reset together with its timeout', async () => {
    const house = await host();
    const seen: [string, boolean][] = [];
    const { channel } = house.bayeux.createChannelIfAbsent('/news');
    channel.lazyTimeout = 100;
    expect(channel.lazy).toBe(true);
    const all = house.bayeux.createChannelIfAbsent('/**').channel;
    all.addListener('message', (_from, one, message) => void seen.push([one.id, message.lazy]));
    channel.publish(null, 1);
    house.bayeux.createChannelIfAbsent('/news/sport').channel.publish(null, 1);
    channel.lazy = false;
    expect(channel.lazyTimeout).toBe(-1);
    channel.publish(null, 1);
    expect(seen).toEqual([
      ['/news', true],
      ['/news/sport', false],
      ['/news', false],
    ]);
  });
});

describe('metaConnectDeliverOnly', () => {
  it.each(transports)('keeps messages for the connect reply over %s', async (transport) => {
    const house = await host({ metaConnectDeliverOnly: true });
    const session = await house.enter(transport);
    await session.subscribe('/a');
    await session.publish('/a', 1);
    expect(session.inbox.events('/a')).toEqual([]);
    await session.connect();
    expect(session.inbox.all.slice(-2)).toMatchObject([{ channel: '/a', data: 1 }, { channel: '/meta/connect' }]);
    const { reply } = await held(house, session);
    house.sideOf(session).deliver(null, '/a', 2);
    expect(await reply).toMatchObject({ successful: true });
    expect(session.inbox.all.slice(-2)).toMatchObject([{ data: 2 }, { channel: '/meta/connect' }]);
  });

  it.each(transports)('may be set for one session over %s', async (transport) => {
    const house = await host();
    const session = await house.enter(transport);
    house.sideOf(session).metaConnectDeliverOnly = true;
    await session.subscribe('/a');
    await session.publish('/a', 1);
    expect(session.inbox.events('/a')).toEqual([]);
    await session.connect();
    expect(session.inbox.events('/a')).toHaveLength(1);
  });
});

describe('queued messages over HTTP', () => {
  it('travel with any reply, while the held connect stays held', async () => {
    const house = await host();
    const session = await house.enter('long-polling');
    await session.subscribe('/a');
    let answered = false;
    const { reply } = await held(house, session);
    reply.then(
      () => {
        answered = true;
      },
      () => undefined,
    );
    await session.publish('/a', 1);
    expect(session.inbox.events('/a')).toHaveLength(1);
    await session.publish('/b', 1);
    expect(answered).toBe(false);
  });
});

describe('a queue that is full', () => {
  it.each([
    ['dropOldest', [2, 3]],
    ['dropNewest', [1, 2]],
  ] as const)('keeps its bound by %s, and counts what it drops', async (queuePolicy, kept) => {
    const [house, session, side] = await full({ maxQueue: 2, queuePolicy });
    const results = [1, 2, 3].map((data) => side.deliver(null, '/a', data));
    expect(results).toEqual([true, true, queuePolicy === 'dropOldest']);
    expect(await drained(session)).toEqual(kept);
    expect(house.bayeux.diagnostics.counters.get(`queue_dropped.${queuePolicy}`)).toBe(1);
    expect(house.bayeux.diagnostics.counters.get('limit_hit.maxQueue')).toBe(1);
  });

  it('ends the session by default, says so in the log, and counts what is lost', async () => {
    const [house, session, side] = await full({ maxQueue: 2 });
    expect([1, 2, 3].map((data) => side.deliver(null, '/a', data))).toEqual([true, true, false]);
    expect(side.isTerminated).toBe(true);
    expect(await session.connect()).toMatchObject({ error: '402::session_unknown' });
    expect(house.bayeux.diagnostics.counters.get('queue_dropped.disconnect')).toBe(3);
    expect(house.log.lines.join()).toContain('maxQueue');
  });

  it.each(transports)(
    'has a client over %s begin anew, with its next connect or the one that is held',
    async (transport) => {
      const house = await host({ maxQueue: 2, metaConnectDeliverOnly: true });
      const begin = { error: '402::session_unknown', advice: { reconnect: 'handshake', interval: 0 } };
      for (const isHeld of [false, true]) {
        const session = await house.enter(transport);
        const side = house.sideOf(session);
        await session.connect(0);
        const waiting = isHeld ? await held(house, session) : null;
        side.batch(() => {
          for (const data of [1, 2, 3]) void side.deliver(null, '/a', data);
        });
        expect(await (waiting?.reply ?? session.connect())).toMatchObject(begin);
        expect(await session.publish('/a', 1)).toMatchObject({ error: '402::session_unknown' });
        expect(session.inbox.all.filter(({ channel }) => channel === '/meta/disconnect')).toEqual([]);
        expect(session.inbox.events('/a')).toEqual([]);
      }
    },
  );

  it('by its characters takes one message of any length, and then no more', async () => {
    const [, session, side] = await full({ maxQueueBytes: 60, queuePolicy: 'dropNewest' });
    const long = 'x'.repeat(100);
    expect(side.deliver(null, '/a', long)).toBe(true);
    expect(side.deliver(null, '/a', 1)).toBe(false);
    expect(await drained(session)).toEqual([long]);
    expect(side.deliver(null, '/a', 1)).toBe(true);
  });

  it.each([
    ['maxQueue', 3, [true, true, true, false]],
    // '{"channel":"/a","data":1}' has 25 characters.
    ['maxQueueBytes', 74, [true, true, false, false]],
    ['maxQueueBytes', 75, [true, true, true, false]],
    ['maxQueueBytes', 76, [true, true, true, false]],
  ] as const)('takes exactly as much as %s = %i says', async (name, limit, taken) => {
    const [, , side] = await full({ [name]: limit, queuePolicy: 'dropNewest' });
    expect([1, 2, 3, 4].map((data) => side.deliver(null, '/a', data))).toEqual(taken);
  });

  it.each([-1, 0])('has no bound with %i', async (unbounded) => {
    const [, session, side] = await full({ maxQueue: unbounded, maxQueueBytes: unbounded });
    for (let index = 0; index < 2000; index++) expect(side.deliver(null, '/a', 'x'.repeat(1000))).toBe(true);
    expect(await drained(session)).toHaveLength(2000);
  });

  it.each([
    // '{"channel":"/a","data":1}' has 25 characters.
    [{ maxQueue: 4, maxQueueBytes: -1 }, [0.25, 0.5]],
    [{ maxQueue: 4, maxQueueBytes: 50 }, [0.5, 1]],
    [{ maxQueue: 4, maxQueueBytes: 20 }, [1.25, 1.25]],
    [{ maxQueue: -1, maxQueueBytes: -1 }, [0, 0]],
  ])('says how full it is, of %j', async (bounds, fills) => {
    const [, session, side] = await full({ ...bounds, queuePolicy: 'dropNewest' });
    expect(side.queueFill).toBe(0);
    for (const fill of fills) {
      side.deliver(null, '/a', 1);
      expect(side.queueFill).toBe(fill);
    }
    await drained(session);
    expect(side.queueFill).toBe(0);
  });

  it('asks its listeners instead, and any of them may refuse', async () => {
    const [, session, side] = await full({ maxQueue: 1 });
    const seen: unknown[] = [];
    side.addListener('queueMaxed', (_session, queue, sender, message) => {
      seen.push([queue.length, sender, message.data]);
      return message.data !== 2;
    });
    side.addListener('queueMaxed', () => true);
    expect([1, 2, 3].map((data) => side.deliver(null, '/a', data))).toEqual([true, false, true]);
    expect(seen).toEqual([
      [1, null, 2],
      [1, null, 3],
    ]);
    expect(await drained(session)).toEqual([1, 3]);
  });

  it('keeps the message when its listener throws', async () => {
    const [house, session, side] = await full({ maxQueue: 1 });
    side.addListener('queueMaxed', () => {
      throw new Error('broken');
    });
    expect([1, 2].map((data) => side.deliver(null, '/a', data))).toEqual([true, true]);
    expect(await drained(session)).toEqual([1, 2]);
    expect(house.bayeux.diagnostics.counters.get("failed.session listener 'queueMaxed'")).toBe(1);
  });

  it('may be changed by its listener, and counts its characters anew', async () => {
    const [, session, side] = await full({ maxQueueBytes: 60 });
    let asked = 0;
    side.addListener('queueMaxed', (_session, queue) => {
      asked++;
      queue.splice(0);
      return true;
    });
    // Two fit; each third one empties the queue.
    for (let data = 1; data <= 6; data++) expect(side.deliver(null, '/a', data)).toBe(true);
    expect(asked).toBe(2);
    expect(await drained(session)).toEqual([5, 6]);
  });

  it('may be left by the session from within its listener', async () => {
    const [house, , side] = await full({ maxQueue: 1 });
    side.addListener('queueMaxed', (session) => {
      session.disconnect();
      return false;
    });
    expect([1, 2, 3].map((data) => side.deliver(null, '/a', data))).toEqual([true, false, false]);
    expect(house.bayeux.sessions).toEqual([]);
  });

  it('is emptied onto the wire first when the client can take it', async () => {
    const house = await host({ maxQueue: 10 });
    const session = await house.enter();
    const side = house.sideOf(session);
    for (let index = 0; index < 100; index++) side.deliver(null, '/a', index);
    for (let index = 0; index < 100; index++) expect(await session.event('/a')).toMatchObject({ data: index });
    expect(side.isConnected).toBe(true);
  });
});

describe('listeners of the queue', () => {
  it('hear what is queued, and may change what is taken together with its replies', async () => {
    const [, session, side] = await full({});
    const seen: unknown[] = [];
    side.addListener('queued', (sender, message) => seen.push(['queued', sender, message.data]));
    side.addListener('deQueue', (_session, queue, replies) => {
      seen.push(['deQueue', queue.map((message) => message.data), replies.map((reply) => reply.channel)]);
      queue.reverse();
      queue.splice(1, 1);
    });
    for (const data of [1, 2, 3]) side.deliver(null, '/a', data);
    expect(await drained(session)).toEqual([3, 1]);
    expect(seen).toEqual([
      ['queued', null, 1],
      ['queued', null, 2],
      ['queued', null, 3],
      ['deQueue', [1, 2, 3], ['/meta/connect']],
    ]);
  });

  it('may empty the queue, and a connect is held afterwards', async () => {
    const [house, session, side] = await full({});
    const registration = side.addListener('deQueue', (_session, queue) => void queue.splice(0));
    side.deliver(null, '/a', 1);
    expect(await drained(session)).toEqual([]);
    registration.remove();
    const { reply } = await held(house, session);
    side.disconnect();
    await reply;
  });

  it('may add to an empty queue', async () => {
    const [, session, side] = await full({});
    const messages: ServerMessage[] = [];
    side.addListener('queued', (_sender, message) => void messages.push(message));
    side.deliver(null, '/a', 'again');
    await drained(session);
    side.addListener('deQueue', (_session, queue) => void queue.push(...messages.splice(0)));
    expect(await drained(session)).toEqual(['again']);
  });
});

/** A WebSocket connection: what shares a frame, what waits for what, and a session that changes connections. */
import { once } from 'node:events';
import type { RawSession, RawWebSocket, WireMessage } from '@cometd-ts/testkit';
import { describe, expect, it } from 'vitest';
import { caller, FrameLine, handshakeText, hold, poller, queueOf, removal, serve, talker } from './visitors.ts';

type Server = Awaited<ReturnType<typeof serve>>;
type Caller = RawSession<RawWebSocket>;

const inside = (server: Server, session: RawSession) => {
  const found = server.bayeux.getSession(session.clientId);
  if (!found) throw new Error('the session is gone');
  return found;
};
/** What each frame since the given one carried: data of events, ids of replies. */
const carried = (session: Caller, from: number) =>
  session.client.frames.slice(from).map((frame) => frame.map((message) => message.data ?? `#${message.id}`));

describe('one frame', () => {
  it('carries the events of a turn together, in order', async () => {
    const server = await serve();
    const session = await talker(server);
    const before = session.client.frames.length;
    for (const data of [1, 2, 3, 4]) inside(server, session).deliver(null, '/a', data);
    await session.event('/a');
    expect(carried(session, before)).toEqual([[1, 2, 3, 4]]);
  });

  it('carries all replies to one incoming frame, behind the events', async () => {
    const server = await serve();
    const session = await talker(server);
    await session.subscribe('/a');
    const before = session.client.frames.length;
    const messages = [1, 2].map((data) => session.message('/a', { data }));
    await session.ask(...messages);
    expect(carried(session, before)).toEqual([[1, 2], messages.map(({ id }) => `#${id}`)]);
  });

  it.each([
    [1, [[1], [2], [3], [4], [5]]],
    [2, [[1, 2], [3, 4], [5]]],
    [5, [[1, 2, 3, 4, 5]]],
    [0, [[1, 2, 3, 4, 5]]],
    [-1, [[1, 2, 3, 4, 5]]],
  ])('carries with messagesPerFrame %i of five: %j', async (messagesPerFrame, frames) => {
    const server = await serve({ messagesPerFrame });
    const session = await talker(server);
    const before = session.client.frames.length;
    for (const data of [1, 2, 3, 4, 5]) inside(server, session).deliver(null, '/a', data);
    await session.inbox.next(({ data }) => data === 5);
    expect(carried(session, before)).toEqual(frames);
  });

  it('holds 8 KiB of messages; a larger one travels alone', async () => {
    const server = await serve();
    const session = await talker(server);
    const before = session.client.frames.length;
    const envelope = '{"channel":"/a","data":""}'.length;
    const sizes = [4_096, 4_093, 1_000, 20_000, 10, 10];
    for (const [index, size] of sizes.entries())
      inside(server, session).deliver(null, '/a', String(index).padEnd(size - envelope, '.'));
    await session.inbox.next(({ data }) => String(data).startsWith('5'));
    const frames = session.client.frames.slice(before);
    expect(frames.map((frame) => frame.map(({ data }) => Number(String(data).charAt(0))))).toEqual([
      [0, 1],
      [2],
      [3],
      [4, 5],
    ]);
  });

  it('is the handshake reply’s own, whatever is queued behind it', async () => {
    const server = await serve({ allowMessageDeliveryDuringHandshake: true });
    server.bayeux.addListener('sessionAdded', (session) => {
      for (const data of [1, 2]) session.deliver(null, '/hello', data);
    });
    const session = await caller(server);
    const reply = await session.handshake();
    await session.event('/hello');
    expect(reply['x-messages']).toBe(2);
    expect(carried(session, 0)).toEqual([['#1'], [1, 2]]);
  });
});

describe('between the handshake and the next message', () => {
  it('nothing is pushed; then everything, before any connect', async () => {
    const server = await serve();
    const session = await caller(server);
    await session.handshake();
    inside(server, session).deliver(null, '/hello', 'early');
    const { id } = await session.publish('/x', 1);
    await session.event('/hello');
    expect(carried(session, 1).flat().sort()).toEqual([`#${id}`, 'early']);
    inside(server, session).deliver(null, '/hello', 'pushed');
    expect((await session.event('/hello')).data).toBe('pushed');
  });
});

describe('a connect that is held', () => {
  it('stays held when events are pushed', async () => {
    const server = await serve();
    const session = await talker(server);
    const held = await hold(server, session);
    inside(server, session).deliver(null, '/a', 1);
    await session.event('/a');
    await session.publish('/x', 'still on hold');
    expect(session.client.frames.flat().filter(({ channel }) => channel === '/meta/connect')).toHaveLength(1);
    await session.disconnect();
    expect(await held.reply).toMatchObject({ successful: true, advice: { reconnect: 'none' } });
  });

  it('is answered with the events when they travel with connects only', async () => {
    const server = await serve({ metaConnectDeliverOnly: true });
    const session = await talker(server);
    const held = await hold(server, session);
    const before = session.client.frames.length;
    inside(server, session).deliver(null, '/a', 1);
    const { id } = await held.reply;
    expect(carried(session, before).flat()).toEqual([1, `#${id}`]);
    inside(server, session).deliver(null, '/a', 2);
    await session.publish('/x', 'nothing is pushed');
    expect(session.inbox.events('/a')).toHaveLength(1);
  });

  it('does not hold the replies to its neighbours back', async () => {
    const server = await serve();
    const session = await talker(server);
    const connect = session.message('/meta/connect', { connectionType: 'websocket' });
    const publish = session.message('/x', { data: 1 });
    session.client.post([connect, publish]);
    expect(await session.inbox.reply(publish.id ?? '')).toMatchObject({ successful: true });
    expect(session.inbox.all.some(({ id }) => id === connect.id)).toBe(false);
  });

  it('is replaced by a newer one, and never answered', async () => {
    const server = await serve();
    const session = await talker(server);
    await hold(server, session);
    const newer = await session.connect(0);
    await session.publish('/x', 1);
    const connects = session.inbox.all.filter(({ channel }) => channel === '/meta/connect');
    expect(connects).toHaveLength(2);
    expect(connects.at(-1)).toEqual(newer);
  });
});

describe('the frames of a connection', () => {
  it('are processed one after another, however long the application thinks', async () => {
    const server = await serve();
    const session = await talker(server);
    const order: unknown[] = [];
    const { channel } = server.bayeux.createChannelIfAbsent('/slow');
    channel.addListener('message', async (_from, _channel, message) => {
      order.push(`begin ${message.data}`);
      for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
      order.push(`end ${message.data}`);
      return true;
    });
    const messages = [1, 2, 3].map((data) => session.message('/slow', { data }));
    for (const message of messages) session.client.post([message]);
    const replies = await Promise.all(messages.map(({ id }) => session.inbox.reply(id ?? '')));
    expect(replies.every(({ successful }) => successful)).toBe(true);
    expect(order).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3']);
  });
});

describe('a session', () => {
  it('belongs to its connection: a message in the name of another one is 402', async () => {
    const server = await serve();
    const [session, other] = [await talker(server), await talker(server)];
    const [reply] = await session.client.send([other.message('/x', { data: 1, id: 'foreign' })]);
    expect(reply).toMatchObject({ successful: false, error: '402::session_unknown' });
  });

  it('gives way to a new one that handshakes on its connection', async () => {
    const server = await serve();
    const session = await talker(server);
    const older = session.clientId;
    await session.handshake();
    expect(session.clientId).not.toBe(older);
    expect((await session.connect(0)).successful).toBe(true);
    const [reply] = await session.client.send([session.message('/x', { data: 1, clientId: older, id: 'late' })]);
    expect(reply?.error).toBe('402::session_unknown');
  });

  it('that has left is nobody on its connection, until it handshakes again', async () => {
    const server = await serve();
    const session = await talker(server);
    await session.disconnect();
    expect((await session.connect(0)).advice).toMatchObject({ reconnect: 'handshake' });
    expect((await session.handshake()).successful).toBe(true);
  });

  it('goes on when its connection is cut, and gets on the next one what was published meanwhile', async () => {
    const server = await serve();
    const session = await talker(server);
    await session.subscribe('/news');
    await hold(server, session);
    await cut(server, session);
    const { channel } = server.bayeux.createChannelIfAbsent('/news');
    for (const data of [1, 2, 3]) channel.publish(null, data);
    const again = await caller(server);
    again.clientId = session.clientId;
    await again.connect(0);
    await again.event('/news');
    expect(again.inbox.events('/news').map(({ data }) => data)).toEqual([1, 2, 3]);
  });

  it('expires maxInterval after its connection is cut, held connect or not', async () => {
    const server = await serve({ maxInterval: 150, sweepPeriod: 10 });
    for (const isHeld of [true, false]) {
      const session = await talker(server);
      const gone = removal(server, session);
      if (isHeld) await hold(server, session);
      const since = performance.now();
      session.client.drop();
      expect(await gone).toEqual({ timeout: true });
      if (isHeld) expect(performance.now() - since).toBeGreaterThan(140);
    }
  });

  it('can only be used where it handshook with requireHandshakePerConnection', async () => {
    const server = await serve({ requireHandshakePerConnection: true });
    const session = await talker(server);
    const again = await caller(server);
    again.clientId = session.clientId;
    expect(await again.connect(0)).toMatchObject({
      error: '402::session_unknown',
      advice: { reconnect: 'handshake' },
    });
    expect((await session.connect(0)).successful).toBe(true);
  });

  it('loses and repeats nothing while it hops from connection to connection under fire', async () => {
    const server = await serve();
    let session = await talker(server);
    const received: unknown[] = [];
    const collect = ({ client }: Caller) => {
      received.push(...client.frames.flat().flatMap(({ channel, data }) => (channel === '/count' ? [data] : [])));
    };
    const { clientId } = session;
    await session.subscribe('/count');
    const { channel } = server.bayeux.createChannelIfAbsent('/count');
    let count = 0;
    const fire = (): void => {
      for (let shot = 0; shot < 5; shot++) channel.publish(null, count++);
    };
    for (let hop = 0; hop < 20; hop++) {
      const next = await caller(server);
      next.clientId = clientId;
      fire();
      // Published before, in, and after the turn in which the new connection is heard of.
      const moved = next.connect(0);
      fire();
      await moved;
      fire();
      // The older connection is still open: what was written to it has arrived when it has answered a ping.
      const pong = once(session.client.socket, 'pong');
      session.client.socket.ping();
      await pong;
      collect(session);
      await session.close();
      session = next;
    }
    await session.inbox.next(({ data }) => data === count - 1);
    collect(session);
    expect(received).toEqual(Array.from({ length: count }, (_, index) => index));
  });

  it('moves to long-polling and back', async () => {
    const server = await serve({ trustClientSession: true });
    const socket = await talker(server);
    await socket.subscribe('/news');
    const polling = await poller(server);
    await polling.disconnect();
    polling.clientId = socket.clientId;
    const held = await hold(server, polling);
    inside(server, polling).deliver(null, '/news', 'by HTTP');
    await held.reply;
    expect((await polling.event('/news')).data).toBe('by HTTP');
    await socket.connect(0);
    inside(server, socket).deliver(null, '/news', 'by WebSocket');
    expect((await socket.event('/news')).data).toBe('by WebSocket');
    expect(socket.inbox.events('/news')).toHaveLength(1);
  });
});

describe('a peer that does not read', () => {
  /** A session whose client has stopped reading, and whose socket is full. */
  async function deaf(server: Server): Promise<{ peer: FrameLine; clientId: string; fill: () => void }> {
    const peer = await FrameLine.open(server.port);
    const [text = '[]'] = await peer.send(handshakeText).texts(1);
    const [{ clientId = '' } = {}] = JSON.parse(text) as WireMessage[];
    peer.send([{ id: '2', channel: '/meta/connect', clientId, connectionType: 'websocket', advice: { timeout: 0 } }]);
    await peer.texts(2);
    peer.line.socket.pause();
    const { channel } = server.bayeux.createChannelIfAbsent('/flood');
    return { peer, clientId, fill: () => void channel.publish(null, 'x'.repeat(50_000)) };
  }

  /** Publishes once a turn until it is so. */
  async function floodUntil(fill: () => void, isSo: () => boolean): Promise<void> {
    for (let turn = 0; !isSo(); turn++) {
      if (turn > 2_000) throw new Error('it never came to that');
      fill();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  const subscribe = (peer: FrameLine, clientId: string) =>
    peer.send([{ id: '3', channel: '/meta/subscribe', clientId, subscription: '/flood' }]);
  const subscribed = (server: Server) =>
    new Promise<void>((resolve) => void server.bayeux.addListener('subscribed', () => resolve()));

  it('gets a bounded queue, and then the policy: it is disconnected', async () => {
    const server = await serve({ maxQueue: 20, maxQueueBytes: -1 });
    const { peer, clientId, fill } = await deaf(server);
    const ready = subscribed(server);
    subscribe(peer, clientId);
    await ready;
    let longest = 0;
    await floodUntil(fill, () => {
      longest = Math.max(longest, queueOf(server, clientId).length);
      return server.bayeux.getSession(clientId) === undefined;
    });
    expect(longest).toBeGreaterThan(10);
    expect(longest).toBeLessThanOrEqual(20);
    expect(server.bayeux.diagnostics.counters.get('limit_hit.maxQueue')).toBe(1);
  });

  it('hears as soon as it reads again that its session is over, and that it may begin anew', async () => {
    const server = await serve({ maxQueue: 20, maxQueueBytes: -1 });
    const { peer, clientId, fill } = await deaf(server);
    const session = server.bayeux.getSession(clientId);
    const ready = Promise.all([
      subscribed(server),
      new Promise<void>((resolve) => void session?.addListener('suspended', () => resolve())),
    ]);
    subscribe(peer, clientId).send([{ id: '4', channel: '/meta/connect', clientId, connectionType: 'websocket' }]);
    await ready;
    await floodUntil(fill, () => session?.isTerminated === true);
    peer.line.socket.resume();
    await peer.line.when(() => peer.line.received.includes('"id":"4"'));
    const replies = peer.frames.flatMap(({ payload }) => JSON.parse(payload.toString()) as WireMessage[]);
    expect(replies.at(-1)).toMatchObject({
      id: '4',
      error: '402::session_unknown',
      advice: { reconnect: 'handshake' },
    });
  });

  it('keeps only the newest with dropOldest, and reads them when it reads again', async () => {
    const server = await serve({ maxQueue: 5, maxQueueBytes: -1, queuePolicy: 'dropOldest' });
    const { peer, clientId, fill } = await deaf(server);
    const ready = subscribed(server);
    subscribe(peer, clientId);
    await ready;
    const dropped = () => server.bayeux.diagnostics.counters.get('queue_dropped.dropOldest') ?? 0;
    await floodUntil(fill, () => dropped() > 10);
    server.bayeux.getSession(clientId)?.deliver(null, '/last', 'words');
    peer.line.socket.resume();
    expect(await peer.line.until('"words"')).toContain('"words"');
    peer.send([{ id: '9', channel: '/x', clientId, data: 1 }]);
    expect(await peer.line.until('"id":"9"')).toContain('"successful":true');
  });

  it('does not keep its neighbours waiting, nor cost more memory the more is published', async () => {
    const server = await serve({ maxQueue: 5, maxQueueBytes: -1, queuePolicy: 'dropNewest' });
    const { peer, clientId, fill } = await deaf(server);
    const neighbour = await talker(server);
    await neighbour.subscribe('/flood');
    const ready = subscribed(server);
    subscribe(peer, clientId);
    await ready;
    const dropped = () => server.bayeux.diagnostics.counters.get('queue_dropped.dropNewest') ?? 0;
    await floodUntil(fill, () => dropped() > 0);
    const before = neighbour.inbox.events('/flood').length;
    for (let shot = 0; shot < 10; shot++) {
      fill();
      await neighbour.event('/flood');
    }
    await neighbour.publish('/x', 'everything before has arrived');
    expect(neighbour.inbox.events('/flood').length).toBeGreaterThanOrEqual(before + 10);
    expect(queueOf(server, clientId)).toHaveLength(5);
  });

  it('is not read from either: what it sends waits', async () => {
    const server = await serve({ maxQueue: -1, maxQueueBytes: -1, maxPublishRate: -1 });
    const { peer, clientId } = await deaf(server);
    const request = (id: number) => [{ id: String(id), channel: '/service/none', clientId, data: 'x'.repeat(10_000) }];
    const echo = server.bayeux.createChannelIfAbsent('/service/none').channel;
    let heard = 0;
    let heardAll: (() => void) | undefined;
    echo.addListener('message', (from) => {
      if (++heard === 1_000) heardAll?.();
      from?.deliver(null, '/answer', 'y'.repeat(20_000));
    });
    for (let id = 0; id < 1_000; id++) peer.send(request(id));
    // It stands still when nothing is read any more for some turns.
    for (let quiet = 0, last = -1; quiet < 50; quiet = heard === last ? quiet + 1 : 0) {
      last = heard;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(heard).toBeLessThan(1_000);
    await new Promise<void>((resolve) => {
      heardAll = resolve;
      peer.line.socket.resume();
    });
  });
});

/** Cuts the connection of a session; resolves when the server knows. */
async function cut(server: Server, session: Caller): Promise<void> {
  const sockets = new Promise<void>((resolve) => {
    const look = (): void => {
      server.listener.getConnections((_error, count) => (count === 0 ? resolve() : void setImmediate(look)));
    };
    look();
  });
  session.client.drop();
  await sockets;
}

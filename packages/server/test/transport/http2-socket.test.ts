/** WebSocket over HTTP/2, in clear and over TLS, as Chromium opens it on pages that came by HTTP/2. RFC 8441. */
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { ServerOptions } from '@cometd-ts/server';
import type { Launched, WireMessage } from '@cometd-ts/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { handshakeText, queueOf, serve } from './visitors.ts';
import { BINARY, CLOSE, closeCode, framesOf, maskedFrame, PING, PONG, TEXT } from './wire.ts';

/** One stream of a session, with frames of its own making in it. */
class StreamPeer {
  readonly stream: ClientHttp2Stream;
  status = 0;
  clientId = '';
  #received: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream;
    stream.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    stream.on('close', () => this.#wake());
    stream.on('error', () => undefined);
  }

  get frames() {
    return framesOf(this.#received).frames;
  }

  get messages(): WireMessage[] {
    return this.frames
      .filter(({ opcode }) => opcode === TEXT)
      .flatMap(({ payload }) => JSON.parse(payload.toString()) as WireMessage[]);
  }

  send(...messages: WireMessage[]): void {
    const own = messages.map((message) => ({ clientId: this.clientId, ...message }));
    this.stream.write(maskedFrame(TEXT, JSON.stringify(own)));
  }

  async when<Value>(look: () => Value | undefined): Promise<Value> {
    for (let found = look(); ; found = look()) {
      if (found !== undefined) return found;
      if (this.stream.closed) throw new Error('the stream was closed');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  next(wants: (message: WireMessage) => boolean): Promise<WireMessage> {
    return this.when(() => this.messages.find(wants));
  }
}

async function sessionTo(server: Launched): Promise<ClientHttp2Session> {
  const session = connect(new URL(server.url).origin, { rejectUnauthorized: false });
  onTestFinished(() => void session.destroy());
  const [settings] = await once(session, 'remoteSettings');
  expect(settings.enableConnectProtocol).toBe(true);
  return session;
}

async function open(
  session: ClientHttp2Session,
  path = '/cometd',
  headers: Readonly<Record<string, string>> = {},
): Promise<StreamPeer> {
  const stream = session.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'https',
    ':path': path,
    'sec-websocket-version': '13',
    ...headers,
  });
  const peer = new StreamPeer(stream);
  const [answer] = await once(stream, 'response');
  peer.status = answer[':status'];
  return peer;
}

/** A stream with a session that has connected. */
async function talker(session: ClientHttp2Session): Promise<StreamPeer> {
  const peer = await open(session);
  expect(peer.status).toBe(200);
  peer.stream.write(maskedFrame(TEXT, handshakeText));
  const { clientId } = await peer.next(({ channel }) => channel === '/meta/handshake');
  peer.clientId = clientId ?? '';
  peer.send({ id: '2', channel: '/meta/connect', advice: { timeout: 0 } });
  await peer.next(({ id }) => id === '2');
  return peer;
}

describe.each(['http2', 'http2s'] as const)('WebSocket over %s', (scheme) => {
  const start = async (options: ServerOptions = {}) => {
    const server = await serve(options, { scheme });
    return { server, session: await sessionTo(server) };
  };

  it('carries many sessions over one connection, and their events', async () => {
    const { server, session } = await start();
    const peers = await Promise.all([1, 2, 3].map(() => talker(session)));
    for (const peer of peers) {
      peer.send({ id: '3', channel: '/meta/subscribe', subscription: '/news' });
      await peer.next(({ id }) => id === '3');
    }
    peers[0]?.send({ id: '4', channel: '/news', data: 'ünï' });
    for (const peer of peers)
      expect(await peer.next(({ channel, data }) => channel === '/news' && data !== undefined)).toMatchObject({
        data: 'ünï',
      });
    expect(server.bayeux.sessions.map(({ transport }) => transport)).toEqual(['websocket', 'websocket', 'websocket']);
  });

  it('answers pings, and closes with the codes of WebSocket', async () => {
    const { session } = await start();
    const peer = await open(session);
    peer.stream.write(maskedFrame(PING, 'hello'));
    const pong = await peer.when(() => peer.frames.find(({ opcode }) => opcode === PONG));
    expect(pong.payload.toString()).toBe('hello');
    peer.stream.write(maskedFrame(BINARY, '[]'));
    expect(closeCode(await peer.when(() => peer.frames.find(({ opcode }) => opcode === CLOSE)))).toBe(1003);
  });

  it('selects the subprotocol, or refuses the stream without it', async () => {
    const { session } = await start({ protocol: 'bayeux' });
    expect((await open(session)).status).toBe(400);
    expect((await open(session, '/cometd', { 'sec-websocket-protocol': 'a, bayeux' })).status).toBe(200);
  });

  it('is refused to foreign origins, where nothing is served, and for what is no WebSocket', async () => {
    const { server, session } = await start();
    expect((await open(session, '/cometd', { origin: 'https://evil.example' })).status).toBe(403);
    expect((await open(session, '/cometd', { origin: new URL(server.url).origin })).status).toBe(200);
    expect((await open(session, '/elsewhere')).status).toBe(405);
    expect((await open(session, '/cometd', { ':protocol': 'other' })).status).toBe(405);
  });

  it('outlives a stream that is reset: the session goes on in another one', async () => {
    const { server, session } = await start();
    const peer = await talker(session);
    peer.send({ id: '3', channel: '/meta/subscribe', subscription: '/news' });
    await peer.next(({ id }) => id === '3');
    peer.stream.close(8);
    await once(peer.stream, 'close');
    const again = await open(session);
    again.clientId = peer.clientId;
    again.send({ id: '4', channel: '/meta/connect', advice: { timeout: 0 } });
    expect(await again.next(({ id }) => id === '4')).toMatchObject({ successful: true });
    server.bayeux.createChannelIfAbsent('/news').channel.publish(null, 'again');
    expect((await again.next(({ channel }) => channel === '/news')).data).toBe('again');
    expect([...server.bayeux.diagnostics.counters.keys()].filter((name) => name.startsWith('failed'))).toEqual([]);
  });

  it('bounds the queue behind a stream that is not read, and serves its neighbours', async () => {
    const { server, session } = await start({ maxQueue: 5, maxQueueBytes: -1, queuePolicy: 'dropNewest' });
    const [deaf, neighbour] = [await talker(session), await talker(session)];
    for (const peer of [deaf, neighbour]) {
      peer.send({ id: '3', channel: '/meta/subscribe', subscription: '/flood' });
      await peer.next(({ id }) => id === '3');
    }
    deaf.stream.pause();
    const { channel } = server.bayeux.createChannelIfAbsent('/flood');
    const dropped = () => server.bayeux.diagnostics.counters.get('queue_dropped.dropNewest') ?? 0;
    let count = 0;
    const heard = () => neighbour.messages.some(({ data }) => data === `${count}`.padEnd(20_000)) || undefined;
    while (dropped() === 0) {
      if (++count > 500) throw new Error('the queue does not fill');
      channel.publish(null, `${count}`.padEnd(20_000));
      await neighbour.when(heard);
    }
    expect(queueOf(server, deaf.clientId)).toHaveLength(5);
    deaf.stream.resume();
    deaf.send({ id: '9', channel: '/x', data: 1 });
    expect(await deaf.next(({ id }) => id === '9')).toMatchObject({ successful: true });
  });

  it('closes with 1012 when the server stops', async () => {
    const { server, session } = await start();
    const peer = await talker(session);
    await server.bayeux.stop();
    expect(closeCode(await peer.when(() => peer.frames.find(({ opcode }) => opcode === CLOSE)))).toBe(1012);
  });
});

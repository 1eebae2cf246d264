/** A session works the same over HTTP/1.1 and HTTP/2, in clear and over TLS, through every transport that fits. */
import { type Launched, launch, openSession, RawHttp, RawSession, type Scheme } from '@cometd-ts/testkit';
import { afterEach, describe, expect, it } from 'vitest';

describe.each<[Scheme, { http2: boolean; websocket: boolean }]>([
  ['http', { http2: false, websocket: true }],
  ['https', { http2: false, websocket: true }],
  ['http2', { http2: true, websocket: false }],
  ['http2s', { http2: true, websocket: true }],
])('over %s', (scheme, { http2, websocket }) => {
  let server: Launched | undefined;
  const sessions: RawSession[] = [];
  afterEach(async () => {
    await Promise.all(sessions.splice(0).map((session) => session.close()));
    await server?.close();
  });

  const open = async (options = {}) => {
    server = await launch({ scheme, options });
    return server.url;
  };
  const keep = (session: RawSession) => {
    sessions.push(session);
    return session;
  };
  const talk = async (listener: RawSession, speaker: RawSession) => {
    for (const session of [listener, speaker]) {
      expect((await session.handshake()).successful).toBe(true);
      await session.connect(0);
    }
    await listener.subscribe('/news');
    const held = listener.connect(5000).catch((error: Error) => error);
    await speaker.publish('/news', 'ünï');
    expect((await listener.event('/news')).data).toBe('ünï');
    await listener.disconnect();
    await held;
    expect((await speaker.disconnect()).successful).toBe(true);
    expect(server?.bayeux.sessions).toEqual([]);
  };

  it('long-polling carries events', async () => {
    const url = await open();
    const client = () => keep(new RawSession(new RawHttp(url, { http2 })));
    await talk(client(), client());
  });

  it('callback-polling carries events', async () => {
    const url = await open({ allowedTransports: ['long-polling', 'callback-polling'] });
    const client = new RawHttp(url, { http2 });
    const speaker = keep(new RawSession(new RawHttp(url, { http2 })));
    await speaker.handshake();
    const [reply] = (await client.jsonp([{ id: '1', channel: '/meta/handshake', version: '1.0' }])).messages ?? [];
    const message = (id: string, channel: string, fields: object) => ({
      id,
      channel,
      clientId: reply?.clientId,
      ...fields,
    });
    await client.jsonp([message('2', '/meta/connect', { connectionType: 'callback-polling' })]);
    await client.jsonp([message('3', '/meta/subscribe', { subscription: '/news' })]);
    const held = client.jsonp([message('4', '/meta/connect', { connectionType: 'callback-polling' })]);
    await speaker.publish('/news', 'hello');
    expect((await held).messages).toMatchObject([
      { channel: '/news', data: 'hello' },
      { id: '4', successful: true },
    ]);
    await client.close();
  });

  it.runIf(http2)('two sessions of one browser each hold a connect', async () => {
    const url = await open();
    const first = keep(new RawSession(new RawHttp(url, { http2 })));
    await first.handshake();
    const second = keep(new RawSession(new RawHttp(url, { http2 })));
    const jar = (second.client as RawHttp).jar;
    for (const [name, value] of (first.client as RawHttp).jar) jar.set(name, value);
    await second.handshake();
    for (const session of [first, second]) await session.connect(0);
    const held = first.connect(5000);
    await first.publish('/unheard', 'the connect is on hold now');
    const reply = await second.connect(0);
    expect(reply.advice).toMatchObject({ interval: 0 });
    expect(reply.advice).not.toHaveProperty('multiple-clients');
    await first.disconnect();
    await held;
  });

  it.runIf(websocket)('a WebSocket carries events', async () => {
    const url = await open();
    await talk(keep(await openSession('websocket', url)), keep(await openSession('websocket', url)));
  });

  it.runIf(websocket)('a session moves from long-polling to WebSocket', async () => {
    const url = await open();
    const polling = keep(new RawSession(new RawHttp(url, { http2 })));
    await polling.handshake();
    await polling.connect(0);
    await polling.subscribe('/news');
    const socket = keep(await openSession('websocket', url));
    socket.clientId = polling.clientId;
    expect((await socket.connect(0)).successful).toBe(true);
    await socket.publish('/news', 'moved');
    expect((await socket.event('/news')).data).toBe('moved');
  });
});

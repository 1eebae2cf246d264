/** The WebSocket door: which upgrades it takes, which frames, and the code it closes with when it does not. */
import { RawHttp, RawWebSocket } from '@cometd-ts/testkit';
import { describe, expect, it } from 'vitest';
import { caller, FrameLine, handshakeText, Line, serve, talker } from './visitors.ts';
import { BINARY, CLOSE, maskedFrame, PING, TEXT, upgradeRequest } from './wire.ts';

const counters = (server: Awaited<ReturnType<typeof serve>>) => Object.fromEntries(server.bayeux.diagnostics.counters);

/** The status an upgrade is answered with. */
async function statusOf(port: number, request: string): Promise<number> {
  const line = await Line.dial(port);
  const text = await line.send(request).until('\r\n\r\n');
  return Number(text.slice('HTTP/1.1 '.length).split(' ')[0]);
}

describe('an upgrade', () => {
  it.each([
    ['/cometd', 101],
    ['/cometd/', 101],
    ['/cometd/handshake?a=b', 101],
    ['/cometdx', 404],
    ['/', 404],
    ['*', 404],
  ])('of %s is answered %i', async (path, status) => {
    expect(await statusOf((await serve()).port, upgradeRequest(path))).toBe(status);
  });

  it.each([
    ['/ws, /cometd/socket/*', '/ws', 101],
    ['/ws, /cometd/socket/*', '/cometd/socket', 101],
    ['/ws, /cometd/socket/*', '/cometd', 404],
    ['ws', '/ws', 101],
    ['ws', '/ws/x', 404],
  ])('with cometdURLMapping %j of %s is answered %i', async (cometdURLMapping, path, status) => {
    expect(await statusOf((await serve({ cometdURLMapping })).port, upgradeRequest(path))).toBe(status);
  });

  it.each([
    ['without a key', { 'sec-websocket-key': undefined }],
    ['with a bad key', { 'sec-websocket-key': 'short' }],
    ['of an unknown version', { 'sec-websocket-version': '12' }],
    ['to something else', { upgrade: 'h2c' }],
  ])('%s is a bad request', async (_name, headers) => {
    const server = await serve();
    expect([400, 426]).toContain(await statusOf(server.port, upgradeRequest('/cometd', headers)));
  });

  it('when the transport is not allowed is a bad request', async () => {
    const server = await serve({ allowedTransports: ['long-polling'] });
    expect(await statusOf(server.port, upgradeRequest())).toBe(400);
  });

  it('by POST is none, and harms nobody', async () => {
    const server = await serve();
    const request = upgradeRequest().replace('GET', 'POST');
    expect(await statusOf(server.port, request)).toBeGreaterThanOrEqual(400);
    expect((await new RawHttp(server.url).post(handshakeText)).status).toBe(200);
  });

  it('twice on one connection is a frame error', async () => {
    const server = await serve();
    const peer = await FrameLine.open(server.port);
    peer.line.send(upgradeRequest());
    expect([1002, 1006]).toContain(await peer.closed());
  });

  it('cut off anywhere harms nobody', async () => {
    const server = await serve();
    const bytes = Buffer.concat([Buffer.from(upgradeRequest()), maskedFrame(TEXT, handshakeText)]);
    for (let length = 1; length < bytes.length; length += 3) {
      const line = await Line.dial(server.port);
      line.send(bytes.subarray(0, length)).socket.resetAndDestroy();
    }
    expect((await (await caller(server)).handshake()).successful).toBe(true);
    expect(Object.keys(counters(server)).filter((name) => name.startsWith('failed'))).toEqual([]);
  });

  it('may bring its first frame along', async () => {
    const line = await Line.dial((await serve()).port);
    line.send(Buffer.concat([Buffer.from(upgradeRequest()), maskedFrame(TEXT, handshakeText)]));
    expect(await line.until('"successful"')).toContain('"successful":true');
  });

  it.each([
    ['Sec-WebSocket-Extensions', `a; b="${'\\c'.repeat(6_000)}`],
    ['Sec-WebSocket-Protocol', `a${' '.repeat(12_000)}b`],
  ])('with an endless %s is answered at once', async (name, value) => {
    const server = await serve();
    const since = performance.now();
    await statusOf(server.port, upgradeRequest('/cometd', { [name]: value }));
    expect(performance.now() - since).toBeLessThan(200);
  });
});

describe('the subprotocol', () => {
  it('is not selected when none is asked for', async () => {
    const line = await Line.dial((await serve()).port);
    line.send(upgradeRequest('/cometd', { 'sec-websocket-protocol': 'a, b' }));
    const answer = (await line.until('\r\n\r\n')).toLowerCase();
    expect(answer).toContain('http/1.1 101');
    expect(answer).not.toContain('sec-websocket-protocol');
  });

  it('is the one of the option, when the client offers it', async () => {
    const server = await serve({ protocol: 'bayeux' });
    const { client } = await caller(server, { subprotocols: ['a', 'bayeux'] });
    expect(client.socket.protocol).toBe('bayeux');
  });

  it.each([[[]], [['a', 'b']], [['bayeux2']]])('must be offered: with %o the upgrade is refused', async (offered) => {
    const server = await serve({ protocol: 'bayeux' });
    await expect(RawWebSocket.open(server.url, { subprotocols: offered })).rejects.toThrow('400');
  });
});

describe('a connection is closed', () => {
  const session = JSON.parse(handshakeText)[0] as object;
  it.each<[string, number, Buffer]>([
    ['a binary frame', 1003, maskedFrame(BINARY, handshakeText)],
    ['a text that is no JSON', 1007, maskedFrame(TEXT, '[{')],
    ['an empty text', 1007, maskedFrame(TEXT, '')],
    ['a text that is no UTF-8', 1007, maskedFrame(TEXT, Buffer.from([0x5b, 0xc0, 0xaf, 0x5d]))],
    ['an empty array', 1008, maskedFrame(TEXT, '[]')],
    ['a null', 1008, maskedFrame(TEXT, 'null')],
    ['an array of no messages', 1008, maskedFrame(TEXT, '[1]')],
    ['a handshake among others', 1008, maskedFrame(TEXT, JSON.stringify([session, { channel: '/x' }]))],
    ['too many messages', 1008, maskedFrame(TEXT, JSON.stringify(Array.from({ length: 101 }, () => ({}))))],
    ['too deep a message', 1008, maskedFrame(TEXT, `[{"data":${'['.repeat(70)}${']'.repeat(70)}}]`)],
    ['a message that is announced enormous', 1009, maskedFrame(TEXT, '', { length: 2n ** 40n })],
    ['a length no message can have', 1009, maskedFrame(TEXT, '', { length: 2n ** 63n })],
    ['a reserved bit', 1002, maskedFrame(TEXT, '[]', { rsv: 0x40 })],
    ['an unknown opcode', 1002, maskedFrame(0x3, '[]')],
    ['a ping of many bytes', 1002, maskedFrame(PING, 'x'.repeat(126))],
    ['a continuation of nothing', 1002, maskedFrame(0x0, '[]')],
    ['a frame without a mask', 1002, Buffer.from([0x81, 0x02, 0x5b, 0x5d])],
    ['a close with a code nobody may send', 1002, maskedFrame(CLOSE, Buffer.from([0x03, 0xec]))],
  ])('for %s with %i', async (_name, code, bytes) => {
    const server = await serve();
    const peer = await FrameLine.open(server.port);
    peer.line.send(bytes);
    expect(await peer.closed()).toBe(code);
    await peer.line.socket.end();
    expect(server.bayeux.sessions).toEqual([]);
    expect(Object.keys(counters(server)).filter((name) => name.startsWith('failed'))).toEqual([]);
  });

  it.each([
    [999, true],
    [1_000, true],
    [1_001, false],
  ])('for a message of %i bytes when 1000 are allowed: %s', async (length, fits) => {
    const server = await serve({ maxMessageSize: 1_000 });
    const peer = await FrameLine.open(server.port);
    peer.send(handshakeText.padEnd(length));
    if (fits) expect((await peer.texts(1))[0]).toContain('"successful":true');
    else expect(await peer.closed()).toBe(1009);
  });

  it('for a message whose fragments together are too large', async () => {
    const peer = await FrameLine.open((await serve({ maxMessageSize: 1_000 })).port);
    peer.line.send(maskedFrame(TEXT, ' '.repeat(600), { fin: false }));
    peer.line.send(maskedFrame(0x0, ' '.repeat(600), { fin: false }));
    expect(await peer.closed()).toBe(1009);
  });

  it('for a frame that breaks the protocol, after the answers to those before it', async () => {
    const peer = await FrameLine.open((await serve()).port);
    peer.line.send(Buffer.concat([maskedFrame(TEXT, handshakeText), maskedFrame(0x3, 'x')]));
    expect(await peer.closed()).toBe(1002);
    expect((await peer.texts(1))[0]).toContain('"successful":true');
  });

  it('for a message of endless tiny fragments', async () => {
    const peer = await FrameLine.open((await serve()).port);
    peer.line.send(maskedFrame(TEXT, '[', { fin: false }));
    for (let count = 0; count < 300; count++) peer.line.send(maskedFrame(0x0, ' ', { fin: false }));
    expect([1008, 1009]).toContain(await peer.closed());
  });

  it('not for a message in a few fragments with a ping between them', async () => {
    const peer = await FrameLine.open((await serve()).port);
    const bytes = Buffer.from(handshakeText);
    peer.line.send(maskedFrame(TEXT, bytes.subarray(0, 30), { fin: false }));
    peer.line.send(maskedFrame(PING, 'hello'));
    peer.line.send(maskedFrame(0x0, bytes.subarray(30)));
    expect((await peer.texts(1))[0]).toContain('"successful":true');
    expect(peer.frames[0]?.payload.toString()).toBe('hello');
  });

  it('with 1011 when an extension makes a handshake reply that cannot be written', async () => {
    const server = await serve();
    server.bayeux.addExtension({
      sendMeta: (_from, _to, reply) => {
        if (reply.channel === '/meta/handshake') reply.ext = { big: 1n };
      },
    });
    const peer = await FrameLine.open(server.port);
    expect(await peer.send(handshakeText).closed()).toBe(1011);
  });

  it('with 1012 when the server stops, after what was still to be said', async () => {
    const server = await serve();
    const [session] = [await talker(server)];
    const inside = server.bayeux.getSession(session.clientId);
    inside?.deliver(null, '/last', 'words');
    await server.bayeux.stop();
    expect((await session.event('/last')).data).toBe('words');
    expect(await session.client.closed).toMatchObject({ code: 1012, reason: 'The server stops' });
  });
});

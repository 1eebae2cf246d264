/** What the long-polling door takes, and how it says no. */

import { RawHttp } from '@cometd-ts/testkit';
import { describe, expect, it } from 'vitest';
import { handshakeText, Line, poller, postOf, serve } from './visitors.ts';

const counter = (server: Awaited<ReturnType<typeof serve>>, name: string) =>
  server.bayeux.diagnostics.counters.get(name) ?? 0;

describe('a request', () => {
  it('is answered as JSON that nobody caches, sniffs or measures wrongly', async () => {
    const client = new RawHttp((await serve()).url);
    const { status, headers, body } = await client.post(handshakeText);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
  });

  it.each(['GET', 'PUT', 'DELETE', 'PATCH'])('by %s is for no transport', async (method) => {
    const client = new RawHttp((await serve()).url);
    expect(await client.request({ method })).toMatchObject({ status: 400, body: 'Unknown Bayeux Transport\n' });
  });

  it('for a transport that is not allowed is for none', async () => {
    const client = new RawHttp((await serve({ allowedTransports: ['websocket'] })).url);
    expect((await client.post(handshakeText)).status).toBe(400);
  });

  it('that a handler gets after the server has stopped is answered 503', async () => {
    const server = await serve();
    await server.bayeux.stop();
    server.listener.on('request', server.bayeux.handler());
    expect((await new RawHttp(server.url).post(handshakeText)).status).toBe(503);
  });

  it.each(['__proto__', 'constructor', 'toString'])('with a header named %s is an ordinary one', async (name) => {
    const line = await Line.dial((await serve()).port);
    line.send(postOf(handshakeText, Object.fromEntries([[name, 'x']])));
    expect(await line.until('"successful"')).toContain('"successful":true');
  });
});

describe('the content type', () => {
  it.each([
    undefined,
    'application/json',
    'Application/JSON ; Charset="UTF-8"',
    'text/json',
    'application/vnd.bayeux+json; charset=utf-8',
  ])('%s is JSON', async (type) => {
    const client = new RawHttp((await serve()).url);
    const { status } = await client.post(handshakeText, { headers: { 'content-type': type } });
    expect(status).toBe(200);
  });

  it.each(['text/plain', 'multipart/form-data; boundary=x', 'application/xml', 'application/jsonp', ';'])(
    '%s is refused with 415',
    async (type) => {
      const client = new RawHttp((await serve()).url);
      const { status, headers, body } = await client.post(handshakeText, { headers: { 'content-type': type } });
      expect(status).toBe(415);
      expect(headers['content-type']).toBe('text/plain;charset=UTF-8');
      expect(body).toContain('application/json');
    },
  );

  it('of a form makes every message parameter a message or an array of them, in order', async () => {
    const server = await serve();
    const session = await poller(server);
    const message = (id: string) => ({ id, channel: '/x', clientId: session.clientId, data: `ünï ${id} &=+%` });
    const texts = [
      JSON.stringify(message('1')),
      JSON.stringify([message('2'), message('3')]),
      JSON.stringify(message('4')),
    ];
    expect((await session.client.form(texts)).map(({ id, successful }) => [id, successful])).toEqual([
      ['1', true],
      ['2', true],
      ['3', true],
      ['4', true],
    ]);
  });

  it('of a form without a message is a bad request', async () => {
    const client = new RawHttp((await serve()).url);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    for (const body of ['', 'Message=%5B%5D', 'message=', 'message=%5B%5D', 'message=%ff'])
      expect((await client.post(body, { headers })).status).toBe(400);
  });

  it('of a form hides no second handshake', async () => {
    const client = new RawHttp((await serve()).url);
    const [handshake] = JSON.parse(handshakeText) as object[];
    const body = new URLSearchParams([1, 2].map(() => ['message', JSON.stringify(handshake)])).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await client.post(body, { headers })).status).toBe(400);
  });
});

describe('the character set', () => {
  it('is the one the content type names', async () => {
    const server = await serve();
    const session = await poller(server);
    await session.subscribe('/letters');
    const text = JSON.stringify([session.message('/letters', { data: 'αβγ' })]);
    // In ISO-8859-7 the Greek small letters stand at 0xE1 and on.
    const bytes = Buffer.from(
      [...text].map((char) => (char > '\u00ff' ? char.charCodeAt(0) - 0x2d0 : char.charCodeAt(0))),
    );
    await session.client.post(bytes, { headers: { 'content-type': 'application/json; charset=ISO-8859-7' } });
    expect((await session.event('/letters')).data).toBe('αβγ');
  });

  it('is UTF-8 otherwise, wherever the network cuts a character in two', async () => {
    const server = await serve();
    const session = await poller(server);
    await session.subscribe('/letters');
    const body = Buffer.from(JSON.stringify([session.message('/letters', { data: '€ 𝄞 ü \uFFFD' })]));
    const line = await Line.dial(server.port);
    line.send(
      `POST /cometd HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncookie: BAYEUX_BROWSER=${session.client.jar.get('BAYEUX_BROWSER')}\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    // Each chunk of the encoding reaches the server as a chunk of its own, here of one byte.
    for (const byte of body) line.send(Buffer.concat([Buffer.from('1\r\n'), Buffer.from([byte]), Buffer.from('\r\n')]));
    line.send('0\r\n\r\n');
    expect(Buffer.from(await line.until('"successful":true'), 'latin1').toString()).toContain('"data":"€ 𝄞 ü \uFFFD"');
  });

  it('nobody knows is refused with 415', async () => {
    const client = new RawHttp((await serve()).url);
    const headers = { 'content-type': 'application/json;charset=klingon' };
    expect((await client.post(handshakeText, { headers })).status).toBe(415);
  });

  it.each([
    ['a lone continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an encoded surrogate', [0xed, 0xa0, 0x80]],
    ['half a euro', [0xe2, 0x82]],
  ])('broken by %s is a bad request, not a replacement character', async (_name, bytes) => {
    const client = new RawHttp((await serve()).url);
    const body = Buffer.concat([Buffer.from('[{"channel":"/x","data":"'), Buffer.from(bytes), Buffer.from('"}]')]);
    expect((await client.post(body)).status).toBe(400);
  });
});

describe('the size of a body', () => {
  const padded = (length: number) => handshakeText.padEnd(length);

  it.each([
    [999, 200],
    [1_000, 200],
    [1_001, 413],
  ])('of %i bytes where 1000 are allowed is answered %i, announced or not', async (length, status) => {
    const server = await serve({ maxMessageSize: 1_000 });
    expect((await new RawHttp(server.url).post(padded(length))).status).toBe(status);
    const line = await Line.dial(server.port);
    line.send('POST /cometd HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
    line.send(`${length.toString(16)}\r\n${padded(length)}\r\n0\r\n\r\n`);
    expect(await line.until('\r\n\r\n')).toContain(`HTTP/1.1 ${status}`);
    expect(server.bayeux.sessions).toHaveLength(status === 200 ? 2 : 0);
    expect(counter(server, 'limit_hit.maxMessageSize')).toBe(status === 200 ? 0 : 2);
  });

  it('is measured in bytes, not characters', async () => {
    const server = await serve({ maxMessageSize: 1_000 });
    const client = new RawHttp(server.url);
    expect((await client.post(JSON.stringify([{ channel: '/x', data: '€'.repeat(400) }]))).status).toBe(413);
  });

  it('that is announced too large is refused before it arrives, and the connection ends', async () => {
    const line = await Line.dial((await serve()).port);
    line.send(postOf('', { 'content-length': '60000000' }));
    await line.closed;
    expect(line.text).toContain('HTTP/1.1 413');
    expect(line.text.toLowerCase()).toContain('connection: close');
  });

  it('that never ends is cut', async () => {
    const server = await serve();
    const line = await Line.dial(server.port);
    line.send('POST /cometd HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
    const pour = () => {
      while (!line.socket.destroyed && line.socket.write(`1000\r\n${'x'.repeat(4096)}\r\n`));
    };
    line.socket.on('drain', pour);
    pour();
    await line.closed;
    expect(counter(server, 'limit_hit.maxMessageSize')).toBe(1);
    expect((await new RawHttp(server.url).post(handshakeText)).status).toBe(200);
  });

  it('is anything when there is no limit', async () => {
    const client = new RawHttp((await serve({ maxMessageSize: -1 })).url);
    expect((await client.post(padded(300_000))).status).toBe(200);
  });
});

describe('the bodies of all requests together', () => {
  it('are bounded: when there are too many bytes on their way, one is refused with 503 and the others arrive', async () => {
    const server = await serve({ maxInFlightBytes: 1_000 });
    const body = handshakeText.padEnd(900);
    const lines = await Promise.all([Line.dial(server.port), Line.dial(server.port)]);
    for (const line of lines) line.send(postOf(body).subarray(0, -300));
    const refused = await Promise.race(lines.map((line) => line.closed.then(() => line)));
    const [other] = lines.filter((line) => line !== refused);
    expect(refused.text).toContain('HTTP/1.1 503');
    expect(other?.text).toBe('');
    other?.send(body.slice(-300));
    expect(await other?.until('"successful"')).toContain('HTTP/1.1 200');
    expect(counter(server, 'limit_hit.maxInFlightBytes')).toBe(1);
  });

  it('leave room again when their senders go away', async () => {
    const server = await serve({ maxInFlightBytes: 1_000 });
    for (let round = 0; round < 3; round++) {
      const line = await Line.dial(server.port);
      const lost = new Promise<void>((resolve) => {
        server.listener.once('request', (request) => {
          request.once('data', () => line.socket.destroy());
          request.once('close', resolve);
        });
      });
      line.send(postOf(handshakeText.padEnd(900)).subarray(0, -10));
      await lost;
    }
    expect((await new RawHttp(server.url).post(handshakeText.padEnd(950))).status).toBe(200);
  });
});

describe('bytes that are hardly HTTP', () => {
  const handshake = `content-type: application/json\r\ncontent-length: ${handshakeText.length}\r\n`;
  it.each([
    ['two lengths', `${handshake}content-length: 3\r\n`],
    ['a length and chunks', `${handshake}transfer-encoding: chunked\r\n`],
    ['a length with a sign', 'content-length: +5\r\n'],
    ['an unknown transfer encoding', 'transfer-encoding: chunked, identity\r\n'],
    ['a header without a colon', 'nonsense\r\n'],
    ['a header larger than any', `x: ${'y'.repeat(20_000)}\r\n`],
  ])('%s: the connection ends and no message is seen', async (_name, headers) => {
    const server = await serve();
    const line = await Line.dial(server.port);
    line.send(`POST /cometd HTTP/1.1\r\nhost: x\r\n${headers}\r\n${handshakeText}`);
    await line.closed;
    expect(line.text).toMatch(/^HTTP\/1\.1 4\d\d/);
    expect(line.text).not.toContain('successful');
    expect(server.bayeux.sessions).toEqual([]);
  });

  it('cut off anywhere harm nobody', async () => {
    const server = await serve();
    const bytes = postOf(handshakeText);
    for (let length = 1; length < bytes.length; length += 7) {
      const line = await Line.dial(server.port);
      line.send(bytes.subarray(0, length));
      line.socket.resetAndDestroy();
    }
    expect((await new RawHttp(server.url).post(handshakeText)).status).toBe(200);
    expect([...server.bayeux.diagnostics.counters.keys()].filter((name) => name.startsWith('failed'))).toEqual([]);
  });
});

/** Chapter seven: input no client should send, and how it is turned away without harm to its neighbours. */
// biome-ignore-all lint/suspicious/noExportsInTest: the suite is a function, so that it can meet any server
import { RawHttp, type RawSession, RawWebSocket } from '@cometd-ts/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { freshChannel, guestsOf, type Peer, transports } from '../peer.ts';

const badJson: readonly [what: string, body: string][] = [
  ['a truncated array', '[{"channel":"/meta/handshake"'],
  ['no JSON at all', 'hello'],
  ['single quotes', "[{'channel':'/meta/handshake'}]"],
];

/** The Java server takes the first two for handshakes and the last for an empty payload. */
const badJsonToUs: readonly [what: string, body: string][] = [
  ['a trailing comma', '[{"channel":"/meta/handshake"},]'],
  ['text after the array', '[{"channel":"/meta/handshake"}] x'],
  ['nothing', ''],
];

const badEnvelope: readonly [what: string, body: string][] = [
  ['an empty array', '[]'],
  ['null', 'null'],
  ['an array with null', '[null]'],
  ['an array with a number', '[1]'],
  ['a string', '"x"'],
  ['a number', '5'],
  ['true', 'true'],
  ['an array in an array', '[[]]'],
];

export function malformed(peer: Peer): void {
  const ours = peer.kind === 'ours';

  describe.each([
    ...(ours ? [...badJson, ...badJsonToUs] : badJson).map((row) => ['json', ...row] as const),
    ...badEnvelope.map((row) => ['envelope', ...row] as const),
  ])('bad %s: %s', (kind, _, body) => {
    const guests = guestsOf(peer);

    it('is refused over HTTP', async () => {
      const session = await guests.stranger('long-polling');
      const { status } = await (session.client as RawHttp).post(body);
      // The Java server says 200 to null and 500 to most of the others.
      if (ours) expect(status).toBe(400);
      else if (body !== 'null') expect(status).toBeGreaterThanOrEqual(400);
    });

    it('closes a WebSocket', async () => {
      const session = await guests.stranger('websocket');
      const client = session.client as RawWebSocket;
      client.post(body);
      const { code } = await client.closed;
      if (ours) expect(code).toBe(kind === 'json' ? 1007 : 1008);
      else expect(code).toBeGreaterThanOrEqual(1002);
    });
  });

  describe.each(transports)('bad messages over %s', (transport) => {
    const guests = guestsOf(peer);

    it.each([
      ['without a channel', { data: 1 }, '400::channel_missing'],
      ['with illegal characters', { channel: '/foo<>', data: 1 }, '405::channel_invalid'],
      ['with a relative channel', { channel: 'foo', data: 1 }, '405::channel_invalid'],
      ['with an empty channel', { channel: '', data: 1 }, '405::channel_invalid'],
      ['to the root', { channel: '/', data: 1 }, '405::channel_invalid'],
    ])('%s are answered with an error, their neighbours are processed', async (_, fields, error) => {
      const session = await guests.connected(transport);
      const bad = { id: session.nextId(), clientId: session.clientId, ...fields };
      const [before, reply, after] = await session.ask(
        session.message(freshChannel(), { data: 1 }),
        bad,
        session.message(freshChannel(), { data: 2 }),
      );
      expect(before).toMatchObject({ successful: true });
      expect(after).toMatchObject({ successful: true });
      expect(reply).toMatchObject({ id: bad.id, successful: false });
      expect(reply?.error).toBe(error);
      expect(reply?.channel).toBe('channel' in fields ? fields.channel : undefined);
    });

    it.each(['a-1', 'm_1', '<b>', ''])('with the id %j are answered with an error that echoes it', async (id) => {
      const session = await guests.connected(transport);
      const [reply] = await session.ask({ id, channel: '/a', clientId: session.clientId, data: 1 });
      expect(reply).toMatchObject({ id, channel: '/a', successful: false, error: '405::message_id_invalid' });
    });

    it.runIf(ours).each([
      ['an empty segment', '/a//b'],
      ['a slash at the end', '/a/'],
      ['a wildcard in the middle', '/a/*/b'],
      ['a template and a wildcard', '/x/{y}/*'],
      ['a number', 5],
      ['an object', { toString: 1 }],
      ['an array', ['/a']],
    ])('whose channel has the shape of %s are answered 405', async (_, channel) => {
      const session = await guests.connected(transport);
      const [reply] = await session.ask(session.message(channel as string, { data: 1 }));
      expect(reply).toMatchObject({ successful: false });
      expect(reply?.error).toMatch(/^405:.*:channel_invalid$/);
    });

    it.runIf(ours).each([
      ['ext that is a string', { ext: 'x' }, /^400:/],
      ['ext that is an array', { ext: [] }, /^400:/],
      ['advice that is a number', { advice: 1 }, /^400:/],
      ['a clientId that is a number', { clientId: 5 }, /^402:.*:session_unknown$/],
      ['a clientId that is an object', { clientId: { length: 1 } }, /^402:.*:session_unknown$/],
    ])('with %s are answered with an error', async (_, fields, error) => {
      const session = await guests.connected(transport);
      const [, reply] = await session.ask(
        session.message(freshChannel(), { data: 1 }),
        session.message(freshChannel(), { data: 1, ...(fields as object) }),
      );
      expect(reply).toMatchObject({ successful: false });
      expect(reply?.error).toMatch(error);
    });

    it.runIf(ours)('deeper than anybody needs are refused before anything is processed', async () => {
      const session = await guests.connected(transport);
      const channel = freshChannel();
      const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
      const text = `[{"id":"1","channel":"${channel}","clientId":"${session.clientId}","data":${deep}}]`;
      await expectRefused(session, text, 400, 1008);
    });
  });

  describe('bad bytes', () => {
    const guests = guestsOf(peer);

    it.runIf(ours)('that are not UTF-8 are refused', async () => {
      const body = Buffer.concat([
        Buffer.from('[{"channel":"/meta/handshake","x":"'),
        Buffer.from([0xc3, 0x28]),
        Buffer.from('"}]'),
      ]);
      await expectRefused(await guests.stranger('long-polling'), body, 400, 1007);
    });

    it.runIf(ours)('in a binary frame close the connection with 1003', async () => {
      const session = await guests.handshaken('websocket');
      const client = session.client as RawWebSocket;
      client.post(Buffer.from('[]'));
      expect((await client.closed).code).toBe(1003);
    });
  });

  describe('bad requests', () => {
    const guests = guestsOf(peer);
    const handshake = '[{"id":"1","channel":"/meta/handshake","version":"1.0"}]';
    const open: RawHttp[] = [];
    afterEach(async () => {
      await Promise.all(open.splice(0).map((client) => client.close()));
    });
    const http = () => {
      const client = new RawHttp(peer.url());
      open.push(client);
      return client;
    };

    it.each(['GET', 'PUT', 'DELETE'])('by %s find no transport', async (method) => {
      const body = method === 'PUT' ? handshake : undefined;
      const { status } = await http().request({ method, ...(body && { body }) });
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    });

    it('by OPTIONS are answered with an empty body', async () => {
      const { status, body } = await http().request({ method: 'OPTIONS' });
      expect([200, 204]).toContain(status);
      expect(body).toBe('');
    });

    it('without a content type are JSON', async () => {
      const response = await http().post(handshake, { headers: { 'content-type': undefined } });
      expect(response.status).toBe(200);
    });

    it('may name the meta channel behind the path', async () => {
      const response = await http().post(handshake, { suffix: '/handshake' });
      expect(response.body).toContain('"successful":true');
    });

    it.runIf(ours)('as plain text are not supported', async () => {
      const response = await http().post(handshake, { headers: { 'content-type': 'text/plain' } });
      expect(response.status).toBe(415);
    });

    it.runIf(ours)('encoded as a form carry one message, an array, or several parameters', async () => {
      const client = http();
      const [reply] = await client.form([handshake]);
      const clientId = String(reply?.clientId);
      const replies = await client.form([
        JSON.stringify({ id: '2', channel: '/meta/subscribe', clientId, subscription: '/form' }),
        JSON.stringify([{ id: '3', channel: '/form', clientId, data: 1 }]),
      ]);
      expect(replies.map((one) => one.id ?? one.data)).toEqual([1, '2', '3']);
    });

    it.runIf(ours)('from a foreign origin are refused, from our own they are not', async () => {
      const { origin } = new URL(peer.url());
      for (const [from, status] of [
        ['https://evil.example', 403],
        ['null', 403],
        [origin, 200],
      ] as const) {
        expect((await http().post(handshake, { headers: { origin: from } })).status).toBe(status);
        const upgrade = RawWebSocket.open(peer.url(), { origin: from });
        if (status === 403) await expect(upgrade).rejects.toThrow('403');
        else await (await upgrade).close();
      }
    });

    it.runIf(ours)('are answered with no leave to cache or to guess the type', async () => {
      for (const { headers } of [
        await http().post(handshake),
        await http().jsonp(handshake),
        await http().post('[{'),
      ]) {
        expect(headers['cache-control']).toContain('no-store');
        expect(headers['x-content-type-options']).toBe('nosniff');
      }
    });

    it('do not disturb the connect that is held', async () => {
      const session = await guests.connected('long-polling');
      const channel = freshChannel();
      await session.subscribe(channel);
      const held = session.connect(5000);
      const client = session.client as RawHttp;
      expect((await client.post('[{')).status).toBeGreaterThanOrEqual(400);
      const other = await guests.connected('websocket');
      await other.publish(channel, 'still here');
      expect((await held).successful).toBe(true);
      expect((await session.event(channel)).data).toBe('still here');
    });
  });
}

async function expectRefused(session: RawSession, body: string | Buffer, status: number, code: number): Promise<void> {
  const { client } = session;
  if (client instanceof RawWebSocket) {
    client.post(body);
    expect((await client.closed).code).toBe(code);
    return;
  }
  expect((await client.post(body)).status).toBe(status);
}

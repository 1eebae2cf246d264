/**
 * The holes that other Bayeux servers and clients had, by the names they have in our notes: each is tried on the wire here,
 * once. What stands beside `more:` goes further; it is other tests' to be complete.
 */
import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { BayeuxClient } from '@cometd-ts/client/node';
import {
  certificate,
  openSession,
  RawHttp,
  type RawTransport,
  type RawWebSocket,
  type WireMessage,
} from '@cometd-ts/testkit';
import { generate } from 'selfsigned';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gate, type House, host, httpOf, lodge, stopTheClock, transports, turn } from './hosting.ts';
import { Line } from './transport/visitors.ts';

const tried: string[] = [];
/** One test for one hole. */
function hole(name: string, what: string, check: () => Promise<void>): void {
  tried.push(name);
  it(`${name}: ${what}`, { timeout: 30_000 }, check);
}

const denied = expect.stringMatching(/^403:/);

/** Nobody's code failed, and nobody has taught all objects something new. */
function expectUnharmed(house: House): void {
  expect([...house.bayeux.diagnostics.counters.keys()].filter((name) => name.startsWith('failed.'))).toEqual([]);
  expect(Object.keys(Object.prototype)).toEqual([]);
}

function post(house: House, body: string | Buffer, headers: Record<string, string> = {}) {
  const http = new RawHttp(house.url);
  onTestFinished(() => http.close());
  return http.post(body, { headers });
}

const handshake: WireMessage = {
  id: '1',
  channel: '/meta/handshake',
  version: '1.0',
  supportedConnectionTypes: ['long-polling'],
};

describe('the hole', () => {
  // more: policy/authorization.test.ts
  hole('V1', 'remote clients neither read nor write the channels of a cluster, by name or by wildcard', async () => {
    for (const transport of transports) {
      const house = await host();
      const node = lodge(house.bayeux, 'node');
      const heard: unknown[] = [];
      node.getChannel('/oort/**').subscribe((_channel, message) => heard.push(message.data));
      const session = await house.enter(transport);
      for (const name of [
        '/oort/*',
        '/oort/**',
        '/oort/cloud',
        '/seti/**',
        '/seti/all',
        '/service/oort',
        '/service/seti',
      ])
        expect([name, await session.subscribe(name)]).toMatchObject([name, { successful: false, error: denied }]);
      for (const name of ['/oort/cloud', '/seti/all', '/service/oort', '/service/seti'])
        expect([name, await session.publish(name, 'forged')]).toMatchObject([
          name,
          { successful: false, error: denied },
        ]);
      await session.subscribe('/**');
      node.getChannel('/oort/cloud').publish('internal');
      node.getChannel('/news').publish('public');
      // Everything a poller gets comes with a connect.
      if (transport === 'long-polling') await session.connect(0);
      await session.inbox.next(({ channel }) => channel === '/news').catch(() => undefined);
      expect(session.inbox.all.filter((message) => 'data' in message).map((message) => message.data)).toEqual([
        'public',
      ]);
      expect(heard).toEqual(['internal']);
    }
  });

  hole('V2', 'a handshake that says it is a node of the cluster, secret and all, is that of a stranger', async () => {
    const house = await host();
    const session = await house.knock();
    const ext = { oort: { oort: house.url, oortSecret: 'c2VjcmV0', cometURL: house.url, b64hash: 'c2VjcmV0' } };
    const reply = await session.handshake({ ext });
    expect(reply).toMatchObject({ successful: true });
    expect(reply.ext).toBeUndefined();
    await session.connect(0);
    expect(house.sideOf(session).isLocalSession).toBe(false);
    expect(await session.subscribe('/oort/**')).toMatchObject({ successful: false, error: denied });
    expect(await session.publish('/oort/cloud', 1)).toMatchObject({ successful: false, error: denied });
  });

  // more: hostile.test.ts
  hole(
    'V3',
    'another spelling of a meta channel is no subscribe, and the policy sees the name that is routed',
    async () => {
      const house = await host();
      const session = await house.enter();
      const spellings = [
        '/meta/subscribe/x',
        '/meta/subscribe/',
        ' /meta/subscribe',
        '/meta//subscribe',
        '/meta/subscribe\u0000',
      ];
      for (const channel of spellings)
        expect(await session.call(channel, { subscription: '/secret' })).toMatchObject({
          successful: false,
          error: expect.stringMatching(/^40[0-9]:/),
        });
      await session.call('/META/subscribe', { subscription: '/secret' });
      expect(house.sideOf(session).subscriptions).toEqual([]);
    },
  );

  // more: hostile.test.ts
  hole('V4', 'a name is refused or taken as it is, never trimmed into another', async () => {
    const house = await host();
    const [attacker, victim] = [await house.enter(), await house.enter()];
    await victim.subscribe('/chat/room');
    house.bayeux.securityPolicy = { canPublish: (_server, _session, channel) => channel.id !== '/chat/room' };
    for (const channel of ['/chat/room/', '/chat/room/ ', '/chat/room ', ' /chat/room'])
      expect(await attacker.publish(channel, 'evil')).toMatchObject({ successful: false });
    await victim.publish('/fence', 1);
    expect(victim.inbox.events('/chat/room')).toEqual([]);
  });

  hole('V5', 'no name of a channel calls anything', async () => {
    const house = await host();
    const session = await house.enter();
    for (const name of ['constructor', '__proto__', 'close', 'stop', 'toString', 'hasOwnProperty', 'then'])
      expect([name, await session.call(`/meta/${name}`)]).toMatchObject([name, { successful: false, error: denied }]);
    for (const name of ['constructor', '__proto__', 'stop']) await session.publish(`/service/${name}`, 1);
    expect(house.bayeux.isStarted).toBe(true);
    expect(await session.publish('/a', 1)).toMatchObject({ successful: true });
    expectUnharmed(house);
  });

  // more: packages/client/test/node/agents.test.ts
  hole(
    'V6',
    'our client talks to nobody whose certificate is not good, and is not led from https to http',
    async () => {
      const ours = await certificate();
      const expired = await outdated();
      const clear: string[] = [];
      const bait = createServer((request, response) => {
        clear.push(request.url ?? '');
        response.end('[]');
      }).listen(0, '127.0.0.1');
      onTestFinished(() => void bait.close());
      await once(bait, 'listening');
      const elsewhere = `http://127.0.0.1:${(bait.address() as AddressInfo).port}/`;
      for (const transport of transports) {
        for (const [made, tls] of [
          [ours, {}],
          [ours, { ca: ours.cert, servername: 'bank.example' }],
          [expired, { ca: expired.cert }],
        ] as const)
          expect(await visit(transport, made, tls, (_request, response) => void response.end('[]'))).toEqual([]);
        const asked = await visit(transport, ours, { ca: ours.cert }, (request, response) => {
          request.resume();
          response.writeHead(302, { Location: elsewhere });
          response.end();
        });
        expect(asked).not.toEqual([]);
      }
      expect(clear).toEqual([]);
    },
  );

  hole(
    'V7',
    'a broadcast that looks like a reply answers no call of our client, and its advice is not taken',
    async () => {
      for (const options of [{}, { forwardFields: ['*'] }]) {
        const house = await host(options);
        const { opened, open } = gate();
        house.bayeux.securityPolicy = {
          canPublish: (_server, _session, _channel, message) => message.data !== 'mine' || opened.then(() => true),
        };
        const client = new BayeuxClient(house.url);
        onTestFinished(() => client.abort());
        await client.handshake();
        // Else its first connect may have to wait behind the publish, as frames of one connection do.
        await client.waitFor('connected');
        const room = client.getChannel('/room');
        let heard = 0;
        const forgeries = 60;
        const all = new Promise<void>((resolve) => {
          room.subscribe(() => void (++heard === forgeries && resolve()));
        });
        await client.getChannel('/room').publish('the subscription is made');
        heard = 0;
        let answered = false;
        const mine = room.publish('mine').then(() => {
          answered = true;
        });
        const attacker = await house.enter();
        for (let id = 1; id <= forgeries; id++)
          await attacker.ask({
            ...attacker.message('/room', { data: id, successful: true, advice: { reconnect: 'none' } }),
            id: String(id),
          });
        await all;
        expect(answered).toBe(false);
        expect(client.isConnected).toBe(true);
        open();
        await mine;
        expect(await client.getChannel('/service/a').publish(1)).toMatchObject({ successful: true });
      }
    },
  );

  // more: hostile.test.ts, fan-out.test.ts
  hole('V8', 'subscribers get channel and data of a publish, neither its credentials nor its fields', async () => {
    for (const transport of transports) {
      const house = await host();
      const [publisher, subscriber] = [await house.enter(transport), await house.enter()];
      await subscriber.subscribe('/room');
      await publisher.call('/room', { data: 1, ext: { token: 'S' }, foo: 1 });
      expect(await subscriber.event('/room')).toEqual({ channel: '/room', data: 1 });
    }
  });

  // more: hostile.test.ts
  hole('V9', 'a clientId is worth nothing without the cookie or the connection it was given to', async () => {
    for (const transport of transports) {
      const house = await host();
      const [victim, thief] = [await house.enter(transport), await house.enter(transport)];
      thief.clientId = victim.clientId;
      expect(await thief.publish('/a', 1)).toMatchObject({ successful: false, error: '402::session_unknown' });
      expect(await thief.connect()).toMatchObject({
        error: '402::session_unknown',
        advice: { reconnect: 'handshake' },
      });
      expect(await thief.disconnect()).toMatchObject({ error: '402::session_unknown' });
      expect(await victim.publish('/a', 1)).toMatchObject({ successful: true });
    }
  });

  // more: transport/browsers.test.ts, transport/cookie.test.ts
  hole('V10', 'a cookie the server has not issued is no browser: a new one is issued', async () => {
    const house = await host();
    const cookies = [];
    for (let index = 0; index < 2; index++) {
      const { headers } = await post(house, JSON.stringify([handshake]), { cookie: 'BAYEUX_BROWSER=attacker' });
      cookies.push(headers['set-cookie']?.[0] ?? '');
    }
    for (const cookie of cookies) expect(cookie).toMatch(/^BAYEUX_BROWSER=[A-Za-z0-9_-]{16,}; ?.*HttpOnly/i);
    expect(cookies[0]?.split(';')[0]).not.toBe(cookies[1]?.split(';')[0]);
    expect(cookies.join()).not.toContain('attacker');
  });

  hole('V11', 'a cookie named like a member of all objects is a cookie like another', async () => {
    const house = await host();
    for (const value of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const { status, body } = await post(house, JSON.stringify([handshake]), { cookie: `BAYEUX_BROWSER=${value}` });
      expect([value, status, JSON.parse(body)]).toMatchObject([value, 200, [{ successful: true }]]);
    }
    expectUnharmed(house);
  });

  // more: transport/http.test.ts
  hole('V12', 'a character that is cut in two by the network arrives whole', async () => {
    const house = await host({ trustClientSession: true });
    const subscriber = await house.enter();
    await subscriber.subscribe('/price');
    const publisher = await house.enter('long-polling');
    const body = Buffer.from(JSON.stringify([publisher.message('/price', { data: '5 €' })]));
    const connected = once(house.listener, 'connection') as Promise<[Socket]>;
    const line = await Line.dial(house.port);
    const [socket] = await connected;
    const head = `POST /cometd HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    const euro = body.indexOf('€');
    let sent = 0;
    for (const part of [head, body.subarray(0, euro + 1), body.subarray(euro + 1, euro + 2), body.subarray(euro + 2)]) {
      line.send(part);
      sent += part.length;
      while (socket.bytesRead < sent) await turn();
    }
    expect(await line.until('successful')).toContain('"successful":true');
    expect(await subscriber.event('/price')).toMatchObject({ data: '5 €' });
  });

  // more: limits.test.ts, transport/http.test.ts
  hole('V13', 'of a body that is too large not much more is read than is allowed', async () => {
    const most = 65_536;
    const house = await host({ maxMessageSize: most });
    const sockets: Socket[] = [];
    house.listener.on('connection', (socket: Socket) => sockets.push(socket));
    const announced = await Line.dial(house.port);
    announced.send('POST /cometd HTTP/1.1\r\nhost: x\r\ncontent-length: 60000000\r\n\r\n');
    await announced.closed;
    expect(announced.text).toContain('413');
    const endless = await Line.dial(house.port);
    endless.send('POST /cometd HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
    while (!endless.socket.destroyed) {
      endless.send(chunk);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(endless.text).toContain('413');
    expect(sockets.at(-1)?.bytesRead).toBeLessThanOrEqual(most + 65_536);
    expect(house.bayeux.diagnostics.counters.get('limit_hit.maxMessageSize')).toBe(2);
  });

  hole('V14', 'what only looks like a list is refused at once, and nobody waits for it', async () => {
    for (const transport of transports) {
      const house = await host({ strictHandshake: true });
      const [attacker, neighbour] = [await house.knock(transport), await house.enter()];
      const like = { length: 1_000_000_000 };
      const before = performance.now();
      const [reply] = await Promise.all([
        attacker.handshake({ supportedConnectionTypes: like as never }),
        neighbour.publish('/a', 1),
      ]);
      expect(reply).toMatchObject({ successful: false, error: '400::connection_types_unsupported' });
      for (const channel of ['/meta/subscribe', '/meta/unsubscribe'])
        expect(await neighbour.call(channel, { subscription: like as never })).toMatchObject({ successful: false });
      expect(performance.now() - before).toBeLessThan(1_000);
      expectUnharmed(house);
    }
  });

  // more: denials.test.ts, test/integration/fuzz.test.ts
  hole('V15', 'no depth of a message harms anybody but its publisher, swept through all that might', async () => {
    for (const options of [{}, { limits: { maxDepth: 512 } }]) {
      const house = await host({ maxMessageSize: -1, maxPublishRate: -1, ...options });
      await sweepDepths(house, options.limits?.maxDepth ?? 64);
      expectUnharmed(house);
    }
  });

  hole('V16', 'nor does it while asynchronous hooks are on and a store is active', async () => {
    const storage = new AsyncLocalStorage<string>();
    const hook = createHook({ init: () => undefined, before: () => undefined }).enable();
    onTestFinished(() => void hook.disable());
    const house = await host({
      maxMessageSize: -1,
      maxPublishRate: -1,
      limits: { maxDepth: 512 },
      requestAttributes: () => {
        storage.enterWith('active');
        return {};
      },
    });
    const stores = new Set<unknown>();
    house.bayeux.addExtension({
      rcv: (_session, { channel }) => {
        if (channel === '/deep') stores.add(storage.getStore());
      },
    });
    await sweepDepths(house, 512);
    expect([...stores]).toEqual(['active']);
    expectUnharmed(house);
  });

  // more: hostile.test.ts, limits.test.ts
  hole('V17', 'long names and names of many segments make no channel', async () => {
    const house = await host();
    const session = await house.enter();
    const before = house.bayeux.channels.length;
    for (const name of [`/${'x'.repeat(60_000)}`, '/x'.repeat(30_000), '/x'.repeat(33)]) {
      expect(await session.publish(name, 1)).toMatchObject({ error: expect.stringMatching(/^400:.*:limit_exceeded$/) });
      expect(await session.subscribe(name)).toMatchObject({ error: expect.stringMatching(/^400:.*:limit_exceeded$/) });
    }
    expect(house.bayeux.channels).toHaveLength(before);
  });

  hole('V18', 'leniency ends where it helps attackers: odd wildcards, bare handshakes, plain text', async () => {
    const house = await host({ strictHandshake: true });
    const session = await house.enter();
    for (const name of ['/foo/**/bar', '/foo/*/bar', '/*/foo'])
      expect([name, await session.subscribe(name)]).toMatchObject([name, { successful: false }]);
    for (const name of ['/foo/*', '/**']) expect(await session.publish(name, 1)).toMatchObject({ successful: false });
    for (const bare of [{ version: undefined }, { supportedConnectionTypes: undefined }]) {
      const { body } = await post(house, JSON.stringify([{ ...handshake, ...bare }]));
      expect(JSON.parse(body)).toMatchObject([{ successful: false, error: expect.stringMatching(/^400:/) }]);
    }
    for (const type of ['text/plain', 'text/plain;charset=UTF-8', 'multipart/form-data; boundary=x'])
      expect((await post(house, JSON.stringify([handshake]), { 'content-type': type })).status).toBe(415);
    const foreign = { origin: 'https://evil.example' };
    expect((await post(house, JSON.stringify([handshake]), foreign)).status).toBe(403);
  });

  // more: transport/callback.test.ts
  hole(
    'V19',
    'JSONP is off; where it is on, its callback can be nothing but a name, and its answer nothing but a call',
    async () => {
      const text = JSON.stringify([handshake]);
      const off = new RawHttp((await host()).url);
      expect((await off.jsonp(text)).status).toBe(400);
      const on = new RawHttp((await host({ allowedTransports: ['long-polling', 'callback-polling'] })).url);
      const { status, headers, body } = await on.jsonp(text, 'org.f');
      expect([status, body.slice(0, 10)]).toEqual([200, '/**/org.f(']);
      expect(headers).toMatchObject({
        'content-type': expect.stringMatching(/javascript/),
        'x-content-type-options': 'nosniff',
        'content-disposition': 'attachment; filename=f.txt',
        'cache-control': 'no-store',
      });
      for (const callback of ['alert(1)//', '<script>', 'a b', 'f'.repeat(65), 'CWSMIKI0hCD0Up0IZU.']) {
        const bad = await on.jsonp(text, callback);
        expect([callback, bad.status]).toEqual([callback, 400]);
        expect(bad.headers['content-type']).toMatch(/^text\/plain/);
        expect(bad.body).not.toContain(callback);
      }
      await Promise.all([off.close(), on.close()]);
    },
  );

  // more: transport/callback.test.ts, policy/origin.test.ts
  hole('V20', 'a script of another site reads nothing with its visitor’s cookie', async () => {
    const house = await host({ allowedTransports: ['long-polling', 'callback-polling'] });
    const victim = await house.enter('long-polling');
    await victim.subscribe('/mail');
    house.sideOf(victim).deliver(null, '/mail', 'private');
    const { jar } = httpOf(victim);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const script = (message: WireMessage, headers: Record<string, string>) => {
      const http = new RawHttp(house.url);
      onTestFinished(() => http.close());
      const query = new URLSearchParams({ jsonp: 'f', message: JSON.stringify([message]) });
      return http.request({ method: 'GET', suffix: `?${query}`, headers: { cookie, ...headers } });
    };
    const connect = victim.message('/meta/connect', { connectionType: 'callback-polling', advice: { timeout: 0 } });
    expect((await script(connect, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await script(connect, { origin: 'https://evil.example' })).status).toBe(403);
    const { clientId: _clientId, ...anonymous } = connect;
    expect((await script(anonymous, {})).body).not.toContain('private');
    expect((await script(connect, { 'sec-fetch-site': 'same-origin' })).body).toContain('private');
  });

  // more: diagnostics.test.ts
  hole('V21', 'bad messages without number fill no log, and nothing in them begins a line or a colour', async () => {
    stopTheClock();
    const house = await host({ logLevel: 'debug', maxBadMessages: -1 });
    const evil = '/a\r\nerror forged\u001b[31m\u2028x';
    const headers = { 'user-agent': 'a\u00ff[31m', 'content-type': 'application/json' };
    const message = { id: '1\nerror forged', channel: evil };
    const body = JSON.stringify(Array.from({ length: 100 }, () => message));
    for (let index = 0; index < 100; index++) await post(house, body, headers);
    await post(house, `[{"channel":"${'\\n'.repeat(50)}`, headers);
    await post(house, body, { origin: 'https://evil.example/\u00ff' });
    const refused = [...house.bayeux.diagnostics.counters].filter(([name]) => name.startsWith('rejected.'));
    expect(refused.reduce((sum, [, count]) => sum + count, 0)).toBeGreaterThanOrEqual(10_000);
    expect(house.log.lines.length).toBeLessThanOrEqual(60 * (refused.length + 2));
    for (const line of house.log.lines) expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  });

  hole(
    'V22',
    'the log knows no secrets: neither ids of sessions, nor cookies, nor what is in `ext` or `data`',
    async () => {
      const house = await host({ logLevel: 'debug', maxQueue: 1, maxBadMessages: 2, allowedOrigins: [] });
      const session = await house.knock('long-polling');
      const secret = 'SECRET';
      await session.handshake({ ext: { token: secret } });
      await session.connect(0);
      house.bayeux.addExtension({
        rcv: () => {
          throw new Error('an extension failed');
        },
      });
      await session.subscribe('/a');
      const side = house.sideOf(session);
      for (let index = 0; index < 3; index++) side.deliver(null, '/a', secret);
      const again = await house.enter('long-polling');
      for (let index = 0; index < 4; index++) await again.call('bad', { ext: { token: secret }, data: secret });
      await httpOf(again).post(`[{"ext":{"token":"${secret}"},`, { headers: { authorization: secret } });
      const ws = await openSession('websocket', house.url, { headers: { authorization: secret } });
      (ws.client as RawWebSocket).post(`[{"ext":{"token":"${secret}"},`);
      await (ws.client as RawWebSocket).closed;
      const log = house.log.lines.join('\n');
      expect(house.log.lines.length).toBeGreaterThan(3);
      for (const hidden of [
        secret,
        session.clientId,
        again.clientId,
        ...httpOf(session).jar.values(),
        ...httpOf(again).jar.values(),
      ])
        expect(log).not.toContain(hidden);
    },
  );
});

it('every hole of the notes has its test', () => {
  expect(tried).toEqual(Array.from({ length: 22 }, (_, index) => `V${index + 1}`));
});

/** Publishes data of every depth that might break something, to a victim who listens: it gets all that is allowed, and nothing else happens to it. */
async function sweepDepths(house: House, most: number): Promise<void> {
  const [attacker, victim] = [await house.enter('long-polling'), await house.enter()];
  await victim.subscribe('/deep');
  // The message is level 1.
  const around = [most - 2, most - 1, most, most + 1];
  const wide = [1_000, 2_000, 2_500, 2_750, 3_000, 3_250, 3_500, 3_800, 4_500, 6_000, 20_000, 200_000];
  for (const depth of [1, ...around, ...wide]) {
    const { id, clientId } = attacker.message('/deep');
    const data = '['.repeat(depth) + ']'.repeat(depth);
    const { status, body } = await httpOf(attacker).post(
      `[{"id":"${id}","clientId":"${clientId}","channel":"/deep","data":${data}}]`,
    );
    const isAllowed = depth <= most - 1;
    expect([depth, status]).toEqual([depth, isAllowed ? 200 : 400]);
    if (!isAllowed) continue;
    expect(JSON.parse(body)).toMatchObject([{ successful: true }]);
    expect(JSON.stringify((await victim.event('/deep')).data)).toBe(data);
  }
  expect(await victim.publish('/alive', 1)).toMatchObject({ successful: true });
  expect(await victim.connect(0)).toMatchObject({ successful: true });
}

/** A certificate that was good until a year ago. */
async function outdated(): Promise<{ cert: string; private: string }> {
  return generate([{ name: 'commonName', value: 'localhost' }], {
    keySize: 2048,
    algorithm: 'sha256',
    notBeforeDate: new Date('2020-01-01'),
    notAfterDate: new Date('2021-01-01'),
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  });
}

/** Our client knocks at a server with this certificate until it has failed twice. Answers the requests the server saw. */
async function visit(
  transport: RawTransport,
  { cert, private: key }: { cert: string; private: string },
  tls: object,
  answer: RequestListener,
): Promise<string[]> {
  const asked: string[] = [];
  const server = createTlsServer({ cert, key }, (request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  });
  server.on('upgrade', (request: IncomingMessage, socket) => {
    asked.push(request.url ?? '');
    socket.end('HTTP/1.1 302 Found\r\nLocation: /\r\nConnection: close\r\n\r\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new BayeuxClient(`https://localhost:${port}/cometd`, {
    transports: [transport],
    node: { tls },
    backoffIncrement: 1,
  });
  let failures = 0;
  await new Promise<void>((resolve) => {
    client.addListener('failure', () => void (++failures === 2 && resolve()));
    client.addListener('status', (status) => void (status.type === 'terminated' && resolve()));
    client.handshake().catch(() => resolve());
  });
  expect(client.isConnected).toBe(false);
  client.abort();
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return asked;
}

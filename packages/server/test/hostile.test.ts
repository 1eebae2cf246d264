/** Peers that mean harm: other spellings, wrong types, forged fields, stolen ids. Whatever they send, they get an answer, and nobody else notices. */
import type { WireMessage } from '@cometd-ts/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type House, held, host, httpOf, transports, withCookiesOf } from './hosting.ts';

/** Nothing of ours has failed, and nobody has taught all objects something new. */
function expectUnharmed(house: House): void {
  expect([...house.bayeux.diagnostics.counters.keys()].filter((name) => name.startsWith('failed.'))).toEqual([]);
  expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(prototypeNames);
}
const prototypeNames = Object.getOwnPropertyNames(Object.prototype).sort();

describe('another spelling of a meta channel', () => {
  it.each([
    '/meta/subscribe/x',
    '/meta/subscribe/',
    '/META/subscribe',
    ' /meta/subscribe',
    '/meta/subscribe ',
    '/meta//subscribe',
    '//meta/subscribe',
    '/meta/subscribe\u0000',
    '/meta/subscribe\n',
    '/meta/sub\u017fcribe',
    '/meta/./subscribe',
    '/meta/*',
    '/meta/**',
    '/meta/constructor',
    '/meta/__proto__',
    '/meta/toString',
    '/meta/close',
    '/meta/stop',
    '/meta/{x}',
  ])('subscribes nobody: %j', async (channel) => {
    const house = await host();
    const session = await house.enter();
    const seen: string[] = [];
    house.bayeux.addExtension({ rcvMeta: (_from, message) => void seen.push(message.channel) });
    const reply = await session.call(channel, { subscription: '/secret' });
    if (channel !== '/META/subscribe')
      expect(reply).toMatchObject({ successful: false, error: expect.stringMatching(/^40[0-9]:/) });
    expect(house.sideOf(session).subscriptions).toEqual([]);
    expect(seen).not.toContain('/meta/subscribe');
    expect(house.bayeux.channels.filter((one) => one.isMeta)).toHaveLength(5);
    expectUnharmed(house);
  });
});

describe('another spelling of a channel', () => {
  it.each([
    '/chat/room/',
    '/chat/room/ ',
    '/chat/room ',
    ' /chat/room',
    '/chat//room',
    '/chat/./room',
    '/chat/room\u0000',
    '/Chat/room',
  ])('does not get past a policy that denies /chat/room: %j', async (channel) => {
    const house = await host();
    const [attacker, victim] = [await house.enter(), await house.enter()];
    const judged: string[] = [];
    await victim.subscribe('/chat/room');
    house.bayeux.securityPolicy = {
      canPublish: (_server, _session, one) => {
        judged.push(one.id);
        return one.id !== '/chat/room';
      },
    };
    await attacker.publish(channel, 'evil');
    house.bayeux.securityPolicy = null;
    await house.bayeux.getChannel('/chat/room')?.publish(null, 'fence');
    await victim.event('/chat/room');
    expect(victim.inbox.all.filter((message) => 'data' in message)).toEqual([{ channel: '/chat/room', data: 'fence' }]);
    // What the policy saw is what was routed, to the letter.
    for (const one of judged) expect(one).toBe(channel);
  });

  it.each(['/a/*', '/a/**', '/*', '/**'])('a wildcard takes no message: %s', async (channel) => {
    const house = await host();
    const session = await house.enter();
    await session.subscribe(channel);
    expect(await session.publish(channel, 1)).toMatchObject({ successful: false, error: '405::channel_invalid' });
    expect(session.inbox.all.some((message) => 'data' in message)).toBe(false);
  });
});

describe('forged fields of a publish', () => {
  it('reach no subscriber: neither ids and advice nor credentials', async () => {
    const house = await host();
    const [attacker, victim] = [await house.enter(), await house.enter()];
    await victim.subscribe('/room');
    await attacker.ask({
      ...attacker.message('/room', { data: 'x' }),
      successful: true,
      advice: { reconnect: 'none' },
      ext: { token: 'S' },
      error: 'e',
      'x-messages': 9,
      timestamp: 'now',
      foo: 1,
    });
    expect(await victim.event('/room')).toEqual({ channel: '/room', data: 'x' });
  });

  it('that are named like the members of a message object do nothing', async () => {
    const house = await host({ forwardFields: ['*'] });
    const [attacker, victim] = [await house.enter(), await house.enter()];
    await victim.subscribe('/room');
    const names = [
      'lazy',
      'lazyTimeout',
      'associated',
      'handled',
      'context',
      'frozen',
      'size',
      'json',
      'freeze',
      'copy',
    ];
    await attacker.ask({
      ...attacker.message('/room', { data: 'x' }),
      ...Object.fromEntries(names.map((name) => [name, 1])),
    });
    expect(await victim.event('/room')).toEqual({ channel: '/room', data: 'x' });
    expectUnharmed(house);
  });
});

describe('a stolen clientId', () => {
  it.each([
    ['with a cookie of its own', true],
    ['without any cookie', false],
  ])('is worth nothing over HTTP %s, and the victim does not notice', async (_how, withCookie) => {
    const house = await host();
    const victim = await house.enter('long-polling');
    const { reply } = await held(house, victim);
    let woken = false;
    reply.then(
      () => {
        woken = true;
      },
      () => undefined,
    );
    const thief = withCookie ? await house.enter('long-polling') : await house.knock('long-polling');
    thief.clientId = victim.clientId;
    const unknown = { successful: false, error: '402::session_unknown' };
    expect(await thief.connect()).toMatchObject({ ...unknown, advice: { reconnect: 'handshake' } });
    expect(await thief.publish('/a', 1)).toMatchObject(unknown);
    expect(await thief.subscribe('/a')).toMatchObject(unknown);
    expect(await thief.disconnect()).toMatchObject(unknown);
    expect(house.sideOf(victim)).toMatchObject({ isConnected: true, subscriptions: [] });
    expect(woken).toBe(false);
    house.sideOf(victim).deliver(null, '/mail', 'private');
    await reply;
    expect(victim.inbox.events('/mail')).toHaveLength(1);
    expect(thief.inbox.events('/mail')).toEqual([]);
  });

  it('is worth nothing on a WebSocket that has a session of its own', async () => {
    const house = await host();
    const [victim, thief] = [await house.enter(), await house.enter()];
    const { reply } = await held(house, victim);
    const own = thief.clientId;
    thief.clientId = victim.clientId;
    expect(await thief.publish('/a', 1)).toMatchObject({ error: '402::session_unknown' });
    expect(await thief.connect()).toMatchObject({ error: '402::session_unknown', advice: { reconnect: 'handshake' } });
    expect(await thief.disconnect()).toMatchObject({ error: '402::session_unknown' });
    house.sideOf(victim).deliver(null, '/mail', 'private');
    expect(await victim.event('/mail')).toMatchObject({ data: 'private' });
    thief.clientId = own;
    expect(await thief.publish('/a', 1)).toMatchObject({ successful: true });
    expect(thief.inbox.events('/mail')).toEqual([]);
    house.sideOf(victim).disconnect();
    await reply;
  });

  it('is worth nothing on a fresh WebSocket with requireHandshakePerConnection', async () => {
    const house = await host({ requireHandshakePerConnection: true });
    const victim = await house.enter();
    const thief = await house.knock();
    thief.clientId = victim.clientId;
    expect(await thief.publish('/a', 1)).toMatchObject({ error: '402::session_unknown' });
    expect(await thief.connect()).toMatchObject({ error: '402::session_unknown', advice: { reconnect: 'handshake' } });
    expect(await victim.publish('/a', 1)).toMatchObject({ successful: true });
  });

  it.each(transports)('in the middle of an array over %s fails that message alone', async (transport) => {
    const house = await host();
    const [victim, thief] = [await house.enter(transport), await house.enter(transport)];
    const replies = await thief.ask(
      thief.message('/a', { data: 1 }),
      thief.message('/a', { data: 2, clientId: victim.clientId }),
      thief.message('/a', { data: 3 }),
    );
    expect(replies.map((reply) => reply.error)).toEqual([undefined, '402::session_unknown', undefined]);
  });

  it('is good in the same browser, over another connection', async () => {
    const house = await host();
    const session = await house.enter('long-polling');
    const tab = await house.knock('long-polling');
    withCookiesOf(session, tab);
    tab.clientId = session.clientId;
    expect(await tab.publish('/a', 1)).toMatchObject({ successful: true });
  });
});

describe('long names', () => {
  it.each([
    ['255 characters', `/${'x'.repeat(254)}`, undefined],
    ['256 characters', `/${'x'.repeat(255)}`, '400:maxChannelLength,255:limit_exceeded'],
    ['32 segments', '/x'.repeat(32), undefined],
    ['33 segments', '/x'.repeat(33), '400:maxChannelSegments,32:limit_exceeded'],
    ['30000 segments', '/x'.repeat(30_000), '400:maxChannelLength,255:limit_exceeded'],
  ])('of %s are channels or get an error', async (_what, channel, error) => {
    const house = await host();
    const session = await house.enter();
    const before = house.bayeux.channels.length;
    expect((await session.publish(channel, 1)).error).toBe(error);
    expect(house.bayeux.channels).toHaveLength(before + (error === undefined ? 1 : 0));
    expect((await session.subscribe(channel)).error).toBe(error);
    expect((await session.unsubscribe(channel)).error).toBe(error);
  });
});

describe('fields of any type', { timeout: 30_000 }, () => {
  const values = [
    'null',
    'true',
    '0',
    '-0',
    '1.5',
    '1e999',
    '12345678901234567890',
    '""',
    '"x"',
    '"__proto__"',
    '[]',
    '[[]]',
    '[null]',
    '{}',
    '{"length":1000000000}',
    '{"then":1,"toString":1,"toJSON":1,"valueOf":null}',
    '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}',
  ];
  const fields = [
    ...['channel', 'id', 'clientId', 'data', 'ext', 'advice', 'subscription', 'version', 'minimumVersion'],
    ...['supportedConnectionTypes', 'connectionType', 'timestamp', 'successful', 'error', 'x-messages'],
    ...['lazy', 'associated', 'handled', 'context', 'frozen', 'json', 'freeze', 'copy', 'size'],
    ...['then', 'toJSON', 'toString', 'valueOf', 'length', 'constructor', '__proto__', 'hasOwnProperty'],
  ];
  const channels = ['/a', '/service/a', '/meta/connect', '/meta/subscribe', '/meta/unsubscribe', '/meta/disconnect'];

  it.each(channels)('of a message on %s get one reply each', async (channel) => {
    const house = await host({ logLevel: 'debug', forwardFields: ['*'], maxSessionsPerCookie: -1 });
    // Whoever looks at messages meets all of them.
    house.bayeux.addExtension({ rcv: () => true, rcvMeta: () => true, send: () => true, sendMeta: () => true });
    house.bayeux.createChannelIfAbsent('/**').channel.addListener('message', () => true);
    const session = await house.enter('long-polling');
    for (const field of fields) {
      if (!house.bayeux.getSession(session.clientId)) await session.handshake();
      const clientId = JSON.stringify(session.clientId);
      const texts = values.map(
        (value) =>
          `{"id":"i","clientId":${clientId},"channel":${JSON.stringify(channel)},"subscription":"/s","data":1,"${field}":${value}}`,
      );
      const response = await httpOf(session).post(`[${texts.join()}]`);
      expect([field, response.status]).toEqual([field, 200]);
      const replies = (JSON.parse(response.body) as WireMessage[]).filter((message) => 'successful' in message);
      expect([field, replies.length]).toEqual([field, values.length]);
      for (const reply of replies) if (!reply.successful) expect(reply.error).toMatch(/^4\d\d:[^:]*:\w+$/);
    }
    expectUnharmed(house);
  });

  it.each(transports)('of a handshake over %s get one reply each', async (transport) => {
    const house = await host({ logLevel: 'debug', maxSessionsPerCookie: -1 });
    house.bayeux.addExtension({ rcvMeta: () => true, sendMeta: () => true });
    const session = await house.knock(transport);
    for (const field of fields) {
      if (field === 'channel') continue;
      for (const value of values) {
        const text = `[{"id":"i","channel":"/meta/handshake","version":"1.0","${field}":${value}}]`;
        const came = session.inbox.next((message) => message.channel === '/meta/handshake');
        if (session.client.transport === 'long-polling') expect((await session.client.post(text)).status).toBe(200);
        else session.client.post(text);
        const reply = await came;
        if (!reply.successful) expect(reply.error).toMatch(/^4\d\d:/);
      }
    }
    expectUnharmed(house);
  });
});

describe('names of prototypes', () => {
  it('at every level stay data: policies see nothing they did not get, and subscribers all they should', async () => {
    const house = await host({ forwardFields: ['ext'] });
    const seen: unknown[] = [];
    house.bayeux.securityPolicy = {
      canPublish: (_server, _session, _channel, message) => {
        const { ext, associated: reply } = message;
        seen.push(ext?.admin, (message as Record<string, unknown>).admin, reply?.admin, { ...ext }.admin);
      },
    };
    const session = await house.enter('long-polling');
    await session.subscribe('/a');
    const evil = '{"__proto__":{"admin":true}}';
    const response = await httpOf(session).post(
      `[{"id":"1","channel":"/a","clientId":"${session.clientId}","__proto__":{"admin":true},"ext":${evil},"advice":${evil},"data":${evil}}]`,
    );
    expect(seen.filter((value) => value !== undefined)).toEqual([]);
    expect(response.body).toContain(`"data":${evil}`);
    expect(response.body).toContain(`"ext":${evil}`);
    expectUnharmed(house);
  });
});

describe('times a client asks for', () => {
  const warnings: Error[] = [];
  const remember = (warning: Error): void => void warnings.push(warning);
  beforeEach(() => void process.on('warning', remember));
  afterEach(() => void process.off('warning', remember));

  it.each([2_147_483_648, 1e308, -1, '5', {}, null, true])('are kept within bounds: %j', async (time) => {
    const house = await host();
    const session = await house.enter();
    const { advice } = await session.call('/meta/connect', { advice: { timeout: 0, interval: time as never } });
    expect(advice?.interval).toBeGreaterThanOrEqual(0);
    expect(advice?.interval).toBeLessThanOrEqual(3_600_000);
    session.call('/meta/connect', { advice: { timeout: time as never } }).catch(() => undefined);
    await session.subscribe('/fence');
    expect(warnings.filter((warning) => warning.name === 'TimeoutOverflowWarning')).toEqual([]);
  });
});

describe('what JSON leaves open', () => {
  it('of two members with one name, the last counts, for the policy, the route and the reply', async () => {
    const house = await host();
    const session = await house.enter('long-polling');
    await session.subscribe(['/first', '/last']);
    const seen: string[] = [];
    house.bayeux.securityPolicy = { canPublish: (_server, _session, channel) => void seen.push(channel.id) };
    const response = await httpOf(session).post(
      `[{"id":"1","clientId":"${session.clientId}","channel":"/first","channel":"/last","data":1,"data":2}]`,
    );
    expect(JSON.parse(response.body)).toEqual([
      { channel: '/last', data: 2 },
      { id: '1', channel: '/last', successful: true },
    ]);
    expect(seen).toEqual(['/last']);
  });

  it.each([
    '9007199254740993',
    '1e999',
    '-0',
    '1.0',
    '1E2',
    '0.1000',
    '"\\ud800"',
    '{"a":9007199254740993,"b":"\\udc00x"}',
  ])('is delivered as it came: %s', async (data) => {
    const house = await host();
    const session = await house.enter('long-polling');
    await session.subscribe('/a');
    const response = await httpOf(session).post(
      `[{"id":"1","clientId":"${session.clientId}","channel":"/a","data":${data}}]`,
    );
    expect(response.body).toContain(`"data":${data}}`);
  });

  it('but bytes that are no UTF-8 are refused', async () => {
    const house = await host();
    for (const transport of transports) {
      const session = await house.enter(transport);
      const bytes = Buffer.from(`[{"id":"1","clientId":"${session.clientId}","channel":"/a","data":"\xff"}]`, 'latin1');
      if (session.client.transport === 'long-polling') expect((await session.client.post(bytes)).status).toBe(400);
      else {
        session.client.socket.send(bytes, { binary: false });
        expect(await session.client.closed).toMatchObject({ code: 1007 });
      }
    }
    expect(house.bayeux.getChannel('/a')).toBeUndefined();
  });

  it('objects of more than 1000 keys are refused, and names that look like numbers cost no more than others', async () => {
    const house = await host();
    const session = await house.enter('long-polling');
    const keys = (count: number): string =>
      `[${JSON.stringify({ ...session.message('/service/a'), data: Object.fromEntries(Array.from({ length: count }, (_, index) => [index, 1])) })}]`;
    expect((await httpOf(session).post(keys(1000))).status).toBe(200);
    expect((await httpOf(session).post(keys(1001))).status).toBe(400);
    for (let index = 0; index < 500; index++) house.bayeux.createChannelIfAbsent(`/${index * 65_536}`);
    expect(await session.publish('/65536', 1)).toMatchObject({ successful: true });
  });
});

/** `/meta/handshake`: what is asked, what is answered, and what a refusal leaves behind. */
import { describe, expect, it } from 'vitest';
import { host, transports } from '../hosting.ts';

describe.each(transports)('a handshake over %s', (transport) => {
  it('is answered with a new session and complete advice', async () => {
    const house = await host();
    const session = await house.knock(transport);
    expect(await session.handshake()).toEqual({
      id: '1',
      channel: '/meta/handshake',
      successful: true,
      clientId: expect.stringMatching(/^[0-9a-z]{25}$/),
      version: '1.0',
      minimumVersion: '1.0',
      supportedConnectionTypes: ['websocket', 'long-polling'],
      advice: { reconnect: 'retry', interval: 0, timeout: 30_000 },
    });
    expect(house.sideOf(session)).toMatchObject({
      isHandshook: true,
      isConnected: false,
      isTerminated: false,
      isLocalSession: false,
      transport,
    });
  });

  it('needs neither version nor connection types, and ignores a clientId', async () => {
    const house = await host();
    const session = await house.knock(transport);
    const [reply] = await session.ask({ id: '1', channel: '/meta/handshake', clientId: 'mine' });
    expect(reply).toMatchObject({ successful: true });
    expect(reply?.clientId).not.toBe('mine');
  });

  it('that is denied registers nothing and advises not to reconnect', async () => {
    const house = await host();
    house.bayeux.securityPolicy = { canHandshake: () => false };
    const session = await house.knock(transport);
    expect(await session.handshake()).toEqual({
      id: '1',
      channel: '/meta/handshake',
      successful: false,
      error: '403::handshake_denied',
      advice: { reconnect: 'none' },
    });
    expect(house.bayeux.sessions).toEqual([]);
    expect('jar' in session.client && session.client.jar.size).toBeFalsy();
  });

  it('that is denied keeps the advice and the words of the policy', async () => {
    const house = await host();
    house.bayeux.securityPolicy = {
      canHandshake: (_server, _session, { associated: reply }) => {
        if (reply) Object.assign(reply, { advice: { reconnect: 'handshake', interval: 5000 }, ext: { why: 'late' } });
        return false;
      },
    };
    expect(await (await house.knock(transport)).handshake()).toMatchObject({
      successful: false,
      advice: { reconnect: 'handshake', interval: 5000 },
      ext: { why: 'late' },
    });
  });

  it('of a client that has one makes another session, and the old one lives on', async () => {
    const house = await host();
    const session = await house.enter(transport);
    const old = session.clientId;
    await session.handshake();
    expect(session.clientId).not.toBe(old);
    expect(house.bayeux.getSession(old)?.isConnected).toBe(true);
    expect(house.bayeux.sessions).toHaveLength(2);
  });

  it('tells listeners of the server, then of the session, and remembers the user agent', async () => {
    const house = await host();
    const seen: string[] = [];
    house.bayeux.securityPolicy = {
      canHandshake: (_server, session) => {
        session.addListener('added', (_session, message) => seen.push(`session ${message.channel}`));
      },
    };
    house.bayeux.addListener('sessionAdded', (session, message) => {
      seen.push(`server ${message.channel} ${house.bayeux.getSession(session.id) === session}`);
    });
    await (await house.knock(transport)).handshake();
    expect(seen).toEqual(['server /meta/handshake true', 'session /meta/handshake']);
  });

  it('may carry messages that were queued meanwhile, and says how many have data', async () => {
    const house = await host({ allowMessageDeliveryDuringHandshake: true });
    house.bayeux.addListener('sessionAdded', (session) => {
      session.deliver(null, '/a', 1);
      session.deliver(null, { channel: '/b', ext: {} });
      session.deliver(null, '/a', 2);
    });
    const session = await house.knock(transport);
    expect(await session.handshake()).toMatchObject({ successful: true, 'x-messages': 2 });
    await session.connect(0);
    expect(session.inbox.all.map((message) => message.data ?? message.channel)).toEqual([
      '/meta/handshake',
      1,
      '/b',
      2,
      '/meta/connect',
    ]);
  });

  it("leaves queued messages to the first connect by default, and is the session's to decide", async () => {
    const house = await host();
    house.bayeux.addListener('sessionAdded', (session) => {
      session.deliver(null, '/a', 1);
    });
    const patient = await house.knock(transport);
    expect(await patient.handshake()).not.toHaveProperty('x-messages');
    expect(patient.inbox.events('/a')).toEqual([]);
    await patient.connect(0);
    expect(patient.inbox.events('/a')).toHaveLength(1);

    house.bayeux.securityPolicy = {
      canHandshake: (_server, session) => {
        session.allowMessageDeliveryDuringHandshake = true;
      },
    };
    expect(await (await house.knock(transport)).handshake()).toMatchObject({ 'x-messages': 1 });
  });

  it('advises maxInterval with handshakeReconnect', async () => {
    const house = await host({ handshakeReconnect: true, maxInterval: 7000, timeout: 4000, interval: 10 });
    expect(await (await house.knock(transport)).handshake()).toMatchObject({
      advice: { reconnect: 'retry', interval: 10, timeout: 4000, maxInterval: 7000 },
    });
  });

  it('together with other messages is refused as a whole', async () => {
    const house = await host();
    const session = await house.enter(transport);
    const payload = [session.message('/a', { data: 1 }), { channel: '/meta/handshake', version: '1.0' }];
    if (session.client.transport === 'long-polling') expect((await session.client.post(payload)).status).toBe(400);
    else {
      session.client.post(payload);
      expect(await session.client.closed).toMatchObject({ code: 1008 });
    }
    expect(house.bayeux.getChannel('/a')).toBeUndefined();
  });
});

describe('strictHandshake', () => {
  it.each([
    ['without a version', { version: undefined as never }, '400::version_unsupported'],
    ['with a version of the future', { version: '2.0' }, '400::version_unsupported'],
    ['without a common transport', { supportedConnectionTypes: ['pigeon'] }, '400::connection_types_unsupported'],
    ['without transports', { supportedConnectionTypes: 'websocket' }, '400::connection_types_unsupported'],
  ])('refuses a handshake %s', async (_what, fields, error) => {
    const house = await host({ strictHandshake: true });
    const session = await house.knock();
    expect(await session.handshake(fields)).toMatchObject({ successful: false, error, advice: { reconnect: 'none' } });
    expect(house.bayeux.sessions).toEqual([]);
  });

  it('takes a proper one', async () => {
    const house = await host({ strictHandshake: true });
    expect(await (await house.knock()).handshake()).toMatchObject({ successful: true });
  });
});

describe('a session made by a handshake', () => {
  it('may be disconnected by the listener that is told of it', async () => {
    const house = await host();
    house.bayeux.addListener('sessionAdded', (session) => session.disconnect());
    const session = await house.knock();
    await session.handshake();
    expect(house.bayeux.sessions).toEqual([]);
    expect(await session.connect(0)).toMatchObject({
      error: '402::session_unknown',
      advice: { reconnect: 'handshake' },
    });
  });

  it('may subscribe and publish before its first connect', async () => {
    const house = await host();
    const session = await house.knock();
    await session.handshake();
    expect(await session.subscribe('/a')).toMatchObject({ successful: true });
    expect(await session.publish('/a', 1)).toMatchObject({ successful: true });
    expect(await session.event('/a')).toMatchObject({ data: 1 });
  });
});

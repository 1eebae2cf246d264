/** Credentials of the typed client: asked for once, renewed when they are refused, and given up after a while. */
import { DefaultSecurityPolicy, type ServerMessage, type ServerSession } from '@cometd-ts/server';
import { describe, expect, it } from 'vitest';
import { Ear, outcome, vias } from '../faults/watched.ts';
import { Gate, Office } from './clients-auth-gate.ts';
import { arrive, invite, serve } from './clients-typed-house.ts';

/** Lets in who shows one of the tokens in the handshake's `ext`; others get reconnect `none`. */
class Doorman extends DefaultSecurityPolicy {
  readonly tokens: Set<unknown> = new Set();

  override canHandshake(_server: unknown, session: ServerSession, message: ServerMessage): boolean {
    return session.isLocalSession || this.tokens.has(message.ext?.token);
  }
}

describe.each(vias)('over %s', (via) => {
  it('auth is called once before the first handshake, with no reason; its fields are on every request and its ext in the handshake', async () => {
    const gate = await Gate.open('token-1');
    const office = new Office();
    const { client, wire } = invite(gate.url, via, {
      auth: office.auth,
      requestHeaders: { 'x-mine': 'kept', authorization: 'overridden' },
    });
    await client.handshake({ ext: { tenant: 'acme' } });
    await client.waitFor('connected');
    await client.getChannel('/a').publish(1);
    expect(office.reasons).toEqual([null]);
    expect(wire.sent('/meta/handshake')).toMatchObject([{ ext: { tenant: 'acme', token: 'token-1' } }]);
    expect(new Set(gate.shown)).toEqual(new Set(['token-1']));
    await client.disconnect();
  });

  it.each([401, 403] as const)(
    'a token that expires, answered with %i, is renewed once whatever fails with it, and the subscriptions are there again',
    async (status) => {
      const gate = await Gate.open('token-1');
      gate.status = status;
      const office = new Office();
      const { client, watched } = await arrive(gate.url, via, { auth: office.auth });
      const ear = new Ear();
      await client.getChannel('/news').subscribe(ear.listen);
      const from = watched.statuses.length;
      const restored = new Promise((resolve) => client.addListener('restored', resolve));
      gate.change('token-2');
      const published = Promise.all([1, 2, 3].map((n) => outcome('publish', client.getChannel('/a').publish(n))));
      await watched.status('connected', from);
      expect(await restored).toEqual({ channels: ['/news'], refused: [] });
      expect(office.reasons).toEqual([null, expect.objectContaining({ name: 'ClientError', httpCode: status })]);
      await published;
      await client.getChannel('/news').publish('renewed');
      await ear.hears('renewed');
      expect(gate.shown.at(-1)).toBe('token-2');
      expect(watched.statuses.slice(from)).toContainEqual(
        expect.objectContaining({ reason: expect.objectContaining({ httpCode: status }) }),
      );
      await client.disconnect();
    },
  );

  it('a handshake that is refused with 403 and reconnect none asks for other credentials', async () => {
    const server = await serve();
    const doorman = new Doorman();
    doorman.tokens.add('token-3');
    server.bayeux.securityPolicy = doorman;
    const office = new Office();
    const { client, wire, watched } = invite(server.url, via, { auth: office.auth });
    expect((await client.handshake()).successful).toBe(true);
    expect(wire.sent('/meta/handshake').map(({ ext }) => ext?.token)).toEqual(['token-1', 'token-2', 'token-3']);
    const denied = expect.objectContaining({ code: 'handshake_denied' });
    expect(office.reasons).toEqual([null, denied, denied]);
    expect(watched.story).not.toContain('terminated');
    await client.disconnect();
  });

  it('a connect that is refused with reconnect none asks for other credentials', async () => {
    const server = await serve({ timeout: 50 });
    const doorman = new Doorman();
    doorman.tokens.add('token-1');
    server.bayeux.securityPolicy = doorman;
    server.bayeux.addExtension({
      sendMeta: (_, session, reply) => {
        if (reply.channel !== '/meta/connect' || doorman.tokens.has('token-1') || !session) return true;
        if (session.attributes.has('renewed')) return true;
        reply.successful = false;
        reply.error = '401::token_expired';
        reply.advice = { reconnect: 'none', interval: 0 };
        return true;
      },
    });
    const office = new Office();
    const { client, watched } = await arrive(server.url, via, { auth: office.auth });
    const ear = new Ear();
    await client.getChannel('/news').subscribe(ear.listen);
    const from = watched.statuses.length;
    const restored = new Promise((resolve) => client.addListener('restored', resolve));
    server.bayeux.addListener('sessionAdded', (session) => {
      session.attributes.set('renewed', true);
    });
    doorman.tokens.clear();
    doorman.tokens.add('token-2');
    await watched.status('connected', from);
    await restored;
    expect(office.reasons).toEqual([null, expect.objectContaining({ message: expect.stringContaining('401') })]);
    await client.getChannel('/news').publish('renewed');
    await ear.hears('renewed');
    await client.disconnect();
  });

  it('credentials that are refused again and again end the client, which says so', async () => {
    const gate = await Gate.open();
    const office = new Office();
    const { client, watched } = invite(gate.url, via, { auth: office.auth, maxAuthRenewals: 2 });
    const error: unknown = await client.handshake().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      name: 'ClientError',
      code: 'unauthorized',
      message: expect.stringMatching(/2.*maxAuthRenewals/),
      cause: { httpCode: 401 },
    });
    expect(watched.statuses.at(-1)).toMatchObject({ type: 'terminated', error });
    expect(office.reasons).toHaveLength(3);
    expect(new Set(gate.shown)).toEqual(new Set(['token-1!', 'token-2!', 'token-3!']));
    gate.change('token-4');
    expect((await client.handshake()).successful).toBe(true);
    await client.disconnect();
  });

  it('tokens may expire more often than the limit, as long as each of them has worked', async () => {
    const gate = await Gate.open('token-1');
    const office = new Office();
    const { client, watched } = await arrive(gate.url, via, { auth: office.auth, maxAuthRenewals: 1 });
    for (let n = 2; n <= 4; n++) {
      const from = watched.statuses.length;
      gate.change(`token-${n}`);
      await watched.status('connected', from);
    }
    expect(office.reasons).toHaveLength(4);
    expect(watched.story).not.toContain('terminated');
    await client.disconnect();
  });

  it('an auth that fails at first ends the handshake with its error', async () => {
    const gate = await Gate.open('token-1');
    const reason = new Error('the vault is closed');
    const { client, watched } = invite(gate.url, via, {
      auth: () => {
        throw reason;
      },
    });
    await expect(client.handshake()).rejects.toBe(reason);
    expect(watched.statuses.at(-1)).toMatchObject({ type: 'terminated', error: reason });
    expect(gate.shown).toEqual([]);
    expect(client.state).toBe('disconnected');
  });

  it('an auth that fails at a renewal ends the client with its error, and pending work with it', async () => {
    const gate = await Gate.open('token-1');
    const reason = new Error('the vault is closed');
    const { client, watched } = await arrive(gate.url, via, {
      auth: async ({ reason: refusal }) => {
        if (refusal) throw reason;
        return { headers: { authorization: 'Bearer token-1' } };
      },
    });
    const terminated = watched.status('terminated');
    gate.change();
    expect(await terminated).toMatchObject({ error: reason });
    expect(client.state).toBe('disconnected');
    await expect(client.getChannel('/a').publish(1)).rejects.toMatchObject({ code: 'disconnected', sent: 'no' });
  });

  it('a client that is aborted while auth thinks does not begin', async () => {
    const gate = await Gate.open('token-1');
    let answer: (credentials: object) => void = () => undefined;
    const { client } = invite(gate.url, via, {
      auth: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    const shaking = outcome('handshake', client.handshake());
    client.abort();
    expect(await shaking).toMatchObject({ refused: { code: 'aborted' } });
    answer({ headers: { authorization: 'Bearer token-1' } });
    await new Promise(setImmediate);
    expect([client.state, gate.shown]).toEqual(['disconnected', []]);
  });

  it('what is denied to a subscription or a publish is no reason for other credentials', async () => {
    const server = await serve();
    const office = new Office();
    const { client } = await arrive(server.url, via, { auth: office.auth });
    await expect(client.getChannel('/secret/a').subscribe(() => undefined)).rejects.toMatchObject({ status: 403 });
    await expect(client.getChannel('/mute/a').publish(1)).rejects.toMatchObject({ status: 403 });
    expect(office.reasons).toEqual([null]);
    expect(client.status.type).toBe('connected');
  });

  it('without auth a refusal is final, or tried again as long as the server does not say none', async () => {
    const server = await serve();
    server.bayeux.securityPolicy = new Doorman();
    const { client } = invite(server.url, via);
    await expect(client.handshake()).rejects.toMatchObject({ code: 'handshake_denied' });
    const gate = await Gate.open();
    const other = invite(gate.url, via);
    const shaking = outcome('handshake', other.client.handshake());
    expect(await other.watched.status('unconnected', 0)).toMatchObject({ reason: { httpCode: 401 } });
    other.client.abort();
    await shaking;
  });
});

it.each(vias)(
  'over %s a renewal of credentials is told as re-handshaking, with the refusal as its reason',
  async (via) => {
    const gate = await Gate.open('token-1');
    const { client, watched } = await arrive(gate.url, via, { auth: new Office().auth });
    const from = watched.statuses.length;
    gate.change('token-2');
    await watched.status('connected', from);
    expect(watched.statuses.slice(from)).toContainEqual({
      type: 're-handshaking',
      reason: expect.objectContaining({ httpCode: 401 }),
    });
    await client.disconnect();
  },
);

it('a WebSocket that is refused for its credentials is opened with others, and long-polling is not needed', async () => {
  const gate = await Gate.open('token-2');
  const office = new Office();
  const { client, watched } = invite(gate.url, 'websocket', {
    auth: office.auth,
    transports: ['websocket', 'long-polling'],
  });
  await client.handshake();
  await client.waitFor('connected');
  expect(client.transport).toBe('websocket');
  const from = watched.statuses.length;
  gate.change('token-3');
  await watched.status('connected', from);
  expect(client.transport).toBe('websocket');
  expect(office.reasons).toHaveLength(3);
  expect(watched.story).not.toContain('degraded');
  await client.disconnect();
});

it('where WebSockets are refused whatever the credentials, long-polling carries on', async () => {
  const gate = await Gate.open('token-1', 'token-2', 'token-3');
  gate.webSockets = false;
  gate.status = 403;
  const office = new Office();
  const { client, watched } = invite(gate.url, 'websocket', {
    auth: office.auth,
    transports: ['websocket', 'long-polling'],
  });
  await client.handshake();
  expect((await watched.status('connected', 0)).transport).toBe('long-polling');
  expect(client.status).toMatchObject({ type: 'degraded' });
  expect(office.reasons.length).toBeLessThanOrEqual(3);
  await client.disconnect();
});

/** A typed client from its first handshake to its end: waiting, signals, aborting, and blocks that clean up. */
import { BayeuxClient, ClientError } from '@cometd-ts/client/node';
import { HonestReplies, MaliciousServer, ToxicProxy } from '@cometd-ts/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { outcome, quick, vias } from '../faults/watched.ts';
import { arrive, invite, serve, sessionOf } from './clients-typed-house.ts';

/** An address where nobody listens. */
const nobody = 'http://127.0.0.1:1/cometd';

describe.each(vias)('over %s', (via) => {
  it('waitFor resolves for the state itself and for every state that comes after it', async () => {
    const server = await serve();
    const { client } = invite(server.url, via);
    expect(await client.waitFor(['connected', 'disconnected'])).toBe('disconnected');
    const states = Promise.all([
      client.waitFor('handshaking'),
      client.waitFor('handshaken'),
      client.waitFor('connected'),
    ]);
    await client.handshake();
    expect(await states).toEqual(['handshaking', 'handshaken', 'connected']);
    expect(await client.waitFor('handshaking')).toBe('connected');
    expect(await client.waitFor('rehandshaking')).toBe('connected');
    expect(await client.waitFor('connecting')).toBe('connected');
    const gone = Promise.all([client.waitFor('disconnecting'), client.waitFor('terminating')]);
    await client.disconnect();
    expect(await gone).toEqual(['disconnecting', 'terminating']);
    expect(await client.waitFor('disconnecting')).toBe('disconnected');
  });

  it('waitFor gives up after its time, and says which state there is instead', async () => {
    const server = await serve();
    const { client } = await arrive(server.url, via);
    const error: unknown = await client
      .waitFor(['unconnected', 'disconnected'], { timeout: 5 })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({ code: 'timeout', message: expect.stringMatching(/connected.*5 ms.*unconnected/) });
  });

  it('waitFor gives up with its signal', async () => {
    const server = await serve();
    const { client } = await arrive(server.url, via);
    const stop = new AbortController();
    const waiting = client.waitFor('disconnected', { signal: stop.signal });
    const reason = new Error('no more');
    stop.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(client.waitFor('disconnected', { signal: stop.signal })).rejects.toBe(reason);
    expect(client.isConnected).toBe(true);
  });

  it('a second handshake meanwhile is the first one, and one in a session throws', async () => {
    const server = await serve();
    const { client, wire } = invite(server.url, via);
    const first = client.handshake();
    expect(client.handshake()).toBe(first);
    expect((await first).clientId).toBe(client.id);
    expect(() => client.handshake()).toThrow(TypeError);
    expect(wire.sent('/meta/handshake')).toHaveLength(1);
  });

  it('ext of the handshake arrives, and again when the session is renewed', async () => {
    const server = await serve();
    const { client, wire, watched } = invite(server.url, via);
    await client.handshake({ ext: { tenant: 'acme' } });
    await client.waitFor('connected');
    const from = watched.statuses.length;
    await server.close();
    await serve({}, server.port);
    await watched.status('connected', from);
    const exts = wire.sent('/meta/handshake').map(({ ext }) => ext?.tenant);
    expect(exts.length).toBeGreaterThanOrEqual(2);
    expect(new Set(exts)).toEqual(new Set(['acme']));
  });

  it('the signal of a handshake aborts the client, even one that has tried in vain for a while', async () => {
    const { client, watched } = invite(nobody, via);
    const stop = new AbortController();
    const shaking = outcome('handshake', client.handshake({ signal: stop.signal }));
    const { attempt, nextTry } = await watched.status('unconnected', 0);
    expect([attempt, nextTry >= 0]).toEqual([1, true]);
    const reason = new Error('enough');
    stop.abort(reason);
    expect(await shaking).toEqual({ refused: reason });
    expect([client.state, client.status.type]).toEqual(['disconnected', 'disconnected']);
    await expect(client.handshake({ signal: stop.signal })).rejects.toBe(reason);
    expect(client.state).toBe('disconnected');
  });

  it('the signal of a handshake means nothing once it has succeeded', async () => {
    const server = await serve();
    const { client } = invite(server.url, via);
    const stop = new AbortController();
    await client.handshake({ signal: stop.signal });
    stop.abort();
    await client.waitFor('connected');
    expect((await client.getChannel('/a').publish(1)).successful).toBe(true);
  });

  it('the signal of a publish ends the wait for its reply', async () => {
    const server = await serve();
    const { client } = await arrive(server.url, via);
    const stop = new AbortController();
    const reason = new Error('not interested');
    const heard = new Promise((resolve) =>
      server.bayeux.createChannelIfAbsent('/a').channel.addListener('message', (_, __, { data }) => resolve(data)),
    );
    const publishing = client.getChannel('/a').publish(1, { signal: stop.signal });
    stop.abort(reason);
    await expect(publishing).rejects.toBe(reason);
    expect(await heard).toBe(1);
    await expect(client.getChannel('/a').publish(2, { signal: stop.signal })).rejects.toBe(reason);
  });

  it('the signal of a disconnect ends the wait for it', async () => {
    const server = await serve();
    const proxy = await ToxicProxy.start(server.port);
    onTestFinished(() => proxy.close());
    const { client } = await arrive(proxy.through(server.url), via);
    proxy.blackHole();
    const reason = new Error('cannot wait');
    await expect(client.disconnect({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    client.abort();
    expect(client.state).toBe('disconnected');
  });

  it('abort ends at once and without a word to the server; what is under way fails, and a new handshake works', async () => {
    const server = await serve();
    const { client, wire, watched } = await arrive(server.url, via);
    const session = sessionOf(server, client);
    const publishing = outcome('publish', client.getChannel('/a').publish(1));
    const calling = outcome('a call', client.remoteCall('nobody', 1));
    client.abort();
    expect([client.state, client.id, client.transport]).toEqual(['disconnected', null, null]);
    expect(await publishing).toMatchObject({ refused: { code: 'aborted' } });
    expect(await calling).toMatchObject({ refused: { name: 'ClientError' } });
    expect(wire.sent('/meta/disconnect')).toEqual([]);
    expect(watched.story.at(-1)).toBe('disconnected');
    await client.handshake();
    await client.waitFor('connected');
    expect(client.id).not.toBe(session.id);
    expect((await client.getChannel('/a').publish(2)).successful).toBe(true);
  });

  it('abort ends a handshake that is under way', async () => {
    const server = await MaliciousServer.start({ script: () => ({ type: 'silence' }) });
    onTestFinished(() => server.close());
    const { client } = invite(server.url, via);
    const shaking = outcome('handshake', client.handshake());
    await server.hasAsked(1);
    client.abort();
    expect(await shaking).toMatchObject({ refused: { code: 'aborted' } });
    expect(client.status).toEqual({ type: 'disconnected' });
  });

  it('disconnect resolves when the session is over at the server, and again when there is none', async () => {
    const server = await serve();
    const { client, wire } = await arrive(server.url, via);
    const ending = client.disconnect();
    await Promise.all([ending, client.disconnect()]);
    expect(server.bayeux.sessions).toEqual([]);
    expect(wire.sent('/meta/disconnect')).toHaveLength(1);
    await client.disconnect();
    expect(client.status).toEqual({ type: 'disconnected' });
    await expect(client.getChannel('/a').publish(1)).rejects.toMatchObject({ code: 'disconnected', sent: 'no' });
    await expect(client.remoteCall('echo', 1)).rejects.toMatchObject({ code: 'disconnected', sent: 'no' });
  });

  it('a block with await using leaves no session behind, whatever happens in it', async () => {
    const server = await serve();
    const block = async (): Promise<void> => {
      await using client = new BayeuxClient(server.url, { ...quick, transports: [via] });
      await client.handshake();
      await client.waitFor('connected');
      expect(server.bayeux.sessions).toHaveLength(1);
      throw new Error('in the block');
    };
    await expect(block()).rejects.toThrow('in the block');
    expect(server.bayeux.sessions).toEqual([]);
  });

  it('a block with await using in which nothing began ends as well', async () => {
    await using client = new BayeuxClient(nobody, { ...quick, transports: [via] });
    expect(client.state).toBe('disconnected');
  });

  it('a handshake that is refused for good rejects with what the server says, and the status says it, too', async () => {
    const server = await MaliciousServer.start();
    onTestFinished(() => server.close());
    const truth = new HonestReplies(50);
    server.script = ({ messages }) => ({
      type: 'text',
      text: JSON.stringify(
        truth.to(messages).map(({ clientId: _, ...reply }) => ({
          ...reply,
          successful: false,
          error: '403::handshake_denied',
          advice: { reconnect: 'none' },
        })),
      ),
    });
    const { client, watched } = invite(server.url, via);
    const error: unknown = await client.handshake().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'BayeuxError', code: 'handshake_denied', status: 403 });
    expect(watched.statuses.at(-1)).toEqual({ type: 'terminated', reason: expect.stringContaining('403'), error });
    expect(client.state).toBe('disconnected');
  });
});

it('a URL must be absolute', () => {
  expect(() => new BayeuxClient('/cometd')).toThrow(TypeError);
});

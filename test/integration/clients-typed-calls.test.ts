/** What the typed client sends: batches, publishes that fail and say how far they got, and remote calls. */
import { BayeuxError, BinaryExtension, ClientError } from '@cometd-ts/client/node';
import { type Launched, MaliciousServer, ToxicProxy } from '@cometd-ts/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Ear, outcome, vias } from '../faults/watched.ts';
import { arrive, invite, isHeld, serve } from './clients-typed-house.ts';

/** Adds methods that can be called: one that fails, one that is never answered, and one that says what it got. */
function addMethods({ bayeux }: Launched): unknown[] {
  const asked: unknown[] = [];
  bayeux.createChannelIfAbsent('/service/fail').channel.addListener('message', (from, { id: channel }, { id = '' }) => {
    from?.deliver(null, { id, channel, successful: false, data: { reason: 'no such user' } });
  });
  bayeux.createChannelIfAbsent('/service/mute').channel.addListener('message', (_, __, { data }) => {
    asked.push(data);
  });
  return asked;
}

describe.each(vias)('over %s', (via) => {
  describe('a batch', () => {
    it('is one request or frame, in the order of the calls', async () => {
      const server = await serve();
      const { client, wire } = await arrive(server.url, via);
      const ear = new Ear();
      const from = wire.envelopes.length;
      const sent: Promise<unknown>[] = [];
      client.batch(() => {
        sent.push(client.getChannel('/a').subscribe(ear.listen));
        client.batch(() => {
          for (let n = 0; n < 3; n++) sent.push(client.getChannel('/a').publish(n));
        });
        sent.push(client.remoteCall('echo', 'x'));
        expect(
          wire.envelopes
            .slice(from)
            .flat()
            .filter(({ channel }) => channel !== '/meta/connect'),
        ).toEqual([]);
      });
      await Promise.all(sent);
      await ear.hears(2);
      const envelopes = wire.envelopes.slice(from).filter(([first]) => first?.channel !== '/meta/connect');
      expect(envelopes.map((one) => one.map(({ channel }) => channel))).toEqual([
        ['/meta/subscribe', '/a', '/a', '/a', '/service/echo'],
      ]);
      expect(ear.heard).toEqual([0, 1, 2]);
    });

    it('goes out even if its block throws', async () => {
      const server = await serve();
      const { client, wire } = await arrive(server.url, via);
      let sent: Promise<unknown> | undefined;
      expect(() =>
        client.batch(() => {
          sent = client.getChannel('/a').publish(1);
          throw new Error('in the block');
        }),
      ).toThrow('in the block');
      await sent;
      expect(wire.sent('/a')).toHaveLength(1);
    });

    it('can be opened and closed by hand; endBatch says whether it went out', async () => {
      const server = await serve();
      const { client } = await arrive(server.url, via);
      client.startBatch();
      client.startBatch();
      const sent = client.getChannel('/a').publish(1);
      expect(client.endBatch()).toBe(false);
      expect(client.endBatch()).toBe(true);
      expect(((await sent) as { successful?: boolean }).successful).toBe(true);
      expect(() => client.endBatch()).toThrow();
    });

    it('that is open when the client disconnects fails with all it holds, certainly not sent', async () => {
      const server = await serve();
      const { client, wire } = await arrive(server.url, via);
      client.startBatch();
      const sent = outcome('publish', client.getChannel('/a').publish(1));
      await client.disconnect();
      expect(await sent).toMatchObject({ refused: { code: 'disconnected', sent: 'no' } });
      expect(wire.sent('/a')).toEqual([]);
    });
  });

  describe('a publish', () => {
    it('resolves with the reply of the server', async () => {
      const server = await serve();
      const { client } = await arrive(server.url, via);
      expect(await client.getChannel('/a').publish({ n: 1 }, { ext: { x: 1 } })).toMatchObject({
        channel: '/a',
        successful: true,
      });
    });

    it('that the server denies rejects with its error, and failure tells', async () => {
      const server = await serve();
      const { client, watched } = await arrive(server.url, via);
      const error: unknown = await client
        .getChannel('/mute/a')
        .publish(1)
        .catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(BayeuxError);
      expect(error).toMatchObject({ code: 'publish_denied', status: 403 });
      expect(watched.failures).toEqual([expect.objectContaining({ code: 'publish_denied' })]);
    });

    it('that cannot be said in JSON, or is too long, was certainly not sent, and its neighbours are', async () => {
      const server = await serve();
      const { client, watched } = await arrive(server.url, via, { maxSendBayeuxMessageSize: 300 });
      const circular: Record<string, unknown> = {};
      circular.self = circular;
      const sent: Promise<unknown>[] = [];
      client.batch(() => {
        for (const data of [1, circular, 'x'.repeat(500), 2]) {
          sent.push(outcome('publish', client.getChannel('/a').publish(data)));
        }
      });
      const [one, unsaid, long, two] = await Promise.all(sent);
      expect([one, two]).toEqual(['ok', 'ok']);
      expect(unsaid).toMatchObject({ refused: { sent: 'no', cause: expect.any(TypeError) } });
      expect(long).toMatchObject({ refused: { code: 'too_large', sent: 'no' } });
      expect(watched.failures).toHaveLength(2);
    });

    it('that an extension deletes was certainly not sent', async () => {
      const server = await serve();
      const { client, wire } = await arrive(server.url, via);
      const registration = client.addExtension({ outgoing: (message) => (message.channel === '/a' ? null : message) });
      const error: unknown = await client
        .getChannel('/a')
        .publish(1)
        .catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ClientError);
      expect(error).toMatchObject({ code: 'message_deleted', sent: 'no' });
      expect(wire.sent('/a')).toEqual([]);
      registration.remove();
      expect((await client.getChannel('/a').publish(2)).successful).toBe(true);
    });

    it('before the handshake was certainly not sent', async () => {
      const { client } = invite('http://127.0.0.1:1/cometd', via);
      await expect(client.getChannel('/a').publish(1)).rejects.toMatchObject({ code: 'disconnected', sent: 'no' });
    });

    it('while the handshake is under way waits for it', async () => {
      const server = await serve();
      const { client } = invite(server.url, via);
      const shaking = client.handshake();
      const published = client.getChannel('/a').publish(1);
      await shaking;
      expect((await published).successful).toBe(true);
    });

    it('whose reply was lost was perhaps sent: the server has it', async () => {
      const server = await serve();
      const proxy = await ToxicProxy.start(server.port);
      onTestFinished(() => proxy.close());
      const { client } = await arrive(proxy.through(server.url), via);
      const arrived = new Promise((resolve) =>
        server.bayeux.createChannelIfAbsent('/a').channel.addListener('message', (_, __, { data }) => {
          proxy.reset();
          resolve(data);
        }),
      );
      const publishing = outcome('publish', client.getChannel('/a').publish('kept'));
      expect(await arrived).toBe('kept');
      expect(await publishing).toMatchObject({ refused: { sent: 'perhaps' } });
    });

    it('to a server that is gone was certainly not sent', async () => {
      const server = await serve();
      const { client, watched } = await arrive(server.url, via, { backoffIncrement: 60_000, maxBackoff: 60_000 });
      const from = watched.statuses.length;
      await server.close();
      await watched.status('unconnected', from);
      expect(await outcome('publish', client.getChannel('/a').publish(1))).toMatchObject({
        refused: { name: 'ClientError', sent: 'no' },
      });
    });

    it('that gets no reply in time was perhaps sent', async () => {
      const server = await MaliciousServer.start({ hold: 20 });
      onTestFinished(() => server.close());
      const { client } = await arrive(server.url, via, { maxNetworkDelay: 100 });
      const { script } = server;
      server.script = (asked, honest) =>
        asked.messages.some(({ channel }) => channel === '/a') ? { type: 'silence' } : script(asked, honest);
      // A WebSocket that is silent while others talk is alive: the silence must be complete.
      if (via === 'websocket') server.script = () => ({ type: 'silence' });
      expect(await outcome('publish', client.getChannel('/a').publish(1))).toMatchObject({
        refused: { sent: 'perhaps', code: expect.stringMatching(/timeout|closed/) },
      });
    });

    it('of bytes arrives as bytes', async () => {
      const server = await serve({ forwardFields: ['ext'] });
      const { client } = await arrive(server.url, via, { extensions: [new BinaryExtension()] });
      const got = new Promise((resolve) => {
        client.getChannel('/files').subscribe(({ data }) => resolve(data));
      });
      await client.getChannel('/files').publishBinary(Uint8Array.of(1, 2, 255).subarray(1), { meta: { name: 'x' } });
      const chunk = (await got) as { data: ArrayBuffer; last: boolean; meta: unknown };
      expect([...new Uint8Array(chunk.data)]).toEqual([2, 255]);
      expect(chunk).toMatchObject({ last: true, meta: { name: 'x' } });
    });
  });

  describe('a remote call', () => {
    it('resolves with the result, with or without a slash before the target', async () => {
      const server = await serve();
      const { client } = await arrive(server.url, via);
      expect(await client.remoteCall('echo', { question: 42 })).toEqual({ question: 42 });
      expect(await client.remoteCall('/echo', null)).toBeNull();
    });

    it('many at a time get each their own', async () => {
      const server = await serve();
      const { client } = await arrive(server.url, via);
      const numbers = Array.from({ length: 50 }, (_, n) => n);
      expect(await Promise.all(numbers.map((n) => client.remoteCall('echo', n)))).toEqual(numbers);
    });

    it('that the method fails rejects, and the cause is what it failed with', async () => {
      const server = await serve();
      addMethods(server);
      const { client } = await arrive(server.url, via);
      await expect(client.remoteCall('fail', 'bob')).rejects.toMatchObject({
        message: expect.stringContaining('fail'),
        cause: { reason: 'no such user' },
      });
    });

    it('that the server denies rejects with its error', async () => {
      const server = await serve();
      const { client } = await arrive(server.url, via);
      server.bayeux.createChannelIfAbsent('/service/club', (channel) => {
        channel.addAuthorizer({ authorize: () => ({ verdict: 'deny', reason: 'members' }) });
      });
      await expect(client.remoteCall('club', 1)).rejects.toMatchObject({ code: 'publish_denied' });
    });

    it('that nobody answers gives up after its timeout, perhaps sent', async () => {
      const server = await serve();
      const asked = addMethods(server);
      const { client } = await arrive(server.url, via);
      const error: unknown = await client.remoteCall('mute', 7, { timeout: 50 }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ClientError);
      expect(error).toMatchObject({ code: 'timeout', sent: 'perhaps' });
      expect(asked).toEqual([7]);
    });

    it('that nobody answers gives up with its signal, and one that has fired sends nothing', async () => {
      const server = await serve();
      const asked = addMethods(server);
      const { client, wire } = await arrive(server.url, via);
      const stop = new AbortController();
      const reason = new Error('changed my mind');
      const calling = client.remoteCall('mute', 7, { signal: stop.signal });
      stop.abort(reason);
      await expect(calling).rejects.toBe(reason);
      await expect(client.remoteCall('mute', 8, { signal: stop.signal })).rejects.toBe(reason);
      await client.remoteCall('echo', 'done');
      expect(asked).toEqual([7]);
      expect(wire.sent('/service/mute')).toHaveLength(1);
    });

    it('that is under way when the client disconnects or aborts fails', async () => {
      const server = await serve();
      addMethods(server);
      for (const leave of ['disconnect', 'abort'] as const) {
        const { client } = await arrive(server.url, via);
        const calling = outcome('the call', client.remoteCall('mute', 1, { timeout: 0 }));
        await client.remoteCall('echo', 1);
        await client[leave]();
        expect(await calling).toMatchObject({ refused: { name: 'ClientError', sent: 'perhaps' } });
      }
    });

    it('that is under way when the session is lost fails', async () => {
      const server = await serve();
      addMethods(server);
      const { client } = await arrive(server.url, via);
      const calling = outcome('the call', client.remoteCall('mute', 1, { timeout: 0 }));
      await client.remoteCall('echo', 1);
      await server.close();
      await serve({}, server.port);
      expect(await calling).toMatchObject({ refused: { name: 'ClientError', sent: 'perhaps' } });
    });

    it('that waits for a free connection when the client aborts was aborted, too', async () => {
      const server = await serve();
      const { client } = await arrive(server.url, via);
      outcome('publish', client.getChannel('/a').publish(1));
      const calling = outcome('a call', client.remoteCall('nobody', 1));
      client.abort();
      expect(await calling).toMatchObject({ refused: { code: 'aborted' } });
    });

    it('to an illegal target throws', () => {
      const { client } = invite('http://127.0.0.1:1/cometd', via);
      expect(() => client.remoteCall('a?b', 1)).toThrow(RangeError);
    });
  });

  it('a probe proves that the server is there, and is nobody else’s business', async () => {
    const server = await serve();
    const { client, watched } = await arrive(server.url, via);
    if (via === 'long-polling') await isHeld(server, client);
    await client.probe();
    expect(watched.failures).toEqual([]);
    await server.close();
    await expect(client.probe()).rejects.toBeInstanceOf(ClientError);
  });
});

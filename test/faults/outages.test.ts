/** Servers that die, lines that go dead: the client notices in time, says so, and comes back. */
import { CometD, type Message } from '@cometd-ts/client/node';
import { type Launched, launch, ToxicProxy } from '@cometd-ts/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { Ear, outcome, type Via, vias, Watched } from './watched.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(port = 0, options: object = {}): Promise<Launched> {
  const server = await launch({ port, options: { timeout: 5000, sweepPeriod: 100, ...options } });
  closers.push(() => server.close());
  return server;
}

async function proxied(server: Launched): Promise<ToxicProxy> {
  const proxy = await ToxicProxy.start(server.port);
  closers.push(() => proxy.close());
  return proxy;
}

async function arrive(url: string, via: Via, options: object = {}): Promise<Watched> {
  const watched = new Watched(url, via, options);
  closers.push(async () => watched.client.abort());
  const connected = watched.status('connected', 0);
  await watched.client.handshake();
  await connected;
  return watched;
}

/** Resolves when the server holds a connect of this client: from then on the line is in use. */
function isHeld(server: Launched, watched: Watched): Promise<void> {
  const session = server.bayeux.getSession(watched.client.id ?? '');
  return new Promise((resolve) => {
    session?.addListener('suspended', () => resolve());
    // A connect may be held already. What is delivered lets it go, and the next one is held.
    session?.deliver(null, { channel: '/next', data: null });
  });
}

describe.each(vias)('over %s', (via) => {
  it('a restarted server finds the same client with the same subscriptions, and the client says they were renewed', async () => {
    const server = await serve();
    const watched = await arrive(server.url, via);
    const { client } = watched;
    const [room, hall] = [new Ear(), new Ear()];
    await client.getChannel('/room/a').subscribe(room.listen);
    await client.getChannel('/hall/**').subscribe(hall.listen);
    const before = client.id;
    const restored = new Promise<void>((resolve) => client.addListener('restored', () => resolve()));
    const from = watched.statuses.length;

    await server.close();
    const down = await watched.status('unconnected', from);
    expect(down.reason).toBeTruthy();
    expect(down.nextTry).toBeGreaterThanOrEqual(0);
    expect(down.attempt).toBeGreaterThanOrEqual(1);
    expect(client.isConnected).toBe(false);
    expect(client.status.type).not.toBe('connected');
    const again = await serve(server.port);
    const back = await watched.status('connected', from);
    expect(back).toMatchObject({ type: 'connected', transport: via, recovered: false, id: client.id });
    expect(client.id).not.toBe(before);
    expect(watched.story.slice(from)).toContain('session-lost');
    expect(watched.story.slice(from)).toContain('re-handshaking');

    await restored;
    const session = again.bayeux.getSession(client.id ?? '');
    expect(session?.subscriptions.map(({ id }) => id).sort()).toEqual(['/hall/**', '/room/a']);
    again.bayeux.getChannel('/room/a')?.publish(null, 1);
    await client.getChannel('/hall/x').publish(2);
    await Promise.all([room.hears(1), hall.hears(2)]);
    await client.disconnect();
    expect(client.state).toBe('disconnected');
    expect(again.bayeux.sessions).toEqual([]);
  });

  it('a client that is started before its server connects once there is one, and tells each try', async () => {
    const first = await serve();
    await first.close();
    const watched = new Watched(first.url, via);
    closers.push(async () => watched.client.abort());
    const handshake = outcome('handshake', watched.client.handshake());
    const tries = await watched.status('unconnected', 0);
    expect(tries.attempt).toBe(1);
    const second = await watched.status('unconnected', watched.statuses.length);
    expect(second.attempt).toBeGreaterThan(1);
    await serve(first.port);
    await watched.status('connected', 0);
    await handshake;
  });

  it('a line that goes dead is noticed within maxNetworkDelay after the time the server holds a connect', async () => {
    const server = await serve(0, { timeout: 100 });
    const proxy = await proxied(server);
    const watched = await arrive(proxy.through(server.url), via, { maxNetworkDelay: 200, connectTimeout: 200 });
    const { client } = watched;
    const ear = new Ear();
    await client.getChannel('/a').subscribe(ear.listen);
    const { id } = client;
    const from = watched.statuses.length;
    proxy.blackHole();
    const start = performance.now();
    await watched.status(['degraded', 'unconnected'], from);
    expect(performance.now() - start).toBeLessThan(100 + 200 + 400);
    const unsure = await outcome('publish', client.getChannel('/a').publish('lost'));
    expect(unsure).toMatchObject({ refused: { sent: expect.stringMatching(/^(no|perhaps)$/) } });

    const down = watched.statuses.length;
    proxy.heal();
    const back = await watched.status('connected', down);
    expect(back).toMatchObject({ recovered: true, id });
    server.bayeux.getChannel('/a')?.publish(null, 'news');
    await ear.hears('news');
    expect(ear.count('lost')).toBe(0);
  });

  it('a probe finds a dead line at once, without waiting for the connect', async () => {
    const server = await serve();
    const proxy = await proxied(server);
    const watched = await arrive(proxy.through(server.url), via, { maxNetworkDelay: 200, connectTimeout: 200 });
    await watched.client.probe();
    expect(watched.client.status.type).toBe('connected');
    const from = watched.statuses.length;
    proxy.blackHole();
    const start = performance.now();
    expect(await outcome('probe', watched.client.probe())).not.toBe('ok');
    expect(performance.now() - start).toBeLessThan(600);
    await watched.status(['degraded', 'unconnected'], from);
    const down = watched.statuses.length;
    proxy.heal();
    await watched.status('connected', down);
  });

  it('a reset line leads to unconnected, then to connected with the session as it was', async () => {
    const server = await serve();
    const proxy = await proxied(server);
    const watched = await arrive(proxy.through(server.url), via);
    const ear = new Ear();
    await watched.client.getChannel('/a').subscribe(ear.listen);
    const { id } = watched.client;
    for (let round = 0; round < 5; round++) {
      await isHeld(server, watched);
      const from = watched.statuses.length;
      proxy.reset();
      await watched.status('unconnected', from);
      expect(await watched.status('connected', from)).toMatchObject({ recovered: true, id });
      server.bayeux.getChannel('/a')?.publish(null, round);
      await ear.hears(round);
    }
    expect(ear.heard).toEqual([0, 1, 2, 3, 4]);
    expect(watched.client.status).toBe(watched.statuses.at(-1));
  });

  it('a message that cannot have left is told from one that perhaps has', async () => {
    const server = await serve();
    const proxy = await proxied(server);
    const watched = await arrive(proxy.through(server.url), via, { backoffIncrement: 60_000, maxBackoff: 60_000 });
    const room = watched.client.getChannel('/a');
    await isHeld(server, watched);
    proxy.blackHole();
    const sent = proxy.seen.up;
    const perhaps = outcome('publish', room.publish(1));
    while (proxy.seen.up === sent) await new Promise(setImmediate);
    const from = watched.statuses.length;
    proxy.reset();
    expect(await perhaps).toMatchObject({ refused: { sent: 'perhaps' } });
    await watched.status('unconnected', from);
    await proxy.close();
    expect(await outcome('publish', room.publish(2))).toMatchObject({ refused: { sent: 'no' } });
  });

  it('bytes that come in pieces and slowly are the same messages', async () => {
    const server = await serve();
    const proxy = await proxied(server);
    proxy.slice(1);
    const watched = await arrive(proxy.through(server.url), via);
    const ear = new Ear<string>();
    const text = 'Grüße, 世界 🌍 '.repeat(20);
    await watched.client.getChannel('/a').subscribe(ear.listen);
    await watched.client.getChannel('/a').publish(text);
    await ear.hears(text);
    expect(ear.heard).toEqual([text]);
    await watched.client.disconnect();
  });

  it('a client that leaves while the line is dead is gone at once, and says so', async () => {
    const server = await serve();
    const proxy = await proxied(server);
    const watched = await arrive(proxy.through(server.url), via, { maxNetworkDelay: 200, connectTimeout: 200 });
    proxy.blackHole();
    const pending = outcome('publish', watched.client.getChannel('/a').publish(1));
    await outcome('disconnect', watched.client.disconnect());
    expect(await pending).not.toBe('ok');
    expect(watched.client.state).toBe('disconnected');
    expect(['disconnected', 'terminated']).toContain(watched.client.status.type);
  });

  it('CometD tells of the outage and, after a restart, shakes hands again so that the application subscribes again', async () => {
    const server = await serve();
    const cometd = new CometD();
    for (const type of cometd.getTransportTypes()) if (type !== via) cometd.unregisterTransport(type);
    closers.push(async () => cometd.disconnect());
    cometd.configure({ url: server.url, logLevel: 'error', backoffIncrement: 5, maxBackoff: 20 });
    const connects: boolean[] = [];
    const handshakes: Message[] = [];
    const heard: unknown[] = [];
    const look: (() => void)[] = [];
    const until = (what: () => boolean): Promise<void> =>
      new Promise((resolve) => {
        const one = (): void => {
          if (!what()) return;
          look.splice(look.indexOf(one), 1);
          resolve();
        };
        look.push(one);
        one();
      });
    const seen = (): void => {
      for (const one of [...look]) one();
    };
    let failed: Message | undefined;
    cometd.addListener('/meta/connect', (message: Message) => {
      connects.push(message.successful === true);
      if (!message.successful) failed ??= message;
      seen();
    });
    let subscribed = 0;
    cometd.addListener('/meta/handshake', (message: Message) => {
      if (message.successful) {
        handshakes.push(message);
        cometd.subscribe(
          '/room',
          (event: Message) => {
            heard.push(event.data);
            seen();
          },
          (reply: Message) => {
            if (reply.successful) subscribed++;
            seen();
          },
        );
      }
      seen();
    });
    cometd.handshake();
    await until(() => connects.length > 0 && subscribed === 1);
    expect(handshakes[0]).toMatchObject({ reestablish: false });
    await server.close();
    await until(() => connects.includes(false));
    expect(failed).toMatchObject({ successful: false, failure: { connectionType: via, message: expect.anything() } });
    const again = await serve(server.port);
    await until(() => subscribed === 2 && connects.at(-1) === true);
    expect(handshakes.at(-1)).toMatchObject({ reestablish: true });
    again.bayeux.getChannel('/room')?.publish(null, 'back');
    await until(() => heard.includes('back'));
    expect(heard).toEqual(['back']);
    const gone = new Promise<Message>((resolve) => cometd.disconnect(resolve));
    expect(await gone).toMatchObject({ successful: true });
    expect(cometd.getStatus()).toBe('disconnected');
  });
});

describe('a WebSocket', () => {
  it('whose closing handshake never comes is given up, and the client goes on with a new one', async () => {
    const server = await serve();
    const proxy = await proxied(server);
    const watched = await arrive(proxy.through(server.url), 'websocket', { maxNetworkDelay: 200, connectTimeout: 200 });
    await isHeld(server, watched);
    const from = watched.statuses.length;
    proxy.halfClose();
    await watched.status('unconnected', from);
    await watched.status('connected', from);
  });
});

describe('a response', () => {
  it('whose bytes arrive slowly is alive: each of them keeps the patience up', async () => {
    const server = await serve(0, { timeout: 100 });
    const proxy = await proxied(server);
    const watched = await arrive(proxy.through(server.url), 'long-polling', { maxNetworkDelay: 300 });
    const ear = new Ear<string>();
    await watched.client.getChannel('/a').subscribe(ear.listen);
    const from = watched.statuses.length;
    proxy.slow(10_000);
    // Takes 600 ms, longer than the patience of 400.
    const text = 'x'.repeat(6000);
    server.bayeux.getChannel('/a')?.publish(null, text);
    await ear.hears(text);
    expect(watched.story.slice(from)).toEqual([]);
  });
});

/** What operators see of a running server, and what they do to it, with clients at the other end. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { AcknowledgedMessagesExtension, optionSpecs } from '@cometd-ts/server';
import { openSession } from '@cometd-ts/testkit';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { hashed } from '../../src/diagnostics.ts';
import { changeableOptions } from '../../src/management/changes.ts';
import { found, held, host, lodge, transports } from '../hosting.ts';

describe('management shows', () => {
  it('the server: its state, its counters, and the options in force, as something that can be written as JSON', async () => {
    const before = Date.now();
    const house = await host({ timeout: 1234, requestAttributes: () => ({}) });
    const { management } = house.bayeux;
    await (await house.knock()).handshake();
    const { server } = management;
    expect(server).toMatchObject({ state: 'started', overload: 0, sessions: 1, unconnected: 1 });
    expect(server.startedAt).toBeGreaterThanOrEqual(before);
    expect(server.uptime).toBeGreaterThanOrEqual(0);
    expect(server.counters['handshakes.successful']).toBe(1);
    expect(server.settings.websocket.timeout).toBe(1234);
    expect(JSON.parse(JSON.stringify(server))).toEqual(server);
    expect(Object.keys(server.settings)).not.toContain('logger');
    const drained = house.bayeux.drain({ timeout: 60_000 });
    expect(management.server.state).toBe('draining');
    await house.bayeux.stop();
    await drained;
    expect(management.server).toMatchObject({ state: 'stopped', sessions: 0 });
    expect(found().management.server).toMatchObject({ state: 'new', startedAt: null, uptime: 0 });
  });

  it.each(transports)(
    'sessions over %s by the hash of their id, and by the id for who asks for it',
    async (transport) => {
      const house = await host({ trustedProxies: 1 });
      const { management } = house.bayeux;
      house.bayeux.addExtension(new AcknowledgedMessagesExtension());
      const session = await openSession(transport, house.url, {
        headers: { 'x-forwarded-for': '192.0.2.7', 'user-agent': 'probe/1' },
      });
      onTestFinished(() => session.close());
      await session.handshake({ ext: { ack: true } });
      await session.connect(0);
      await session.subscribe('/news');
      house.bayeux.getChannel('/news')?.publish(null, 'hello');
      const hash = hashed(session.clientId);
      const [shown] = management.sessions();
      expect(shown).toMatchObject({
        hash,
        isLocal: false,
        state: 'connected',
        transport,
        queuedMessages: 1,
        unacknowledged: 0,
        subscriptions: 1,
        userAgent: 'probe/1',
        address: '192.0.2.7',
      });
      expect(shown?.queuedBytes).toBeGreaterThan(10);
      expect(JSON.stringify(management.sessions())).not.toContain(session.clientId);
      expect(shown?.since).toBeLessThanOrEqual(shown?.lastSeen ?? 0);
      expect(shown?.lastSeen).toBeLessThanOrEqual(Date.now());
      await session.connect(0);
      expect(management.session(hash)).toMatchObject({ queuedMessages: 0, queuedBytes: 0, unacknowledged: 1 });
      expect(management.session(session.clientId, { ids: true })).toMatchObject({ id: session.clientId, hash });
      expect(management.session('0badcafe')).toBeUndefined();
    },
  );

  it('what came later as later, however long the machine takes to look', () => {
    const server = found();
    lodge(server);
    let time = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => {
      time += 3;
      return time;
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const [shown] = server.management.sessions();
    expect(shown?.since).toBeLessThanOrEqual(shown?.lastSeen ?? 0);
  });

  it('the largest queues first, and none that is empty', async () => {
    const server = found();
    const queue = (hint: string, text: string): string => {
      const side = lodge(server, hint).serverSession;
      side.startBatch();
      if (text !== '') side.deliver(null, '/x', text);
      return hashed(side.id);
    };
    const hashes = ['', 'a'.repeat(30), 'a'.repeat(90), 'a'.repeat(60)].map((text, index) =>
      queue(`guest${index}`, text),
    );
    const largest = server.management.largestQueues();
    expect(largest.map(({ hash }) => hash)).toEqual([hashes[2], hashes[3], hashes[1]]);
    expect(server.management.largestQueues(1)).toHaveLength(1);
  });

  it('channels, with what keeps them', async () => {
    const house = await host();
    const session = await house.enter();
    await session.subscribe('/news/today');
    const { channel } = house.bayeux.createChannelIfAbsent('/service/time');
    channel.addListener('message', () => undefined);
    channel.addListener('subscribed', () => undefined);
    const shown = house.bayeux.management.channels();
    expect(shown.find(({ name }) => name === '/news/today')).toEqual({
      name: '/news/today',
      subscribers: 1,
      persistent: false,
      lazy: false,
      listeners: 0,
      authorizers: 0,
      isRemote: true,
    });
    expect(shown.find(({ name }) => name === '/service/time')).toMatchObject({ listeners: 2, persistent: true });
    expect(house.bayeux.management.channel('/meta/connect')).toMatchObject({ persistent: true, subscribers: 0 });
    expect(house.bayeux.management.channel('/nothing')).toBeUndefined();
  });

  it('transports, with their sessions, their connections, and the requests that wait', async () => {
    const house = await host();
    const { management } = house.bayeux;
    const polling = await house.enter('long-polling');
    await house.enter('websocket');
    lodge(house.bayeux);
    const poll = await held(house, polling);
    expect(management.transports()).toEqual([
      { name: 'websocket', isAllowed: true, sessions: 1, requests: 0, connections: 1 },
      { name: 'long-polling', isAllowed: true, sessions: 1, requests: 1, connections: 0 },
      { name: 'local', isAllowed: false, sessions: 1, requests: 0, connections: 0 },
    ]);
    house.sideOf(polling).deliver(null, '/x', 1);
    await poll.reply;
    await expect.poll(() => management.transports()[1]?.requests).toBe(0);
  });
});

describe('management', () => {
  it.each(transports)('ends a session over %s, whose client is told', async (transport) => {
    const house = await host();
    const session = await house.enter(transport);
    const poll = await held(house, session);
    expect(house.bayeux.management.disconnect(hashed(session.clientId))).toBe(true);
    expect((await poll.reply).advice).toMatchObject({ reconnect: 'none' });
    expect(house.bayeux.getSession(session.clientId)).toBeUndefined();
    expect(house.bayeux.management.disconnect(session.clientId)).toBe(false);
  });

  it('sends lazy messages on their way', async () => {
    const house = await host({ maxLazyTimeout: 60_000 });
    const session = await house.enter();
    await session.subscribe('/lazy');
    const channel = house.bayeux.getChannel('/lazy');
    if (channel) channel.lazy = true;
    channel?.publish(null, 'later');
    expect(house.bayeux.management.session(session.clientId)).toMatchObject({ queuedMessages: 1 });
    expect(house.bayeux.management.flush(session.clientId)).toBe(true);
    expect((await session.event('/lazy')).data).toBe('later');
    expect(house.bayeux.management.flush('nobody')).toBe(false);
  });

  it('removes a channel with all that is on it, and leaves those below it; the protocol keeps its own', async () => {
    const house = await host();
    const { management } = house.bayeux;
    const session = await house.enter();
    await session.subscribe('/a');
    await session.subscribe('/a/b');
    const left: string[] = [];
    house.bayeux.addListener('unsubscribed', (_session, channel) => void left.push(channel.id));
    expect(management.removeChannel('/a')).toBe(true);
    expect(management.removeChannel('/a')).toBe(false);
    expect(left).toEqual(['/a']);
    expect(house.sideOf(session).subscriptions.map(({ id }) => id)).toEqual(['/a/b']);
    expect(() => management.removeChannel('/meta/connect')).toThrow('belongs to the protocol');
    await session.subscribe('/a');
    expect(management.channel('/a')).toMatchObject({ subscribers: 1 });
  });

  it('changes what clients are advised', async () => {
    const house = await host();
    const session = await house.enter();
    house.bayeux.management.change('ws.timeout', 4321);
    house.bayeux.management.change('interval', '15');
    expect((await session.connect(0)).advice).toMatchObject({ timeout: 4321, interval: 15 });
    const polling = await house.knock('long-polling');
    expect((await polling.handshake()).advice).toMatchObject({ timeout: 30_000, interval: 15 });
    house.bayeux.management.change('timeout', 9_999);
    expect(house.bayeux.settings.websocket.timeout).toBe(4321);
    expect(house.bayeux.settings.longPolling.timeout).toBe(9_999);
    house.bayeux.management.change('ws.timeout', undefined);
    expect(house.bayeux.settings.websocket.timeout).toBe(9_999);
  });

  it('changes limits and rates for who is here already', async () => {
    const house = await host({ maxPublishRate: -1, maxChannelRate: -1, maxSessions: -1 });
    const { management } = house.bayeux;
    const session = await house.enter();
    expect((await session.publish('/a', 1)).successful).toBe(true);
    management.change('publishBurst', 1);
    management.change('maxPublishRate', 1);
    expect((await session.publish('/a', 1)).successful).toBe(true);
    expect(await session.publish('/a', 1)).toMatchObject({
      successful: false,
      error: expect.stringContaining('maxPublishRate'),
    });
    management.change('maxPublishRate', -1);
    expect((await session.publish('/a', 1)).successful).toBe(true);
    management.change('channelBurst', 1);
    management.change('maxChannelRate', 1);
    expect((await session.subscribe('/new/a')).successful).toBe(true);
    expect(await session.subscribe('/new/b')).toMatchObject({
      successful: false,
      error: '400:maxChannelRate,1:limit_exceeded',
    });
    management.change('maxChannelRate', -1);
    expect((await session.subscribe('/new/b')).successful).toBe(true);
    management.change('maxSessions', 1);
    expect(await (await house.knock()).handshake()).toMatchObject({
      successful: false,
      error: expect.stringContaining('maxSessions'),
    });
    management.change('maxQueue', 1);
    management.change('queuePolicy', 'dropNewest');
    house.sideOf(session).startBatch();
    house.sideOf(session).deliver(null, '/a', 1);
    expect(house.sideOf(session).deliver(null, '/a', 2)).toBe(false);
  });

  it('changes what is logged, and logs what it changes', async () => {
    const house = await host({ logLevel: 'error' });
    house.bayeux.management.change('maxQueue', 5);
    expect(house.log.lines).toEqual([]);
    house.bayeux.management.change('logLevel', 'info');
    house.bayeux.management.change('overloadHosts', ['b.example.com']);
    expect(house.log.lines).toEqual([
      'info The option logLevel is now info (management)',
      'info The option overloadHosts is now b.example.com (management)',
    ]);
  });

  it('refuses by name what cannot change, what does not exist, and what is wrong, and nothing has changed then', () => {
    const server = found();
    const change = (name: string, value: unknown) => () => server.management.change(name as never, value as never);
    expect(change('allowedOrigins', [])).toThrow("The option 'allowedOrigins' cannot change while the server runs");
    expect(change('limits', { maxDepth: 3 })).toThrow(TypeError);
    expect(change('maxQueu', 3)).toThrow("There is no option 'maxQueu'; did you mean 'maxQueue'?");
    expect(change('timeout', 'soon')).toThrow("The option 'timeout' must be a number, not 'soon'");
    expect(change('timeout', -2)).toThrow(RangeError);
    expect(change('queuePolicy', 'never')).toThrow(RangeError);
    expect(server.settings).toMatchObject({ allowedOrigins: [], websocket: { timeout: 30_000 } });
    server.management.change('interval', 5);
    expect(server.settings.websocket).toMatchObject({ timeout: 30_000, interval: 5 });
  });

  it('can change the options that the guide names, and no others', async () => {
    const page = await readFile(path.join(import.meta.dirname, '../../../../docs/guide/operating.md'), 'utf8');
    const rows = page.match(/^\| For (?:the server|transports) \| .*$/gm)?.join('') ?? '';
    const named = [...rows.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    expect(named.sort()).toEqual([...changeableOptions].sort());
  });

  it('knows every option that may change, and takes its default back', () => {
    const server = found();
    for (const name of changeableOptions) {
      expect(optionSpecs.has(name)).toBe(true);
      server.management.change(name as never, undefined as never);
    }
    expect(server.management.server.settings).toEqual(found().management.server.settings);
  });
});

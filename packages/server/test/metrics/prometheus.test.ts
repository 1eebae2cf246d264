/** What an operator sees in Prometheus of what really happens to a server. */
import { metricSpecs, prometheusName, type ServerOptions } from '@cometd-ts/server';
import { type PrometheusMetrics, prometheusMetrics } from '@cometd-ts/server/prometheus';
import { RawWebSocket } from '@cometd-ts/testkit';
import { Registry } from 'prom-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AcknowledgedMessagesExtension } from '../../src/ext/ack.ts';
import { type House, held, host, lodge, pass, stopTheClock, transports, turn } from '../hosting.ts';
import { parse, type Scrape, scrape } from './scrape.ts';

type Watched = House & { readonly metrics: PrometheusMetrics; look(): Promise<Scrape> };

async function watch(options: ServerOptions = {}): Promise<Watched> {
  const house = await host(options);
  const metrics = prometheusMetrics(house.bayeux);
  onTestFinished(() => metrics.remove());
  return { ...house, metrics, look: () => scrape(metrics) };
}

describe('a scrape', () => {
  it('has every metric of the table with its type and its help, and nothing else', async () => {
    const house = await watch();
    const { types, helps } = await house.look();
    const column = (key: 'type' | 'help'): Map<string, string> =>
      new Map(
        Object.entries(metricSpecs).map(([name, spec]) => [
          prometheusName(name as keyof typeof metricSpecs),
          spec[key],
        ]),
      );
    expect(new Map([...types].sort())).toEqual(new Map([...column('type')].sort()));
    expect(new Map([...helps].sort())).toEqual(new Map([...column('help')].sort()));
    expect(house.metrics.contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  });

  it('begins at 0 wherever a rate or an alert needs a first value', async () => {
    const house = await watch();
    const { values } = await house.look();
    for (const [name, { labels, known = [] }] of Object.entries(metricSpecs))
      for (const value of known)
        expect(values.get(`${prometheusName(name as keyof typeof metricSpecs)}{${labels[0]}="${value}"}`)).toBe(0);
    expect(values.get('cometd_sessions{transport="websocket",state="connected"}')).toBe(0);
  });

  it('has no label that a peer has chosen', async () => {
    const house = await watch();
    const session = await house.enter();
    await session.subscribe('/secret/room');
    await session.publish('/secret/room', 'word');
    await session.call('/meta/nonsense');
    await session.ask({ id: 'xyzzy', channel: 'no channel', clientId: session.clientId });
    await session.handshake({ ext: { user: 'alice' } });
    const text = await house.metrics.render();
    for (const word of ['secret', 'nonsense', 'xyzzy', 'no channel', 'alice', session.clientId])
      expect(text).not.toContain(word);
  });

  it('counts the errors of an application as one, whatever they say', async () => {
    const house = await watch();
    house.bayeux.securityPolicy = {
      canHandshake: (_server, _session, message) => {
        const reply = message.associated;
        if (!reply) return false;
        reply.successful = false;
        reply.error = `401::${Math.random()}`;
        reply.handled = true;
        return false;
      },
    };
    for (let count = 0; count < 3; count++) await (await house.knock()).handshake();
    const { of, values } = await house.look();
    expect(of('cometd_handshakes_total', { result: 'other' })).toBe(3);
    expect([...values.keys()].filter((series) => series.includes('0.'))).toEqual(
      [...values.keys()].filter((series) => /le="|quantile="/.test(series) && series.includes('0.')),
    );
  });

  it('goes into the registry of the application, under a prefix of its own, and out of it again', async () => {
    const house = await host();
    const registry = new Registry();
    const first = prometheusMetrics(house.bayeux, { registry, prefix: 'one_' });
    const second = prometheusMetrics(house.bayeux, { registry, prefix: 'two_' });
    expect(() => prometheusMetrics(house.bayeux, { registry, prefix: 'two_' })).toThrow(/already been registered/);
    const both = parse(await first.render());
    expect(both.of('one_channels')).toBeGreaterThan(0);
    expect(both.of('two_channels')).toBe(both.of('one_channels'));
    first.remove();
    expect([...parse(await registry.metrics()).types.keys()].filter((name) => name.startsWith('one_'))).toEqual([]);
    expect(parse(await second.render()).of('two_channels')).toBeGreaterThan(0);
    second.remove();
    expect(await registry.metrics()).toBe('\n');
    expect(house.bayeux.diagnostics.observer).toBeNull();
  });
});

describe.each(transports)('over %s', (transport) => {
  it('sessions, subscriptions and what they send are counted', async () => {
    const house = await watch();
    const before = await house.look();
    const session = await house.enter(transport);
    await session.subscribe('/a');
    await session.subscribe('/b');
    await session.publish('/a', 1);
    await session.publish('/service/x', 1);
    await session.call('/meta/unsubscribe', { subscription: '/b' });
    const { of } = await house.look();
    expect(of('cometd_sessions', { transport, state: 'connected' })).toBe(1);
    expect(of('cometd_subscriptions')).toBe(1);
    expect(of('cometd_channels') - before.of('cometd_channels')).toBe(2);
    expect(of('cometd_handshakes_total', { result: 'successful' })).toBe(1);
    const received = ['handshake', 'connect', 'subscribe', 'unsubscribe', 'publish', 'service', 'invalid'].map((type) =>
      of('cometd_messages_received_total', { type }),
    );
    expect(received).toEqual([1, 1, 2, 1, 1, 1, 0]);
    expect(of('cometd_messages_sent_total', { type: 'reply' })).toBe(7);
    expect(of('cometd_messages_sent_total', { type: 'message' })).toBe(1);
    expect(of('cometd_websockets')).toBe(transport === 'websocket' ? 1 : 0);
  });

  it('a session that leaves, one that is thrown out and one that stays to the end have ended differently', async () => {
    const house = await watch();
    const [leaver, outcast, last] = [
      await house.enter(transport),
      await house.enter(transport),
      await house.enter(transport),
    ];
    await leaver.disconnect();
    house.sideOf(outcast).disconnect();
    const ended = async (reason: string): Promise<number> =>
      (await house.look()).of('cometd_sessions_ended_total', { reason });
    expect([await ended('disconnect'), await ended('server'), await ended('stopped')]).toEqual([1, 1, 0]);
    expect(house.sideOf(last).isConnected).toBe(true);
    await house.bayeux.stop();
    expect(await ended('stopped')).toBe(1);
    expect((await house.look()).of('cometd_sessions', { transport, state: 'connected' })).toBe(0);
  });

  it('a session that expires is counted as such', async () => {
    stopTheClock();
    const house = await watch({ maxInterval: 1000, sweepPeriod: 100 });
    await (await house.knock(transport)).handshake();
    expect((await house.look()).of('cometd_unconnected_sessions')).toBe(1);
    await pass(1300);
    const { of } = await house.look();
    expect(of('cometd_sessions_ended_total', { reason: 'expired' })).toBe(1);
    expect(of('cometd_unconnected_sessions')).toBe(0);
  });

  it('a session that is sent away by drain() is counted as such, and newcomers meanwhile', async () => {
    const house = await watch({ timeout: 10_000 });
    const session = await house.enter(transport);
    const newcomer = await house.knock(transport);
    const { reply } = await held(house, session);
    const stopped = house.bayeux.drain({ timeout: 2000, notice: 0 });
    expect((await house.look()).of('cometd_draining')).toBe(1);
    const refusal = newcomer.handshake().catch(() => null);
    expect(await reply).toMatchObject({ successful: false, advice: { reconnect: 'handshake' } });
    const refused = await refusal;
    await stopped;
    const { of } = await house.look();
    expect(of('cometd_sessions_ended_total', { reason: 'drain' })).toBe(1);
    if (refused) expect(of('cometd_handshakes_total', { result: 'draining' })).toBe(1);
  });

  it('held connects are shown, and how long they were held is told when they end', async () => {
    stopTheClock();
    const house = await watch({ timeout: 3000 });
    const session = await house.enter(transport);
    const { reply } = await held(house, session);
    expect((await house.look()).of('cometd_held_connects')).toBe(1);
    await pass(3100);
    await reply;
    const { of } = await house.look();
    expect(of('cometd_held_connects')).toBe(0);
    expect(of('cometd_connect_hold_seconds_count')).toBe(1);
    expect(of('cometd_connect_hold_seconds_bucket', { le: '2.5' })).toBe(0);
    expect(of('cometd_connect_hold_seconds_bucket', { le: '5' })).toBe(1);
  });

  it('a publish is timed until it is written, and what is written together is counted', async () => {
    const house = await watch();
    const [reader, writer] = [await house.enter(transport), await house.enter()];
    await reader.subscribe('/a');
    const { reply } = await held(house, reader);
    await writer.publish('/nobody', 1);
    expect((await house.look()).of('cometd_publish_to_deliver_seconds_count')).toBe(0);
    house.sideOf(reader).batch(() => {
      for (const data of [1, 2, 3]) house.bayeux.getChannel('/a')?.publish(null, data);
    });
    await reader.inbox.event('/a');
    if (transport === 'long-polling') await reply;
    const { of } = await house.look();
    expect(of('cometd_publish_to_deliver_seconds_count')).toBe(3);
    expect(of('cometd_publish_to_deliver_seconds_sum')).toBeGreaterThan(0);
    expect(of('cometd_batch_size_sum')).toBe(3);
    expect(of('cometd_batch_size_count')).toBe(1);
  });

  it('a publish is timed until its reply is ready, with what a policy took, and a meta message is not', async () => {
    const house = await watch();
    const writer = await house.enter(transport);
    await writer.subscribe('/a');
    let allow: (allowed: boolean) => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      house.bayeux.securityPolicy = {
        canPublish: () => {
          resolve();
          return new Promise<boolean>((answer) => {
            allow = answer;
          });
        },
      };
    });
    const published = writer.publish('/a', 1);
    await asked;
    expect((await house.look()).of('cometd_publish_reply_seconds_count')).toBe(0);
    allow(false);
    await published;
    const { of } = await house.look();
    expect(of('cometd_publish_reply_seconds_count')).toBe(1);
    expect(of('cometd_publish_reply_seconds_sum')).toBeGreaterThan(0);
  });

  it('what is refused is counted by its error', async () => {
    const house = await watch({ maxSubscriptionsPerSession: 1 });
    const session = await house.enter(transport);
    house.bayeux.securityPolicy = { canPublish: () => false, canHandshake: () => false };
    await session.publish('/a', 1);
    await session.subscribe(['/b', '/c']);
    await (await house.knock(transport)).handshake();
    await session.ask({ id: 'x', channel: 'no channel', clientId: session.clientId });
    const { of } = await house.look();
    expect(of('cometd_refused_total', { code: 'publish_denied' })).toBe(1);
    expect(of('cometd_refused_total', { code: 'limit_exceeded' })).toBe(1);
    expect(of('cometd_limit_hit_total', { limit: 'maxSubscriptionsPerSession' })).toBe(1);
    expect(of('cometd_handshakes_total', { result: 'handshake_denied' })).toBe(1);
    expect(of('cometd_advised_total', { reconnect: 'none' })).toBe(1);
    expect(of('cometd_messages_received_total', { type: 'invalid' })).toBe(1);
  });

  it('a client that sends too much that is no Bayeux has ended for that', async () => {
    const house = await watch({ maxBadMessages: 1 });
    const session = await house.enter(transport);
    const bad = () => session.ask({ id: session.nextId(), channel: 'no channel', clientId: session.clientId });
    await bad();
    await bad();
    const { of } = await house.look();
    expect(of('cometd_sessions_ended_total', { reason: 'misbehaved' })).toBe(1);
    expect(of('cometd_limit_hit_total', { limit: 'maxBadMessages' })).toBe(1);
  });
});

describe('a queue', () => {
  it.each(['dropOldest', 'dropNewest', 'disconnect'] as const)(
    'shows what waits, and what %s loses',
    async (queuePolicy) => {
      const house = await watch({ maxQueue: 2, queuePolicy });
      const side = house.sideOf(await house.enter('long-polling'));
      side.deliver(null, '/a', 1);
      side.deliver(null, '/a', 2);
      const full = await house.look();
      expect(full.of('cometd_queued_messages')).toBe(2);
      expect(full.of('cometd_queue_bytes')).toBe(2 * '{"channel":"/a","data":1}'.length);
      expect(full.of('cometd_queue_max_bytes')).toBe(full.of('cometd_queue_bytes'));
      side.deliver(null, '/a', 3);
      const { of } = await house.look();
      expect(of('cometd_queue_dropped_total', { policy: queuePolicy })).toBe(queuePolicy === 'disconnect' ? 3 : 1);
      expect(of('cometd_limit_hit_total', { limit: 'maxQueue' })).toBe(1);
      expect(of('cometd_sessions_ended_total', { reason: 'overflow' })).toBe(queuePolicy === 'disconnect' ? 1 : 0);
    },
  );

  it('shows what a listener of the application discards', async () => {
    const house = await watch({ maxQueue: 1 });
    const side = house.sideOf(await house.enter('long-polling'));
    side.addListener('queueMaxed', () => false);
    side.deliver(null, '/a', 1);
    side.deliver(null, '/a', 2);
    expect((await house.look()).of('cometd_queue_dropped_total', { policy: 'listener' })).toBe(1);
  });

  it('shows what clients have not confirmed', async () => {
    const house = await watch();
    house.bayeux.addExtension(new AcknowledgedMessagesExtension());
    const session = await house.knock();
    await session.handshake({ ext: { ack: true } });
    await session.connect(0, { ext: { ack: 0 } });
    house.sideOf(session).deliver(null, '/a', 1);
    await session.connect(0, { ext: { ack: 1 } });
    expect((await house.look()).of('cometd_unacknowledged_messages')).toBe(1);
    await session.connect(0, { ext: { ack: 2 } });
    expect((await house.look()).of('cometd_unacknowledged_messages')).toBe(0);
  });
});

describe('at the door', () => {
  it('a refused origin is counted: of a request, of its preflight, of a WebSocket', async () => {
    const house = await watch();
    const headers = { Origin: 'https://evil.example', 'Content-Type': 'application/json' };
    await fetch(house.url, { method: 'POST', headers, body: '[]' });
    await fetch(house.url, { method: 'OPTIONS', headers });
    const url = house.url.replace('http', 'ws');
    await expect(RawWebSocket.open(url, { headers: { Origin: 'https://evil.example' } })).rejects.toThrow();
    expect((await house.look()).of('cometd_rejected_total', { reason: 'origin' })).toBe(3);
  });

  it('what is no JSON, and what is too large, are counted', async () => {
    const house = await watch({ maxMessageSize: 100 });
    const headers = { 'Content-Type': 'application/json' };
    await fetch(house.url, { method: 'POST', headers, body: '[{' });
    await fetch(house.url, { method: 'POST', headers, body: `[${' '.repeat(200)}]` });
    const { of } = await house.look();
    expect(of('cometd_rejected_total', { reason: 'json_invalid' })).toBe(1);
    expect(of('cometd_rejected_total', { reason: 'http_413' })).toBe(1);
    expect(of('cometd_limit_hit_total', { limit: 'maxMessageSize' })).toBe(1);
  });

  it('newcomers to a full server are counted', async () => {
    const house = await watch({ maxSessions: 0 });
    await (await house.knock()).handshake();
    const { of } = await house.look();
    expect(of('cometd_handshakes_total', { result: 'overloaded' })).toBe(1);
    expect(of('cometd_refused_total', { code: 'overloaded' })).toBe(1);
    expect(of('cometd_limit_hit_total', { limit: 'maxSessions' })).toBe(1);
    expect(of('cometd_advised_total', { reconnect: 'handshake' })).toBe(1);
  });
});

describe('inside', () => {
  it('code that throws is counted by where it was called', async () => {
    const house = await watch();
    house.bayeux.addExtension({
      rcv: () => {
        throw new Error('of the application');
      },
    });
    await (await house.enter()).publish('/a', 1);
    expect((await house.look()).of('cometd_failures_total', { where: 'extension' })).toBe(1);
  });

  it('local sessions are sessions, and what they say is no traffic', async () => {
    const house = await watch();
    lodge(house.bayeux).getChannel('/a').publish(1);
    const { of } = await house.look();
    expect(of('cometd_sessions', { transport: 'local', state: 'connected' })).toBe(1);
    expect(of('cometd_messages_received_total', { type: 'publish' })).toBe(0);
    expect(of('cometd_messages_sent_total', { type: 'reply' })).toBe(0);
  });

  it('the event loop and the memory are measured', async () => {
    const house = await watch();
    const latest = async () => (await house.look()).of('cometd_event_loop_delay_seconds', { quantile: '1' });
    await expect.poll(latest).toBeGreaterThan(0);
    const before = await house.look();
    const until = performance.now() + 150;
    while (performance.now() < until) await Promise.resolve();
    await turn();
    await expect.poll(latest).toBeGreaterThan(0.1);
    const { of } = await house.look();
    expect(
      of('cometd_event_loop_active_seconds_total') - before.of('cometd_event_loop_active_seconds_total'),
    ).toBeGreaterThan(0.1);
    expect(of('cometd_heap_used_bytes')).toBeGreaterThan(1_000_000);
    expect(of('cometd_resident_memory_bytes')).toBeGreaterThan(of('cometd_heap_used_bytes'));
  });

  it('nothing is measured for those who do not ask', async () => {
    const house = await host();
    expect(house.bayeux.diagnostics.observer).toBeNull();
    const metrics = prometheusMetrics(house.bayeux);
    expect(house.bayeux.diagnostics.observer).not.toBeNull();
    metrics.remove();
    expect(house.bayeux.diagnostics.observer).toBeNull();
    expect(house.bayeux.metrics.read().get('channels')?.[0]?.value).toBeGreaterThan(0);
  });
});

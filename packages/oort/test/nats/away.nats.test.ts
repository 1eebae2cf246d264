/** When NATS is away: what waits, what is refused, and what comes when it is back. */
import { clusterMetrics } from '@cometd-ts/oort';
import { prometheusMetrics } from '@cometd-ts/server/prometheus';
import { type NatsServer, natsProgram, startNats } from '@cometd-ts/testkit/nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { slowClient } from '../slow-client.ts';
import { eventually, type House, listen, node, nodes, together } from './nodes.ts';

let namespaces = 0;

describe.skipIf('reason' in natsProgram('current'))('when NATS is away', () => {
  let nats: NatsServer;
  beforeAll(async () => {
    nats = await startNats({ jetStream: false });
  });
  afterAll(() => nats.close());

  /** Two nodes that observe the same channels. */
  async function pair(more: object = {}): Promise<[House, House]> {
    const own = { nats: { namespace: `away-${++namespaces}`, ...more }, channels: ['/x/**'] };
    return (await nodes(nats.port, own, own)) as [House, House];
  }

  const isUp = (...all: House[]) =>
    eventually(() => {
      for (const { oort } of all) expect(oort.status).toEqual({ state: 'up', reason: '' });
    });
  const isDown = (...all: House[]) =>
    eventually(() => {
      for (const { oort } of all) expect(oort.status.state).toBe('down');
    });

  async function kill(...all: House[]): Promise<void> {
    await nats.kill();
    await isDown(...all);
  }

  it('tells so, and all that is published meanwhile comes in order when it is back, short or long', async () => {
    const [a, b] = await pair();
    const heard = listen(b, '/x/1');
    const here = listen(a, '/x/1');
    for (const isLong of [false, true]) {
      heard.length = 0;
      here.length = 0;
      await kill(a, b);
      expect(a.oort.status.reason).toMatch(/^NATS is away: the connection to 127\.0\.0\.1:\d+ is lost/);
      for (let n = 0; n < 50; n++) expect((await a.client.send({ channel: '/x/1', data: n })).successful).toBe(true);
      expect(here).toHaveLength(50);
      expect(a.engine.queued).toBe(50);
      if (isLong)
        await eventually(() => {
          expect([a.life.at(-1), b.life.at(-1)]).toEqual([`left ${b.url}`, `left ${a.url}`]);
        });
      for (let n = 50; n < 60; n++) await a.client.send({ channel: '/x/1', data: n });
      await nats.start();
      await eventually(() => expect(heard).toHaveLength(60));
      expect(heard).toEqual(Array.from({ length: 60 }, (_, n) => n));
      await isUp(a, b);
      await together(a, b);
      await eventually(() => expect(a.engine.queued).toBe(0));
    }
    expect(a.life).toEqual([`joined ${b.url}`, `left ${b.url}`, `joined ${b.url}`]);
    expect(b.life).toEqual([`joined ${a.url}`, `left ${a.url}`, `joined ${a.url}`]);
  });

  it('brings what was published meanwhile as fast as clients take it, so that none of them loses its session', async () => {
    const [a, b] = await pair();
    const heard = await slowClient(b.server, '/x/1', 300);
    await kill(a, b);
    const { channel } = a.server.createChannelIfAbsent('/x/1');
    const numbers = Array.from({ length: 3000 }, (_, n) => n);
    for (const n of numbers) void channel.publish(null, n);
    await nats.start();
    await eventually(() => expect(heard.length).toBeGreaterThanOrEqual(3000));
    expect(heard).toEqual(numbers);
    expect(b.server.diagnostics.counters.get('sessions_ended.overflow')).toBeUndefined();
  });

  it('refuses what is over the bound, with an error that names it: nobody hears it, and nothing else is refused', async () => {
    for (const [bounds, limit] of [
      [{ maxQueue: 10 }, 'maxQueue'],
      [{ maxQueueBytes: 600 }, 'maxQueueBytes'],
    ] as const) {
      const [a, b] = await pair(bounds);
      const heard = listen(b, '/x/1');
      const here = listen(a, '/x/1');
      const elsewhere = listen(a, '/y');
      await kill(a, b);
      const accepted: number[] = [];
      for (let n = 0; n < 30; n++) {
        const reply = await a.client.send({ channel: '/x/1', data: n });
        if (reply.successful) accepted.push(n);
        else expect(reply.error).toBe(`503:cluster,${limit}:overloaded`);
      }
      expect(accepted.length).toBeGreaterThan(5);
      expect(accepted.length).toBeLessThan(30);
      expect(here).toEqual(accepted);
      expect((await a.client.send({ channel: '/y', data: 'ours' })).successful).toBe(true);
      expect(elsewhere).toEqual(['ours']);
      expect(a.server.getChannel('/x/1')?.publish(null, 'by the server')).toBe(false);
      expect(a.oort.send(b.url, { channel: '/service/x', data: 1 })).toBe(false);
      expect(a.server.diagnostics.counters.get(`limit_hit.cluster.${limit}`)).toBe(31 - accepted.length);
      expect(a.log.join('\n')).toContain(`option ${limit}`);
      await nats.start();
      await eventually(() => expect(heard).toEqual(accepted));
      await eventually(() => expect(a.engine.queued).toBe(0));
      expect((await a.client.send({ channel: '/x/1', data: 'again' })).successful).toBe(true);
      await eventually(() => expect(heard).toEqual([...accepted, 'again']));
      await a.oort.stop();
      await b.oort.stop();
    }
  });

  it('notices a server that does not answer, within a few seconds, and loses nothing of what it was sent', async () => {
    const [a, b] = await pair();
    const heard = listen(b, '/x/1');
    nats.freeze();
    const begun = performance.now();
    await a.client.send({ channel: '/x/1', data: 1 });
    await isDown(a, b);
    expect(performance.now() - begun).toBeLessThan(6000);
    expect(a.oort.status.reason).toContain('does not answer');
    await a.client.send({ channel: '/x/1', data: 2 });
    nats.thaw();
    await isUp(a, b);
    await together(a, b);
    await eventually(() => expect(heard).toEqual([1, 2]));
  });

  it('brings a node whose connection breaks for a moment all it has missed, in order, and nobody has left', async () => {
    const [a, b] = await pair({ leaveAfter: 5000 });
    const broadcasts = listen(b, '/x/1');
    const directed: unknown[] = [];
    b.server
      .createChannelIfAbsent('/service/work')
      .channel.addListener('message', (_sender, _channel, { data }) => void directed.push(data));
    let n = 0;
    const say = async (times: number) => {
      for (const end = n + times; n < end; n++) {
        await a.client.send({ channel: '/x/1', data: n });
        expect(a.oort.send(b.url, { channel: '/service/work', data: n })).toBe(true);
      }
    };
    for (const from of ['b', 'a', 'both'] as const) {
      const cut = from === 'both' ? [a, b] : [from === 'a' ? a : b];
      await say(10);
      for (const { proxy } of cut) {
        proxy.refuse();
        proxy.reset();
      }
      await say(10);
      await isDown(...cut);
      await say(10);
      for (const { proxy } of cut) proxy.heal();
      await say(10);
      await isUp(a, b);
      await say(10);
      const all = Array.from({ length: n }, (_, index) => index);
      await eventually(() => {
        expect(broadcasts, from).toHaveLength(n);
        expect(directed, from).toHaveLength(n);
      });
      expect(broadcasts).toEqual(all);
      expect(directed).toEqual(all);
    }
    expect([a.life, b.life]).toEqual([[`joined ${b.url}`], [`joined ${a.url}`]]);
  });

  it('counts and tells what could not be kept for such a node, and others tell it of the state anew', async () => {
    const [a, b] = await pair({ leaveAfter: 5000, maxQueue: 10 });
    const heard = listen(b, '/x/1');
    await a.client.send({ channel: '/x/1', data: 'first' });
    await eventually(() => expect(heard).toEqual(['first']));
    const observed: string[] = [];
    a.oort.addListener('observed', (channel, { url }) => void observed.push(`${channel} ${url}`));
    b.proxy.refuse();
    b.proxy.reset();
    await isDown(b);
    for (let n = 0; n < 30; n++) {
      await a.client.send({ channel: '/x/1', data: n });
      await eventually(() => expect(a.engine.queued).toBe(0));
    }
    b.proxy.heal();
    await isUp(b);
    await eventually(() => expect(heard.at(-1)).toBe(29));
    expect(heard).toEqual(['first', ...Array.from({ length: 10 }, (_, n) => n + 20)]);
    expect(b.server.diagnostics.counters.get('oort_link_dropped.lost')).toBe(1);
    expect(b.log.join('\n')).toContain(`Messages of ${a.url} were lost`);
    expect(observed).toEqual([`/x/** ${b.url}`]);
  });

  it('counts what is dropped because it stops meanwhile', async () => {
    const [a, b] = await pair();
    await kill(a, b);
    await a.client.send({ channel: '/x/1', data: 1 });
    await a.client.send({ channel: '/x/1', data: 2 });
    await a.oort.stop();
    expect(a.server.diagnostics.counters.get('oort_link_dropped.closed')).toBe(2);
    expect(a.log.join('\n')).toContain('Messages for other nodes were dropped (2)');
    await nats.start();
  });

  it('is seen in the metrics', async () => {
    const [a, b] = await pair();
    const metrics = prometheusMetrics(a.server, { more: clusterMetrics(a.oort) });
    const expectLines = async (...lines: string[]) => {
      const text = await metrics.render();
      for (const line of lines) expect(text).toContain(`cometd_cluster_${line}\n`);
    };
    await expectLines('state 0', 'nodes{state="joined"} 1', 'link_queue 0', 'nats_events_total{event="disconnect"} 0');
    await kill(a, b);
    await a.client.send({ channel: '/x/1', data: 1 });
    await expectLines('state 2', 'link_queue 1', 'nats_events_total{event="disconnect"} 1');
    await nats.start();
    await isUp(a, b);
    await eventually(() => expectLines('state 0', 'link_queue 0', 'nats_events_total{event="reconnect"} 1'));
    metrics.remove();
  });

  it('asks nobody and keeps nothing while a node is alone', async () => {
    const a = await node(nats.port, { nats: { namespace: `away-${++namespaces}`, maxQueue: 1 }, channels: ['/x'] });
    await kill(a);
    for (let n = 0; n < 5; n++) expect((await a.client.send({ channel: '/x', data: n })).successful).toBe(true);
    expect(a.engine.queued).toBe(0);
    await nats.start();
    await isUp(a);
  });
});

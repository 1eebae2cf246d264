/** A node as operators see it: how it leaves when its server is drained, and what is measured. */
import { clusterMetrics } from '@cometd-ts/oort';
import { prometheusMetrics } from '@cometd-ts/server/prometheus';
import { openSession } from '@cometd-ts/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually, node } from './nodes.ts';

describe('A node that is drained', () => {
  it('sends its clients elsewhere and keeps the others, hears what they publish until then, and leaves before it stops', async () => {
    const one = await node({ channels: ['/chat'] });
    const two = await node();
    two.oort.observeComet(one.url);
    await eventually(() => expect(one.life).toEqual([`joined ${two.url}`]));
    const client = await openSession('websocket', one.url);
    onTestFinished(() => client.close());
    await client.handshake();
    await client.subscribe('/chat');
    void client.connect();
    const order: string[] = [];
    one.server.addListener('sessionRemoved', (session) => {
      if (!session.isLocalSession) order.push(session.isNode ? 'node' : 'client');
    });
    const drained = one.server.drain({
      timeout: 5000,
      notice: 50,
      emptied: () => {
        order.push('emptied');
        return one.oort.stop();
      },
    });
    // Within the notice all goes on.
    void two.server.createChannelIfAbsent('/chat').channel.publish(null, 'still here');
    expect(await client.event('/chat')).toMatchObject({ data: 'still here' });
    expect(await client.connect()).toMatchObject({ advice: { reconnect: 'handshake' } });
    void client.disconnect().catch(() => undefined);
    await drained;
    expect(order.indexOf('client')).toBeLessThan(order.indexOf('emptied'));
    expect(order.indexOf('emptied')).toBeLessThan(order.indexOf('node'));
    await eventually(() => expect(two.life).toEqual([`joined ${one.url}`, `left ${one.url}`]));
  });

  it('stops though leaving fails', async () => {
    const { server } = await node();
    await server.drain({
      timeout: 100,
      notice: 0,
      emptied: () => {
        throw new Error('cannot leave');
      },
    });
    expect(server.isStarted).toBe(false);
    expect(server.diagnostics.counters.get('failed.drain')).toBe(1);
  });
});

describe('A node that is gone for good', () => {
  it('is looked for no longer after forgetAfter, and comes back when it is there again', async () => {
    const one = await node({ mesh: { forgetAfter: 200 } });
    const two = await node();
    await two.stop();
    one.oort.observeComet(two.url);
    await eventually(() => expect(one.oort.status.state).toBe('down'));
    await eventually(() => expect(one.oort.status).toEqual({ state: 'up', reason: '' }));
    expect(one.oort.knownComets).toEqual([]);
    expect(one.server.diagnostics.counters.get('oort_forgotten')).toBe(1);
    const anew = await node({ port: two.launched.port });
    anew.oort.observeComet(one.url);
    await eventually(() => expect(one.life.at(-1)).toBe(`joined ${anew.url}`));
  });
});

describe('The metrics of a cluster', () => {
  it('tell the state, the nodes, what waits and what was lost, with labels that are none of a peer', async () => {
    const one = await node({ mesh: { patience: 100 } });
    const two = await node();
    const metrics = prometheusMetrics(one.server, { more: clusterMetrics(one.oort) });
    two.oort.observeComet(one.url);
    one.oort.observeComet('http://127.0.0.1:1/cometd');
    await eventually(async () => {
      const text = await metrics.render();
      expect(text).toContain('cometd_cluster_state 1');
      expect(text).toContain('cometd_cluster_nodes{state="joined"} 1');
      expect(text).toContain('cometd_cluster_nodes{state="away"} 1');
      expect(text).toContain('cometd_cluster_link_dropped_total{reason="lost"} 0');
      expect(text).toContain('# TYPE cometd_cluster_refused_total counter');
      expect(text.split('\n').filter((line) => line.includes('cluster') && line.includes('127.0.0.1'))).toEqual([]);
    });
    metrics.remove();
    expect(await metrics.render()).not.toContain('cometd_cluster');
  });
});

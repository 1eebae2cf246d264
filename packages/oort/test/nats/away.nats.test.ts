/** When NATS is away: what waits, what is refused, and what comes when it is back. */
import { type NatsServer, natsProgram, startNats } from '@cometd-ts/testkit/nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

  it('asks nobody and keeps nothing while a node is alone', async () => {
    const a = await node(nats.port, { nats: { namespace: `away-${++namespaces}`, maxQueue: 1 }, channels: ['/x'] });
    await kill(a);
    for (let n = 0; n < 5; n++) expect((await a.client.send({ channel: '/x', data: n })).successful).toBe(true);
    expect(a.engine.queued).toBe(0);
    await nats.start();
    await isUp(a);
  });
});

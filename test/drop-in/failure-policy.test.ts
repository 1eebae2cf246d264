/** Section 2.5 of the behaviour: what follows a failure, and when. */
import { expect } from 'vitest';
import type { FailureInfo } from './support/cometd.ts';
import type { Message } from './support/message.ts';
import { behaviour, type Visit } from './support/visit.ts';

/** Lets every request on the channel fail, and tells how long the client waited before the next one. */
async function pauses(visit: Visit, channel: string, times: number): Promise<number[]> {
  const waited: number[] = [];
  for (let turn = 0; turn < times; turn++) {
    const failedAt = visit.clock.now;
    for (const exchange of visit.net.open) if (exchange.channels.includes(channel)) await exchange.fail();
    for (let step = 0; step < 700 && visit.net.open.length === 0; step++)
      await visit.clock.advance(step === 0 ? 0 : 100);
    waited.push(visit.clock.now - failedAt);
  }
  return waited;
}

behaviour('failure policy', (behaves) => {
  behaves('a handshake is tried again at once, then after one increment more each time', async (visit) => {
    await visit.shake({ backoffIncrement: 200 });
    expect(await pauses(visit, '/meta/handshake', 5)).toEqual([0, 200, 400, 600, 800]);
  });

  behaves('a connect is tried again after one increment, then one more each time', async (visit) => {
    await visit.connected({ backoffIncrement: 200 });
    expect(await pauses(visit, '/meta/connect', 4)).toEqual([200, 400, 600, 800]);
    expect(visit.cometd.getBackoffPeriod()).toBe(800);
  });

  behaves(
    'the pause never exceeds its maximum',
    async (visit) => {
      await visit.connected({ backoffIncrement: 400, maxBackoff: 1000 });
      expect(await pauses(visit, '/meta/connect', 4)).toEqual([400, 800, 1000, 1000]);
    },
    { only: 'ours' },
  );

  behaves('a maximum that is a multiple of the increment is kept', async (visit) => {
    await visit.connected({ backoffIncrement: 500, maxBackoff: 1000 });
    expect(await pauses(visit, '/meta/connect', 4)).toEqual([500, 1000, 1000, 1000]);
  });

  behaves('a successful connect puts the back-off to nothing', async (visit) => {
    await visit.connected({ backoffIncrement: 200 });
    await pauses(visit, '/meta/connect', 3);
    await (await visit.net.take('/meta/connect')).reply();
    expect(visit.cometd.getBackoffPeriod()).toBe(0);
    await visit.net.take('/meta/connect');
    expect(await pauses(visit, '/meta/connect', 1)).toEqual([200]);
  });

  behaves('a successful handshake puts the back-off to nothing', async (visit) => {
    await visit.shake({ backoffIncrement: 200 });
    await pauses(visit, '/meta/handshake', 3);
    await (await visit.net.take('/meta/handshake')).reply();
    expect(visit.cometd.getBackoffPeriod()).toBe(0);
  });

  behaves('disconnecting puts the back-off to nothing and ends the retries', async (visit) => {
    await visit.connected({ backoffIncrement: 200 });
    await pauses(visit, '/meta/connect', 2);
    visit.cometd.disconnect();
    await (await visit.net.take('/meta/disconnect')).reply();
    expect(visit.cometd.getBackoffPeriod()).toBe(0);
  });

  behaves('interval and back-off add up', async (visit) => {
    const connect = await visit.connected({ backoffIncrement: 200 });
    await connect.refuse({ advice: { interval: 300 } });
    await visit.clock.advance(499);
    expect(visit.net.open).toEqual([]);
    await visit.clock.advance(1);
    expect(visit.net.open).toHaveLength(1);
  });

  behaves('failed publishes and subscriptions do not touch state or back-off', async (visit) => {
    await visit.connected();
    visit.cometd.publish('/a', 1);
    await (await visit.net.take('/a')).fail();
    visit.cometd.subscribe('/b', () => undefined);
    await (await visit.net.take('/meta/subscribe')).refuse();
    expect(visit.cometd.getBackoffPeriod()).toBe(0);
    expect(visit.cometd.getStatus()).toBe('connected');
  });

  behaves('after the maximum interval the client shakes hands instead', async (visit) => {
    const advice = { timeout: 1000, interval: 0, maxInterval: 1000, reconnect: 'retry' };
    await visit.connected({ backoffIncrement: 500 }, { advice });
    const waited = await pauses(visit, '/meta/connect', 2);
    // 500 after the first failure; at the second 500 have gone by, and 1000 more make 1500, which is within 2000.
    expect(waited).toEqual([500, 1000]);
    await (await visit.net.take('/meta/connect')).fail();
    expect(visit.cometd.getStatus()).toBe('handshaking');
    await visit.net.take('/meta/handshake');
    expect(visit.cometd.getBackoffPeriod()).toBe(0);
  });

  behaves('without a maximum interval the client tries to connect for ever', async (visit) => {
    await visit.connected({ backoffIncrement: 500, maxBackoff: 1000 });
    for (let turn = 0; turn < 20; turn++) await pauses(visit, '/meta/connect', 1);
    expect(visit.net.open.map((exchange) => exchange.channels)).toEqual([['/meta/connect']]);
  });

  behaves(
    'what waits in the queue when a new handshake is decided is told that it failed',
    async (visit) => {
      const connect = await visit.connected();
      const replies: Message[] = [];
      visit.cometd.publish('/a', 1, (reply: Message) => void replies.push(reply));
      visit.cometd.publish('/b', 2, (reply: Message) => void replies.push(reply));
      await connect.refuse({ advice: { reconnect: 'handshake' } });
      await visit.clock.advance(15_000);
      expect(replies.map((reply) => reply.channel)).toContain('/b');
      expect(replies.every((reply) => reply.successful === false && reply.failure !== undefined)).toBe(true);
    },
    { only: 'ours' },
  );

  behaves('onTransportFailure is told cause, action and transport', async (visit) => {
    const infos: Partial<FailureInfo>[] = [];
    const policy = visit.cometd.onTransportFailure;
    visit.cometd.onTransportFailure = (message: unknown, info: unknown, handler: unknown) => {
      const { cause, action, transport } = info as FailureInfo;
      infos.push({ cause, action, transport });
      return policy.call(visit.cometd, message, info, handler);
    };
    await (await visit.shake()).fail();
    await (await visit.net.take('/meta/handshake')).refuse();
    await visit.clock.advance(1000);
    await (await visit.net.take('/meta/handshake')).reply();
    await (await visit.net.take('/meta/connect')).refuse();
    await visit.clock.advance(1000);
    await (await visit.net.take('/meta/connect')).fail();
    const transport = visit.cometd.getTransport();
    expect(infos).toEqual([
      { cause: 'failure', action: 'handshake', transport: null },
      { cause: 'unsuccessful', action: 'handshake', transport },
      { cause: 'unsuccessful', action: 'retry', transport },
      { cause: 'failure', action: 'retry', transport: null },
    ]);
  });

  behaves(
    'a policy of the application decides action, delay and URL; its handler may be called unbound',
    async (visit) => {
      const connect = await visit.connected();
      visit.cometd.onTransportFailure = (_message: unknown, info: unknown, handler: unknown) => {
        Object.assign(info as FailureInfo, { action: 'handshake', delay: 250, url: 'http://elsewhere:9090/cometd' });
        (handler as (info: unknown) => void)(info);
      };
      await connect.fail();
      await visit.clock.advance(249);
      expect(visit.net.open).toEqual([]);
      await visit.clock.advance(1);
      expect((await visit.net.take('/meta/handshake')).url).toBe('http://elsewhere:9090/cometd/handshake');
      expect(visit.cometd.getURL()).toBe('http://elsewhere:9090/cometd');
    },
  );

  behaves('a policy of the application may retry or give up', async (visit) => {
    const connect = await visit.connected();
    visit.cometd.onTransportFailure = (_message: unknown, info: unknown, handler: unknown) => {
      (handler as (info: unknown) => void)({ ...(info as FailureInfo), action: 'retry', delay: 5 });
    };
    await connect.fail();
    await visit.clock.advance(5);
    const again = await visit.net.take('/meta/connect');
    visit.cometd.onTransportFailure = (_message: unknown, info: unknown, handler: unknown) => {
      (handler as (info: unknown) => void)({ ...(info as FailureInfo), action: 'none' });
    };
    await again.fail();
    expect(visit.cometd.getStatus()).toBe('disconnected');
  });

  behaves('a listener that disconnects while it hears of the failure has the last word', async (visit) => {
    const connect = await visit.connected();
    visit.cometd.addListener('/meta/unsuccessful', () => visit.cometd.disconnect());
    await connect.fail();
    await visit.clock.advance(60_000);
    expect(visit.net.channels.filter(([channel]) => channel === '/meta/connect')).toHaveLength(2);
    expect(visit.cometd.getStatus()).toBe('disconnected');
  });

  behaves('onTransportException hears of failed handshakes, with the transports before and after', async (visit) => {
    const told: unknown[][] = [];
    visit.cometd.onTransportException = (...args: unknown[]) => void told.push(args);
    await (await visit.shake()).fail();
    expect(told).toHaveLength(1);
    expect(told[0]?.[0]).toMatchObject({ connectionType: 'long-polling' });
    expect(told[0]?.slice(1)).toEqual(['long-polling', 'long-polling']);
  });
});

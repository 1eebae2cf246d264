/** More at once than the queue of a client would hold. */
import { clusterMetrics } from '@cometd-ts/oort';
import { expect, it } from 'vitest';
import { slowClient } from '../slow-client.ts';
import { eventually, type House, node } from './nodes.ts';

async function two(mesh: object): Promise<{ a: House; b: House; heard: unknown[] }> {
  const options = {
    channels: ['/x'],
    server: { maxInterval: 10_000 },
    mesh: { secret: 's', backoffIncrement: 50, ...mesh },
  };
  const a = await node(options);
  const b = await node(options);
  b.oort.observeComet(a.url);
  await eventually(() => expect([a.oort.members.length, b.oort.members.length]).toEqual([1, 1]));
  const heard: unknown[] = [];
  b.server.createChannelIfAbsent('/x').channel.addListener('message', (_from, _channel, { data }) => {
    heard.push(data);
  });
  return { a, b, heard };
}

it.each([true, false])('a burst reaches the other nodes whole and in order (acks: %s)', async (ack) => {
  const { a, b, heard } = await two({ ack });
  const { channel } = a.server.createChannelIfAbsent('/x');
  const numbers = Array.from({ length: 2000 }, (_, n) => n);
  for (const n of numbers) void channel.publish(null, n);
  for (const n of numbers) a.oort.send(b.url, { channel: '/service/oort/work', data: n });
  await eventually(() => expect(heard).toHaveLength(2000));
  expect(heard).toEqual(numbers);
  expect(a.life).toEqual([`joined ${b.url}`]);
});

it('a burst is heard whole by clients that take it little by little', async () => {
  const { a, b } = await two({});
  const heard = await slowClient(b.server, '/x', 30);
  const { channel } = a.server.createChannelIfAbsent('/x');
  const numbers = Array.from({ length: 3000 }, (_, n) => n);
  const inflow = clusterMetrics(b.oort).find(({ name }) => name === 'cluster_inflow');
  for (const n of numbers) void channel.publish(null, n);
  await eventually(() => expect(inflow?.read()[0]?.value).toBeGreaterThan(1000));
  await eventually(() => expect(heard.length).toBeGreaterThanOrEqual(3000));
  expect(heard).toEqual(numbers);
  expect(inflow?.read()).toEqual([{ labels: {}, value: 0 }]);
  expect(b.server.diagnostics.counters.get('sessions_ended.overflow')).toBeUndefined();
});

it('a node that falls too far behind is ended, and comes anew', async () => {
  const { a, b, heard } = await two({ maxNodeQueue: 100 });
  const { channel } = a.server.createChannelIfAbsent('/x');
  for (let n = 0; n < 1000; n++) void channel.publish(null, n);
  expect(a.life).toEqual([`joined ${b.url}`, `left ${b.url}`]);
  await eventually(() => expect(a.life.at(-1)).toBe(`joined ${b.url}`));
  void channel.publish(null, 'end');
  await eventually(() => expect(heard.at(-1)).toBe('end'));
  expect(a.server.diagnostics.counters.get('queue_dropped.disconnect')).toBeGreaterThan(0);
});

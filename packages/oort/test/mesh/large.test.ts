/** What nodes send each other is larger than what clients may send: whole maps, long lists of users, many messages at once. */
import { describe, expect, it } from 'vitest';
import { eventually, node } from './nodes.ts';

describe('a node', () => {
  it('takes from another more keys, values and messages at once than from a client', async () => {
    const [one, other] = [await node(), await node()];
    const heard: unknown[] = [];
    one.server
      .createChannelIfAbsent('/service/large')
      .channel.addListener('message', (_from, _channel, { data }) => void heard.push(data));
    other.oort.observeComet(one.url);
    await eventually(() => expect([one.members.length, other.members.length]).toEqual([1, 1]));
    const keys = Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`key-${i}`, i]));
    const values = Array.from({ length: 25_000 }, (_, i) => i);
    for (const data of [keys, values, ...Array.from({ length: 200 }, (_, i) => i)])
      expect(other.oort.send(one.url, { channel: '/service/large', data })).toBe(true);
    await eventually(() => expect(heard).toHaveLength(202));
    expect(heard.slice(0, 3)).toEqual([keys, values, 0]);
    expect(other.server.diagnostics.counters.get('oort_link_dropped.lost')).toBeUndefined();
    expect(one.life).toEqual([`joined ${other.url}`]);
  });
});

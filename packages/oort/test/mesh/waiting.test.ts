/** What waits for a link: in order, bounded, and back in its place when it was not sent. */
import type { Message } from '@cometd-ts/protocol';
import { describe, expect, it } from 'vitest';
import { Waiting, type WaitingBounds } from '../../src/mesh/waiting.ts';

const message = (data: unknown): Message => ({ channel: '/service/work', data });
const dataOf = (waiting: Waiting): unknown[] => waiting.take().map(({ data }) => data);

function queue(bounds: Partial<WaitingBounds> = {}): Waiting {
  const all: WaitingBounds = { maxLinkQueue: 3, maxLinkQueueBytes: 100, linkQueuePolicy: 'dropNewest', ...bounds };
  return new Waiting(all, ({ data }) => String(data).length);
}

describe('what waits for a link', () => {
  it('comes out in the order it went in', () => {
    const waiting = queue();
    for (const data of ['a', 'b', 'c']) expect(waiting.add(message(data))).toEqual({ kept: true, dropped: 0 });
    expect([waiting.size, waiting.bytes]).toEqual([3, 3]);
    expect(dataOf(waiting)).toEqual(['a', 'b', 'c']);
    expect([waiting.size, waiting.bytes]).toEqual([0, 0]);
  });

  it('is bounded by number, and the new message is not kept', () => {
    const waiting = queue();
    const kept = ['a', 'b', 'c', 'd'].map((data) => waiting.add(message(data)).kept);
    expect(kept).toEqual([true, true, true, false]);
    expect(dataOf(waiting)).toEqual(['a', 'b', 'c']);
  });

  it('is bounded by size, but a single message always fits', () => {
    const waiting = queue({ maxLinkQueueBytes: 5 });
    expect(waiting.add(message('123456789')).kept).toBe(true);
    expect(waiting.add(message('1')).kept).toBe(false);
    expect(dataOf(waiting)).toEqual(['123456789']);
  });

  it('makes room by dropping the oldest, when it is told to', () => {
    const waiting = queue({ maxLinkQueueBytes: 6, linkQueuePolicy: 'dropOldest' });
    for (const data of ['aa', 'bb', 'cc']) waiting.add(message(data));
    expect(waiting.add(message('dddd'))).toEqual({ kept: true, dropped: 2 });
    expect(dataOf(waiting)).toEqual(['cc', 'dddd']);
  });

  it('has no bounds where they are −1', () => {
    const waiting = queue({ maxLinkQueue: -1, maxLinkQueueBytes: -1 });
    for (let n = 0; n < 1000; n++) expect(waiting.add(message('x'.repeat(10))).kept).toBe(true);
    expect(waiting.size).toBe(1000);
  });

  it('comes back before what came later, in its own order', () => {
    const waiting = queue({ maxLinkQueue: 10 });
    for (const data of ['a', 'b']) waiting.add(message(data));
    const taken = waiting.take();
    for (const one of taken) waiting.putBack(one);
    waiting.add(message('c'));
    waiting.putBack(message('b2'));
    expect(dataOf(waiting)).toEqual(['a', 'b', 'b2', 'c']);
  });
});

/** The checker sees what is wrong, and nothing else. */
import { History, type Mark } from '@cometd-ts/testkit';
import { beforeEach, describe, expect, it } from 'vitest';

const clean = { ghosts: [], unexpected: [], duplicates: [], inversions: [], lost: [] };

describe('the history checker', () => {
  let now: number;
  let history: History;

  beforeEach(() => {
    now = 0;
    history = new History(() => now);
    history.subscribed('s', '/a');
  });

  function published(channel = '/a'): Mark {
    now++;
    const mark = history.publish('p', channel);
    history.confirmed(mark);
    return mark;
  }

  it('finds nothing when all was heard once, in order', () => {
    for (const _ of [1, 2, 3]) history.heard('s', '/a', published());
    published('/elsewhere');
    expect(history.check()).toEqual(clean);
    expect([history.published, history.received]).toEqual([4, 3]);
  });

  it('finds what is missing', () => {
    history.heard('s', '/a', published());
    published();
    expect(history.check()).toEqual({ ...clean, lost: ['p#2 at s on /a'] });
  });

  it('finds nothing missing that was not confirmed, or not published while subscribed', () => {
    history.publish('p', '/a');
    now++;
    history.unsubscribed('s', '/a');
    published();
    now++;
    history.subscribed('s', '/a');
    expect(history.check()).toEqual(clean);
  });

  it('takes an excuse for what it covers, and for nothing else', () => {
    for (const _ of [1, 2, 3]) published();
    history.excuse('s', 'p', 2, 2);
    expect(history.check().lost).toEqual(['p#1 at s on /a', 'p#3 at s on /a']);
    history.excuse('s', 'another', 0, 9);
    history.excuse('t', null, 0, 9);
    expect(history.check().lost).toHaveLength(2);
    history.excuse('s', null, 0, 9);
    expect(history.check()).toEqual(clean);
  });

  it('finds what was heard twice', () => {
    const mark = published();
    for (const _ of [1, 2]) history.heard('s', '/a', mark);
    expect(history.check()).toEqual({ ...clean, duplicates: ['p#1 at s on /a'] });
  });

  it('finds what was heard out of order', () => {
    const [first, second] = [published(), published()];
    for (const mark of [second, first]) history.heard('s', '/a', mark);
    expect(history.check()).toEqual({ ...clean, inversions: ['p#1 at s on /a'] });
  });

  it('finds what was heard though it was refused, or never published', () => {
    const mark = history.publish('p', '/a');
    history.refused(mark);
    history.heard('s', '/a', mark);
    history.heard('s', '/a', { p: 'nobody', n: 1 });
    expect(history.check()).toEqual({ ...clean, ghosts: ['p#1 at s on /a'], unexpected: ['nobody#1 at s on /a'] });
  });
});

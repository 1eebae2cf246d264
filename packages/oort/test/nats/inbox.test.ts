/** What other nodes send, by its numbers: once each, whole, and what is missing between it. */
import { describe, expect, it } from 'vitest';
import { Inbox } from '../../src/nats/inbox.ts';
import type { Letter } from '../../src/nats/wire.ts';

const letter = (number: number, piece = 1, pieces = 1): Letter => ({
  source: 'b',
  number,
  kind: 'delivery',
  piece,
  pieces,
});

/** An inbox that has heard these. */
function heard(...numbers: readonly number[]): Inbox {
  const inbox = new Inbox(1_000);
  for (const number of numbers) take(inbox, number);
  return inbox;
}

function take(inbox: Inbox, number: number, piece = 1, pieces = 1, text = `${number}`): string | null {
  return inbox.take(letter(number, piece, pieces), { data: new TextEncoder().encode(text) });
}

const missing = (inbox: Inbox, ...numbers: readonly number[]) =>
  numbers.filter((number) => inbox.isMissing(letter(number)));

describe('an inbox', () => {
  it('hears each message once, in its order, and puts pieces together', () => {
    const inbox = heard(1, 3);
    expect([take(inbox, 3), take(inbox, 2), take(inbox, 4)]).toEqual([null, null, '4']);
    expect([take(inbox, 5, 1, 2, 'a'), take(inbox, 5, 2, 2, 'b'), take(inbox, 5)]).toEqual([null, 'ab', null]);
    expect(inbox.last('b')).toBe(5);
    expect(inbox.last('c')).toBe(0);
  });

  it('knows what it has not heard since all was confirmed', () => {
    const inbox = heard(1, 3);
    inbox.confirm('b', 0);
    for (const number of [5, 6, 9]) take(inbox, number);
    expect(missing(inbox, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)).toEqual([4, 7, 8]);
    inbox.confirm('b', 0);
    expect(missing(inbox, 4, 7, 8)).toEqual([]);
  });

  it('asks in doubt for what came after the last confirmation, which no other overtakes', () => {
    const inbox = heard(1, 3);
    inbox.confirm('b', 0);
    take(inbox, 5);
    inbox.doubt('b');
    take(inbox, 6);
    inbox.confirm('b', 0);
    expect(inbox.last('b')).toBe(3);
    inbox.trust('b');
    expect(inbox.last('b')).toBe(6);
    expect(missing(inbox, 3, 4, 5)).toEqual([4]);
  });

  it('does not hear what was sent before a confirmation, and does not miss it', () => {
    const inbox = heard(1);
    inbox.confirm('b', 5);
    expect(inbox.last('b')).toBe(5);
    expect([take(inbox, 4), take(inbox, 5), take(inbox, 6)]).toEqual([null, null, '6']);
    expect(missing(inbox, 2, 3, 4, 5)).toEqual([]);
  });

  it('remembers only so many numbers', () => {
    const inbox = heard(1, 3);
    for (let number = 4; number <= 100_010; number++) take(inbox, number);
    expect(missing(inbox, 2)).toEqual([]);
  });
});

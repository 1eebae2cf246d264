/** What waits is never forgotten, what is confirmed is kept as far as the bounds go, and numbers are given out in turn. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Entry, Outbox } from '../../src/nats/outbox.ts';

const letter = (text: string): Omit<Entry, 'number'> => ({
  subject: 's',
  channel: '/x',
  kind: 'broadcast',
  to: null,
  text,
});
const numbers = (entries: readonly Entry[]): number[] => entries.map(({ number }) => number);

describe('an outbox', () => {
  it('gives out numbers, and what waits in turn', () => {
    const outbox = new Outbox({ maxQueue: 3, maxQueueBytes: 100 });
    for (const text of ['a', 'b', 'c']) expect(outbox.add(letter(text))).toBe(true);
    expect(outbox.take()).toMatchObject({ number: 1, text: 'a' });
    expect(outbox.take()).toMatchObject({ number: 2, text: 'b' });
    expect([outbox.sent, outbox.unconfirmed]).toEqual([2, 3]);
    outbox.rewind(0, 0);
    expect(outbox.take()).toMatchObject({ number: 1, text: 'a' });
  });

  it('goes back to what was sent a moment ago, confirmed or not', () => {
    const outbox = new Outbox({ maxQueue: 10, maxQueueBytes: 100 });
    for (const [at, text] of ['a', 'b', 'c', 'd'].entries()) {
      outbox.add(letter(text));
      outbox.take();
      outbox.age(10 * at, 1000);
    }
    outbox.confirm(3);
    outbox.rewind(30, 20);
    expect(outbox.take()).toMatchObject({ number: 3 });
    expect(outbox.unconfirmed).toBe(1);
    outbox.rewind(30, 0);
    expect(outbox.take()).toMatchObject({ number: 4 });
    outbox.rewind(30, 1000);
    expect(numbers([outbox.take() as Entry, outbox.take() as Entry])).toEqual([1, 2]);
  });

  it('is full at its bounds, by what is not confirmed, and says by which', () => {
    const many = new Outbox({ maxQueue: 2, maxQueueBytes: 100 });
    expect([many.add(letter('a')), many.isFilling, many.isFull, many.add(letter('b'))]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    expect([many.isFull, many.add(letter('c')), many.limit]).toEqual([true, false, 'maxQueue']);
    many.take();
    many.confirm(1);
    expect([many.isFull, many.add(letter('c')), many.isFull]).toEqual([false, true, true]);
    const large = new Outbox({ maxQueue: 100, maxQueueBytes: 4 });
    expect([large.add(letter('abc')), large.add(letter('de')), large.add(letter('f'))]).toEqual([true, true, false]);
    expect(large.limit).toBe('maxQueueBytes');
  });

  it('forgets by age what is confirmed', () => {
    const outbox = new Outbox({ maxQueue: 10, maxQueueBytes: 100 });
    outbox.add(letter('a'));
    outbox.take();
    outbox.age(0, 50);
    outbox.add(letter('b'));
    outbox.take();
    outbox.age(50, 50);
    expect(numbers(outbox.sentSince(0).entries)).toEqual([1, 2]);
    outbox.confirm(2);
    outbox.age(60, 50);
    expect(outbox.sentSince(0)).toMatchObject({ entries: [{ number: 1 }, { number: 2 }], missing: false });
    outbox.age(110, 50);
    expect(outbox.sentSince(0)).toEqual({ entries: [], missing: true });
    expect(outbox.sentSince(2)).toEqual({ entries: [], missing: false });
  });

  it('keeps its promises whatever happens', () => {
    const step = fc.oneof(
      fc.record({ what: fc.constant('add'), n: fc.nat(5) }),
      fc.record({ what: fc.constant('add'), n: fc.nat(5) }),
      fc.record({ what: fc.constantFrom('take', 'confirm', 'rewind', 'age'), n: fc.nat(5) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const outbox = new Outbox({ maxQueue: 5, maxQueueBytes: 12 });
        const sizes: number[] = [];
        let sent = 0;
        let confirmed = 0;
        let at = 0;
        for (const { what, n } of steps) {
          const waiting = sizes.slice(confirmed);
          const isFull = waiting.length >= 5 || waiting.reduce((sum, size) => sum + size, 0) >= 12;
          expect(outbox.isFull).toBe(isFull);
          if (what === 'add') {
            expect(outbox.add(letter('x'.repeat(n)))).toBe(!isFull);
            if (!isFull) sizes.push(n);
          } else if (what === 'take') {
            const entry = outbox.take();
            expect(entry?.number).toBe(sent < sizes.length ? sent + 1 : undefined);
            if (entry) expect(entry.text).toHaveLength(sizes[sent++] as number);
          } else if (what === 'confirm') {
            confirmed = Math.max(confirmed, Math.min(sent, confirmed + n));
            outbox.confirm(confirmed);
          } else if (what === 'rewind') {
            // With an age of nothing what was confirmed stays so, as far as time has been told since.
            outbox.age(at, 5);
            outbox.rewind(at, 0);
            sent = Math.min(sent, confirmed);
          } else {
            at += n;
            outbox.age(at, 5);
          }
          expect(outbox.unconfirmed).toBe(sizes.length - confirmed);
          const { entries, missing } = outbox.sentSince(0);
          expect(numbers(entries)).toEqual(
            Array.from({ length: entries.length }, (_, i) => sent - entries.length + 1 + i),
          );
          expect(missing).toBe(entries.length < sent);
          expect(entries.length).toBeGreaterThanOrEqual(sent - confirmed);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

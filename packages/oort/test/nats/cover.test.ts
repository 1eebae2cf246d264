/** What is wanted comes, once: whatever is wanted and unwanted, in whatever order, and whenever the server confirms. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Action, Cover } from '../../src/nats/cover.ts';
import { around, common, isMatched, isWithin } from '../../src/nats/patterns.ts';

const patterns = ['/**', '/*', '/a', '/a/*', '/a/**', '/a/b', '/a/c', '/a/b/*', '/a/b/**', '/a/b/c', '/d', '/d/**'];
const channels = ['/a', '/d', '/x', '/a/b', '/a/c', '/a/x', '/d/e', '/a/b/c', '/a/b/x', '/d/e/f', '/x/y/z'];

/** As the server does it, segment by segment. */
function matches(channel: string, pattern: string): boolean {
  const [segments, wanted] = [channel.split('/'), pattern.split('/')];
  const last = wanted.at(-1);
  if (last === '**')
    return segments.length >= wanted.length && wanted.slice(0, -1).every((one, i) => one === segments[i]);
  return (
    segments.length === wanted.length && wanted.every((one, i) => one === segments[i] || (one === '*' && one === last))
  );
}

describe('patterns', () => {
  it('lie within each other when all they match does', () => {
    for (const inner of patterns) {
      expect(around(inner).toSorted()).toEqual(
        patterns
          .concat(around(inner))
          .filter((one, i, all) => all.indexOf(one) === i && one !== inner && isWithin(inner, one))
          .toSorted(),
      );
      for (const outer of patterns) {
        const both = channels.filter((channel) => matches(channel, inner) && matches(channel, outer));
        const shared = common(inner, outer);
        expect(both, `${inner} and ${outer}`).toEqual(
          shared === null ? [] : channels.filter((one) => matches(one, shared)),
        );
      }
    }
  });

  it('match channels as the server matches them', () => {
    for (const channel of channels)
      for (const pattern of patterns)
        expect(isMatched(channel, new Set([pattern])), `${channel} in ${pattern}`).toBe(matches(channel, pattern));
  });
});

/** A server that takes what it is sent later, in its order, and publishes in between. */
class Wire {
  readonly cover: Cover = new Cover();
  /** What the server has subscribed. */
  readonly subscribed: Set<string> = new Set();
  /** What the client has a callback for: it forgets one as soon as it unsubscribes. */
  readonly listening: Set<string> = new Set();
  readonly #sent: Action[] = [];
  readonly #coming: (() => void)[] = [];
  readonly heard: number[] = [];
  #last = 0;
  #numbers = 0;

  do(actions: readonly Action[]): void {
    for (const action of actions) {
      this.#sent.push(action);
      if (action.do === 'subscribe') this.listening.add(action.pattern);
      if (action.do === 'unsubscribe') this.listening.delete(action.pattern);
    }
  }

  /** The server reads one command. */
  read(): boolean {
    const action = this.#sent.shift();
    if (!action) return false;
    if (action.do === 'confirm') this.#coming.push(() => this.do(this.cover.confirmed(action.turn)));
    else if (action.do === 'subscribe') this.subscribed.add(action.pattern);
    else this.subscribed.delete(action.pattern);
    return true;
  }

  publish(channel: string): number {
    const number = ++this.#numbers;
    for (const pattern of this.subscribed)
      if (matches(channel, pattern))
        this.#coming.push(() => {
          if (!this.listening.has(pattern) || number <= this.#last) return;
          this.#last = number;
          this.heard.push(number);
        });
    return number;
  }

  /** One thing arrives at the client. */
  arrive(): boolean {
    const next = this.#coming.shift();
    next?.();
    return next !== undefined;
  }

  settle(): void {
    while (this.read() || this.arrive());
  }
}

const step = fc.oneof(
  fc.record({ what: fc.constantFrom('want', 'unwant'), pattern: fc.constantFrom(...patterns) }),
  fc.record({ what: fc.constant('publish'), pattern: fc.constantFrom(...channels) }),
  fc.record({ what: fc.constantFrom('read', 'arrive'), pattern: fc.constant('') }),
);

describe('a cover', () => {
  it('subscribes the widest of what is wanted, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const wire = new Wire();
        for (const { what, pattern } of steps) {
          if (what === 'want' || what === 'unwant') wire.do(wire.cover[what](pattern));
          if (what === 'read' || what === 'arrive') wire[what]();
        }
        wire.settle();
        const wanted = [...wire.cover.wanted];
        const widest = wanted.filter((one) => !wanted.some((other) => other !== one && isWithin(one, other)));
        expect([...wire.subscribed].sort()).toEqual(widest.sort());
        expect([...wire.cover.active].sort()).toEqual(widest.sort());
      }),
      { numRuns: 1000 },
    );
  });

  it('loses and doubles nothing of what stays wanted, while all else comes and goes', () => {
    fc.assert(
      fc.property(fc.constantFrom(...channels), fc.array(step, { maxLength: 60 }), (channel, steps) => {
        const wire = new Wire();
        wire.do(wire.cover.want(channel));
        wire.settle();
        const published: number[] = [];
        const others = new Set<number>();
        for (const { what, pattern } of steps) {
          if (what === 'publish') {
            const number = wire.publish(pattern);
            if (pattern === channel) published.push(number);
            else others.add(number);
          } else if (what === 'read' || what === 'arrive') wire[what]();
          else if (pattern !== channel) wire.do(wire.cover[what as 'want' | 'unwant'](pattern));
        }
        wire.settle();
        expect(wire.heard.filter((number) => !others.has(number))).toEqual(published);
      }),
      { numRuns: 2000 },
    );
  });
});

/** The rules of membership, one by one, and whatever order events come in. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Member } from '../../src/engine.ts';
import { type Action, type Event, Membership } from '../../src/mesh/membership.ts';

const a: Member = { id: 'id-a', url: 'http://a.test/cometd' };
const b: Member = { id: 'id-b', url: 'http://b.test/cometd' };
const anew: Member = { id: 'id-b2', url: b.url };

const observe = (url: string): Event => ({ what: 'observe', url });
const answered = (link: number, member: Member, successful = true): Event => ({
  what: 'answered',
  link,
  successful,
  member,
});
const knocked = (session: string, member: Member, more: object = {}): Event => ({
  what: 'knocked',
  session,
  member,
  reached: a.url,
  ...more,
});
const join = (session: string, member: Member): Event => ({ what: 'join', session, member });
const removed = (session: string, timeout: boolean): Event => ({ what: 'removed', session, timeout });

/** All that is done, in order. */
function run(membership: Membership, ...events: Event[]): Action[] {
  return events.flatMap((event) => membership.apply(event));
}

/** A node that is joined with b over link 1 and session s1. */
function together(): Membership {
  const membership = new Membership(a);
  run(membership, observe(b.url), answered(1, b), knocked('s1', b, { alias: b.url }), join('s1', b));
  return membership;
}

describe('a node that goes to another', () => {
  it('dials once, and says nothing until the other has come back', () => {
    const membership = new Membership(a);
    expect(run(membership, observe(b.url), observe(b.url))).toEqual([{ do: 'dial', link: 1, url: b.url }]);
    expect(membership.pending).toEqual([b.url]);
    expect(run(membership, answered(1, b))).toEqual([]);
    expect([membership.known, membership.pending, membership.members]).toEqual([[b.url], [], []]);
  });

  it('opens its link when the other comes back, and has joined when the other says so', () => {
    const membership = new Membership(a);
    run(membership, observe(b.url), answered(1, b));
    expect(run(membership, knocked('s1', b, { alias: b.url }))).toEqual([
      { do: 'open', link: 1 },
      { do: 'hurry', link: 1 },
    ]);
    expect(membership.isConnected(b.url)).toBe(true);
    expect(membership.members).toEqual([]);
    expect(run(membership, join('s1', b), join('s1', b))).toEqual([{ do: 'joined', member: b }]);
    expect(membership.members).toEqual([b]);
  });

  it('goes nowhere for its own URL', () => {
    expect(run(new Membership(a), observe(a.url))).toEqual([]);
  });

  it('takes leave of it by its URL or an alias', () => {
    const membership = new Membership(a);
    run(membership, observe('http://alias.test/cometd'), answered(1, b));
    expect(run(membership, observe(b.url), observe('http://alias.test/cometd'))).toEqual([]);
    expect(membership.known).toEqual([b.url]);
    expect(run(membership, { what: 'deobserve', url: 'http://alias.test/cometd' })).toEqual([
      { do: 'hangUp', link: 1 },
    ]);
    expect(membership.known).toEqual([]);
  });

  it('forgets a link that has led to itself, and never goes that way again', () => {
    const membership = new Membership(a);
    const alias = 'http://a-alias.test/cometd';
    expect(run(membership, observe(alias), answered(1, a, false), observe(alias))).toEqual([
      { do: 'dial', link: 1, url: alias },
      { do: 'hangUp', link: 1 },
    ]);
    expect([membership.pending, membership.known]).toEqual([[], []]);
  });

  it('says so when another node has its URL', () => {
    const membership = new Membership(a);
    const twin = { id: 'id-twin', url: a.url };
    expect(run(membership, observe('http://c.test/cometd'), answered(1, twin)).slice(1)).toEqual([
      { do: 'twins', url: a.url },
      { do: 'hangUp', link: 1 },
    ]);
  });

  it('gives up one of two links to one node, without a farewell that might end the other', () => {
    const membership = new Membership(a);
    run(membership, observe('http://alias.test/cometd'), observe(b.url), answered(1, b));
    expect(run(membership, answered(2, b))).toEqual([{ do: 'drop', link: 1 }]);
    expect(membership.find(b.url)).toBe(2);
  });

  it('keeps a link whose new handshake was refused', () => {
    const membership = together();
    expect(run(membership, answered(1, b, false))).toEqual([]);
    expect([membership.known, membership.pending]).toEqual([[], [b.url]]);
    expect(run(membership, answered(1, b))).toEqual([{ do: 'open', link: 1 }]);
  });
});

describe('a node that another comes to', () => {
  it('goes there, and tells it by which URL it was reached itself', () => {
    const membership = new Membership(a);
    expect(run(membership, knocked('s1', b, { reached: 'http://a-alias.test/cometd' }))).toEqual([
      { do: 'dial', link: 1, url: b.url, alias: 'http://a-alias.test/cometd' },
    ]);
    expect(run(membership, join('s1', b))).toEqual([]);
    expect(run(membership, answered(1, b))).toEqual([
      { do: 'open', link: 1 },
      { do: 'joined', member: b },
    ]);
  });

  it('does not go to who connects back over an alias', () => {
    const membership = new Membership(a);
    run(membership, observe('http://b-alias.test/cometd'));
    expect(run(membership, knocked('s1', b, { alias: 'http://b-alias.test/cometd' }))).toEqual([
      { do: 'hurry', link: 1 },
    ]);
  });

  it('takes a new session of the same node for the old one, without a word', () => {
    const membership = together();
    expect(run(membership, knocked('s2', b))).toEqual([
      { do: 'dismiss', session: 's1' },
      { do: 'hurry', link: 1 },
    ]);
    expect(run(membership, removed('s1', false), join('s2', b))).toEqual([]);
    expect(membership.members).toEqual([b]);
  });

  it('hears that the old start of a node has left before the new one has joined', () => {
    const membership = together();
    expect(run(membership, knocked('s2', anew))).toEqual([{ do: 'hurry', link: 1 }]);
    expect(run(membership, answered(1, anew))).toEqual([{ do: 'open', link: 1 }]);
    expect(run(membership, join('s2', anew))).toEqual([
      { do: 'dismiss', session: 's1' },
      { do: 'left', member: b },
      { do: 'joined', member: anew },
    ]);
  });

  it('says so when a start of a node that was replaced is still there', () => {
    const membership = together();
    run(membership, knocked('s2', anew), join('s2', anew));
    expect(run(membership, knocked('s3', b))).toContainEqual({ do: 'twins', url: b.url });
  });

  it('keeps its link when the other was silent for too long, and hangs up when the other has said goodbye', () => {
    const silent = together();
    expect(run(silent, removed('s1', true))).toEqual([{ do: 'left', member: b }]);
    expect(silent.known).toEqual([b.url]);
    expect(run(silent, knocked('s2', b), join('s2', b)).at(-1)).toEqual({ do: 'joined', member: b });
    expect(run(together(), removed('s1', false))).toEqual([
      { do: 'hangUp', link: 1 },
      { do: 'left', member: b },
    ]);
  });

  it('never hears that somebody has left who had not joined', () => {
    const membership = new Membership(a);
    run(membership, observe(b.url), knocked('s1', b));
    expect(run(membership, removed('s1', true))).toEqual([]);
  });

  it('does not believe a join for a session that is not that node', () => {
    const membership = together();
    expect(run(membership, join('s9', anew), join('s1', anew), join('s1', { ...b, url: a.url }))).toEqual([]);
  });
});

describe('whatever happens, in any order', () => {
  const members = fc.constantFrom(a, b, anew, { id: 'id-c', url: 'http://c.test/cometd' }, { id: 'x', url: a.url });
  const urls = fc.constantFrom(a.url, b.url, 'http://c.test/cometd', 'http://alias.test/cometd');
  const sessions = fc.constantFrom('s1', 's2', 's3', 's4', 's5');
  const events: fc.Arbitrary<Event> = fc.oneof(
    fc.record({ what: fc.constant('observe' as const), url: urls }),
    fc.record({ what: fc.constant('deobserve' as const), url: urls }),
    fc.record({
      what: fc.constant('answered' as const),
      link: fc.integer({ min: 1, max: 6 }),
      successful: fc.boolean(),
      member: members,
    }),
    fc.record({ what: fc.constant('knocked' as const), session: sessions, member: members, reached: urls }),
    fc.record({ what: fc.constant('join' as const), session: sessions, member: members }),
    fc.record({ what: fc.constant('removed' as const), session: sessions, timeout: fc.boolean() }),
  );

  it('joined and left take turns for each start of a node, left(old) comes before joined(new), and the members are those who joined', () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 60 }), (all) => {
        const membership = new Membership(a);
        const present = new Map<string, string>();
        for (const event of all) {
          // A node never knocks as oneself: the gate has refused it.
          if (event.what === 'knocked' && (event.member.id === a.id || event.member.url === a.url)) continue;
          for (const action of membership.apply(event)) {
            if (action.do === 'joined') {
              expect(present.has(action.member.id)).toBe(false);
              expect([...present.values()]).not.toContain(action.member.url);
              present.set(action.member.id, action.member.url);
            }
            if (action.do === 'left') expect(present.delete(action.member.id)).toBe(true);
          }
          expect(new Map(membership.members.map(({ id, url }) => [id, url]))).toEqual(present);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('a link is opened or hung up only while it lives, and a session is dismissed only when it has come', () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 60 }), (all) => {
        const membership = new Membership(a);
        const links = new Set<number>();
        for (const event of all) {
          if (event.what === 'knocked' && (event.member.id === a.id || event.member.url === a.url)) continue;
          if (event.what === 'answered' && !links.has(event.link)) continue;
          for (const action of membership.apply(event)) {
            if (action.do === 'dial') {
              expect(links.has(action.link)).toBe(false);
              links.add(action.link);
            }
            if (action.do === 'open' || action.do === 'hurry') expect(links.has(action.link)).toBe(true);
            if (action.do === 'hangUp' || action.do === 'drop') expect(links.delete(action.link)).toBe(true);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

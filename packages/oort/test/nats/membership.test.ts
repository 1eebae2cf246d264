/** The rules of membership, one by one, and then whatever happens to a cloud. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Action, type Event, Membership, type NodeRecord } from '../../src/nats/membership.ts';

const options = { heartbeat: 100, leaveAfter: 300 };

function recordOf(id: string, more: Partial<NodeRecord> = {}): NodeRecord {
  const url = `http://${id.split('.')[0]}.test/cometd`;
  return { id, url, started: 1, version: 1, revision: 1, observed: [], interest: [], ...more };
}

const b = recordOf('b.1');
const memberOf = ({ id, url }: NodeRecord) => ({ id, url });
const introduced = (record: NodeRecord, more: object = {}): Event => ({
  what: 'introduced',
  record,
  lost: 0,
  asks: false,
  at: 0,
  ...more,
});
const heartbeat = (id: string, at = 0, more: object = {}): Event => ({
  what: 'heartbeat',
  id,
  revision: 1,
  isCall: false,
  at,
  ...more,
});

function alone(): Membership {
  return new Membership({ id: 'a.1', url: 'http://a.test/cometd' }, options);
}

function together(record: NodeRecord = b): Membership {
  const membership = alone();
  membership.apply(introduced(record));
  return membership;
}

describe('a node', () => {
  it('asks who that is, once in a heartbeat, when it hears one it does not know', () => {
    const membership = alone();
    const ask: Action = { do: 'introduce', id: b.id, lost: 0, asks: true };
    expect(membership.apply(heartbeat(b.id, 0))).toEqual([ask]);
    expect(membership.apply(heartbeat(b.id, 50))).toEqual([]);
    expect(membership.apply(heartbeat(b.id, 100))).toEqual([ask]);
    expect(membership.members).toEqual([]);
  });

  it('introduces itself before it tells that the other has joined, and what that observes before, too', () => {
    const record = { ...b, observed: ['/x', '/y'] };
    const membership = alone();
    expect(membership.apply(introduced(record, { asks: true }))).toEqual([
      { do: 'introduce', id: b.id, lost: 0, asks: false },
      { do: 'observed', id: b.id, channels: ['/x', '/y'] },
      { do: 'joined', member: memberOf(b) },
    ]);
    expect(membership.apply(introduced(record))).toEqual([]);
    expect(membership.members).toEqual([memberOf(b)]);
    expect(membership.find(b.url)).toMatchObject(memberOf(b));
  });

  it('tells what another observes anew, and asks when it has missed that', () => {
    const membership = together();
    const changed = { ...b, revision: 2, observed: ['/x'] };
    expect(membership.apply({ what: 'changed', record: changed, at: 0 })).toEqual([
      { do: 'observed', id: b.id, channels: ['/x'] },
    ]);
    expect(membership.apply({ what: 'changed', record: b, at: 0 })).toEqual([]);
    expect(membership.record(b.id)?.observed).toEqual(['/x']);
    expect(membership.apply(heartbeat(b.id, 200, { revision: 3 }))).toEqual([
      { do: 'introduce', id: b.id, lost: 0, asks: true },
    ]);
    expect(membership.apply(introduced({ ...b, revision: 3, observed: ['/x', '/y'] }))).toEqual([
      { do: 'observed', id: b.id, channels: ['/y'] },
    ]);
  });

  it('answers a call', () => {
    expect(together().apply(heartbeat(b.id, 0, { isCall: true }))).toEqual([{ do: 'answer', id: b.id }]);
  });

  it('has left when it says so, or when it was silent for too long', () => {
    expect(together().apply({ what: 'farewell', id: b.id })).toEqual([{ do: 'left', member: memberOf(b) }]);
    const membership = together();
    for (let at = 0; at <= 300; at += 25) expect(membership.apply({ what: 'tick', at })).toEqual([]);
    expect(membership.apply({ what: 'tick', at: 325 })).toEqual([{ do: 'left', member: memberOf(b) }]);
    expect(membership.members).toEqual([]);
  });

  it('has not left because this process stood still', () => {
    const membership = together();
    membership.apply({ what: 'tick', at: 0 });
    expect(membership.apply({ what: 'tick', at: 5000 })).toEqual([]);
    membership.apply(heartbeat(b.id, 5001));
    expect(membership.apply({ what: 'tick', at: 5025 })).toEqual([]);
  });

  it('is given a moment to come back after this one was cut off', () => {
    const membership = together();
    membership.apply({ what: 'tick', at: 275 });
    membership.apply({ what: 'back', at: 290 });
    for (let at = 300; at < 490; at += 25) expect(membership.apply({ what: 'tick', at }), `${at}`).toEqual([]);
    expect(membership.apply({ what: 'tick', at: 500 })).toEqual([{ do: 'left', member: memberOf(b) }]);
  });

  it('has left before it joins anew, when it started anew or has lost this one', () => {
    const membership = together();
    const anew = { ...b, id: 'b.2' };
    expect(membership.apply(introduced(anew))).toEqual([
      { do: 'left', member: memberOf(b) },
      { do: 'joined', member: memberOf(anew) },
    ]);
    expect(membership.apply(introduced(anew, { lost: 1, asks: true }))).toEqual([
      { do: 'left', member: memberOf(anew) },
      { do: 'introduce', id: 'b.2', lost: 1, asks: false },
      { do: 'joined', member: memberOf(anew) },
    ]);
  });

  it('is told of twins, once each: of another node, and of itself', () => {
    const membership = together();
    membership.apply(introduced({ ...b, id: 'b.2' }));
    membership.apply({ what: 'tick', at: 10 });
    expect(membership.apply(heartbeat(b.id, 10))).toEqual([{ do: 'twins', url: b.url, id: b.id }]);
    expect(membership.apply(heartbeat(b.id, 20))).toEqual([]);
    expect(membership.apply(introduced(recordOf('a.2'), { at: 20, asks: true }))).toEqual([
      { do: 'introduce', id: 'a.2', lost: 0, asks: false },
      { do: 'twins', url: 'http://a.test/cometd', id: 'a.2' },
    ]);
    expect(membership.twins.sort()).toEqual(['http://a.test/cometd', b.url]);
    for (let at = 25; at < 325; at += 25) membership.apply({ what: 'tick', at });
    membership.apply(heartbeat('b.2', 325));
    membership.apply({ what: 'tick', at: 350 });
    expect(membership.twins).toEqual([]);
  });
});

/** Nodes on a bus that keeps the order of each sender, with a clock of its own. */
class Cloud {
  readonly nodes: Map<string, { membership: Membership; life: string[]; isCut: boolean }> = new Map();
  readonly #post: { readonly from: string; readonly to: string; readonly event: (at: number) => Event }[] = [];
  readonly #told: Map<string, number> = new Map();
  #counter = 0;
  now = 0;

  start(id: string): void {
    for (const old of this.nodes.keys()) if (old.split('.')[0] === id.split('.')[0]) this.nodes.delete(old);
    const membership = new Membership(recordOf(id), options);
    this.nodes.set(id, { membership, life: [], isCut: false });
    this.beat(id, true);
  }

  beat(id: string, isCall = false): void {
    for (const other of this.nodes.keys())
      if (other !== id) this.#send(id, other, (at) => heartbeat(id, at, { isCall }));
  }

  cut(id: string): void {
    const node = this.nodes.get(id);
    if (node) node.isCut = true;
  }

  heal(id: string): void {
    const node = this.nodes.get(id);
    if (!node?.isCut) return;
    node.isCut = false;
    this.#apply(id, { what: 'back', at: this.now });
    this.beat(id, true);
  }

  pass(): void {
    this.now += 25;
    for (const id of this.nodes.keys()) {
      this.#apply(id, { what: 'tick', at: this.now });
      if (this.now % 100 === 0) this.beat(id);
    }
  }

  /** Delivers one message of the sender whose turn it is. */
  deliver(turn: number): boolean {
    const senders = [...new Set(this.#post.map(({ from, to }) => `${from} ${to}`))];
    if (senders.length === 0) return false;
    const pair = senders[turn % senders.length];
    const index = this.#post.findIndex(({ from, to }) => `${from} ${to}` === pair);
    const [message] = this.#post.splice(index, 1);
    if (message && this.nodes.get(message.to)?.isCut === false) this.#apply(message.to, message.event(this.now));
    return true;
  }

  /** Time passes, and whatever is sent arrives. */
  live(rounds: number): void {
    for (let round = 0; round < rounds; round++) {
      this.pass();
      while (this.deliver(0));
    }
  }

  /** When a node was told that last, as a number that grows with whatever anybody is told. */
  last(id: string, what: string): number {
    return this.#told.get(`${id} ${what}`) ?? -1;
  }

  #send(from: string, to: string, event: (at: number) => Event): void {
    if (!this.nodes.get(from)?.isCut) this.#post.push({ from, to, event });
  }

  #apply(id: string, event: Event): void {
    const node = this.nodes.get(id);
    if (!node) return;
    for (const action of node.membership.apply(event)) {
      if (action.do === 'introduce') {
        const { lost, asks } = action;
        this.#send(id, action.id, (at) => introduced(recordOf(id), { lost, asks, at }));
      } else if (action.do === 'answer') this.#send(id, action.id, (at) => heartbeat(id, at));
      else if (action.do === 'joined' || action.do === 'left') {
        node.life.push(`${action.do} ${action.member.id}`);
        this.#told.set(`${id} ${action.do} ${action.member.id}`, ++this.#counter);
      }
    }
  }
}

describe('a cloud', () => {
  const names = ['a', 'b', 'c'];
  const step = fc.oneof(
    fc.record({
      what: fc.constantFrom('restart', 'cut', 'heal'),
      node: fc.constantFrom(...names),
      turn: fc.constant(0),
    }),
    fc.record({ what: fc.constant('live'), node: fc.constant(''), turn: fc.nat(15) }),
    fc.record({ what: fc.constantFrom('pass', 'deliver', 'deliver'), node: fc.constant(''), turn: fc.nat(20) }),
    fc.record({ what: fc.constantFrom('pass', 'deliver', 'deliver'), node: fc.constant(''), turn: fc.nat(20) }),
  );

  it('comes together in the end, with joined and left in turn, and who has left for one has joined it anew', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const cloud = new Cloud();
        const starts = new Map(names.map((name) => [name, 1]));
        const idOf = (name: string) => `${name}.${starts.get(name)}`;
        for (const name of names) cloud.start(idOf(name));
        for (const { what, node, turn } of steps) {
          if (what === 'restart') {
            starts.set(node, (starts.get(node) ?? 0) + 1);
            cloud.start(idOf(node));
          } else if (what === 'cut' || what === 'heal') cloud[what](idOf(node));
          else if (what === 'pass') cloud.pass();
          else if (what === 'live') cloud.live(turn);
          else cloud.deliver(turn);
        }
        for (const name of names) cloud.heal(idOf(name));
        cloud.live(40);
        const ids = names.map(idOf);
        for (const id of ids) {
          const { membership, life } = cloud.nodes.get(id) as NonNullable<ReturnType<typeof cloud.nodes.get>>;
          expect(membership.members.map((one) => one.id).sort()).toEqual(ids.filter((one) => one !== id));
          const here = new Map<string, string>();
          for (const line of life) {
            const [what, other] = line.split(' ') as [string, string];
            const name = other.split('.')[0] as string;
            expect(here.get(name), line).toBe(what === 'joined' ? undefined : other);
            if (what === 'joined') here.set(name, other);
            else here.delete(name);
          }
          for (const other of ids)
            if (other !== id)
              expect(cloud.last(id, `joined ${other}`), `${id} and ${other}`).toBeGreaterThan(
                cloud.last(other, `left ${id}`),
              );
        }
      }),
      { numRuns: 500 },
    );
  }, 30_000);
});

describe('a node that is also on another engine', () => {
  const there = { alsoOn: 'mesh' } as const;

  it('is nobody to others that are there, too, and is told who they are', () => {
    const membership = new Membership({ id: 'a.1', url: 'http://a.test/cometd', ...there }, options);
    const both = recordOf('b.1', there);
    expect(membership.apply(introduced(both, { asks: true }))).toEqual([
      { do: 'introduce', id: both.id, lost: 0, asks: false },
    ]);
    expect(membership.apply(heartbeat(both.id, 500))).toEqual([]);
    expect(membership.members).toEqual([]);
  });

  it('is a node like any other to those that are here alone', () => {
    const membership = alone();
    const both = recordOf('b.1', there);
    expect(membership.apply(introduced(both))).toContainEqual({ do: 'joined', member: memberOf(both) });
  });
});

/** Several state machines and a network of letters: whatever order the letters come in, all nodes end up in one mesh. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Member } from '../../src/engine.ts';
import { type Action, type Event, Membership } from '../../src/mesh/membership.ts';

/** A node, and what of its network the rules can see. */
interface Player {
  readonly member: Member;
  readonly membership: Membership;
  readonly life: string[];
  /** URLs its links go to, and the sessions they have there. */
  readonly links: Map<number, { readonly url: string; readonly alias?: string; session?: string }>;
}

/** Deliveries wait in lanes; within a lane they keep their order, between lanes anything goes. */
class Post {
  readonly players: Map<string, Player> = new Map();
  readonly #lanes: Map<string, (() => void)[]> = new Map();
  /** Other URLs of nodes. */
  readonly #aliases: ReadonlyMap<string, string>;
  #sessions = 0;
  readonly #silent: { readonly player: Player; readonly session: string }[] = [];

  constructor(aliases: ReadonlyMap<string, string>) {
    this.#aliases = aliases;
  }

  add(member: Member): Player {
    const player: Player = { member, membership: new Membership(member), life: [], links: new Map() };
    this.players.set(member.url, player);
    return player;
  }

  at(url: string): Player | undefined {
    return this.players.get(this.#aliases.get(url) ?? url);
  }

  /** Delivers one letter of the lane that `pick` chooses; false when there is none. */
  step(pick: number): boolean {
    const lanes = [...this.#lanes].filter(([, letters]) => letters.length > 0);
    if (lanes.length === 0) return false;
    lanes[pick % lanes.length]?.[1].shift()?.();
    return true;
  }

  tell(player: Player, event: Event): void {
    for (const action of player.membership.apply(event)) this.#act(player, action);
  }

  #mail(lane: string, letter: () => void): void {
    const letters = this.#lanes.get(lane) ?? [];
    this.#lanes.set(lane, [...letters, letter]);
  }

  #act(player: Player, action: Action): void {
    const { member, links, life } = player;
    switch (action.do) {
      case 'dial':
        links.set(action.link, { url: action.url, ...(action.alias !== undefined && { alias: action.alias }) });
        return this.#mail(`${member.id} ${action.link}`, () => this.#shake(player, action.link));
      case 'open':
        return this.#mail(`${member.id} ${action.link}`, () => this.#open(player, action.link));
      case 'hangUp':
        return this.#mail(`${member.id} ${action.link}`, () => this.#leave(player, action.link));
      case 'drop':
        return this.#drop(player, action.link);
      case 'dismiss':
        this.tell(player, { what: 'removed', session: action.session, timeout: false });
        return this.#redial(action.session);
      case 'joined':
      case 'left':
        life.push(`${action.do} ${action.member.id}`);
    }
  }

  #shake(player: Player, number: number): void {
    const link = player.links.get(number);
    const other = link && this.at(link.url);
    if (!link || !other) return;
    const { member } = player;
    const answer = { what: 'answered', link: number, member: other.member } as const;
    if (other === player) {
      return this.#mail(`back ${member.id} ${number}`, () => this.tell(player, { ...answer, successful: false }));
    }
    link.session = `s${++this.#sessions}`;
    const { session, alias } = link;
    this.tell(other, { what: 'knocked', session, member, reached: link.url, ...(alias !== undefined && { alias }) });
    this.#mail(`back ${member.id} ${number}`, () => this.tell(player, { ...answer, successful: true }));
  }

  #open(player: Player, number: number): void {
    const link = player.links.get(number);
    const other = link && this.at(link.url);
    if (!link?.session || !other) return;
    for (const url of player.membership.known) this.tell(other, { what: 'observe', url });
    this.tell(other, { what: 'join', session: link.session, member: player.member });
  }

  /** The session it leaves behind is silent until it times out. */
  #drop(player: Player, number: number): void {
    const link = player.links.get(number);
    player.links.delete(number);
    const other = link && this.at(link.url);
    if (link?.session && other) this.#silent.push({ player: other, session: link.session });
  }

  /** A link whose session was ended by the other node shakes hands anew. */
  #redial(session: string): void {
    for (const player of this.players.values()) {
      for (const [number, link] of player.links) {
        if (link.session !== session) continue;
        this.#mail(`${player.member.id} ${number}`, () => this.#shake(player, number));
      }
    }
  }

  /** What was silent times out; false when nothing was. */
  timeOut(): boolean {
    const silent = this.#silent.splice(0);
    for (const { player, session } of silent) this.tell(player, { what: 'removed', session, timeout: true });
    return silent.length > 0;
  }

  #leave(player: Player, number: number): void {
    const link = player.links.get(number);
    player.links.delete(number);
    const other = link && this.at(link.url);
    if (link?.session && other) this.tell(other, { what: 'removed', session: link.session, timeout: false });
  }
}

it('nodes that know of each other by any connected set of introductions, by aliases, too, become one mesh, each joined once', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 5 }),
      fc.array(fc.nat(), { minLength: 4, maxLength: 4 }),
      fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
      fc.infiniteStream(fc.nat(1000)),
      (count, roots, byAlias, picks) => {
        const members = Array.from({ length: count }, (_, at) => ({ id: `n${at}`, url: `http://n${at}.test/cometd` }));
        const aliasOf = (url: string): string => url.replace('http://', 'http://alias-');
        const post = new Post(new Map(members.map(({ url }) => [aliasOf(url), url])));
        const players = members.map((member) => post.add(member));
        const next = (): number => picks.next().value as number;
        // Each but the first is introduced to one of those before it; steps in between, so that introductions come at any time.
        for (const [at, player] of players.entries()) {
          if (at === 0) continue;
          const root = members[(roots[at - 1] ?? 0) % at] as Member;
          post.tell(player, { what: 'observe', url: byAlias[at] ? aliasOf(root.url) : root.url });
          for (let steps = next() % 8; steps > 0; steps--) post.step(next());
        }
        let left = 5000;
        while (post.step(next()) || post.timeOut()) expect(left--).toBeGreaterThan(0);
        for (const { member, membership, life } of players) {
          const others = members.filter(({ id }) => id !== member.id);
          expect(membership.members.map(({ id }) => id).sort()).toEqual(others.map(({ id }) => id));
          const net = new Map<string, number>();
          for (const line of life) {
            const [what, id] = line.split(' ') as [string, string];
            const state = (net.get(id) ?? 0) + (what === 'joined' ? 1 : -1);
            expect([0, 1]).toContain(state);
            net.set(id, state);
          }
          expect([...net.values()]).toEqual(others.map(() => 1));
        }
      },
    ),
    { numRuns: 200 },
  );
});

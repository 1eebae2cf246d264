/** A rolling restart of two servers behind real balancers, with the very configurations that the documentation gives. */
import { describe, expect, it, vi } from 'vitest';
import { House, type Promised } from './houses.ts';
import { launchBalancer, obstacle } from './launch-balancer.ts';
import { makes, openBrowser, Reader, type Via } from './readers.ts';

/** Clients of each make and transport. */
const EACH = 4;
/** Nobody may be without news for so long, in ms. */
const LONGEST_SILENCE = 5_000;

const vias: readonly Via[] = ['websocket', 'long-polling'];

interface Case {
  readonly balancer: 'nginx' | 'haproxy';
  readonly stickiness: 'cookie' | 'address';
  readonly vias: readonly Via[];
}

const cases: readonly Case[] = [
  { balancer: 'haproxy', stickiness: 'cookie', vias },
  { balancer: 'haproxy', stickiness: 'address', vias },
  { balancer: 'nginx', stickiness: 'cookie', vias },
  // It computes the server from the address, and tears clients over long-polling from their sessions when a server comes back.
  { balancer: 'nginx', stickiness: 'address', vias: ['websocket'] },
];

/** What was heard in each session where it is not what was promised: out of order, twice, or not at all. */
function differences(promised: Promised, readers: readonly Reader[], isOver: (session: string) => boolean): string[] {
  const found: string[] = [];
  const sessions = new Set([...promised.keys(), ...readers.flatMap(({ heard }) => [...heard.keys()])]);
  for (const session of sessions) {
    const said = promised.get(session) ?? [];
    const reader = readers.find(({ heard }) => heard.has(session));
    const heard = reader?.heard.get(session) ?? [];
    // What was said last in a session that goes on may be on its way.
    const due = isOver(session) ? said : said.slice(0, heard.length);
    if (JSON.stringify(heard) === JSON.stringify(due)) continue;
    const at = due.findIndex((data, index) => heard[index] !== data);
    found.push(`${reader?.name ?? 'nobody'}: ${heard.length} of ${due.length}, ${heard[at]} instead of ${due[at]}`);
  }
  return found;
}

for (const { balancer, stickiness, vias } of cases) {
  describe.skipIf(obstacle(balancer))(`a rolling restart behind ${balancer} with stickiness by ${stickiness}`, () => {
    it(`loses and repeats no acknowledged message over ${vias.join(' and ')}, and leaves nobody without news for 5 s`, async () => {
      openBrowser();
      const promised: Promised = new Map();
      const [a, b] = [await House.open('a', promised), await House.open('b', promised)] as const;
      const file = `${balancer}-${stickiness}.${balancer === 'nginx' ? 'conf' : 'cfg'}`;
      const { port, leaves } = await launchBalancer(balancer, file, [a, b]);
      const kinds = makes.flatMap((make) => vias.map((via) => [make, via] as const));
      const all = Array.from({ length: EACH }, () => kinds).flat();
      const readers = await Promise.all(all.map(([make, via], number) => Reader.open(number, make, via, port)));
      for (const house of [a, b]) expect(house.population).toBeGreaterThan(0);

      for (const [name, house] of Object.entries({ a, b })) {
        await leaves(name as 'a' | 'b');
        await house.stop('SIGTERM');
        await house.start();
      }
      await leaves('none');
      const ofThePresent = /^[ab]2 /;
      await vi.waitFor(
        () => {
          for (const { heard } of readers) expect([...heard.values()].at(-1)?.at(-1)).toMatch(ofThePresent);
        },
        { timeout: 8_000, interval: 100 },
      );

      const isOver = (session: string): boolean => a.ended.has(session) || b.ended.has(session);
      await vi.waitFor(() => expect(differences(promised, readers, isOver)).toEqual([]), 2_000);
      const silent = readers.filter(({ longestSilence }) => longestSilence > LONGEST_SILENCE);
      expect(silent.map(({ name, longestSilence }) => `${name}: ${longestSilence}`)).toEqual([]);
      const longest = Math.max(...readers.map(({ longestSilence }) => longestSilence));
      console.log(
        `${balancer} by ${stickiness}: ${readers.length} clients, none without news for longer than ${Math.round(longest)} ms`,
      );
    }, 60_000);
  });
}

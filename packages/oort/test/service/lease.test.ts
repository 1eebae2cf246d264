/** Leases in a world without real time: never two hold it, whatever stalls, sleeps, is cut off or crashes; and soon one does. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Node, World } from './world.ts';

const TTL = 3_000;

function holders(world: World): Node[] {
  return world.nodes.filter(({ lease, isDead }) => !isDead && lease.isHeld);
}

/** A world with nodes that all want the lease, after it was given out first. */
async function settled(...rates: number[]): Promise<[World, ...Node[]]> {
  const world = new World(TTL, () => 0);
  const nodes = rates.map((rate) => world.node(rate));
  for (const { lease } of nodes) lease.start();
  await world.pass(TTL);
  expect(holders(world)).toHaveLength(1);
  return [world, ...nodes.sort((a, b) => Number(b.lease.isHeld) - Number(a.lease.isHeld))];
}

async function two(): Promise<[World, Node, Node]> {
  return (await settled(1, 1)) as [World, Node, Node];
}

describe('a lease', () => {
  it('is held by one, renewed for ever, and known to all', async () => {
    const [world, holder, other] = await two();
    await world.pass(20 * TTL, () => expect(holder.lease.isHeld).toBe(true));
    expect([holder.lease.url, other.lease.url]).toEqual([holder.url, holder.url]);
    expect([holder.lease.token, other.lease.token]).toEqual([world.tokens[0], null]);
    expect(world.tokens).toHaveLength(1);
  });

  it('that is laid down is taken by another at once', async () => {
    const [world, holder, other] = await two();
    holder.stop();
    await world.pass(50);
    expect([holder.lease.isHeld, other.lease.isHeld]).toEqual([false, true]);
    expect(other.lease.token).toBeGreaterThan(world.tokens[0] as number);
  });

  it.each<[string, (holder: Node) => void]>([
    [
      'crashes',
      (holder) => {
        holder.isDead = true;
      },
    ],
    [
      'is cut off',
      (holder) => {
        holder.isCut = true;
      },
    ],
    ['stands still', (holder) => holder.stall(4 * TTL)],
    ['sleeps', (holder) => holder.sleep(4 * TTL)],
  ])(
    'whose holder %s is taken by another, later than it was held, and within the ttl and a third',
    async (_what, happen) => {
      const [world, holder, other] = await two();
      happen(holder);
      await world.pass(TTL * 1.5, () => expect(holders(world).length).toBeLessThan(2));
      expect([holder.lease.isHeld, other.lease.isHeld]).toEqual([false, true]);
      expect(other.lease.url).toBe(other.url);
    },
  );

  it("is nobody's, as far as one who is cut off knows, when nobody was heard for its time", async () => {
    const [world, holder, other] = await two();
    other.isCut = true;
    await world.pass(TTL / 2);
    expect(other.lease.url).toBe(holder.url);
    await world.pass(TTL);
    expect(other.lease.url).toBeNull();
    other.heal();
    await world.pass(TTL);
    expect(other.lease.url).toBe(holder.url);
  });

  it('is held on when the break was short', async () => {
    const [world, holder] = await two();
    holder.isCut = true;
    await world.pass(TTL / 4);
    holder.heal();
    await world.pass(4 * TTL, () => expect(holder.lease.isHeld).toBe(true));
    expect(world.tokens).toHaveLength(1);
  });

  it('survives answers that are lost, of which nobody knows what they would have said', async () => {
    const [world, holder] = await two();
    // Requests go out, answers do not come back.
    for (let each = 0; each < 8; each++) {
      await world.pass(TTL / 3 - 20);
      holder.isCut = true;
      await world.pass(15);
      holder.heal();
      await world.pass(5, () => expect(holders(world).length).toBeLessThan(2));
    }
    await world.pass(3 * TTL, () => expect(holders(world).length).toBeLessThan(2));
    expect(holders(world)).toHaveLength(1);
  });
});

describe('whatever happens', () => {
  const doings = ['cut', 'heal', 'stall', 'sleep', 'crash', 'stop', 'begin', 'pass'] as const;
  const script = fc.array(
    fc.record({
      what: fc.constantFrom(...doings),
      node: fc.nat(2),
      long: fc.integer({ min: 1, max: 2 * TTL }),
      pause: fc.nat(TTL),
    }),
    { maxLength: 30 },
  );

  it('no two hold it at a time, tokens grow, and one holds it when all is well again', async () => {
    await fc.assert(
      fc.asyncProperty(
        script,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 7, maxLength: 7 }),
        fc.array(fc.double({ min: 0.93, max: 1.07, noNaN: true }), { minLength: 3, maxLength: 3 }),
        async (steps, chances, rates) => {
          let turn = 0;
          const world = new World(TTL, () => chances[turn++ % chances.length] as number);
          const place = [0, 1, 2].map((index) => world.node(rates[index]));
          for (const { lease } of place) lease.start();
          const look = (): void => {
            const both = holders(world);
            expect(both.length, both.map(({ url }) => url).join(' and ')).toBeLessThan(2);
          };
          for (const { what, node: index, long, pause } of steps) {
            const node = place[index] as Node;
            if (what === 'cut') node.isCut = true;
            else if (what === 'heal') node.heal();
            else if (what === 'stall') node.stall(long);
            else if (what === 'sleep') node.sleep(long);
            else if (what === 'crash') node.isDead = true;
            else if (what === 'stop') node.stop();
            else if (what === 'begin' && (node.isDead || node.isStopped)) {
              place[index] = world.node(rates[index]);
              place[index]?.lease.start();
            }
            // Looked at often, also while nothing happens.
            for (let at = 0; at < pause; at += 50) world.after(at, () => undefined);
            await world.pass(pause, look);
          }
          for (const node of place) node.heal();
          await world.pass(6 * TTL, look);
          const alive = place.filter(({ isDead, isStopped }) => !isDead && !isStopped);
          expect(holders(world)).toHaveLength(Math.min(1, alive.length));
          expect(world.tokens).toEqual([...new Set(world.tokens)].sort((a, b) => a - b));
        },
      ),
      { numRuns: 100 },
    );
  }, 60_000);
});

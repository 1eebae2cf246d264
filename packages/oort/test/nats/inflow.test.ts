/** What arrives at once comes in turn by turn, and in its order. */
import { expect, it } from 'vitest';
import { Inflow } from '../../src/nats/inflow.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

it('lets few in at once, and many in turns, in their order', async () => {
  const inflow = new Inflow();
  const seen: number[] = [];
  for (let n = 0; n < 5; n++) inflow.take(() => seen.push(n));
  expect(seen).toEqual([0, 1, 2, 3, 4]);
  await turn();
  const turns: number[] = [];
  for (let n = 5; n < 1_005; n++) inflow.take(() => seen.push(n));
  while (seen.length < 1_005) {
    turns.push(seen.length);
    // What comes meanwhile waits behind the others.
    if (turns.length === 1) inflow.take(() => seen.push(1_005));
    await turn();
  }
  expect(seen).toEqual(Array.from({ length: seen.length }, (_, n) => n));
  for (const [index, count] of turns.entries()) expect(count - (turns[index - 1] ?? 5)).toBeLessThanOrEqual(200);
});

it('has forgotten what waits when it is stopped', async () => {
  const inflow = new Inflow();
  let count = 0;
  for (let n = 0; n < 1_000; n++) inflow.take(() => count++);
  inflow.stop();
  await turn();
  await turn();
  expect(count).toBe(200);
});

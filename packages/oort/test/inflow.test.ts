/** What arrives at once comes in turn by turn, in its order, and as fast as clients take it. */
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { type Client, Inflow } from '../src/inflow.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setImmediate', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function client(queueFill: number): { -readonly [Key in keyof Client]: Client[Key] } {
  return { isLocalSession: false, isNode: false, queueFill };
}

/** An inflow, and how many have come in, in their order. */
class Gate {
  readonly inflow: Inflow;
  in = 0;
  #taken = 0;

  constructor(...clients: readonly Client[]) {
    this.inflow = new Inflow(() => clients);
  }

  take(count: number): void {
    for (let each = 0; each < count; each++) {
      const number = this.#taken++;
      this.inflow.take(() => expect(number).toBe(this.in++));
    }
  }
}

it('lets few in at once, and many in turns, in their order', async () => {
  vi.useRealTimers();
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  const gate = new Gate();
  gate.take(5);
  expect(gate.in).toBe(5);
  await turn();
  gate.take(1_000);
  const turns = [gate.in];
  // What comes meanwhile waits behind the others.
  gate.take(1);
  while (gate.in < 1_006 && turns.length < 20) {
    await turn();
    turns.push(gate.in);
  }
  expect(turns).toEqual([205, 405, 605, 805, 1_005, 1_006]);
});

it('has forgotten what waits when it is cleared', async () => {
  const gate = new Gate();
  gate.take(1_000);
  gate.inflow.clear();
  await vi.advanceTimersByTimeAsync(100);
  expect(gate.in).toBe(200);
});

it('waits until a client has taken what it has, and goes on then', async () => {
  const slow = client(0.6);
  const gate = new Gate(client(0.2), slow);
  gate.take(1_000);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(gate.in).toBe(200);
  slow.queueFill = 0.4;
  await vi.advanceTimersByTimeAsync(50);
  expect(gate.in).toBe(1_000);
});

it('does not wait for other nodes, nor for local sessions', async () => {
  const gate = new Gate({ ...client(2), isNode: true }, { ...client(2), isLocalSession: true });
  gate.take(1_000);
  await vi.advanceTimersByTimeAsync(10);
  expect(gate.in).toBe(1_000);
});

it('waits for nobody for more than three seconds, and for a tenth of the time from then on', async () => {
  const gate = new Gate(client(1));
  gate.take(1_000);
  await vi.advanceTimersByTimeAsync(2_900);
  expect(gate.in).toBe(200);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(gate.in).toBe(1_000);
  await vi.advanceTimersByTimeAsync(10_000);
  gate.take(1_000);
  await vi.advanceTimersByTimeAsync(900);
  expect(gate.in).toBe(1_200);
  await vi.advanceTimersByTimeAsync(1_100);
  expect(gate.in).toBe(2_000);
});

it('keeps so many waiting, and lets the first of them in for each one more', () => {
  const gate = new Gate(client(1));
  gate.take(20_200);
  expect(gate.in).toBe(200);
  gate.take(15_000);
  expect(gate.in).toBe(15_200);
});

it('spends no more than a tenth of the time on looking', async () => {
  vi.useRealTimers();
  let now = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
  onTestFinished(() => clock.mockRestore());
  const looks: number[] = [];
  const inflow = new Inflow(() => {
    looks.push(now);
    now += 3;
    return [];
  });
  let count = 0;
  for (let each = 0; each < 10_000; each++) inflow.take(() => count++);
  for (; count < 10_000; now++) await new Promise<void>((resolve) => setImmediate(resolve));
  expect(looks).toEqual([0, 30]);
});

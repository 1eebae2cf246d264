import { describe, expect, it } from 'vitest';
import { fitMiddle, type MiddleCosts, predictMiddle } from '../../src/scaling/middle.ts';
import type { EngineCosts } from '../../src/scaling/model.ts';

const costs: MiddleCosts = {
  came: 10,
  went: 4,
  routed: 6,
  beat: 2,
  server: 1_000,
  connection: 100,
  wanted: 2,
  elsewhere: 1,
  routes: 4,
};
const wanted: EngineCosts = {
  name: 'wanted',
  hears: 'what is wanted',
  send: () => 5,
  receive: 50,
  rest: () => 0,
  interest: 1,
  links: () => 1,
  mostProcesses: 1_000,
};
const nobody = { sessions: 0, published: 0, heard: 0 };

describe('the prediction for what stands between processes', () => {
  it('counts heartbeats of all at all others', () => {
    const one = predictMiddle(nobody, wanted, costs, { processes: 10, servers: 1, heartbeat: 2 });
    expect(one).toMatchObject({ came: 5, went: 45, beats: 45, links: 10 });
    expect(one.cores).toBeCloseTo((45 * 2) / 1e6, 12);
    expect(one.memory).toBe(1_000 + 10 * 100);
  });

  it('tells other servers of each heartbeat once', () => {
    const three = predictMiddle(nobody, wanted, costs, { processes: 10, servers: 3, heartbeat: 2 });
    expect(three.links).toBe(10 + 3 * 4);
    expect(three.cores).toBeCloseTo((45 * 2 + 5 * 2 * 6) / 1e6, 12);
  });

  it('takes a message to the processes that want it, and counts those who send it', () => {
    const pairs = { sessions: 1_000, published: 1, heard: 1 };
    const alone = predictMiddle(pairs, wanted, costs, { processes: 4, servers: 1, heartbeat: 1e9 });
    expect(alone.came).toBeCloseTo(1_000, 3);
    expect(alone.went).toBeCloseTo(750, 3);
    expect(alone.cores).toBeCloseTo((1_000 * 10 + 750 * 4) / 1e6, 6);
  });

  it('keeps each channel where it is wanted, and once at each other server', () => {
    const pairs = { sessions: 1_000, published: 1, heard: 1 };
    const at = (servers: number) =>
      predictMiddle(pairs, wanted, costs, { processes: 6, servers, heartbeat: 1e9 }).memory;
    expect(at(1)).toBeCloseTo(1_000 + 6 * 100 + 1_000 * 2, 6);
    expect(at(3)).toBeCloseTo(1_000 + 2 * 100 + (1_000 / 3) * 2 + 2 * (1_000 / 3), 6);
  });

  it('knows a channel of everybody at each process', () => {
    const everybody = { sessions: 1_000, published: 1 / 1_000, heard: 1 };
    const { went, memory } = predictMiddle(everybody, wanted, costs, { processes: 6, servers: 3, heartbeat: 1e9 });
    expect(went).toBeCloseTo(5, 6);
    expect(memory).toBeCloseTo(1_000 + 2 * 100 + 2 * 2 + 2, 6);
  });
});

describe('the fewest servers', () => {
  const load = { sessions: 100_000, published: 1, heard: 1 };
  const bounds = { cores: 1, memory: 1e9, fewest: 1, most: 5 };
  const of = { processes: 10, heartbeat: 1 };

  it('are those whose cores and memory are within bounds', () => {
    expect(fitMiddle(load, wanted, costs, bounds, of)?.servers).toBe(2);
    expect(fitMiddle(load, wanted, costs, { ...bounds, fewest: 3 }, of)?.servers).toBe(3);
    expect(fitMiddle(nobody, wanted, costs, bounds, of)?.servers).toBe(1);
  });

  it('are none when each of them has to know too many channels', () => {
    expect(fitMiddle(load, wanted, costs, { ...bounds, memory: 90_000 }, of)).toBeNull();
  });
});

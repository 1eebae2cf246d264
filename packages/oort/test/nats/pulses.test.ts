/** Heartbeats that are missing, and heartbeats that are late. */
import { describe, expect, it } from 'vitest';
import { Pulses } from '../../src/nats/pulses.ts';

describe('a heartbeat', () => {
  it('is missing when the next but one follows; from the first that is heard on', () => {
    const pulses = new Pulses(100);
    expect([41, 42, 44, 45].map((beat) => pulses.heard('b', beat, 0))).toEqual([true, true, false, true]);
    expect(pulses.heard('c', 7, 0)).toBe(true);
  });

  it('that comes twice, or late, is not missing', () => {
    const pulses = new Pulses(100);
    expect([2, 2, 1].map((beat) => pulses.heard('b', beat, 0))).toEqual([true, true, true]);
  });

  it('is late after one and a half of their time, told once until the next', () => {
    const pulses = new Pulses(100);
    const told: string[] = [];
    for (let at = 0; at <= 500; at += 25) {
      if (at === 0 || at === 300) pulses.heard('b', at, at);
      if (at === 100) pulses.heard('c', 1, at);
      for (const id of pulses.late(at)) told.push(`${id} at ${at}`);
    }
    expect(told).toEqual(['b at 175', 'c at 275', 'b at 475']);
  });

  it('is not late while other things are heard of the node, and late again when those end', () => {
    const pulses = new Pulses(100);
    const told: string[] = [];
    pulses.heard('b', 1, 0);
    for (let at = 0; at <= 1_000; at += 25) {
      if (at <= 300 || (at >= 600 && at <= 700)) pulses.sign('b');
      pulses.sign('c');
      for (const id of pulses.late(at)) told.push(`${id} at ${at}`);
    }
    expect(told).toEqual(['b at 475', 'b at 875']);
  });

  it('is not late when it was this process that stood still', () => {
    const pulses = new Pulses(100);
    pulses.late(0);
    pulses.heard('b', 1, 0);
    expect(pulses.late(5_000)).toEqual([]);
    expect(pulses.late(5_051)).toEqual(['b']);
  });

  it('is neither of a node that has left, nor of any when the connection is new', () => {
    const pulses = new Pulses(100);
    pulses.heard('b', 1, 0);
    pulses.forget('b');
    expect(pulses.late(1_000)).toEqual([]);
    expect(pulses.heard('b', 5, 1_000)).toBe(true);
    pulses.clear();
    expect(pulses.heard('b', 9, 1_000)).toBe(true);
  });
});

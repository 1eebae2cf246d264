import { describe, expect, it } from 'vitest';
import { Patience } from '../../src/workers/patience.ts';

describe('patience with a worker', () => {
  it('is at an end when it has ended five times in a row, each after a longer wait', () => {
    const patience = new Patience();
    expect(Array.from({ length: 5 }, () => patience.ended(100))).toEqual([0, 200, 400, 800, null]);
    expect(patience.ends).toBe(5);
  });

  it('begins anew when it has served for ten seconds', () => {
    const patience = new Patience();
    for (let each = 0; each < 4; each++) patience.ended(0);
    expect(patience.ended(9_999)).toBeNull();
    expect(patience.ended(10_000)).toBe(0);
    expect(patience.ended(0)).toBe(200);
  });
});

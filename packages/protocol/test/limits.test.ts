/** The table of limits. */
import { describe, expect, it } from 'vitest';
import { defaultLimits, type LimitName, resolveLimits } from '../src/index.ts';

describe('resolveLimits', () => {
  it('gives the defaults, and takes what is given instead', () => {
    expect(resolveLimits()).toEqual(defaultLimits);
    expect(resolveLimits({ maxKeys: 5 })).toEqual({ ...defaultLimits, maxKeys: 5 });
  });

  it('names the limit that is not a positive integer', () => {
    for (const name of Object.keys(defaultLimits) as LimitName[]) {
      for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '5', null]) {
        expect(() => resolveLimits({ [name]: value })).toThrow(new RangeError(`${name} must be a positive integer`));
      }
      expect(resolveLimits({ [name]: 1 })[name]).toBe(1);
    }
  });

  it('takes a depth of 512 and no more, because encoding recurses', () => {
    expect(resolveLimits({ maxDepth: 511 }).maxDepth).toBe(511);
    expect(resolveLimits({ maxDepth: 512 }).maxDepth).toBe(512);
    expect(() => resolveLimits({ maxDepth: 513 })).toThrow('maxDepth must be at most 512');
  });

  it('refuses names it does not know, those of Object.prototype among them', () => {
    expect(() => resolveLimits({ maxDept: 3 } as object)).toThrow('maxDept');
    expect(() => resolveLimits({ constructor: 3 } as object)).toThrow('constructor');
  });

  it('cannot be changed afterwards', () => {
    expect(Object.isFrozen(defaultLimits)).toBe(true);
    expect(Object.isFrozen(resolveLimits())).toBe(true);
  });
});

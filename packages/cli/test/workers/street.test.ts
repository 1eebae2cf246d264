import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { markOf, numberOf, Street } from '../../src/workers/street.ts';

describe('the number in an id', () => {
  it.each([1, 2, 35, 36, 128])('is found again: %i', (number) => {
    expect(numberOf(`${markOf(number)}4k2j9x`)).toBe(number);
  });

  it.each(['', '4k2j9x', '-4k', '01-4k', '4k2j9x0000000-', 'ä-1', '+1-4k', '1.5-4k', 'A-4k'])('is none in %j', (id) => {
    expect(numberOf(id)).toBeUndefined();
  });
});

describe('the street', () => {
  const place = (door: number) => ({ url: `http://127.0.0.1:${door}/cometd`, door });

  it('knows the others, and not itself', () => {
    const street = new Street(1, randomBytes(32));
    expect(street.ownerOf('2-x')).toBeUndefined();
    street.update({ 1: place(4001), 2: place(4002) });
    expect(street.ownerOf('1-x')).toBeUndefined();
    const owner = street.ownerOf('2-x');
    expect(owner).toBeDefined();
    street.update({ 1: place(4001), 2: place(4002), 3: place(4003) });
    expect(street.ownerOf('2-y')).toBe(owner);
    street.update({ 1: place(4001), 2: place(5002) });
    expect(street.ownerOf('2-x')).not.toBe(owner);
    expect(street.ownerOf('3-x')).toBeUndefined();
  });
});

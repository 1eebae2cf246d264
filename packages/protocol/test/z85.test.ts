/** Z85 with a shorter last group. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Z85 } from '../src/index.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

describe('Z85', () => {
  it.each([
    ['', ''],
    ['00', '00'],
    ['ff', '@@'],
    ['0102', '0rJ'],
    ['0a0b0c', '3jvm'],
    ['864fd26f', 'Hello'],
    ['864fd26fb559f75b', 'HelloWorld'],
    ['0c000f0f0e0e', '3&*!G4H@'],
    ['48656c6c6f', 'nm=QNzV'],
    ['ffffffff', '%nSc0'],
  ])('%s is %j', (hex, text) => {
    expect(Z85.encode(bytes(hex))).toBe(text);
    expect(Z85.decode(text)).toEqual(bytes(hex));
  });

  it('gives back any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (data) => {
        const text = Z85.encode(data);
        expect(text).toHaveLength(Math.ceil((data.length * 5) / 4));
        expect(Z85.decode(text)).toEqual(data);
      }),
    );
  });

  it('gives back many bytes, and a view into a larger buffer', () => {
    const many = Uint8Array.from({ length: 100_003 }, (_, index) => (index * 7919) % 256);
    expect(Z85.decode(Z85.encode(many))).toEqual(many);
    expect(Z85.decode(Z85.encode(many.subarray(5, 12)))).toEqual(many.slice(5, 12));
  });

  it.each(['a', 'Hellow', 'Hell o', 'He"lo', 'Hellö', 'Hell\u0000', 'Hell~', '#####', '%nSc1', '##'])(
    '%j is refused',
    (text) => {
      expect(() => Z85.decode(text)).toThrow(RangeError);
    },
  );
});

/** Channel names: legality, kinds, wildcards, templates. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChannelId } from '../src/index.ts';

const id = (name: string): ChannelId => new ChannelId(name);

const legalCharacters = [...' !#$()*+-.@_{~}0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'];

/** Legal names, rich in wildcards, variables and near misses. */
const segment = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c') },
  { weight: 1, arbitrary: fc.constantFrom('{v}', '{}', 'x{y}', '*x', '***', '{a-b}') },
  {
    weight: 1,
    arbitrary: fc
      .string({ unit: fc.constantFrom(...legalCharacters), minLength: 1, maxLength: 6 })
      .filter((text) => text.trim() === text),
  },
);
const name = fc
  .tuple(fc.array(segment, { minLength: 1, maxLength: 5 }), fc.constantFrom('', '', '/*', '/**'))
  .map(([segments, end]) => `/${segments.join('/')}${end}`)
  .filter((text) => ChannelId.problem(text) === undefined);

describe('legal names', () => {
  it.each(['/a', '/a/b', '/*', '/**', '/a/*', '/a/**', '/{x}', '/a/{x}/c', '/foo/*x', '/***', '/foo/{}', '/foo/x{y}'])(
    '%s is legal',
    (text) => {
      expect(ChannelId.problem(text)).toBeUndefined();
      expect(id(text).id).toBe(text);
      expect(String(id(text))).toBe(text);
    },
  );

  it.each([
    ['', 'shorter'],
    ['/', 'shorter'],
    ['a', 'shorter'],
    ['ab', 'slash'],
    [' /a', 'slash'],
    ['/a/', 'empty segment'],
    ['//', 'empty segment'],
    ['//a', 'empty segment'],
    ['/a//b', 'empty segment'],
    ['/a/ ', 'space'],
    ['/a/ /b', 'space'],
    ['/a ', 'space'],
    ['/ a/b', 'space'],
    ['/chat/room/ ', 'space'],
    ['/a/*/b', 'wildcard'],
    ['/a/**/b', 'wildcard'],
    ['/*/b', 'wildcard'],
    ['/{x}/*', 'variable'],
    ['/a/{x}/**', 'variable'],
    ['/foo<>', 'character 5'],
    ['/meta/subscribe\u0000', 'character 16'],
    ['/ünicode', 'character 2'],
    ['/a\n', 'character 3'],
    ['/a%20', 'character 3'],
    ['/\ud800', 'character 2'],
  ])('%j is not', (text, reason) => {
    expect(ChannelId.problem(text)).toContain(reason);
    expect(() => id(text)).toThrow(RangeError);
    expect(() => id(text)).toThrow(reason);
  });

  it('consist of exactly the characters that CometD allows', () => {
    for (let unit = 0; unit < 0x300; unit++) {
      const character = String.fromCharCode(unit);
      expect(ChannelId.problem(`/x${character}x`) === undefined).toBe(
        legalCharacters.includes(character) || character === '/',
      );
    }
  });

  it('may have any character when asked, but no other shape', () => {
    const any = { anyCharacter: true };
    expect(new ChannelId('/ünicode<>', any).id).toBe('/ünicode<>');
    expect(ChannelId.problem('/ü/*/x', any)).toContain('wildcard');
    expect(ChannelId.problem('/ü//x', any)).toContain('empty');
  });

  it('are never normalised', () => {
    fc.assert(fc.property(name, (text) => id(text).id === text && `/${id(text).segments.join('/')}` === text));
  });

  it('are judged in linear time', () => {
    const time = (length: number): number => {
      const texts = ['/a'.repeat(length), `/${'{'.repeat(length)}`, `/${'*'.repeat(length)}`, `/${' '.repeat(length)}`];
      // Of the processor, not of the clock: others may want it, too.
      const start = process.cpuUsage();
      for (let round = 0; round < 5; round++) for (const text of texts) ChannelId.problem(text);
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1000;
    };
    time(20_000);
    // Ten times the length may take 15 times as long, and some for the noise of the machine.
    expect(time(200_000)).toBeLessThan(15 * time(20_000) + 20);
  });
});

describe('kinds', () => {
  it.each([
    [
      '/meta/connect',
      { isMeta: true, isService: false, isBroadcast: false, isWild: false, isTemplate: false, depth: 2 },
    ],
    ['/meta', { isMeta: false, isBroadcast: true, depth: 1 }],
    ['/service/x', { isService: true, isBroadcast: false }],
    ['/service', { isService: false, isBroadcast: true }],
    ['/a/b/c', { isBroadcast: true, isWild: false, isShallowWild: false, isDeepWild: false, depth: 3 }],
    ['/a/*', { isWild: true, isShallowWild: true, isDeepWild: false, depth: 2 }],
    ['/**', { isWild: true, isShallowWild: false, isDeepWild: true, depth: 1 }],
    ['/foo/*x', { isWild: false }],
    ['/***', { isWild: false }],
    ['/a/{x}/{y_2}', { isTemplate: true, isWild: false, parameters: ['x', 'y_2'], regularPart: '/a' }],
    ['/{x}', { isTemplate: true, regularPart: null }],
    ['/foo/{}', { isTemplate: false, parameters: [] }],
    ['/foo/x{y}', { isTemplate: false, parameters: [] }],
    ['/foo/{a b}', { isTemplate: false }],
    ['/a/b/*', { regularPart: '/a/b' }],
    ['/*', { regularPart: null }],
    ['/a/b', { regularPart: '/a/b' }],
  ])('%s', (text, expected) => {
    expect(pick(id(text), Object.keys(expected))).toEqual(expected);
  });

  function pick(channel: ChannelId, fields: string[]): Record<string, unknown> {
    return Object.fromEntries(fields.map((field) => [field, channel[field as keyof ChannelId]]));
  }
});

describe('matching wildcards', () => {
  it.each([
    ['/a/b/c', ['/a/b/*', '/a/b/**', '/a/**', '/**']],
    ['/a', ['/*', '/**']],
    ['/a/*', ['/a/**', '/**']],
    ['/a/**', ['/**']],
    ['/a/b/**', ['/a/**', '/**']],
    ['/*', ['/**']],
    ['/**', []],
    ['/a/{v}', ['/a/*', '/a/**', '/**']],
    ['/a/{v}/c', ['/a/**', '/**']],
    ['/a/{v}/{w}', ['/a/**', '/**']],
    ['/{v}', ['/*', '/**']],
    ['/{v}/c/d', ['/**']],
  ])('of %s are %j, the most specific first', (text, wilds) => {
    expect(id(text).wilds).toEqual(wilds);
    expect(id(text).lineage).toEqual([...wilds.toReversed(), text]);
  });

  it('are computed once', () => {
    const channel = id('/a/b');
    expect(channel.wilds).toBe(channel.wilds);
    expect(channel.lineage).toBe(channel.lineage);
  });

  it('are legal names, and match a name that is no wildcard itself', () => {
    fc.assert(
      fc.property(name, (text) => {
        const channel = id(text);
        for (const wild of channel.wilds) expect(id(wild).matches(channel)).toBe(!channel.isWild);
      }),
    );
  });

  it.each([
    ['/a', '/a', true],
    ['/a', '/b', false],
    ['/a/*', '/a/b', true],
    ['/a/*', '/a', false],
    ['/a/*', '/a/b/c', false],
    ['/a/*', '/ab/c', false],
    ['/a/*', '/a/*', true],
    ['/a/**', '/a/*', false],
    ['/a/**', '/a/b', true],
    ['/a/**', '/a/b/c', true],
    ['/a/**', '/a', false],
    ['/a/**', '/ab/c', false],
    ['/*', '/a', true],
    ['/*', '/a/b', false],
    ['/**', '/a/b/c', true],
    ['/**', '/meta/connect', true],
    ['/**', '/*', false],
    ['/a/{v}', '/a/b', false],
    ['/a/{v}', '/a/{v}', true],
    ['/a/*', '/a/{v}', true],
  ])('%s matches %s: %s', (pattern, text, expected) => {
    expect(id(pattern).matches(id(text))).toBe(expected);
  });

  it('agree with a slow comparison of segments', () => {
    const slow = (pattern: ChannelId, other: ChannelId): boolean => {
      if (!pattern.isWild || other.isWild) return pattern.id === other.id;
      const head = pattern.segments.slice(0, -1);
      const depth = pattern.isDeepWild ? other.depth >= pattern.depth : other.depth === pattern.depth;
      return depth && head.every((part, index) => part === other.segments[index]);
    };
    fc.assert(
      fc.property(name, name, (one, two) => {
        expect(id(one).matches(id(two))).toBe(slow(id(one), id(two)));
        if (id(one).isWild && !id(two).isWild && !id(two).isTemplate) {
          expect(id(two).wilds.includes(one)).toBe(slow(id(one), id(two)));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('templates', () => {
  it('bind a plain name of the same depth and the same fixed segments', () => {
    const values = id('/news/{category}/{year}').bind(id('/news/sport/2026'));
    expect(values).toEqual(
      new Map([
        ['category', 'sport'],
        ['year', '2026'],
      ]),
    );
  });

  it('keep values under any name, in a map', () => {
    expect(id('/{__proto__}/{constructor}').bind(id('/a/b'))).toEqual(
      new Map([
        ['__proto__', 'a'],
        ['constructor', 'b'],
      ]),
    );
  });

  it.each([
    ['/news/{c}', '/news'],
    ['/news/{c}', '/news/a/b'],
    ['/news/{c}', '/blog/a'],
    ['/news/{c}', '/news/*'],
    ['/news/{c}', '/news/{c}'],
    ['/news/a', '/news/a'],
    ['/*', '/a'],
    ['/{c}/{c}', '/a/b'],
  ])('%s does not bind %s', (template, target) => {
    expect(id(template).bind(id(target))).toBeUndefined();
  });

  it('bind a repeated variable to equal segments', () => {
    expect(id('/{c}/{c}').bind(id('/a/a'))).toEqual(new Map([['c', 'a']]));
  });
});

describe('ancestors', () => {
  it('end at the first segment', () => {
    expect(id('/a/b/c').parent?.id).toBe('/a/b');
    expect(id('/a/b/c').parent?.parent?.id).toBe('/a');
    expect(id('/a').parent).toBeNull();
    expect(id('/a/*').parent?.id).toBe('/a');
    const child = id('/a/b');
    expect(child.parent).toBe(child.parent);
  });

  it.each([
    ['/a', '/a/b', true, true],
    ['/a', '/a/b/c', false, true],
    ['/a', '/ab', false, false],
    ['/a', '/ab/c', false, false],
    ['/a', '/a', false, false],
    ['/a/b', '/a', false, false],
    ['/a/*', '/a/*', false, false],
    ['/*', '/a/b', false, false],
    ['/a', '/a/*', true, true],
  ])('%s and %s: parent %s, ancestor %s', (one, two, parent, ancestor) => {
    expect(id(one).isParentOf(id(two))).toBe(parent);
    expect(id(one).isAncestorOf(id(two))).toBe(ancestor);
  });
});

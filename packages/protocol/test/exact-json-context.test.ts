/** Contexts, the ordinary one and the exact one: what both do, and what only one does. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decode,
  defaultLimits,
  ExactJSONContext,
  ExactNumber,
  encode,
  JSONContext,
  type Message,
} from '../src/index.ts';

class Point {
  readonly x: number;
  readonly y: unknown;
  constructor(x: number, y: unknown) {
    this.x = x;
    this.y = y;
  }
}

function withPoints<Context extends JSONContext>(context: Context): Context {
  context.register('org.example.Point', {
    type: Point,
    write: ({ x, y }) => ({ x, y }),
    read: ({ x, y }) => new Point(Number(x), y),
  });
  return context;
}

describe.each([
  ['JSONContext', () => new JSONContext()],
  ['ExactJSONContext', () => new ExactJSONContext()],
])('%s', (_, make) => {
  it('reads and writes what JSON.parse and JSON.stringify do', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(make().generate(value)).toBe(text);
        expect(make().parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('throws for what is no JSON, and for what has no JSON form', () => {
    for (const text of ['', '{', '[1,]', '12345678901234567890,'])
      expect(() => make().parse(text)).toThrow(SyntaxError);
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    for (const value of [undefined, () => 1, Symbol('x'), cycle])
      expect(() => make().generate(value)).toThrow(TypeError);
  });

  it('brings objects of application classes to the other side, inside each other, in the data of a message', () => {
    const json = withPoints(make());
    const message: Message = { channel: '/a', data: [new Point(1, new Point(2, 'inner'))] };
    const [read] = decode(`[${encode(message, json)}]`, { json, limits: defaultLimits }).messages;
    expect(read?.data).toEqual([new Point(1, new Point(2, 'inner'))]);
    const [outer] = (read as Message<Point[]>).data ?? [];
    expect(outer).toBeInstanceOf(Point);
    expect(outer?.y).toBeInstanceOf(Point);
  });

  it('keeps ordinary numbers ordinary', () => {
    for (const value of [0, -0.5, 1e21, 0.1 + 0.2, 2 ** 53 - 1, 5e-324, 1.7976931348623157e308, 123456789012345]) {
      expect(make().parse(make().generate({ value }))).toEqual({ value });
    }
    expect(make().parse('[1.0, 1E3, 1.50, 100000000000000000000]')).toEqual([1, 1000, 1.5, 1e20]);
  });
});

describe('ExactJSONContext', () => {
  const json = withPoints(new ExactJSONContext());

  it('reads integers that a double cannot hold as bigint, and writes them digit by digit', () => {
    const text = '{"id":9007199254740993,"min":-9223372036854775808,"max":18446744073709551615,"small":7}';
    const value = json.parse(text);
    expect(value).toEqual({ id: 9007199254740993n, min: -9223372036854775808n, max: 18446744073709551615n, small: 7 });
    expect(json.generate(value)).toBe(text);
    expect(json.generate(9223372036854775807n)).toBe('9223372036854775807');
  });

  it('keeps decimals of many digits, and what is too large or too small, with their text', () => {
    const text = '[12345678901234567.89,3.14159265358979323846,1e400,1e-400]';
    const value = json.parse(text) as ExactNumber[];
    expect(value.map(String)).toEqual(['12345678901234567.89', '3.14159265358979323846', '1e400', '1e-400']);
    expect(value.every((one) => one instanceof ExactNumber)).toBe(true);
    expect(Number(value[1])).toBe(Math.PI);
    expect(json.generate(value)).toBe(text);
    expect(JSON.stringify([value[1]])).toBe('[3.141592653589793]');
  });

  it('brings any integer there and back', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt()), fc.jsonValue(), (integers, beside) => {
        const back = json.parse(json.generate({ integers, beside })) as { integers: unknown[]; beside: unknown };
        expect(back.integers.map(BigInt as (value: unknown) => bigint)).toEqual(integers);
        expect(back.beside).toEqual(JSON.parse(JSON.stringify(beside)));
      }),
    );
  });

  it.each(['"#', '"#1', '"#,"admin":true,"x":"', '\\"#1', '\\', '#"#"'])(
    'writes the text %j as it is beside a large integer',
    (text) => {
      const value = { before: 2n ** 64n, text, [text]: text, after: [-(2n ** 64n)] };
      expect(json.parse(json.generate(value))).toEqual(value);
    },
  );

  it('is not misled by texts that look like its own marks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^#{0,3}-?\d{0,20}"?$/)),
        fc.dictionary(fc.stringMatching(/^#{0,3}\d{0,20}$/), fc.constantFrom('#1', '##2', 1, 9007199254740993n)),
        (texts, members) => {
          const value = { texts, members, big: 9007199254740993n };
          expect(json.parse(json.generate(value))).toEqual(value);
        },
      ),
    );
    expect(json.parse('["\\u00239007199254740993", 9007199254740993]')).toEqual([
      '#9007199254740993',
      9007199254740993n,
    ]);
  });

  it('gives exact numbers to the convertors of application classes', () => {
    const text = '{"class":"org.example.Point","x":1,"y":9007199254740993}';
    expect(json.parse(text)).toEqual(new Point(1, 9007199254740993n));
    expect(json.generate(new Point(1, 9007199254740993n))).toBe(text);
  });

  it('takes no longer for long numbers than for long texts', () => {
    const digits = `1${'0'.repeat(400_000)}1`;
    const value = json.parse(`[${digits},-${digits}.${digits}]`);
    expect(json.generate(value)).toBe(`[${digits},-${digits}.${digits}]`);
  });

  it('makes no ExactNumber of a text that is none', () => {
    for (const text of ['', '1.', '01', 'NaN', '1"', '1,2', ' 1'])
      expect(() => new ExactNumber(text)).toThrow(TypeError);
  });
});

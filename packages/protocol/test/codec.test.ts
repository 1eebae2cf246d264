/** Payloads: what is taken, what is refused, and that nothing changes on the way. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Decoded,
  decode,
  decodeAll,
  defaultLimits,
  encode,
  JSONContext,
  join,
  type LimitName,
  type Limits,
  type Message,
  PayloadError,
  resolveLimits,
} from '../src/index.ts';

const json = new JSONContext();

function read(text: string, limits: Partial<Limits> = {}): Decoded {
  return decode(text, { json, limits: resolveLimits(limits) });
}

function refusal(call: () => unknown): { code: string; limit: LimitName | undefined } {
  try {
    call();
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    return { code: error.code, limit: error.limit };
  }
  return { code: 'taken', limit: undefined };
}

/** Decodes one message and encodes it again, as a server does that passes a message on. */
function pass(text: string): string {
  const { messages, dataTexts } = read(text);
  return encode(messages[0] as Message, json, dataTexts?.[0]);
}

describe('the envelope', () => {
  it('is an array of messages, or one message alone', () => {
    const messages = [{ channel: '/a', data: 1 }];
    expect(read('[{"channel":"/a","data":1}]').messages).toEqual(messages);
    expect(read(' \r\n\t{"channel":"/a","data":1} ').messages).toEqual(messages);
    expect(read('[{},{}]').messages).toEqual([{}, {}]);
  });

  it.each(['[]', ' [ ] ', 'null', '5', '"x"', 'true', '[null]', '[1]', '["x"]', '[[]]', '[[{}]]', '[{},null]'])(
    '%s is refused as an envelope',
    (text) => {
      expect(refusal(() => read(text)).code).toBe('envelope_invalid');
    },
  );

  it.each([
    '',
    ' ',
    '[',
    '[{]',
    '[{}',
    '{}}',
    '{},{}',
    '{} {}',
    '[{}]x',
    '\ufeff[{}]',
    '[{},]',
    '[{"a":NaN}]',
    '[{"a":01}]',
    '[{"a":1.}]',
    '[{"a":-}]',
    '[{"a":+1}]',
    '[{a:1}]',
    "[{'a':1}]",
    '[{"a":"\u0001"}]',
    '[{"a":"\\x"}]',
    '[{"a":"',
    '[{"a":"\\',
    '// x\n[{}]',
    '<html>',
    'tru',
  ])('%j is refused as JSON', (text) => {
    expect(refusal(() => read(text)).code).toBe('json_invalid');
  });

  it('is refused without quoting the payload', () => {
    try {
      read('[{"token":"secret" oops');
      expect.unreachable();
    } catch (error) {
      expect((error as Error).message).not.toContain('secret');
      expect((error as Error).cause).toBeInstanceOf(SyntaxError);
    }
  });

  it('holds objects only, even if a convertor made something else of one', () => {
    class Point {
      readonly x = 1;
    }
    const points = new JSONContext().register('Point', { type: Point, write: () => ({}), read: () => new Point() });
    const options = { json: points, limits: defaultLimits };
    expect(refusal(() => decode('[{"class":"Point"}]', options)).code).toBe('envelope_invalid');
    expect(decode('[{"data":{"class":"Point"}}]', options).messages[0]?.data).toBeInstanceOf(Point);
  });

  it('never makes decode throw anything but a PayloadError, and never takes what JSON.parse refuses', {
    timeout: 60_000,
  }, () => {
    const piece = fc.constantFrom(
      '[',
      ']',
      '{',
      '}',
      ',',
      ':',
      '"',
      '\\',
      '"data"',
      '"a"',
      'true',
      'nul',
      '-',
      '1e999',
      '0',
      '1.50',
      ' ',
      '"\\""',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece).map((pieces) => pieces.join('')),
          fc.string({ unit: 'binary' }),
        ),
        (text) => {
          const { code } = refusal(() => read(text));
          let parsed: unknown;
          try {
            parsed = JSON.parse(text);
          } catch {
            expect(code).toBe('json_invalid');
            return;
          }
          const messages = Array.isArray(parsed) ? parsed : [parsed];
          const good =
            messages.length > 0 &&
            messages.every((item) => item?.constructor === Object || Object.hasOwn(item ?? {}, 'constructor'));
          expect(code).toBe(good ? 'taken' : 'envelope_invalid');
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('limits of a payload', () => {
  /** Three payloads, the first two within the limit, the last one over it. */
  const cases: [LimitName, number, (size: number) => string][] = [
    ['maxMessages', 100, (size) => `[${Array(size).fill('{}').join(',')}]`],
    ['maxDepth', 64, (size) => `[{"data":${'['.repeat(size - 1)}${']'.repeat(size - 1)}}]`],
    ['maxDepth', 64, (size) => `{"data":${'{"a":'.repeat(size - 1)}1${'}'.repeat(size - 1)}}`],
    ['maxKeys', 1000, (size) => `[{"data":{${Array.from({ length: size }, (_, key) => `"k${key}":0`).join(',')}}}]`],
    ['maxKeys', 1000, (size) => `[{${Array(size).fill('"a":[0,1]').join(',')}}]`],
    [
      'maxNodes',
      20_000,
      (size) =>
        `[{"data":[${Array(size - 2)
          .fill('0')
          .join(',')}]}]`,
    ],
    [
      'maxNodes',
      20_000,
      (size) =>
        `{"data":[${Array(size - 2)
          .fill('[]')
          .join(',')}]}`,
    ],
    [
      'maxNodes',
      20_000,
      (size) =>
        `[{"data":[${Array(size - 2)
          .fill('"a"')
          .join(' , ')}]}]`,
    ],
    [
      'maxNodes',
      20_000,
      (size) =>
        `[{"data":[${Array(size - 2)
          .fill('false')
          .join(',')}]}]`,
    ],
  ];

  it.each(cases)('%s takes %d but not one more', (limit, size, payload) => {
    expect(defaultLimits[limit]).toBe(size);
    expect(refusal(() => read(payload(size - 1))).code).toBe('taken');
    expect(refusal(() => read(payload(size))).code).toBe('taken');
    expect(refusal(() => read(payload(size + 1)))).toEqual({ code: 'limit_exceeded', limit });
  });

  it.each(cases)('%s can be set lower than %d', (limit, _size, payload) => {
    const small = { [limit]: 7 };
    expect(refusal(() => read(payload(7), small)).code).toBe('taken');
    expect(refusal(() => read(payload(8), small))).toEqual({ code: 'limit_exceeded', limit });
  });

  it('are named in the error with their value', () => {
    expect(() => read('[{},{},{}]', { maxMessages: 2 })).toThrow('The payload exceeds maxMessages, which is 2');
  });

  it('do not count what is in strings', () => {
    const text = JSON.stringify([{ data: '[{,:'.repeat(5000), '\\"': '"\\' }]);
    expect(refusal(() => read(text, { maxDepth: 1, maxKeys: 2, maxNodes: 3, maxMessages: 1 })).code).toBe('taken');
  });

  it('count keys per object, not over all of them', () => {
    const text = '[{"a":{"b":1,"c":2},"d":{"e":3,"f":4}}]';
    expect(refusal(() => read(text, { maxKeys: 2 })).code).toBe('taken');
    expect(refusal(() => read(text, { maxKeys: 1 })).limit).toBe('maxKeys');
  });

  it('are checked before the text is parsed', () => {
    const unread = new (class extends JSONContext {
      override parse(): never {
        throw new Error('parsed');
      }
    })();
    for (const text of ['['.repeat(100_000), '[{},'.repeat(1000), `{"a":${'0,'.repeat(30_000)}`]) {
      expect(refusal(() => decode(text, { json: unread, limits: defaultLimits })).code).toBe('limit_exceeded');
    }
  });

  it('agree with counting the parsed value', () => {
    const count = (value: unknown): { depth: number; nodes: number; keys: number } => {
      const inner = value !== null && typeof value === 'object' ? Object.values(value).map(count) : [];
      const isContainer = value !== null && typeof value === 'object';
      return {
        depth: (isContainer ? 1 : 0) + Math.max(0, ...inner.map((part) => part.depth)),
        nodes: 1 + inner.reduce((sum, part) => sum + part.nodes, 0),
        keys: Math.max(
          isContainer && !Array.isArray(value) ? Object.keys(value).length : 0,
          ...inner.map((part) => part.keys),
        ),
      };
    };
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 1), (data, indent) => {
        const message = { channel: '/a', data };
        const { depth, nodes, keys } = count(message);
        for (const text of [JSON.stringify(message, null, indent), JSON.stringify([message], null, indent)]) {
          expect(refusal(() => read(text, { maxDepth: depth, maxNodes: nodes, maxKeys: keys })).code).toBe('taken');
          expect(refusal(() => read(text, { maxNodes: nodes - 1 })).limit).toBe('maxNodes');
          if (depth > 1) expect(refusal(() => read(text, { maxDepth: depth - 1 })).limit).toBe('maxDepth');
          expect(refusal(() => read(text, { maxKeys: keys - 1 })).limit).toBe('maxKeys');
        }
      }),
    );
  });

  it('keep every payload that is taken encodable, at any depth up to the limit', () => {
    for (const maxDepth of [64, 512]) {
      for (let depth = 1; depth <= 600; depth += 7) {
        const text = `{"data":${'['.repeat(depth)}${']'.repeat(depth)}}`;
        if (refusal(() => read(text, { maxDepth })).code !== 'taken') {
          expect(depth).toBeGreaterThanOrEqual(maxDepth);
          continue;
        }
        expect(depth).toBeLessThan(maxDepth);
        const [message] = read(text, { maxDepth }).messages;
        expect(encode(message as Message, json)).toBe(text);
      }
    }
  });

  it.each([
    ['nested arrays', '['.repeat(500_000)],
    ['empty arrays', `[${'[],'.repeat(350_000)}[]]`],
    ['empty objects', `[${'{},'.repeat(350_000)}{}]`],
    ['many keys', `[{${Array.from({ length: 100_000 }, (_, key) => `"k${key}":0`).join(',')}}]`],
    ['one quote after many backslashes', `["${'\\'.repeat(500_000)}`],
    ['many escaped quotes', `["${'\\"'.repeat(500_000)}`],
    ['a number of a million digits', `[${'1'.repeat(1_000_000)}]`],
    ['white space', ' '.repeat(1_000_000)],
  ])('cost a megabyte of %s little time', (_kind, text) => {
    // Of the processor, not of the clock: others may want it, too.
    const start = process.cpuUsage();
    expect(refusal(() => read(text)).code).not.toBe('taken');
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1000).toBeLessThan(200);
  });
});

describe('a payload in several texts', () => {
  const options = { json, limits: resolveLimits({ maxMessages: 3, maxNodes: 6 }) };

  it('is the messages of all of them, in order', () => {
    const { messages, dataTexts } = decodeAll(['{"id":"1"}', '[{"data":1.0},{"id":"3"}]'], options);
    expect(messages).toEqual([{ id: '1' }, { data: 1 }, { id: '3' }]);
    expect(dataTexts).toEqual([undefined, '1.0', undefined]);
  });

  it('is held to the limits as one', () => {
    expect(refusal(() => decodeAll(['[{},{}]', '{}'], options)).code).toBe('taken');
    expect(refusal(() => decodeAll(['[{},{}]', '[{},{}]'], options)).limit).toBe('maxMessages');
    expect(refusal(() => decodeAll(['{"a":[1]}', '{"a":[2]}'], options)).code).toBe('taken');
    expect(refusal(() => decodeAll(['{"a":[1]}', '{"a":[2,3]}'], options)).limit).toBe('maxNodes');
    expect(refusal(() => decodeAll(Array(100_000).fill(''), options)).limit).toBe('maxMessages');
  });

  it('is refused as a whole', () => {
    expect(refusal(() => decodeAll([], options)).code).toBe('envelope_invalid');
    expect(refusal(() => decodeAll(['{}', ''], options)).code).toBe('json_invalid');
    expect(refusal(() => decodeAll(['{}', '[]'], options)).code).toBe('envelope_invalid');
  });
});

describe('numbers in data', () => {
  it.each([
    '9007199254740993',
    '1e999',
    '-1e999',
    '1.0',
    '-0',
    '1E5',
    '0.10',
    '0.0000001',
    '100000000000000000000000',
    '3.14159265358979323846',
  ])('%s arrives as it was written', (number) => {
    for (const data of [number, `[1,${number}]`, `{ "deep": {"n" : ${number} } }`]) {
      const text = `{"channel":"/a","data":${data}}`;
      expect(read(text).dataTexts).toEqual([data]);
      expect(pass(text)).toBe(text);
      expect(read(`[{"channel":"/a"} , ${text}]`).dataTexts).toEqual([undefined, data]);
    }
  });

  it.each([
    '0',
    '5',
    '-5',
    '12.5',
    '0.5',
    '-0.5',
    '123456789012345',
    '0.30000000000000004',
    '9007199254740992',
    '0.000001',
    '1e-7',
    '1e+21',
  ])('%s needs no source text', (number) => {
    expect(read(`[{"data":${number}}]`).dataTexts).toBeUndefined();
    expect(pass(`{"data":${number}}`)).toBe(`{"data":${number}}`);
  });

  it('arrive as written, whatever they are', () => {
    const digits = (least: number, most: number) =>
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: least, maxLength: most }).map((list) => list.join(''));
    const number = fc
      .tuple(fc.constantFrom('', '-'), digits(1, 22), digits(0, 22), fc.constantFrom('', 'e5', 'E+3', 'e-9', 'e400'))
      .map(
        ([sign, whole, fraction, exponent]) =>
          `${sign}${whole.replace(/^0+(?=\d)/, '')}${fraction && '.'}${fraction}${exponent}`,
      );
    fc.assert(
      fc.property(fc.array(number, { minLength: 1 }), (numbers) => {
        const text = `{"channel":"/a","data":[${numbers.join(',')}]}`;
        expect(pass(text)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it('outside of data keep no source text', () => {
    expect(read('[{"channel":"/a","ext":{"n":1.0},"data":1}]').dataTexts).toBeUndefined();
    expect(read('[{"channel":"/a","ext":{"data":1.0}}]').dataTexts).toBeUndefined();
  });

  it('that look like numbers in strings are strings', () => {
    expect(read('[{"channel":"/a","data":"1.0 \\" 1e999"}]').dataTexts).toBeUndefined();
  });

  it('are found under an escaped name', () => {
    expect(read('[{"d\\u0061ta":1.0}]').dataTexts).toEqual(['1.0']);
  });

  it('count from the last of repeated data members, as the parser does', () => {
    expect(read('[{"data":1.0,"data":2.0}]')).toEqual({ messages: [{ data: 2 }], dataTexts: ['2.0'] });
    expect(read('[{"data":1.0,"data":2}]')).toEqual({ messages: [{ data: 2 }], dataTexts: undefined });
  });

  it('do not smuggle repeated names to recipients that would read another one', () => {
    expect(read('[{"data":{"role":"admin","n":1.0,"role":"user"}}]').dataTexts).toBeUndefined();
    expect(pass('{"data":{"role":"admin","n":1.0,"role":"user"}}')).toBe('{"data":{"role":"user","n":1}}');
    expect(pass('{"data":{"a":1.0,"\\u0061":2}}')).toBe('{"data":{"a":2}}');
  });

  it('are encoded anew once somebody changed the data', () => {
    const { messages, dataTexts } = read('[{"channel":"/a","data":{"n":1.0,"m":2}}]');
    const message = messages[0] as Message<{ m: number }>;
    (message.data as { m: number }).m = 3;
    expect(encode(message, json, dataTexts?.[0])).toBe('{"channel":"/a","data":{"n":1,"m":3}}');
    delete message.data;
    expect(encode(message, json, dataTexts?.[0])).toBe('{"channel":"/a"}');
  });

  it('travel with whatever other fields a message has', () => {
    const text = '{"data":1.0}';
    const message = { ...read(text).messages[0], channel: '/a', id: '1' } as Message;
    expect(encode(message, json, '1.0')).toBe('{"channel":"/a","id":"1","data":1.0}');
    expect(encode({ data: 1 } as unknown as Message, json, '1.0')).toBe(text);
  });
});

describe('text in data', () => {
  it.each(['"\\ud800"', '"\\udc00x"', '"€😀"', '"\\u0000"', '"\u2028\u2029"', '"\u202e"', '"\\"\\\\"'])(
    '%s arrives as it was written',
    (data) => {
      expect(pass(`{"channel":"/a","data":${data}}`)).toBe(`{"channel":"/a","data":${data}}`);
    },
  );

  it('arrives with the same value, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const sent = JSON.stringify({ channel: '/a', data: { [text]: text } });
        expect(pass(sent)).toBe(sent);
      }),
    );
  });
});

describe('names that mean something to JavaScript', () => {
  const names = [
    '__proto__',
    'constructor',
    'prototype',
    'then',
    'toJSON',
    'toString',
    'valueOf',
    'length',
    'hasOwnProperty',
  ];

  it.each(names)('%s is data, in the message and in its fields', (name) => {
    for (const value of ['1', '"x"', '{"admin":true}', '[1]', 'null']) {
      const text = `{"channel":"/a","${name}":${value},"data":{"${name}":${value}},"ext":{"${name}":${value}}}`;
      expect(pass(text)).toBe(text);
      const [message] = read(text).messages;
      expect(Object.hasOwn(message as object, name)).toBe(true);
      expect(Object.getPrototypeOf(message)).toBe(Object.prototype);
      expect((message as Record<string, unknown>).admin).toBeUndefined();
      const exact = `{"channel":"/a","${name}":${value},"data":{"${name}":${value},"n":1.0}}`;
      expect(pass(exact)).toBe(exact);
    }
  });

  it('leave Object.prototype as it was', () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    for (const name of names) pass(`{"channel":"/a","data":{"${name}":{"polluted":1.0}}}`);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
  });
});

describe('join', () => {
  it('puts encoded messages into one payload', () => {
    expect(join([])).toBe('[]');
    expect(read(join(['{"id":"1"}', '{"id":"2"}'])).messages).toEqual([{ id: '1' }, { id: '2' }]);
  });
});

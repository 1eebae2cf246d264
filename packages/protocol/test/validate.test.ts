/** Fields of one message: every type in every field, and every limit of a message. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BayeuxError,
  defaultLimits,
  type Message,
  parseError,
  resolveLimits,
  subscriptionsOf,
  validate,
} from '../src/index.ts';

const strict = { limits: defaultLimits, checkFields: true };
const lenient = { limits: defaultLimits, checkFields: false };

/** What comes from a peer has been parsed, and has any type anywhere. */
const parsed = (text: string): Message => JSON.parse(text) as Message;
const publish = (fields: object): Message => ({ channel: '/a', data: 1, ...fields });
const wire = (message: Message, options = strict): string | undefined => validate(message, options)?.wire;
const subscription = (value: unknown): readonly string[] | string => {
  const result = subscriptionsOf({ channel: '/meta/subscribe', subscription: value } as Message, defaultLimits);
  return result instanceof BayeuxError ? result.wire : result;
};

/** Each JSON type, with the values that are most often mistaken for something else. */
const hostile = [
  'null',
  'true',
  '0',
  '-0',
  '1.5',
  '1e999',
  '9007199254740993',
  '""',
  '"x"',
  '[]',
  '[null]',
  '{}',
  '{"length":1e9}',
  '{"then":1}',
  '{"toString":1}',
  '{"__proto__":{"a":1}}',
];

describe('channel', () => {
  it('must be there', () => {
    expect(wire(parsed('{"data":1}'))).toBe('400::channel_missing');
    expect(wire(parsed('{"channel":null}'))).toBe('400::channel_missing');
    expect(wire(parsed('{"__proto__":{"channel":"/a"}}'))).toBe('400::channel_missing');
  });

  it.each([
    '',
    '/',
    'a',
    ' /a',
    '/a/',
    '/a ',
    '/a//b',
    '/a/*/b',
    '/a/**/b',
    '/{x}/*',
    '/foo<>',
    '/meta//subscribe',
    ' /meta/subscribe',
    '/meta/subscribe/',
    '/meta/subscribe\u0000',
    '/chat/room/ ',
  ])('%j is not legal', (channel) => {
    expect(wire({ channel, data: 1 })).toBe('405::channel_invalid');
  });

  it('must be a string', () => {
    for (const value of hostile.filter((text) => text !== 'null')) {
      expect(wire(parsed(`{"channel":${value}}`))).toBe('405::channel_invalid');
    }
  });

  it('is not a wildcard when something is published', () => {
    for (const channel of ['/a/*', '/**', '/service/*'])
      expect(wire({ channel, data: 1 })).toBe('405::channel_invalid');
    expect(wire({ channel: '/a/*x', data: 1 })).toBeUndefined();
    expect(wire({ channel: '/a/{x}', data: 1 })).toBeUndefined();
  });

  it('has up to 255 characters', () => {
    const of = (length: number): Message => ({ channel: `/${'a'.repeat(length - 1)}`, data: 1 });
    expect([of(254), of(255), of(256)].map((message) => wire(message))).toEqual([
      undefined,
      undefined,
      '400:maxChannelLength,255:limit_exceeded',
    ]);
    expect(wire(of(256), lenient)).toBe('400:maxChannelLength,255:limit_exceeded');
  });

  it('has up to 32 segments', () => {
    const of = (segments: number): Message => ({ channel: '/a'.repeat(segments), data: 1 });
    expect([of(31), of(32), of(33)].map((message) => wire(message))).toEqual([
      undefined,
      undefined,
      '400:maxChannelSegments,32:limit_exceeded',
    ]);
    const one = { ...strict, limits: resolveLimits({ maxChannelSegments: 1 }) };
    expect(wire({ channel: '/a' }, one)).toBeUndefined();
    expect(wire({ channel: '/a/b' }, one)).toBe('400:maxChannelSegments,1:limit_exceeded');
  });

  it('may have any characters, but not any shape, when fields are not checked', () => {
    expect(wire({ channel: '/ünicode<>', data: 1 }, lenient)).toBeUndefined();
    expect(wire({ channel: '/ü//x', data: 1 }, lenient)).toBe('405::channel_invalid');
    expect(wire({ channel: '/ü/*', data: 1 }, lenient)).toBe('405::channel_invalid');
  });
});

describe('id', () => {
  it('as a number becomes a string', () => {
    const message = publish({ id: 5 });
    expect(wire(message)).toBeUndefined();
    expect(message.id).toBe('5');
  });

  it('as a number becomes a string even when the channel is to blame', () => {
    const message = { channel: 'nowhere', id: 7 } as unknown as Message;
    expect(validate(message, { limits: defaultLimits, checkFields: true })?.code).toBe('channel_invalid');
    expect(message.id).toBe('7');
  });

  it('null is no id', () => {
    const message = publish({ id: null });
    expect(wire(message)).toBeUndefined();
    expect(message).toEqual({ channel: '/a', data: 1 });
  });

  it.each([
    '',
    'a-1',
    'm_1',
    '<b>',
    ' 1',
    'ä',
    1.5,
    -3,
    1e21,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    true,
    [],
    ['1'],
    {},
    { length: 1 },
  ])('%j is not legal', (id) => {
    expect(wire(publish({ id }))).toBe('405::message_id_invalid');
  });

  it('has up to 64 characters', () => {
    const of = (length: number): Message => publish({ id: 'a'.repeat(length) });
    expect([of(63), of(64), of(65)].map((message) => wire(message))).toEqual([
      undefined,
      undefined,
      '400:maxIdLength,64:limit_exceeded',
    ]);
  });

  it('may have any characters when fields are not checked, but must be one', () => {
    expect(wire(publish({ id: 'a-1' }), lenient)).toBeUndefined();
    expect(wire(publish({ id: -3 }), lenient)).toBeUndefined();
    expect(wire(publish({ id: '' }), lenient)).toBe('405::message_id_invalid');
    expect(wire(publish({ id: {} }), lenient)).toBe('405::message_id_invalid');
  });

  it('consists of ASCII letters and digits, no others', () => {
    for (let unit = 0; unit < 0x300; unit++) {
      const id = String.fromCharCode(unit);
      expect(wire(publish({ id })) === undefined).toBe(/^[A-Za-z0-9]$/.test(id));
    }
  });
});

describe('other fields', () => {
  it('clientId that is no string names no session', () => {
    for (const value of hostile.filter((text) => !text.startsWith('"') && text !== 'null')) {
      expect(wire(parsed(`{"channel":"/a","clientId":${value}}`))).toBe('402::session_unknown');
    }
    expect(wire(publish({ clientId: 'x' }))).toBeUndefined();
  });

  it.each(['ext', 'advice'])('%s must be an object', (field) => {
    for (const value of ['1', '"x"', '[]', 'true', '1e999']) {
      expect(wire(parsed(`{"channel":"/a","${field}":${value}}`))).toBe(`400:${field}:message_invalid`);
    }
    for (const value of ['{}', '{"length":1e9}', '{"constructor":1,"__proto__":{"a":1}}']) {
      expect(wire(parsed(`{"channel":"/a","${field}":${value}}`))).toBeUndefined();
    }
    expect(wire(publish({ [field]: new Date() }))).toBe(`400:${field}:message_invalid`);
  });

  it('null counts as absent, except in data', () => {
    const names = [
      'id',
      'clientId',
      'ext',
      'advice',
      'connectionType',
      'version',
      'minimumVersion',
      'timestamp',
      'error',
      'successful',
      'x-messages',
      'supportedConnectionTypes',
    ];
    const message = parsed(`{"channel":"/a","data":null,${names.map((name) => `"${name}":null`).join(',')}}`);
    expect(wire(message)).toBeUndefined();
    expect(message).toEqual({ channel: '/a', data: null });
  });

  it.each(['connectionType', 'version', 'minimumVersion', 'timestamp', 'error'])(
    '%s of another type than string goes',
    (field) => {
      for (const value of hostile) {
        const message = parsed(`{"channel":"/a","${field}":${value}}`);
        expect(wire(message)).toBeUndefined();
        expect(typeof message[field]).toBe(value.startsWith('"') ? 'string' : 'undefined');
        expect(Object.hasOwn(message, field)).toBe(value.startsWith('"'));
      }
    },
  );

  it('successful must be a boolean, x-messages a number, or they go', () => {
    const message = publish({ successful: 'true', 'x-messages': '3' });
    expect(wire(message)).toBeUndefined();
    expect(message).toEqual({ channel: '/a', data: 1 });
    const reply = publish({ successful: false, 'x-messages': 3 });
    expect(wire(reply)).toBeUndefined();
    expect(reply).toEqual(publish({ successful: false, 'x-messages': 3 }));
  });

  it('supportedConnectionTypes must be an array of strings, 100 at most, or goes', () => {
    const after = (value: unknown): unknown => {
      const message = publish({ supportedConnectionTypes: value });
      expect(wire(message)).toBeUndefined();
      return message.supportedConnectionTypes;
    };
    expect(after(['websocket'])).toEqual(['websocket']);
    expect(after([])).toEqual([]);
    expect(after(Array(99).fill('x'))).toHaveLength(99);
    expect(after(Array(100).fill('x'))).toHaveLength(100);
    expect(after(Array(101).fill('x'))).toBeUndefined();
    for (const value of ['websocket', { length: 1e9 }, { length: 1, 0: 'websocket' }, ['a', 1], [null], 5]) {
      expect(after(value)).toBeUndefined();
    }
  });

  it('the protocol does not know are kept', () => {
    const text = '{"channel":"/a","foo":{"bar":[1]},"__proto__":1,"then":2}';
    const message = parsed(text);
    expect(wire(message)).toBeUndefined();
    expect(JSON.stringify(message)).toBe(text);
  });

  it('of any kind give a defined answer, and the same one twice', () => {
    const fields = [
      'channel',
      'id',
      'clientId',
      'data',
      'ext',
      'advice',
      'successful',
      'error',
      'subscription',
      'version',
      'supportedConnectionTypes',
      'timestamp',
      '__proto__',
      'constructor',
      'then',
      'length',
    ];
    const value = fc.oneof(fc.constantFrom(...hostile), fc.constantFrom('"/a"', '"/meta/subscribe"', '"abc"'));
    const message = fc
      .array(fc.tuple(fc.constantFrom(...fields), value), { maxLength: 6 })
      .map((members) => `{${members.map(([name, text]) => `"${name}":${text}`).join(',')}}`);
    fc.assert(
      fc.property(message, fc.boolean(), (text, checkFields) => {
        const options = { limits: defaultLimits, checkFields };
        const one = parsed(text);
        const first = wire(one, options);
        if (first !== undefined) expect(parseError(first)?.code).toBeDefined();
        expect(wire(one, options)).toBe(first);
        const names = subscriptionsOf(one, defaultLimits);
        expect(names instanceof BayeuxError || names.every((name) => typeof name === 'string')).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('subscription', () => {
  it('is one channel or several', () => {
    expect(subscription('/a')).toEqual(['/a']);
    expect(subscription(['/a', '/b/*', '/**'])).toEqual(['/a', '/b/*', '/**']);
  });

  it('must be there', () => {
    expect(subscription(undefined)).toBe('403::subscription_missing');
    expect(subscription(null)).toBe('403::subscription_missing');
  });

  it.each([
    [[]],
    [5],
    [true],
    [{}],
    [{ length: 1, 0: '/a' }],
    [['/a', 5]],
    [[null]],
    [[['/a']]],
    ['/a//b'],
    ['/'],
    [''],
    ['/a/*/b'],
  ])('%j is not legal', (value) => {
    expect(subscription(value)).toBe('403::subscription_invalid');
  });

  it('names the element of an array that is not legal', () => {
    expect(subscription(['/a', '/b,c:d'])).toBe('403:/b_c_d:subscription_invalid');
  });

  it('has up to 100 channels', () => {
    const of = (count: number): unknown => Array.from({ length: count }, (_, index) => `/a/${index}`);
    expect(subscription(of(99))).toHaveLength(99);
    expect(subscription(of(100))).toHaveLength(100);
    expect(subscription(of(101))).toBe('400:maxSubscriptions,100:limit_exceeded');
  });

  it('is held to the limits of channel names', () => {
    expect(subscription(`/${'a'.repeat(254)}`)).toHaveLength(1);
    expect(subscription([`/${'a'.repeat(255)}`])).toBe('400:maxChannelLength,255:limit_exceeded');
    expect(subscription('/a'.repeat(32))).toHaveLength(1);
    expect(subscription('/a'.repeat(33))).toBe('400:maxChannelSegments,32:limit_exceeded');
  });

  it('may have any characters when fields are not checked', () => {
    const message: Message = { channel: '/meta/subscribe', subscription: '/ü' };
    expect(subscriptionsOf(message, defaultLimits)).toBeInstanceOf(BayeuxError);
    expect(subscriptionsOf(message, defaultLimits, { checkFields: false })).toEqual(['/ü']);
  });
});

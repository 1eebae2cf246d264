/** Ways to answer a client wrongly: made by fast-check, carried out by the malicious server. */
import type { Answer, WireMessage } from '@cometd-ts/testkit';
import fc from 'fast-check';

/** One wrong answer, as data, so that a failure can be printed and shrunk. */
export type Malice =
  | { readonly does: 'set'; readonly field: string; readonly value: unknown }
  | { readonly does: 'drop'; readonly fields: readonly string[] }
  | { readonly does: 'add'; readonly messages: readonly WireMessage[]; readonly first: boolean }
  | { readonly does: 'repeat'; readonly times: number }
  | { readonly does: 'reverse' }
  | { readonly does: 'say'; readonly text: string; readonly status: number }
  | { readonly does: 'endless'; readonly text: string }
  | { readonly does: 'silence' }
  | { readonly does: 'cut' };

function deep(depth: number, open: string, close: string): string {
  return `${open.repeat(depth)}1${close.repeat(depth)}`;
}

const nasty: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 2 ** 53, '', ' ', '/', '/**', [], {}, [null], [[]]),
  fc.constantFrom<unknown>({ length: 1e9 }, { then: 1 }, { toString: 1 }, { toJSON: 'x' }, '__proto__', 'constructor'),
  fc.constant(JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}')),
  fc.constantFrom<unknown>('\u0000', '\ud800', '\u2028', 'x'.repeat(20_000), Array(2000).fill(0)),
  fc.string({ maxLength: 12 }),
);

/** Numbers that stay out: an interval or a timeout of days is advice to be taken. They have tests of their own. */
export const advice: fc.Arbitrary<unknown> = fc.oneof(
  nasty,
  fc.record(
    {
      reconnect: fc.oneof(fc.constantFrom<unknown>('retry', 'handshake', 'none', 'RETRY', 'always'), nasty),
      interval: fc.constantFrom<unknown>(-1, -1e9, 0, 5, '5', '1e9', 'soon', null, [], {}, true, 0.5),
      timeout: fc.constantFrom<unknown>(-1, -1e9, 0, 5, '5', '1e9', 'soon', null, [], {}, true, 0.5),
      maxInterval: fc.constantFrom<unknown>(-1, -1e9, 0, 5, '5', 'soon', null, [], {}),
      hosts: nasty,
      'multiple-clients': nasty,
    },
    { requiredKeys: [] },
  ),
);

const channel = fc.constantFrom(
  '/meta/handshake',
  '/meta/connect',
  '/meta/disconnect',
  '/meta/subscribe',
  '/meta/unsubscribe',
  '/meta/publish',
  '/meta/x',
  '/a',
  '/service/a',
  '/**',
  '__proto__',
  'a',
  '',
);

/** Replies and events that nobody asked for. */
export const stranger: fc.Arbitrary<WireMessage> = fc.record(
  {
    channel,
    id: fc.constantFrom('9999', '-1', '0', '__proto__', 'constructor', 'hasOwnProperty', ''),
    clientId: fc.constantFrom('somebody', '', '__proto__'),
    successful: fc.boolean(),
    subscription: fc.constantFrom('/a', '/b', '/**'),
    error: fc.constantFrom('402::Unknown client', '403::Forbidden', 'x', ''),
    data: nasty,
    advice,
    ext: nasty as fc.Arbitrary<Record<string, unknown>>,
  },
  { requiredKeys: ['channel', 'id'] },
) as fc.Arbitrary<WireMessage>;

const field = fc.constantFrom(
  'id',
  'channel',
  'clientId',
  'successful',
  'error',
  'advice',
  'supportedConnectionTypes',
  'subscription',
  'version',
  'data',
  'ext',
  'x-messages',
  'timestamp',
  '__proto__',
);

const text = fc.oneof(
  fc.constantFrom('', ' ', 'null', '[]', '[[]]', '[null]', '[1]', '{}', '[{}]', '"x"', 'NaN', '{', '[{"id":', '<html>'),
  fc.constantFrom(
    deep(500, '[', ']'),
    deep(100_000, '[', ']'),
    deep(3000, '{"data":', '}'),
    deep(50_000, '[{"a":', '}]'),
  ),
  fc.constantFrom('[{"error":"401::Request requires authentication","successful":false}]', '[{"successful":true}]'),
  fc.json({ maxDepth: 3 }),
  fc.string({ maxLength: 30 }),
);

export const malice: fc.Arbitrary<Malice> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ does: fc.constant('set' as const), field, value: nasty }) },
  { weight: 3, arbitrary: advice.map((value) => ({ does: 'set' as const, field: 'advice', value })) },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('drop' as const),
      fields: fc.subarray(
        ['id', 'channel', 'clientId', 'successful', 'advice', 'supportedConnectionTypes', 'subscription'],
        { minLength: 1 },
      ),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constant('add' as const),
      messages: fc.array(stranger, { minLength: 1, maxLength: 4 }),
      first: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('repeat' as const), times: fc.integer({ min: 2, max: 5 }) }) },
  { weight: 1, arbitrary: fc.constant({ does: 'reverse' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('say' as const),
      text,
      status: fc.constantFrom(200, 200, 200, 204, 302, 400, 404, 500, 503),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('endless' as const),
      text: fc.constantFrom(' '.repeat(50_000), '[[[['.repeat(10_000), 'x'.repeat(30_000)),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ does: 'silence' as const }) },
  { weight: 1, arbitrary: fc.constant({ does: 'cut' as const }) },
);

/** The honest replies, put wrong. */
export function spoil(evil: Malice, honest: readonly WireMessage[]): Answer {
  const say = (messages: readonly unknown[]): Answer => ({ type: 'text', text: JSON.stringify(messages) });
  switch (evil.does) {
    case 'set':
      return say(
        honest.map((message) =>
          Object.defineProperty({ ...message }, evil.field, {
            value: evil.value,
            enumerable: true,
            configurable: true,
            writable: true,
          }),
        ),
      );
    case 'drop':
      return say(
        honest.map((message) =>
          Object.fromEntries(Object.entries(message).filter(([name]) => !evil.fields.includes(name))),
        ),
      );
    case 'add':
      return say(evil.first ? [...evil.messages, ...honest] : [...honest, ...evil.messages]);
    case 'repeat':
      return say(Array.from({ length: evil.times }, () => honest).flat());
    case 'reverse':
      return say(honest.toReversed());
    case 'say':
      return { type: 'text', text: evil.text, status: evil.status };
    case 'endless':
      return { type: 'endless', text: evil.text };
    default:
      return { type: evil.does };
  }
}

/** Whether the client may take this for its end: the server refuses it, or says that it is gone. */
export function mayEnd(evil: Malice): boolean {
  if (evil.does === 'set') return ['advice', 'supportedConnectionTypes', 'channel', 'version'].includes(evil.field);
  if (evil.does === 'drop') return evil.fields.includes('supportedConnectionTypes');
  return evil.does === 'say';
}

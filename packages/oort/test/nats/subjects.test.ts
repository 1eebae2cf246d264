/** Names on NATS: there and back again, and nothing in them that means something else there. */
import { ChannelId } from '@cometd-ts/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeChannel, decodeKey, encodeChannel, encodeKey, Subjects } from '../../src/nats/subjects.ts';

const text = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 4 })
    .map((units) => String.fromCharCode(...units)),
);

const legal = ' !#$()*+-.@_{~}0123456789ABCabcxyz';
const segment = fc.string({ unit: fc.constantFrom(...legal), minLength: 1, maxLength: 6 });
const channel = fc
  .tuple(fc.array(segment, { minLength: 1, maxLength: 5 }), fc.constantFrom('', '/*', '/**'))
  .map(([segments, wild]) => `/${segments.join('/')}${wild}`)
  .filter((name) => ChannelId.problem(name) === undefined);

describe('channels as subjects', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(channel, (name) => {
        expect(decodeChannel(encodeChannel(name))).toBe(name);
      }),
    );
  });

  it('come back with any characters at all', () => {
    const any = fc.array(
      text.map((one) => one.replaceAll('/', '|')),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(any, (segments) => {
        const name = `/${segments.join('/')}`;
        expect(decodeChannel(encodeChannel(name))).toBe(name);
      }),
    );
  });

  it('have only tokens NATS takes, with wildcards at the end alone', () => {
    fc.assert(
      fc.property(channel, (name) => {
        const tokens = encodeChannel(name).split('.');
        const last = tokens.pop() as string;
        expect(last).toMatch(/^(\*|>|[A-Za-z0-9\-_!~()$@%]+)$/);
        for (const token of tokens) expect(token).toMatch(/^[A-Za-z0-9\-_!~()$@%]+$/);
      }),
    );
  });

  it('differ when the channels do', () => {
    fc.assert(
      fc.property(channel, channel, (a, b) => {
        expect(encodeChannel(a) === encodeChannel(b)).toBe(a === b);
      }),
    );
  });

  it('look as they should', () => {
    const subjects = new Subjects('my-cloud');
    expect(subjects.channel('/a/b.c/**')).toBe('my-cloud.ch.a.b%2Ec.>');
    expect(subjects.channel('/**')).toBe('my-cloud.ch.>');
    expect(subjects.channel('/a/*')).toBe('my-cloud.ch.a.*');
    expect(subjects.channel('/a/x*y')).toBe('my-cloud.ch.a.x%2Ay');
    expect(subjects.channel('/chat/(1)!~$@')).toBe('my-cloud.ch.chat.(1)!~$@');
    expect(subjects.channelOf('my-cloud.ch.a.b%2Ec')).toBe('/a/b.c');
    for (const name of ['', 'a', '/', '/a//b', '/a/']) expect(() => encodeChannel(name)).toThrow(RangeError);
    expect(() => subjects.channel(`/${'x'.repeat(3100)}`)).toThrow(RangeError);
  });
});

describe('keys', () => {
  it('come back as they were, of any characters', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (texts) => {
        const key = encodeKey(texts);
        expect(key).toMatch(/^[-/_=.A-Za-z0-9]+$/);
        expect(decodeKey(key)).toEqual(texts);
      }),
    );
  });

  it('look as they should', () => {
    expect(encodeKey(['ann@example.com', 'é', 'a.b'])).toBe('ann=40example=2Ecom.=C3=A9.a=2Eb');
    expect(() => encodeKey([])).toThrow(RangeError);
    expect(() => encodeKey(['a', ''])).toThrow(RangeError);
  });
});

describe('a namespace', () => {
  it('is one token without underscores', () => {
    for (const name of ['', 'a.b', 'a_b', 'a b', '>', 'é', 'x'.repeat(65)])
      expect(() => new Subjects(name), name).toThrow(RangeError);
  });

  it('stands before nodes, addresses and buckets', () => {
    const subjects = new Subjects('c1');
    expect(subjects.node('id-1')).toBe('c1.to.id-1');
    expect(subjects.heartbeat('id.1')).toBe('c1.hb.id=2E1');
    expect(subjects.nodeOf('c1.hb.id=2E1')).toBe('id.1');
    expect(subjects.heartbeats).toBe('c1.hb.*');
    expect(subjects.address(['user', 'a b'])).toBe('c1.at.user.a=20b');
    expect(subjects.bucket('users')).toBe('c1_users');
    expect(subjects.bucket('my_map.1')).toBe('c1_my_5Fmap_2E1');
    expect(() => subjects.bucket('')).toThrow(RangeError);
  });
});

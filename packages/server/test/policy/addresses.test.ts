/** Whom a request counts for: sockets, proxies, networks. */
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { Addresses, type AddressRules, addressOf, networkOf } from '../../src/policy/addresses.ts';
import { Bucket } from '../../src/policy/bucket.ts';

describe('the network of an address', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2:ffff::1', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['::1', '::1'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it.each(['', 'unknown', '_hidden', '203.0.113', '203.0.113.7, 10.0.0.1', '<script>', '1:2:3', undefined])(
    'is nothing where there is no address: %s',
    (text) => {
      expect(networkOf(text)).toBeUndefined();
    },
  );
});

describe('a request', () => {
  const count = (socket: string | undefined, forwarded: string | undefined, rules: Partial<AddressRules> = {}) =>
    addressOf(
      {
        socket: { remoteAddress: socket },
        headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
      } as unknown as IncomingMessage,
      { trustedProxies: 0, clientAddress: undefined, ...rules },
    );

  it('counts for the address of its socket, whatever it says of itself', () => {
    expect(count('203.0.113.7', undefined)).toBe('203.0.113.7');
    expect(count('203.0.113.7', '198.51.100.1')).toBe('203.0.113.7');
  });

  it.each([
    [1, '198.51.100.1', '198.51.100.1'],
    [1, '6.6.6.6, 198.51.100.1', '198.51.100.1'],
    [2, '6.6.6.6, 198.51.100.1, 10.0.0.1', '198.51.100.1'],
    [2, '198.51.100.1', '198.51.100.1'],
    [1, '6.6.6.6, 198.51.100.1:4711', '198.51.100.1'],
    [1, '[2001:db8::1]:443', '2001:db8:0:0::/64'],
    [1, '2001:db8::1', '2001:db8:0:0::/64'],
    [1, '6.6.6.6, unknown', '10.0.0.9'],
    [1, '', '10.0.0.9'],
  ])('behind %i proxies that wrote "%s" counts for %s', (trustedProxies, header, address) => {
    expect(count('10.0.0.9', header, { trustedProxies })).toBe(address);
  });

  it('of this machine itself, or of a Unix socket, is not counted', () => {
    expect(count('127.0.0.1', undefined)).toBeUndefined();
    expect(count('::ffff:127.0.0.1', undefined)).toBeUndefined();
    expect(count('::1', undefined)).toBeUndefined();
    expect(count(undefined, undefined)).toBeUndefined();
    expect(count('127.0.0.1', '198.51.100.1', { trustedProxies: 1 })).toBe('198.51.100.1');
  });

  it('counts for what the application says, cut at 255 characters', () => {
    expect(count('203.0.113.7', undefined, { clientAddress: () => 'tenant 7' })).toBe('tenant 7');
    expect(count('203.0.113.7', undefined, { clientAddress: () => undefined })).toBeUndefined();
    expect(count('203.0.113.7', undefined, { clientAddress: () => 'x'.repeat(1000) })).toHaveLength(255);
  });
});

describe('the accounts of addresses', () => {
  it('are no more than they may be: the addresses beyond share one', () => {
    const addresses = new Addresses(2);
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => addresses.open(name));
    expect(addresses.size).toBe(2);
    expect(a).not.toBe(b);
    expect(c).toBe(d);
    expect(addresses.find('e')).toBe(c);
    expect(addresses.open('a')).toBe(a);
  });

  it('are forgotten when nothing is left of them', () => {
    const addresses = new Addresses();
    addresses.open('session').sessions = 1;
    addresses.open('connection').connections = 1;
    addresses.open('burst').handshakes = 500;
    addresses.open('nothing');
    addresses.sweep(499);
    expect(addresses.size).toBe(3);
    addresses.sweep(500);
    expect(addresses.find('burst')).toBeUndefined();
    expect(addresses.size).toBe(2);
  });
});

describe('a bucket', () => {
  it('gives its burst at once, then one for each step', () => {
    const bucket = new Bucket(10, 3);
    let full = 0;
    const times = [5000, 5000, 5000];
    for (const now of times) {
      expect(bucket.wait(full, now)).toBe(0);
      full = bucket.taken(full, now);
    }
    expect(bucket.wait(full, 5000)).toBeCloseTo(100, 2);
    expect(bucket.wait(full, 5099)).toBeCloseTo(1, 2);
    expect(bucket.wait(full, 5100)).toBe(0);
    full = bucket.taken(full, 5100);
    expect(bucket.wait(full, 5100)).toBeCloseTo(100, 2);
    // Full again, and not fuller.
    expect(full).toBeCloseTo(5400, 2);
    full = bucket.taken(full, 10_000);
    expect(full).toBeCloseTo(10_100, 2);
  });

  it('gives exactly as many as it should, whatever the hour and the rate', () => {
    for (const [rate, burst, start] of [
      [3, 7, 0.1],
      [100, 200, 987_654.321],
      [0.7, 50, 1e9 / 3],
    ] as const) {
      const bucket = new Bucket(rate, burst);
      let full = 0;
      let given = 0;
      while (bucket.wait(full, start) === 0) {
        full = bucket.taken(full, start);
        given++;
      }
      expect([rate, given]).toEqual([rate, burst]);
    }
  });

  it('of rate 0 gives nothing, ever', () => {
    expect(new Bucket(0, 10).wait(0, 1000)).toBe(Number.POSITIVE_INFINITY);
  });
});

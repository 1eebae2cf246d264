/** What a server is old enough for. */
import { describe, expect, it } from 'vitest';
import { isAtLeast, requireJetStream, requireVersion } from '../../src/nats/version.ts';

describe('the version of a server', () => {
  it('is compared number by number', () => {
    for (const [version, least, is] of [
      ['2.9.10', '2.9.0', true],
      ['2.9.10', '2.9.10', true],
      ['2.9.10', '2.10.0', false],
      ['2.10.0', '2.9.10', true],
      ['3.0.0', '2.11.1', true],
      ['2.11.0-beta.1', '2.11.0', true],
      ['v2.11.3', '2.11.2', true],
      ['1.99.99', '2.0.0', false],
      ['', '2.0.0', false],
      ['latest', '2.0.0', false],
    ] as const)
      expect(isAtLeast(version, least), `${version} for ${least}`).toBe(is);
  });

  it('that is too old is told, with what needs which', () => {
    expect(() => requireVersion({ version: '2.9.10' }, '2.11.0', 'Counters')).toThrow(
      'Counters needs nats-server 2.11.0 or later; this one is 2.9.10',
    );
    expect(() => requireVersion(undefined, '2.11.0', 'Counters')).toThrow(/unknown/);
    expect(() => requireJetStream({ jetstream: false }, 'That')).toThrow(/^That needs JetStream/);
    expect(() => requireJetStream(undefined, 'That')).toThrow(/JetStream/);
    requireVersion({ version: '2.12.0' }, '2.11.0', 'Counters');
    requireJetStream({ jetstream: true }, 'That');
  });
});

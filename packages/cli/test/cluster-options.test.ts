/** How a cluster is asked for: what is wrong is said in one sentence, before anything starts. */
import { describe, expect, it } from 'vitest';
import { parseServe } from '../src/arguments.ts';
import { clusterOptions } from '../src/cluster-options.ts';

const secret = 'of all nodes';

function optionsOf(oort: object, flags: readonly string[] = [], environment: Record<string, string> = {}) {
  return clusterOptions(parseServe(flags, {}), { oort }, environment);
}

describe('a node on NATS', () => {
  it('needs no URL where host and port are a name, and no secret', () => {
    const options = optionsOf({}, ['--port', '8081', '--cluster', 'nats://a:4222,nats://b:4222']);
    expect(options).toMatchObject({
      url: expect.stringMatching(/^http:\/\/.+:8081\/cometd$/),
      mesh: null,
      nats: { servers: ['nats://a:4222', 'nats://b:4222'], moving: false },
    });
  });

  it('gets its passwords from the environment', () => {
    const environment = { COMETD_CLUSTER: 'tls://a:4222', COMETD_NATS_PASSWORD: 'sesame', COMETD_NATS_NKEY: 'SUAA' };
    expect(optionsOf({ nats: { user: 'ann', tls: { caFile: 'ca.pem' } } }, [], environment)?.nats).toEqual({
      servers: ['tls://a:4222'],
      user: 'ann',
      password: 'sesame',
      nkey: 'SUAA',
      tls: { caFile: 'ca.pem' },
      moving: false,
    });
  });

  it('finds users as it is told', () => {
    const seti = { routing: 'interest', shards: '64' };
    expect(optionsOf({ nats: { servers: 'nats://a:4222' }, seti })?.seti).toEqual({ routing: 'interest', shards: 64 });
  });

  it('is on both while its cluster begins to move, and on NATS alone at the end', () => {
    const nats = { servers: 'nats://a:4222' };
    const begin = optionsOf({ url: 'http://a/cometd', secret, cloud: 'http://b/cometd', nats, move: 'begin' });
    expect(begin).toMatchObject({ mesh: { cloud: ['http://b/cometd'], options: { secret } }, nats: { moving: false } });
    const end = optionsOf({ url: 'http://a/cometd', nats, move: 'end' }, [], { COMETD_OORT_SECRET: secret });
    expect(end).toMatchObject({ mesh: null, nats: { moving: true } });
  });

  it.each<[string, object, string]>([
    [
      'options of the mesh on NATS',
      { nats: { servers: 'nats://a:4222' }, url: 'http://a/cometd', maxComets: 5 },
      "'oort.maxComets' is for nodes of a mesh, and this one is on NATS",
    ],
    ['NATS without servers', { nats: {}, url: 'http://a/cometd' }, 'A cluster on NATS needs its servers'],
    [
      'a name of NATS that is none',
      { nats: { servers: 'nats://a:4222', nameSpace: 'x' }, url: 'http://a/cometd' },
      "did you mean 'namespace'?",
    ],
    [
      'a server of NATS that is none',
      { nats: { servers: 'http://a:4222' }, url: 'http://a/cometd' },
      'is written nats://host:4222',
    ],
    [
      'a user in a URL of NATS',
      { nats: { servers: 'nats://ann:sesame@a:4222' }, url: 'http://a/cometd' },
      'oort.nats.user',
    ],
    ['a move without an aim', { url: 'http://a/cometd', secret, move: 'begin' }, "'oort.move' is begin or end"],
    ['no name on any free port', { nats: { servers: 'nats://a:4222' } }, 'needs a name: --oort-url or oort.url'],
  ])('says what is wrong: %s', (_title, oort, sentence) => {
    expect(() => optionsOf(oort, ['--port', '0'])).toThrow(sentence);
  });
});

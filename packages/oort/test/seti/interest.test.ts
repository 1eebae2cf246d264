/** Seti by interest in memory, and what has nothing to do with any ground: shards, errors, what no node may say. */
import { Seti, SetiError } from '@cometd-ts/oort';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashOf, shardOf } from '../../src/seti/shards.ts';
import { Cloud } from '../clouds.ts';
import { interestSuite } from './interest-suite.ts';
import { enter, type Town, towns } from './seti-suite.ts';

describe('an address for each user', () => {
  interestSuite(() => new Cloud({ addresses: true }));
});

describe('users in shards', () => {
  interestSuite(() => new Cloud({ addresses: true }), 16);
});

describe('the shard of a user', () => {
  it('is one of those there are, always the same', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
        fc.integer({ min: 1, max: 65_536 }),
        (user, shards) => {
          const shard = shardOf(user, shards);
          expect(Number.isInteger(shard) && shard >= 0 && shard < shards).toBe(true);
          expect(shardOf(`${user}`, shards)).toBe(shard);
        },
      ),
    );
  });

  it.each([
    ['', 0x811c9dc5],
    ['a', 0x2b24_d044],
    ['bob', 3_072_851_010],
  ])('%j never moves, whatever version a node has', (user, hash) => {
    expect(hashOf(user)).toBe(hash);
  });

  it('has as many users as any other, nearly', () => {
    for (const name of [(n: number) => String(n), (n: number) => `user-${n}@example.com`, (n: number) => `ü${n}日`]) {
      const counts = new Uint32Array(1_024);
      for (let n = 0; n < 102_400; n++) counts[shardOf(name(n), 1_024)] = (counts[shardOf(name(n), 1_024)] ?? 0) + 1;
      expect(Math.min(...counts)).toBeGreaterThan(40);
      expect(Math.max(...counts)).toBeLessThan(180);
    }
  });
});

async function two(shards = 0): Promise<[Cloud, Town, Town]> {
  return (await towns(new Cloud({ addresses: true }), 2, { routing: 'interest', shards })) as [Cloud, Town, Town];
}

describe('a node', () => {
  it.each(['interest', 'bucket'] as const)('whose engine cannot do it refuses routing %s', async (routing) => {
    const { oort } = await new Cloud().node();
    await expect(new Seti(oort, { routing }).start()).rejects.toThrow(`Routing '${routing}' needs an engine with`);
  });

  it('that is cut off says whom it could not send to, and that it knows nothing', async () => {
    const [cloud, a, b] = await two();
    a.seti.associate('ann', (await enter(a)).serverSession);
    b.seti.associate('bob', (await enter(b)).serverSession);
    cloud.memory.cutOff(a.url);
    expect(a.seti.sendMessage(['ann', 'bob'], '/service/msg', 1)).toEqual(['bob']);
    const error = await a.seti
      .reachUsers(['ann', 'bob', 'carol'], '/service/msg', 1)
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SetiError);
    expect(error).toMatchObject({ code: 'down', userIds: ['bob', 'carol'], nobody: [] });
    await expect(a.seti.askPresent('bob')).rejects.toMatchObject({ code: 'down' });
  });

  it('that was cut off for a moment finds out who has gone meanwhile', async () => {
    const [cloud, a, b] = (await towns(new Cloud({ addresses: true }), 2, { routing: 'interest', timeout: 30 })) as [
      Cloud,
      Town,
      Town,
    ];
    for (const user of ['bob', 'carol']) b.seti.associate(user, (await enter(b)).serverSession);
    const told: string[] = [];
    for (const user of ['bob', 'carol'])
      a.seti.watch(user, ({ isPresent, userId }) => told.push(`${isPresent ? '+' : '-'}${userId}`));
    await cloud.settled();
    expect(told.sort()).toEqual(['+bob', '+carol']);
    const engine = cloud.memory.engines.find(({ member }) => member.url === a.url);
    engine?.turn({ state: 'down', reason: 'a moment' });
    b.seti.disassociate('bob');
    await cloud.settled();
    engine?.turn({ state: 'up', reason: '' });
    await expect.poll(() => told.at(-1)).toBe('-bob');
    expect(a.seti.isPresent('carol')).toBe(true);
  });
});

it('a node that was cut off for a moment tells then who has come and gone meanwhile', async () => {
  const [cloud, a, b] = await two();
  b.seti.associate('bob', (await enter(b)).serverSession);
  const told: string[] = [];
  for (const user of ['bob', 'carol'])
    a.seti.watch(user, ({ isPresent, userId }) => told.push(`${isPresent ? '+' : '-'}${userId}`));
  await cloud.settled();
  const engine = cloud.memory.engines.find(({ member }) => member.url === b.url);
  engine?.turn({ state: 'down', reason: 'a moment' });
  b.seti.disassociate('bob');
  b.seti.associate('carol', (await enter(b)).serverSession);
  await cloud.settled();
  expect(told).toEqual(['+bob']);
  engine?.turn({ state: 'up', reason: '' });
  await cloud.settled();
  expect(told).toEqual(['+bob', '-bob', '+carol']);
});

it('a Seti that could not start is not started, and leaves no session behind', async () => {
  const { oort, server } = await new Cloud().node();
  const seti = new Seti(oort, { routing: 'interest' });
  const before = server.sessions.length;
  await expect(seti.start()).rejects.toThrow(TypeError);
  expect(server.sessions).toHaveLength(before);
  expect(() => seti.sendMessage('bob', '/service/msg', 1)).toThrow('Start the Seti first');
});

describe('what is sent to the address of a user', () => {
  it.each([
    null,
    5,
    {},
    { userId: 'bob', from: 'x' },
    { userId: 'bob', from: 'x', what: 'nonsense' },
    { userId: 'bob', from: 'x', what: 'message' },
    { userId: 'bob', from: 'x', what: 'message', record: { userId: 'ann', channel: '/service/msg', data: 1 } },
    { userId: 'bob', from: 'x', what: 'message', record: { userId: 'bob', channel: '/meta/disconnect', data: 1 } },
    { userId: 'bob', from: 'x', what: 'message', record: { userId: 'bob', channel: '/a/**', data: 1 } },
  ])('is refused and counted when it is no record: %j', async (data) => {
    const [cloud, a, b] = await two();
    const bob = await enter(b);
    b.seti.associate('bob', bob.serverSession);
    a.oort.engine.addresses?.tell(['user', 'bob'], data);
    await cloud.settled();
    expect(bob.heard).toEqual([]);
    expect(b.server.diagnostics.counters.get('rejected.seti')).toBe(1);
  });

  it('about presence is believed of members alone', async () => {
    const [cloud, a, b] = await two();
    const told: string[] = [];
    b.seti.watch('bob', ({ url }) => told.push(url));
    for (const data of [
      null,
      { url: a.url, id: 'another start', presence: true },
      { url: 'http://x', id: a.oort.id, presence: true },
    ])
      a.oort.engine.addresses?.tell(['presence', 'bob'], data);
    await cloud.settled();
    expect(told).toEqual([]);
  });
});

describe('what is asked of whichever routing', () => {
  it.each(['table', 'bucket', 'interest'] as const)('is answered by %s alike', async (routing) => {
    const [cloud, a, b] = (await towns(new Cloud({ addresses: true, buckets: true }), 2, { routing })) as [
      Cloud,
      Town,
      Town,
    ];
    const bob = await enter(b);
    b.seti.associate('bob', bob.serverSession);
    await cloud.settled();
    const told: string[] = [];
    a.seti.watch('bob', ({ isPresent, url }) => told.push(`${isPresent} ${url}`));
    await expect.poll(() => told).toEqual([`true ${b.url}`]);
    expect(await a.seti.askPresent('bob')).toBe(true);
    expect(await a.seti.askPresent('nobody')).toBe(false);
    expect(await a.seti.reachUsers(['bob', 'nobody'], '/service/msg', 'hi')).toEqual(['nobody']);
    await cloud.settled();
    expect(bob.heard).toHaveLength(1);
    await bob.disconnect();
    await expect.poll(() => told).toEqual([`true ${b.url}`, `false ${b.url}`]);
  });
});

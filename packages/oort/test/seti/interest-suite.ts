/** Seti where nodes know their own users alone: messages find the others by their address. The suite of any ground with addresses. */
import { Seti, type SetiOptions, type WatchEvent } from '@cometd-ts/oort';
import { describe, expect, it, vi } from 'vitest';
import type { Cloud } from '../clouds.ts';
import { enter, type Town, towns } from './seti-suite.ts';

export function interestSuite(lay: () => Cloud, shards = 0): void {
  const options: SetiOptions = { routing: 'interest', shards, timeout: shards > 0 ? 1_000 : 5_000 };
  const open = (count: number): Promise<[Cloud, ...Town[]]> => towns(lay(), count, options);
  const two = async (): Promise<[Cloud, Town, Town]> => (await open(2)) as [Cloud, Town, Town];
  /** What a watcher was told, and what it is told yet. */
  const watch = ({ seti }: Town, userId: string): string[] => {
    const told: string[] = [];
    seti.watch(userId, ({ isPresent, url }: WatchEvent) => told.push(`${isPresent ? '+' : '-'}${url}`));
    return told;
  };

  describe('a message to users', () => {
    it('reaches all their sessions on all nodes once, and nobody else', async () => {
      const [cloud, a, b, c] = (await open(3)) as [Cloud, Town, Town, Town];
      const [here, there, other] = [await enter(a), await enter(b), await enter(c)];
      a.seti.associate('bob', here.serverSession);
      b.seti.associate('bob', there.serverSession);
      c.seti.associate('carol', other.serverSession);
      await cloud.settled();
      expect(a.seti.sendMessage(['bob', 'bob'], '/service/msg', { n: 1 })).toEqual([]);
      expect(await a.seti.reachUsers('bob', '/service/msg', { n: 2 })).toEqual([]);
      expect(await c.seti.reachUsers('bob', '/service/msg', { n: 3 })).toEqual([]);
      await cloud.settled();
      // Each node keeps its own order; between what two nodes send there is none.
      for (const { heard } of [here, there]) {
        const numbers = (): unknown[] => heard.map(({ data }) => (data as { n: number }).n);
        await vi.waitFor(() => expect([...numbers()].sort()).toEqual([1, 2, 3]));
        expect(numbers().filter((n) => n !== 3)).toEqual([1, 2]);
      }
      expect(other.heard).toEqual([]);
    });

    it('names the users nobody has, when it is waited for', async () => {
      const [cloud, a, b] = await two();
      b.seti.associate('bob', (await enter(b)).serverSession);
      a.seti.associate('ann', (await enter(a)).serverSession);
      await cloud.settled();
      const nobody = await a.seti.reachUsers(['bob', 'nobody', 'ann', 'no one'], '/service/msg', 1);
      expect([...nobody].sort()).toEqual(['no one', 'nobody']);
    });

    it('finds a user no more who has gone', async () => {
      const [cloud, a, b] = await two();
      const bob = await enter(b);
      b.seti.associate('bob', bob.serverSession);
      await cloud.settled();
      expect(await a.seti.reachUsers('bob', '/service/msg', 1)).toEqual([]);
      await bob.disconnect();
      await cloud.settled();
      expect(await a.seti.reachUsers('bob', '/service/msg', 1)).toEqual(['bob']);
    });

    it('finds a user no more whose node is lost, and one who has moved', async () => {
      const [cloud, a, b, c] = (await open(3)) as [Cloud, Town, Town, Town];
      b.seti.associate('bob', (await enter(b)).serverSession);
      b.seti.associate('carol', (await enter(b)).serverSession);
      await cloud.settled();
      c.seti.associate('carol', (await enter(c)).serverSession);
      cloud.ground.kill(b.url);
      await cloud.settled();
      expect(await a.seti.reachUsers(['bob', 'carol'], '/service/msg', 1)).toEqual(['bob']);
    });

    it('keeps its order', async () => {
      const [cloud, a, b] = await two();
      const bob = await enter(b);
      b.seti.associate('bob', bob.serverSession);
      await cloud.settled();
      for (let n = 0; n < 200; n++) a.seti.sendMessage('bob', '/service/msg', n);
      await vi.waitFor(() => expect(bob.heard).toHaveLength(200));
      expect(bob.heard.map(({ data }) => data)).toEqual(Array.from({ length: 200 }, (_, n) => n));
    });
  });

  describe('whether a user is present', () => {
    it('is asked, and known at once of users of this node alone', async () => {
      const [cloud, a, b] = await two();
      a.seti.associate('ann', (await enter(a)).serverSession);
      b.seti.associate('bob', (await enter(b)).serverSession);
      await cloud.settled();
      expect(a.seti.isPresent('ann')).toBe(true);
      expect([a.seti.isAssociated('bob'), a.seti.associatedUserIds]).toEqual([false, ['ann']]);
      for (const ask of [() => a.seti.isPresent('bob'), () => a.seti.getPresenceCount('ann'), () => a.seti.userIds])
        expect(ask).toThrow("With routing 'interest'");
      expect(await a.seti.askPresent('ann')).toBe(true);
      expect(await a.seti.askPresent('bob')).toBe(true);
      expect(await a.seti.askPresent('nobody')).toBe(false);
    });

    it('is told to those who watch, from where the user is already', async () => {
      const [cloud, a, b] = await two();
      const [early, late] = [await enter(b), await enter(a)];
      b.seti.associate('bob', early.serverSession);
      await cloud.settled();
      const told = watch(a, 'bob');
      expect(told).toEqual([]);
      await vi.waitFor(() => expect(told).toEqual([`+${b.url}`]));
      a.seti.associate('bob', late.serverSession);
      expect(a.seti.isPresent('bob')).toBe(true);
      expect(a.seti.getPresenceCount('bob')).toBe(2);
      await early.disconnect();
      await vi.waitFor(() => expect(told).toEqual([`+${b.url}`, `+${a.url}`, `-${b.url}`]));
      expect(a.log).toEqual([`+bob@${b.url}`, '+bob@here', `-bob@${b.url}`]);
    });

    it('is told when the node of the user is lost, and when it has come back', async () => {
      const [cloud, a, b] = await two();
      b.seti.associate('bob', (await enter(b)).serverSession);
      await cloud.settled();
      const told = watch(a, 'bob');
      await vi.waitFor(() => expect(told).toHaveLength(1));
      cloud.ground.cut(b.url, a.url);
      await cloud.settled();
      await vi.waitFor(() => expect(told).toEqual([`+${b.url}`, `-${b.url}`]));
      cloud.ground.heal(b.url, a.url);
      await cloud.settled();
      await vi.waitFor(() => expect(told).toEqual([`+${b.url}`, `-${b.url}`, `+${b.url}`]));
    });

    it('is told no more when the watch is over', async () => {
      const [cloud, a, b] = await two();
      const [first, second]: string[][] = [[], []];
      const one = a.seti.watch('bob', ({ url }) => first?.push(url));
      const other = a.seti.watch('bob', ({ url }) => second?.push(url));
      one.remove();
      b.seti.associate('bob', (await enter(b)).serverSession);
      await vi.waitFor(() => expect(second).toEqual([b.url]));
      other.remove();
      b.seti.disassociate('bob');
      await cloud.settled();
      expect([first, second]).toEqual([[], [b.url]]);
      expect(() => a.seti.isPresent('bob')).toThrow('askPresent');
    });

    it('ends with the Seti of its node', async () => {
      const [cloud, a, b] = await two();
      b.seti.associate('bob', (await enter(b)).serverSession);
      await cloud.settled();
      const told = watch(a, 'bob');
      await vi.waitFor(() => expect(told).toHaveLength(1));
      await b.seti.stop();
      await vi.waitFor(() => expect(told).toEqual([`+${b.url}`, `-${b.url}`]));
      expect(await a.seti.askPresent('bob')).toBe(false);
    });
  });

  it('many users come and go, and messages find who is there', async () => {
    const [cloud, a, b] = await two();
    const crowd = await enter(b);
    const count = shards > 0 ? 100 : 2_000;
    const users = Array.from({ length: count }, (_, index) => `user-${index}@example.com`);
    for (const user of users) b.seti.associate(user, crowd.serverSession);
    await cloud.settled();
    expect(await a.seti.reachUsers(users, '/service/msg', 1)).toEqual([]);
    for (const user of users.slice(0, count / 2)) b.seti.disassociate(user);
    await cloud.settled();
    expect(new Set(await a.seti.reachUsers(users, '/service/msg', 1))).toEqual(new Set(users.slice(0, count / 2)));
    await vi.waitFor(() => expect(crowd.heard).toHaveLength(1.5 * count));
  }, 60_000);

  it('two names of which one cannot have an address leave nothing behind', async () => {
    const [, a] = (await open(1)) as [Cloud, Town];
    const { serverSession } = await enter(a);
    expect(() => a.seti.associate('', serverSession)).toThrow(TypeError);
    expect(a.seti.isAssociated('')).toBe(false);
    expect(() => new Seti(a.oort, { routing: 'interest', shards: -1 })).toThrow(RangeError);
    expect(() => new Seti(a.oort, { routing: 'magic' as never })).toThrow(RangeError);
  });
}

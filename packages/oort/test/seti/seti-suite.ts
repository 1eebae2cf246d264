/** Users across the cluster: presence everywhere, messages to wherever they are, and no ghosts. */
import { type PresenceEvent, Seti, type SetiOptions } from '@cometd-ts/oort';
import type { LocalSession, ServerMessage } from '@cometd-ts/server';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cloud, House } from '../clouds.ts';

export interface Town extends House {
  readonly seti: Seti;
  readonly log: string[];
}

export async function town(cloud: Cloud, options: SetiOptions = {}): Promise<Town> {
  const house = await cloud.node();
  const seti = new Seti(house.oort, options);
  const log: string[] = [];
  const note =
    (word: string) =>
    ({ userId, url, isLocal }: PresenceEvent): void => {
      log.push(`${word}${userId}@${isLocal ? 'here' : url}`);
    };
  seti.addListener('presenceAdded', note('+'));
  seti.addListener('presenceRemoved', note('-'));
  await seti.start();
  return { ...house, seti, log };
}

export async function towns(cloud: Cloud, count: number, options: SetiOptions = {}): Promise<[Cloud, ...Town[]]> {
  const all: Town[] = [];
  for (let each = 0; each < count; each++) all.push(await town(cloud, options));
  await cloud.settled();
  return [cloud, ...all];
}

export async function enter({ server }: House): Promise<LocalSession & { heard: ServerMessage[] }> {
  const session = server.newLocalSession('user');
  await session.handshake();
  const heard: ServerMessage[] = [];
  session.getChannel('/service/msg').addListener((_channel, message) => heard.push(message));
  return Object.assign(session, { heard });
}

async function two(cloud: Cloud, options: SetiOptions = {}): Promise<[Cloud, Town, Town]> {
  return (await towns(cloud, 2, options)) as [Cloud, Town, Town];
}

/** @param lay makes the cloud for one test; @param runs how many random stories are tried */
export function setiSuite(lay: () => Cloud, runs = 60, options: SetiOptions = {}): void {
  describe('a user', () => {
    it('is associated where a session is, and present everywhere, with one event on each node', async () => {
      const [cloud, a, b] = await two(lay(), options);
      const [phone, laptop] = [await enter(a), await enter(a)];
      expect(a.seti.associate('bob', phone.serverSession)).toBe(true);
      expect(a.seti.associate('bob', phone.serverSession)).toBe(false);
      expect(a.seti.associate('bob', laptop.serverSession)).toBe(true);
      await cloud.settled();
      expect([a.seti.isAssociated('bob'), b.seti.isAssociated('bob')]).toEqual([true, false]);
      expect([a.seti.isPresent('bob'), b.seti.isPresent('bob')]).toEqual([true, true]);
      expect([a.seti.getAssociationCount('bob'), a.seti.getPresenceCount('bob')]).toEqual([2, 2]);
      expect([b.seti.getAssociationCount('bob'), b.seti.getPresenceCount('bob')]).toEqual([0, 1]);
      expect([a.log, b.log]).toEqual([['+bob@here'], [`+bob@${a.url}`]]);
      expect(b.seti.userIds).toEqual(['bob']);
      expect(b.seti.associatedUserIds).toEqual([]);
    });

    it('is gone when the last session ends or is disassociated', async () => {
      const [cloud, a, b] = await two(lay(), options);
      const [phone, laptop] = [await enter(a), await enter(a)];
      a.seti.associate('bob', phone.serverSession);
      a.seti.associate('bob', laptop.serverSession);
      await phone.disconnect();
      await cloud.settled();
      expect(b.seti.isPresent('bob')).toBe(true);
      expect(a.seti.disassociate('bob', laptop.serverSession)).toBe(true);
      expect(a.seti.disassociate('bob', laptop.serverSession)).toBe(false);
      await cloud.settled();
      expect(b.seti.isPresent('bob')).toBe(false);
      expect([a.log, b.log]).toEqual([
        ['+bob@here', '-bob@here'],
        [`+bob@${a.url}`, `-bob@${a.url}`],
      ]);
    });

    it('may share a session with another, and both are gone with it', async () => {
      const [cloud, a, b] = await two(lay(), options);
      const session = await enter(a);
      a.seti.associate('bob', session.serverSession);
      a.seti.associate('alice', session.serverSession);
      await session.disconnect();
      await cloud.settled();
      expect([a.seti.userIds, b.seti.userIds]).toEqual([[], []]);
    });

    it('is disassociated from all sessions at once by id', async () => {
      const [, a] = await two(lay(), options);
      const [phone, laptop] = [await enter(a), await enter(a)];
      for (const { serverSession } of [phone, laptop]) a.seti.associate('bob', serverSession);
      expect(a.seti.disassociate('bob')).toEqual([phone.serverSession, laptop.serverSession]);
      expect(a.seti.disassociate('nobody')).toEqual([]);
    });

    it('is not associated with a session that has ended', async () => {
      const [, a] = await two(lay(), options);
      const session = await enter(a);
      const { serverSession } = session;
      await session.disconnect();
      expect(a.seti.associate('bob', serverSession)).toBe(false);
      expect(a.seti.isPresent('bob')).toBe(false);
    });
  });

  it('a user is not associated while the handshake of the session is under way, which is told where to do it', async () => {
    const cloud = lay();
    const a = await town(cloud, options);
    const errors: unknown[] = [];
    a.server.securityPolicy = {
      canHandshake: (_server, session) => {
        try {
          a.seti.associate('bob', session);
        } catch (error) {
          errors.push(error);
        }
      },
    };
    a.server.addListener('sessionAdded', (session) => void a.seti.associate('carol', session));
    await enter(a);
    expect(String(errors[0])).toContain('associate it in sessionAdded');
    expect(a.seti.userIds).toEqual(['carol']);
  });

  describe('a node', () => {
    it('that joins late knows all users, and all know its own', async () => {
      const [cloud, a] = await two(lay(), options);
      a.seti.associate('bob', (await enter(a)).serverSession);
      const c = await town(cloud, options);
      c.seti.associate('carol', (await enter(c)).serverSession);
      await cloud.settled();
      expect(c.seti.isPresent('bob')).toBe(true);
      expect(a.seti.isPresent('carol')).toBe(true);
      expect(c.log.sort()).toEqual([`+bob@${a.url}`, '+carol@here']);
    });

    it('whose Seti starts after it has joined knows all users, and all know its own', async () => {
      const cloud = lay();
      const a = await town(cloud, options);
      a.seti.associate('bob', (await enter(a)).serverSession);
      const house = await cloud.node();
      await cloud.settled();
      const seti = new Seti(house.oort, options);
      await seti.start();
      seti.associate('dave', (await enter(house)).serverSession);
      await cloud.settled();
      expect([seti.isPresent('bob'), a.seti.isPresent('dave')]).toEqual([true, true]);
    });

    it('that leaves or is lost takes its users along', async () => {
      const [cloud, a, b] = await two(lay(), options);
      a.seti.associate('bob', (await enter(a)).serverSession);
      await cloud.settled();
      cloud.ground.kill(a.url);
      await cloud.settled();
      expect(b.seti.isPresent('bob')).toBe(false);
      expect(b.log.at(-1)).toBe(`-bob@${a.url}`);
    });

    it('that was cut off and comes back tells what has changed meanwhile, and no more', async () => {
      const [cloud, a, b] = await two(lay(), options);
      const [bob, carol] = [await enter(a), await enter(a)];
      a.seti.associate('bob', bob.serverSession);
      a.seti.associate('carol', carol.serverSession);
      await cloud.settled();
      cloud.ground.cut(a.url, b.url);
      await cloud.settled();
      await bob.disconnect();
      cloud.ground.heal(a.url, b.url);
      await cloud.settled();
      expect(b.seti.userIds).toEqual(['carol']);
    });

    it('whose Seti stops has no users any more', async () => {
      const [cloud, a, b] = await two(lay(), options);
      a.seti.associate('bob', (await enter(a)).serverSession);
      await cloud.settled();
      await a.seti.stop();
      await cloud.settled();
      expect(b.seti.userIds).toEqual([]);
      expect(() => a.seti.sendMessage('bob', '/service/msg', 1)).toThrow('Start the Seti first');
    });
  });

  describe('a message to users', () => {
    it('reaches all their sessions on all nodes, and nobody else', async () => {
      const [cloud, a, b] = await two(lay(), options);
      const [here, there, other] = [await enter(a), await enter(b), await enter(b)];
      a.seti.associate('bob', here.serverSession);
      b.seti.associate('bob', there.serverSession);
      b.seti.associate('carol', other.serverSession);
      await cloud.settled();
      expect(a.seti.sendMessage('bob', '/service/msg', { n: 1 })).toEqual([]);
      await cloud.settled();
      for (const { heard } of [here, there]) expect(heard).toMatchObject([{ channel: '/service/msg', data: { n: 1 } }]);
      expect(other.heard).toEqual([]);
    });

    it('names the users nobody is known to have, and goes to all nodes for these', async () => {
      const [cloud, a, b] = await two(lay(), options);
      const session = await enter(b);
      b.seti.associate('bob', session.serverSession);
      // Before the news of bob has arrived.
      expect(a.seti.sendMessage(['bob', 'nobody', 'bob'], '/service/msg', 1)).toEqual(['bob', 'nobody']);
      await cloud.settled();
      expect(session.heard).toHaveLength(1);
    });
  });

  describe('whatever happens', () => {
    type Step =
      | { do: 'enter' | 'leave'; node: number; user: number }
      | { do: 'cut' | 'heal'; node: number; user: number }
      | { do: 'settle'; node: number; user: number };
    const steps = fc.array(
      fc.record({
        do: fc.constantFrom<Step['do'][]>('enter', 'enter', 'leave', 'cut', 'heal', 'settle'),
        node: fc.nat(2),
        user: fc.nat(3),
      }),
      { maxLength: 40 },
    );

    it('all nodes agree on who is where once all is healed and settled, and events add up to that', async () => {
      await fc.assert(
        fc.asyncProperty(steps, async (script) => {
          const [cloud, ...all] = await towns(lay(), 3, options);
          const sessions = new Map<string, LocalSession>();
          for (const step of script) {
            const at = all[step.node] as Town;
            const other = all[(step.node + 1) % 3] as Town;
            const name = `${step.node} ${step.user}`;
            if (step.do === 'enter' && !sessions.has(name)) {
              const session = await enter(at);
              at.seti.associate(`user${step.user}`, session.serverSession);
              sessions.set(name, session);
            } else if (step.do === 'leave') {
              await sessions.get(name)?.disconnect();
              sessions.delete(name);
            } else if (step.do === 'cut') cloud.ground.cut(at.url, other.url);
            else if (step.do === 'heal') cloud.ground.heal(at.url, other.url);
            else if (step.do === 'settle') await cloud.settled();
          }
          for (const [one, other] of [
            [0, 1],
            [1, 2],
            [2, 0],
          ] as const)
            cloud.ground.heal((all[one] as Town).url, (all[other] as Town).url);
          await cloud.settled();
          const expected = [...new Set([...sessions.keys()].map((name) => `user${name.split(' ')[1]}`))].sort();
          for (const [index, { seti, log, url }] of all.entries()) {
            expect([...seti.userIds].sort()).toEqual(expected);
            const present = new Set<string>();
            for (const entry of log)
              if (entry.startsWith('+')) present.add(entry.slice(1));
              else expect(present.delete(entry.slice(1))).toBe(true);
            const there = [...sessions.keys()].map((name) => {
              const [node = '', user] = name.split(' ');
              return `user${user}@${Number(node) === index ? 'here' : (all[Number(node)] as Town).url}`;
            });
            expect([...present].sort(), url).toEqual(there.sort());
          }
          for (const { oort, server } of all) {
            await oort.stop();
            await server.stop();
          }
        }),
        { numRuns: runs },
      );
    });
  });
}

/** What only nodes say to each other that have messages alone. */
export function setiWords(lay: () => Cloud): void {
  describe('a message to one node', () => {
    it('is not passed on by the node it was sent to', async () => {
      const [cloud, a, b, c] = (await towns(lay(), 3)) as [Cloud, Town, Town, Town];
      const session = await enter(c);
      c.seti.associate('bob', session.serverSession);
      await cloud.settled();
      a.server.createChannelIfAbsent('/x');
      a.oort.send(b.url, {
        channel: `/seti/${b.url.replace(/[^A-Za-z0-9]+/g, '_')}`,
        data: { userId: 'bob', channel: '/service/msg', data: 1 },
      });
      await cloud.settled();
      expect(session.heard).toEqual([]);
    });
  });

  describe('what other nodes say', () => {
    const presence = (url: string, fields: object): object => ({
      userIds: ['eve'],
      oortURL: url,
      presence: true,
      replace: false,
      ...fields,
    });

    it.each([
      null,
      5,
      'text',
      [],
      {},
      { userIds: 'eve', oortURL: 'u', presence: true },
      { userIds: [1], oortURL: 'u', presence: true },
      { userIds: ['eve'], presence: true },
      { userIds: ['eve'], oortURL: 'u', presence: 1 },
      { userId: 7, channel: '/service/msg' },
    ])('is refused and counted when it is no record: %j', async (data) => {
      const [cloud, a, b] = await two(lay());
      a.oort.send(b.url, { channel: '/seti/all', data });
      await cloud.settled();
      expect(b.seti.userIds).toEqual([]);
      expect(b.server.diagnostics.counters.get('rejected.seti')).toBe(1);
    });

    it('about a node that is not there makes no ghost', async () => {
      const [cloud, a, b] = await two(lay());
      a.oort.send(b.url, { channel: '/seti/all', data: presence('http://gone.test/cometd', {}) });
      await cloud.settled();
      expect(b.seti.userIds).toEqual([]);
    });

    it('cannot be about this node', async () => {
      const [cloud, a, b] = await two(lay());
      a.oort.send(b.url, { channel: '/seti/all', data: presence(b.url, {}) });
      await cloud.settled();
      expect(b.seti.userIds).toEqual([]);
    });

    it('is of no interest when a client of this node says it', async () => {
      const [, a, b] = await two(lay());
      const session = await enter(b);
      await session.send({ channel: '/seti/all', data: presence(a.url, {}) });
      expect(b.seti.userIds).toEqual([]);
    });

    it('may be in the words of Java nodes, without seq', async () => {
      const [cloud, a, b] = await two(lay());
      const say = (fields: object): boolean =>
        a.oort.send(b.url, { channel: '/seti/all', data: presence(a.url, fields) });
      say({ userIds: ['eve', 'mallory'], replace: true, alive: true });
      say({ presence: false });
      await cloud.settled();
      expect(b.seti.userIds).toEqual(['mallory']);
      say({ userIds: ['eve'], replace: true });
      await cloud.settled();
      expect(b.seti.userIds).toEqual(['eve']);
    });

    it('is put right when a full list is overtaken by a change', async () => {
      const [cloud, a, b] = await two(lay());
      const say = (fields: object): boolean =>
        a.oort.send(b.url, { channel: '/seti/all', data: presence(a.url, fields) });
      say({ userIds: ['carol'], seq: 105 });
      say({ userIds: ['bob'], presence: false, seq: 104 });
      say({ userIds: ['bob', 'dave'], replace: true, seq: 103 });
      await cloud.settled();
      expect([...b.seti.userIds].sort()).toEqual(['carol', 'dave']);
      say({ userIds: ['old'], replace: true, seq: 90 });
      say({ userIds: ['old'], seq: 91 });
      await cloud.settled();
      expect([...b.seti.userIds].sort()).toEqual(['carol', 'dave']);
    });

    it('is told in several messages when a node has very many users', async () => {
      const [cloud, a, b] = await two(lay());
      const { serverSession } = await enter(a);
      const users = Array.from({ length: 3_000 }, (_, index) => `user ${index} ${'x'.repeat(300)}`);
      for (const user of users) a.seti.associate(user, serverSession);
      await cloud.settled();
      cloud.ground.cut(a.url, b.url);
      await cloud.settled();
      let longest = 0;
      b.server.getChannel('/seti/all')?.addListener('message', (_sender, _channel, { data }) => {
        longest = Math.max(longest, JSON.stringify(data).length);
      });
      cloud.ground.heal(a.url, b.url);
      await cloud.settled();
      expect(b.seti.userIds).toHaveLength(3_000);
      expect(longest).toBeGreaterThan(0);
      expect(longest).toBeLessThan(500_000);
    });
  });
}

/** The suite every engine of a cluster passes: the guarantees of `Engine`, one sentence each. Its own entry, because it is made of tests. */
import { randomUUID } from 'node:crypto';
import type { Engine, EngineNode, Member } from '@cometd-ts/oort';
import type { Message } from '@cometd-ts/protocol';
import { BayeuxServer } from '@cometd-ts/server';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

/** Where engines of one kind find each other; one for each test. */
export interface Ground {
  /** Readies a server that nobody can reach yet, and answers the URL of the node it will be. `url` asks for one that was used before. */
  place(server: BayeuxServer, url?: string): Promise<string>;
  /** An engine that will find the others of this ground. */
  engine(): Engine;
  /** Has started: for engines that are told of each other. */
  started?(engine: Engine, url: string): void;
  /** Takes a node away without a word. Absent where that cannot be had. */
  kill?(url: string): Promise<void>;
  /** Cuts two nodes off each other, long enough to be noticed, and brings them together again. */
  cut?(one: string, other: string): Promise<void>;
  heal?(one: string, other: string): Promise<void>;
  close(): Promise<void>;
}

/** A node that notes whatever its engine says. */
interface Desk {
  readonly engine: Engine;
  readonly server: BayeuxServer;
  readonly member: Member;
  /** `joined <id>`, `left <id>`. */
  readonly life: string[];
  readonly arrived: Message[];
  readonly addressed: Message[];
  readonly observed: {
    readonly channel: string;
    readonly url: string;
    readonly deliver: (message: Message) => boolean;
  }[];
  /** Runs when another node has joined. */
  welcome: (member: Member) => void;
  publish(channel: string, data: unknown, fields?: object): void;
  stop(): Promise<void>;
}

async function open(ground: Ground, channels: readonly string[] = [], url?: string): Promise<Desk> {
  const server = new BayeuxServer({ logLevel: 'error', maxInterval: 1_000, timeout: 2_000, sweepPeriod: 50 });
  server.start();
  const member: Member = { id: randomUUID(), url: await ground.place(server, url) };
  const session = server.newLocalSession('oort');
  await session.handshake();
  const engine = ground.engine();
  let isCalling = false;
  const fresh = <Args extends unknown[]>(act: (...args: Args) => void) => {
    return (...args: Args): void => {
      expect(isCalling, 'called back from inside a call').toBe(false);
      act(...args);
    };
  };
  const desk: Desk = {
    engine,
    server,
    member,
    life: [],
    arrived: [],
    addressed: [],
    observed: [],
    welcome: () => undefined,
    publish: (channel, data, fields = {}) =>
      void server.createChannelIfAbsent(channel).channel.publishMessage(null, { channel, data, ...fields }),
    stop: async () => {
      await engine.stop();
      await server.stop();
    },
  };
  const node: EngineNode = {
    ...member,
    server,
    session,
    joined: fresh((other) => {
      desk.life.push(`joined ${other.id}`);
      desk.welcome(other);
    }),
    left: fresh((other) => desk.life.push(`left ${other.id}`)),
    arrived: fresh((message) => {
      desk.arrived.push(message);
      // As the desk above does it: what came from a node is published by the session of the cluster.
      void server.createChannelIfAbsent(message.channel).channel.publishMessage(session, message);
    }),
    addressed: fresh((message) => hear(message)),
    observed: fresh((channel, { url: from }, deliver) => desk.observed.push({ channel, url: from, deliver })),
    changed: () => undefined,
  };
  // Some engines hand directed messages over, with others a node publishes them at the server itself: both are heard on their channel.
  const hear = (message: Message): void => {
    void server.createChannelIfAbsent(message.channel).channel.publishMessage(session, message);
  };
  server.createChannelIfAbsent('/service/work').channel.addListener('message', (_sender, _channel, message) => {
    desk.addressed.push({ ...message });
  });
  for (const name of ['observe', 'deobserve', 'send'] as const) {
    const call = engine[name].bind(engine) as (...args: unknown[]) => unknown;
    Object.defineProperty(engine, name, {
      value: (...args: unknown[]) => {
        isCalling = true;
        try {
          return call(...args);
        } finally {
          isCalling = false;
        }
      },
    });
  }
  for (const channel of channels) engine.observe(channel);
  await engine.start(node);
  ground.started?.(engine, member.url);
  onTestFinished(() => desk.stop());
  return desk;
}

/** Several nodes that have all joined each other. */
async function together(ground: Ground, channels: readonly (readonly string[])[]): Promise<Desk[]> {
  const desks: Desk[] = [];
  for (const own of channels) desks.push(await open(ground, own));
  await eventually(() => {
    for (const { engine } of desks) expect(engine.members).toHaveLength(desks.length - 1);
  });
  return desks;
}

/** Waits until what is expected is so; up to 10 s, which only a failure takes. */
function eventually(expected: () => void): Promise<void> {
  return vi.waitFor(expected, { timeout: 10_000, interval: 5 });
}

const dataOf = (messages: readonly Message[]): unknown[] => messages.map(({ data }) => data);

/** @param name the kind of engine; @param lay makes the ground for one test */
export function engineContract(name: string, lay: () => Promise<Ground> | Ground): void {
  const prepare = async (): Promise<Ground> => {
    const ground = await lay();
    onTestFinished(() => ground.close());
    return ground;
  };

  describe(`the engine '${name}'`, () => {
    it('tells each node once that another has joined, by id and URL', async () => {
      const [a, b, c] = (await together(await prepare(), [[], [], []])) as [Desk, Desk, Desk];
      expect(a.engine.members.map(({ id }) => id).sort()).toEqual([b.member.id, c.member.id].sort());
      expect([...a.life].sort()).toEqual([b, c].map(({ member }) => `joined ${member.id}`).sort());
      expect(a.engine.isConnected(b.member.url)).toBe(true);
      expect(a.engine.isConnected('http://nobody.test/cometd')).toBe(false);
      expect(a.engine.status).toEqual({ state: 'up', reason: '' });
    });

    it('brings what is published on an observed channel once, whole, whatever patterns overlap, without id and clientId', async () => {
      const [a, b] = (await together(await prepare(), [[], ['/a/**', '/a/*', '/a/b']])) as [Desk, Desk];
      a.publish('/a/b', { n: 1 }, { ext: { trace: 'T' }, own: 2 });
      a.publish('/a/b', { n: 2 });
      await eventually(() => expect(dataOf(b.arrived)).toContainEqual({ n: 2 }));
      expect(b.arrived).toHaveLength(2);
      expect(b.arrived[0]).toMatchObject({ channel: '/a/b', data: { n: 1 }, ext: { trace: 'T' }, own: 2 });
      for (const field of ['id', 'clientId']) expect(b.arrived[0]).not.toHaveProperty(field);
    });

    it('brings nothing to nodes that do not observe the channel, and nothing back', async () => {
      const [a, b, c] = (await together(await prepare(), [['/x', '/end'], ['/x', '/end'], ['/end']])) as [
        Desk,
        Desk,
        Desk,
      ];
      a.publish('/x', 1);
      a.publish('/end', 2);
      b.publish('/end', 3);
      await eventually(() => {
        expect(dataOf(b.arrived)).toEqual([1, 2]);
        expect(new Set(dataOf(c.arrived))).toEqual(new Set([2, 3]));
        expect(dataOf(a.arrived)).toEqual([3]);
      });
    });

    it('keeps the order of one sender, in broadcasts and in directed messages', async () => {
      const [a, b] = (await together(await prepare(), [[], ['/x']])) as [Desk, Desk];
      const numbers = Array.from({ length: 500 }, (_, index) => index);
      for (const n of numbers) {
        a.publish('/x', n);
        expect(a.engine.send(b.member.url, { channel: '/service/work', data: n })).toBe(true);
      }
      await eventually(() => {
        expect(b.arrived.length).toBe(500);
        expect(b.addressed.length).toBe(500);
      });
      expect(dataOf(b.arrived)).toEqual(numbers);
      expect(dataOf(b.addressed)).toEqual(numbers);
    });

    it('never carries on what came from a node', async () => {
      const all = await together(await prepare(), [
        ['/x', '/end'],
        ['/x', '/end'],
        ['/x', '/end'],
      ]);
      for (const [index, desk] of all.entries()) desk.publish('/x', `from ${index}`);
      for (const [index, desk] of all.entries()) desk.publish('/end', `end ${index}`);
      await eventually(() => {
        for (const { arrived } of all) expect(arrived.filter(({ channel }) => channel === '/end')).toHaveLength(2);
      });
      for (const [index, { arrived }] of all.entries()) {
        const heard = dataOf(arrived.filter(({ channel }) => channel === '/x')).sort();
        expect(heard).toEqual([0, 1, 2].filter((other) => other !== index).map((other) => `from ${other}`));
      }
    });

    it('sends to one node alone; false and nothing sent when it is unknown, TypeError without a channel', async () => {
      const [a, b, c] = (await together(await prepare(), [[], [], []])) as [Desk, Desk, Desk];
      expect(a.engine.send('http://nobody.test/cometd', { channel: '/service/work', data: 0 })).toBe(false);
      expect(() => a.engine.send(b.member.url, { data: 0 } as unknown as Message)).toThrow(TypeError);
      expect(a.engine.send(b.member.url, { channel: '/service/work', data: 1 })).toBe(true);
      expect(a.engine.send(c.member.url, { channel: '/service/work', data: 2 })).toBe(true);
      await eventually(() => expect(dataOf(c.addressed)).toEqual([2]));
      await eventually(() => expect(dataOf(b.addressed)).toEqual([1]));
    });

    it('brings what is published or sent inside the callback of joined', async () => {
      const ground = await prepare();
      const a = await open(ground);
      a.welcome = ({ url }) => {
        a.publish('/hello', 'broadcast');
        expect(a.engine.send(url, { channel: '/service/work', data: 'directed' })).toBe(true);
      };
      const b = await open(ground, ['/hello']);
      await eventually(() => {
        expect(dataOf(b.arrived)).toEqual(['broadcast']);
        expect(dataOf(b.addressed)).toEqual(['directed']);
      });
    });

    it('tells what another node observes; what is delivered then reaches that node alone', async () => {
      const [a, b, c] = (await together(await prepare(), [[], ['/early'], []])) as [Desk, Desk, Desk];
      await eventually(() =>
        expect(a.observed).toContainEqual(expect.objectContaining({ channel: '/early', url: b.member.url })),
      );
      b.engine.observe('/late');
      c.engine.observe('/late');
      await eventually(() => expect(a.observed.filter(({ channel }) => channel === '/late')).toHaveLength(2));
      const forB = a.observed.find(({ channel, url }) => channel === '/late' && url === b.member.url);
      expect(forB?.deliver({ channel: '/late', data: 'for b' })).toBe(true);
      a.publish('/late', 'for all');
      await eventually(() => {
        expect(dataOf(b.arrived)).toEqual(['for b', 'for all']);
        expect(dataOf(c.arrived)).toEqual(['for all']);
      });
    });

    it('brings nothing of a channel any more that is deobserved', async () => {
      const [a, b] = (await together(await prepare(), [[], ['/x', '/end']])) as [Desk, Desk];
      a.publish('/x', 1);
      await eventually(() => expect(dataOf(b.arrived)).toEqual([1]));
      b.engine.deobserve('/x');
      // Once the other one has heard of it: what is observed later than that is a sign that it has.
      b.engine.observe('/sign');
      await eventually(() => expect(a.observed.some(({ channel }) => channel === '/sign')).toBe(true));
      a.publish('/x', 2);
      a.publish('/end', 3);
      await eventually(() => expect(dataOf(b.arrived)).toEqual([1, 3]));
    });

    it('tells the others at once when it stops, and nothing to its own node after that', async () => {
      const [a, b] = (await together(await prepare(), [['/x'], ['/x']])) as [Desk, Desk];
      await b.engine.stop();
      const heard = [b.life.length, b.arrived.length];
      await eventually(() => expect(a.life).toEqual([`joined ${b.member.id}`, `left ${b.member.id}`]));
      a.publish('/x', 1);
      expect(a.engine.members).toEqual([]);
      expect(a.engine.isConnected(b.member.url)).toBe(false);
      expect(a.engine.send(b.member.url, { channel: '/service/work', data: 1 })).toBe(false);
      expect([b.life.length, b.arrived.length]).toEqual(heard);
      expect(b.engine.status.state).toBe('down');
    });

    it('tells of a node that started anew that the old one has left, before the new one has joined', async () => {
      const ground = await prepare();
      const a = await open(ground);
      const old = await open(ground);
      await eventually(() => expect(a.life).toEqual([`joined ${old.member.id}`]));
      if (ground.kill) await ground.kill(old.member.url);
      else await old.stop();
      const anew = await open(ground, ['/x'], old.member.url);
      await eventually(() => expect(a.life).toContain(`joined ${anew.member.id}`));
      expect(a.life).toEqual([`joined ${old.member.id}`, `left ${old.member.id}`, `joined ${anew.member.id}`]);
      expect(a.engine.members).toEqual([anew.member]);
      a.publish('/x', 'welcome');
      await eventually(() => expect(dataOf(anew.arrived)).toEqual(['welcome']));
    });

    it('tells both of two nodes that are cut off each other, and both again when they are not', async () => {
      const ground = await prepare();
      const { cut, heal } = ground;
      if (!cut || !heal) return expect(ground.kill, 'this ground has no means to cut').toBeUndefined();
      const [a, b] = (await together(ground, [['/x'], ['/x']])) as [Desk, Desk];
      await cut.call(ground, a.member.url, b.member.url);
      await eventually(() => {
        expect(a.life.at(-1)).toBe(`left ${b.member.id}`);
        expect(b.life.at(-1)).toBe(`left ${a.member.id}`);
      });
      await heal.call(ground, a.member.url, b.member.url);
      await eventually(() => {
        expect(a.life.at(-1)).toBe(`joined ${b.member.id}`);
        expect(b.life.at(-1)).toBe(`joined ${a.member.id}`);
      });
      a.publish('/x', 'a');
      b.publish('/x', 'b');
      await eventually(() => {
        expect(dataOf(b.arrived)).toEqual(['a']);
        expect(dataOf(a.arrived)).toEqual(['b']);
      });
    });
  });
}

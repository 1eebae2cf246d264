/** Distributed objects: every node has its part, all nodes know all parts, whatever the order of starts, and nobody haunts. */
import {
  type Engine,
  type EngineNode,
  type Info,
  type Member,
  Oort,
  OortObject,
  OortObjectFactories,
  OortObjectMergers,
} from '@cometd-ts/oort';
import { JSONContext, type Message } from '@cometd-ts/protocol';
import { BayeuxServer } from '@cometd-ts/server';
import { describe, expect, it } from 'vitest';
import type { Cloud, House } from '../clouds.ts';
import { objects, wiretap } from './houses.ts';

const text = ({ oort }: House): OortObject<string> => new OortObject(oort, 'word', OortObjectFactories.forString('-'));

async function houses(cloud: Cloud, count: number): Promise<[Cloud, ...House[]]> {
  const all: House[] = [];
  for (let each = 0; each < count; each++) all.push(await cloud.node());
  await cloud.settled();
  return [cloud, ...all];
}

async function two(cloud: Cloud): Promise<[Cloud, House, House]> {
  return (await houses(cloud, 2)) as [Cloud, House, House];
}

async function pair(cloud: Cloud): Promise<[Cloud, House, House, OortObject<string>, OortObject<string>]> {
  const [, a, b] = await two(cloud);
  const [atA, atB] = (await objects(cloud, [a, b], text)) as [OortObject<string>, OortObject<string>];
  return [cloud, a, b, atA, atB];
}

function view<T>(object: OortObject<T>): T[] {
  return object.getInfos().map(({ object: value }) => value);
}

/** An engine whose other nodes are in the hand of the test. */
class Hand implements Engine {
  readonly name = 'hand';
  readonly status = { state: 'up', reason: '' } as const;
  readonly members: readonly Member[] = [];
  readonly sent: Message[] = [];
  node: EngineNode | null = null;

  async start(node: EngineNode): Promise<void> {
    this.node = node;
  }

  async stop(): Promise<void> {
    this.node = null;
  }

  observe(): void {
    return;
  }

  deobserve(): void {
    return;
  }

  send(_url: string, message: Message): boolean {
    return this.sent.push(message) > 0;
  }

  isConnected(): boolean {
    return true;
  }

  isNode(): boolean {
    return false;
  }
}

function counted({ server }: { server: BayeuxServer }): number {
  return server.diagnostics.counters.get('rejected.oort_object') ?? 0;
}

/** What node `a` says to the object on `b`, as another implementation might. */
async function say(cloud: Cloud, a: House, b: House, data: unknown): Promise<void> {
  a.oort.send(b.url, { channel: '/service/oort/objects/word', data });
  await cloud.settled();
}

/** @param lay makes the cloud for one test */
export function objectSuite(lay: () => Cloud): void {
  describe('a part', () => {
    it('is shared with all nodes when it is set; the one before is the answer', async () => {
      const [cloud, a, b, atA, atB] = await pair(lay());
      await expect(atA.setAndShare('hello')).resolves.toBe('-');
      await expect(atA.setAndShare('world')).resolves.toBe('hello');
      await cloud.settled();
      expect([view(atA), view(atB)]).toEqual([
        ['world', '-'],
        ['world', '-'],
      ]);
      expect(atB.getInfo(a.url)).toEqual({ url: a.url, name: 'word', object: 'world', version: 2, isLocal: false });
      expect(atA.getInfo(a.url)).toMatchObject({ isLocal: true });
      expect(atA.localInfo).toBe(atA.getInfo(a.url));
      expect(atB.getInfo('http://nobody.test/cometd')).toBeNull();
      expect([...atB].map(({ url }) => url)).toEqual([a.url, b.url]);
    });

    it('is applied here, told, resolved and sent in one turn; what a listener shares comes after it', async () => {
      const [cloud, , , atA, atB] = await pair(lay());
      const log: string[] = [];
      let once = true;
      atA.addListener('updated', (old, { object, version }) => {
        log.push(`${old?.object} ${object} ${version}`);
        if (once) void atA.setAndShare('second');
        once = false;
        log.push('end of listener');
      });
      atB.addListener('updated', (_old, { object, version }) => log.push(`there ${object} ${version}`));
      void atA.setAndShare('first').then(() => log.push('first resolved'));
      expect(atA.localInfo.object).toBe('second');
      await cloud.settled();
      expect(log.filter((line) => !line.startsWith('there'))).toEqual([
        '- first 1',
        'end of listener',
        'first second 2',
        'end of listener',
        'first resolved',
      ]);
      // A bucket may tell only the last of what is written fast.
      expect(log.at(-1)).toBe('there second 2');
    });

    it('is told with the one before, first with null, and as removed when its node leaves', async () => {
      const [cloud, a] = await two(lay());
      const [atA] = (await objects(cloud, [a], text)) as [OortObject<string>];
      const log: unknown[] = [];
      atA.addListener('updated', (old, info) => log.push([old?.object ?? null, info.object, info.isLocal]));
      atA.addListener('removed', ({ url, object }) => log.push(['removed', url, object]));
      const late = await cloud.node();
      const [there] = (await objects(cloud, [late], text)) as [OortObject<string>];
      await there.setAndShare('hi');
      await cloud.settled();
      await late.oort.stop();
      await cloud.settled();
      expect(log).toEqual([
        [null, '-', false],
        ['-', 'hi', false],
        ['removed', late.url, 'hi'],
      ]);
      expect(view(atA)).toEqual(['-']);
    });

    it('keeps a listener that throws from harming the others', async () => {
      const [, a, , atA] = await pair(lay());
      const log: string[] = [];
      a.server.diagnostics.failed = () => undefined;
      atA.addListener('updated', () => {
        throw new Error('mine');
      });
      const registration = atA.addListener('updated', (_old, { object }) => log.push(object));
      await atA.setAndShare('one');
      registration.remove();
      await atA.setAndShare('two');
      expect(log).toEqual(['one']);
    });
  });

  describe('the nodes know all parts', () => {
    it.each([
      ['the objects start when the nodes have met', 'met'],
      ['the nodes meet when the objects have started', 'later'],
      ['one object starts long before the other', 'one by one'],
    ])('when %s', async (_title, order) => {
      const cloud = lay();
      const first = await cloud.node();
      const early = order === 'met' ? await cloud.node() : null;
      await cloud.settled();
      const one = text(first);
      await one.start();
      if (order === 'one by one') await one.setAndShare('early');
      const second = early ?? (await cloud.node());
      if (order === 'one by one') await cloud.settled();
      const other = text(second);
      await other.start();
      await cloud.settled();
      const expected = [order === 'one by one' ? 'early' : '-', '-'];
      expect([view(one), view(other)]).toEqual([expected, expected]);
      for (const object of [one, other]) await object.stop();
    });

    it('when the object is started before the first turn in which the nodes meet', async () => {
      const cloud = lay();
      const [a, b] = [await cloud.node(), await cloud.node()];
      const [atA, atB] = await objects(cloud, [a, b], text);
      expect([view(atA as OortObject<string>), view(atB as OortObject<string>)]).toEqual([
        ['-', '-'],
        ['-', '-'],
      ]);
    });

    it('again when the node has been cut off and is back', async () => {
      const [cloud, a, b, atA, atB] = await pair(lay());
      cloud.ground.cut(a.url, b.url);
      await cloud.settled();
      await atA.setAndShare('meanwhile');
      await cloud.settled();
      expect([view(atA), view(atB)]).toEqual([['meanwhile'], ['-']]);
      cloud.ground.heal(a.url, b.url);
      await cloud.settled();
      expect([view(atA), view(atB)]).toEqual([
        ['meanwhile', '-'],
        ['meanwhile', '-'],
      ]);
    });
  });

  describe('the life of an object', () => {
    it('begins after that of its node, and once', async () => {
      const [, a] = await two(lay());
      const cloud = lay();
      let early: unknown;
      await cloud.node({}, async (oort) => {
        early = await new OortObject(oort, 'word', OortObjectFactories.forString()).start().catch((error) => error);
      });
      expect(early).toBeInstanceOf(TypeError);
      const object = text(a);
      expect(() => object.setAndShare('x')).toThrow("Start the object 'word' first");
      await object.start();
      await expect(object.start()).rejects.toThrow(TypeError);
      await expect(text(a).start()).rejects.toThrow("There is an object 'word' on this node already");
      await object.stop();
    });

    it('ends without a ghost: the others are told the default', async () => {
      const [cloud, a, , atA, atB] = await pair(lay());
      await atA.setAndShare('here');
      await cloud.settled();
      await atA.stop();
      await atA.stop();
      await cloud.settled();
      expect(atB.getInfo(a.url)?.object).toBe('-');
      expect(() => atA.setAndShare('x')).toThrow(TypeError);
      expect(view(atA)).toEqual(['-']);
      await atB.setAndShare('more');
      await cloud.settled();
      expect(view(atA)).toEqual(['-']);
    });

    it('can be followed by another of the same name, which the others believe', async () => {
      const [cloud, a, , atA, atB] = await pair(lay());
      for (const word of ['one', 'two', 'three']) await atA.setAndShare(word);
      await atA.stop();
      const next = text(a);
      await next.start();
      await next.setAndShare('four');
      await cloud.settled();
      expect([view(next), view(atB)]).toEqual([
        ['four', '-'],
        ['four', '-'],
      ]);
      await next.stop();
      await atA.start();
      await atA.setAndShare('five');
      await cloud.settled();
      expect([view(atA), view(atB)]).toEqual([
        ['five', '-'],
        ['five', '-'],
      ]);
    });

    it('may end inside a listener', async () => {
      const [cloud, a, , atA, atB] = await pair(lay());
      let ended: Promise<void> | undefined;
      atA.addListener('updated', () => {
        ended ??= atA.stop();
      });
      await atA.setAndShare('last');
      await ended;
      await cloud.settled();
      expect(atB.getInfo(a.url)?.object).toBe('-');
    });

    it('goes on quietly when the server has stopped before it', async () => {
      const [, a, , atA] = await pair(lay());
      await a.server.stop();
      await expect(atA.setAndShare('late')).resolves.toBe('-');
      await atA.stop();
    });

    it('may end while it begins', async () => {
      const [cloud, a] = await two(lay());
      const object = text(a);
      const starting = object.start();
      await object.stop();
      await starting;
      expect(object.isStarted).toBe(false);
      await object.start();
      await cloud.settled();
      await object.stop();
    });

    it('does not begin when the policy refuses its local session, and may be tried again', async () => {
      const [, a] = await two(lay());
      const object = text(a);
      a.server.securityPolicy = { canHandshake: () => false };
      await expect(object.start()).rejects.toThrow("refused the local session 'OortObject.word'");
      a.server.securityPolicy = {};
      await object.start();
      await object.stop();
    });

    it('has a name that fits into a channel', async () => {
      const [, a] = await two(lay());
      for (const name of ['', 'a/b', '*', 'ä', 'a b'])
        expect(() => new OortObject(a.oort, name, OortObjectFactories.forString()), name).toThrow(RangeError);
    });

    it('names its local session after its class', async () => {
      const [, , , atA] = await pair(lay());
      expect(atA.session.id).toContain('OortObject.word');
    });
  });

  describe('values', () => {
    class UserInfo {
      readonly id: string;
      constructor(id: string) {
        this.id = id;
      }
      get shout(): string {
        return `${this.id}!`;
      }
    }
    const knowing = (): JSONContext =>
      new JSONContext().register('com.acme.UserInfo', {
        type: UserInfo,
        write: ({ id }) => ({ id }),
        read: ({ id }) => new UserInfo(String(id)),
      });

    it('of application classes arrive as such where the class is known, else as plain objects with their class', async () => {
      const cloud = lay();
      const a = await cloud.node({ server: { jsonContext: knowing() } });
      const b = await cloud.node({ server: { jsonContext: knowing() } });
      const c = await cloud.node();
      const users = await objects(cloud, [a, b], ({ oort }) => {
        const is = (value: unknown): value is UserInfo => value instanceof UserInfo;
        return new OortObject(
          oort,
          'user',
          OortObjectFactories.forValue(() => new UserInfo('nobody'), is),
        );
      });
      const is = (value: unknown): value is object => typeof value === 'object' && value !== null;
      const [plain] = await objects(
        cloud,
        [c],
        ({ oort }) =>
          new OortObject<object>(
            oort,
            'user',
            OortObjectFactories.forValue(() => ({}), is),
          ),
      );
      await users[0]?.setAndShare(new UserInfo('bob'));
      await cloud.settled();
      expect(users[1]?.getInfo(a.url)?.object.shout).toBe('bob!');
      expect(plain?.getInfo(a.url)?.object).toEqual({ class: 'com.acme.UserInfo', id: 'bob' });
      expect(() => users[0]?.setAndShare({ id: 'fake', shout: '' })).toThrow(TypeError);
    });

    it.each([
      ['null', null],
      ['undefined', undefined],
      ['a number', 1],
    ])('that are %s are no texts', async (_title, value) => {
      const [, , , atA] = await pair(lay());
      expect(() => atA.setAndShare(value as unknown as string)).toThrow(TypeError);
    });

    it('that JSON cannot carry are refused where they are shared, and nothing is changed', async () => {
      const [cloud, a] = await two(lay());
      const any = (_value: unknown): _value is unknown => true;
      const [object] = await objects(cloud, [a], ({ oort }) => {
        return new OortObject<unknown>(
          oort,
          'any',
          OortObjectFactories.forValue(() => 0, any),
        );
      });
      const cycle: unknown[] = [];
      cycle.push(cycle);
      for (const value of [2n ** 60n, { deep: [1n] }, cycle, Number.NaN, () => 1])
        expect(() => object?.setAndShare(value)).toThrow(RangeError);
      expect(object?.localInfo).toMatchObject({ object: 0, version: 0 });
    });

    it('are maps and lists, whole, too', async () => {
      const [cloud, a, b] = await two(lay());
      const maps = await objects(
        cloud,
        [a, b],
        ({ oort }) => new OortObject(oort, 'map', OortObjectFactories.forMap<number>()),
      );
      const lists = await objects(
        cloud,
        [a, b],
        ({ oort }) => new OortObject(oort, 'list', OortObjectFactories.forList<string>()),
      );
      const given = new Map([
        ['x', 1],
        ['__proto__', 2],
      ]);
      await maps[0]?.setAndShare(given);
      given.set('later', 3);
      await lists[0]?.setAndShare(['x', 'x']);
      await cloud.settled();
      expect(maps[1]?.getInfo(a.url)?.object).toEqual(
        new Map([
          ['x', 1],
          ['__proto__', 2],
        ]),
      );
      expect(maps[0]?.localInfo.object.has('later')).toBe(false);
      expect(lists[1]?.getInfo(a.url)?.object).toEqual(['x', 'x']);
      expect(() => maps[0]?.setAndShare({} as Map<string, number>)).toThrow(TypeError);
      expect(() => lists[0]?.setAndShare([null as unknown as string])).toThrow(TypeError);
    });

    it('start with the default of the factory', () => {
      const { forBoolean, forLong, forString, forMap, forList } = OortObjectFactories;
      expect([forBoolean().newObject(), forBoolean(true).newObject()]).toEqual([false, true]);
      expect([forLong().newObject(), forLong(5).newObject(), forLong().newObject(7.9)]).toEqual([0, 5, 7]);
      expect([forString().newObject(), forMap().newObject(), forList().newObject()]).toEqual(['', new Map(), []]);
      for (const factory of [forBoolean(), forLong(), forMap(), forList()])
        expect(() => factory.newObject('text')).toThrow(TypeError);
      expect(() => forLong().newObject(2 ** 60)).toThrow(RangeError);
    });
  });

  describe('merging', () => {
    const info = <T>(url: string, object: T): Info<T> => ({ url, name: 'x', object, version: 0, isLocal: false });

    it('sums numbers exactly, and joins maps and lists in the order of URLs', () => {
      const { longSum, mapUnion, listUnion } = OortObjectMergers;
      expect(longSum()([info('a', 1), info('b', 2)])).toBe(3);
      expect(longSum()([info('a', 2 ** 53 - 1), info('b', 10n)])).toBe(2n ** 53n + 9n);
      expect(mapUnion()([info('a', new Map([['k', 1]])), info('b', new Map([['k', 2]]))])).toEqual(new Map([['k', 2]]));
      expect(listUnion()([info('a', [1, 2]), info('b', [2])])).toEqual([1, 2, 2]);
    });

    it('is the same on all nodes, and may be of one`s own', async () => {
      const [cloud, , , atA, atB] = await pair(lay());
      await atA.setAndShare('b');
      await atB.setAndShare('a');
      await cloud.settled();
      for (const object of [atA, atB])
        expect(object.merge((infos) => infos.map(({ object: word }) => word).join(''))).toBe('ba');
    });
  });
}

/** What only nodes say to each other that have messages alone. */
export function objectWords(lay: () => Cloud): void {
  describe('nodes without the object', () => {
    it('but those that do not have the object, which is no harm', async () => {
      const [cloud, a, b] = await two(lay());
      const lines = wiretap(b);
      const [atA] = (await objects(cloud, [a], text)) as [OortObject<string>];
      await atA.setAndShare('alone');
      await cloud.settled();
      expect([view(atA), lines]).toEqual([['alone'], []]);
    });
  });

  describe('the wire', () => {
    const head = (url: string): string => `{"oort.info.url":"${url}","oort.info.name":"word","oort.info.object"`;

    it('carries initial parts, pushes and their answers, and whole values as Java nodes write them', async () => {
      const cloud = lay();
      const a = await cloud.node();
      const [atA] = (await objects(cloud, [a], text)) as [OortObject<string>];
      const fromB = wiretap(a);
      const b = await cloud.node();
      const fromA = wiretap(b);
      await objects(cloud, [b], text);
      await atA.setAndShare('hi');
      await cloud.settled();
      expect(fromA).toContain(`/oort/objects/word ${head(a.url)}:"-","oort.info.version":0}`);
      expect(fromA.at(-1)).toBe(`/oort/objects/word ${head(a.url)}:"hi","oort.info.version":1}`);
      const push = `${head(b.url)}:"-","oort.info.version":0,"oort.info.action":"oort.object.push"`;
      expect(fromB).toContain(`/service/oort/objects/word ${push},"oort.info.peer":"${a.url}"}`);
      cloud.ground.cut(a.url, b.url);
      await cloud.settled();
      cloud.ground.heal(a.url, b.url);
      await cloud.settled();
      expect(fromB).toContain(`/service/oort/objects/word ${push}}`);
    });

    it('has one answer for every push, and none for an answer', async () => {
      const [cloud, a, b, atA] = await pair(lay());
      const lines = wiretap(a);
      const record = { 'oort.info.url': a.url, 'oort.info.name': 'word', 'oort.info.object': 'x' };
      const push = { ...record, 'oort.info.action': 'oort.object.push' };
      await say(cloud, a, b, { ...push, 'oort.info.version': 9 });
      expect(lines).toHaveLength(1);
      await say(cloud, a, b, { ...push, 'oort.info.version': 9 });
      expect(lines).toHaveLength(2);
      await say(cloud, a, b, { ...push, 'oort.info.version': 9, 'oort.info.peer': b.url });
      expect(lines).toHaveLength(2);
      expect(lines[0]).toContain(`"oort.info.peer":"${a.url}"`);
      await atA.stop();
    });

    it('answers a pull with all of the part', async () => {
      const [cloud, a, b, , atB] = await pair(lay());
      await atB.setAndShare('all');
      await cloud.settled();
      const lines = wiretap(a);
      await say(cloud, a, b, {
        'oort.info.url': a.url,
        'oort.info.name': 'word',
        'oort.info.action': 'oort.object.pull',
      });
      expect(lines).toEqual([
        `/service/oort/objects/word ${head(b.url)}:"all","oort.info.version":1,"oort.info.action":"oort.object.push","oort.info.peer":"${a.url}"}`,
      ]);
    });

    it('may repeat and overtake: the newest version stays', async () => {
      const [cloud, a, b, , atB] = await pair(lay());
      const record = { 'oort.info.url': a.url, 'oort.info.name': 'word' };
      for (const version of [3, 2, 3, 1])
        await say(cloud, a, b, { ...record, 'oort.info.object': `v${version}`, 'oort.info.version': version });
      expect(atB.getInfo(a.url)).toMatchObject({ object: 'v3', version: 3 });
    });

    it.each<[string, (a: House, b: House) => unknown]>([
      ['is no object', () => 'word'],
      ['is null', () => null],
      ['is a list', () => [1]],
      ['has no URL', () => ({ 'oort.info.name': 'word', 'oort.info.object': 'x', 'oort.info.version': 1 })],
      ['is of another object', (a) => ({ ...good(a), 'oort.info.name': 'other' })],
      ['has a version that is a text', (a) => ({ ...good(a), 'oort.info.version': '7' })],
      ['has a version with a fraction', (a) => ({ ...good(a), 'oort.info.version': 7.5 })],
      ['has a version below 0', (a) => ({ ...good(a), 'oort.info.version': -1 })],
      ['has a version no double counts on from', (a) => ({ ...good(a), 'oort.info.version': 2 ** 53 })],
      ['has no value', (a) => ({ ...good(a), 'oort.info.object': undefined })],
      ['has a value of another type', (a) => ({ ...good(a), 'oort.info.object': { is: 'no text' } })],
      ['has the value null', (a) => ({ ...good(a), 'oort.info.object': null })],
      ['has an unknown action', (a) => ({ ...good(a), 'oort.info.action': 'oort.object.drop' })],
      ['claims to be this node', (_a, b) => good(b)],
      ['pulls as this node', (_a, b) => ({ ...good(b), 'oort.info.action': 'oort.object.pull' })],
      ['changes an item of what has none', (a) => ({ ...good(a), 'oort.info.type': 'x', 'oort.info.action': 'y' })],
      ['has a type that is no text', (a) => ({ ...good(a), 'oort.info.type': 1, 'oort.info.action': 'y' })],
    ])('is not trusted: what %s is refused, counted, and changes nothing', async (_title, data) => {
      const [cloud, a, b, , atB] = await pair(lay());
      const before = counted(b);
      await say(cloud, a, b, data(a, b));
      expect(counted(b)).toBe(before + 1);
      expect(view(atB)).toEqual(['-', '-']);
    });

    it('is not trusted: clients that get past the reserved channels are not heard', async () => {
      const [cloud, a, b, , atB] = await pair(lay());
      for (const name of ['/oort/objects/word', '/service/oort/objects/word'])
        void b.server.createChannelIfAbsent(name).channel.publish(null, good(a));
      await cloud.settled();
      expect(view(atB)).toEqual(['-', '-']);
    });

    it('is not trusted: what a node says before it has joined is not kept, as its end would not be told', async () => {
      const server = new BayeuxServer({ logLevel: 'error' });
      const engine = new Hand();
      const oort = new Oort(server, { url: 'http://node1.test/cometd', engine });
      await oort.start();
      const object = text({ oort, server, url: oort.url });
      await object.start();
      const data = good({ oort, server, url: 'http://node2.test/cometd' });
      engine.node?.arrived({ channel: '/oort/objects/word', data });
      expect(view(object)).toEqual(['-']);
      engine.node?.joined({ id: '2', url: 'http://node2.test/cometd' });
      expect(engine.sent).toMatchObject([{ data: { 'oort.info.action': 'oort.object.push' } }]);
      engine.node?.arrived({ channel: '/oort/objects/word', data });
      expect(view(object)).toEqual(['-', 'x']);
      await object.stop();
      await oort.stop();
      await server.stop();
    });

    it('is not trusted: what a node said comes too late when it is gone', async () => {
      const [cloud, a, b, , atB] = await pair(lay());
      const c = await cloud.node();
      await cloud.settled();
      cloud.ground.kill(a.url);
      await cloud.settled();
      await say(cloud, c, b, good(a));
      expect(view(atB)).toEqual(['-']);
    });

    function good({ url }: House): Record<string, unknown> {
      return {
        'oort.info.url': url,
        'oort.info.name': 'word',
        'oort.info.object': 'x',
        'oort.info.version': 7,
      };
    }
  });
}

/** Whatever happens to nodes and the ways between them: once all is well again, all have the same view, and no ghost is in it. */
import { isDeepStrictEqual } from 'node:util';
import { BucketError, Oort, OortList, OortLong, type OortObject, OortStringMap } from '@cometd-ts/oort';
import { BayeuxServer } from '@cometd-ts/server';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Ground } from '../clouds.ts';

const COUNT = 3;
const urlOf = (index: number): string => `http://node${index}.test/cometd`;

/** A node with three objects, and what delta listeners have added up to. */
class Town {
  readonly server: BayeuxServer;
  readonly oort: Oort;
  readonly map: OortStringMap<number>;
  readonly list: OortList<number>;
  readonly long: OortLong;
  readonly maps: Map<string, Map<string, number>> = new Map();
  readonly lists: Map<string, number[]> = new Map();
  readonly mistakes: string[] = [];

  constructor(ground: Ground, index: number) {
    this.server = new BayeuxServer({ logLevel: 'error' });
    this.oort = new Oort(this.server, { url: urlOf(index), engine: ground.engine(urlOf(index)) });
    this.map = new OortStringMap(this.oort, 'map');
    this.list = new OortList(this.oort, 'list');
    this.long = new OortLong(this.oort, 'long');
    this.map.addDeltaListener('put', ({ url }, { key, oldValue, newValue }) => {
      const map = this.maps.get(url) ?? new Map<string, number>();
      if (map.get(key) !== oldValue) this.mistakes.push(`put ${url} ${key}: ${map.get(key)} was not ${oldValue}`);
      this.maps.set(url, map.set(key, newValue));
    });
    this.map.addDeltaListener('removed', ({ url }, { key, oldValue }) => {
      const map = this.maps.get(url);
      if (map?.get(key) !== oldValue) this.mistakes.push(`removed ${url} ${key}: ${map?.get(key)} was not ${oldValue}`);
      map?.delete(key);
    });
    this.list.addDeltaListener('added', ({ url }, elements) =>
      this.lists.set(url, [...(this.lists.get(url) ?? []), ...elements].sort()),
    );
    this.list.addDeltaListener('removed', ({ url }, elements) => {
      const list = this.lists.get(url) ?? [];
      for (const element of elements) {
        const index = list.indexOf(element);
        if (index < 0) this.mistakes.push(`removed ${url} ${element}: was not there`);
        else list.splice(index, 1);
      }
    });
  }

  get objects(): readonly OortObject<never>[] {
    return [this.map, this.list, this.long] as unknown as OortObject<never>[];
  }

  async start(): Promise<this> {
    this.server.start();
    await this.oort.start();
    await this.startObjects();
    return this;
  }

  async startObjects(): Promise<void> {
    for (const object of this.objects) if (!object.isStarted) await object.start();
  }

  async stopObjects(): Promise<void> {
    for (const object of this.objects) await object.stop();
  }

  async stop(): Promise<void> {
    await this.stopObjects();
    await this.oort.stop();
    await this.server.stop();
  }
}

type What = 'put' | 'absent' | 'remove' | 'setMap' | 'add' | 'take' | 'setList' | 'count' | 'cut' | 'heal' | 'kill';
type Step = {
  readonly what: What | 'restart' | 'leave' | 'pause' | 'lose' | 'settle';
  at: number;
  key: number;
  value: number;
};

const changes = ['put', 'put', 'absent', 'remove', 'setMap', 'add', 'add', 'take', 'setList', 'count'] as const;
const calm = [...changes, 'lose', 'settle', 'settle', 'settle'] as const;
const wild = [...calm, 'cut', 'heal', 'kill', 'restart', 'leave', 'pause'] as const;

function scripts(from: readonly Step['what'][]): fc.Arbitrary<Step[]> {
  return fc.array(
    fc.record<Step>({ what: fc.constantFrom(...from), at: fc.nat(COUNT - 1), key: fc.nat(3), value: fc.nat(5) }),
    { maxLength: 60, size: 'max' },
  );
}

const steps = fc.oneof(scripts(calm), scripts(wild));

/** @param lay makes the ground for one story; @param runs how many random stories are tried */
export function convergenceSuite(lay: () => Ground, runs = 50): void {
  it('whatever happens, all nodes end in one view, and single events add up to it', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const cloud = lay();
        const towns: Town[] = [];
        for (let index = 0; index < COUNT; index++) towns.push(await new Town(cloud, index).start());
        const dead = new Set<number>();
        const gone: Town[] = [];
        /** Nodes at which the next single change from another is lost. */
        const losing = new Set<string>();
        const watch = ({ server, oort }: Town): void => {
          for (const pattern of ['/oort/objects/*', '/service/oort/objects/*'])
            server.createChannelIfAbsent(pattern).channel.addListener('message', (sender, _channel, { data }) => {
              const isItem = JSON.stringify(data).includes('oort.info.type');
              return !(oort.isOort(sender) && isItem && losing.delete(oort.url));
            });
        };
        towns.forEach(watch);
        await cloud.settled();
        const revive = async (at: number): Promise<void> => {
          dead.delete(at);
          gone.push(towns[at] as Town);
          const town = await new Town(cloud, at).start();
          watch(town);
          towns[at] = town;
        };
        const run = async ({ what, at, key, value }: Step): Promise<void> => {
          const town = towns[at] as Town;
          const other = urlOf((at + 1) % COUNT);
          const { map, list, long } = town;
          const may = map.isStarted && !dead.has(at);
          if (what === 'cut') cloud.cut(urlOf(at), other);
          else if (what === 'heal') cloud.heal(urlOf(at), other);
          else if (what === 'settle') await cloud.settled();
          else if (what === 'lose') losing.add(urlOf(at));
          else if (what === 'kill' || what === 'leave') {
            if (dead.has(at)) return;
            dead.add(at);
            if (what === 'kill') cloud.kill(urlOf(at));
            else await town.oort.stop();
          } else if (what === 'restart') {
            if (dead.has(at)) await revive(at);
            else await town.startObjects().catch(onlyWhileCutOff);
          } else if (what === 'pause') await town.stopObjects();
          else if (!may) return;
          else if (what === 'put') void map.putAndShare(`k${key}`, value);
          else if (what === 'absent') void map.putIfAbsentAndShare(`k${key}`, value);
          else if (what === 'remove') void map.removeAndShare(`k${key}`);
          else if (what === 'setMap') void map.setAndShare(new Map([[`k${key}`, value]]));
          else if (what === 'add') void list.addAndShare(key, value);
          else if (what === 'take') void list.removeAndShare(value);
          else if (what === 'setList') void list.setAndShare([key, key, value]);
          else void long.addAndGet(value);
        };
        for (const step of script) await run(step);

        losing.clear();
        for (let at = 0; at < COUNT; at++) if (dead.has(at) && at > 0) await revive(at);
        for (let at = 0; at < COUNT; at++) cloud.heal(urlOf(at), urlOf((at + 1) % COUNT));
        await cloud.settled();
        // What was lost shows with the next change.
        const alive = towns.filter((_town, at) => !dead.has(at));
        for (const town of alive) {
          await town.startObjects();
          await cloud.settled();
          void town.map.putAndShare('last', 1);
          void town.list.addAndShare(9);
          void town.long.addAndGet(1);
        }
        await cloud.settled();

        const urls = alive.map(({ oort }) => oort.url);
        for (const town of alive)
          for (const [index, object] of town.objects.entries()) {
            expect(object.getInfos().map(({ url }) => url)).toEqual(urls);
            for (const owner of alive) {
              const own = owner.objects[index]?.localInfo;
              const { object: value, version } = object.getInfo(owner.oort.url) ?? {};
              expect({ value, version }).toEqual({ value: own?.object, version: own?.version });
            }
          }
        for (const town of alive) {
          expect(town.mistakes).toEqual([]);
          for (const url of urls) {
            const map = town.map.getInfo(url)?.object;
            expect(isDeepStrictEqual(town.maps.get(url), map), `${[...(map ?? [])]}`).toBe(true);
            expect(town.lists.get(url)).toEqual([...(town.list.getInfo(url)?.object ?? [])].sort());
          }
        }
        for (const town of [...towns, ...gone]) await town.stop();
      }),
      { numRuns: runs },
    );
  });
}

/** Where parts are kept in buckets, an object cannot start that does not reach them. */
function onlyWhileCutOff(error: unknown): void {
  if (!(error instanceof BucketError) || error.code !== 'down') throw error;
}

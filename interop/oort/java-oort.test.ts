/** One cloud of our nodes and Java nodes: membership, channels, users, objects and services, in both directions. */
import {
  type Answer,
  failure,
  ignore,
  Oort,
  OortList,
  OortLongMap,
  OortPrimaryLong,
  OortService,
  OortStringMap,
  type ServiceRequest,
  Seti,
  success,
} from '@cometd-ts/oort';
import { meshEngine } from '@cometd-ts/oort/mesh';
import { ExactJSONContext } from '@cometd-ts/protocol';
import type { LocalSession } from '@cometd-ts/server';
import { type Launched, launch } from '@cometd-ts/testkit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { JavaNode, type Release } from './java-node.ts';

const secret = 'one for all';

class Echo extends OortService<unknown, unknown> {
  protected override onForward({ parameter, isLocal }: ServiceRequest<unknown>): Answer<unknown> {
    if (parameter === 'boom') throw new Error('kaputt');
    if (parameter === 'ignore' || isLocal) return ignore('ignored');
    return parameter === 'fail' ? failure('failed') : success(`ours:${parameter}`);
  }
}

/** A node of ours with all that the Java one has. */
class OurNode {
  readonly launched: Launched;
  readonly oort: Oort;
  readonly seti: Seti;
  readonly map: OortStringMap<unknown>;
  readonly longs: OortLongMap<unknown>;
  readonly list: OortList<unknown>;
  readonly ids: OortPrimaryLong;
  readonly echo: Echo;
  readonly log: string[] = [];
  readonly chat: unknown[] = [];

  static async start(): Promise<OurNode> {
    const launched = await launch({
      options: { jsonContext: new ExactJSONContext(), maxMessageSize: 1 << 20, timeout: 5_000, maxInterval: 4_000 },
    });
    const node = new OurNode(launched);
    await node.#start();
    return node;
  }

  private constructor(launched: Launched) {
    this.launched = launched;
    const { bayeux, url } = launched;
    this.oort = new Oort(bayeux, { url, engine: meshEngine({ secret }), channels: ['/chat/**'] });
    this.oort.addListener('cometJoined', (member) => this.log.push(`joined ${member.url}`));
    this.oort.addListener('cometLeft', (member) => this.log.push(`left ${member.url}`));
    this.seti = new Seti(this.oort);
    this.seti.addListener('presenceAdded', ({ userId, url: at }) => this.log.push(`present ${userId} ${at}`));
    this.seti.addListener('presenceRemoved', ({ userId, url: at }) => this.log.push(`absent ${userId} ${at}`));
    this.map = new OortStringMap(this.oort, 'map');
    this.longs = new OortLongMap(this.oort, 'longs');
    this.list = new OortList(this.oort, 'list');
    this.ids = new OortPrimaryLong(this.oort, 'ids');
    this.echo = new Echo(this.oort, 'echo');
    bayeux
      .createChannelIfAbsent('/chat/room', (channel) => {
        channel.persistent = true;
      })
      .channel.addListener('message', (_from, _channel, { data }) => {
        this.chat.push(data);
      });
  }

  async #start(): Promise<void> {
    await this.oort.start();
    for (const part of [this.seti, this.map, this.longs, this.list, this.ids, this.echo]) await part.start();
  }

  async user(name: string): Promise<LocalSession & { messages: unknown[] }> {
    const session = this.launched.bayeux.newLocalSession(name);
    await session.handshake();
    const messages: unknown[] = [];
    session.getChannel('/service/msg').addListener((_channel, { data }) => messages.push(data));
    this.seti.associate(name, session.serverSession);
    return Object.assign(session, { messages });
  }

  async told(line: string): Promise<void> {
    await vi.waitFor(() => expect(this.log).toContain(line), { timeout: 20_000, interval: 20 });
  }

  async stop(): Promise<void> {
    await this.oort.stop();
    await this.launched.close();
  }
}

describe.each<Release>([7, 5])('a cloud of one Java node of CometD %i and two of ours', (release) => {
  let java: JavaNode;
  let first: OurNode;
  let second: OurNode;

  beforeAll(async () => {
    java = await JavaNode.start(secret, { release, primary: true });
    java.tell('channel', '/chat/**');
    first = await OurNode.start();
    // Ours goes to the Java node; the Java node is told of the other of ours, and goes there itself.
    first.oort.observeComet(java.url);
    await first.told(`joined ${java.url}`);
    second = await OurNode.start();
    java.tell('observe', second.oort.url);
    for (const ours of [first, second]) await java.told(`joined ${ours.oort.url} ${ours.oort.id}`);
    for (const ours of [first, second]) await ours.told(`joined ${java.url}`);
    await first.told(`joined ${second.oort.url}`);
    await second.told(`joined ${first.oort.url}`);
  }, 60_000);

  afterAll(async () => {
    await Promise.all([first?.stop(), second?.stop(), java?.stop()]);
  });

  it('is a full mesh, though only two links were asked for', () => {
    for (const ours of [first, second]) expect(ours.oort.members).toHaveLength(2);
    expect(java.log.filter((line) => line.startsWith('joined'))).toHaveLength(2);
  });

  it('carries what is published on either side to all others, once', async () => {
    first.launched.bayeux.getChannel('/chat/room')?.publish(null, 'from-ours');
    await java.told('chat from-ours');
    java.tell('publish', 'from-java');
    for (const ours of [first, second]) {
      await vi.waitFor(() => expect(ours.chat).toContain('from-java'), { timeout: 20_000 });
      expect(ours.chat.filter((data) => data === 'from-java')).toHaveLength(1);
    }
    await java.told('chat from-java');
    expect(java.log.filter((line) => line === 'chat from-ours')).toHaveLength(1);
    expect(second.chat.filter((data) => data === 'from-ours')).toHaveLength(1);
  });

  it('knows all users, and brings messages to them in both directions', async () => {
    const carol = await first.user('carol');
    java.tell('associate', 'bob');
    await first.told(`present bob ${java.url}`);
    await java.told(`present carol ${first.oort.url}`);
    expect(first.seti.sendMessage('bob', '/service/msg', 'hi-bob')).toEqual([]);
    await java.told('message bob hi-bob');
    java.tell('send', 'carol', 'hi-carol');
    await vi.waitFor(() => expect(carol.messages).toEqual(['hi-carol']), { timeout: 20_000 });
    await carol.disconnect();
    await java.told(`absent carol ${first.oort.url}`);
  });

  it('shares maps: entries of either side are found on the other, and their changes are events', async () => {
    await first.map.putAndShare('k1', 'v1');
    await java.told(`put ${first.oort.url} k1 v1`);
    expect(await java.ask('find', 'k1')).toBe('v1');
    java.tell('put', 'k2', 'v2');
    await vi.waitFor(() => expect(second.map.find('k2')).toBe('v2'), { timeout: 20_000 });
    await first.map.removeAndShare('k1');
    await java.told(`removed ${first.oort.url} k1`);
  });

  it('shares maps with long keys, exactly as Java writes them', async () => {
    await first.longs.putAndShare(13, 'ours');
    java.tell('long-put', '14', 'theirs');
    await vi.waitFor(() => expect(second.longs.find(14)).toBe('theirs'), { timeout: 20_000 });
    await vi.waitFor(async () => expect(await java.ask('long-find', '13')).toBe('ours'), { timeout: 20_000 });
  });

  it('keeps long keys exact to the last bit', async () => {
    java.tell('long-put', String(2n ** 63n - 1n), 'greatest');
    await vi.waitFor(() => expect(second.longs.find(2n ** 63n - 1n)).toBe('greatest'), { timeout: 20_000 });
    await first.longs.putAndShare(-(2n ** 62n), 'small');
    await vi.waitFor(async () => expect(await java.ask('long-find', String(-(2n ** 62n)))).toBe('small'), {
      timeout: 20_000,
    });
  });

  it('repairs what was lost on the way from the Java node: it asks for the whole, and gets it', async () => {
    const { bayeux } = first.launched;
    let isLost = false;
    const loss = bayeux.createChannelIfAbsent('/oort/objects/*').channel.addListener('message', (from, { id }) => {
      if (isLost || id !== '/oort/objects/map' || !first.oort.isOort(from)) return true;
      isLost = true;
      return false;
    });
    for (const key of ['g1', 'g2', 'g3']) java.tell('put', key, key);
    const known = (): string[] => [...(first.map.getInfo(java.url)?.object.keys() ?? [])];
    await vi.waitFor(() => expect(known()).toEqual(expect.arrayContaining(['g1', 'g2', 'g3'])), { timeout: 20_000 });
    expect(isLost).toBe(true);
    loss.remove();
  });

  it('shares lists', async () => {
    await first.list.addAndShare('x');
    java.tell('add', 'y');
    await vi.waitFor(() => expect(second.list.isPresent('y')).toBe(true), { timeout: 20_000 });
    await vi.waitFor(async () => expect(await java.ask('list')).toContain('x'), { timeout: 20_000 });
  });

  it('has requests answered by the other side: success, failure, ignored, broken, and asked of all', async () => {
    await expect(first.echo.call(java.url, 'hello')).resolves.toBe('java:hello');
    await expect(first.echo.call(java.url, 'fail')).rejects.toMatchObject({ code: 'failure', data: 'failed' });
    await expect(first.echo.call(java.url, 'ignore')).rejects.toMatchObject({ code: 'failure', data: 'ignored' });
    await expect(first.echo.call(java.url, 'boom')).rejects.toMatchObject({ code: 'failure', data: 'kaput' });
    java.tell('forward', first.oort.url, 'hello');
    await java.told('succeeded ours:hello');
    java.tell('forward', first.oort.url, 'fail');
    await java.told('failed failed');
    java.tell('forward', '*', 'anybody');
    await java.told('succeeded ours:anybody');
  });

  it('counts at the Java primary', async () => {
    expect(first.ids.getPrimaryOortURL()).toBe(java.url);
    await expect(first.ids.addAndGet(5)).resolves.toBe(105);
    await expect(second.ids.addAndGet(1)).resolves.toBe(106);
    expect(await java.ask('count', '4')).toBe('110');
  });

  it('does not let in who does not know the secret, on either side', async () => {
    const stranger = await launch();
    const oort = new Oort(stranger.bayeux, { url: stranger.url, engine: meshEngine({ secret: 'another' }) });
    await oort.start();
    oort.observeComet(first.oort.url);
    oort.observeComet(java.url);
    await vi.waitFor(() =>
      expect(first.launched.bayeux.diagnostics.counters.get('rejected.oort_handshake')).toBeGreaterThan(0),
    );
    expect(oort.members).toEqual([]);
    expect(first.oort.members).toHaveLength(2);
    await oort.stop();
    await stranger.close();
  });

  it('hears that a Java node was killed, forgets its users and parts, and takes it back when it starts anew', async () => {
    await first.told(`present bob ${java.url}`);
    const { port } = java;
    await java.kill();
    await first.told(`left ${java.url}`);
    expect(first.seti.isPresent('bob')).toBe(false);
    expect(first.map.find('k2')).toBeUndefined();
    const lives = first.log.length;
    java = await JavaNode.start(secret, { release, port });
    await vi.waitFor(() => expect(first.log.slice(lives)).toContain(`joined ${java.url}`), {
      timeout: 40_000,
      interval: 50,
    });
    await vi.waitFor(() => expect(second.oort.members.map(({ id }) => id)).toContain(java.id), { timeout: 40_000 });
  }, 90_000);
});

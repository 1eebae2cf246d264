/** Two to four nodes on one machine: they find each other, lose each other, and come back. */
import { createHash } from 'node:crypto';
import { CometD } from '@cometd-ts/client/node';
import { hasLinks, Oort } from '@cometd-ts/oort';
import { meshEngine, staticDiscovery } from '@cometd-ts/oort/mesh';
import { BayeuxServer, type ServerOptions } from '@cometd-ts/server';
import { launch, ToxicProxy } from '@cometd-ts/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually, type House, node, secret, swift } from './nodes.ts';

const up = { state: 'up', reason: '' };

async function proxyTo(port: number): Promise<ToxicProxy> {
  const proxy = await ToxicProxy.start(port);
  onTestFinished(() => proxy.close());
  return proxy;
}

/** Nodes that all know of the first one, and have all joined each other. */
async function mesh(count: number, options: Parameters<typeof node>[0] = {}): Promise<House[]> {
  const houses: House[] = [];
  for (let at = 0; at < count; at++) {
    const house = await node(options);
    if (houses[0]) house.oort.observeComet(houses[0].url);
    houses.push(house);
  }
  await whole(houses);
  return houses;
}

function whole(houses: readonly House[]): Promise<void> {
  return eventually(() => {
    for (const { oort } of houses) expect(oort.members).toHaveLength(houses.length - 1);
  });
}

/** What is published here on a channel, by anybody. */
function heardAt({ server }: House, channel: string): unknown[] {
  const heard: unknown[] = [];
  server.createChannelIfAbsent(channel).channel.addListener('message', (_from, _channel, { data }) => {
    heard.push(data);
  });
  return heard;
}

function publish({ server }: House, channel: string, data: unknown): void {
  void server.createChannelIfAbsent(channel).channel.publish(null, data);
}

describe('nodes', () => {
  it('find all others through one', async () => {
    const houses = await mesh(4, { channels: ['/x'] });
    const heard = houses.map((house) => heardAt(house, '/x'));
    for (const [at, house] of houses.entries()) publish(house, '/x', at);
    await eventually(() => {
      for (const data of heard) expect([...data].sort()).toEqual([0, 1, 2, 3]);
    });
    for (const { life, engine, oort } of houses) {
      expect(life).toHaveLength(3);
      expect(oort.status).toEqual(up);
      expect(engine.links.map((link) => [link.out, link.in])).toEqual(Array(3).fill(['up', 'joined']));
    }
  });

  it('find each other by lists that name all of them, started in any order', async () => {
    const first = await node();
    const urls = [first.url];
    const second = await node({
      prepare: ({ url }) => void urls.push(url),
      mesh: { secret, discovery: staticDiscovery(urls) },
    });
    await whole([first, second]);
    expect(second.oort.knownComets).toEqual([first.url]);
  });

  it('find a node that starts later than they do', async () => {
    const place = await launch({ options: swift });
    await place.close();
    const first = await node({
      mesh: { secret, backoffIncrement: 100, maxBackoff: 300, discovery: staticDiscovery([place.url]) },
    });
    await eventually(() => expect(first.oort.status.reason).toContain(`${place.url} cannot be reached`));
    expect(first.oort.status.state).toBe('down');
    const second = await node({ port: place.port });
    await whole([first, second]);
    await eventually(() => expect(first.oort.status).toEqual(up));
  });

  it('wait for a server whose cluster begins later', async () => {
    const later = await launch({ options: swift });
    onTestFinished(() => later.close());
    const first = await node({
      mesh: { secret, backoffIncrement: 100, maxBackoff: 300, discovery: staticDiscovery([later.url]) },
    });
    await eventually(() => expect(first.oort.status.reason).toContain('is no node of a cluster'));
    const oort = new Oort(later.bayeux, { url: later.url, engine: meshEngine({ secret, backoffIncrement: 100 }) });
    onTestFinished(() => oort.stop());
    await oort.start();
    await eventually(() => expect(first.oort.members).toEqual([{ id: oort.id, url: oort.url }]));
  });

  it('reach each other over long-polling', async () => {
    const houses = await mesh(2, {
      channels: ['/x'],
      mesh: { secret, transports: ['long-polling'] },
      server: { allowedTransports: ['long-polling'] },
    });
    const [a, b] = houses as [House, House];
    const heard = heardAt(b, '/x');
    for (let n = 0; n < 20; n++) publish(a, '/x', n);
    await eventually(() => expect(heard).toEqual(Array.from({ length: 20 }, (_, n) => n)));
    expect(b.server.sessions.filter((session) => session.isNode).map(({ transport }) => transport)).toEqual([
      'long-polling',
    ]);
  });

  it('go on with long-polling where WebSockets do not get through', async () => {
    const houses = await mesh(2, { channels: ['/x'], server: { allowedTransports: ['long-polling'] } });
    const [a, b] = houses as [House, House];
    const heard = heardAt(b, '/x');
    publish(a, '/x', 1);
    await eventually(() => expect(heard).toEqual([1]));
    expect(b.server.sessions.find((session) => session.isNode)?.transport).toBe('long-polling');
  });

  it.each([true, false])('carry what clients publish to clients elsewhere, once (acks: %s)', async (ack) => {
    const [a, b] = (await mesh(2, { channels: ['/chat/**', '/chat/*', '/**'], mesh: { secret, ack } })) as [
      House,
      House,
    ];
    const clients = await Promise.all(
      [a, b].map(async ({ url }) => {
        const client = new CometD();
        client.configure({ url, logLevel: 'error' });
        await new Promise<void>((resolve) => client.handshake(() => resolve()));
        onTestFinished(() => new Promise<void>((resolve) => client.disconnect(() => resolve())));
        return client;
      }),
    );
    const heard: unknown[][] = [[], []];
    await Promise.all(
      clients.map(
        (client, at) =>
          new Promise<void>((resolve) => {
            client.subscribe(
              '/chat/room',
              ({ data }) => void heard[at]?.push(data),
              () => resolve(),
            );
          }),
      ),
    );
    clients[0]?.publish('/chat/room', 'from a');
    clients[1]?.publish('/chat/room', 'from b');
    await eventually(() => {
      for (const data of heard) expect([...data].sort()).toEqual(['from a', 'from b']);
    });
    clients[0]?.publish('/chat/room', 'end');
    await eventually(() => expect(heard[1]?.at(-1)).toBe('end'));
    expect(heard.map((data) => data.length)).toEqual([3, 3]);
  });

  it('carry bytes to where they are wanted', async () => {
    const [a, b] = (await mesh(2, { channels: ['/bytes'], mesh: { secret, binary: true } })) as [House, House];
    const heard = heardAt(b, '/bytes');
    publish(a, '/bytes', { data: new Uint8Array([1, 2, 3, 4, 5]), last: true });
    await eventually(() => expect(heard).toHaveLength(1));
    expect(heard[0]).toMatchObject({ data: new Uint8Array([1, 2, 3, 4, 5]), last: true });
    const sent = heardAt(b, '/service/oort/bytes');
    a.oort.send(b.url, { channel: '/service/oort/bytes', data: { data: new Uint8Array([6, 7]), last: true } });
    await eventually(() => expect(sent[0]).toMatchObject({ data: new Uint8Array([6, 7]) }));
  });
});

describe('a node', () => {
  it('that takes leave of another is left by it, and can come back', async () => {
    const [a, b] = (await mesh(2)) as [House, House];
    expect(a.oort.deobserveComet(b.url)).toBe(true);
    await eventually(() => {
      expect(a.life.at(-1)).toBe(`left ${b.url}`);
      expect(b.life.at(-1)).toBe(`left ${a.url}`);
    });
    expect([a.oort.knownComets, b.oort.knownComets]).toEqual([[], []]);
    expect(a.oort.deobserveComet(b.url)).toBe(false);
    b.oort.observeComet(a.url);
    await whole([a, b]);
    expect(a.life).toEqual([`joined ${b.url}`, `left ${b.url}`, `joined ${b.url}`]);
  });

  it('that is reached by another name is one node', async () => {
    const a = await node();
    const b = await node();
    const alias = b.url.replace('127.0.0.1', 'localhost');
    a.oort.observeComet(alias);
    await whole([a, b]);
    a.oort.observeComet(b.url);
    expect(a.oort.knownComets).toEqual([b.url]);
    const c = await node();
    c.oort.observeComet(a.url);
    await whole([a, b, c]);
    expect(a.life).toEqual([`joined ${b.url}`, `joined ${c.url}`]);
  });

  it('that is introduced to itself by another name notices, and goes nowhere', async () => {
    const a = await node();
    const alias = a.url.replace('127.0.0.1', 'localhost');
    a.oort.observeComet(alias);
    expect(a.oort.knownComets).toEqual([alias]);
    await eventually(() => expect(a.oort.knownComets).toEqual([]));
    a.oort.observeComet(alias);
    expect(a.oort.knownComets).toEqual([]);
    expect(a.server.sessions.filter((session) => session.isNode)).toEqual([]);
    expect(a.life).toEqual([]);
  });

  it('with another secret stays outside, and says why', async () => {
    const a = await node();
    const b = await node({ mesh: { secret: 'other', backoffIncrement: 50, maxBackoff: 50 } });
    b.oort.observeComet(a.url);
    await eventually(() =>
      expect(b.oort.status).toEqual({
        state: 'down',
        reason: `${a.url} cannot be reached: 403::handshake_denied`,
      }),
    );
    await eventually(() => expect(a.server.diagnostics.counters.get('rejected.oort_handshake')).toBeGreaterThan(2));
    expect([a.life, b.life, a.oort.knownComets]).toEqual([[], [], []]);
  });
});

describe('a secret', () => {
  it('is in no line of any log, whatever happens', async () => {
    const lines: string[] = [];
    const note = (...all: unknown[]): void =>
      void lines.push(all.map((one) => (one instanceof Error ? one.stack : JSON.stringify(one))).join(' '));
    const logger = { debug: note, info: note, warn: note, error: note };
    const server: ServerOptions = { logger, logLevel: 'debug' };
    const [a, b] = (await mesh(2, { server, mesh: { secret: 'hush-hush' } })) as [House, House];
    const c = await node({ server, mesh: { secret: 'other-one', backoffIncrement: 20, maxBackoff: 20 } });
    c.oort.observeComet(a.url);
    await eventually(() => expect(a.server.diagnostics.counters.get('rejected.oort_handshake')).toBeGreaterThan(1));
    await b.launched.close();
    await eventually(() => expect(a.life.at(-1)).toBe(`left ${b.url}`));
    expect(lines.length).toBeGreaterThan(3);
    for (const secret of ['hush-hush', 'other-one']) {
      expect(lines.join('\n')).not.toContain(secret);
      expect(lines.join('\n')).not.toContain(createHash('sha512').update(secret).digest('base64').slice(0, 12));
    }
  });

  it('travels encrypted between nodes with certificates', async () => {
    const options = { scheme: 'https' as const, channels: ['/x'], mesh: { secret } };
    const stranger = await node(options);
    const wary = await node(options);
    wary.oort.observeComet(stranger.url);
    await eventually(() => expect(wary.oort.status.reason).toContain('cannot be reached: self-signed certificate'));
    const trusting = { ...options, mesh: { secret, network: { tls: { rejectUnauthorized: false } } } };
    const [a, b] = (await mesh(2, trusting)) as [House, House];
    expect(a.url).toMatch(/^https:/);
    const heard = heardAt(b, '/x');
    publish(a, '/x', 'hidden');
    await eventually(() => expect(heard).toEqual(['hidden']));
  });
});

describe('connections that break', () => {
  /** Two nodes; each reaches the other through a proxy of its own. */
  async function proxied(server = {}, more = {}): Promise<{ a: House; b: House; toA: ToxicProxy; toB: ToxicProxy }> {
    const routes = new Map<string, ToxicProxy>();
    const address = (url: string): string => routes.get(url)?.through(url) ?? url;
    const options = {
      channels: ['/x'],
      server,
      mesh: { secret, address, backoffIncrement: 50, maxBackoff: 200, patience: 300, ...more },
    };
    const a = await node(options);
    const b = await node(options);
    const toA = await proxyTo(a.launched.port);
    const toB = await proxyTo(b.launched.port);
    routes.set(a.url, toA);
    routes.set(b.url, toB);
    b.oort.observeComet(a.url);
    await whole([a, b]);
    return { a, b, toA, toB };
  }

  it('for a moment change nothing: nobody leaves, and no message is lost', async () => {
    const { a, b, toA, toB } = await proxied({ maxInterval: 5000, timeout: 5000 });
    const heard = heardAt(b, '/x');
    const work = heardAt(b, '/service/oort/work');
    for (let round = 0; round < 3; round++) {
      toA.refuse();
      toB.refuse();
      toA.reset();
      toB.reset();
      await eventually(() => expect(a.engine.links[0]?.out).toBe('away'));
      publish(a, '/x', round);
      expect(a.oort.send(b.url, { channel: '/service/oort/work', data: round })).toBe(true);
      expect(a.engine.links[0]?.queued).toBe(1);
      toA.heal();
      toB.heal();
      await eventually(() => expect(heard).toHaveLength(round + 1));
      await eventually(() => expect(work).toHaveLength(round + 1));
    }
    expect([heard, work]).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ]);
    expect([a.life, b.life]).toEqual([[`joined ${b.url}`], [`joined ${a.url}`]]);
    await eventually(() => expect(a.oort.status).toEqual(up));
  });

  it('keep what is observed and deobserved meanwhile', async () => {
    const { a, b, toB } = await proxied({ maxInterval: 5000, timeout: 5000 });
    toB.refuse();
    toB.reset();
    await eventually(() => expect(a.engine.links[0]?.out).toBe('away'));
    a.oort.observeChannel('/meanwhile');
    a.oort.deobserveChannel('/x');
    toB.heal();
    await eventually(() => expect(b.server.getChannel('/meanwhile')?.subscribers).toHaveLength(1));
    expect(b.server.getChannel('/x')?.subscribers ?? []).toHaveLength(0);
    const heard = heardAt(a, '/meanwhile');
    publish(b, '/meanwhile', 1);
    await eventually(() => expect(heard).toEqual([1]));
  });

  it('for long make both leave, and join again when it is over', async () => {
    const { a, b, toA, toB } = await proxied();
    for (const proxy of [toA, toB]) {
      proxy.refuse();
      proxy.reset();
    }
    await eventually(() => {
      expect(a.life).toEqual([`joined ${b.url}`, `left ${b.url}`]);
      expect(b.life).toEqual([`joined ${a.url}`, `left ${a.url}`]);
    });
    await eventually(() => expect(a.oort.status.state).toBe('down'));
    expect(a.oort.send(b.url, { channel: '/service/oort/work', data: 1 })).toBe(false);
    for (const proxy of [toA, toB]) proxy.heal();
    await whole([a, b]);
    const heard = heardAt(b, '/x');
    publish(a, '/x', 'again');
    await eventually(() => expect(heard).toEqual(['again']));
    await eventually(() => expect(a.oort.status).toEqual(up));
  });

  it('one way only are noticed by both, and heal', async () => {
    const { a, b, toA } = await proxied();
    // B does not reach A any more; A goes on reaching B.
    toA.refuse();
    toA.reset();
    await eventually(() => expect(a.life.at(-1)).toBe(`left ${b.url}`));
    await eventually(() => expect(a.oort.status.reason).toContain(`${b.url} does not connect back`));
    expect(b.oort.status).toMatchObject({ state: 'degraded' });
    expect(b.oort.status.reason).toContain(`${a.url} cannot be reached`);
    expect(a.engine.links).toMatchObject([{ url: b.url, out: 'up', in: 'none' }]);
    expect(b.engine.links).toMatchObject([{ url: a.url, out: 'away', in: 'joined' }]);
    // What B publishes still reaches A, which is subscribed.
    const heard = heardAt(a, '/x');
    publish(b, '/x', 'still here');
    await eventually(() => expect(heard).toEqual(['still here']));
    toA.heal();
    await eventually(() => expect(a.life).toEqual([`joined ${b.url}`, `left ${b.url}`, `joined ${b.url}`]));
    expect(b.life).toEqual([`joined ${a.url}`]);
    for (const { oort } of [a, b]) await eventually(() => expect(oort.status).toEqual(up));
  });

  it.each([
    ['within', 5000],
    ['beyond', 300],
  ])(
    'with a node that was killed and starts anew %s maxInterval are a leave and a join',
    async (_when, maxInterval) => {
      const { a, b, toA, toB } = await proxied({ maxInterval });
      const { port } = b.launched;
      // As a process that is killed: what it says in its end does not arrive.
      for (const proxy of [toA, toB]) {
        proxy.refuse();
        proxy.reset();
      }
      await b.stop();
      if (maxInterval < 1000) await eventually(() => expect(a.life).toHaveLength(2));
      for (const proxy of [toA, toB]) proxy.heal();
      const anew = await node({ port, channels: ['/x'], prepare: ({ oort }) => oort.observeComet(a.url) });
      expect(anew.url).toBe(b.url);
      await eventually(() => expect(a.oort.members).toEqual([{ id: anew.oort.id, url: b.url }]));
      await whole([a, anew]);
      expect(a.life).toEqual([`joined ${b.url}`, `left ${b.url}`, `joined ${b.url}`]);
      expect(a.members.map(({ id }) => id)).toEqual([b.oort.id, anew.oort.id]);
      const heard = heardAt(anew, '/x');
      publish(a, '/x', 'welcome back');
      await eventually(() => expect(heard).toEqual(['welcome back']));
      expect(a.server.sessions.filter((session) => session.isNode)).toHaveLength(1);
    },
  );

  it('for a message that is too long for the other node lose that one, say so, and go on', async () => {
    const lines: string[] = [];
    const note = (line: string): void => void lines.push(line);
    const logger = { debug: note, info: note, warn: note, error: note };
    const a = await node({ server: { logger, logLevel: 'warn' } });
    const b = await node({ server: { maxMessageSize: 65_536 } });
    a.oort.observeComet(b.url);
    await whole([a, b]);
    const work = heardAt(b, '/service/oort/work');
    a.oort.send(b.url, { channel: '/service/oort/work', data: 'x'.repeat(100_000) });
    await eventually(() => expect(a.server.diagnostics.counters.get('oort_link_dropped.lost')).toBe(1));
    a.oort.send(b.url, { channel: '/service/oort/work', data: 'short' });
    await eventually(() => expect(work).toEqual(['short']));
    expect(lines.find((line) => line.includes('were dropped'))).toMatch(
      /1009|too (big|long|large)|maxMessageSize|Max payload/i,
    );
    expect(a.life).toEqual([`joined ${b.url}`]);
  });

  it('let no more wait than the queue of a link holds, and say what was dropped', async () => {
    const { a, b, toA, toB } = await proxied({ maxInterval: 5000, timeout: 5000 }, { maxLinkQueue: 3 });
    for (const proxy of [toA, toB]) {
      proxy.refuse();
      proxy.reset();
    }
    await eventually(() => expect(a.engine.links[0]?.out).toBe('away'));
    const answers = [0, 1, 2, 3, 4].map((data) => a.oort.send(b.url, { channel: '/service/oort/work', data }));
    expect(answers).toEqual([true, true, true, false, false]);
    expect(a.server.diagnostics.counters.get('oort_link_dropped.queue')).toBe(2);
    const work = heardAt(b, '/service/oort/work');
    for (const proxy of [toA, toB]) proxy.heal();
    await eventually(() => expect(work).toEqual([0, 1, 2]));
  });
});

describe('an engine of the mesh', () => {
  it('needs a secret', () => {
    expect(() => meshEngine({})).toThrow(TypeError);
    expect(() => meshEngine({ secret: '' })).toThrow('option secret');
    expect(() => meshEngine({ secret: 7 as never })).toThrow(TypeError);
    expect(meshEngine({ acceptAnySecret: true }).name).toBe('mesh');
  });

  it.each([{ digest: 'md5' as never }, { patience: -1 }, { maxBackoff: 1.5 }, { transports: [] }])(
    'refuses %o',
    (options) => {
      expect(() => meshEngine({ secret, ...options })).toThrow(RangeError);
    },
  );

  it('lets everybody in without a secret, when it is told to', async () => {
    const houses = await mesh(2, { mesh: { acceptAnySecret: true } });
    expect(houses[0]?.oort.status).toEqual(up);
  });

  it('starts once', async () => {
    const { engine, oort } = await node();
    await expect(engine.start({} as never)).rejects.toThrow(TypeError);
    await oort.stop();
    await oort.stop();
    expect(engine.status).toEqual({ state: 'down', reason: 'stopped' });
  });

  it('observes before it starts, and nothing that is no URL', async () => {
    const a = await node();
    const b = await node({ prepare: ({ oort }) => oort.observeComet(a.url) });
    await whole([a, b]);
    for (const url of ['localhost:8080', '/cometd', 'ws://a.test/', '']) {
      expect(() => b.engine.observeComet(url)).toThrow(TypeError);
    }
  });

  it('does not start with a discovery that can never find anybody', async () => {
    const server = new BayeuxServer({ logLevel: 'silent' });
    onTestFinished(() => server.stop());
    const stops: string[] = [];
    const discovery = {
      start: () => Promise.reject(new Error('no network')),
      stop: () => void stops.push('stop'),
    };
    const oort = new Oort(server, { url: 'http://a.test/cometd', engine: meshEngine({ secret, discovery }) });
    await expect(oort.start()).rejects.toThrow('no network');
    expect(stops).toEqual(['stop']);
    await oort.stop();
  });

  it('warns of a server that takes no long messages', async () => {
    const lines: string[] = [];
    const note = (line: string): void => void lines.push(line);
    const logger = { debug: note, info: note, warn: note, error: note };
    await node({ server: { logger, logLevel: 'warn', maxMessageSize: 65_536 } });
    expect(lines.join('\n')).toContain('option maxMessageSize');
    expect(lines.join('\n')).not.toContain(secret);
  });

  it('tells who knows the secret and who does not', async () => {
    const { oort, url } = await node();
    const handshake = (oortSecret: string, cometURL = url) => ({
      channel: '/meta/handshake',
      ext: { 'org.cometd.oort': { oortURL: 'http://a.test/cometd', oortId: 'id', oortSecret, cometURL } },
    });
    const good = 'SCVRIoQR6YrYyx+LChRDyf+6/BC2MMdkbFGKsZMx6n4s8krTg1J9oQceIXevfkG551HJxPskmaoi9pgk+WVzOQ==';
    expect(oort.isOortHandshake(handshake(good))).toBe(true);
    expect(oort.isOortHandshake(handshake(good, 'http://alias.test/cometd'))).toBe(false);
    expect(oort.isOortHandshake(handshake('wrong'))).toBe(false);
    expect(oort.isOortHandshake({ channel: '/meta/handshake' })).toBe(false);
    expect(oort.isOortHandshake({ ...handshake(good), channel: '/meta/connect' })).toBe(false);
    expect(hasLinks(oort.engine)).toBe(true);
  });

  it('leaves nothing running when it has stopped', async () => {
    const [a, b] = (await mesh(2)) as [House, House];
    await a.oort.stop();
    expect(a.server.sessions.filter((session) => session.isNode)).toEqual([]);
    await eventually(() => expect(b.oort.members).toEqual([]));
    await eventually(() => expect(b.server.sessions.filter((session) => session.isNode)).toEqual([]));
    expect(a.life).toEqual([`joined ${b.url}`]);
  });
});

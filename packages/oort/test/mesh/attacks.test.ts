/** The cluster under attack: by clients that would be nodes, and by a node that has gone bad. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OortList, type OortService, OortStringMap, OortService as Service, Seti, success } from '@cometd-ts/oort';
import { AcknowledgedMessagesExtension } from '@cometd-ts/server';
import { openSession, type RawSession, type WireMessage } from '@cometd-ts/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually, type House, type HouseOptions, node } from './nodes.ts';
import { digest, Peer } from './peer.ts';

const secret = 's3cr3t';
/** So that nothing here is refused for its number alone. */
const patient = { maxPublishRate: -1, maxSubscribeRate: -1, maxChannelRate: -1, maxBadMessages: -1 };

class Echo extends Service<unknown, unknown> {
  protected onForward({ parameter }: { parameter: unknown }) {
    return success(parameter);
  }
}

interface Town extends House {
  readonly seti: Seti;
  readonly map: OortStringMap<unknown>;
  readonly list: OortList<unknown>;
  readonly echo: OortService;
}

async function town(options: HouseOptions = {}): Promise<Town> {
  const house = await node({ channels: ['/chat'], ...options, server: { ...patient, ...options.server } });
  const { oort } = house;
  const parts = {
    seti: new Seti(oort),
    map: new OortStringMap<unknown>(oort, 'map'),
    list: new OortList<unknown>(oort, 'list'),
    echo: new Echo(oort, 'echo'),
  };
  for (const part of Object.values(parts)) await part.start();
  return Object.assign(house, parts);
}

/** A node that has joined a town, played by hand: its link to it, and what it tells over the town's link to it. */
async function joined(house: House): Promise<{ peer: Peer; session: RawSession }> {
  const peer = await Peer.start();
  const { session } = await peer.link(house.url, digest);
  await session.publish('/service/oort', { oortId: peer.id, oortURL: peer.url });
  await eventually(() => expect(house.life).toEqual([`joined ${peer.url}`]));
  return { peer, session };
}

const reserved = /^\/(service\/)?(oort|seti)(\/|$)/;
const isInternal = ({ channel = '', data }: WireMessage): boolean => data !== undefined && reserved.test(channel);

const spellings: readonly string[] = [
  ...[
    '/oort',
    '/oort/',
    '/oort//',
    '//oort/cloud',
    '/oort/cloud',
    '/oort/cloud/',
    '/oort/**',
    '/oort/*',
    '/oort/objects/*',
  ],
  ...[
    '/oort/objects/map',
    '/oort/service/*',
    '/oort/service/echo',
    '/seti',
    '/seti/all',
    '/seti/**',
    '/seti/*',
    '/seti/all/',
  ],
  ...[
    '/service/oort',
    '/service/oort/',
    '/service/oort/*',
    '/service/oort/**',
    '/service/oort/objects/map',
    '/service/*',
  ],
  ...['/service/**', '/service/seti', '/service/oort/service/echo/result', '/OORT/cloud', '/Seti/all', '/%6fort/cloud'],
  ...[
    '/oort%2Fcloud',
    '/oort/./cloud',
    '/./oort/cloud',
    '/a/../oort/cloud',
    '/oort\u0000/cloud',
    '/o\u2060ort/cloud',
    ' /oort/cloud',
  ],
  ...[
    '/oort /cloud',
    '/ oort/cloud',
    '/oort/cloud ',
    '/oort/{x}',
    '/{x}/all',
    '/**/cloud',
    '/*/cloud',
    '/*/all',
    '/*',
    '/**',
    'oort/cloud',
  ],
];

describe('A client', () => {
  it.each(['websocket', 'long-polling'] as const)(
    'neither hears nor says anything of the cluster by any spelling, over %s',
    async (transport) => {
      const one = await town();
      one.server.addExtension(new AcknowledgedMessagesExtension());
      const two = await town();
      two.oort.observeComet(one.url);
      await eventually(() => expect(one.life).toEqual([`joined ${two.url}`]));
      const session = await openSession(transport, one.url);
      onTestFinished(() => session.close());
      await session.handshake({ ext: { ack: true } });
      const bad = {
        oortURL: 'http://10.0.0.9/cometd',
        oortId: 'x',
        userIds: ['evil'],
        presence: true,
        replace: false,
        'oort.info.name': 'map',
      };
      const { clientId } = session;
      for (const name of spellings)
        await session.ask(
          session.message('/meta/subscribe', { subscription: name }),
          session.message('/meta/subscribe', { subscription: ['/chat', name] }),
          session.message(name, { data: bad }),
          session.message(name, { data: [bad.oortURL] }),
        );
      const replies = session.inbox.all.filter(
        ({ channel, successful }) => successful === true && channel !== '/meta/handshake',
      );
      for (const { channel = '', subscription = '' } of replies)
        for (const name of [channel, subscription].flat()) expect(name).not.toMatch(reserved);
      expect(one.server.getSession(clientId)?.isNode).toBe(false);

      // There is traffic of all kinds, and the client hears what is for clients.
      two.seti.associate('ada', two.oort.session.serverSession);
      await two.map.putAndShare('key', 'value');
      await two.list.addAndShare('element');
      expect(await two.echo.call(null, 1)).toBe(1);
      await eventually(() => {
        expect(one.seti.isPresent('ada')).toBe(true);
        expect(one.map.find('key')).toBe('value');
      });
      const connect = session.connect().catch(() => undefined);
      one.server.getChannel('/chat')?.publish(null, 'for clients');
      expect(await session.event('/chat')).toMatchObject({ data: 'for clients' });
      await connect;
      expect(session.inbox.all.filter(isInternal)).toEqual([]);
      expect(one.seti.isPresent('evil')).toBe(false);
      expect(one.engine.knownComets).toEqual([two.url]);
      expect(one.map.getInfos()).toHaveLength(2);
    },
  );

  it('hears nothing of the cluster over callback-polling', async () => {
    const one = await town({ server: { allowedTransports: ['callback-polling'] } });
    const ask = async (...messages: WireMessage[]): Promise<WireMessage[]> => {
      const query = new URLSearchParams({ jsonp: 'heard', message: JSON.stringify(messages) });
      const text = await (await fetch(`${one.url}?${query}`)).text();
      return JSON.parse(text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'))) as WireMessage[];
    };
    const types = { version: '1.0', supportedConnectionTypes: ['callback-polling'] };
    const [shaken] = await ask({ id: '1', channel: '/meta/handshake', ...types });
    const clientId = String(shaken?.clientId);
    const replies = await ask(
      ...['/oort/**', '/seti/all', '/**', '/service/oort'].map((subscription, at) => ({
        id: `s${at}`,
        channel: '/meta/subscribe',
        clientId,
        subscription,
      })),
      { id: 'p', channel: '/oort/cloud', clientId, data: ['http://10.0.0.9/cometd'] },
      { id: 'q', channel: '/seti/all', clientId, data: { userIds: ['evil'], oortURL: one.url, presence: true } },
    );
    const granted = replies.filter(({ successful }) => successful).map(({ subscription }) => subscription);
    // Service channels are not subscribed to: saying so costs nothing, and brings nothing.
    expect(granted.filter((name) => name !== '/**')).toEqual([]);
    await one.map.putAndShare('key', 'value');
    one.seti.associate('ada', one.oort.session.serverSession);
    const heard = await ask({
      id: 'c',
      channel: '/meta/connect',
      clientId,
      connectionType: 'callback-polling',
      advice: { timeout: 0 },
    });
    expect(heard.filter(isInternal)).toEqual([]);
    expect(one.engine.knownComets).toEqual([]);
  });

  it('that has seen the digest is a node, as Java has it; the digest of another secret, or by another digest, is worth nothing', async () => {
    const house = await node();
    const peer = await Peer.start();
    const { reply } = await peer.link(house.url, digest);
    expect(reply.successful).toBe(true);
    const sha1 = createHash('sha1').update(secret).digest('base64');
    for (const wrong of [
      sha1,
      secret,
      `${digest} `,
      digest.toLowerCase(),
      createHash('sha512').update('S3CR3T').digest('base64'),
    ]) {
      const stranger = await Peer.start();
      expect((await stranger.link(house.url, wrong)).reply).toMatchObject({
        successful: false,
        advice: { reconnect: 'none' },
      });
      expect(stranger.frames).toEqual([]);
    }
  });
});

describe('A node that has gone bad', () => {
  it('sends this one to no more URLs at a time than are allowed, however often it tells of them', async () => {
    const house = await node({ mesh: { secret, maxComets: 20, maxBackoff: 30_000, backoffIncrement: 30_000 } });
    const { session } = await joined(house);
    for (let round = 0; round < 20; round++)
      await session.publish(
        '/oort/cloud',
        Array.from({ length: 1000 }, (_, at) => `http://127.0.0.1:1/${round}/${at}`),
      );
    for (const garbage of [
      null,
      7,
      'x',
      {},
      [[]],
      [{}],
      ['x'.repeat(100_000)],
      ['javascript:1', 'http://', '//a', 'http:///x', '__proto__'],
    ])
      await session.publish('/oort/cloud', garbage);
    expect(house.engine.knownComets.length).toBeLessThanOrEqual(21);
    expect(house.server.diagnostics.counters.get('rejected.oort_crowd')).toBeGreaterThan(0);
    // Nor by knocking under more and more names.
    const other = await openSession('websocket', house.url);
    onTestFinished(() => other.close());
    const block = { oortSecret: digest, cometURL: house.url };
    const reply = await other.handshake({
      ext: { 'org.cometd.oort': { ...block, oortURL: 'http://127.0.0.1:1/new', oortId: 'new' } },
    });
    expect(reply).toMatchObject({ successful: false });
    expect(house.engine.knownComets.length).toBeLessThanOrEqual(21);
  });

  it('does not send links elsewhere by a redirection', async () => {
    const hits: string[] = [];
    const inner = createServer((request, response) => {
      hits.push(request.url ?? '');
      response.end();
    }).listen(0, '127.0.0.1');
    const { port } = await new Promise<AddressInfo>((resolve) =>
      inner.once('listening', () => resolve(inner.address() as AddressInfo)),
    );
    let asked = 0;
    const outer = createServer((_request, response) => {
      asked++;
      response.writeHead(307, { Location: `http://127.0.0.1:${port}/inside` }).end();
    }).listen(0, '127.0.0.1');
    const at = await new Promise<AddressInfo>((resolve) =>
      outer.once('listening', () => resolve(outer.address() as AddressInfo)),
    );
    outer.on('upgrade', (_request, socket) => {
      asked++;
      socket.end(`HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:${port}/inside\r\n\r\n`);
    });
    onTestFinished(() => {
      inner.close();
      outer.close();
    });
    const house = await node({ mesh: { secret, backoffIncrement: 20, maxBackoff: 20 } });
    house.oort.observeComet(`http://127.0.0.1:${at.port}/cometd`);
    await eventually(() => expect(asked).toBeGreaterThan(3));
    expect(hits).toEqual([]);
  });

  it('harms nobody with messages that make no sense: what comes between them is heard', async () => {
    const house = await town();
    const { peer } = await joined(house);
    const garbage: unknown[] = [
      null,
      0,
      '',
      'x',
      true,
      [],
      [null],
      {},
      { presence: 1 },
      { userId: 1, channel: 2 },
      { 'oort.info.name': 'map' },
    ];
    const own = { 'oort.info.url': peer.url, 'oort.info.name': 'map' };
    const nested = JSON.parse(`${'['.repeat(200)}${']'.repeat(200)}`) as unknown;
    const records: unknown[] = [
      ...garbage,
      nested,
      { ...own, 'oort.info.version': -1, 'oort.info.object': {} },
      { ...own, 'oort.info.version': 1e300, 'oort.info.object': {} },
      { ...own, 'oort.info.version': 3, 'oort.info.object': 'no map' },
      {
        ...own,
        'oort.info.version': 4,
        'oort.info.type': 'oort.map.entry',
        'oort.info.action': 'oort.map.put',
        'oort.info.object': null,
      },
      {
        ...own,
        'oort.info.version': 5,
        'oort.info.type': 'oort.list.element',
        'oort.info.action': 'oort.list.add',
        'oort.info.object': [1],
      },
      {
        ...own,
        'oort.info.version': 6,
        'oort.info.type': '__proto__',
        'oort.info.action': 'constructor',
        'oort.info.object': {},
      },
      { oortURL: peer.url, presence: true, userIds: 'all' },
      { oortURL: peer.url, presence: true, userIds: [1, null, {}] },
      { oortURL: peer.url, presence: true, replace: 'x', alive: 7, seq: 'NaN', userIds: [] },
      { 'oort.service.url': peer.url, 'oort.service.id': 'x' },
      { 'oort.service.url': peer.url, 'oort.service.id': 1.5 },
    ];
    for (const channel of ['/oort/objects/map', '/oort/objects/list', '/seti/all', '/oort/service/echo', '/oort/cloud'])
      peer.tell(...records.map((data) => ({ channel, data })), { channel, ext: 'x' as never, data: {} });
    const value = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}}}') as Record<
      string,
      unknown
    >;
    peer.tell(
      { channel: '/oort/objects/map', data: { ...own, 'oort.info.version': 7, 'oort.info.object': value } },
      {
        channel: '/oort/objects/list',
        data: { ...own, 'oort.info.name': 'list', 'oort.info.version': 7, 'oort.info.object': [value] },
      },
      {
        channel: '/seti/all',
        data: { oortURL: peer.url, presence: true, userIds: ['__proto__', 'constructor', 'ada'] },
      },
      { channel: '/chat', data: 'still heard' },
    );
    await eventually(() => {
      expect(house.map.getInfo(peer.url)?.version).toBe(7);
      expect(house.list.getInfo(peer.url)?.object).toHaveLength(1);
      expect([...house.seti.userIds].sort()).toEqual(['__proto__', 'ada', 'constructor']);
    });
    expect(house.map.find('__proto__')).toEqual({ polluted: 1 });
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect(house.seti.isPresent('toString')).toBe(false);
    expect(house.map.find('toString')).toBeUndefined();
    for (const part of ['failed.oort', 'failed.OortService', 'failed.OortObject'])
      expect(house.server.diagnostics.counters.get(part)).toBeUndefined();
    peer.tell({ channel: '/seti/all', data: { oortURL: peer.url, presence: false, userIds: ['__proto__'] } });
    await eventually(() => expect(house.seti.isPresent('__proto__')).toBe(false));
  });

  it('cannot have meta messages, or messages on channels that are none, delivered to users', async () => {
    const house = await town();
    const { peer } = await joined(house);
    const ada = await openSession('websocket', house.url);
    onTestFinished(() => ada.close());
    await ada.handshake();
    const session = house.server.getSession(ada.clientId);
    if (session) house.seti.associate('ada', session);
    const to = (channel: string): WireMessage => ({
      channel: '/seti/all',
      data: { userId: 'ada', channel, setiId: 'x', data: 'hi' },
    });
    peer.tell(
      ...['/meta/disconnect', '/meta/connect', '/meta/handshake', '/**', '', 'x', '/a/', '/a//b'].map(to),
      to('/service/fine'),
    );
    void ada.connect();
    expect(await ada.event('/service/fine')).toMatchObject({ data: 'hi' });
    expect(ada.inbox.all.filter(({ data }) => data !== undefined)).toHaveLength(1);
    expect(house.server.diagnostics.counters.get('rejected.seti')).toBe(8);
  });

  it('leaves no users behind when it tells of them and goes without having joined', async () => {
    const house = await town();
    const peer = await Peer.start();
    const { session } = await peer.link(house.url, digest);
    await session.publish('/seti/all', { oortURL: peer.url, presence: true, userIds: ['ghost'] });
    expect(house.seti.isPresent('ghost')).toBe(false);
    // When it joins, it is asked for all it has.
    await session.publish('/service/oort', { oortId: peer.id, oortURL: peer.url });
    const asked = () =>
      peer.frames
        .flat()
        .filter(({ channel, data }) => channel?.startsWith('/seti/') && (data as { alive?: boolean }).alive);
    await eventually(() => expect(asked()).toHaveLength(1));
  });

  it('that floods is heard as fast as it is, and a client beside it is served', async () => {
    const house = await town();
    const { peer, session } = await joined(house);
    const client = await openSession('websocket', house.url);
    onTestFinished(() => client.close());
    await client.handshake();
    for (let at = 0; at < 50; at++) {
      peer.tell(
        ...Array.from({ length: 100 }, (_, of) => ({
          channel: '/oort/objects/map',
          data: {
            'oort.info.url': peer.url,
            'oort.info.name': 'map',
            'oort.info.version': at * 100 + of + 2,
            'oort.info.type': 'oort.map.entry',
            'oort.info.action': 'oort.map.put',
            'oort.info.object': { 'oort.map.key': `${of}`, 'oort.map.value': 1 },
          },
        })),
      );
      void session.publish('/service/oort/objects/map', { junk: at });
    }
    expect(await client.publish('/mine', 1)).toMatchObject({ successful: true });
    // Changes without their beginning wait up to a bound, and the whole is asked for once.
    await eventually(() =>
      expect(house.server.diagnostics.counters.get('limit_hit.oort_object_waiting')).toBeGreaterThan(3000),
    );
    const pulls = peer
      .heard('/service/oort/objects/map')
      .filter(({ data }) => (data as Record<string, unknown>)['oort.info.action'] === 'oort.object.pull');
    expect(pulls).toHaveLength(1);
  });
});

describe('The secret', () => {
  it('is in no snapshot of management, no link of the engine and no status, not even as its digest', async () => {
    const lines: string[] = [];
    const log = (...parts: unknown[]): void => void lines.push(parts.map(String).join(' '));
    const logger = { debug: log, info: log, warn: log, error: log };
    const one = await town({ server: { logger, logLevel: 'debug' } });
    const { peer } = await joined(one);
    const stranger = await Peer.start();
    await stranger.link(one.url, 'not the digest of anything');
    const { management } = one.server;
    const shown = JSON.stringify(
      [
        management.sessions(),
        management.channels(),
        one.engine.links,
        one.oort.status,
        one.server.settings,
        [...one.server.diagnostics.counters],
      ],
      (_key, value: unknown) => (typeof value === 'function' ? String(value) : value),
    );
    expect(shown).toContain(peer.url);
    for (const text of [shown, lines.join('\n'), String(JSON.stringify(one.engine))])
      for (const hidden of [secret, digest, 'not the digest of anything']) expect(text).not.toContain(hidden);
  });
});

/** What goes over the wire, frame by frame, between a node of ours and one that is played by hand as Java nodes were seen to do it. */
import { openSession } from '@cometd-ts/testkit';
import { describe, expect, it } from 'vitest';
import { eventually, type House, node } from './nodes.ts';
import { digest, Peer, replyTo } from './peer.ts';

/** A node that observes two channels, and a peer it has been told of. */
async function two(options: Parameters<typeof node>[0] = {}): Promise<{ peer: Peer; house: House }> {
  const peer = await Peer.start();
  const house = await node({ channels: ['/seti/all', '/a/**'], ...options });
  house.oort.observeComet(peer.url);
  await eventually(() => expect(peer.heard('/meta/connect').length).toBeGreaterThan(1));
  return { peer, house };
}

const ids = { id: expect.any(String) };
const mine = { ...ids, clientId: 'c1' };

describe('a link that goes out', () => {
  it('shakes hands as Java nodes do, and says nothing more until the other has come', async () => {
    const { peer, house } = await two();
    const [first, ...others] = peer.frames;
    expect(first).toEqual([
      {
        ...ids,
        channel: '/meta/handshake',
        version: '1.0',
        supportedConnectionTypes: ['websocket', 'long-polling'],
        ext: {
          ack: true,
          'org.cometd.oort': {
            oortURL: house.url,
            oortId: house.oort.id,
            oortSecret: digest,
            cometURL: peer.url,
          },
        },
      },
    ]);
    expect(others.slice(0, 2)).toEqual([
      [{ ...mine, channel: '/meta/connect', connectionType: 'websocket', advice: { timeout: 0 }, ext: { ack: 0 } }],
      [{ ...mine, channel: '/meta/connect', connectionType: 'websocket', ext: { ack: 0 } }],
    ]);
    expect(house.engine.links).toMatchObject([{ url: peer.url, id: peer.id, in: 'none' }]);
    expect(house.life).toEqual([]);
  });

  it('subscribes, introduces and joins in one frame, in this order, when the other has come', async () => {
    const { peer, house } = await two();
    const before = peer.frames.length;
    const { reply, session } = await peer.link(house.url, digest, { oortAliasURL: peer.url });
    expect(reply).toMatchObject({
      successful: true,
      ext: { 'org.cometd.oort': { oortURL: house.url, oortId: house.oort.id } },
    });
    await eventually(() => expect(peer.frames.length).toBeGreaterThan(before));
    expect(peer.frames[before]).toEqual([
      { ...mine, channel: '/meta/subscribe', subscription: '/oort/cloud' },
      { ...mine, channel: '/meta/subscribe', subscription: '/seti/all' },
      { ...mine, channel: '/meta/subscribe', subscription: '/a/**' },
      { ...mine, channel: '/oort/cloud', data: [peer.url] },
      { ...mine, channel: '/service/oort', data: { oortId: house.oort.id, oortURL: house.url } },
    ]);
    expect(house.life).toEqual([]);
    expect((await session.publish('/service/oort', { oortId: peer.id, oortURL: peer.url })).successful).toBe(true);
    expect(house.life).toEqual([`joined ${peer.url}`]);
    expect(house.members).toEqual([{ id: peer.id, url: peer.url }]);
  });

  it('joins again after a while when the join was refused', async () => {
    const { peer, house } = await two();
    let refusals = 2;
    peer.script = (message) => {
      if (message.channel !== '/service/oort' || refusals-- <= 0) return undefined;
      return replyTo(message, { successful: false, error: '404::later' });
    };
    await peer.link(house.url, digest);
    await eventually(() => expect(peer.heard('/service/oort')).toHaveLength(3));
    expect(peer.heard('/meta/subscribe').length).toBe(9);
  });

  it('sends to the other node alone, as a publish with all its fields', async () => {
    const { peer, house } = await two();
    const { session } = await peer.link(house.url, digest);
    await session.publish('/service/oort', { oortId: peer.id, oortURL: peer.url });
    expect(house.oort.send(peer.url, { channel: '/service/oort/objects/o', data: { n: 1 }, ext: { t: 2 } })).toBe(true);
    await eventually(() =>
      expect(peer.heard('/service/oort/objects/o')).toEqual([
        { ...mine, channel: '/service/oort/objects/o', data: { n: 1 }, ext: { t: 2 } },
      ]),
    );
  });

  it('shakes hands with the digest of SHA-1 when it is told to', async () => {
    const { peer } = await two({ mesh: { secret: 's3cr3t', digest: 'sha1' } });
    const [handshake] = peer.heard('/meta/handshake');
    expect(handshake).toMatchObject({ ext: { 'org.cometd.oort': { oortSecret: 'JauGvtFJymypwcDV23yakTiN3qs=' } } });
  });

  it('is reminded of this node when it does not come, and this node says that half of the pair is missing', async () => {
    const { peer, house } = await two({ mesh: { secret: 's3cr3t', patience: 50 } });
    await eventually(() => expect(peer.heard('/oort/cloud').length).toBeGreaterThan(0));
    expect(peer.heard('/oort/cloud')[0]?.data).toEqual([peer.url, house.url]);
    expect(house.oort.status).toEqual({
      state: 'down',
      reason: `${peer.url} does not connect back: can it reach the URL of this node?`,
    });
  });

  it('goes on after a goodbye of the other server, for as long as the node is not gone', async () => {
    const { peer, house } = await two();
    await peer.link(house.url, digest);
    peer.tell({ channel: '/meta/disconnect', successful: true, ext: {} });
    await eventually(() => expect(peer.heard('/service/oort')).toHaveLength(2));
    expect(peer.heard('/meta/handshake')).toHaveLength(2);
    expect(house.engine.links).toMatchObject([{ out: 'up' }]);
  });

  it('says goodbye when it stops', async () => {
    const { peer, house } = await two();
    await peer.link(house.url, digest);
    await house.oort.stop();
    expect(peer.heard('/meta/disconnect')).toEqual([{ ...mine, channel: '/meta/disconnect' }]);
  });
});

describe('a node that comes', () => {
  it('is gone to, with the URL by which it has reached this one', async () => {
    const peer = await Peer.start();
    const house = await node();
    const { session } = await peer.link(house.url, digest);
    await eventually(() => expect(peer.heard('/service/oort')).toHaveLength(1));
    expect(peer.heard('/meta/handshake')[0]).toMatchObject({
      ext: { 'org.cometd.oort': { cometURL: peer.url, oortAliasURL: house.url } },
    });
    await session.publish('/service/oort', { oortId: peer.id, oortURL: peer.url });
    expect(house.life).toEqual([`joined ${peer.url}`]);
  });

  it('is told what it observes, its own publishes not among it', async () => {
    const peer = await Peer.start();
    const house = await node({ mesh: { secret: 's3cr3t', ack: false } });
    const { session } = await peer.link(house.url, digest);
    void session.connect(0);
    await session.subscribe(['/**', '/a/*', '/a/b']);
    await session.publish('/a/b', 'from itself');
    house.server.getChannel('/a/b')?.publish(null, 'from here');
    expect(await session.event('/a/b')).toEqual({ channel: '/a/b', data: 'from here' });
    house.server.getChannel('/a/b')?.publish(null, 'the end');
    expect(await session.event('/a/b')).toMatchObject({ data: 'the end' });
  });

  it.each([
    ['a wrong secret', (peer: Peer, url: string) => peer.block(url, 'wrong')],
    ['no secret', (peer: Peer, url: string) => peer.block(url, '')],
    ['no id', (peer: Peer, url: string) => peer.block(url, digest, { oortId: undefined })],
    ['a URL that is none', (peer: Peer, url: string) => peer.block(url, digest, { oortURL: 'file:///etc/passwd' })],
    ['a relative URL', (peer: Peer, url: string) => peer.block(url, digest, { oortURL: '/cometd' })],
    ['no block but a text', () => ({ 'org.cometd.oort': 'node' })],
    ['no block but null', () => ({ 'org.cometd.oort': null })],
    ['a very long id', (peer: Peer, url: string) => peer.block(url, digest, { oortId: 'x'.repeat(5000) })],
    ['the URL of this node', (peer: Peer, url: string) => peer.block(url, digest, { oortURL: url })],
  ])('with %s is refused, and goes away for good', async (_what, ext) => {
    const peer = await Peer.start();
    const house = await node();
    const session = await openSession('websocket', house.url);
    const reply = await session.handshake({ ext: ext(peer, house.url) });
    expect(reply).toEqual({
      id: '1',
      channel: '/meta/handshake',
      successful: false,
      error: '403::handshake_denied',
      advice: { reconnect: 'none' },
    });
    await session.close();
    expect(house.engine.knownComets).toEqual([]);
    expect(house.server.diagnostics.counters.get('rejected.oort_handshake')).toBe(1);
  });

  it('at a URL that is not allowed is refused, and not gone to', async () => {
    const peer = await Peer.start();
    const house = await node({ mesh: { secret: 's3cr3t', allow: ['http://10.0.0.1:8080'] } });
    const { reply } = await peer.link(house.url, digest);
    expect(reply).toMatchObject({ successful: false, advice: { reconnect: 'none' } });
    expect(peer.frames).toEqual([]);
  });

  it('may send this one to URLs that are allowed only', async () => {
    const peer = await Peer.start();
    const house = await node({ mesh: { secret: 's3cr3t', allow: (url) => url === peer.url } });
    const { session } = await peer.link(house.url, digest);
    await session.publish('/oort/cloud', ['http://169.254.169.254/latest', 'ftp://x', 7, house.url, null]);
    expect(house.engine.knownComets).toEqual([peer.url]);
    expect(house.server.diagnostics.counters.get('rejected.oort_not_allowed')).toBe(1);
    expect(house.server.diagnostics.counters.get('rejected.oort_url')).toBe(3);
  });

  it('cannot speak for others', async () => {
    const peer = await Peer.start();
    const house = await node();
    const { session } = await peer.link(house.url, digest);
    const heard: unknown[] = [];
    house.server.createChannelIfAbsent('/service/oort/objects/o').channel.addListener('message', (_s, _c, { data }) => {
      heard.push(data);
    });
    const other = 'http://10.0.0.9/cometd';
    for (const [channel, data] of [
      ['/service/oort/objects/o', { 'oort.info.url': other }],
      ['/service/oort/service/s', { 'oort.service.url': other }],
      ['/seti/all', { oortURL: other, presence: true, userIds: [] }],
      ['/service/oort', { oortId: peer.id, oortURL: other }],
    ] as const)
      expect(await session.publish(channel, data)).toMatchObject({ successful: false });
    expect(house.server.diagnostics.counters.get('rejected.oort_forged')).toBe(4);
    await session.publish('/service/oort/objects/o', { 'oort.info.url': peer.url });
    expect(heard).toEqual([{ 'oort.info.url': peer.url }]);
  });

  it('is heard on its link only with what is its own, and on channels it was asked for', async () => {
    const { peer, house } = await two();
    house.oort.observeChannel('/oort/objects/o');
    house.oort.observeChannel('/asked/*');
    const heard: unknown[] = [];
    house.server.createChannelIfAbsent('/oort/objects/o').channel.addListener('message', (_s, _c, { data }) => {
      heard.push(data);
    });
    const said: string[] = [];
    for (const channel of ['/asked/a', '/asked/a/b', '/unasked', '/asked'])
      house.server.createChannelIfAbsent(channel).channel.addListener('message', () => void said.push(channel));
    peer.tell(...['/unasked', '/asked', '/asked/a/b', '/asked/a'].map((channel) => ({ channel, data: 1 })));
    await eventually(() => expect(said).toEqual(['/asked/a']));
    expect(house.server.diagnostics.counters.get('rejected.oort_unasked')).toBe(3);
    peer.tell(
      { channel: '/oort/objects/o', data: { 'oort.info.url': 'http://10.0.0.9/cometd' } },
      { channel: '/oort/objects/o', data: { 'oort.info.url': peer.url } },
    );
    await eventually(() => expect(heard).toEqual([{ 'oort.info.url': peer.url }]));
  });

  it('keeps no join that is not its own', async () => {
    const { peer, house } = await two();
    const { session } = await peer.link(house.url, digest);
    for (const data of [{ oortId: 'x', oortURL: peer.url }, { oortURL: peer.url }, [], null, 'join', { oortId: 1 }])
      await session.publish('/service/oort', data);
    expect(house.life).toEqual([]);
  });

  it('is told that two nodes have one URL, when both are there', async () => {
    const { peer, house } = await two();
    const twin = { oortId: 'id-twin' };
    const first = await peer.link(house.url, digest);
    await first.session.publish('/service/oort', { oortId: peer.id, oortURL: peer.url });
    const second = await peer.link(house.url, digest, twin);
    await second.session.publish('/service/oort', { ...twin, oortURL: peer.url });
    await peer.link(house.url, digest);
    expect(house.server.diagnostics.counters.get('oort_twins')).toBe(1);
    expect(house.life.slice(0, 2)).toEqual([`joined ${peer.url}`, `left ${peer.url}`]);
  });
});

describe('a client that is no node', () => {
  it('gets in nowhere with the words of nodes', async () => {
    const house = await node();
    const session = await openSession('websocket', house.url);
    await session.handshake();
    for (const channel of ['/oort/cloud', '/service/oort', '/seti/all', '/oort/objects/o'])
      expect(await session.publish(channel, ['http://10.0.0.9/cometd'])).toMatchObject({ successful: false });
    for (const channel of ['/oort/**', '/oort/objects/*', '/seti/**'])
      expect(await session.subscribe(channel)).toMatchObject({ successful: false });
    expect(house.engine.knownComets).toEqual([]);
    expect(house.engine.isNode(house.server.getSession(session.clientId) as never)).toBe(false);
    await session.close();
  });
});

/** The server's extensions with the client's halves, ours and the official ones. Acknowledged messages: test/faults/ack-*. */
import {
  ActivityExtension,
  BinaryExtension,
  filterData,
  noMarkup,
  type ServerOptions,
  TimestampExtension,
  TimesyncExtension,
} from '@cometd-ts/server';
import { type Launched, launch } from '@cometd-ts/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { asked, kinds, open, type Reply, type TimeSync } from './ext-clients.ts';

const transports = ['websocket', 'long-polling'] as const;
const routes = kinds.flatMap((kind) => transports.map((transport) => [kind.name, transport, kind] as const));

async function serve(options: ServerOptions = {}): Promise<Launched> {
  const server = await launch({ options: { timeout: 20_000, maxSessionsPerBrowser: -1, ...options } });
  onTestFinished(() => server.close());
  return server;
}

const bytes = Array.from({ length: 1021 }, (_, at) => (at * 7) % 256);
const bytesOf = (reply: Reply): number[] => [...new Uint8Array((reply.data as { data: ArrayBuffer }).data)];

describe.each(routes)('with %s over %s', (_name, transport, kind) => {
  it('bytes go to subscribers of any kind, and to the server itself', async () => {
    const { bayeux, url } = await serve();
    bayeux.addExtension(new BinaryExtension());
    const atServer: unknown[] = [];
    bayeux.createChannelIfAbsent('/files').channel.addListener('message', (_from, _channel, message) => {
      atServer.push((message.data as { data: unknown }).data);
    });
    const heard: Promise<Reply>[] = [];
    // One after the other, because a browser's first reply brings its cookie.
    for (const other of kinds) {
      const client = open(other, url, transport);
      client.registerExtension('binary', other.extension('BinaryExtension'));
      await asked((done) => client.handshake(done));
      let hear: (reply: Reply) => void;
      heard.push(
        asked((done) => {
          hear = done;
        }),
      );
      await asked((done) => client.subscribe('/files', (message) => hear(message), done));
    }
    const sender = open(kind, url, transport);
    sender.registerExtension('binary', kind.extension('BinaryExtension'));
    await asked((done) => sender.handshake(done));
    const sent = await asked((done) =>
      sender.publishBinary('/files', new Uint8Array(bytes), true, { name: 'f' }, done),
    );
    expect(sent.successful).toBe(true);
    for (const event of heard) {
      const reply = await event;
      expect(bytesOf(reply)).toEqual(bytes);
      expect(reply.data).toMatchObject({ last: true, meta: { name: 'f' } });
    }
    expect(atServer).toEqual([Uint8Array.from(bytes)]);
  });

  it('bytes are the argument and the result of a remote call', async () => {
    const { bayeux, url } = await serve();
    bayeux.addExtension(new BinaryExtension());
    bayeux.createChannelIfAbsent('/service/reverse').channel.addListener('message', (from, channel, message) => {
      const { data } = message.data as { data: Uint8Array };
      const result = { data: data.slice().reverse(), last: true };
      from?.deliver(null, { id: message.id ?? '', channel: channel.id, successful: true, data: result });
    });
    const client = open(kind, url, transport);
    client.registerExtension('binary', kind.extension('BinaryExtension'));
    await asked((done) => client.handshake(done));
    const reply = await asked((done) =>
      client.remoteCallBinary('reverse', new Uint8Array(bytes), true, { what: 'x' }, done),
    );
    expect(reply.successful).toBe(true);
    expect(bytesOf(reply)).toEqual([...bytes].reverse());
  });

  it('the clock of the server is known', async () => {
    const hour = 3_600_000;
    const { bayeux, url } = await serve({ timeout: 20 });
    bayeux.addExtension(new TimesyncExtension({ now: () => Date.now() + hour }));
    const client = open(kind, url, transport);
    const timesync = kind.extension('TimeSyncExtension') as TimeSync;
    client.registerExtension('timesync', timesync);
    let connects = 0;
    const settled = asked((done) =>
      client.addListener('/meta/connect', (message) => {
        if (++connects === 4) done(message);
      }),
    );
    client.handshake(() => undefined);
    await settled;
    expect(Math.abs(timesync.getTimeOffset() - hour)).toBeLessThan(1000);
    expect(timesync.getNetworkLag()).toBeLessThan(1000);
    await expect.poll(() => bayeux.sessions[0]?.attributes.get('lag')).toEqual(expect.any(Number));
  });

  it('what comes is stamped, and so is what goes', async () => {
    const { bayeux, url } = await serve();
    bayeux.addExtension(new TimestampExtension({ timeZone: 'UTC' }));
    const stamps: unknown[] = [];
    bayeux.addExtension({ rcv: (_from, message) => void stamps.push(message.timestamp) });
    const client = open(kind, url, transport);
    client.registerExtension('timestamp', kind.extension('TimeStampExtension'));
    const shape = /^\w{3} \w{3} \d\d \d\d:\d\d:\d\d UTC \d{4}$/;
    expect((await asked((done) => client.handshake(done))).timestamp).toMatch(shape);
    let hear: (reply: Reply) => void;
    const event = asked((done) => {
      hear = done;
    });
    await asked((done) => client.subscribe('/a', (message) => hear(message), done));
    await asked((done) => client.publish('/a', 1, done));
    expect((await event).timestamp).toMatch(shape);
    expect(stamps).toEqual([expect.stringMatching(/GMT$/)]);
  });

  it('a client that does nothing for too long is told, and does not come again', async () => {
    const { bayeux, url } = await serve({ timeout: 50 });
    bayeux.addExtension(new ActivityExtension({ maxInactivity: 200 }));
    const client = open(kind, url, transport);
    const left = asked((done) =>
      client.addListener('/meta/connect', (message) => {
        if (!message.successful) done(message);
      }),
    );
    await asked((done) => client.handshake(done));
    expect(await left).toMatchObject({ error: '402::session_unknown', advice: { reconnect: 'none' } });
    await expect.poll(() => client.isDisconnected()).toBe(true);
    expect(bayeux.sessions).toEqual([]);
  });

  it('what a filter has rewritten is heard, and what it stops fails', async () => {
    const { bayeux, url } = await serve();
    const stop = (data: unknown): unknown => (data === 'stop' ? null : data);
    bayeux.createChannelIfAbsent('/chat/*').channel.addListener('message', filterData([stop, noMarkup()]));
    const client = open(kind, url, transport);
    await asked((done) => client.handshake(done));
    let hear: (reply: Reply) => void;
    const event = asked((done) => {
      hear = done;
    });
    await asked((done) => client.subscribe('/chat/a', (message) => hear(message), done));
    const refused = await asked((done) => client.publish('/chat/a', 'stop', done));
    expect(refused).toMatchObject({ successful: false, error: '404::message_deleted' });
    await asked((done) => client.publish('/chat/a', '<b>', done));
    expect((await event).data).toBe('&lt;b&gt;');
  });
});

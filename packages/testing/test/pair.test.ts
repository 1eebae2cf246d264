import { AckExtension, BayeuxClient, CometD } from '@cometd-ts/client';
import { AcknowledgedMessagesExtension, BayeuxServer, type ServerSession } from '@cometd-ts/server';
import { happened, type MemoryLine, pair, received, until } from '@cometd-ts/testing';
import { describe, expect, it } from 'vitest';

const transports = ['websocket', 'long-polling'] as const;

describe.each(transports)('a pair over %s', (transport) => {
  const options = { client: { transports: [transport], backoffIncrement: 10, maxNetworkDelay: 500 } };

  it('talks as over a network, and shares no object', async () => {
    await using app = pair(options);
    const { client, server } = app;
    await client.handshake();
    expect(client.transport).toBe(transport);
    expect(server.sessions[0]?.transport).toBe(transport);
    await using inbox = await received(client, '/a');
    const data = { deep: { list: [1] } };
    await client.getChannel('/a').publish(data);
    const { data: got } = await inbox.next();
    expect(got).toEqual(data);
    expect(got).not.toBe(data);
  });

  it('takes policies, limits and what is known of requests seriously', async () => {
    const server = new BayeuxServer({ maxMessageSize: 1_000 });
    await using app = pair({ ...options, server, address: '192.0.2.7', node: { headers: { 'X-Tenant': 'acme' } } });
    const seen: unknown[] = [];
    server.securityPolicy = {
      canHandshake: (_server, _session, message) => {
        const { context } = message;
        seen.push(context?.remoteAddress?.address, context?.header('X-Tenant'));
      },
      canPublish: (_server, _session, channel) => channel.id !== '/forbidden',
    };
    await app.client.handshake();
    expect(seen).toEqual(['192.0.2.7', 'acme']);
    await expect(app.client.getChannel('/forbidden').publish(1)).rejects.toMatchObject({ code: 'publish_denied' });
    await expect(app.client.getChannel('/big').publish('x'.repeat(2_000))).rejects.toThrow();
    await app.close();
    expect(server.isStarted).toBe(true);
    await server.stop();
  });

  it('is refused as long as its line is cut, and comes back with its session', async () => {
    await using app = pair(options);
    const { client, line } = app;
    await client.handshake();
    await client.waitFor('connected');
    const { id } = client;
    const broken = happened(client, 'status', (status) => status.type === 'unconnected');
    line.cut();
    await broken;
    expect(line.isCut).toBe(true);
    line.restore();
    await until(() => client.status.type === 'connected', client, 'status');
    expect(client.id).toBe(id);
  });

  it('loses what travels next together with its connection', async () => {
    await using app = pair(options);
    const { client, server, line } = app;
    await client.handshake();
    await client.waitFor('connected');
    await using inbox = await received(client, '/a');
    line.loseNext('toClient');
    const broken = happened(client, 'status', (status) => status.type !== 'connected');
    server.createChannelIfAbsent('/a').channel.publish(null, 'lost');
    await broken;
    await until(() => client.status.type === 'connected', client, 'status');
    server.createChannelIfAbsent('/a').channel.publish(null, 'not lost');
    expect((await inbox.next()).data).toBe('not lost');
    expect(inbox.data).toEqual(['not lost']);
  });

  it('loses nothing on such a line with acknowledged messages', async () => {
    await using app = pair({ client: { ...options.client, extensions: [new AckExtension()] } });
    const { client, server, line } = app;
    server.addExtension(new AcknowledgedMessagesExtension());
    await client.handshake();
    await client.waitFor('connected');
    await using inbox = await received(client, '/a');
    const { channel } = server.createChannelIfAbsent('/a');
    line.loseNext('toClient');
    channel.publish(null, 1);
    channel.publish(null, 2);
    expect((await inbox.take(2)).map((message) => message.data)).toEqual([1, 2]);
    await inbox.expectNothing();
  });

  it('holds what travels until it is released', async () => {
    await using app = pair(options);
    const { client, server, line } = app;
    await client.handshake();
    await client.waitFor('connected');
    await using inbox = await received(client, '/a');
    line.hold('toClient');
    const session = server.getSession(client.id ?? '') as ServerSession;
    const sent = happened(session, 'deQueue');
    server.createChannelIfAbsent('/a').channel.publish(null, 'late');
    await sent;
    expect(inbox.data).toEqual([]);
    line.release();
    expect((await inbox.next()).data).toBe('late');
  });

  it('carries much data against a reader that is slow', async () => {
    await using app = pair({ ...options, server: { maxQueue: -1, maxQueueBytes: -1 } });
    const { client, server } = app;
    await client.handshake();
    await using inbox = await received(client, '/a');
    const { channel } = server.createChannelIfAbsent('/a');
    const text = 'x'.repeat(100_000);
    for (let count = 0; count < 20; count++) channel.publish(null, text + count);
    const got = await inbox.take(20);
    expect(got.map(({ data }) => data)).toEqual(Array.from({ length: 20 }, (_, count) => text + count));
  });

  it('has room for more clients, each on a line of its own', async () => {
    await using app = pair(options);
    const line = app.newLine();
    const other = line.client(options.client);
    await Promise.all([app.client.handshake(), other.handshake()]);
    await using inbox = await received(other, '/a');
    app.line.cut();
    await other.getChannel('/a').publish('alive');
    expect((await inbox.next()).data).toBe('alive');
  });
});

describe('a line', () => {
  it('is taken by clients of the entry for browsers as their platform', async () => {
    await using app = pair();
    await using client = new BayeuxClient(app.line.url, { platform: app.line.platform });
    await client.handshake();
    expect(app.server.sessions).toHaveLength(1);
  });

  it('has CometD objects, too', async () => {
    await using app = pair();
    const cometd = app.line.cometd();
    await new Promise<void>((resolve) => cometd.handshake(() => resolve()));
    await using inbox = await received<string>(cometd, '/a');
    cometd.publish('/a', 'hello');
    expect((await inbox.next()).data).toBe('hello');
    await inbox.expectNothing();
  });

  it('is the platform of a CometD object from elsewhere', async () => {
    await using app = pair();
    const cometd = new CometD('elsewhere', { platform: app.line.platform });
    cometd.configure({ url: app.line.url, logLevel: 'warn' });
    const reply = await new Promise<{ successful?: boolean }>((resolve) => cometd.handshake(resolve));
    expect(reply.successful).toBe(true);
    await new Promise<void>((resolve) => cometd.disconnect(() => resolve()));
  });

  it('leaves nothing open when it is closed', async () => {
    const lines: MemoryLine[] = [];
    {
      await using app = pair();
      lines.push(app.line);
      await app.client.handshake();
      expect(app.line.connections).toBeGreaterThan(0);
    }
    const [line] = lines;
    await new Promise((resolve) => setImmediate(resolve));
    expect(line?.connections).toBe(0);
  });
});

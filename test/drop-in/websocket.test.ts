/** Section 3.4 of the behaviour: the websocket transport. */
import { expect } from 'vitest';
import type { FakeWebSocket } from './support/fake-websocket.ts';
import { type Message, replyTo } from './support/message.ts';
import { behaviour, type Visit } from './support/visit.ts';

/** Handshaken and connected over a WebSocket; the second connect waits. */
async function connected(visit: Visit, config: Record<string, unknown> = {}): Promise<FakeWebSocket> {
  visit.use('websocket');
  visit.configure(config).handshake();
  const socket = await visit.net.socket();
  await socket.open();
  await socket.reply('/meta/handshake');
  await visit.net.quiet();
  await socket.reply('/meta/connect');
  await visit.net.quiet();
  return socket;
}

function publishing(visit: Visit, channel: string): Message[] {
  const replies: Message[] = [];
  visit.cometd.publish(channel, 1, (reply: Message) => void replies.push(reply));
  return replies;
}

behaviour('websocket', (behaves) => {
  behaves('the URL is the configured one with the scheme of WebSocket, and nothing appended', async (visit) => {
    visit.use('websocket');
    visit.configure().handshake();
    const socket = await visit.net.socket();
    expect(socket.url).toBe('ws://localhost:8080/cometd');
    expect(socket.protocol).toBeUndefined();
    expect(socket.argumentCount).toBe(1);
  });

  behaves('https becomes wss, and a subprotocol is passed when there is one', async (visit) => {
    visit.use('websocket');
    visit.configure({ url: 'https://example.com/cometd', protocol: 'bayeux' }).handshake();
    const socket = await visit.net.socket();
    expect([socket.url, socket.protocol]).toEqual(['wss://example.com/cometd', 'bayeux']);
  });

  behaves('the URL for websocket may be another one', async (visit) => {
    visit.use('websocket');
    visit.configure({ urls: { websocket: 'ws://sockets.example.com/x' } }).handshake();
    expect((await visit.net.socket()).url).toBe('ws://sockets.example.com/x');
  });

  behaves('the constructor is looked up when a socket is needed', async (visit) => {
    visit.use('websocket');
    const Later = visit.window.WebSocket as new (url: string) => object;
    let used = false;
    visit.window.WebSocket = class extends Later {
      constructor(url: string) {
        super(url);
        used = true;
      }
    };
    visit.configure().handshake();
    await visit.net.socket();
    expect(used).toBe(true);
  });

  behaves('nothing is written before the socket is open; the handshake is the first frame', async (visit) => {
    visit.use('websocket');
    visit.configure().handshake();
    const socket = await visit.net.socket();
    expect(socket.frames).toEqual([]);
    await socket.open();
    expect(socket.frames).toMatchObject([[{ id: '1', channel: '/meta/handshake' }]]);
  });

  behaves('everything goes over one socket, one frame for each request', async (visit) => {
    const socket = await connected(visit);
    publishing(visit, '/a');
    visit.cometd.batch(() => {
      publishing(visit, '/b');
      publishing(visit, '/c');
    });
    await visit.net.quiet();
    expect(visit.net.sockets).toHaveLength(1);
    expect(socket.frames.slice(-2).map((frame) => frame.map((message) => message.channel))).toEqual([
      ['/a'],
      ['/b', '/c'],
    ]);
    expect(visit.net.requests).toEqual([]);
  });

  behaves('replies come in any order, with messages of others between them', async (visit) => {
    const socket = await connected(visit);
    const heard = visit.listen('/x');
    const first = publishing(visit, '/a');
    const second = publishing(visit, '/b');
    await visit.net.quiet();
    const [a, b] = [socket.take('/a'), socket.take('/b')];
    await socket.say(replyTo(b), { channel: '/x', data: 1 }, replyTo(a));
    expect([first, second]).toMatchObject([
      [{ successful: true, channel: '/a' }],
      [{ successful: true, channel: '/b' }],
    ]);
    expect(heard).toHaveLength(1);
  });

  behaves(
    'a frame may be one object instead of an array',
    async (visit) => {
      const socket = await connected(visit);
      const heard = visit.listen('/x');
      await socket.write('{"channel":"/x","data":1}');
      expect(heard).toHaveLength(1);
    },
    { only: 'ours' },
  );

  behaves('when the socket closes, what was pending fails with its code and reason', async (visit) => {
    const socket = await connected(visit);
    const replies = publishing(visit, '/a');
    const heard = visit.listen('/meta/connect');
    await visit.net.quiet();
    await socket.end(1011, 'server trouble');
    for (const failure of [replies[0]?.failure, heard[0]?.[1].failure]) {
      expect(failure).toMatchObject({ websocketCode: 1011, reason: 'server trouble', connectionType: 'websocket' });
    }
  });

  behaves(
    'a broken connection is told with its real code',
    async (visit) => {
      const socket = await connected(visit);
      const replies = publishing(visit, '/a');
      await visit.net.quiet();
      await socket.break();
      expect(replies[0]?.failure?.websocketCode).toBe(1006);
    },
    { only: 'ours' },
  );

  behaves('a broken connection fails what was pending once', async (visit) => {
    const socket = await connected(visit);
    const replies = publishing(visit, '/a');
    await visit.net.quiet();
    await socket.break();
    await visit.net.quiet();
    expect(replies).toMatchObject([{ channel: '/a', successful: false }]);
  });

  behaves('a message sent while there is no socket opens one at once', async (visit) => {
    const socket = await connected(visit);
    await socket.end(1001, 'restart');
    const replies = publishing(visit, '/a');
    const next = await visit.net.socket();
    expect(next).not.toBe(socket);
    await next.open();
    await next.reply('/a');
    expect(replies).toMatchObject([{ successful: true }]);
  });

  behaves(
    'what waits for the socket goes out in order',
    async (visit) => {
      const socket = await connected(visit);
      await socket.end(1001, 'restart');
      visit.cometd.batch(() => {
        publishing(visit, '/a');
        publishing(visit, '/b');
      });
      publishing(visit, '/c');
      const next = await visit.net.socket();
      await next.open();
      const order = next.frames.flat().map((message) => message.channel);
      expect(order.filter((channel) => channel !== '/meta/connect')).toEqual(['/a', '/b', '/c']);
    },
    { only: 'ours' },
  );

  behaves('a close of an abandoned socket does not disturb the new one', async (visit) => {
    const socket = await connected(visit, { maxNetworkDelay: 700 });
    publishing(visit, '/a');
    await visit.clock.advance(700);
    expect(socket.closed?.reason).toBe('Message Timeout');
    const replies = publishing(visit, '/b');
    const next = await visit.net.socket();
    await next.open();
    await socket.end(1000, 'Message Timeout');
    await next.reply('/b');
    expect(replies).toMatchObject([{ successful: true }]);
    expect(next.closed).toBeNull();
  });

  behaves(
    'malformed text closes the socket instead of being thrown',
    async (visit) => {
      const socket = await connected(visit);
      await socket.write('[{');
      expect(socket.closed).not.toBeNull();
    },
    { only: 'ours' },
  );

  behaves('a socket that does not open in time is given up', async (visit) => {
    visit.use('websocket', 'long-polling');
    visit.configure({ connectTimeout: 300 }).handshake();
    const heard = visit.listen('/meta/handshake');
    const socket = await visit.net.socket();
    await visit.clock.advance(300);
    expect(socket.closed).toEqual({ code: 1000, reason: 'Connect Timeout' });
    expect(heard[0]?.[1].failure).toMatchObject({ websocketCode: 1000, reason: 'Connect Timeout' });
    await visit.net.take('/meta/handshake');
  });

  behaves('a socket that opens in time keeps its peace', async (visit) => {
    const socket = await connected(visit, { connectTimeout: 300 });
    await visit.clock.advance(5000);
    expect(socket.closed).toBeNull();
  });

  behaves('after a disconnect with the connect answered, the client closes', async (visit) => {
    const socket = await connected(visit);
    visit.cometd.disconnect();
    await visit.net.quiet();
    const [connect, disconnect] = [socket.take('/meta/connect'), socket.take('/meta/disconnect')];
    await socket.say(replyTo(connect), replyTo(disconnect));
    expect(socket.closed).toEqual({ code: 1000, reason: 'Disconnect' });
    expect(visit.cometd.getStatus()).toBe('disconnected');
  });

  behaves('an exception while writing closes the socket and fails what was pending', async (visit) => {
    const socket = await connected(visit);
    socket.send = () => {
      throw new Error('cannot write');
    };
    const replies = publishing(visit, '/a');
    expect(replies).toEqual([]);
    await visit.net.quiet();
    expect(replies[0]?.failure).toMatchObject({ websocketCode: 1000, reason: 'Exception' });
    expect(replies[0]?.failure?.exception).toMatchObject({ message: 'cannot write' });
    expect(socket.closed).not.toBeNull();
  });

  behaves('abort closes the socket and fails what was pending', async (visit) => {
    const socket = await connected(visit);
    const replies = publishing(visit, '/a');
    await visit.net.quiet();
    visit.cometd.getTransport()?.abort();
    await visit.net.quiet();
    expect(socket.closed).toEqual({ code: 1000, reason: 'Abort' });
    expect(replies[0]?.failure).toMatchObject({ websocketCode: 1000, reason: 'Abort' });
  });

  behaves('a message that is too big fails by itself', async (visit) => {
    const socket = await connected(visit, { maxSendBayeuxMessageSize: 300 });
    const replies: Message[] = [];
    visit.cometd.publish('/a', 'x'.repeat(300), (reply: Message) => void replies.push(reply));
    await visit.net.quiet();
    expect(String(replies[0]?.failure?.exception)).toMatch(/maxSendBayeuxMessageSize 300 exceeded$/);
    expect(socket.closed).toBeNull();
  });
});

/** Section 2.9 of the behaviour: how long the client waits for replies, and who may ask for more time. */
import { expect } from 'vitest';
import { typeOf } from './support/cometd.ts';
import type { Message } from './support/message.ts';
import { behaviour, type Visit } from './support/visit.ts';

function publishing(visit: Visit): Message[] {
  const replies: Message[] = [];
  visit.cometd.publish('/a', 1, (reply: Message) => void replies.push(reply));
  return replies;
}

behaviour('network delay, long-polling', (behaves) => {
  behaves('a message fails when its reply does not come in time, and the late reply is ignored', async (visit) => {
    await visit.connected({ maxNetworkDelay: 700 });
    const replies = publishing(visit);
    const request = await visit.net.take('/a');
    await visit.clock.advance(699);
    expect(replies).toEqual([]);
    await visit.clock.advance(1);
    expect(replies).toHaveLength(1);
    expect(request.aborted).toBe(true);
    request.xhr.finish(
      'load',
      200,
      'OK',
      JSON.stringify([{ id: request.message.id, channel: '/a', successful: true }]),
    );
    await visit.net.quiet();
    expect(replies).toHaveLength(1);
  });

  behaves('a connect may take the advised timeout longer', async (visit) => {
    const connect = await visit.connected({ maxNetworkDelay: 700 }, { advice: { timeout: 5000 } });
    await visit.clock.advance(5699);
    expect(connect.aborted).toBe(false);
    await visit.clock.advance(1);
    expect(connect.aborted).toBe(true);
  });

  behaves('without advice the configured timeout counts', async (visit) => {
    const connect = await visit.connected({ maxNetworkDelay: 700, advice: { timeout: 2000, interval: 0 } });
    await visit.clock.advance(2699);
    expect(connect.aborted).toBe(false);
    await visit.clock.advance(1);
    expect(connect.aborted).toBe(true);
  });

  behaves('a handshake that is not answered in time is tried again', async (visit) => {
    const first = await visit.shake({ maxNetworkDelay: 700 });
    await visit.clock.advance(700);
    expect(first.aborted).toBe(true);
    await visit.net.take('/meta/handshake');
  });

  behaves('a timeout listener asks for more time, and more again', async (visit) => {
    const { cometd, clock } = visit;
    await visit.connected({ maxNetworkDelay: 700 });
    const asked: [unknown, Message[]][] = [];
    cometd.addTransportListener('timeout', function (this: unknown, messages: Message[]): number {
      asked.push([this, messages]);
      return asked.length < 3 ? 500 : 0;
    });
    const replies = publishing(visit);
    await clock.advance(700);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.[0]).toBe(cometd.getTransport());
    expect(asked[0]?.[1]).toMatchObject([{ channel: '/a' }]);
    await clock.advance(500);
    expect(asked).toHaveLength(2);
    expect(replies).toEqual([]);
    await clock.advance(500);
    expect(asked).toHaveLength(3);
    expect(replies).toHaveLength(1);
  });

  behaves('the first listener with a positive answer decides; what a listener throws is logged', async (visit) => {
    const { cometd, clock } = visit;
    await visit.connected({ maxNetworkDelay: 700 });
    const order: string[] = [];
    cometd.addTransportListener('timeout', () => {
      order.push('throws');
      throw new Error('listener');
    });
    cometd.addTransportListener('timeout', () => {
      order.push('text');
      return '500';
    });
    cometd.addTransportListener('timeout', () => {
      order.push('extends');
      return 500;
    });
    cometd.addTransportListener('timeout', () => order.push('too late'));
    const replies = publishing(visit);
    await clock.advance(700);
    expect(order).toEqual(['throws', 'text', 'extends']);
    expect(replies).toEqual([]);
    expect(visit.net.log.some((entry) => entry[0] === 'info' && String(entry[2]).includes('Exception'))).toBe(true);
  });

  behaves('a timeout listener can be removed', async (visit) => {
    await visit.connected({ maxNetworkDelay: 700 });
    const listener = () => 500;
    visit.cometd.addTransportListener('timeout', listener);
    expect(visit.cometd.removeTransportListener('timeout', listener)).toBe(true);
    expect(visit.cometd.removeTransportListener('timeout', listener)).toBe(false);
    const replies = publishing(visit);
    await visit.clock.advance(700);
    expect(replies).toHaveLength(1);
  });
});

behaviour('network delay, websocket', (behaves) => {
  const connected = async (visit: Visit, config: Record<string, unknown> = {}) => {
    visit.use('websocket');
    visit.configure(config).handshake();
    const socket = await visit.net.socket();
    await socket.open();
    await socket.reply('/meta/handshake');
    await visit.net.quiet();
    await socket.reply('/meta/connect');
    await visit.net.quiet();
    return socket;
  };

  behaves('a missing reply closes the socket, and all that is pending fails', async (visit) => {
    const socket = await connected(visit, { maxNetworkDelay: 700 });
    const replies = publishing(visit);
    await visit.clock.advance(100);
    const others = publishing(visit);
    await visit.clock.advance(600);
    expect(socket.closed).toEqual({ code: 1000, reason: 'Message Timeout' });
    expect(replies[0]?.failure).toMatchObject({ websocketCode: 1000, reason: 'Message Timeout' });
    expect(others[0]?.failure).toMatchObject({ websocketCode: 1000, reason: 'Message Timeout' });
    expect(replies[0]?.failure?.connectionType).toBe('websocket');
  });

  behaves('the time runs from the moment the socket is open', async (visit) => {
    visit.use('websocket');
    visit.configure({ maxNetworkDelay: 700 }).handshake();
    const heard = visit.listen('/meta/handshake');
    const socket = await visit.net.socket();
    await visit.clock.advance(600);
    await socket.open();
    await visit.clock.advance(699);
    expect(heard).toEqual([]);
    await visit.clock.advance(1);
    expect(heard[0]?.[1].failure?.reason).toBe('Message Timeout');
  });

  behaves('a listener gets the one message that is late, and may extend', async (visit) => {
    const socket = await connected(visit, { maxNetworkDelay: 700 });
    const asked: Message[][] = [];
    visit.cometd.addTransportListener('timeout', function (this: never, messages: Message[]): number {
      expect(typeOf(this)).toBe('websocket');
      asked.push(messages);
      return asked.length === 1 ? 300 : 0;
    });
    publishing(visit);
    await visit.clock.advance(700);
    expect(asked).toMatchObject([[{ channel: '/a' }]]);
    expect(socket.closed).toBeNull();
    await visit.clock.advance(300);
    expect(socket.closed?.reason).toBe('Message Timeout');
  });

  behaves('the connect may take the advised timeout longer', async (visit) => {
    const socket = await connected(visit, { maxNetworkDelay: 700, advice: { timeout: 3000, interval: 0 } });
    await visit.clock.advance(3699);
    expect(socket.closed).toBeNull();
    await visit.clock.advance(1);
    expect(socket.closed?.reason).toBe('Message Timeout');
  });

  behaves('a reply in time stops the clock', async (visit) => {
    const socket = await connected(visit, { maxNetworkDelay: 700 });
    const replies = publishing(visit);
    await visit.clock.advance(699);
    await socket.reply('/a');
    await visit.clock.advance(10_000);
    expect(socket.closed).toBeNull();
    expect(replies).toMatchObject([{ successful: true }]);
  });
});

/** Section 0 of the behaviour: functions work unbound, and internals may be replaced. */
import { expect } from 'vitest';
import type { Transport } from './support/cometd.ts';
import type { Message } from './support/message.ts';
import { behaviour } from './support/visit.ts';

interface Packet {
  transport: unknown;
  url: string;
  sync: boolean;
  headers: Record<string, string>;
  body: string;
  onSuccess(response: unknown): void;
  onError(reason: string, exception?: unknown): void;
}

behaviour('unbound functions', (behaves) => {
  behaves(
    'receive needs no this',
    async (visit) => {
      await visit.connected();
      const heard = visit.listen('/a');
      const { receive } = visit.cometd;
      receive({ channel: '/a', data: 1 });
      expect(heard).toHaveLength(1);
    },
    { only: ['official 7', 'ours'] },
  );

  behaves(
    'the public functions need no this',
    async (visit) => {
      visit.configure();
      const { handshake, receive, publish, subscribe, unsubscribe, addListener, removeListener, batch, disconnect } =
        visit.cometd;
      const { getStatus, getClientId, isDisconnected, getConfiguration, getURL, startBatch, endBatch } = visit.cometd;
      const heard: unknown[] = [];
      handshake();
      await (await visit.net.take('/meta/handshake')).reply();
      await visit.net.take('/meta/connect');
      const listener = addListener('/a', (message: Message) => void heard.push(message.data));
      receive({ channel: '/a', data: 1 });
      removeListener(listener);
      const handle = subscribe('/b', () => undefined);
      await (await visit.net.take('/meta/subscribe')).reply();
      unsubscribe(handle);
      await (await visit.net.take('/meta/unsubscribe')).reply();
      batch(() => publish('/c', 1));
      startBatch();
      endBatch();
      await (await visit.net.take('/c')).reply();
      expect(heard).toEqual([1]);
      expect([getStatus(), getClientId(), isDisconnected(), getURL()]).toEqual([
        'connected',
        'client-1',
        false,
        'http://localhost:8080/cometd',
      ]);
      expect(getConfiguration()).toHaveProperty('maxNetworkDelay');
      disconnect();
      expect(getStatus()).toBe('disconnecting');
    },
    { only: 'ours' },
  );

  behaves(
    'every function of the object works unbound',
    (visit) => {
      const { _debug, _info, _warn, _mixin, setTimeout, setLogLevel, getBackoffPeriod, increaseBackoffPeriod } =
        visit.cometd;
      const { registerExtension, getExtension, getTransportTypes, findTransport, getTransport, getAdvice } =
        visit.cometd;
      setLogLevel('debug');
      _debug('d');
      _info('i');
      _warn('w');
      expect(visit.net.log.map(([level]) => level).filter((level) => level !== 'log')).toEqual(
        expect.arrayContaining(['debug', 'info', 'warn']),
      );
      expect(_mixin(false, {}, { a: 1 })).toEqual({ a: 1 });
      setTimeout(() => undefined, 5);
      expect(increaseBackoffPeriod()).toBe(getBackoffPeriod());
      const extension = {};
      registerExtension('x', extension);
      expect(getExtension('x')).toBe(extension);
      expect(getTransportTypes()).toEqual(['long-polling']);
      expect(findTransport('long-polling')).not.toBeNull();
      expect(getTransport() ?? null).toBeNull();
      expect(getAdvice()).toEqual({});
    },
    { only: 'ours' },
  );
});

behaviour('replaced internals', (behaves) => {
  behaves(
    'messages from the network go through a replaced receive',
    async (visit) => {
      const seen: unknown[] = [];
      const receive = visit.cometd.receive;
      visit.cometd.receive = (message: unknown) => {
        seen.push((message as Message).channel);
        return receive.call(visit.cometd, message);
      };
      await visit.connected();
      expect(seen).toEqual(['/meta/handshake', '/meta/connect']);
    },
    { only: ['official 9', 'ours'] },
  );

  behaves('a replaced xhrSend sends the requests; its onSuccess takes text, messages, or nothing', async (visit) => {
    const packets: Packet[] = [];
    const transport = visit.cometd.findTransport('long-polling') as Transport;
    transport.xhrSend = (packet: Packet) => {
      packets.push(packet);
      return { status: 200, readyState: 1, abort: () => undefined };
    };
    const heard = visit.listen('/meta/handshake', '/meta/connect');
    visit.configure({ requestHeaders: { a: '1' } }).handshake();
    await visit.net.quiet();
    const [handshake] = packets as [Packet];
    expect(handshake).toMatchObject({
      url: 'http://localhost:8080/cometd/handshake',
      sync: false,
      headers: { a: '1' },
    });
    expect(handshake.transport).toBe(transport);
    expect(JSON.parse(handshake.body)).toMatchObject([{ channel: '/meta/handshake' }]);
    const reply = { id: '1', channel: '/meta/handshake', successful: true, clientId: 'c', version: '1.0' };
    handshake.onSuccess(JSON.stringify([{ ...reply, supportedConnectionTypes: ['long-polling'] }]));
    await visit.net.quiet();
    packets[1]?.onSuccess([{ id: '2', channel: '/meta/connect', successful: true }]);
    await visit.net.quiet();
    packets[2]?.onSuccess(null);
    await visit.net.quiet();
    expect(heard.map(([, message]) => [message.channel, message.successful])).toEqual([
      ['/meta/handshake', true],
      ['/meta/connect', true],
      ['/meta/connect', false],
    ]);
    expect(heard[2]?.[1].failure).toMatchObject({ httpCode: 204 });
    expect(visit.net.requests).toEqual([]);
  });

  behaves('onError of a replaced xhrSend may come at once, and is told later', async (visit) => {
    await visit.connected();
    const transport = visit.cometd.getTransport() as Transport;
    const exception = new Error('digest failed');
    transport.xhrSend = (packet: Packet) => {
      packet.onError('refused', exception);
      return { status: 401, readyState: 4, abort: () => undefined };
    };
    const replies: Message[] = [];
    visit.cometd.publish('/a', 1, (reply: Message) => void replies.push(reply));
    expect(replies).toEqual([]);
    await visit.net.quiet();
    expect(replies[0]?.failure).toMatchObject({ reason: 'refused', exception });
  });

  behaves('a replaced transportSend may return nothing', async (visit) => {
    await visit.connected();
    const transport = visit.cometd.getTransport() as Transport;
    const sent: unknown[] = [];
    const success = transport.transportSuccess as (...args: unknown[]) => void;
    transport.transportSend = (envelope: { messages: Message[] }, request: object) => {
      sent.push(...envelope.messages.map((message) => message.channel));
      const replies = envelope.messages.map(({ id, channel }) => ({ id, channel, successful: true }));
      visit.window.setTimeout = visit.clock.setTimeout;
      visit.clock.setTimeout(() => success.call(transport, envelope, request, replies), 10);
    };
    const replies: Message[] = [];
    visit.cometd.publish('/a', 1, (reply: Message) => void replies.push(reply));
    await visit.clock.advance(10);
    expect(sent).toEqual(['/a']);
    expect(replies).toMatchObject([{ successful: true }]);
  });

  behaves('a replaced accept takes a transport out of the negotiation', async (visit) => {
    visit.use('long-polling', 'callback-polling');
    const transport = visit.cometd.findTransport('long-polling') as Transport;
    transport.accept = () => false;
    const handshake = await visit.shake();
    expect(handshake.message.supportedConnectionTypes).toEqual(['callback-polling']);
  });

  behaves('a replaced jsonpSend sends the requests of callback-polling', async (visit) => {
    visit.use('callback-polling');
    const packets: Packet[] = [];
    const transport = visit.cometd.findTransport('callback-polling') as Transport;
    transport.jsonpSend = (packet: Packet) => void packets.push(packet);
    visit.configure().handshake();
    await visit.net.quiet();
    expect(JSON.parse(packets[0]?.body ?? '[]')).toMatchObject([{ channel: '/meta/handshake' }]);
    packets[0]?.onError('refused');
    await visit.net.quiet();
    expect(packets).toHaveLength(2);
  });

  behaves('replaced _notifySuccess and _notifyFailure of websocket wrap what arrives', async (visit) => {
    visit.use('websocket');
    const transport = visit.cometd.findTransport('websocket') as Transport;
    const order: string[] = [];
    for (const name of ['_notifySuccess', '_notifyFailure']) {
      const own = transport[name] as (...args: unknown[]) => unknown;
      transport[name] = (...args: unknown[]) => {
        order.push(name);
        return own.apply(transport, args);
      };
    }
    visit.configure().handshake();
    const socket = await visit.net.socket();
    await socket.open();
    await socket.reply('/meta/handshake');
    await visit.net.quiet();
    await socket.end(1001, 'restart');
    expect(order).toEqual(['_notifySuccess', '_notifyFailure']);
  });

  behaves(
    'a derived transport overrides one function and inherits the others',
    async (visit) => {
      const packets: Packet[] = [];
      const derive = visit.lib.Transport.derive as <T>(base: T) => T;
      const derived = derive(new visit.lib.LongPollingTransport());
      derived.xhrSend = (packet: Packet) => {
        packets.push(packet);
        return { status: 200, abort: () => undefined };
      };
      visit.use();
      visit.cometd.registerTransport('long-polling', derived);
      visit.configure().handshake();
      await visit.net.quiet();
      const reply = { id: '1', channel: '/meta/handshake', successful: true, clientId: 'c', version: '1.0' };
      packets[0]?.onSuccess([{ ...reply, supportedConnectionTypes: ['long-polling'] }]);
      await visit.net.quiet();
      expect(visit.cometd.getTransport()).toBe(derived);
      expect(JSON.parse(packets[1]?.body ?? '[]')).toMatchObject([{ channel: '/meta/connect', clientId: 'c' }]);
      expect(visit.cometd.getStatus()).toBe('connected');
    },
    { only: ['official 7', 'ours'] },
  );
});

/** Sections 2.1 and 2.2 of the behaviour: the states of a client, and the handshake. */
import { expect } from 'vitest';
import { typeOf } from './support/cometd.ts';
import type { Message } from './support/message.ts';
import { behaviour } from './support/visit.ts';

behaviour('status', (behaves) => {
  behaves('a client is handshaking, connecting, connected, disconnecting, disconnected', async (visit) => {
    const { cometd, net, clock } = visit;
    const handshake = await visit.shake();
    expect(cometd.getStatus()).toBe('handshaking');
    await handshake.reply();
    expect(cometd.getStatus()).toBe('connecting');
    await clock.advance(0);
    expect(cometd.getStatus()).toBe('connected');
    await (await net.take('/meta/connect')).reply({ advice: { interval: 100 } });
    expect(cometd.getStatus()).toBe('connecting');
    await clock.advance(99);
    expect(cometd.getStatus()).toBe('connecting');
    await clock.advance(1);
    expect(cometd.getStatus()).toBe('connected');
    cometd.disconnect();
    expect(cometd.getStatus()).toBe('disconnecting');
    await (await net.take('/meta/disconnect')).reply();
    expect(cometd.getStatus()).toBe('disconnected');
  });

  behaves('listeners see the status of the moment', async (visit) => {
    const { cometd, net } = visit;
    const seen: string[] = [];
    for (const channel of ['/meta/handshake', '/meta/connect', '/meta/disconnect']) {
      cometd.addListener(channel, () => seen.push(`${channel} ${cometd.getStatus()}`));
    }
    await visit.connected();
    cometd.disconnect();
    await (await net.take('/meta/disconnect')).reply();
    expect(seen).toEqual(['/meta/handshake handshaking', '/meta/connect connected', '/meta/disconnect disconnected']);
  });

  behaves('a failed connect leads through connecting back to connected', async (visit) => {
    const connect = await visit.connected();
    await connect.fail();
    expect(visit.cometd.getStatus()).toBe('connecting');
    await visit.clock.advance(1000);
    expect(visit.cometd.getStatus()).toBe('connected');
  });

  behaves('advice none disconnects', async (visit) => {
    const connect = await visit.connected();
    await connect.reply({ advice: { reconnect: 'none' } });
    expect(visit.cometd.getStatus()).toBe('disconnected');
  });

  behaves('a connect listener may disconnect, and no further connect is sent', async (visit) => {
    const { cometd, net } = visit;
    const connect = await visit.connected();
    cometd.addListener('/meta/connect', () => cometd.disconnect());
    await connect.reply();
    await net.take('/meta/disconnect');
    expect(net.open.map((exchange) => exchange.channels)).toEqual([['/meta/disconnect']]);
  });
});

behaviour('handshake', (behaves) => {
  behaves('the request says version, transports and advice, and has an id', async (visit) => {
    const request = await visit.shake();
    expect(request.messages).toEqual([
      {
        id: '1',
        version: '1.0',
        minimumVersion: '1.0',
        channel: '/meta/handshake',
        supportedConnectionTypes: ['long-polling'],
        advice: { timeout: 60_000, interval: 0 },
      },
    ]);
  });

  behaves('properties are sent along, but cannot replace fields of the protocol', async (visit) => {
    visit.configure().handshake({ ext: { token: 'x' }, channel: '/other', id: '99', version: '2.0', extra: 1 });
    const { message } = await visit.net.take('/meta/handshake');
    expect(message).toMatchObject({
      channel: '/meta/handshake',
      id: '1',
      version: '1.0',
      ext: { token: 'x' },
      extra: 1,
    });
  });

  behaves('the first argument may be the callback', async (visit) => {
    const replies: Message[] = [];
    visit.configure().handshake((reply: Message) => void replies.push(reply));
    await (await visit.net.take('/meta/handshake')).reply();
    expect(replies[0]).toMatchObject({ channel: '/meta/handshake', successful: true, clientId: 'client-1' });
    expect(visit.cometd.getClientId()).toBe('client-1');
  });

  behaves(
    'application messages wait for the handshake, and go out together before the first connect',
    async (visit) => {
      const handshake = await visit.shake();
      visit.cometd.subscribe('/a', () => undefined);
      visit.cometd.publish('/b', 1);
      expect(visit.net.requests).toHaveLength(1);
      await handshake.reply();
      await visit.net.quiet();
      expect(visit.net.channels.slice(1)).toEqual([['/meta/subscribe', '/b'], ['/meta/connect']]);
      expect(visit.net.requests[1]?.messages.map((message) => message.clientId)).toEqual(['client-1', 'client-1']);
    },
  );

  behaves('the callback comes first, then the listeners, then what they sent, then the connect', async (visit) => {
    const order: string[] = [];
    visit.cometd.addListener('/meta/handshake', () => {
      order.push('listener');
      visit.cometd.publish('/from-listener', 1);
    });
    visit.configure().handshake(() => void order.push('callback'));
    await (await visit.net.take('/meta/handshake')).reply();
    await visit.net.quiet();
    expect(order).toEqual(['callback', 'listener']);
    expect(visit.net.channels.slice(1)).toEqual([['/from-listener'], ['/meta/connect']]);
  });

  behaves('reestablish is false at first, and true after a handshake of its own', async (visit) => {
    const heard = visit.listen('/meta/handshake');
    const connect = await visit.connected();
    await connect.refuse({ advice: { reconnect: 'handshake' } });
    await (await visit.net.take('/meta/handshake')).reply();
    visit.cometd.disconnect();
    await (await visit.net.take('/meta/disconnect')).reply();
    visit.cometd.handshake();
    await (await visit.net.take('/meta/handshake')).reply();
    expect(heard.map(([, message]) => message.reestablish)).toEqual([false, true, false]);
  });

  behaves(
    'the callback is called again at each later handshake, with the properties as they are then',
    async (visit) => {
      let called = 0;
      const props = { ext: { token: 'one' } };
      visit.configure().handshake(props, () => called++);
      await (await visit.net.take('/meta/handshake')).reply();
      props.ext.token = 'two';
      await (await visit.net.take('/meta/connect')).refuse({ advice: { reconnect: 'handshake' } });
      const again = await visit.net.take('/meta/handshake');
      expect(again.message.ext).toEqual({ token: 'two' });
      await again.reply();
      expect(called).toBe(2);
    },
  );

  behaves('no common transport ends it all', async (visit) => {
    const told: unknown[][] = [];
    visit.cometd.onTransportException = (...args: unknown[]) => void told.push(args);
    const heard = visit.listen('/meta/handshake', '/meta/unsuccessful');
    const handshake = await visit.shake();
    await handshake.reply({ supportedConnectionTypes: ['carrier-pigeon'] });
    expect(heard.map(([channel, message]) => [channel, message.successful])).toEqual([
      ['/meta/handshake', false],
      ['/meta/unsuccessful', false],
    ]);
    expect(told).toHaveLength(1);
    expect(told[0]?.[0]).toMatchObject({
      reason: 'Could not negotiate transport, client=[long-polling], server=[carrier-pigeon]',
    });
    expect(told[0]?.slice(1)).toEqual(['long-polling', null]);
    expect(visit.cometd.getStatus()).toBe('disconnected');
  });

  behaves('messages delivered with the handshake come before the first connect', async (visit) => {
    const heard: unknown[] = [];
    visit.cometd.addListener('/a', (message: Message) => void heard.push(message.data));
    const handshake = await visit.shake();
    const reply = {
      id: handshake.message.id,
      channel: '/meta/handshake',
      successful: true,
      clientId: 'c',
      version: '1.0',
    };
    await handshake.answer([
      { ...reply, supportedConnectionTypes: ['long-polling'], 'x-messages': 2 },
      { channel: '/a', data: 1 },
    ]);
    await visit.net.quiet();
    expect(visit.net.open).toEqual([]);
    visit.cometd.receive({ channel: '/a', data: 2 });
    await visit.net.take('/meta/connect');
    expect(heard).toEqual([1, 2]);
  });

  behaves('advice none in a successful reply disconnects', async (visit) => {
    const handshake = await visit.shake();
    await handshake.reply({ advice: { reconnect: 'none' } });
    await visit.net.quiet();
    expect(visit.cometd.getStatus()).toBe('disconnected');
    expect(visit.net.open).toEqual([]);
  });

  behaves(
    'advice handshake in a successful reply is taken as retry',
    async (visit) => {
      await visit.handshook({}, { advice: { reconnect: 'handshake' } });
      expect(visit.cometd.getStatus()).toBe('connected');
    },
    { only: 'ours' },
  );

  behaves('the order of registration decides between transports', async (visit) => {
    const cometd = visit.use('long-polling', 'callback-polling');
    await visit.handshook({}, { supportedConnectionTypes: ['callback-polling', 'long-polling'] });
    expect(typeOf(cometd.getTransport())).toBe('long-polling');
  });

  behaves(
    'a reply without transports does not get the client stuck',
    async (visit) => {
      const handshake = await visit.shake();
      await handshake.reply({ supportedConnectionTypes: undefined });
      await visit.clock.advance(1000);
      expect(visit.cometd.getStatus()).not.toBe('handshaking');
    },
    { only: 'ours' },
  );

  behaves(
    'a refusal without channel and id is the refusal of the handshake',
    async (visit) => {
      const heard = visit.listen('/meta/handshake', '/meta/publish');
      const handshake = await visit.shake();
      await handshake.answer([{ error: '401::Request requires authentication', successful: false }]);
      expect(heard).toHaveLength(1);
      expect(heard[0]?.[0]).toBe('/meta/handshake');
      expect(heard[0]?.[1].successful).toBe(false);
      expect((await visit.net.take('/meta/handshake')).message.id).toBe('2');
    },
    { only: 'ours' },
  );

  behaves(
    'a late reply to an earlier handshake changes nothing',
    async (visit) => {
      const first = await visit.shake({ maxNetworkDelay: 500 });
      await visit.clock.advance(500);
      const second = await visit.net.take('/meta/handshake');
      visit.cometd.receive({
        id: first.message.id,
        channel: '/meta/handshake',
        successful: true,
        clientId: 'stale',
        supportedConnectionTypes: ['long-polling'],
      });
      expect(visit.cometd.getClientId()).not.toBe('stale');
      await second.reply({ clientId: 'fresh' });
      expect(visit.cometd.getClientId()).toBe('fresh');
    },
    { only: 'ours' },
  );

  behaves('a disconnect right after the handshake ends disconnected', async (visit) => {
    await visit.shake();
    visit.cometd.disconnect();
    await visit.net.quiet();
    for (let turn = 0; turn < 3; turn++) {
      for (const exchange of visit.net.open) {
        if (exchange.channels.includes('/meta/disconnect')) await exchange.refuse({ error: '402::Unknown client' });
        else await exchange.reply();
      }
      await visit.clock.advance(20_000);
    }
    expect(visit.cometd.getStatus()).toBe('disconnected');
  });
});

/** Sections 2.3 and 2.4 of the behaviour: the connect, and what advice does to it. */
import { expect } from 'vitest';
import { behaviour } from './support/visit.ts';

behaviour('connect', (behaves) => {
  behaves('the first connect asks for an answer at once, the next ones do not', async (visit) => {
    const first = await visit.handshook();
    expect(first.messages).toEqual([
      {
        id: '2',
        channel: '/meta/connect',
        connectionType: 'long-polling',
        advice: { timeout: 0 },
        clientId: 'client-1',
      },
    ]);
    await first.reply();
    const second = await visit.net.take('/meta/connect');
    expect(second.message).toEqual({
      id: '3',
      channel: '/meta/connect',
      connectionType: 'long-polling',
      clientId: 'client-1',
    });
  });

  behaves('after a failure the next connect asks for an answer at once again', async (visit) => {
    const connect = await visit.connected();
    await connect.fail();
    await visit.clock.advance(1000);
    expect((await visit.net.take('/meta/connect')).message.advice).toEqual({ timeout: 0 });
  });

  behaves('one connect is under way at any time', async (visit) => {
    await visit.connected();
    await visit.clock.advance(30_000);
    expect(visit.net.open.map((exchange) => exchange.channels)).toEqual([['/meta/connect']]);
  });

  behaves('a reply with the id of another connect is dropped', async (visit) => {
    await visit.connected();
    const heard = visit.listen('/meta/connect', '/meta/unsuccessful');
    visit.cometd.receive({ id: '999', channel: '/meta/connect', successful: true });
    visit.cometd.receive({ id: '999', channel: '/meta/connect', successful: false });
    await visit.net.quiet();
    expect(heard).toEqual([]);
    expect(visit.net.open).toHaveLength(1);
  });

  behaves('the last connect after a disconnect is still told to listeners', async (visit) => {
    const connect = await visit.connected();
    const heard = visit.listen('/meta/connect');
    visit.cometd.disconnect();
    await (await visit.net.take('/meta/disconnect')).reply();
    expect(connect.aborted).toBe(false);
    await connect.reply({ advice: { reconnect: 'none' } });
    expect(heard).toHaveLength(1);
    await visit.net.quiet();
    expect(visit.net.open).toEqual([]);
    expect(visit.cometd.getStatus()).toBe('disconnected');
  });

  behaves(
    'an unsuccessful connect is told to connect and to unsuccessful listeners, and tried again',
    async (visit) => {
      const connect = await visit.connected();
      const heard = visit.listen('/meta/connect', '/meta/unsuccessful');
      await connect.refuse();
      expect(heard.map(([channel]) => channel)).toEqual(['/meta/connect', '/meta/unsuccessful']);
      await visit.clock.advance(1000);
      await visit.net.take('/meta/connect');
    },
  );

  behaves('an unsuccessful connect with advice none disconnects', async (visit) => {
    const connect = await visit.connected();
    await connect.refuse({ advice: { reconnect: 'none' } });
    expect(visit.cometd.getStatus()).toBe('disconnected');
    expect(visit.net.open).toEqual([]);
  });

  behaves('an unsuccessful connect with advice handshake leads to a handshake at once', async (visit) => {
    const connect = await visit.connected();
    await connect.refuse({ error: '402::Unknown client', advice: { reconnect: 'handshake' } });
    expect(visit.cometd.getStatus()).toBe('handshaking');
    await visit.net.take('/meta/handshake');
  });

  behaves(
    'a successful connect with advice handshake leads to a handshake, too',
    async (visit) => {
      const connect = await visit.connected();
      await connect.reply({ advice: { reconnect: 'handshake' } });
      await visit.net.take('/meta/handshake');
    },
    { only: 'ours' },
  );

  behaves('what the application sends while a new handshake is due waits for it', async (visit) => {
    const connect = await visit.connected();
    await connect.refuse({ advice: { reconnect: 'handshake' } });
    visit.cometd.publish('/a', 1);
    const handshake = await visit.net.take('/meta/handshake');
    expect(visit.net.open).toHaveLength(1);
    await handshake.reply({ clientId: 'client-2' });
    expect((await visit.net.take('/a')).message.clientId).toBe('client-2');
  });
});

behaviour('advice', (behaves) => {
  behaves('interval is the pause between connects', async (visit) => {
    const connect = await visit.connected();
    await connect.reply({ advice: { interval: 500 } });
    await visit.clock.advance(499);
    expect(visit.net.open).toEqual([]);
    await visit.clock.advance(1);
    expect(visit.net.open).toHaveLength(1);
  });

  behaves('a negative interval is no pause', async (visit) => {
    const connect = await visit.connected();
    await connect.reply({ advice: { interval: -1 } });
    await visit.net.take('/meta/connect');
  });

  behaves('new advice replaces what was advised before; the rest is what was configured', async (visit) => {
    const connect = await visit.connected({}, { advice: { timeout: 20_000, reconnect: 'retry', interval: 0 } });
    expect(visit.cometd.getAdvice()).toMatchObject({ timeout: 20_000, reconnect: 'retry' });
    await connect.reply({ advice: { interval: 500 } });
    const advice = visit.cometd.getAdvice();
    expect(advice).toMatchObject({ timeout: 60_000, interval: 500 });
    expect(advice.reconnect).toBeUndefined();
  });

  behaves('a reply without advice changes nothing', async (visit) => {
    const connect = await visit.connected({}, { advice: { timeout: 20_000 } });
    await connect.reply();
    expect(visit.cometd.getAdvice().timeout).toBe(20_000);
  });

  behaves('any reply may bring advice, and extensions see it first', async (visit) => {
    await visit.connected();
    visit.cometd.registerExtension('advisor', {
      incoming: (message: { advice?: { interval: number } }) => {
        if (message.advice) message.advice.interval = 77;
      },
    });
    visit.cometd.receive({ channel: '/meta/x', successful: true, advice: { interval: 5 } });
    expect(visit.cometd.getAdvice().interval).toBe(77);
  });

  behaves('a new handshake starts with the configured advice', async (visit) => {
    await (await visit.shake({ advice: { timeout: 44_000, interval: 3 } })).reply();
    await visit.clock.advance(3);
    const connect = await visit.net.take('/meta/connect');
    await connect.refuse({ advice: { reconnect: 'handshake', timeout: 1, interval: 0 } });
    const handshake = await visit.net.take('/meta/handshake');
    expect(handshake.message.advice).toEqual({ timeout: 44_000, interval: 3 });
    await handshake.reply();
    await visit.clock.advance(3);
    await visit.net.take('/meta/connect');
    expect(visit.cometd.getStatus()).toBe('connected');
  });

  behaves('missing reconnect means handshake for a refused handshake', async (visit) => {
    const handshake = await visit.shake();
    await handshake.refuse();
    await visit.net.take('/meta/handshake');
  });

  behaves('a refused handshake with advice none ends', async (visit) => {
    const handshake = await visit.shake();
    const heard = visit.listen('/meta/handshake', '/meta/unsuccessful');
    await handshake.refuse({ advice: { reconnect: 'none' } });
    expect(heard).toHaveLength(2);
    expect(visit.cometd.getStatus()).toBe('disconnected');
    await visit.clock.advance(100_000);
    expect(visit.net.requests).toHaveLength(1);
  });
});

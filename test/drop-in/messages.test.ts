/** Section 5 of the behaviour: ids, publishing, batches. */
import { expect } from 'vitest';
import type { Message } from './support/message.ts';
import { behaviour, thrown, type Visit } from './support/visit.ts';

const ids = (visit: Visit) => visit.net.requests.flatMap(({ messages }) => messages).map((message) => message.id);

behaviour('publish', (behaves) => {
  behaves('ids are numbers in text, one after the other, over several sessions', async (visit) => {
    await visit.connected();
    visit.cometd.publish('/a', 1);
    await (await visit.net.take('/a')).reply();
    visit.cometd.disconnect();
    await (await visit.net.take('/meta/disconnect')).reply();
    visit.cometd.handshake();
    await visit.net.take('/meta/handshake');
    expect(ids(visit)).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  behaves('properties are sent along, but not instead of id, channel or data', async (visit) => {
    await visit.connected();
    visit.cometd.publish('/a', { x: 1 }, { ext: { y: 1 }, id: '99', channel: '/b', data: 2, extra: true });
    expect((await visit.net.take('/a')).messages).toEqual([
      { id: '4', channel: '/a', data: { x: 1 }, clientId: 'client-1', ext: { y: 1 }, extra: true },
    ]);
  });

  behaves('the callback stands in any place behind the channel', async (visit) => {
    await visit.connected();
    const heard: number[] = [];
    const forms: [unknown[], unknown][] = [
      [[() => heard.push(1)], {}],
      [['data', () => heard.push(2)], 'data'],
      [['data', { ext: {} }, () => heard.push(3)], 'data'],
    ];
    for (const [form, data] of forms) {
      visit.cometd.publish('/a', ...form);
      const request = await visit.net.take('/a');
      expect(request.message.data).toEqual(data);
      await request.reply();
    }
    expect(heard).toEqual([1, 2, 3]);
  });

  behaves('a callback is called once, with the client as this', async (visit) => {
    await visit.connected();
    const seen: unknown[] = [];
    visit.cometd.publish('/a', 1, function (this: unknown): void {
      seen.push(this);
    });
    const request = await visit.net.take('/a');
    await request.reply();
    visit.cometd.receive({ id: request.message.id, channel: '/a', successful: true });
    expect(seen).toEqual([visit.cometd]);
  });

  behaves('an extension cannot change the id', async (visit) => {
    await visit.connected();
    visit.cometd.registerExtension('changer', { outgoing: (message: Message) => ({ ...message, id: 'other' }) });
    const heard: unknown[] = [];
    visit.cometd.publish('/a', 1, (reply: Message) => void heard.push(reply.successful));
    const request = await visit.net.take('/a');
    expect(request.message.id).toBe('4');
    await request.reply();
    expect(heard).toEqual([true]);
  });

  behaves('outgoing extensions run in reverse order, incoming ones in order', async (visit) => {
    await visit.connected();
    const order: string[] = [];
    for (const name of ['one', 'two']) {
      visit.cometd.registerExtension(name, {
        incoming: () => void order.push(`in ${name}`),
        outgoing: () => void order.push(`out ${name}`),
      });
    }
    visit.cometd.publish('/a', 1);
    await (await visit.net.take('/a')).reply();
    expect(order).toEqual(['out two', 'out one', 'in one', 'in two']);
  });

  behaves('send takes a complete message through the extensions', async (visit) => {
    await visit.connected();
    visit.cometd.registerExtension('stamp', { outgoing: (message: Message) => ({ ...message, stamp: 1 }) });
    visit.cometd.send({ id: '77', channel: '/a', data: 1 });
    expect((await visit.net.take('/a')).message).toMatchObject({ id: '77', data: 1, stamp: 1, clientId: 'client-1' });
  });
});

behaviour('batches', (behaves) => {
  behaves('messages of a batch go out together, when the outermost one ends', async (visit) => {
    const { cometd, net } = visit;
    await visit.connected();
    cometd.startBatch();
    cometd.publish('/a', 1);
    cometd.startBatch();
    cometd.publish('/b', 1);
    cometd.endBatch();
    await net.quiet();
    expect(net.open).toHaveLength(1);
    cometd.endBatch();
    expect((await net.take('/a')).channels).toEqual(['/a', '/b']);
  });

  behaves('batch takes function, scope and function, scope and name', async (visit) => {
    const { cometd } = visit;
    await visit.connected({ maxConnections: 9 });
    const seen: unknown[] = [];
    const scope = {
      run(this: unknown): void {
        seen.push(this);
        cometd.publish(`/c${seen.length}`, 1);
        cometd.publish(`/c${seen.length}`, 2);
      },
    };
    cometd.batch(scope.run);
    cometd.batch(scope, scope.run);
    cometd.batch(scope, 'run');
    expect(seen).toEqual([undefined, scope, scope]);
    await visit.net.quiet();
    expect(visit.net.channels.slice(-3)).toEqual([
      ['/c1', '/c1'],
      ['/c2', '/c2'],
      ['/c3', '/c3'],
    ]);
  });

  behaves('what a batch throws is logged and thrown again, and the batch is sent', async (visit) => {
    const { cometd } = visit;
    await visit.connected();
    const text = thrown(() =>
      cometd.batch(() => {
        cometd.publish('/a', 1);
        throw new Error('in the batch');
      }),
    );
    expect(text).toBe('in the batch');
    expect(visit.net.log.some(([level]) => level === 'info')).toBe(true);
    await visit.net.take('/a');
  });

  behaves(
    'an unpaired end does not spoil the batches that follow',
    async (visit) => {
      const { cometd } = visit;
      await visit.connected();
      expect(thrown(() => cometd.endBatch())).toBe('Calls to startBatch() and endBatch() are not paired');
      cometd.startBatch();
      cometd.publish('/a', 1);
      await visit.net.quiet();
      expect(visit.net.open).toHaveLength(1);
      cometd.endBatch();
      await visit.net.take('/a');
    },
    { only: 'ours' },
  );

  behaves('a batch inside which a new handshake happens ends without an error', async (visit) => {
    const { cometd } = visit;
    const connect = await visit.connected();
    cometd.startBatch();
    cometd.publish('/a', 1);
    await connect.refuse({ advice: { reconnect: 'handshake' } });
    await (await visit.net.take('/meta/handshake')).reply();
    await visit.net.quiet();
    expect(visit.net.channels.flat()).toContain('/a');
  });

  behaves('an empty batch sends nothing', async (visit) => {
    await visit.connected();
    visit.cometd.batch(() => undefined);
    await visit.net.quiet();
    expect(visit.net.open).toHaveLength(1);
  });

  behaves('outgoing extensions see a message when it is really sent', async (visit) => {
    const { cometd } = visit;
    await visit.connected();
    const seen: unknown[] = [];
    cometd.registerExtension('watcher', { outgoing: (message: Message) => void seen.push(message.channel) });
    cometd.startBatch();
    cometd.publish('/a', 1);
    expect(seen).toEqual([]);
    cometd.endBatch();
    await visit.net.quiet();
    expect(seen).toEqual(['/a']);
  });
});

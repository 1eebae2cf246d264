/** Section 5 of the behaviour: remote calls and binary messages. */
import { expect } from 'vitest';
import type { Message } from './support/message.ts';
import { behaviour } from './support/visit.ts';

behaviour('remote calls', (behaves) => {
  behaves('go to the service channel of the target', async (visit) => {
    await visit.connected({ maxConnections: 9 });
    visit.cometd.remoteCall('target', { x: 1 }, () => undefined);
    visit.cometd.remoteCall('/deep/target', 'y', 500, { ext: { z: 1 } }, () => undefined);
    expect((await visit.net.take('/service/target')).messages).toEqual([
      { id: '4', channel: '/service/target', data: { x: 1 }, clientId: 'client-1' },
    ]);
    expect((await visit.net.take('/service/deep/target')).message).toMatchObject({ data: 'y', ext: { z: 1 } });
  });

  behaves('find their callback in any place', async (visit) => {
    await visit.connected({ maxConnections: 9 });
    const heard: number[] = [];
    const forms: unknown[][] = [
      [() => heard.push(0)],
      [{}, () => heard.push(1)],
      [{}, 500, () => heard.push(2)],
      [{}, 500, {}, () => heard.push(3)],
    ];
    for (const [index, form] of forms.entries()) {
      visit.cometd.remoteCall(`t${index}`, ...form);
      const request = await visit.net.take(`/service/t${index}`);
      await request.reply({ data: { ok: true } });
    }
    expect(heard).toEqual([0, 1, 2, 3]);
  });

  behaves('get the response with data, and no listener does', async (visit) => {
    await visit.connected();
    const heard = visit.listen('/service/t', '/meta/publish');
    const results: Message[] = [];
    visit.cometd.remoteCall('t', {}, (reply: Message) => void results.push(reply));
    await (await visit.net.take('/service/t')).reply({ data: 7 });
    expect(results).toMatchObject([{ successful: true, data: 7, channel: '/service/t' }]);
    expect(heard).toEqual([]);
  });

  behaves('are not completed by an acknowledgement without data', async (visit) => {
    await visit.connected();
    const heard = visit.listen('/meta/publish');
    const results: Message[] = [];
    visit.cometd.remoteCall('t', {}, (reply: Message) => void results.push(reply));
    const request = await visit.net.take('/service/t');
    await request.reply();
    expect(results).toEqual([]);
    expect(heard).toHaveLength(1);
    visit.cometd.receive({ id: request.message.id, channel: '/service/t', successful: true, data: 7 });
    expect(results).toHaveLength(1);
  });

  behaves('that fail are told to their callback alone', async (visit) => {
    await visit.connected();
    const heard = visit.listen('/meta/publish', '/meta/unsuccessful');
    const results: Message[] = [];
    visit.cometd.remoteCall('t', {}, (reply: Message) => void results.push(reply));
    await (await visit.net.take('/service/t')).refuse({ error: '404::no such target' });
    visit.cometd.remoteCall('t', {}, (reply: Message) => void results.push(reply));
    await (await visit.net.take('/service/t')).fail();
    expect(results).toMatchObject([
      { successful: false, error: '404::no such target' },
      { successful: false, failure: { httpCode: 0 } },
    ]);
    expect(heard).toEqual([]);
  });

  behaves('time out with an error, once; what comes later is an ordinary message', async (visit) => {
    await visit.connected();
    const heard = visit.listen('/service/t');
    const results: Message[] = [];
    visit.cometd.remoteCall('t', { x: 1 }, 500, (reply: Message) => void results.push(reply));
    const request = await visit.net.take('/service/t');
    await visit.clock.advance(500);
    expect(results).toHaveLength(1);
    expect(results[0]).toMatchObject({
      id: '4',
      error: '406::timeout',
      successful: false,
      failure: { reason: 'Remote Call Timeout', message: { channel: '/service/t', data: { x: 1 } } },
    });
    expect(results[0]).not.toHaveProperty('channel');
    await request.reply({ data: 7 });
    expect(results).toHaveLength(1);
    expect(heard).toHaveLength(1);
  });

  behaves('without a time wait as long as the network may take, and with 0 for ever', async (visit) => {
    await visit.connected({ maxNetworkDelay: 700, maxConnections: 9 });
    const results: unknown[] = [];
    visit.cometd.remoteCall('one', {}, (reply: Message) => void results.push(['one', reply.error]));
    visit.cometd.remoteCall('two', {}, 0, (reply: Message) => void results.push(['two', reply.error]));
    await (await visit.net.take('/service/one')).reply();
    await (await visit.net.take('/service/two')).reply();
    await visit.clock.advance(700);
    expect(results).toEqual([['one', '406::timeout']]);
    await visit.clock.advance(50_000);
    expect(results).toHaveLength(1);
  });

  behaves(
    'are not completed by a broadcast message that happens to have their id',
    async (visit) => {
      await visit.connected();
      const heard = visit.listen('/news');
      const results: Message[] = [];
      visit.cometd.remoteCall('t', {}, (reply: Message) => void results.push(reply));
      const request = await visit.net.take('/service/t');
      visit.cometd.receive({ id: request.message.id, channel: '/news', data: 1 });
      expect([results.length, heard.length]).toEqual([0, 1]);
    },
    { only: 'ours' },
  );
});

behaviour('binary messages', (behaves) => {
  const bytes = new Uint8Array([1, 2, 3]).buffer;
  const take = (visit: Parameters<Parameters<typeof behaves>[1]>[0]) => {
    const sent: Message[] = [];
    visit.cometd.registerExtension('watcher', { outgoing: (message: Message) => void sent.push(message) });
    return sent;
  };

  behaves('carry meta, data and last, and are marked', async (visit) => {
    await visit.connected();
    const sent = take(visit);
    visit.cometd.publishBinary('/a', bytes, false, { name: 'x' });
    await visit.net.quiet();
    expect(sent[0]).toMatchObject({ channel: '/a', ext: { binary: {} } });
    expect(sent[0]?.data).toEqual({ meta: { name: 'x' }, data: bytes, last: false });
  });

  behaves('are the last ones where a callback stands instead', async (visit) => {
    await visit.connected({ maxConnections: 9 });
    const sent = take(visit);
    const fn = () => undefined;
    visit.cometd.publishBinary('/a', fn);
    visit.cometd.publishBinary('/a', bytes, fn);
    visit.cometd.publishBinary('/a', bytes, false, fn);
    visit.cometd.publishBinary('/a', bytes, true, { m: 1 }, fn);
    visit.cometd.publishBinary('/a', bytes, true, { m: 1 }, { extra: 1 }, fn);
    await visit.net.quiet();
    expect(sent.map((message) => (message.data as { last: unknown }).last)).toEqual([true, true, false, true, true]);
    expect(sent[0]?.data).toMatchObject({ data: { byteLength: 0 } });
    expect(sent[4]?.extra).toBe(1);
  });

  behaves(
    'are the last ones unless told',
    async (visit) => {
      await visit.connected();
      const sent = take(visit);
      visit.cometd.publishBinary('/a', bytes);
      await visit.net.quiet();
      expect(sent[0]?.data).toMatchObject({ last: true });
    },
    { only: 'ours' },
  );

  behaves(
    'leave the given properties alone, and keep their ext',
    async (visit) => {
      await visit.connected();
      const sent = take(visit);
      const props = { ext: { mine: 1 } };
      visit.cometd.publishBinary('/a', bytes, true, undefined, props);
      await visit.net.quiet();
      expect(props).toEqual({ ext: { mine: 1 } });
      expect(sent[0]?.ext).toEqual({ mine: 1, binary: {} });
    },
    { only: 'ours' },
  );

  behaves('can be remote calls', async (visit) => {
    await visit.connected({ maxConnections: 9 });
    const sent = take(visit);
    const results: number[] = [];
    const forms: unknown[][] = [
      [() => results.push(0)],
      [bytes, () => results.push(1)],
      [bytes, true, () => results.push(2)],
      [bytes, true, { m: 1 }, () => results.push(3)],
      [bytes, true, { m: 1 }, 500, () => results.push(4)],
      [bytes, true, { m: 1 }, 500, { extra: 1 }, () => results.push(5)],
    ];
    for (const [index, form] of forms.entries()) {
      visit.cometd.remoteCallBinary(`t${index}`, ...form);
      await (await visit.net.take(`/service/t${index}`)).reply({ data: {} });
    }
    expect(results).toEqual([0, 1, 2, 3, 4, 5]);
    expect(sent.every((message) => JSON.stringify(message.ext) === '{"binary":{}}')).toBe(true);
    expect(sent.at(-1)).toMatchObject({ extra: 1, data: { meta: { m: 1 }, last: true } });
  });
});

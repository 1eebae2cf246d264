/** Section 3.3 of the behaviour: how request transports queue, and callback-polling. */
import { expect } from 'vitest';
import type { JsonpExchange } from './support/fake-jsonp.ts';
import type { Message } from './support/message.ts';
import { behaviour, thrown, type Visit } from './support/visit.ts';

const publishAll = (visit: Visit, count: number) => {
  for (let n = 1; n <= count; n++) visit.cometd.publish(`/c${n}`, n);
};

behaviour('request queue', (behaves) => {
  behaves('one request besides the connect is under way; the others wait in order', async (visit) => {
    await visit.connected();
    publishAll(visit, 3);
    await visit.net.quiet();
    for (const channel of ['/c1', '/c2', '/c3']) {
      expect(visit.net.open.map((exchange) => exchange.channels)).toEqual([['/meta/connect'], [channel]]);
      await (await visit.net.take(channel)).reply();
      await visit.net.quiet();
    }
  });

  behaves('with more connections more requests are under way', async (visit) => {
    await visit.connected({ maxConnections: 4 });
    publishAll(visit, 5);
    await visit.net.quiet();
    expect(visit.net.open).toHaveLength(1 + 3);
  });

  behaves('with autoBatch what waited goes in one request', async (visit) => {
    await visit.connected({ autoBatch: true });
    publishAll(visit, 5);
    await (await visit.net.take('/c1')).reply();
    expect((await visit.net.take('/c2')).channels).toEqual(['/c2', '/c3', '/c4', '/c5']);
  });

  behaves('autoBatch stops where another URL begins', async (visit) => {
    await visit.connected({ autoBatch: true });
    publishAll(visit, 3);
    visit.cometd.disconnect();
    await (await visit.net.take('/c1')).reply();
    const batch = await visit.net.take('/c2');
    expect(batch.channels).toEqual(['/c2', '/c3']);
    await batch.reply();
    expect((await visit.net.take('/meta/disconnect')).channels).toEqual(['/meta/disconnect']);
  });

  behaves('callbacks of one autoBatch all get their own reply', async (visit) => {
    await visit.connected({ autoBatch: true });
    const heard: unknown[] = [];
    for (const channel of ['/a', '/b', '/c'])
      visit.cometd.publish(channel, 1, (reply: Message) => heard.push(reply.channel));
    await (await visit.net.take('/a')).reply();
    await (await visit.net.take('/b')).reply();
    expect(heard).toEqual(['/a', '/b', '/c']);
  });

  behaves('a second connect at the same time is an error', async (visit) => {
    await visit.connected();
    const transport = visit.cometd.getTransport() as unknown as { send(envelope: object, metaConnect: boolean): void };
    const messages = [{ id: '9', channel: '/meta/connect' }];
    const deaf = { onSuccess: () => undefined, onFailure: () => undefined };
    const send = () => transport.send({ url: 'http://localhost/', messages, ...deaf }, true);
    expect(thrown(send)).toMatch(/^Concurrent \/meta\/connect requests not allowed, request id=\d+ not yet completed$/);
  });

  behaves('callbacks never run while publish is running, even when sending throws', async (visit) => {
    await visit.connected();
    visit.window.XMLHttpRequest = class {
      constructor() {
        throw new Error('no more requests');
      }
    };
    const replies: Message[] = [];
    visit.cometd.publish('/a', 1, (reply: Message) => void replies.push(reply));
    expect(replies).toEqual([]);
    await visit.net.quiet();
    expect(replies[0]?.failure?.exception).toMatchObject({ message: 'no more requests' });
  });

  behaves('abort of the transport fails what is under way', async (visit) => {
    await visit.connected();
    const replies: Message[] = [];
    visit.cometd.publish('/a', 1, (reply: Message) => void replies.push(reply));
    const request = await visit.net.take('/a');
    visit.cometd.getTransport()?.abort();
    await visit.net.quiet();
    expect(request.aborted).toBe(true);
    expect(replies).toMatchObject([{ channel: '/a', successful: false }]);
  });
});

behaviour('cross-origin long-polling', (behaves) => {
  const foreign = async (visit: Visit) => {
    visit.use('long-polling', 'callback-polling');
    visit.window.location = { host: 'pages.example.com' };
    return visit.shake();
  };

  behaves('is used, and given up for callback-polling when it fails at once', async (visit) => {
    const handshake = await foreign(visit);
    expect(handshake.message.supportedConnectionTypes).toEqual(['long-polling', 'callback-polling']);
    await handshake.fail();
    const again = (await visit.net.take('/meta/handshake')) as unknown as JsonpExchange;
    expect(again.callback).toMatch(/^_cometd_jsonp_\d+$/);
    expect(again.message.supportedConnectionTypes).toEqual(['callback-polling']);
  });

  behaves('is not given up on the own origin', async (visit) => {
    visit.use('long-polling', 'callback-polling');
    visit.window.location = { host: 'localhost:8080' };
    await (await visit.shake()).fail();
    expect((await visit.net.take('/meta/handshake')).message.supportedConnectionTypes).toEqual([
      'long-polling',
      'callback-polling',
    ]);
  });

  behaves(
    'is not given up after it has worked',
    async (visit) => {
      const handshake = await foreign(visit);
      await handshake.reply();
      await (await visit.net.take('/meta/connect')).fail();
      const accepted = visit.cometd.findTransport('long-polling')?.accept('1.0', true, 'http://localhost:8080/cometd');
      expect(accepted).toBe(true);
    },
    { only: 'ours' },
  );
});

behaviour('callback-polling', (behaves) => {
  const connected = async (visit: Visit, config: Record<string, unknown> = {}) => {
    visit.use('callback-polling');
    await visit.connected(config);
  };
  const take = async (visit: Visit, channel: string) => (await visit.net.take(channel)) as unknown as JsonpExchange;

  behaves('sends scripts with jsonp and message, and cleans up after them', async (visit) => {
    await connected(visit);
    visit.cometd.publish('/a', { text: 'ä & ?' });
    const exchange = await take(visit, '/a');
    expect(exchange.url).toBe('http://localhost:8080/cometd/');
    expect(exchange.callback).toMatch(/^_cometd_jsonp_\d+$/);
    expect(exchange.message.data).toEqual({ text: 'ä & ?' });
    expect(typeof visit.window[exchange.callback]).toBe('function');
    await exchange.reply();
    expect(exchange.callback in visit.window).toBe(false);
    const { head } = visit.window.document as { head: { children: Set<unknown> } };
    expect(head.children.size).toBe(1);
  });

  behaves('a script that cannot be loaded is a jsonp error', async (visit) => {
    await connected(visit);
    const replies: Message[] = [];
    visit.cometd.publish('/a', 1, (reply: Message) => void replies.push(reply));
    await (await take(visit, '/a')).fail();
    expect(replies[0]?.failure).toMatchObject({ reason: 'jsonp error', connectionType: 'callback-polling' });
  });

  behaves('a batch that makes the URL too long is split, in order', async (visit) => {
    await connected(visit, { maxURILength: 600 });
    const heard: unknown[] = [];
    visit.cometd.batch(() => {
      for (let n = 1; n <= 6; n++)
        visit.cometd.publish(`/c${n}`, 'x'.repeat(50), (reply: Message) => heard.push(reply.channel));
    });
    const sent: (string | undefined)[] = [];
    for (let turn = 0; turn < 6 && sent.length < 6; turn++) {
      const exchange = visit.net.open.find(({ channels }) => !channels.includes('/meta/connect'));
      if (!exchange) throw new Error('nothing was sent');
      expect(exchange.channels.length).toBeLessThan(6);
      sent.push(...exchange.channels);
      await exchange.reply();
      await visit.net.quiet();
    }
    expect(sent).toEqual(['/c1', '/c2', '/c3', '/c4', '/c5', '/c6']);
    expect(heard).toEqual(sent);
  });

  behaves(
    'a message that makes the URL too long by itself fails',
    async (visit) => {
      await connected(visit, { maxURILength: 500 });
      const replies: Message[] = [];
      visit.cometd.publish('/a', 'x'.repeat(500), (reply: Message) => void replies.push(reply));
      await visit.net.quiet();
      expect(String(replies[0]?.failure?.exception)).toMatch(
        /Bayeux message too big \(\d+ bytes, max is 500\) for transport callback-polling/,
      );
    },
    { only: ['official 9', 'ours'] },
  );
});

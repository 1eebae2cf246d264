/** Sections 2.7 and 2.8 of the behaviour: what a failed message looks like, and who hears of what in which order. */
import { expect } from 'vitest';
import type { Message } from './support/message.ts';
import { behaviour, type Visit } from './support/visit.ts';

/** Publishes once; the reply is what the callback got. */
function publishing(visit: Visit, channel = '/a'): Message[] {
  const replies: Message[] = [];
  visit.cometd.publish(channel, { n: 1 }, (reply: Message) => void replies.push(reply));
  return replies;
}

behaviour('failed messages', (behaves) => {
  behaves('an HTTP status other than 200 is told with its text', async (visit) => {
    await visit.connected();
    const replies = publishing(visit);
    await (await visit.net.take('/a')).respond(503, 'Unavailable', '');
    const [reply] = replies;
    expect(Object.keys(reply as object).sort()).toEqual(['channel', 'failure', 'id', 'successful']);
    expect(reply).toMatchObject({ id: '4', channel: '/a', successful: false });
    expect(reply?.failure).toMatchObject({ httpCode: 503, reason: 'Unavailable', connectionType: 'long-polling' });
    expect(reply?.failure?.exception).toBeUndefined();
    expect(reply?.failure?.message).toMatchObject({ id: '4', channel: '/a', data: { n: 1 }, clientId: 'client-1' });
  });

  behaves('a connection error has code 0', async (visit) => {
    await visit.connected();
    const replies = publishing(visit);
    await (await visit.net.take('/a')).fail();
    expect(replies[0]?.failure).toMatchObject({ httpCode: 0, connectionType: 'long-polling' });
  });

  behaves('a response without messages counts as 204', async (visit) => {
    await visit.connected();
    const replies = publishing(visit);
    await (await visit.net.take('/a')).respond(200, 'OK', '[]');
    expect(replies[0]?.failure).toMatchObject({ httpCode: 204 });
  });

  behaves('the response null fails what was sent', async (visit) => {
    await visit.connected();
    const replies = publishing(visit);
    await (await visit.net.take('/a')).respond(200, 'OK', 'null');
    expect(replies[0]).toMatchObject({ channel: '/a', successful: false });
  });

  for (const text of ['', '<html>', '[{']) {
    behaves(`the response ${JSON.stringify(text)} is an exception with code 200`, async (visit) => {
      await visit.connected();
      const replies = publishing(visit);
      await (await visit.net.take('/a')).respond(200, 'OK', text);
      expect(replies[0]?.failure).toMatchObject({ httpCode: 200 });
      expect(replies[0]?.failure?.exception).toBeInstanceOf(Error);
    });
  }

  behaves('a timeout says which request expired, and after how long', async (visit) => {
    await visit.connected({ maxNetworkDelay: 700 });
    const replies = publishing(visit);
    const request = await visit.net.take('/a');
    await visit.clock.advance(700);
    expect(replies[0]?.failure?.reason).toMatch(
      /^Transport long-polling expired waiting for message replies of request \d+: 700 ms$/,
    );
    expect(replies[0]?.failure).toHaveProperty('httpCode');
    expect(request.aborted).toBe(true);
    expect(replies).toHaveLength(1);
  });

  behaves('what is queued behind a failed request fails in order, without an attempt', async (visit) => {
    await visit.connected();
    const replies: Message[] = [];
    for (const channel of ['/a', '/b', '/c']) {
      visit.cometd.publish(channel, 1, (reply: Message) => void replies.push(reply));
    }
    await (await visit.net.take('/a')).fail();
    await visit.clock.advance(0);
    expect(replies.map((reply) => reply.channel)).toEqual(['/a', '/b', '/c']);
    expect(replies[1]?.failure).toMatchObject({ reason: 'Previous request failed', httpCode: -1 });
    expect(replies[2]?.failure).toMatchObject({ reason: 'Previous request failed', httpCode: -1 });
    expect(visit.net.channels.flat()).not.toContain('/b');
  });

  behaves('a message that is too big fails with its limit, and later, not at once', async (visit) => {
    await visit.connected({ maxSendBayeuxMessageSize: 300 });
    const replies: Message[] = [];
    visit.cometd.publish('/a', 'x'.repeat(300), (reply: Message) => void replies.push(reply));
    expect(replies).toEqual([]);
    await visit.net.quiet();
    expect(String(replies[0]?.failure?.exception)).toMatch(/^(Error: )?maxSendBayeuxMessageSize 300 exceeded$/);
    visit.cometd.publish('/b', 1);
    await visit.net.take('/b');
  });

  behaves('failed subscriptions and unsubscriptions name the channel', async (visit) => {
    await visit.connected();
    const heard: Message[] = [];
    const note = (reply: Message) => void heard.push(reply);
    visit.cometd.subscribe('/a', () => undefined, undefined, note);
    await (await visit.net.take('/meta/subscribe')).fail();
    const handle = visit.cometd.subscribe('/b', () => undefined);
    await (await visit.net.take('/meta/subscribe')).reply();
    visit.cometd.unsubscribe(handle, note);
    await (await visit.net.take('/meta/unsubscribe')).fail();
    expect(heard).toMatchObject([
      { channel: '/meta/subscribe', subscription: '/a', successful: false },
      { channel: '/meta/unsubscribe', subscription: '/b', successful: false },
    ]);
  });

  behaves(
    'every message of a failed request has a failure of its own',
    async (visit) => {
      await visit.connected();
      const replies: Message[] = [];
      visit.cometd.batch(() => {
        visit.cometd.publish('/a', 1, (reply: Message) => void replies.push(reply));
        visit.cometd.publish('/b', 2, (reply: Message) => void replies.push(reply));
      });
      await (await visit.net.take('/a')).fail();
      expect(replies.map((reply) => reply.failure?.message?.channel)).toEqual(['/a', '/b']);
    },
    { only: 'ours' },
  );

  behaves(
    'a message whose reply is missing in the response fails',
    async (visit) => {
      await visit.connected();
      const replies: Message[] = [];
      visit.cometd.batch(() => {
        visit.cometd.publish('/a', 1, (reply: Message) => void replies.push(reply));
        visit.cometd.publish('/b', 2, (reply: Message) => void replies.push(reply));
      });
      const request = await visit.net.take('/a');
      await request.answer([{ id: request.message.id, channel: '/a', successful: true }]);
      expect(replies.map((reply) => [reply.channel, reply.successful])).toEqual([
        ['/a', true],
        ['/b', false],
      ]);
    },
    { only: 'ours' },
  );

  behaves('a message that an extension deletes is gone without a word', async (visit) => {
    await visit.connected();
    const heard = visit.listen('/meta/publish', '/meta/unsuccessful');
    visit.cometd.registerExtension('deleter', {
      outgoing: (message: Message) => (message.channel === '/a' ? null : message),
    });
    const replies = publishing(visit);
    await visit.clock.advance(20_000);
    expect([heard, replies]).toEqual([[], []]);
    expect(visit.net.channels.flat()).not.toContain('/a');
  });
});

behaviour('notification', (behaves) => {
  behaves('a publish is told to its callback, then to /meta/publish', async (visit) => {
    await visit.connected();
    const order: string[] = [];
    for (const channel of ['/a', '/meta/publish', '/meta/unsuccessful']) {
      visit.cometd.addListener(channel, () => order.push(channel));
    }
    visit.cometd.publish('/a', 1, () => order.push('callback'));
    await (await visit.net.take('/a')).reply();
    expect(order).toEqual(['callback', '/meta/publish']);
    visit.cometd.publish('/a', 1, () => order.push('callback'));
    await (await visit.net.take('/a')).refuse();
    expect(order.slice(2)).toEqual(['callback', '/meta/publish', '/meta/unsuccessful']);
  });

  for (const data of [0, '', false, null]) {
    behaves(`data may be ${JSON.stringify(data)}`, async (visit) => {
      await visit.connected();
      const heard = visit.listen('/a');
      visit.cometd.receive({ channel: '/a', data });
      expect(heard.map(([, message]) => message.data)).toEqual([data]);
    });
  }

  behaves('a message without data and success is logged as unknown', async (visit) => {
    await visit.connected();
    const heard = visit.listen('/a', '/meta/publish', '/meta/unsuccessful');
    visit.cometd.receive({ id: '900', channel: '/a' });
    expect(heard).toEqual([]);
    expect(visit.net.log.filter(([level]) => level === 'warn').map((entry) => entry[2])).toEqual([
      'Unknown Bayeux Message',
    ]);
  });

  behaves('incoming extensions do not see what failed here', async (visit) => {
    await visit.connected();
    const seen: Message[] = [];
    visit.cometd.registerExtension('watcher', { incoming: (message: Message) => void seen.push(message) });
    publishing(visit);
    await (await visit.net.take('/a')).fail();
    expect(seen).toEqual([]);
  });

  behaves('an exception in a listener goes to onListenerException, and the next listener is called', async (visit) => {
    const { cometd } = visit;
    const told: unknown[][] = [];
    await visit.connected();
    const error = new Error('listener');
    const handle = cometd.addListener('/a', () => {
      throw error;
    });
    const heard = visit.listen('/a');
    cometd.receive({ channel: '/a', data: 1 });
    expect(heard).toHaveLength(1);
    cometd.onListenerException = function (this: unknown, ...args: unknown[]): void {
      told.push([this, ...args]);
      throw new Error('handler');
    };
    cometd.receive({ channel: '/a', data: 2 });
    expect(heard).toHaveLength(2);
    expect(told).toHaveLength(1);
    expect(told[0]?.[0]).toBe(cometd);
    expect(told[0]?.[1]).toBe(error);
    expect(told[0]?.[2]).toBe(handle);
    expect(told[0]?.slice(3)).toEqual([true, { channel: '/a', data: 2 }]);
  });

  behaves('an exception in a callback goes to onCallbackException', async (visit) => {
    const told: unknown[][] = [];
    await visit.connected();
    visit.cometd.onCallbackException = (...args: unknown[]) => void told.push(args);
    const heard = visit.listen('/meta/publish');
    const error = new Error('callback');
    visit.cometd.publish('/a', 1, () => {
      throw error;
    });
    await (await visit.net.take('/a')).reply();
    expect(told).toHaveLength(1);
    expect(told[0]?.[0]).toBe(error);
    expect(told[0]?.[1]).toMatchObject({ channel: '/a', successful: true });
    expect(heard).toHaveLength(1);
  });

  behaves(
    'an exception in an extension goes to onExtensionException, and the message goes on as it was',
    async (visit) => {
      const told: unknown[][] = [];
      await visit.connected();
      visit.cometd.onExtensionException = (...args: unknown[]) => void told.push(args);
      const error = new Error('extension');
      visit.cometd.registerExtension('thrower', {
        incoming: () => {
          throw error;
        },
      });
      const heard = visit.listen('/a');
      visit.cometd.receive({ channel: '/a', data: 1 });
      expect(heard).toHaveLength(1);
      expect(told).toEqual([[error, 'thrower', false, { channel: '/a', data: 1 }]]);
    },
  );
});

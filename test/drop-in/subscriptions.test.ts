/** Section 4 of the behaviour: listeners, subscriptions, and how callbacks are found and called. */
import { expect } from 'vitest';
import type { Handle } from './support/cometd.ts';
import type { Message } from './support/message.ts';
import { behaviour, thrown, type Visit } from './support/visit.ts';

const nothing = () => undefined;
const sentFor = (visit: Visit, channel: string) =>
  visit.net.requests.flatMap((exchange) => exchange.messages).filter((message) => message.channel === channel);

behaviour('subscriptions', (behaves) => {
  behaves(
    'the request names the channel and carries the properties, but not instead of its own fields',
    async (visit) => {
      await visit.connected();
      visit.cometd.subscribe('/a', nothing, { ext: { x: 1 }, subscription: '/b', channel: '/c' });
      const request = await visit.net.take('/meta/subscribe');
      expect(request.messages).toEqual([
        { id: '4', channel: '/meta/subscribe', subscription: '/a', ext: { x: 1 }, clientId: 'client-1' },
      ]);
    },
  );

  behaves('handles have the known shape', async (visit) => {
    await visit.connected();
    const scope = { on: nothing };
    expect(visit.cometd.subscribe('/a', scope, 'on')).toMatchObject({
      channel: '/a',
      scope,
      callback: nothing,
      listener: false,
    });
    expect(visit.cometd.addListener('/a', nothing)).toMatchObject({ channel: '/a', callback: nothing, listener: true });
    expect(visit.cometd.addListener('/a', nothing)).toHaveProperty('id');
  });

  behaves(
    'only the first subscription of a channel goes to the server; the second callback comes later',
    async (visit) => {
      await visit.connected();
      const replies: Message[] = [];
      visit.cometd.subscribe('/a', nothing);
      await (await visit.net.take('/meta/subscribe')).reply();
      const heard = visit.listen('/meta/subscribe');
      visit.cometd.subscribe('/a', nothing, (reply: Message) => void replies.push(reply));
      expect(replies).toEqual([]);
      await visit.net.quiet();
      expect(replies).toEqual([{ id: '5', successful: true, channel: '/meta/subscribe', subscription: '/a' }]);
      expect(heard).toEqual([]);
      expect(sentFor(visit, '/meta/subscribe')).toHaveLength(1);
    },
  );

  behaves('only the last unsubscription of a channel goes to the server', async (visit) => {
    await visit.connected();
    const replies: Message[] = [];
    const [one, two] = [visit.cometd.subscribe('/a', nothing), visit.cometd.subscribe('/a', nothing)];
    await (await visit.net.take('/meta/subscribe')).reply();
    visit.cometd.unsubscribe(one, (reply: Message) => void replies.push(reply));
    await visit.net.quiet();
    expect(replies).toMatchObject([{ successful: true, channel: '/meta/unsubscribe', subscription: '/a' }]);
    expect(sentFor(visit, '/meta/unsubscribe')).toEqual([]);
    visit.cometd.unsubscribe(two, { ext: { x: 1 } }, (reply: Message) => void replies.push(reply));
    const request = await visit.net.take('/meta/unsubscribe');
    expect(request.message).toMatchObject({ subscription: '/a', ext: { x: 1 } });
    await request.reply();
    expect(replies).toHaveLength(2);
  });

  behaves(
    'listeners do not count as subscriptions',
    async (visit) => {
      await visit.connected();
      visit.cometd.addListener('/a', nothing);
      const handle = visit.cometd.subscribe('/a', nothing);
      await (await visit.net.take('/meta/subscribe')).reply();
      visit.cometd.unsubscribe(handle);
      await visit.net.take('/meta/unsubscribe');
    },
    { only: 'ours' },
  );

  behaves('a refused subscription removes all of the channel, but no listeners', async (visit) => {
    await visit.connected();
    const order: string[] = [];
    visit.cometd.subscribe(
      '/a',
      () => order.push('one'),
      () => order.push('callback'),
    );
    visit.cometd.subscribe('/a', () => order.push('two'));
    visit.cometd.addListener('/a', () => order.push('message'));
    visit.cometd.addListener('/meta/subscribe', () => order.push('listener'));
    visit.cometd.addListener('/meta/unsuccessful', () => order.push('unsuccessful'));
    await (await visit.net.take('/meta/subscribe')).refuse({ error: '403::denied' });
    expect(order).toEqual(['callback', 'listener', 'unsuccessful']);
    visit.cometd.receive({ channel: '/a', data: 1 });
    expect(order.slice(3)).toEqual(['message']);
  });

  behaves(
    'messages are delivered before the subscription is confirmed, and no more after unsubscribing',
    async (visit) => {
      await visit.connected();
      const heard: unknown[] = [];
      const handle = visit.cometd.subscribe('/a', (message: Message) => void heard.push(message.data));
      visit.cometd.receive({ channel: '/a', data: 1 });
      visit.cometd.unsubscribe(handle);
      visit.cometd.receive({ channel: '/a', data: 2 });
      expect(heard).toEqual([1]);
    },
  );

  behaves('a new handshake removes subscriptions and keeps listeners', async (visit) => {
    const connect = await visit.connected();
    const heard: string[] = [];
    visit.cometd.subscribe('/a', () => heard.push('subscription'));
    await (await visit.net.take('/meta/subscribe')).reply();
    visit.cometd.addListener('/a', () => heard.push('listener'));
    await connect.refuse({ advice: { reconnect: 'handshake' } });
    await (await visit.net.take('/meta/handshake')).reply();
    visit.cometd.receive({ channel: '/a', data: 1 });
    expect(heard).toEqual(['listener']);
    expect(sentFor(visit, '/meta/subscribe')).toHaveLength(1);
  });

  behaves('subscribing in a handshake listener subscribes after each handshake', async (visit) => {
    visit.cometd.addListener('/meta/handshake', (reply: Message) => {
      if (reply.successful) visit.cometd.subscribe('/a', nothing);
    });
    const connect = await visit.connected();
    await (await visit.net.take('/meta/subscribe')).reply();
    await connect.refuse({ advice: { reconnect: 'handshake' } });
    await (await visit.net.take('/meta/handshake')).reply();
    await visit.net.take('/meta/subscribe');
    expect(sentFor(visit, '/meta/subscribe')).toHaveLength(2);
  });

  behaves('resubscribe subscribes anew with the same callback', async (visit) => {
    await visit.connected();
    const heard: unknown[] = [];
    const scope = { on: (message: Message) => void heard.push(message.data) };
    const handle = visit.cometd.subscribe('/a', scope, 'on');
    await (await visit.net.take('/meta/subscribe')).reply();
    const again = visit.cometd.resubscribe(handle, { ext: { x: 1 } }) as Handle;
    expect(again.id).not.toBe(handle.id);
    expect(again).toMatchObject({ channel: '/a', scope, callback: scope.on });
    expect((await visit.net.take('/meta/subscribe')).message).toMatchObject({ subscription: '/a', ext: { x: 1 } });
    visit.cometd.receive({ channel: '/a', data: 1 });
    expect(heard).toEqual([1]);
    expect(visit.cometd.resubscribe(undefined)).toBeUndefined();
  });

  behaves('clearing is local: subscriptions, or listeners and subscriptions', async (visit) => {
    await visit.connected();
    const heard: string[] = [];
    visit.cometd.subscribe('/a', () => heard.push('subscription'));
    visit.cometd.addListener('/a', () => heard.push('listener'));
    await (await visit.net.take('/meta/subscribe')).reply();
    visit.cometd.clearSubscriptions();
    visit.cometd.receive({ channel: '/a', data: 1 });
    expect(heard).toEqual(['listener']);
    visit.cometd.clearListeners();
    visit.cometd.receive({ channel: '/a', data: 1 });
    expect(heard).toEqual(['listener']);
    await visit.net.quiet();
    expect(sentFor(visit, '/meta/unsubscribe')).toEqual([]);
  });

  behaves('removeListener takes subscriptions, too, and sends nothing', async (visit) => {
    await visit.connected();
    const heard: unknown[] = [];
    const handle = visit.cometd.subscribe('/a', (message: Message) => void heard.push(message));
    await (await visit.net.take('/meta/subscribe')).reply();
    visit.cometd.removeListener(handle);
    visit.cometd.receive({ channel: '/a', data: 1 });
    await visit.net.quiet();
    expect([heard, sentFor(visit, '/meta/unsubscribe')]).toEqual([[], []]);
  });
});

behaviour('dispatch', (behaves) => {
  behaves('exact channel first, then wild ones from near to far', (visit) => {
    const heard = visit.listen('/**', '/a/**', '/a/b/**', '/a/b/*', '/a/*', '/a/b/c', '/*', '/a/b/c/*', '/a/b/c/**');
    visit.cometd.receive({ channel: '/a/b/c', data: 1 });
    expect(heard.map(([channel]) => channel)).toEqual(['/a/b/c', '/a/b/*', '/a/b/**', '/a/**', '/**']);
  });

  behaves('one star is one segment, and wild listeners see meta messages', async (visit) => {
    const heard = visit.listen('/*', '/meta/*', '/**');
    visit.cometd.receive({ channel: '/a', data: 1 });
    await (await visit.shake()).reply();
    expect(heard.map(([channel, message]) => [channel, message.channel])).toEqual([
      ['/*', '/a'],
      ['/**', '/a'],
      ['/meta/*', '/meta/handshake'],
      ['/**', '/meta/handshake'],
    ]);
  });

  behaves('within one channel the order is that of registration; what is removed meanwhile is skipped', (visit) => {
    const { cometd } = visit;
    const order: string[] = [];
    cometd.addListener('/a', () => {
      order.push('one');
      cometd.removeListener(second);
    });
    const second = cometd.addListener('/a', () => order.push('two'));
    cometd.addListener('/a', () => order.push('three'));
    cometd.receive({ channel: '/a', data: 1 });
    expect(order).toEqual(['one', 'three']);
  });
});

behaviour('callbacks', (behaves) => {
  behaves('a scope with function or name, or a function alone', (visit) => {
    const { cometd } = visit;
    const seen: unknown[] = [];
    const scope = {
      on(this: unknown): void {
        seen.push(this);
      },
    };
    cometd.addListener('/a', scope, 'on');
    cometd.addListener('/a', scope, scope.on);
    cometd.addListener('/a', scope.on);
    cometd.addListener('/a', null, scope.on);
    cometd.receive({ channel: '/a', data: 1 });
    expect(seen).toHaveLength(4);
    expect(seen.slice(0, 2)).toEqual([scope, scope]);
    expect(seen[2]).toBeUndefined();
    expect(seen[3] ?? null).toBeNull();
  });

  behaves('what cannot be called is refused', (visit) => {
    const { cometd } = visit;
    expect(thrown(() => cometd.addListener('/a', {}))).toBe('Invalid callback undefined');
    expect(thrown(() => cometd.addListener('/a', null, 'on'))).toBe('Invalid scope null');
    expect(thrown(() => cometd.addListener('/a', undefined, 'on'))).toBe('Invalid scope undefined');
    expect(thrown(() => cometd.addListener('/a', 'scope', 'on'))).toBe('Invalid callback on for scope scope');
    expect(thrown(() => cometd.addListener('/a', {}, 7))).toBe('Invalid callback 7');
  });

  behaves('properties and callback of subscribe are found behind either form', async (visit) => {
    await visit.connected();
    const scope = { on: nothing };
    const heard: string[] = [];
    const props = { ext: { x: 1 } };
    const forms: unknown[][] = [
      [nothing, () => heard.push('1')],
      [nothing, props, () => heard.push('2')],
      [scope, 'on', () => heard.push('3')],
      [scope, 'on', props, () => heard.push('4')],
      [scope, scope.on, undefined, () => heard.push('5')],
    ];
    for (const [index, form] of forms.entries()) {
      visit.cometd.subscribe(`/c${index}`, ...form);
      const request = await visit.net.take('/meta/subscribe');
      expect(request.message.ext).toEqual(form.includes(props) ? { x: 1 } : undefined);
      await request.reply();
    }
    expect(heard).toEqual(['1', '2', '3', '4', '5']);
  });
});

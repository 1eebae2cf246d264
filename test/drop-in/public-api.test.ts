/** Section 1.1 and 1.2 of the behaviour: what can be called, with what, and what is refused in which words. */
import { expect } from 'vitest';
import { behaviour, thrown } from './support/visit.ts';

behaviour('construction and lifecycle calls', (behaves) => {
  behaves('a client is called default, or as it was told', ({ lib }) => {
    expect(new lib.CometD().getName()).toBe('default');
    expect(new lib.CometD('chat').getName()).toBe('chat');
  });

  behaves(
    'an object where the name should be is no name',
    ({ lib }) => {
      expect(new lib.CometD({ url: 'http://localhost/' }).getName()).toBe('default');
    },
    { only: 'ours' },
  );

  behaves('websocket is first, then long-polling, then callback-polling', ({ lib }) => {
    expect(new lib.CometD().getTransportTypes()).toEqual(['websocket', 'long-polling', 'callback-polling']);
  });

  behaves('there is no websocket where the window has none at construction', ({ lib, window }) => {
    delete window.WebSocket;
    expect(new lib.CometD().getTransportTypes()).toEqual(['long-polling', 'callback-polling']);
  });

  behaves('a new client is disconnected and knows nothing', ({ cometd }) => {
    expect(cometd.getStatus()).toBe('disconnected');
    expect(cometd.isDisconnected()).toBe(true);
    expect(cometd.getClientId() ?? null).toBeNull();
    expect(cometd.getTransport() ?? null).toBeNull();
    expect(cometd.getAdvice()).toEqual({});
  });

  behaves('a configuration without URL is refused', ({ cometd }) => {
    const text = "Missing required configuration parameter 'url' specifying the Bayeux server URL";
    expect(thrown(() => cometd.configure({}))).toBe(text);
    expect(thrown(() => cometd.configure(undefined))).toBe(text);
  });

  behaves(
    'a handshake without URL says so',
    ({ cometd }) => {
      expect(thrown(() => cometd.handshake())).toMatch(/^Missing required configuration parameter 'url'/);
    },
    { only: 'ours' },
  );

  behaves('configure takes a URL alone', ({ cometd }) => {
    cometd.configure('http://localhost/cometd');
    expect(cometd.getURL()).toBe('http://localhost/cometd');
  });

  behaves('init configures and shakes hands, and its second argument may be a callback', async ({ cometd, net }) => {
    const heard: unknown[] = [];
    cometd.init('http://localhost/cometd', (reply: unknown) => heard.push(reply));
    await (await net.take('/meta/handshake')).reply();
    expect(heard).toHaveLength(1);
  });

  behaves('only one handshake at a time is allowed, and none while connected', async (visit) => {
    const handshake = await visit.shake();
    // Libraries up to 7 call every state but disconnected `handshaken` here.
    const old = visit.kind === 'official 7';
    expect(thrown(() => visit.cometd.handshake())).toBe(`Illegal state: ${old ? 'handshaken' : 'handshaking'}`);
    await handshake.reply();
    await visit.net.take('/meta/connect');
    expect(thrown(() => visit.cometd.handshake())).toBe(`Illegal state: ${old ? 'handshaken' : 'connected'}`);
  });

  behaves('a handshake needs a transport', ({ cometd }) => {
    cometd.configure('http://localhost/cometd');
    cometd.unregisterTransports();
    expect(thrown(() => cometd.handshake())).toBe('Could not find initial transport among: ');
  });

  behaves('the transports are named when none of them is usable', (visit) => {
    const cometd = visit.use('websocket');
    cometd.websocketEnabled = false;
    visit.configure();
    expect(thrown(() => cometd.handshake())).toBe('Could not find initial transport among: websocket');
  });

  behaves('disconnect when disconnected does nothing at all', async ({ cometd, net }) => {
    let called = false;
    cometd.disconnect(() => {
      called = true;
    });
    await net.quiet();
    expect(called).toBe(false);
    expect(net.requests).toEqual([]);
  });

  for (const [form, args] of [
    ['true', [true]],
    ['true, callback', [true, 'callback']],
    ['true, properties, callback', [true, { ext: { bye: 1 } }, 'callback']],
    ['properties, callback', [{ ext: { bye: 1 } }, 'callback']],
    ['callback', ['callback']],
  ] as const) {
    behaves(
      `disconnect takes the form (${form})`,
      async (visit) => {
        await visit.connected();
        const heard: unknown[] = [];
        const callback = (reply: unknown) => heard.push(reply);
        visit.cometd.disconnect(...args.map((arg) => (arg === 'callback' ? callback : arg)));
        const request = await visit.net.take('/meta/disconnect');
        expect(request.message.ext).toEqual(form.includes('properties') ? { bye: 1 } : undefined);
        await request.reply();
        expect(heard).toHaveLength(form.includes('callback') ? 1 : 0);
      },
      { only: form.startsWith('true') ? 'ours' : ['official 9', 'official 7', 'ours'] },
    );
  }

  behaves('the status while disconnecting counts as disconnected', async (visit) => {
    await visit.connected();
    visit.cometd.disconnect();
    expect(visit.cometd.getStatus()).toBe('disconnecting');
    expect(visit.cometd.isDisconnected()).toBe(true);
  });
});

behaviour('argument errors', (behaves) => {
  behaves('listeners need a channel and a callback', ({ cometd }) => {
    expect(thrown(() => cometd.addListener())).toBe('Illegal arguments number: required 2, got 0');
    expect(thrown(() => cometd.addListener('/a'))).toBe('Illegal arguments number: required 2, got 1');
    expect(thrown(() => cometd.addListener(1, () => undefined))).toBe(
      'Illegal argument type: channel must be a string',
    );
    expect(thrown(() => cometd.addListener('no channel?', () => undefined))).toBeUndefined();
  });

  behaves('what is no subscription cannot be removed', ({ cometd }) => {
    expect(thrown(() => cometd.removeListener())).toBe('Invalid argument: expected subscription, not undefined');
    expect(thrown(() => cometd.removeListener({ channel: '/a' }))).toMatch(/^Invalid argument: expected subscription/);
    expect(thrown(() => cometd.removeListener({ id: 1 }))).toMatch(/^Invalid argument: expected subscription/);
    expect(thrown(() => cometd.removeListener({ id: 0, channel: '/a' }))).toBeUndefined();
  });

  behaves('subscribing checks the number of arguments, then the channel, then the state', (visit) => {
    const { cometd } = visit;
    const fn = () => undefined;
    expect(thrown(() => cometd.subscribe())).toBe('Illegal arguments number: required 2, got 0');
    expect(thrown(() => cometd.subscribe('/a'))).toBe('Illegal arguments number: required 2, got 1');
    expect(thrown(() => cometd.subscribe('a', fn))).toBe('Illegal argument: invalid channel a');
    expect(thrown(() => cometd.subscribe('/a', fn))).toBe('Illegal state: disconnected');
  });

  behaves('unsubscribing needs a handle and a connection', async (visit) => {
    const { cometd } = visit;
    expect(thrown(() => cometd.unsubscribe())).toBe('Illegal arguments number: required 1, got 0');
    expect(thrown(() => cometd.unsubscribe(null))).toBe('Illegal state: disconnected');
    await visit.connected();
    expect(thrown(() => cometd.unsubscribe(null))).toBe('Invalid argument: expected subscription, not null');
  });

  behaves('publishing checks channel and state', async (visit) => {
    const { cometd } = visit;
    expect(thrown(() => cometd.publish())).toMatch(/^Illegal arguments number: required 1, got 0$/);
    expect(thrown(() => cometd.publish('x', {}))).toBe('Illegal argument: invalid channel x');
    expect(thrown(() => cometd.publish('/meta/x', {}))).toBe('Illegal argument: cannot publish to meta channels');
    expect(thrown(() => cometd.publish('/x', {}))).toBe('Illegal state: disconnected');
  });

  behaves('remote calls check target, state, time and characters', async (visit) => {
    const { cometd } = visit;
    const fn = () => undefined;
    expect(thrown(() => cometd.remoteCall())).toBe('Illegal arguments number: required 1, got 0');
    expect(thrown(() => cometd.remoteCall(1, {}))).toBe('Illegal argument type: target must be a string');
    expect(thrown(() => cometd.remoteCall('t', {}, fn))).toBe('Illegal state: disconnected');
    await visit.connected();
    expect(thrown(() => cometd.remoteCall('t', {}, 'soon', fn))).toBe(
      'Illegal argument type: timeout must be a number',
    );
    expect(thrown(() => cometd.remoteCall('t?', {}, fn))).toBe('Illegal argument: invalid target /t?');
  });

  behaves(
    'a remote call needs no callback',
    async (visit) => {
      await visit.connected();
      visit.cometd.remoteCall('t', { a: 1 });
      expect((await visit.net.take('/service/t')).message.data).toEqual({ a: 1 });
    },
    { only: 'ours' },
  );

  behaves('extensions have names that are strings', ({ cometd }) => {
    expect(thrown(() => cometd.registerExtension('x'))).toBe('Illegal arguments number: required 2, got 1');
    expect(thrown(() => cometd.registerExtension(1, {}))).toBe(
      'Illegal argument type: extension name must be a string',
    );
    expect(thrown(() => cometd.unregisterExtension(1))).toBe('Illegal argument type: extension name must be a string');
  });

  behaves('only timeouts can be listened for on transports', ({ cometd }) => {
    expect(thrown(() => cometd.addTransportListener('close', () => undefined))).toBe('Unsupported event close');
    expect(cometd.removeTransportListener('close', () => undefined)).toBe(false);
  });

  behaves('a batch that was not started cannot be ended', ({ cometd }) => {
    expect(thrown(() => cometd.endBatch())).toBe('Calls to startBatch() and endBatch() are not paired');
  });

  behaves('channels are checked character by character', async (visit) => {
    await visit.connected();
    const refused = ['', '/', 'a', '/a?', '/a&b', '/ä', '/a"', '/a:b', '/a,b', 1, null];
    for (const channel of refused) {
      expect(thrown(() => visit.cometd.publish(channel, {}))).toBe(`Illegal argument: invalid channel ${channel}`);
    }
    for (const channel of ['/a b', '/!#$()*+-./@_{~}', '//', '/a//b', '/*/b', '/A9/z0']) {
      expect(thrown(() => visit.cometd.publish(channel, {}))).toBeUndefined();
    }
  });

  behaves(
    'what is thrown is an Error',
    ({ cometd }) => {
      expect(() => cometd.configure({})).toThrow(Error);
    },
    { only: ['official 9', 'ours'] },
  );
});

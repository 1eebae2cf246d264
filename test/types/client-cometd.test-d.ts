/** The types of the CometD object where the typings that people know have gaps, and what they say of data, scopes and callbacks. */
import {
  AckExtension,
  BinaryExtension,
  CometD,
  type CometDConfiguration,
  type CometDStatus,
  Extension,
  type Failure,
  type FailureInfo,
  LongPollingTransport,
  type Message,
  ReloadExtension,
  type SubscriptionHandle,
  TimeStampExtension,
  TimeSyncExtension,
  type TransportLike,
  type TransportRegistry,
  UpgradeExtension,
} from '@cometd-ts/client';
import { CometD as NodeCometD } from '@cometd-ts/client/node';
import { describe, expectTypeOf, test } from 'vitest';

interface Quote {
  symbol: string;
  price: number;
}

declare const cometd: CometD;
declare const handle: SubscriptionHandle;
const noop = (): void => undefined;
const scope = {
  prices: [] as number[],
  hear(message: Message<Quote>): void {
    if (message.data) this.prices.push(message.data.price);
  },
};

describe('what the typings of cometd.js leave out', () => {
  test('init takes a configuration, and props or a callback for the handshake', () => {
    expectTypeOf(cometd.init).returns.toBeVoid();
    cometd.init('https://host/cometd');
    cometd.init({ url: 'https://host/cometd', maxBackoff: 5000 }, { ext: { token: 'x' } });
    cometd.init('https://host/cometd', (reply) => expectTypeOf(reply).toEqualTypeOf<Message>());
    // @ts-expect-error a URL is a string
    cometd.init(42);
  });

  test('startBatch and endBatch', () => {
    expectTypeOf(cometd.startBatch).toEqualTypeOf<() => void>();
    expectTypeOf(cometd.endBatch).toEqualTypeOf<() => void>();
  });

  test('send and receive take messages', () => {
    expectTypeOf(cometd.send).toBeCallableWith({ channel: '/service/x', data: 1 });
    expectTypeOf(cometd.receive).toBeCallableWith({ channel: '/meta/handshake', successful: true });
    // @ts-expect-error a message has a channel
    cometd.send({ data: 1 });
  });

  test('addTransportListener and removeTransportListener: the listener gets messages and may answer ms', () => {
    cometd.addTransportListener('timeout', (messages) => {
      expectTypeOf(messages).toEqualTypeOf<Message[]>();
      return 1000;
    });
    cometd.addTransportListener('timeout', () => undefined);
    cometd.addTransportListener('timeout', noop);
    expectTypeOf(cometd.removeTransportListener('timeout', () => 0)).toBeBoolean();
    // @ts-expect-error there is no such event
    cometd.addTransportListener('message', () => 0);
  });

  test('increaseBackoffPeriod answers the new period, resetBackoffPeriod nothing', () => {
    expectTypeOf(cometd.increaseBackoffPeriod).returns.toBeNumber();
    expectTypeOf(cometd.resetBackoffPeriod).returns.toBeVoid();
  });

  test('the transport registry has reset, add and remove', () => {
    const registry = cometd.getTransportRegistry();
    expectTypeOf(registry).toEqualTypeOf<TransportRegistry>();
    expectTypeOf(registry.reset).parameters.toEqualTypeOf<[init: boolean]>();
    expectTypeOf(registry.add('mine', new LongPollingTransport(), 0)).toBeBoolean();
    expectTypeOf(registry.remove('mine')).toEqualTypeOf<TransportLike | null>();
  });

  test('onListenerException gets the exception, the subscription, whether it is a listener, and the message', () => {
    cometd.onListenerException = (exception, subscription, isListener, message) => {
      expectTypeOf(exception).toBeUnknown();
      expectTypeOf(subscription).toEqualTypeOf<SubscriptionHandle>();
      expectTypeOf(isListener).toBeBoolean();
      expectTypeOf(message).toEqualTypeOf<Message>();
    };
  });

  test('onCallbackException and onExtensionException', () => {
    cometd.onCallbackException = (exception, message) => {
      expectTypeOf(exception).toBeUnknown();
      expectTypeOf(message).toEqualTypeOf<Message>();
    };
    cometd.onExtensionException = (_exception, extensionName, outgoing) => {
      expectTypeOf(extensionName).toBeString();
      expectTypeOf(outgoing).toBeBoolean();
    };
  });

  test('onTransportException gets a failure and two types, of which there may be none', () => {
    cometd.onTransportException = (failure, oldType, newType) => {
      expectTypeOf(failure).toEqualTypeOf<Failure>();
      expectTypeOf(oldType).toEqualTypeOf<string | null>();
      expectTypeOf(newType).toEqualTypeOf<string | null>();
    };
  });

  test('every hook and flag can be taken away again', () => {
    cometd.onListenerException = undefined;
    cometd.onCallbackException = undefined;
    cometd.onExtensionException = undefined;
    cometd.onTransportException = undefined;
    cometd.websocketEnabled = undefined;
    cometd.ackEnabled = undefined;
  });

  test('onTransportFailure can be replaced, with a policy that calls the one before', () => {
    const before = cometd.onTransportFailure;
    cometd.onTransportFailure = (message, info, handler) => {
      expectTypeOf(message).toEqualTypeOf<Message>();
      expectTypeOf(info.action).toEqualTypeOf<'none' | 'retry' | 'handshake'>();
      info.url = 'https://elsewhere/cometd';
      expectTypeOf(handler).toEqualTypeOf<(info: FailureInfo) => void>();
      before(message, info, handler);
    };
  });

  test('ackEnabled and websocketEnabled are optional booleans', () => {
    cometd.ackEnabled = false;
    cometd.websocketEnabled = false;
    // @ts-expect-error no string switches anything
    cometd.ackEnabled = 'false';
  });

  test('listeners and subscriptions take a scope with a function, whose this it is', () => {
    expectTypeOf(
      cometd.addListener('/meta/connect', scope, function (message) {
        expectTypeOf(this).toEqualTypeOf<typeof scope>();
        expectTypeOf(message).toEqualTypeOf<Message>();
      }),
    ).toEqualTypeOf<SubscriptionHandle>();
    expectTypeOf(
      cometd.subscribe('/quotes', scope, function (message: Message<Quote>) {
        expectTypeOf(this).toEqualTypeOf<typeof scope>();
        expectTypeOf(message.data).toEqualTypeOf<Quote | undefined>();
      }),
    ).toEqualTypeOf<SubscriptionHandle>();
  });

  test('listeners and subscriptions take a scope with the name of one of its members', () => {
    cometd.addListener('/quotes', scope, 'hear');
    cometd.subscribe('/quotes', scope, 'hear', { ext: {} }, (reply) => expectTypeOf(reply).toEqualTypeOf<Message>());
    // @ts-expect-error the scope has no such member
    cometd.addListener('/quotes', scope, 'here');
    // @ts-expect-error the scope has no such member
    cometd.subscribe('/quotes', scope, 'here');
  });

  test('batch takes a scope', () => {
    cometd.batch(noop);
    cometd.batch(scope, function () {
      expectTypeOf(this).toEqualTypeOf<typeof scope>();
    });
    cometd.batch(scope, 'hear');
    // @ts-expect-error the scope has no such member
    cometd.batch(scope, 'here');
  });

  test('a message has its failure', () => {
    expectTypeOf<Message['failure']>().toEqualTypeOf<Failure | undefined>();
    expectTypeOf<Failure['message']>().toEqualTypeOf<Message | undefined>();
    expectTypeOf<Failure['httpCode']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<Failure['websocketCode']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<Failure['reason']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Failure['exception']>().toBeUnknown();
  });

  test('extensions have the options of their constructors', () => {
    expectTypeOf(ReloadExtension).toBeConstructibleWith({ name: 'org.example.reload' });
    expectTypeOf(TimeSyncExtension).toBeConstructibleWith({ maxSamples: 5 });
    expectTypeOf(TimeSyncExtension).toBeConstructibleWith();
    expectTypeOf(AckExtension).toBeConstructibleWith();
    expectTypeOf(BinaryExtension).toBeConstructibleWith();
    expectTypeOf(TimeStampExtension).toBeConstructibleWith();
    expectTypeOf(UpgradeExtension).toBeConstructibleWith({ after: 1000 });
    // @ts-expect-error samples are counted
    new TimeSyncExtension({ maxSamples: 'many' });
  });

  test('the timesync extension has its methods', () => {
    const sync = new TimeSyncExtension();
    expectTypeOf(sync.getTimeOffset()).toBeNumber();
    expectTypeOf(sync.getTimeOffsetSamples()).toEqualTypeOf<number[]>();
    expectTypeOf(sync.getNetworkLag()).toBeNumber();
    expectTypeOf(sync.getServerTime()).toBeNumber();
    expectTypeOf(sync.getServerDate()).toEqualTypeOf<Date>();
    expectTypeOf(sync.setTimeout(noop, new Date())).toBeUnknown();
  });

  test('a registered extension is found again with its own type', () => {
    expectTypeOf(cometd.getExtension<TimeSyncExtension>('timesync')).toEqualTypeOf<TimeSyncExtension | null>();
    expectTypeOf(cometd.unregisterExtension('timesync')).toBeBoolean();
  });

  test('reload is there only while its extension is registered', () => {
    expectTypeOf(cometd.reload).toEqualTypeOf<((configuration?: { name?: string } | Event) => void) | undefined>();
  });

  test('the subscription of a message is a string, and ext holds fields', () => {
    expectTypeOf({ channel: '/meta/subscribe', subscription: '/quotes' }).toExtend<Message>();
    const message = {} as Message;
    expectTypeOf(message.ext?.ack).toBeUnknown();
    message.ext = { ack: true };
  });
});

describe('what the older typings have wrong', () => {
  test('the constructor takes a name', () => {
    expectTypeOf(CometD).toBeConstructibleWith();
    expectTypeOf(CometD).toBeConstructibleWith('second');
    expectTypeOf(NodeCometD).toBeConstructibleWith('second', { proxy: false });
    // @ts-expect-error a configuration is for configure
    new CometD({ url: 'https://host/cometd' });
  });

  test('back-off getters answer numbers', () => {
    expectTypeOf(cometd.getBackoffIncrement).returns.toBeNumber();
    expectTypeOf(cometd.getBackoffPeriod).returns.toBeNumber();
    expectTypeOf(cometd.setBackoffIncrement).parameters.toEqualTypeOf<[ms: number]>();
  });

  test('no hook and no flag is required', () => {
    expectTypeOf<Pick<CometD, 'websocketEnabled'>>().toExtend<{ websocketEnabled?: boolean | undefined }>();
    expectTypeOf<object>().toExtend<
      Pick<CometD, 'websocketEnabled' | 'ackEnabled' | 'onListenerException' | 'onCallbackException' | 'reload'>
    >();
  });

  test('the status is one of five words', () => {
    expectTypeOf(cometd.getStatus()).toEqualTypeOf<CometDStatus>();
    expectTypeOf<CometDStatus>().toEqualTypeOf<
      'disconnected' | 'handshaking' | 'connecting' | 'connected' | 'disconnecting'
    >();
    expectTypeOf(cometd.isDisconnected()).toBeBoolean();
    expectTypeOf(cometd.getClientId()).toEqualTypeOf<string | null>();
  });
});

describe('publishing', () => {
  test('takes any data, then props, then a callback, each of the last two or none', () => {
    cometd.publish('/quotes', { symbol: 'A', price: 1 });
    cometd.publish('/quotes', 0, { ext: {} });
    cometd.publish('/quotes', null, undefined, (reply) => expectTypeOf(reply).toEqualTypeOf<Message>());
    cometd.publish('/quotes', 'x', (reply) => expectTypeOf(reply.successful).toEqualTypeOf<boolean | undefined>());
    cometd.publish<Quote>('/quotes', { symbol: 'A', price: 1 });
    // @ts-expect-error the declared data has a price
    cometd.publish<Quote>('/quotes', { symbol: 'A' });
    // @ts-expect-error channels are strings
    cometd.publish(1, {});
  });

  test('takes a callback in place of the data', () => {
    cometd.publish('/quotes', (reply) => expectTypeOf(reply).toEqualTypeOf<Message>());
  });

  test('takes bytes in any form, and the callback at any place after the channel', () => {
    const callback = (reply: Message): void => void reply;
    cometd.publishBinary('/files', new Uint8Array(2));
    cometd.publishBinary('/files', new ArrayBuffer(2), false);
    cometd.publishBinary('/files', new DataView(new ArrayBuffer(2)), true, { name: 'x' });
    cometd.publishBinary('/files', [1, 2], true, null, { ext: {} }, callback);
    cometd.publishBinary('/files', callback);
    cometd.publishBinary('/files', new Uint8Array(2), callback);
    cometd.publishBinary('/files', new Uint8Array(2), true, callback);
    cometd.publishBinary('/files', new Uint8Array(2), true, { name: 'x' }, callback);
    cometd.publishBinary('/files', new Uint8Array(2), (reply) => expectTypeOf(reply).toEqualTypeOf<Message>());
    // @ts-expect-error text is no bytes
    cometd.publishBinary('/files', 'text');
  });
});

describe('remote calls', () => {
  test('take a callback right after the target, the data, the timeout or the props', () => {
    cometd.remoteCall('quote', (reply) => expectTypeOf(reply).toEqualTypeOf<Message>());
    cometd.remoteCall<Quote>('quote', 'A', (reply) => expectTypeOf(reply.data).toEqualTypeOf<Quote | undefined>());
    cometd.remoteCall<Quote>('quote', 'A', 500, (reply) =>
      expectTypeOf(reply.data?.price).toEqualTypeOf<number | undefined>(),
    );
    cometd.remoteCall<Quote>('quote', 'A', 500, { ext: {} }, (reply) => {
      expectTypeOf(reply.data).toEqualTypeOf<Quote | undefined>();
    });
    cometd.remoteCall('quote', 'A', undefined, null, (reply) => expectTypeOf(reply.data).toBeUnknown());
  });

  test('need no callback', () => {
    cometd.remoteCall('quote', 'A');
    cometd.remoteCall('quote', 'A', 500);
    // @ts-expect-error a timeout is a number
    cometd.remoteCall('quote', 'A', 'soon');
  });

  test('with bytes take the callback at any place, too', () => {
    cometd.remoteCallBinary('scan', new Uint8Array(2));
    cometd.remoteCallBinary('scan', (reply) => expectTypeOf(reply).toEqualTypeOf<Message>());
    cometd.remoteCallBinary<Quote>('scan', new Uint8Array(2), (reply) => {
      expectTypeOf(reply.data).toEqualTypeOf<Quote | undefined>();
    });
    cometd.remoteCallBinary<Quote>('scan', [1], true, (reply) => void reply.data?.price);
    cometd.remoteCallBinary<Quote>('scan', [1], true, { name: 'x' }, (reply) => void reply.data?.price);
    cometd.remoteCallBinary<Quote>('scan', [1], true, { name: 'x' }, 500, (reply) => void reply.data?.price);
    cometd.remoteCallBinary<Quote>('scan', [1], true, null, 500, { ext: {} }, (reply) => void reply.data?.price);
  });
});

describe('subscribing', () => {
  test('is generic in the data', () => {
    cometd.subscribe<Quote>('/quotes', (message) => {
      expectTypeOf(message.data).toEqualTypeOf<Quote | undefined>();
    });
    cometd.subscribe('/quotes', (message) => expectTypeOf(message.data).toBeUnknown());
    cometd.addListener<Quote>('/quotes', (message) => {
      expectTypeOf(message.data).toEqualTypeOf<Quote | undefined>();
    });
  });

  test('takes props and a callback, each or none', () => {
    const hear = (): void => undefined;
    cometd.subscribe('/quotes', hear, { ext: { replay: -1 } });
    cometd.subscribe('/quotes', hear, (reply) => expectTypeOf(reply).toEqualTypeOf<Message>());
    cometd.subscribe('/quotes', hear, { ext: {} }, (reply) => expectTypeOf(reply).toEqualTypeOf<Message>());
  });

  test('answers a handle that every later call takes', () => {
    expectTypeOf<SubscriptionHandle['channel']>().toBeString();
    cometd.unsubscribe(handle);
    cometd.unsubscribe(handle, (reply) => expectTypeOf(reply).toEqualTypeOf<Message>());
    cometd.unsubscribe(handle, { ext: {} }, noop);
    cometd.removeListener(handle);
    expectTypeOf(cometd.resubscribe(handle)).toEqualTypeOf<SubscriptionHandle | undefined>();
    expectTypeOf(cometd.resubscribe(null, { ext: {} })).toEqualTypeOf<SubscriptionHandle | undefined>();
    // @ts-expect-error a name is no handle
    cometd.unsubscribe('/quotes');
  });
});

describe('the rest of the object', () => {
  test('handshake and disconnect take props, a callback, both or none, and disconnect the old leading boolean', () => {
    cometd.handshake();
    cometd.handshake({ ext: {} });
    cometd.handshake((reply) => expectTypeOf(reply.reestablish).toEqualTypeOf<boolean | undefined>());
    cometd.handshake({ ext: {} }, noop);
    cometd.disconnect();
    cometd.disconnect((reply) => expectTypeOf(reply).toEqualTypeOf<Message>());
    cometd.disconnect({ ext: {} }, noop);
    cometd.disconnect(true);
    cometd.disconnect(true, noop);
    cometd.disconnect(true, { ext: {} }, noop);
  });

  test('a configuration has the options of the book, and those of extensions', () => {
    cometd.configure({
      url: 'https://host/cometd',
      urls: { websocket: 'wss://host/cometd' },
      requestHeaders: async () => ({ authorization: 'Bearer x' }),
      protocol: null,
      advice: { timeout: 1000 },
      somethingOfMine: true,
    });
    expectTypeOf(cometd.getConfiguration()).toEqualTypeOf<CometDConfiguration>();
    // @ts-expect-error there is no such level
    cometd.configure({ logLevel: 'trace' });
  });

  test('an extension is an object with any of its methods', () => {
    cometd.registerExtension('mine', {
      incoming: (message) => {
        expectTypeOf(message).toEqualTypeOf<Message>();
        return null;
      },
      outgoing: () => undefined,
    });
    expectTypeOf(cometd.registerExtension('ack', new AckExtension())).toBeBoolean();
    class Tenant extends Extension {
      override outgoing(message: Message): void {
        message.ext = { ...message.ext, tenant: 'acme' };
      }
    }
    cometd.registerExtension('tenant', new Tenant());
    // @ts-expect-error the method is called incoming
    cometd.registerExtension('typo', { incomming: () => null });
  });

  test('a transport is an object with the methods of the contract', () => {
    expectTypeOf(cometd.registerTransport('long-polling', new LongPollingTransport(), 0)).toBeBoolean();
    expectTypeOf(cometd.findTransport('long-polling')).toEqualTypeOf<TransportLike | null>();
    expectTypeOf(cometd.getTransport()).toEqualTypeOf<TransportLike | null>();
    // @ts-expect-error a transport can send
    cometd.registerTransport('mine', { accept: () => true });
  });

  test('methods work unbound in the types, too', () => {
    const { receive, publish } = cometd;
    receive({ channel: '/x', data: 1 });
    publish('/x', 1);
  });
});

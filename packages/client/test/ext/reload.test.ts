import { beforeEach, describe, expect, it } from 'vitest';
import { AckExtension } from '../../src/ext/ack.ts';
import { ReloadExtension, type ReloadHost } from '../../src/ext/reload.ts';
import type { Message } from '../../src/message.ts';
import { type Client, enter, feed, reply, routes, serve } from './clients.ts';

const key = 'org.cometd.reload';
const url = 'http://host/cometd';

class MemoryStorage {
  readonly entries: Map<string, string> = new Map();
  getItem(name: string): string | null {
    return this.entries.get(name) ?? null;
  }
  setItem(name: string, value: string): void {
    this.entries.set(name, value);
  }
  removeItem(name: string): void {
    this.entries.delete(name);
  }
}

/** A page with an extension in it: what the extension asks of the client is noted, and timers run when told. */
function openPage(sessionStorage: object, extension: ReloadExtension = new ReloadExtension(), address: string = url) {
  const log: unknown[] = [];
  const timers: (() => void)[] = [];
  const callbacks = new Map<string | undefined, ((message: Message) => void) | undefined>();
  const host: Omit<ReloadHost, '_debug'> = {
    _platform: { sessionStorage: sessionStorage as MemoryStorage },
    setTimeout: (fn) => timers.push(fn),
    getURL: () => address,
    getTransport: () => ({ abort: () => log.push('abort') }),
    receive: (message) => log.push(message),
    startBatch: () => log.push('startBatch'),
    endBatch: () => log.push('endBatch'),
    _getCallback: (id) => callbacks.get(id),
    _putCallback: (id, callback) => callbacks.set(id, callback),
  };
  const { incoming, outgoing } = feed(extension, host);
  // The host that the extension got is a copy, which is where it installs `reload`.
  const reload = (configuration?: { name?: string }) => extension.cometd?.reload?.(configuration);
  const runTimers = () => {
    for (const fn of timers.splice(0)) fn();
  };
  return { callbacks, extension, incoming, log, outgoing, reload, runTimers };
}

type Page = ReturnType<typeof openPage>;

const accepted: Message = {
  id: '1',
  channel: '/meta/handshake',
  successful: true,
  clientId: 'c1',
  version: '1.0',
  supportedConnectionTypes: ['websocket', 'long-polling'],
  advice: { interval: 0, timeout: 30_000 },
  ext: { ack: { enabled: true } },
};
const handshake = (id = '1'): Message => ({ channel: '/meta/handshake', id });
const connect = (): Message => ({ channel: '/meta/connect', connectionType: 'websocket' });

/** What the application of a page does, up to its first connect. */
function settle(page: Page): void {
  page.outgoing(handshake());
  page.incoming(structuredClone(accepted));
  page.outgoing(connect());
  page.incoming({ channel: '/meta/connect', successful: true });
}

describe('the reload extension', () => {
  let storage: MemoryStorage;
  beforeEach(() => {
    storage = new MemoryStorage();
  });
  const saved = (name = key): unknown => JSON.parse(storage.entries.get(name) ?? 'null');

  it('installs reload() on the client and takes it away again', () => {
    const { extension } = openPage(storage);
    const { cometd } = extension;
    expect(cometd?.reload).toBeTypeOf('function');
    extension.unregistered();
    expect(cometd).not.toHaveProperty('reload');
  });

  it('saves what the handshake said and which transport was used first, and aborts the transport', () => {
    const page = openPage(storage);
    settle(page);
    page.outgoing({ channel: '/meta/connect', connectionType: 'long-polling' });
    page.reload();
    expect(page.log).toEqual(['abort']);
    expect(saved()).toEqual({ url, handshakeResponse: accepted, transportType: 'websocket' });
  });

  it.each<[string, (page: Page) => void]>([
    ['before a handshake', () => undefined],
    ['while the handshake is under way', (page) => page.outgoing(handshake())],
    ['after a handshake that was refused', (page) => page.incoming({ channel: '/meta/handshake', successful: false })],
    [
      'after another extension has refused the handshake',
      (page) => {
        const reply = page.incoming({ ...accepted });
        if (reply) reply.successful = false;
      },
    ],
    [
      'after a new handshake was sent',
      (page) => {
        settle(page);
        page.outgoing(handshake());
      },
    ],
    [
      'after a disconnect was sent',
      (page) => {
        settle(page);
        page.outgoing({ channel: '/meta/disconnect' });
      },
    ],
    [
      'after the server has disconnected',
      (page) => {
        settle(page);
        page.incoming({ channel: '/meta/disconnect' });
      },
    ],
  ])('saves nothing %s', (_, act) => {
    const page = openPage(storage);
    act(page);
    page.reload();
    expect(page.log).toEqual([]);
    expect(storage.entries.size).toBe(0);
  });

  it('lets no connect out of a page that goes', () => {
    const page = openPage(storage);
    settle(page);
    page.reload();
    expect(page.outgoing(connect())).toBeNull();
    const publish = { channel: '/a', data: 1 };
    expect(page.outgoing(publish)).toBe(publish);
  });

  it('lets connects out again when the page has stayed and shakes hands', () => {
    const page = openPage(storage);
    settle(page);
    page.reload();
    page.outgoing(handshake('7'));
    expect(page.outgoing(connect())).toEqual(connect());
  });

  it('answers the handshake of the next page, which is not sent', () => {
    const first = openPage(storage);
    settle(first);
    first.reload();

    const page = openPage(storage);
    const callback = () => undefined;
    page.callbacks.set('3', callback);
    expect(page.outgoing(handshake('3'))).toBeNull();
    expect(storage.entries.size).toBe(0);
    expect(page.log).toEqual(['startBatch']);
    page.callbacks.clear();
    page.runTimers();
    expect(page.callbacks.get('3')).toBe(callback);
    expect(page.log.slice(1)).toEqual([
      { ...accepted, id: '3', supportedConnectionTypes: ['websocket'], ext: { ack: { enabled: true }, reload: true } },
    ]);
  });

  it('holds the batch of the next page until its first connect has come back', () => {
    storage.setItem(key, JSON.stringify({ url, handshakeResponse: accepted, transportType: 'websocket' }));
    const page = openPage(storage);
    page.outgoing(handshake());
    page.incoming({ ...accepted });
    page.outgoing(connect());
    expect(page.log).toEqual(['startBatch']);
    page.incoming({ channel: '/meta/connect', successful: true });
    page.incoming({ channel: '/meta/connect', successful: true });
    expect(page.log).toEqual(['startBatch', 'endBatch']);
  });

  it.each<[string, (page: Page) => void]>([
    ['ends it when the session ends first', (page) => page.incoming({ channel: '/meta/disconnect' })],
    [
      'has none any more after another handshake',
      (page) => {
        page.outgoing(handshake('2'));
        page.log.push('endBatch');
      },
    ],
  ])('holds a batch, and %s', (_, act) => {
    storage.setItem(key, JSON.stringify({ url, handshakeResponse: accepted }));
    const page = openPage(storage);
    page.outgoing(handshake());
    act(page);
    page.incoming({ channel: '/meta/connect', successful: true });
    expect(page.log).toEqual(['startBatch', 'endBatch']);
  });

  it('passes a session on from page to page, as the server first described it', () => {
    const first = openPage(storage);
    settle(first);
    first.reload();
    for (const _ of [2, 3]) {
      const page = openPage(storage);
      page.outgoing(handshake('1'));
      page.runTimers();
      const replayed = page.log.find((entry) => typeof entry === 'object') as Message;
      replayed.advice = { changed: true };
      page.incoming(replayed);
      page.outgoing({ channel: '/meta/connect', connectionType: 'long-polling' });
      page.reload();
      expect(saved()).toEqual({ url, handshakeResponse: accepted, transportType: 'websocket' });
    }
  });

  it('lets all transports be negotiated when the page before had not connected yet', () => {
    storage.setItem(key, JSON.stringify({ url, handshakeResponse: accepted }));
    const page = openPage(storage);
    page.outgoing(handshake());
    page.runTimers();
    expect(page.log).toContainEqual({ ...accepted, ext: { ...accepted.ext, reload: true } });
  });

  it.each([
    ['of another server', JSON.stringify({ url: 'http://other/cometd', handshakeResponse: accepted })],
    ['without a handshake', JSON.stringify({ url })],
    ['that is nothing', 'null'],
    ['that is no JSON', '{'],
  ])('sends the handshake, and removes a saved state %s', (_, text) => {
    storage.setItem(key, text);
    const page = openPage(storage);
    const message = handshake();
    expect(page.outgoing(message)).toBe(message);
    page.runTimers();
    expect(page.log).toEqual([]);
    expect(storage.entries.size).toBe(0);
  });

  it('sends the handshake where the storage is not allowed', () => {
    const forbidden = {
      getItem: () => {
        throw new Error('SecurityError');
      },
    };
    const message = handshake();
    expect(openPage(forbidden).outgoing(message)).toBe(message);
  });

  it('uses another key when told so at construction, later, or in reload()', () => {
    for (const [page, name, configuration] of [
      [openPage(storage, new ReloadExtension({ name: 'a' })), 'a', undefined],
      [openPage(storage), 'b', { name: 'b' }],
    ] as const) {
      settle(page);
      page.reload(configuration);
      expect(saved(name)).toMatchObject({ url });
    }
    const page = openPage(storage);
    page.extension.configure({ name: 'a' });
    expect(page.outgoing(handshake())).toBeNull();
  });

  it('does not take the event of a listener for a configuration', () => {
    const page = openPage(storage);
    settle(page);
    page.extension.cometd?.reload?.(new Event('beforeunload'));
    expect([...storage.entries.keys()]).toEqual([key]);
  });

  it('hands the replay to an overridden _receive', () => {
    storage.setItem(key, JSON.stringify({ url, handshakeResponse: accepted }));
    const page = openPage(storage);
    const received: Message[] = [];
    page.extension._receive = (response) => received.push(response);
    page.outgoing(handshake());
    page.runTimers();
    expect(received).toHaveLength(1);
    expect(page.log).toEqual(['startBatch']);
  });
});

describe.each(routes)('with %s over %s', (_, transport, open) => {
  let storage: MemoryStorage;
  beforeEach(() => {
    storage = new MemoryStorage();
  });

  /** Loads the page: the same application every time. */
  function load(address: string): { client: Client; handshake: Promise<Message>; event: Promise<Message> } {
    const client = enter(open, address, transport);
    Object.assign(globalThis.window, { sessionStorage: storage });
    client.registerExtension('ack', new AckExtension());
    client.registerExtension('reload', new ReloadExtension());
    let heard: (message: Message) => void;
    const event = reply((done) => {
      heard = done;
    });
    const handshake = reply((done) => {
      client.addListener('/meta/handshake', () => client.subscribe('/news', (message) => heard(message)));
      client.handshake(done);
    });
    return { client, handshake, event };
  }

  it('the next page goes on with the session of the last one', async () => {
    const { bayeux, url: address } = await serve();
    const first = load(address);
    const { clientId, ext } = await first.handshake;
    await reply((done) => first.client.publish('/news', 'one', done));
    expect((await first.event).data).toBe('one');
    expect(ext?.reload).toBeUndefined();
    first.client.reload?.();
    expect(storage.entries.size).toBe(1);

    const second = load(address);
    const replayed = await second.handshake;
    expect(replayed).toMatchObject({ clientId, successful: true, ext: { reload: true } });
    expect(storage.entries.size).toBe(0);
    expect((await reply((done) => second.client.publish('/news', 'two', done))).successful).toBe(true);
    expect((await second.event).data).toBe('two');
    expect(bayeux.sessions.map((session) => session.id)).toEqual([clientId]);
  });
});

/** A typed client at a server with the habits of Salesforce: it lives through expired tokens and forgotten sessions, and an extension of the application keeps the place in each channel. */
import { BayeuxClient, CometD, Extension, type Message, type NodeClientOptions } from '@cometd-ts/client/node';
import { expect, it, onTestFinished } from 'vitest';
import { outcome, quick, Watched } from '../faults/watched.ts';
import { Office } from './clients-auth-gate.ts';
import { StreamingServer } from './clients-auth-streaming.ts';

/** What an application writes to get events again that it missed: the place in each channel. */
class Replay extends Extension {
  readonly places: Map<string, number>;
  #supported = false;

  constructor(places: Iterable<readonly [string, number]> = []) {
    super();
    this.places = new Map(places);
  }

  override outgoing(message: Message): void {
    const { channel, subscription } = message;
    if (channel === '/meta/handshake') message.ext = { ...message.ext, replay: true };
    if (channel !== '/meta/subscribe' || !this.#supported) return;
    const place = this.places.get(`${subscription}`) ?? -1;
    message.ext = { ...message.ext, replay: { [`${subscription}`]: place } };
  }

  override incoming(message: Message): void {
    if (message.channel === '/meta/handshake') this.#supported = message.ext?.replay === true;
    const { event } = Object(message.data) as { event?: { replayId?: unknown } };
    if (typeof event?.replayId === 'number') this.places.set(message.channel, event.replayId);
  }
}

class Listener {
  readonly heard: unknown[] = [];
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  readonly listen = ({ data }: Message): void => {
    this.heard.push((data as { payload: unknown }).payload);
    for (const { count, resolve } of this.#waiting) if (this.heard.length >= count) resolve();
  };

  has(count: number): Promise<void> {
    if (this.heard.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }
}

async function arrive(server: StreamingServer, options: NodeClientOptions): Promise<Watched> {
  const watched = new Watched(server.url, 'long-polling', options);
  onTestFinished(() => watched.client.abort());
  await watched.client.handshake();
  await watched.client.waitFor('connected', { timeout: 8000 });
  return watched;
}

it.each([false, true])(
  'expired tokens, again and again, cost no event and bring none twice, with a farewell before the refusal: %s',
  async (farewell) => {
    const server = await StreamingServer.start('token-1');
    server.farewell = farewell;
    const office = new Office();
    const replay = new Replay();
    const watched = await arrive(server, { auth: office.auth, extensions: [replay] });
    const { client } = watched;
    const listener = new Listener();
    await client.getChannel('/event/Order__e').subscribe(listener.listen);
    const numbers: number[] = [];
    for (let round = 1; round <= 3; round++) {
      numbers.push(round * 10);
      server.emit('/event/Order__e', round * 10);
      await listener.has(numbers.length);
      const restored = new Promise((resolve) => client.addListener('restored', resolve));
      const from = watched.statuses.length;
      server.tokens.add(`token-${round + 1}`);
      server.revoke(`token-${round}`);
      numbers.push(round * 10 + 1);
      server.emit('/event/Order__e', round * 10 + 1);
      await watched.status('connected', from);
      expect(await restored).toEqual({ channels: ['/event/Order__e'], refused: [] });
      await listener.has(numbers.length);
    }
    expect(listener.heard).toEqual(numbers);
    expect(server.handshakes).toEqual(['token-1', 'token-2', 'token-3', 'token-4']);
    expect(office.reasons).toHaveLength(4);
    expect(office.reasons.slice(1).map((reason) => reason?.message)).toEqual(
      Array.from({ length: 3 }, () => expect.stringContaining('401')),
    );
    const places = server.asked
      .filter(({ channel }) => channel === '/meta/subscribe')
      .map(({ ext }) => (ext?.replay as Record<string, number> | undefined)?.['/event/Order__e']);
    expect(places[0]).toBe(-1);
    expect(places.slice(1)).toEqual([...places.slice(1)].sort((a, b) => (a ?? 0) - (b ?? 0)));
    expect(new Set(places).size).toBe(4);
    expect([...server.paths]).toEqual(['/cometd/60.0']);
    await client.disconnect();
  },
);

it('a session that the server forgets, which it calls 403 Unknown client, needs no new token, and no event is lost', async () => {
  const server = await StreamingServer.start('token-1');
  const office = new Office();
  const watched = await arrive(server, { auth: office.auth, extensions: [new Replay()] });
  const listener = new Listener();
  await watched.client.getChannel('/data/ChangeEvents').subscribe(listener.listen);
  server.emit('/data/ChangeEvents', 1);
  await listener.has(1);
  const from = watched.statuses.length;
  server.forget();
  server.emit('/data/ChangeEvents', 2);
  expect(await watched.status('connected', from)).toMatchObject({ recovered: false });
  expect(watched.story.slice(from)).toEqual(expect.arrayContaining(['session-lost', 're-handshaking']));
  await listener.has(2);
  expect(listener.heard).toEqual([1, 2]);
  expect(office.reasons).toEqual([null]);
  await watched.client.disconnect();
});

it('a token that is refused at the handshake is renewed before anything else happens', async () => {
  const server = await StreamingServer.start('token-2');
  const office = new Office();
  const watched = await arrive(server, { auth: office.auth, extensions: [new Replay()] });
  expect(server.handshakes).toEqual(['token-2']);
  expect(office.reasons).toEqual([null, expect.objectContaining({ message: expect.stringContaining('403') })]);
  await watched.client.disconnect();
});

it('a request without a token, which is answered without an id and a channel, is a refusal like any other', async () => {
  const server = await StreamingServer.start('token-1');
  const client = new BayeuxClient(server.url, { ...quick, transports: ['long-polling'] });
  onTestFinished(() => client.abort());
  await expect(client.handshake()).rejects.toMatchObject({ message: expect.stringContaining('401') });
  expect(client.status).toMatchObject({ type: 'terminated', reason: expect.stringContaining('401') });
  const reasons: unknown[] = [];
  const other = await arrive(server, {
    auth: ({ reason }) => {
      reasons.push(reason);
      return reason ? { headers: { authorization: 'Bearer token-1' } } : {};
    },
  });
  expect(reasons).toEqual([null, expect.objectContaining({ message: expect.stringContaining('401') })]);
  await other.client.disconnect();
});

it('a place that the server keeps no more is refused loudly, and the application may begin anew', async () => {
  const server = await StreamingServer.start('token-1');
  const channel = '/event/Order__e';
  for (let n = 0; n < 9; n++) server.emit(channel, n);
  server.expire(server.emit(channel, 'last'));
  const replay = new Replay([[channel, 1]]);
  const watched = await arrive(server, { auth: new Office().auth, extensions: [replay] });
  const listener = new Listener();
  const refused = await outcome('subscribe', watched.client.getChannel(channel).subscribe(listener.listen));
  expect(refused).toMatchObject({ refused: { message: expect.stringContaining('replayId {1}') } });
  expect(watched.failures).toHaveLength(1);
  replay.places.set(channel, -2);
  await watched.client.getChannel(channel).subscribe(listener.listen);
  await listener.has(1);
  expect(listener.heard).toEqual(['last']);
  await watched.client.disconnect();
});

it('CometD, too, works there: the application gives the header fields anew and shakes hands again', async () => {
  const server = await StreamingServer.start('token-1');
  const cometd = new CometD();
  cometd.unregisterTransport('websocket');
  cometd.registerExtension('replay', new Replay());
  cometd.configure({ url: server.url, ...quick, requestHeaders: { authorization: 'Bearer token-1' } });
  const listener = new Listener();
  cometd.addListener('/meta/handshake', ({ successful }: Message) => {
    if (successful) cometd.subscribe('/topic/a', listener.listen);
  });
  const subscribed = new Promise<void>((resolve) => {
    cometd.addListener('/meta/subscribe', () => resolve());
  });
  cometd.handshake();
  await subscribed;
  server.emit('/topic/a', 1);
  await listener.has(1);
  const gone = new Promise<void>((resolve) => {
    cometd.addListener('/meta/unsuccessful', () => setImmediate(resolve));
    cometd.addListener('/meta/disconnect', () => setImmediate(resolve));
  });
  server.tokens.add('token-2');
  server.revoke('token-1');
  server.emit('/topic/a', 2);
  await gone;
  expect(cometd.getStatus()).toBe('disconnected');
  cometd.configure({ requestHeaders: { authorization: 'Bearer token-2' } });
  cometd.handshake();
  await listener.has(2);
  expect(listener.heard).toEqual([1, 2]);
  await new Promise<void>((resolve) => cometd.disconnect(() => resolve()));
});

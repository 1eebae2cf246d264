/**
 * Whatever strangers send, the server lives, answers each message once, and leaves their neighbours alone.
 * A failure prints its seed and the shrunk payload; `FUZZ_SEED=<seed>` repeats it, `FUZZ_SCALE=10` runs ten times as many.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { decode, defaultLimits, JSONContext, type Message, PayloadError } from '@cometd-ts/protocol';
import { BayeuxServer, type LocalSession, type ServerMessage } from '@cometd-ts/server';
import { type Launched, launch } from '@cometd-ts/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';

const scale = Number(process.env.FUZZ_SCALE ?? 1);
const seed = process.env.FUZZ_SEED === undefined ? {} : { seed: Number(process.env.FUZZ_SEED) };
const runs = (count: number): { numRuns: number; seed?: number } => ({ numRuns: Math.round(count * scale), ...seed });

type Fields = Record<string, unknown>;

// What is sent. `ME` stands for the client id of the sender.

const ME = '«me»';

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { a: value };
  return value;
}

const nasty: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    -0,
    0,
    -1,
    1.5,
    2 ** 31,
    2 ** 53 + 2,
    1e308,
    '',
    ' ',
    '/',
    '//',
    '*',
    '/**',
  ),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'then',
    'toString',
    '\u0000',
    '\u2028',
    '\ud800',
    '\ufeff',
    '\u202e',
    '\r\n',
    '<b>',
  ),
  fc.constantFrom(
    '/meta/x',
    '/META/connect',
    '/meta//connect',
    '/meta/connect/',
    '/a b',
    '/a/**/b',
    '/x/{y}/*',
    '/oort/x',
    '/seti/**',
  ),
  fc.constantFrom<unknown>(
    [],
    {},
    [null],
    [[]],
    { length: 1e9 },
    { then: 1 },
    { toJSON: 'x' },
    { toString: 1 },
    { channel: '/a' },
  ),
  fc.constant(JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}')),
  fc.constantFrom(62, 63, 64, 65, 300, 2_500).map(nested),
  fc.constantFrom(255, 256, 1_000).map((length) => `/${'x'.repeat(length - 1)}`),
  fc.constantFrom(32, 33, 200).map((count) => '/s'.repeat(count)),
  fc.constantFrom(100, 101).map((count) => Array.from({ length: count }, (_, index) => `/fuzz/${index % 7}`)),
  fc
    .constantFrom(1_000, 1_001)
    .map((count) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 0]))),
  fc.json({ maxDepth: 3 }).map((text) => JSON.parse(text)),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
);

const channel = fc.constantFrom('/fuzz/a', '/fuzz/b', '/fuzz/a/b', '/service/fuzz', '/fuzz/*', '/fuzz/**', '/**');
const id = fc.oneof(fc.integer({ min: 1, max: 9_999 }).map(String), fc.nat(9_999));
const valid: fc.Arbitrary<Fields> = fc.oneof(
  fc.record({
    channel: fc.constant('/meta/connect'),
    id,
    clientId: fc.constant(ME),
    connectionType: fc.constant('websocket'),
  }),
  fc.record({
    channel: fc.constant('/meta/subscribe'),
    id,
    clientId: fc.constant(ME),
    subscription: fc.oneof(channel, fc.array(channel, { maxLength: 4 })),
  }),
  fc.record({ channel: fc.constant('/meta/unsubscribe'), id, clientId: fc.constant(ME), subscription: channel }),
  fc.record({ channel, id, clientId: fc.constant(ME), data: nasty, ext: fc.constant({ token: 'secret' }) }),
  fc.record({ channel, id, clientId: fc.constant(ME), data: nasty }, { requiredKeys: ['channel'] }),
  fc.record({
    channel: fc.constant('/meta/handshake'),
    id,
    version: fc.constant('1.0'),
    supportedConnectionTypes: fc.constant(['websocket']),
  }),
  fc.record({ channel: fc.constant('/meta/disconnect'), id, clientId: fc.constant(ME) }),
);
const field = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'channel',
      'id',
      'clientId',
      'data',
      'ext',
      'advice',
      'subscription',
      'version',
      'connectionType',
    ),
  },
  fc.constantFrom(
    'supportedConnectionTypes',
    'successful',
    'error',
    'minimumVersion',
    'timestamp',
    'x-messages',
    'lazy',
    'json',
    '__proto__',
    'foo',
  ),
);
const change = fc.oneof(fc.record({ field, value: nasty }), fc.record({ field, value: fc.constant(undefined) }));

/** A message of good will, with up to three of its fields put wrong. */
const message: fc.Arbitrary<Fields> = fc
  .tuple(valid, fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.array(change, { maxLength: 3 })))
  .map(([fields, changes]) => {
    const changed: Fields = { ...fields };
    for (const { field: name, value } of changes) {
      if (value === undefined) delete changed[name];
      else Object.defineProperty(changed, name, { value, enumerable: true, configurable: true, writable: true });
    }
    return changed;
  });

/** Text that is no Bayeux payload, or nearly one. */
const spoil: fc.Arbitrary<(text: string) => string> = fc.oneof(
  { weight: 12, arbitrary: fc.constant((text: string) => text) },
  fc.nat().map((at) => (text: string) => text.slice(0, at % (text.length + 1))),
  fc.tuple(fc.nat(), fc.string({ maxLength: 3 })).map(([at, what]) => (text: string) => {
    const where = at % (text.length + 1);
    return text.slice(0, where) + what + text.slice(where);
  }),
  fc.constantFrom<(text: string) => string>(
    (text) => `${text},`,
    (text) => `${text}${text}`,
    (text) => `[${text}]`,
    (text) => `\ufeff${text}`,
    () => '[]',
    () => 'null',
    () => '',
    () => '[1]',
    () => '"x"',
    () => 'NaN',
    (text) => `${text}/* */`,
    (text) => text.replace('"channel"', '"channel":"/a","channel"'),
    (text) => text.replace(/"id":"?\w+"?/, '"id":1e999'),
  ),
);

const payload: fc.Arbitrary<string> = fc
  .tuple(fc.oneof({ weight: 6, arbitrary: fc.array(message, { minLength: 1, maxLength: 4 }) }, message), spoil)
  // As it stands on the wire: half a surrogate pair cannot be written in UTF-8.
  .map(([value, change]) => Buffer.from(change(JSON.stringify(value))).toString());

// The same one floor below: a request or an upgrade with frames, some of its bytes put wrong.

const post = (text: string): Buffer =>
  Buffer.from(
    `POST /cometd HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
const upgrade = Buffer.from(
  'GET /cometd HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n\r\n',
);
/** A frame masked with zeros, which leaves the payload readable. */
const frame: fc.Arbitrary<Buffer> = fc
  .record({ first: fc.oneof({ weight: 5, arbitrary: fc.constant(0x81) }, fc.nat(255)), text: payload })
  .map(({ first, text }) => {
    const body = Buffer.from(text);
    const head = Buffer.alloc(body.length < 126 ? 2 : 4);
    head[0] = first;
    head[1] = 0x80 | Math.min(body.length, 126);
    if (head.length === 4) head.writeUInt16BE(body.length & 0xffff, 2);
    return Buffer.concat([head, Buffer.alloc(4), body]);
  });
const bytes: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.oneof(
      payload.map(post),
      fc.array(frame, { maxLength: 3 }).map((frames) => Buffer.concat([upgrade, ...frames])),
    ),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
    fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.nat()),
  )
  .map(([whole, changes, end]) => {
    for (const [at, value] of changes) whole[at % whole.length] = value;
    return end === undefined ? whole : whole.subarray(0, end % (whole.length + 1));
  });

/** Sends bytes and hangs up; what came back until both sides had. */
async function exchange(port: number, sent: Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // A reset is an answer, too.
  socket.on('error', () => undefined);
  socket.end(sent);
  await new Promise<void>((resolve) => socket.on('close', () => resolve()));
  return Buffer.concat(chunks).toString('latin1');
}

// What must come back.

const errorPattern = /^\d{3}:[^:]*:.+$/s;

/** The messages a payload consists of, if it is one the server must answer. */
function requestsOf(text: string): Fields[] | null {
  try {
    const { messages } = decode(text, { json: new JSONContext(), limits: defaultLimits });
    const requests = messages as unknown as Fields[];
    const mixed = requests.length > 1 && requests.some((request) => request.channel === '/meta/handshake');
    return mixed ? null : requests;
  } catch (error) {
    if (error instanceof PayloadError) return null;
    throw error;
  }
}

/** One reply for each request, in order, each saying what became of it. */
function checkReplies(requests: readonly Fields[], replies: readonly Fields[]): void {
  expect(replies).toHaveLength(requests.length);
  requests.forEach((request, index) => {
    const reply = replies[index] ?? {};
    if (typeof request.channel === 'string') expect(reply.channel).toBe(request.channel);
    if (typeof request.id === 'string') expect(reply.id).toBe(request.id);
    if (typeof request.id === 'number' && Number.isSafeInteger(request.id) && request.id >= 0)
      expect(reply.id).toBe(String(request.id));
    expect(typeof reply.successful).toBe('boolean');
    if (reply.successful === false) expect(reply.error).toMatch(errorPattern);
    else expect(reply).not.toHaveProperty('error');
  });
}

/** What subscribers get is a channel and data, and nothing of its sender. */
function checkEvents(events: readonly Fields[]): void {
  for (const event of events)
    expect(Object.keys(event).sort()).toEqual('data' in event ? ['channel', 'data'] : ['channel']);
}

/** Timers that keep this process alive; the one of vitest itself is always among them. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}

function cleanPrototype(): void {
  expect(({} as Fields).admin).toBeUndefined();
  expect(Object.keys(Object.prototype)).toEqual([]);
}

const options = {
  timeout: 0,
  sweepPeriod: 50,
  maxInterval: 2_000,
  logLevel: 'silent',
  maxSessionsPerCookie: -1,
  // Who shoots this fast would be refused, and prove nothing. The bad messages, too, shall all be looked at.
  maxPublishRate: -1,
  maxSubscribeRate: -1,
  maxHandshakeRate: -1,
  maxBadMessages: -1,
} as const;

describe('whatever a local session sends', () => {
  it('the hall answers every message of a decoded payload once', async () => {
    const bayeux = new BayeuxServer({ logLevel: 'silent' });
    let session = bayeux.newLocalSession('fuzz');
    const witness = bayeux.newLocalSession('witness');
    await witness.handshake();
    let heard = 0;
    await witness.getChannel('/control').subscribe(() => heard++);
    let count = 0;
    await fc.assert(
      fc.asyncProperty(payload, async (text) => {
        if (!session.isHandshook) session = await freshSession(bayeux);
        for (const request of requestsOf(text) ?? []) {
          if (!session.isHandshook) session = await freshSession(bayeux);
          const reply: ServerMessage = await session.send(request as unknown as Message);
          checkReplies([request], [reply as unknown as Fields]);
        }
        count++;
        await witness.getChannel('/control').publish(count);
        expect(heard).toBe(count);
      }),
      runs(13_000),
    );
    cleanPrototype();
    await bayeux.stop();
    expect(bayeux.sessions).toHaveLength(0);
  }, 120_000);
});

// After the others: who keeps control here is a client that has to be heard of every two seconds.
describe('against any input', () => {
  const faults: unknown[] = [];
  const note = (error: unknown): void => void faults.push(error);
  let server: Launched;
  let control: Control;
  let timersBefore = 0;

  beforeAll(async () => {
    process.on('uncaughtExceptionMonitor', note);
    timersBefore = timers();
    server = await launch({ options });
    control = await Control.open(server.url);
  });

  afterAll(async () => {
    process.off('uncaughtExceptionMonitor', note);
    await server.close();
  });

  it('long-polling answers 200 with one reply for each message, or 4xx, and never 5xx', async () => {
    let me = await httpSession(server.url);
    await fc.assert(
      fc.asyncProperty(payload, async (template) => {
        const text = template.replaceAll(ME, me.clientId);
        const response = await fetch(server.url, {
          method: 'POST',
          body: text,
          headers: { 'content-type': 'application/json', cookie: me.cookie },
        });
        const body = await response.text();
        const requests = text === '' ? null : requestsOf(text);
        if (requests === null || Buffer.byteLength(text) > 65_536) {
          expect([400, 413]).toContain(response.status);
        } else {
          expect([response.status, body.slice(0, 200)]).toEqual([200, expect.anything()]);
          const received = JSON.parse(body) as Fields[];
          checkReplies(
            requests,
            received.filter((one) => 'successful' in one),
          );
          checkEvents(received.filter((one) => !('successful' in one)));
          if (received.some((one) => one.channel === '/meta/disconnect' && one.successful))
            me = await httpSession(server.url);
        }
        await control.beat();
      }),
      runs(3_500),
    );
    cleanPrototype();
  }, 120_000);

  it('WebSocket answers each frame with one reply for each message, or closes with a code that says why', async () => {
    let peer = await FramePeer.open(server.url);
    await fc.assert(
      fc.asyncProperty(payload, async (template) => {
        if (peer.isClosed) peer = await FramePeer.open(server.url);
        const text = template.replaceAll(ME, peer.clientId);
        const requests = text === '' ? null : requestsOf(text);
        peer.send(text);
        if (requests === null || Buffer.byteLength(text) > 65_536) {
          expect([1007, 1008, 1009]).toContain(await peer.closed());
        } else {
          checkReplies(requests, await peer.replies());
          checkEvents(peer.takeEvents());
          if (
            requests.some((request) => request.channel === '/meta/disconnect' || request.channel === '/meta/handshake')
          )
            peer.cut();
        }
        await control.beat();
      }),
      runs(3_500),
    );
    peer.cut();
    cleanPrototype();
  }, 120_000);

  it('bytes that are hardly HTTP or frames end their own connection at most', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, async (sent) => {
        const received = await exchange(server.port, sent);
        expect(received).not.toMatch(/^HTTP\/1\.1 500/m);
        await control.beat();
      }),
      runs(1_500),
    );
  }, 120_000);

  it('and afterwards everything is as it was', async () => {
    expect(faults).toEqual([]);
    const { bayeux } = server;
    await control.beat();
    control.close();
    const isBack = (): boolean => bayeux.sessions.length === 0 && bayeux.channels.every((one) => one.isMeta);
    await new Promise<void>((resolve) => {
      const look = (): void => {
        // Listeners hear of a removal while it happens; the registries tell right after it.
        queueMicrotask(() => isBack() && resolve());
      };
      bayeux.addListener('sessionRemoved', look);
      bayeux.addListener('channelRemoved', look);
      look();
    });
    expect(timers()).toBeLessThanOrEqual(timersBefore);
    expect(bayeux.channels.map((one) => one.id).sort()).toEqual(
      ['/meta/connect', '/meta/disconnect', '/meta/handshake', '/meta/subscribe', '/meta/unsubscribe'].sort(),
    );
    expect(
      Object.keys(Object.fromEntries(bayeux.diagnostics.counters)).filter((name) => name.startsWith('failed.')),
    ).toEqual([]);
  }, 30_000);
});

async function freshSession(bayeux: BayeuxServer): Promise<LocalSession> {
  const session = bayeux.newLocalSession('fuzz');
  expect((await session.handshake()).successful).toBe(true);
  return session;
}

async function httpSession(url: string): Promise<{ clientId: string; cookie: string }> {
  const post = (body: object, cookie = ''): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      body: JSON.stringify([body]),
      headers: { 'content-type': 'application/json', cookie },
    });
  const answer = await post({ channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling'] });
  const [reply] = (await answer.json()) as { clientId: string }[];
  const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  await (
    await post({ channel: '/meta/connect', clientId: reply?.clientId, connectionType: 'long-polling' }, cookie)
  ).text();
  return { clientId: reply?.clientId ?? '', cookie };
}

/** A WebSocket with a session, that tells replies from events and knows how it was closed. */
class FramePeer {
  clientId = '';
  readonly #socket: WebSocket;
  #events: Fields[] = [];
  #replies: Fields[][] = [];
  #wake: (() => void) | undefined;
  #code: number | undefined;

  static async open(url: string): Promise<FramePeer> {
    const socket = new WebSocket(url.replace('http', 'ws'));
    await once(socket, 'open');
    const peer = new FramePeer(socket);
    peer.send(
      JSON.stringify([{ channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['websocket'] }]),
    );
    const [reply] = await peer.replies();
    peer.clientId = reply?.clientId as string;
    peer.send(JSON.stringify([{ channel: '/meta/connect', clientId: peer.clientId, connectionType: 'websocket' }]));
    await peer.replies();
    return peer;
  }

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      const received = JSON.parse(String(data)) as Fields[];
      const replies = received.filter((one) => 'successful' in one);
      this.#events.push(...received.filter((one) => !('successful' in one)));
      if (replies.length > 0) this.#replies.push(replies);
      this.#wake?.();
    });
    socket.on('close', (code) => {
      this.#code = code;
      this.#wake?.();
    });
  }

  get isClosed(): boolean {
    return this.#code !== undefined;
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  cut(): void {
    this.#code ??= 1006;
    this.#socket.terminate();
  }

  async replies(): Promise<Fields[]> {
    await this.#until(() => this.#replies.length > 0);
    return this.#replies.shift() ?? [];
  }

  takeEvents(): Fields[] {
    return this.#events.splice(0);
  }

  async closed(): Promise<number | undefined> {
    await this.#until(() => false);
    return this.#code;
  }

  async #until(done: () => boolean): Promise<void> {
    while (!done() && this.#code === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A bystander with a subscription of its own: every beat it publishes must come back to it. */
class Control {
  readonly #peer: FramePeer;
  #count = 0;

  static async open(url: string): Promise<Control> {
    const peer = await FramePeer.open(url);
    peer.send(JSON.stringify([{ channel: '/meta/subscribe', clientId: peer.clientId, subscription: '/control' }]));
    expect(await peer.replies()).toEqual([{ channel: '/meta/subscribe', subscription: '/control', successful: true }]);
    return new Control(peer);
  }

  constructor(peer: FramePeer) {
    this.#peer = peer;
  }

  async beat(): Promise<void> {
    const data = ++this.#count;
    this.#peer.send(JSON.stringify([{ channel: '/control', clientId: this.#peer.clientId, data }]));
    expect(await this.#peer.replies()).toEqual([{ channel: '/control', successful: true }]);
    expect(this.#peer.takeEvents()).toEqual([{ channel: '/control', data }]);
  }

  close(): void {
    this.#peer.cut();
  }
}

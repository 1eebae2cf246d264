/**
 * Whatever a server answers, the client throws nothing into the void, does not spin, takes no advice that is not for it,
 * and comes back to work as soon as the answers are good again. `FUZZ_SEED=<seed>` repeats, `FUZZ_SCALE=10` runs ten times as many.
 */
import { CometD, type Message } from '@cometd-ts/client/node';
import { honestly, MaliciousServer, type WireMessage } from '@cometd-ts/testkit';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Malice, malice, mayEnd, spoil, stranger } from './malice.ts';
import { Ear, outcome, vias, Watched } from './watched.ts';

const scale = Number(process.env.FUZZ_SCALE ?? 1);
const seed = process.env.FUZZ_SEED === undefined ? {} : { seed: Number(process.env.FUZZ_SEED) };
/** A failure takes its patience each time it is tried: shrinking it must end. */
const runs = (count: number): { numRuns: number; seed?: number; interruptAfterTimeLimit: number } => ({
  numRuns: Math.round(count * scale),
  interruptAfterTimeLimit: 100_000 * Math.max(1, scale),
  ...seed,
});

const unheard: unknown[] = [];
const note = (error: unknown): void => {
  unheard.push(error);
};
beforeAll(() => {
  process.on('unhandledRejection', note);
  process.on('uncaughtException', note);
});
afterAll(() => {
  process.off('unhandledRejection', note);
  process.off('uncaughtException', note);
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as Record<string, unknown>).admin).toBeUndefined();
});

const limits = {
  maxNetworkDelay: 150,
  maxResponseSize: 200_000,
  advice: { timeout: 50, interval: 0, maxInterval: 0 },
  node: { maxPayload: 200_000 },
};

/** Where every answer comes, and none may be missed because the machine is busy. */
const patient = { maxNetworkDelay: 3000 };

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  expect(unheard.splice(0)).toEqual([]);
});

async function liar(hold?: number): Promise<MaliciousServer> {
  const server = await MaliciousServer.start(hold === undefined ? {} : { hold });
  closers.push(() => server.close());
  return server;
}

/** Several at a time watch a client that does nothing: each has its own server, and ends it and the client itself. */
async function steadyLiar(
  via: 'websocket' | 'long-polling',
  script: MaliciousServer['script'],
  judge: (server: MaliciousServer, watched: Watched) => Promise<void>,
): Promise<void> {
  const server = await MaliciousServer.start({ hold: 40 });
  server.script = script;
  const watched = new Watched(server.url, via, { ...limits, backoffIncrement: 100, maxBackoff: 100 });
  watched.client.handshake().catch(() => undefined);
  try {
    await judge(server, watched);
  } finally {
    watched.client.abort();
    await server.close();
  }
}

function watch(server: MaliciousServer, via: 'websocket' | 'long-polling', options: object = {}): Watched {
  const watched = new Watched(server.url, via, { ...limits, ...options });
  closers.push(async () => watched.client.abort());
  return watched;
}

async function arrive(server: MaliciousServer, via: 'websocket' | 'long-polling', options?: object): Promise<Watched> {
  const watched = watch(server, via, options);
  const connected = watched.status('connected', 0);
  await watched.client.handshake();
  await connected;
  return watched;
}

/** Whether more than `count` requests come in less than `ms`. Ends at the first certainty. */
async function spins(server: MaliciousServer, count: number, ms: number): Promise<boolean> {
  const timer = AbortSignal.timeout(ms);
  const late = new Promise<false>((resolve) => timer.addEventListener('abort', () => resolve(false)));
  return Promise.race([server.hasAsked(server.asked.length + count + 1).then(() => true), late]);
}

describe.each(vias)('over %s', (via) => {
  it('survives any sequence of wrong answers, with a bounded number of requests, and works again after it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(malice, { minLength: 1, maxLength: 6 }), async (evils) => {
        const server = await MaliciousServer.start({ hold: 20 });
        const left: Malice[] = [...evils];
        let calm: () => void = () => undefined;
        const isCalm = new Promise<void>((resolve) => {
          calm = resolve;
        });
        server.script = (asked, honest) => {
          const evil = left.shift();
          if (evil) return spoil(evil, honest);
          calm();
          return honestly(asked, honest);
        };
        const watched = new Watched(server.url, via, {
          maxNetworkDelay: 100,
          maxResponseSize: 200_000,
          advice: { timeout: 20, interval: 0, maxInterval: 0 },
          node: { maxPayload: 200_000 },
        });
        const { client } = watched;
        try {
          const ear = new Ear();
          const room = client.getChannel('/a');
          const handshake = outcome('handshake', client.handshake(), 4000);
          const subscribe = outcome('subscribe', room.subscribe(ear.listen), 4000);
          const ended = watched.status(['terminated', 'disconnected'], 0, 20_000).then(() => true);
          const over = await Promise.race([isCalm.then(() => false), ended]);
          if (!over) {
            const rest = watched.statuses.length;
            const fate =
              client.status.type === 'connected'
                ? client.status
                : await watched.status(['connected', 'terminated'], rest);
            if (fate.type === 'connected') await outcome('publish', room.publish('still here'));
          }
          await Promise.all([handshake, subscribe]);
          if (['terminated', 'disconnected'].includes(client.status.type)) {
            // An end is fine where the server said so, and never without a reason.
            expect(evils.some((evil) => mayEnd(evil) || saysSo(evil))).toBe(true);
          }
          expect(server.asked.length).toBeLessThan(evils.length * 3 + 20);
          expect(ear.heard.filter((one) => one !== 'still here' && !plants(evils))).toEqual([]);
          expect(unheard).toEqual([]);
        } finally {
          client.abort();
          await server.close();
        }
      }),
      runs(250),
    );
  }, 120_000);

  it('takes no advice and no verdict from replies to others', async () => {
    const server = await liar(30);
    const watched = await arrive(server, via, patient);
    const { client } = watched;
    const ear = new Ear();
    await client.getChannel('/a').subscribe(ear.listen);
    const { id } = client;
    const from = watched.statuses.length;
    await fc.assert(
      fc.asyncProperty(fc.array(stranger, { minLength: 1, maxLength: 5 }), async (added) => {
        // Without an id it is no reply to others; data on a channel one has subscribed to is an event, whatever its id.
        const others = added.filter(
          ({ channel, data, id: of }) => of !== '' && !(channel === '/a' && data !== undefined),
        );
        server.script = (_, honest) => ({ type: 'text', text: JSON.stringify([...others, ...honest]) });
        await client.getChannel('/a').publish('ping');
        const connects = server.messages('/meta/connect').length;
        while (server.messages('/meta/connect').length < connects + 1) await server.hasAsked(server.asked.length + 1);
        expect([client.id, client.status.type, client.transport]).toEqual([id, 'connected', via]);
      }),
      runs(60),
    );
    expect(watched.story.slice(from)).toEqual([]);
    expect(server.messages('/meta/handshake')).toHaveLength(1);
    expect(new Set(ear.heard)).toEqual(new Set(['ping']));
  }, 60_000);

  it('duplicate and late connect replies do not multiply the connects', async () => {
    const server = await liar(40);
    let first: WireMessage | undefined;
    server.script = (_, honest) => {
      const reply = honest.find(({ channel }) => channel === '/meta/connect');
      first ??= reply;
      const extra = reply ? [reply, reply, first, { ...first, successful: false, advice: { reconnect: 'none' } }] : [];
      return { type: 'text', text: JSON.stringify([...honest, ...extra]) };
    };
    const watched = await arrive(server, via, patient);
    const from = watched.statuses.length;
    const connects = (): number => server.messages('/meta/connect').length;
    const start = performance.now();
    const before = connects();
    while (connects() < before + 6) await server.hasAsked(server.asked.length + 1);
    // Each connect is held for 40 ms: six of them cannot come faster, one at a time.
    expect(performance.now() - start).toBeGreaterThan(5 * 35);
    expect(new Set(server.messages('/meta/connect').map(({ id }) => id)).size).toBe(connects());
    expect(watched.story.slice(from)).toEqual([]);
  });

  it('a duplicated event reply of a publish calls back once', async () => {
    const server = await liar(40);
    server.script = (_, honest) => ({ type: 'text', text: JSON.stringify([...honest, ...honest]) });
    const cometd = new CometD();
    for (const type of cometd.getTransportTypes()) if (type !== via) cometd.unregisterTransport(type);
    cometd.configure({ url: server.url, logLevel: 'error', backoffIncrement: 5 });
    closers.push(async () => cometd.disconnect());
    let called = 0;
    await new Promise<void>((resolve) => cometd.handshake(() => resolve()));
    await new Promise<void>((resolve) =>
      cometd.publish('/a', 1, () => {
        called++;
        resolve();
      }),
    );
    await new Promise<void>((resolve) => cometd.publish('/a', 2, () => resolve()));
    expect(called).toBe(1);
  });

  it.concurrent.each([
    ['a refused handshake', '/meta/handshake', { successful: false, error: '403::Forbidden' }],
    [
      'a refused handshake with advice',
      '/meta/handshake',
      { successful: false, advice: { reconnect: 'handshake', interval: 0 } },
    ],
    [
      'an unknown client at each connect',
      '/meta/connect',
      { successful: false, error: '402::Unknown client', advice: { reconnect: 'handshake', interval: 0 } },
    ],
    [
      'a refused connect to be retried',
      '/meta/connect',
      { successful: false, advice: { reconnect: 'retry', interval: 0 } },
    ],
    [
      'a refused connect with a negative interval',
      '/meta/connect',
      { successful: false, advice: { reconnect: 'retry', interval: -5000 } },
    ],
    ['a good handshake that asks for another', '/meta/handshake', { advice: { reconnect: 'handshake', interval: 0 } }],
    ['a good connect that asks for a handshake', '/meta/connect', { advice: { reconnect: 'handshake', interval: 0 } }],
  ])('%s, for ever, does not make it spin', async (_, channel, fields) => {
    const script: MaliciousServer['script'] = (_asked, honest) => ({
      type: 'text',
      text: JSON.stringify(honest.map((one) => (one.channel === channel ? { ...one, ...fields } : one))),
    });
    await steadyLiar(via, script, async (server) => {
      await server.hasAsked(1);
      expect(await spins(server, 20, 700), `${server.asked.length} requests`).toBe(false);
    });
  });

  it.concurrent.each([
    ['garbage', { type: 'text', text: '<html>' }],
    ['an empty answer', { type: 'text', text: '' }],
    ['an empty array', { type: 'text', text: '[]' }],
    ['a reply to nobody', { type: 'text', text: '[{"successful":false}]' }],
    ['an error', { type: 'text', text: 'no', status: 500 }],
    ['a cut', { type: 'cut' }],
  ] as const)('%s for ever does not make it spin, and is told', async (_, answer) => {
    await steadyLiar(
      via,
      () => answer,
      async (server, watched) => {
        await watched.status('unconnected', 0);
        expect(await spins(server, 20, 700), `${server.asked.length} requests`).toBe(false);
      },
    );
  });

  it('advice for days becomes no timer that fires at once, and is visible', async () => {
    const server = await liar(20);
    let connects = 0;
    server.script = (asked, honest) => {
      const isConnect = honest.some(({ channel }) => channel === '/meta/connect');
      if (!isConnect || ++connects < 2) return honestly(asked, honest);
      const huge = { reconnect: 'retry', interval: 1e12, timeout: 1e300, maxInterval: 1e300 };
      return { type: 'text', text: JSON.stringify(honest.map((one) => ({ ...one, advice: huge }))) };
    };
    const delays: number[] = [];
    let asleep: () => void = () => undefined;
    const sleeping = new Promise<void>((resolve) => {
      asleep = resolve;
    });
    const platform = {
      setTimeout: (fn: () => void, ms: number): unknown => {
        delays.push(ms);
        if (ms > 1e8) asleep();
        return setTimeout(fn, ms);
      },
      clearTimeout: (handle: unknown): void => clearTimeout(handle as NodeJS.Timeout),
    };
    const watched = watch(server, via, { platform });
    watched.client.handshake().catch(() => undefined);
    await sleeping;
    for (const ms of delays) expect(Number.isInteger(ms) && ms >= 0 && ms < 2 ** 31, String(ms)).toBe(true);
    expect(await spins(server, 0, 150)).toBe(false);
    // Publishing still works meanwhile, and so does leaving.
    await watched.client.getChannel('/a').publish(1);
    await watched.client.disconnect();
  });

  it('reconnect none is never swallowed: it ends with a reason, in a connect and in a handshake', async () => {
    for (const channel of ['/meta/handshake', '/meta/connect']) {
      const server = await liar(20);
      server.script = (_, honest) => ({
        type: 'text',
        text: JSON.stringify(
          honest.map((one) =>
            one.channel === channel
              ? { ...one, successful: false, error: '403::Forbidden', advice: { reconnect: 'none' } }
              : one,
          ),
        ),
      });
      const watched = watch(server, via);
      const handshake = outcome('handshake', watched.client.handshake());
      const end = await watched.status('terminated', 0);
      expect(end.reason).toMatch(/none|403|forbidden/i);
      expect(watched.client.state).toBe('disconnected');
      if (channel === '/meta/handshake') expect(await handshake).toMatchObject({ refused: expect.any(Error) });
      await handshake;
    }
  });

  it('a response without end is given up at its limit', async () => {
    const server = await liar();
    server.script = () => ({ type: 'endless', text: 'x'.repeat(60_000) });
    const watched = watch(server, via, { maxNetworkDelay: 60_000 });
    watched.client.handshake().catch(() => undefined);
    const end = await watched.status('unconnected', 0);
    expect(end.reason).toBeTruthy();
  });

  it('a disconnect that the server sends on its own ends the client, which says so', async () => {
    const server = await liar(20);
    let tell = false;
    server.script = (_, honest) => ({
      type: 'text',
      text: JSON.stringify(tell ? [...honest, { channel: '/meta/disconnect', successful: true }] : honest),
    });
    const watched = await arrive(server, via);
    tell = true;
    const end = await watched.status('terminated');
    expect(end.reason).toBeTruthy();
    expect(watched.client.state).toBe('disconnected');
    const asked = server.asked.length;
    expect(await spins(server, 1, 100)).toBe(false);
    expect(server.asked.length).toBeLessThanOrEqual(asked + 1);
  });

  it('a refused subscription rejects, and is not restored', async () => {
    const server = await liar(20);
    server.script = (_, honest) => ({
      type: 'text',
      text: JSON.stringify(
        honest.map((one) =>
          one.channel === '/meta/subscribe' ? { ...one, successful: false, error: '403::denied' } : one,
        ),
      ),
    });
    const watched = await arrive(server, via);
    const ear = new Ear();
    const refused = await outcome('subscribe', watched.client.getChannel('/a').subscribe(ear.listen));
    expect(refused).toMatchObject({ refused: { code: expect.anything() } });
    const asked = server.messages('/meta/subscribe').length;
    server.honest.clientId = 'forgotten';
    server.script = honestly;
    await watched.status('session-lost');
    await watched.status('connected');
    expect(server.messages('/meta/subscribe')).toHaveLength(asked);
  });
});

describe('a WebSocket', () => {
  it('that is talked to without having asked keeps its own counsel', async () => {
    const server = await liar(30);
    const watched = await arrive(server, 'websocket', patient);
    const ear = new Ear();
    await watched.client.getChannel('/a').subscribe(ear.listen);
    const from = watched.statuses.length;
    server.push([{ channel: '/a', data: 1 }]);
    server.push([
      { channel: '/b', data: 2 },
      { channel: '/a', data: 3, id: '77', clientId: 'x' },
    ]);
    server.push({ channel: '/a', data: 4 });
    server.push([{ channel: '/meta/handshake', successful: true, clientId: 'evil', id: '1' }]);
    server.push([{ channel: '/meta/connect', successful: false, id: '1', advice: { reconnect: 'none' } }]);
    server.push([{ channel: '/meta/subscribe', successful: false, subscription: '/a', id: '999' }]);
    server.push([{ channel: '/a', data: 5 }]);
    await ear.hears(5);
    expect(ear.heard).toEqual([1, 3, 4, 5]);
    expect(watched.client.id).toBe(server.honest.clientId);
    expect(watched.story.slice(from)).toEqual([]);
    server.push('not json');
    await watched.status('unconnected', from);
    await watched.status('connected', from);
    server.push([{ channel: '/a', data: 6 }]);
    await ear.hears(6);
  });
});

/** What was found once is tried each time. */
const found: [Malice[], (typeof vias)[number]][] = vias.flatMap((via): [Malice[], (typeof vias)[number]][] => [
  // An id so long that no connect with it can be sent.
  [[{ does: 'set', field: 'clientId', value: 'x'.repeat(20_000) }], via],
  // A session that the server does not know, and no advice but that of before, which says retry.
  [
    [
      { does: 'set', field: 'clientId', value: 'x' },
      { does: 'drop', fields: ['advice'] },
    ],
    via,
  ],
]);

it('CometD, too, survives wrong answers', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(malice, { minLength: 1, maxLength: 5 }), fc.constantFrom(...vias), async (evils, via) => {
      const server = await MaliciousServer.start({ hold: 20 });
      const left = [...evils];
      let calm: () => void = () => undefined;
      const isCalm = new Promise<void>((resolve) => {
        calm = resolve;
      });
      server.script = (asked, honest) => {
        const evil = left.shift();
        if (evil) return spoil(evil, honest);
        if (honest.some(({ channel, successful }) => channel === '/meta/connect' && successful)) calm();
        return honestly(asked, honest);
      };
      const cometd = new CometD();
      for (const type of cometd.getTransportTypes()) if (type !== via) cometd.unregisterTransport(type);
      cometd.configure({
        url: server.url,
        logLevel: 'error',
        backoffIncrement: 5,
        maxBackoff: 20,
        maxNetworkDelay: 100,
        maxResponseSize: 200_000,
        advice: { timeout: 20, interval: 0 },
      });
      const ended = new Promise<void>((resolve) => {
        const look = (): void => {
          if (cometd.isDisconnected()) resolve();
        };
        for (const channel of ['/meta/handshake', '/meta/connect', '/meta/disconnect']) {
          cometd.addListener(channel, (_: Message) => queueMicrotask(look));
        }
      });
      cometd.handshake();
      await outcome('coming back', Promise.race([isCalm, ended]));
      expect(server.asked.length).toBeLessThan(evils.length * 3 + 20);
      expect(unheard).toEqual([]);
      if (!cometd.isDisconnected()) cometd.disconnect();
      await server.close();
    }),
    { ...runs(200), examples: found },
  );
}, 120_000);

/** A message added says disconnect without an id, or advises none. */
function saysSo(evil: Malice): boolean {
  return evil.does === 'add' && evil.messages.some(({ id, advice }) => id === '' || advice?.reconnect === 'none');
}

/** The answers contain events for the channel subscribed to. */
function plants(evils: readonly Malice[]): boolean {
  return evils.some(
    (evil) =>
      (evil.does === 'add' && evil.messages.some(({ channel, data }) => channel === '/a' && data !== undefined)) ||
      evil.does === 'set' ||
      evil.does === 'say' ||
      evil.does === 'repeat',
  );
}

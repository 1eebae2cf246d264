/** Servers that share one address: whoever is met, the one that has the session serves. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { BayeuxServer, Neighbour, PassedRequest, ServerOptions } from '@cometd-ts/server';
import { RawHttp, RawSession, RawWebSocket } from '@cometd-ts/testkit';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type House, host } from '../hosting.ts';

interface Street {
  readonly houses: readonly [House, House];
  /** The second house is not reached any more; what is under way there gets no answer. */
  cut(): void;
}

/** Two servers, each the neighbour of the other. WebSockets go through real sockets. */
async function street(options: ServerOptions = {}): Promise<Street> {
  const houses = [await host(options), await host(options)] as const;
  const cuts: (() => void)[] = [];
  const [a, b] = [await neighbour(houses[0].bayeux, cuts), await neighbour(houses[1].bayeux, cuts)];
  const isCut = { now: false };
  const others = [b, a];
  for (const [index, { bayeux }] of houses.entries()) {
    const other = others[index];
    bayeux.meet({
      mark: `${index}-`,
      ownerOf: (id) => (id.startsWith(`${1 - index}-`) && !isCut.now ? other : undefined),
    });
  }
  return {
    houses,
    cut: () => {
      isCut.now = true;
      for (const cut of cuts) cut();
    },
  };
}

async function neighbour(bayeux: BayeuxServer, cuts: (() => void)[]): Promise<Neighbour> {
  let opening: PassedRequest | undefined;
  const sockets = new Set<Socket>();
  const server = createServer((pipe) => {
    sockets.add(pipe);
    pipe.on('error', () => pipe.destroy());
    if (opening) bayeux.guests.webSocket(opening, pipe);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const end = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  cuts.push(end);
  onTestFinished(() => {
    end();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    pass: (request, body, done) => {
      cuts.push(() => done(null));
      return bayeux.guests.request(request, body, done);
    },
    open: async (request) => {
      opening = request;
      const pipe = connect(port, '127.0.0.1');
      await once(pipe, 'connect');
      return pipe;
    },
  };
}

/** The same client, with its cookies, at another server. */
function elsewhere(session: RawSession, { url }: House, options = {}): RawSession<RawHttp> {
  const http = new RawHttp(url, options);
  onTestFinished(() => http.close());
  for (const [name, value] of (session.client as RawHttp).jar) http.jar.set(name, value);
  const other = new RawSession(http);
  other.clientId = session.clientId;
  for (let each = 0; each < 10; each++) other.nextId();
  return other;
}

async function socketTo({ url }: House, clientId: string): Promise<RawSession<RawWebSocket>> {
  const webSocket = await RawWebSocket.open(url);
  onTestFinished(() => webSocket.close());
  const session = new RawSession(webSocket);
  session.clientId = clientId;
  return session;
}

describe('a request for a session of a neighbour', () => {
  it('is served where the session is, by an id that tells so', async () => {
    const { houses } = await street();
    const [first, second] = houses;
    const session = await first.enter('long-polling');
    expect(session.clientId).toMatch(/^0-[\da-z]{25}$/);
    const same = elsewhere(session, second);
    expect(await same.subscribe('/news')).toMatchObject({ successful: true });
    expect(first.bayeux.getChannel('/news')?.subscribers).toHaveLength(1);
    expect(second.bayeux.getChannel('/news')).toBeUndefined();
    const held = same.connect();
    const heard = same.event('/news');
    await vi.waitFor(() =>
      expect(first.bayeux.management.transports()).toContainEqual(
        expect.objectContaining({ name: 'long-polling', requests: 1 }),
      ),
    );
    first.bayeux.getChannel('/news')?.publish(null, 'hello');
    expect((await heard).data).toBe('hello');
    expect((await held).successful).toBe(true);
  });

  it('brings the address of the client, its headers and its cookies', async () => {
    const seen: unknown[] = [];
    const { houses } = await street();
    const [first, second] = houses;
    first.bayeux
      .createChannelIfAbsent('/service/who')
      .channel.addListener('message', (_from, _channel, { context }) => {
        seen.push(context?.header('x-lamp'), context?.remoteAddress?.address, context?.cookie('BAYEUX_BROWSER'));
      });
    const session = await first.enter('long-polling');
    await elsewhere(session, second, { headers: { 'x-lamp': 'green' } }).publish('/service/who', 1);
    expect(seen).toEqual(['green', '127.0.0.1', expect.stringMatching(/^0-[\da-z]{16}$/)]);
  });

  it('is bounded where it comes in', async () => {
    const { houses } = await street({ maxMessageSize: 2_000 });
    const session = await houses[0].enter('long-polling');
    await expect(elsewhere(session, houses[1]).publish('/news', 'x'.repeat(3_000))).rejects.toThrow('413');
  });

  it('is given up where it is held when the client goes', async () => {
    const { houses } = await street();
    const [first, second] = houses;
    const session = await first.enter('long-polling');
    const same = elsewhere(session, second);
    const requests = (): number | undefined =>
      first.bayeux.management.transports().find(({ name }) => name === 'long-polling')?.requests;
    same.connect().catch(() => undefined);
    await vi.waitFor(() => expect(requests()).toBe(1));
    await same.close();
    await vi.waitFor(() => expect(requests()).toBe(0));
  });

  it('is answered here with an advice to shake hands when the neighbour goes', async () => {
    const { houses, cut } = await street();
    const [first, second] = houses;
    const session = await first.enter('long-polling');
    const same = elsewhere(session, second);
    const held = same.connect();
    await vi.waitFor(() =>
      expect(first.bayeux.management.transports().find(({ name }) => name === 'long-polling')?.requests).toBe(1),
    );
    cut();
    expect(await held).toMatchObject({ error: '402::session_unknown', advice: { reconnect: 'handshake' } });
    expect(await same.handshake()).toMatchObject({ successful: true });
    expect(same.clientId).toMatch(/^1-/);
  });

  it('is not believed without the cookie', async () => {
    const { houses } = await street();
    const session = await houses[0].enter('long-polling');
    const thief = elsewhere(session, houses[1]);
    (thief.client as RawHttp).jar.clear();
    expect(await thief.publish('/news', 1)).toMatchObject({ error: '402::session_unknown' });
  });

  it('a second tab of a browser lives where the first one does, so that both are counted', async () => {
    const { houses } = await street();
    const [first, second] = houses;
    const tab = await first.enter('long-polling');
    const other = elsewhere(tab, second);
    await other.handshake();
    expect(other.clientId).toMatch(/^0-/);
    await other.connect(0);
    const held = tab.connect();
    await tab.subscribe('/news');
    expect(await other.connect()).toMatchObject({ advice: { 'multiple-clients': true } });
    held.catch(() => undefined);
  });

  it('a request behind a held one on the same connection does not wait for it', async () => {
    const { houses } = await street();
    const [first, second] = houses;
    const session = await first.enter('long-polling');
    const cookie = [...(session.client as RawHttp).jar].map((pair) => pair.join('=')).join('; ');
    const socket = connect(second.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    let answers = '';
    socket.on('data', (chunk) => {
      answers += chunk;
    });
    const post = (message: object): void => {
      const body = JSON.stringify([message]);
      socket.write(
        `POST /cometd HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    };
    const { clientId } = session;
    post({ channel: '/meta/connect', connectionType: 'long-polling', clientId, id: 'held' });
    await vi.waitFor(() =>
      expect(first.bayeux.management.transports().find(({ name }) => name === 'long-polling')?.requests).toBe(1),
    );
    post({ channel: '/news', data: 1, clientId, id: 'behind' });
    await vi.waitFor(() => expect(answers).toContain('"behind"'));
    expect(answers.indexOf('"held"')).toBeLessThan(answers.indexOf('"behind"'));
  });
});

describe('a WebSocket that names a session of a neighbour', () => {
  it.each([false, true])('leads to it from then on, with compression %s', async (compressed) => {
    const { houses } = await street({ 'ws.enableExtension.permessage-deflate': compressed });
    const [first, second] = houses;
    const session = await first.enter('long-polling');
    const socket = await socketTo(second, session.clientId);
    expect(await socket.subscribe('/news')).toMatchObject({ successful: true });
    expect(first.bayeux.getChannel('/news')?.subscribers).toHaveLength(1);
    const heard = Array.from({ length: 50 }, () => socket.event('/news'));
    const text = 'äöü'.repeat(2_000);
    for (let number = 0; number < 50; number++) first.bayeux.getChannel('/news')?.publish(null, { number, text });
    const numbers = (await Promise.all(heard)).map(({ data }) => (data as { number: number }).number);
    expect(numbers).toEqual(numbers.map((_, index) => index));
    expect(await socket.publish('/other', text)).toMatchObject({ successful: true });
    const transports = (house: House): unknown =>
      house.bayeux.management.transports().find(({ name }) => name === 'websocket');
    expect(transports(first)).toMatchObject({ connections: 1 });
    expect(transports(second)).toMatchObject({ connections: 0 });
    await socket.close();
    await vi.waitFor(() => expect(transports(first)).toMatchObject({ connections: 0 }));
  });

  it('answers pings, and is pinged by the neighbour', async () => {
    const { houses } = await street({ 'ws.pingInterval': 100, sweepPeriod: 50 });
    const session = await houses[0].enter('long-polling');
    const socket = await socketTo(houses[1], session.clientId);
    await socket.subscribe('/news');
    const pings: number[] = [];
    socket.client.socket.on('ping', () => pings.push(performance.now()));
    await vi.waitFor(() => expect(pings.length).toBeGreaterThan(4), 5_000);
    const pong = once(socket.client.socket, 'pong');
    socket.client.socket.ping('there?');
    expect(String((await pong)[0])).toBe('there?');
  });

  it('is closed with the reason of the neighbour', async () => {
    const { houses } = await street();
    const session = await houses[0].enter('long-polling');
    const socket = await socketTo(houses[1], session.clientId);
    await socket.subscribe('/news');
    await houses[0].bayeux.stop();
    expect(await socket.client.closed).toEqual({ code: 1012, reason: 'The server stops' });
  });

  it('is told when the neighbour is gone', async () => {
    const { houses, cut } = await street();
    const session = await houses[0].enter('long-polling');
    const socket = await socketTo(houses[1], session.clientId);
    await socket.subscribe('/news');
    cut();
    expect(await socket.client.closed).toMatchObject({ code: 1012 });
    const again = await socketTo(houses[1], session.clientId);
    expect(await again.connect()).toMatchObject({ error: '402::session_unknown', advice: { reconnect: 'handshake' } });
  });
});

describe('marks', () => {
  it('are what cookies can carry', async () => {
    const { bayeux } = await host();
    expect(() => bayeux.meet({ mark: 'a;b', ownerOf: () => undefined })).toThrow(TypeError);
  });
});

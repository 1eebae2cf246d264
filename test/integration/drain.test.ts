/** A rolling restart: two servers behind one address, drained one after the other, and clients that notice next to nothing. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { AckExtension, BayeuxClient } from '@cometd-ts/client/node';
import { AcknowledgedMessagesExtension, type ServerMessage, type ServerSession } from '@cometd-ts/server';
import { type Launched, launch, openSession } from '@cometd-ts/testkit';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { quick, type Via, vias } from '../faults/watched.ts';

/** Everybody who has been queued a message: what the server has taken upon itself to deliver. */
type Promised = string[];

async function serve(promised: Promised, name: string): Promise<Launched> {
  const house = await launch({
    options: { timeout: 20_000, overloadHosts: ['other.example.com'] },
    prepare: (bayeux) => {
      bayeux.addExtension(new AcknowledgedMessagesExtension());
      bayeux.createChannelIfAbsent('/news', (channel) => {
        channel.persistent = true;
      });
      bayeux.addListener('sessionAdded', (session: ServerSession) => {
        session.addListener('queued', (_sender, message: ServerMessage) => {
          if (message.channel === '/news') promised.push(`${session.id} ${String(message.data)}`);
        });
      });
    },
  });
  onTestFinished(() => house.close());
  let number = 0;
  const feed = setInterval(() => house.bayeux.getChannel('/news')?.publish(null, `${name}${number++}`), 5);
  onTestFinished(() => clearInterval(feed));
  return house;
}

/** Passes each new connection on to the first server that is ready, as a load balancer with health checks does. */
async function balance(houses: readonly Launched[]): Promise<string> {
  const balancer: Server = createServer((socket) => {
    const house = houses.find(({ bayeux }) => bayeux.isReady);
    const behind = connect(house?.port ?? 0, '127.0.0.1');
    for (const one of [socket, behind]) one.on('error', () => one.destroy());
    socket.pipe(behind).pipe(socket);
    onTestFinished(() => {
      socket.destroy();
      behind.destroy();
    });
  });
  await once(balancer.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void balancer.close());
  return `http://127.0.0.1:${(balancer.address() as AddressInfo).port}/cometd`;
}

class Reader {
  readonly client: BayeuxClient;
  readonly heard: string[] = [];
  /** The longest time without being connected, in ms. */
  longestGap = 0;
  #lostAt = 0;

  constructor(url: string, via: Via) {
    this.client = new BayeuxClient(url, { ...quick, transports: [via], extensions: [new AckExtension()] });
    this.client.addListener('status', ({ type }) => {
      const now = performance.now();
      if (type !== 'connected') this.#lostAt ||= now;
      else if (this.#lostAt) {
        this.longestGap = Math.max(this.longestGap, now - this.#lostAt);
        this.#lostAt = 0;
      }
    });
    onTestFinished(() => this.client.abort());
  }

  async enter(): Promise<void> {
    await this.client.handshake();
    await this.client.waitFor('connected');
    await this.client.getChannel('/news').subscribe(({ data }) => void this.heard.push(`${this.client.id} ${data}`));
  }
}

describe.each(vias)('a rolling restart of two servers, to clients over %s', (via) => {
  it('loses and repeats nothing that was queued, and leaves nobody unconnected for 5 s', async () => {
    const promised: Promised = [];
    const [first, second] = [await serve(promised, 'a'), await serve(promised, 'b')];
    const houses = [first, second];
    const url = await balance(houses);
    const readers = Array.from({ length: 8 }, () => new Reader(url, via));
    await Promise.all(readers.map((reader) => reader.enter()));
    expect(first.bayeux.sessions).toHaveLength(8);

    await first.bayeux.drain({ timeout: 12_000, notice: 100 });
    await vi.waitFor(
      () => expect(second.bayeux.sessions.filter(({ isConnected }) => isConnected)).toHaveLength(8),
      8000,
    );
    const third = await serve(promised, 'c');
    houses.push(third);
    await second.bayeux.drain({ timeout: 12_000, notice: 100 });
    await vi.waitFor(() => expect(third.bayeux.getChannel('/news')?.subscribers ?? []).toHaveLength(8), {
      timeout: 8000,
    });

    const before = promised.filter((one) => !/ c/.test(one)).sort();
    const heard = (): string[] => readers.flatMap((reader) => reader.heard.filter((one) => !/ c/.test(one))).sort();
    expect(heard()).toEqual(before);
    expect(before.length).toBeGreaterThan(16);
    for (const reader of readers) {
      expect(reader.longestGap).toBeGreaterThan(0);
      expect(reader.longestGap).toBeLessThan(5000);
    }
  }, 60_000);

  it('is over when the last client has gone, and says before that it is not ready', async () => {
    const house = await serve([], 'a');
    const session = await openSession(via, house.url);
    await session.handshake();
    await session.connect(0);
    const held = session.connect();
    await session.subscribe('/other');
    const begun = performance.now();
    const drained = house.bayeux.drain({ timeout: 20_000, notice: 50 });
    expect(house.bayeux.isReady).toBe(false);
    const { successful, advice } = await held;
    expect(successful).toBe(false);
    expect(advice).toMatchObject({ reconnect: 'handshake', hosts: ['other.example.com'] });
    await drained;
    expect(performance.now() - begun).toBeLessThan(5000);
    expect(house.bayeux.isStarted).toBe(false);
    await session.close();
  });

  it('sends newcomers away with advice', async () => {
    const house = await serve([], 'a');
    const resident = await openSession(via, house.url);
    await resident.handshake();
    // It never connects, so that it cannot be sent away.
    const drained = house.bayeux.drain({ timeout: 1500, notice: 0 });
    const newcomer = await openSession(via, house.url);
    const { successful, error, advice } = await newcomer.handshake();
    expect(successful).toBe(false);
    expect(error).toBe('503:draining:overloaded');
    expect(advice).toMatchObject({ reconnect: 'handshake', hosts: ['other.example.com'] });
    await drained;
    await Promise.all([resident.close(), newcomer.close()]);
  });
});

/**
 * With the ack extension at both ends nothing is lost, nothing comes twice and the order is kept, wherever the line is cut.
 * The foreign server takes its time: `FAULT_STRIDE=1` tries every byte, not only every seventh.
 */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo, Socket } from 'node:net';
import { AckExtension } from '@cometd-ts/client/node';
import { type Direction, ToxicProxy } from '@cometd-ts/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ear, outcome, Watched } from './watched.ts';

const stride = Number(process.env.FAULT_STRIDE ?? 7);

interface ForeignServer {
  readonly handle: RequestListener;
  addExtension(extension: object): void;
  createServerChannel(name: string): { publish(sender: null, data: unknown): void };
  close(): void;
}

const load = createRequire(import.meta.url);
const { createCometDServer } = load('cometd-nodejs-server') as {
  createCometDServer(options: object): ForeignServer;
};
const { AcknowledgedMessagesExtension } = load('cometd-nodejs-server/ack-extension') as {
  AcknowledgedMessagesExtension: new () => object;
};

describe('acknowledged messages', () => {
  let foreign: ForeignServer;
  let http: Server;
  let port = 0;
  let visits = 0;
  const sockets = new Set<Socket>();

  beforeAll(async () => {
    foreign = createCometDServer({ timeout: 20_000, maxInterval: 60_000 });
    foreign.addExtension(new AcknowledgedMessagesExtension());
    http = createServer(foreign.handle);
    http.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    port = (http.address() as AddressInfo).port;
  });

  afterAll(async () => {
    foreign.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => http.close(resolve));
  });

  /** Events are published one by one, the next when the one before was heard, and three together. */
  async function visit(proxy: ToxicProxy): Promise<void> {
    const channel = `/ack/${++visits}`;
    const watched = new Watched(proxy.through(`http://127.0.0.1:${port}/cometd`), 'long-polling');
    const { client } = watched;
    client.addExtension(new AckExtension());
    const ear = new Ear<number>();
    await outcome('handshake', client.handshake());
    await watched.status('connected', 0);
    const room = client.getChannel(channel);
    for (let tries = 0; (await outcome('subscribe', room.subscribe(ear.listen))) !== 'ok' && tries < 3; tries++) {
      if (client.status.type !== 'connected') await watched.status('connected');
    }
    const { id } = client;
    const from = watched.statuses.length;
    const wide = foreign.createServerChannel(channel);
    for (const n of [1, 2, 3]) {
      wide.publish(null, n);
      await within(watched, ear.hears(n));
    }
    for (const n of [4, 5, 6]) wide.publish(null, n);
    await within(watched, ear.hears(6));
    expect([client.id === id, watched.story.slice(from).includes('session-lost')]).toEqual([true, false]);
    await outcome('disconnect', client.disconnect());
    expect(ear.heard).toEqual([1, 2, 3, 4, 5, 6]);
  }

  async function within(watched: Watched, heard: Promise<void>): Promise<void> {
    const result = await outcome('hearing it', heard);
    if (result !== 'ok') throw new Error(`lost; statuses: ${watched.story}`);
  }

  it.each(['down', 'up'] as const)(
    'over long-polling, cut %s byte by byte',
    async (direction: Direction) => {
      const record = await ToxicProxy.start(port);
      await visit(record);
      const length = record.seen[direction];
      await record.close();
      const wrong: string[] = [];
      let next = 0;
      const worker = async (): Promise<void> => {
        while (next < length) {
          const at = next;
          next += stride;
          const proxy = await ToxicProxy.start(port);
          void proxy.cutAfter(at, direction);
          await visit(proxy).catch((error: Error) => wrong.push(`byte ${at}: ${error.message}`));
          await proxy.close();
        }
      };
      await Promise.all(Array.from({ length: 8 }, worker));
      expect(wrong.slice(0, 5), `${wrong.length} cuts of ${length} bytes went wrong`).toEqual([]);
    },
    300_000,
  );
});

/** A session that ends because its queue is full: its client begins anew by itself, whatever client it is. */
import { createRequire } from 'node:module';
import { BayeuxClient } from '@cometd-ts/client/node';
import type { ServerSession } from '@cometd-ts/server';
import { type Launched, launch } from '@cometd-ts/testkit';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { quick, vias } from '../faults/watched.ts';
import { kinds, open } from './ext-clients.ts';

const { Client: Faye } = createRequire(import.meta.url)('faye') as {
  Client: new (
    url: string,
  ) => {
    disable(transport: string): void;
    subscribe(channel: string, heard: (data: unknown) => void): PromiseLike<void>;
    disconnect(): PromiseLike<void>;
  };
};

/** Waits until what is expected is so; up to 10 s, which only a failure takes. */
function eventually(expected: () => void): Promise<void> {
  return vi.waitFor(expected, { timeout: 10_000, interval: 5 });
}

async function serve(): Promise<Launched> {
  const server = await launch({ options: { timeout: 2_000, maxQueue: 3, logLevel: 'silent' } });
  onTestFinished(() => server.close());
  return server;
}

/** Gives the only session more than it can hold. */
async function overfill({ bayeux }: Launched): Promise<void> {
  const [session] = bayeux.sessions as [ServerSession];
  await eventually(() => expect(session.isConnected).toBe(true));
  session.batch(() => {
    for (let number = 1; number <= 4; number++) void session.deliver(null, '/news', 'too much');
  });
  expect(session.isTerminated).toBe(true);
}

/** Publishes what will be heard by the session there is then. */
async function tell({ bayeux }: Launched): Promise<void> {
  await eventually(() => expect(bayeux.getChannel('/news')?.subscribers).toHaveLength(1));
  bayeux.getChannel('/news')?.publish(null, 'again');
}

describe.each(vias)('over %s', (via) => {
  it('a typed client says that something is missing, and hears what comes', async () => {
    const server = await serve();
    const client = new BayeuxClient(server.url, { ...quick, transports: [via] });
    onTestFinished(() => client.disconnect());
    const story: unknown[] = [];
    client.addListener('status', (status) => {
      story.push(status.type === 'connected' ? { gap: status.gap } : status.type);
    });
    const heard: unknown[] = [];
    await client.handshake();
    await client.getChannel('/news').subscribe(({ data }) => heard.push(data));
    await client.waitFor('connected');
    await overfill(server);
    await tell(server);
    await eventually(() => expect(heard).toEqual(['again']));
    await eventually(() => expect(story.at(-1)).toEqual({ gap: true }));
    expect(story).toEqual(expect.arrayContaining(['session-lost', 're-handshaking']));
  });

  it.each(kinds)('$name shakes hands again', async (kind) => {
    const server = await serve();
    const client = open(kind, server.url, via);
    const heard: unknown[] = [];
    client.addListener('/meta/handshake', ({ successful }) => {
      if (successful)
        client.subscribe(
          '/news',
          ({ data }) => heard.push(data),
          () => undefined,
        );
    });
    client.handshake(() => undefined);
    await eventually(() => expect(server.bayeux.getChannel('/news')?.subscribers).toHaveLength(1));
    await overfill(server);
    await tell(server);
    await eventually(() => expect(heard).toEqual(['again']));
  });

  it('Faye shakes hands again', async () => {
    const server = await serve();
    const client = new Faye(server.url);
    if (via === 'long-polling') client.disable('websocket');
    onTestFinished(() => client.disconnect());
    const heard: unknown[] = [];
    await client.subscribe('/news', (data: unknown) => heard.push(data));
    await overfill(server);
    await tell(server);
    await eventually(() => expect(heard).toEqual(['again']));
  });
});

/** What the guide says happens second by second when the network goes away, happens at these seconds. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { BayeuxClient, type Message, type WebSocketLike } from '@cometd-ts/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const guide = path.resolve(import.meta.dirname, '../../docs/guide/client.md');

type Handlers = Record<'onopen' | 'onmessage' | 'onclose' | 'onerror', ((event: object) => void) | null>;

/** A network with one server at its end, which answers with the advice of ours. */
class Network {
  /** `closed`: connections are refused. `silent`: packets vanish. */
  condition: 'up' | 'closed' | 'silent' = 'up';
  readonly dialled: number[] = [];
  #last: (WebSocketLike & Handlers) | undefined;

  open(): WebSocketLike {
    this.dialled.push(Date.now());
    const socket: WebSocketLike & Handlers = {
      onopen: null,
      onmessage: null,
      onclose: null,
      onerror: null,
      close: () => undefined,
      send: (text) => {
        for (const message of JSON.parse(text) as Message[]) this.#answer(socket, message);
      },
    };
    this.#last = socket;
    setTimeout(() => {
      if (this.condition === 'up') socket.onopen?.({});
      else if (this.condition === 'closed') socket.onclose?.({ code: 1006, reason: '' });
    }, 1);
    return socket;
  }

  cut(): void {
    this.condition = 'closed';
    this.#last?.onclose?.({ code: 1006, reason: '' });
  }

  #answer(socket: Handlers, { id, channel, advice: asked }: Message): void {
    // A connect without advice is held.
    if (this.condition !== 'up' || (channel === '/meta/connect' && !asked)) return;
    const advice = { reconnect: 'retry', timeout: 30_000, interval: 0, maxInterval: 10_000 };
    const session = channel === '/meta/handshake' && { clientId: 'guest', supportedConnectionTypes: ['websocket'] };
    const reply = { id, channel, successful: true, advice, ...session };
    setTimeout(() => socket.onmessage?.({ data: JSON.stringify([reply]) }), 1);
  }
}

describe('the seconds of the guide', () => {
  let network: Network;
  let client: BayeuxClient;
  let gone: number;
  let story: string[];
  const second = (time: number): number => Math.floor((time - gone) / 1000);

  beforeEach(async () => {
    vi.useFakeTimers();
    network = new Network();
    client = new BayeuxClient('http://localhost/cometd', {
      platform: { openWebSocket: () => network.open() },
      transports: ['websocket'],
      jitter: 0,
    });
    client.handshake();
    await vi.advanceTimersByTimeAsync(100);
    expect(client.status.type).toBe('connected');
    network.dialled.length = 0;
    story = [];
    gone = Date.now();
    client.addListener('status', ({ type }) => story.push(`${second(Date.now())} ${type}`));
  });

  afterEach(() => {
    client.abort();
    vi.useRealTimers();
  });

  it('are those of a connection that is closed', async () => {
    network.cut();
    await vi.advanceTimersByTimeAsync(55_000);
    const rows = [...(await readFile(guide, 'utf8')).matchAll(/^\| ([\d, ]+?)(?: …)? \|/gm)].map((match) => match[1]);
    const told = rows.map((row = '') => row.split(', ').map(Number));
    expect(told[0]).toEqual([0]);
    expect(story[0]).toBe('0 unconnected');
    // The handshakes begin at once, and the second follows at once.
    const [, attempts = [], lost = [], handshakes = []] = told;
    expect(lost).toEqual([36]);
    expect(story).toEqual(expect.arrayContaining(['36 session-lost', '36 re-handshaking']));
    const [first = 0, ...others] = handshakes;
    expect(network.dialled.map(second)).toEqual([...attempts, first, first, ...others]);
  });

  it('are those of packets that vanish', async () => {
    network.condition = 'silent';
    // The connect went out a little before the packets vanished.
    await vi.advanceTimersByTimeAsync(39_500);
    expect(story).toEqual([]);
    await vi.advanceTimersByTimeAsync(65_000);
    expect(story).toEqual(['39 unconnected', '70 unconnected', '102 session-lost', '102 re-handshaking']);
    expect(network.dialled.map(second)).toEqual([40, 72, 102]);
  });

  it('are those of a message that is sent into nowhere', async () => {
    network.condition = 'silent';
    const failed = client
      .getChannel('/x')
      .publish(1)
      .catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(10_001);
    expect(await failed).toMatchObject({ code: 'timeout', sent: 'perhaps' });
    expect(story).toEqual(['10 unconnected']);
    network.condition = 'up';
    client.getChannel('/x').publish(2);
    await vi.advanceTimersByTimeAsync(0);
    expect(network.dialled.map(second)).toEqual([10]);
  });
});

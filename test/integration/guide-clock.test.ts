/** What the guide says happens when the network goes away, happens, and at these seconds. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  BayeuxClient,
  type BayeuxClientOptions,
  type HttpCall,
  type HttpRequest,
  type Message,
  type WebSocketLike,
} from '@cometd-ts/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const guide = path.resolve(import.meta.dirname, '../../docs/guide/client.md');

type Handlers = Record<'onopen' | 'onmessage' | 'onclose' | 'onerror', ((event: object) => void) | null>;

/** A network with one server at its end, which answers with the advice of ours. */
class Network {
  /** `closed`: connections are refused. `silent`: packets vanish. */
  condition: 'up' | 'closed' | 'silent' = 'up';
  forgotten = false;
  readonly dialled: number[] = [];
  #sessions = 0;
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

  /** HTTP always reaches the server, unless it has forgotten the session. */
  post({ body, onResponse }: HttpRequest): HttpCall {
    const [message] = JSON.parse(body) as [Message];
    const known = !this.forgotten || message.channel === '/meta/handshake';
    if (message.channel === '/meta/handshake') this.forgotten = false;
    const reply = known
      ? this.#reply(message)
      : { ...message, successful: false, error: '402::session_unknown', advice: { reconnect: 'handshake' } };
    const held = message.channel === '/meta/connect' && !message.advice && known;
    setTimeout(() => onResponse(200, 'OK', JSON.stringify([reply])), held ? 30_000 : 1);
    return { abort: () => undefined };
  }

  #answer(socket: Handlers, message: Message): void {
    // A connect without advice is held.
    if (this.condition !== 'up' || (message.channel === '/meta/connect' && !message.advice)) return;
    setTimeout(() => socket.onmessage?.({ data: JSON.stringify([this.#reply(message)]) }), 1);
  }

  #reply({ id, channel }: Message): object {
    const advice = { reconnect: 'retry', timeout: 30_000, interval: 0, maxInterval: 10_000 };
    if (channel !== '/meta/handshake') return { id, channel, successful: true, advice };
    const clientId = `guest ${++this.#sessions}`;
    return { id, channel, successful: true, advice, clientId, supportedConnectionTypes: ['websocket', 'long-polling'] };
  }
}

describe('the guide', () => {
  let network: Network;
  let client: BayeuxClient;
  let gone: number;
  let story: string[];
  const second = (time: number): number => Math.floor((time - gone) / 1000);

  async function begin(options: BayeuxClientOptions): Promise<void> {
    client = new BayeuxClient('http://localhost/cometd', {
      platform: { openWebSocket: () => network.open(), request: (request) => network.post(request) },
      jitter: 0,
      ...options,
    });
    client.handshake();
    await vi.advanceTimersByTimeAsync(100);
    network.dialled.length = 0;
    story = [];
    gone = Date.now();
    client.addListener('status', ({ type }) => story.push(`${second(Date.now())} ${type}`));
  }

  beforeEach(() => {
    vi.useFakeTimers();
    network = new Network();
  });

  afterEach(() => {
    client.abort();
    vi.useRealTimers();
  });

  it('tells the seconds of a connection that is closed', async () => {
    await begin({ transports: ['websocket'] });
    expect(client.status.type).toBe('connected');
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

  it('tells the seconds of packets that vanish', async () => {
    await begin({ transports: ['websocket'] });
    expect(client.status.type).toBe('connected');
    network.condition = 'silent';
    // The connect went out a little before the packets vanished.
    await vi.advanceTimersByTimeAsync(39_500);
    expect(story).toEqual([]);
    await vi.advanceTimersByTimeAsync(65_000);
    expect(story).toEqual(['39 unconnected', '70 unconnected', '102 session-lost', '102 re-handshaking']);
    expect(network.dialled.map(second)).toEqual([40, 72, 102]);
  });

  it('tells the seconds of a message that is sent into nowhere', async () => {
    await begin({ transports: ['websocket'] });
    expect(client.status.type).toBe('connected');
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

  it('tells of a WebSocket that never opens: long-polling at once, WebSocket again in the next session', async () => {
    network.condition = 'closed';
    await begin({});
    expect([client.transport, client.status.type]).toEqual(['long-polling', 'degraded']);
    network.condition = 'up';
    network.forgotten = true;
    await vi.advanceTimersByTimeAsync(31_000);
    expect(story.map((line) => line.replace(/^\d+ /, ''))).toEqual(['session-lost', 're-handshaking', 'connected']);
    expect(client.transport).toBe('websocket');
  });

  it('tells of a WebSocket that opens no more: another transport after the third failure in a row, if fallbackAfter says so', async () => {
    await begin({ fallbackAfter: 3 });
    expect(client.transport).toBe('websocket');
    network.cut();
    await vi.advanceTimersByTimeAsync(5_500);
    expect(client.transport).toBe('websocket');
    await vi.advanceTimersByTimeAsync(1_000);
    expect([client.transport, client.status.type]).toEqual(['long-polling', 'degraded']);
  });
});

/** What the guide says happens when the network goes away, happens, and at these seconds. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { BayeuxClient, NodeClientOptions } from '@cometd-ts/client/node';
import { FakeClock, type MemoryLine, type Pair, pair } from '@cometd-ts/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const guide = path.resolve(import.meta.dirname, '../../docs/guide/client.md');

describe('the guide', () => {
  let clock: FakeClock;
  let app: Pair;
  /** WebSockets go over a line of their own, HTTP over the other, which always works. */
  let line: MemoryLine;
  let client: BayeuxClient;
  let gone: number;
  let story: string[];
  let dialled: number[];
  const second = (time: number): number => Math.floor((time - gone) / 1000);

  async function begin(options: NodeClientOptions): Promise<void> {
    dialled = [];
    client = app.line.client({
      ...options,
      platform: {
        openWebSocket: (...how) => {
          dialled.push(Date.now());
          return line.platform.openWebSocket(...how);
        },
      },
    });
    client.handshake();
    await clock.advance(100);
    dialled.length = 0;
    story = [];
    gone = Date.now();
    client.addListener('status', ({ type }) => story.push(`${second(Date.now())} ${type}`));
  }

  beforeEach(() => {
    clock = new FakeClock();
    app = pair({ server: { handshakeReconnect: true } });
    line = app.newLine();
  });

  afterEach(async () => {
    await app.close();
    clock.restore();
  });

  it('tells the seconds of a connection that is closed', async () => {
    await begin({ transports: ['websocket'] });
    expect(client.status.type).toBe('connected');
    line.cut();
    await clock.advance(55_000);
    const rows = [...(await readFile(guide, 'utf8')).matchAll(/^\| ([\d, ]+?)(?: …)? \|/gm)].map((match) => match[1]);
    const told = rows.map((row = '') => row.split(', ').map(Number));
    expect(told[0]).toEqual([0]);
    expect(story[0]).toBe('0 unconnected');
    // The handshakes begin at once, and the second follows at once.
    const [, attempts = [], lost = [], handshakes = []] = told;
    expect(lost).toEqual([36]);
    expect(story).toEqual(expect.arrayContaining(['36 session-lost', '36 re-handshaking']));
    const [first = 0, ...others] = handshakes;
    expect(dialled.map(second)).toEqual([...attempts, first, first, ...others]);
  });

  it('tells that a client which does not know how long its session is kept tries on, until the server answers', async () => {
    await app.close();
    app = pair();
    line = app.newLine();
    await begin({ transports: ['websocket'] });
    line.cut();
    await clock.advance(40_000);
    expect(story).toEqual([0, 1, 3, 6, 10, 15, 21, 28, 36].map((at) => `${at} unconnected`));
    line.restore();
    await clock.advance(6_000);
    expect(story.slice(9)).toEqual(['45 session-lost', '45 re-handshaking', '45 connected']);
  });

  it('tells the seconds of packets that vanish', async () => {
    await begin({ transports: ['websocket'] });
    expect(client.status.type).toBe('connected');
    line.hold();
    // The connect went out a little before the packets vanished.
    await clock.advance(39_500);
    expect(story).toEqual([]);
    await clock.advance(65_000);
    expect(story).toEqual(['39 unconnected', '70 unconnected', '102 session-lost', '102 re-handshaking']);
    expect(dialled.map(second)).toEqual([40, 72, 102]);
  });

  it('tells the seconds of a message that is sent into nowhere', async () => {
    await begin({ transports: ['websocket'] });
    expect(client.status.type).toBe('connected');
    line.hold();
    const failed = client
      .getChannel('/x')
      .publish(1)
      .catch((error: unknown) => error);
    await clock.advance(10_001);
    expect(await failed).toMatchObject({ code: 'timeout', sent: 'perhaps' });
    expect(story).toEqual(['10 unconnected']);
    line.release();
    client.getChannel('/x').publish(2);
    await clock.advance(0);
    expect(dialled.map(second)).toEqual([10]);
  });

  it('tells of a WebSocket that never opens: long-polling at once, WebSocket again in the next session', async () => {
    line.cut();
    await begin({});
    expect([client.transport, client.status.type]).toEqual(['long-polling', 'degraded']);
    line.restore();
    // As if the server had been restarted.
    app.line.reset();
    for (const session of app.server.sessions) app.server.removeSession(session);
    await clock.advance(31_000);
    expect(story.map((line) => line.replace(/^\d+ /, ''))).toEqual([
      'unconnected',
      'session-lost',
      're-handshaking',
      'connected',
    ]);
    expect(client.transport).toBe('websocket');
  });

  it('tells of a WebSocket that opens no more: another transport after the third failure in a row, if fallbackAfter says so', async () => {
    await begin({ fallbackAfter: 3 });
    expect(client.transport).toBe('websocket');
    line.cut();
    await clock.advance(5_500);
    expect(client.transport).toBe('websocket');
    await clock.advance(1_000);
    expect([client.transport, client.status.type]).toEqual(['long-polling', 'degraded']);
  });
});

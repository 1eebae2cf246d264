/** The liar tells the truth unless told otherwise, over both transports. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MaliciousServer } from '../src/malicious-server.ts';
import { RawHttp } from '../src/raw-http.ts';
import { openSession, type RawSession } from '../src/raw-session.ts';
import { RawWebSocket } from '../src/raw-websocket.ts';

describe('the malicious server', () => {
  let server: MaliciousServer;
  const sessions: RawSession[] = [];

  beforeEach(async () => {
    server = await MaliciousServer.start({ hold: 30 });
  });

  afterEach(async () => {
    for (const session of sessions.splice(0)) await session.close();
    await server.close();
  });

  it.each(['websocket', 'long-polling'] as const)(
    'is a good server over %s as long as it has no script',
    async (via) => {
      const session = await openSession(via, server.url);
      sessions.push(session);
      expect((await session.handshake()).successful).toBe(true);
      expect((await session.subscribe('/a')).subscription).toBe('/a');
      expect((await session.publish('/a', 1)).successful).toBe(true);
      expect(server.messages('/a')).toHaveLength(1);
      const start = performance.now();
      expect((await session.connect()).advice).toEqual({ reconnect: 'retry', interval: 0, timeout: 30 });
      expect(performance.now() - start).toBeGreaterThan(25);
      expect((await session.disconnect()).successful).toBe(true);
      expect((await session.connect()).error).toBe('402::Unknown client');
      expect(server.asked.map(({ transport }) => transport)).toEqual(Array(6).fill(via));
      await server.hasAsked(6);
    },
  );

  it('says what the script says', async () => {
    server.script = (_, honest) => ({ type: 'text', text: JSON.stringify([...honest, ...honest]), status: 500 });
    const client = new RawHttp(server.url);
    const { status, body } = await client.post([{ id: '1', channel: '/meta/handshake' }]);
    expect([status, JSON.parse(body).length]).toEqual([500, 2]);
    await client.close();
  });

  it('cuts, and speaks without being asked', async () => {
    const client = await RawWebSocket.open(server.url);
    server.push([{ channel: '/meta/disconnect' }]);
    await client.inbox.event('/meta/disconnect');
    server.script = () => ({ type: 'cut' });
    client.post([{ id: '1', channel: '/meta/handshake' }]);
    expect((await client.closed).code).toBe(1006);
  });

  it('talks without end where it is told to', async () => {
    server.script = () => ({ type: 'endless', text: ' '.repeat(100_000) });
    const abort = new AbortController();
    const response = await fetch(server.url, { method: 'POST', body: '{}', signal: abort.signal });
    const reader = response.body?.getReader();
    let length = 0;
    while (length < 5_000_000) length += (await reader?.read())?.value?.length ?? 0;
    abort.abort();
    const client = await RawWebSocket.open(server.url, { maxPayload: 1_000_000 });
    client.post([{ id: '1', channel: '/meta/handshake' }]);
    expect((await client.closed).code).toBe(1006);
  });
});

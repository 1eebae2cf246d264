/** How many connects one browser may hold, and what the further clients in it are told. */
import type { RawHttp, RawSession } from '@cometd-ts/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Neighbours } from '../../src/session/neighbours.ts';
import { Browsers } from '../../src/transport/browsers.ts';
import { caller, hold, poller, serve } from './visitors.ts';

afterEach(() => void vi.useRealTimers());

type Server = Awaited<ReturnType<typeof serve>>;

/** Wakes a held connect. */
function wake(server: Server, session: RawSession): void {
  server.bayeux.getSession(session.clientId)?.deliver(null, '/wake', 'up');
}

/** Clients in one browser, each connected once. */
async function tabs(server: Server, count: number): Promise<RawSession<RawHttp>[]> {
  const all = [await poller(server)];
  while (all.length < count) all.push(await poller(server, {}, all[0]));
  return all;
}

describe('the further clients of a browser', () => {
  it('are told so at once, and to come back after an interval', async () => {
    const server = await serve({ multiSessionInterval: 1_500 });
    const [first, second] = (await tabs(server, 2)) as [RawSession<RawHttp>, RawSession<RawHttp>];
    const held = await hold(server, first);
    const reply = await second.connect();
    expect(reply.successful).toBe(true);
    expect(reply.advice).toMatchObject({ 'multiple-clients': true, reconnect: 'retry', interval: 1_500 });
    wake(server, first);
    await held.reply;
  });

  it('get the normal advice again, and are held, when the other one is gone', async () => {
    const server = await serve({ timeout: 4_321 });
    const [first, second] = (await tabs(server, 2)) as [RawSession<RawHttp>, RawSession<RawHttp>];
    const held = await hold(server, first);
    await second.connect();
    wake(server, first);
    await held.reply;
    const next = await hold(server, second);
    wake(server, second);
    const reply = await next.reply;
    expect(reply.advice).toEqual({ reconnect: 'retry', interval: 0, timeout: 4_321 });
  });

  it.each([0, -1])('are sent away when the interval is %i', async (multiSessionInterval) => {
    const server = await serve({ multiSessionInterval });
    const [first, second] = (await tabs(server, 2)) as [RawSession<RawHttp>, RawSession<RawHttp>];
    await hold(server, first);
    const reply = await second.connect();
    expect(reply).toMatchObject({ successful: false, advice: { 'multiple-clients': true, reconnect: 'none' } });
    expect(reply).not.toHaveProperty('error');
  });

  it.each([
    [1, 1],
    [2, 2],
    [3, 3],
    [-1, 4],
    [0, 0],
  ])('are those beyond maxSessionsPerBrowser: with %i, %i of four are held', async (maxSessionsPerBrowser, most) => {
    const server = await serve({ maxSessionsPerBrowser });
    const all = await tabs(server, 4);
    for (const [index, session] of all.entries()) {
      if (index < most) await hold(server, session);
      else expect((await session.connect()).advice).toHaveProperty('multiple-clients', true);
    }
  });

  it('still get their messages, without taking anybody’s place', async () => {
    const server = await serve();
    const [first, second] = (await tabs(server, 2)) as [RawSession<RawHttp>, RawSession<RawHttp>];
    await hold(server, first);
    wake(server, second);
    const reply = await second.connect();
    expect((await second.event('/wake')).data).toBe('up');
    expect(reply.advice ?? {}).not.toHaveProperty('multiple-clients');
  });

  it('are none of those that came by WebSocket', async () => {
    const server = await serve({ trustClientSession: true });
    const first = await poller(server);
    await hold(server, first);
    const socket = await caller(server);
    await socket.handshake();
    await socket.connect(0);
    const polling = await poller(server);
    polling.clientId = socket.clientId;
    const held = await hold(server, polling);
    wake(server, polling);
    expect((await held.reply).successful).toBe(true);
  });
});

describe('the sessions of one browser', () => {
  it('are bounded: one more is told to come later, and comes when another has left', async () => {
    const server = await serve({ maxSessionsPerCookie: 2, maxInterval: 1_234 });
    const [first, second] = (await tabs(server, 2)) as [RawSession<RawHttp>, RawSession<RawHttp>];
    const third = await poller(server, {}, first);
    expect(third.clientId).toBe('');
    const refused = third.inbox.all.find(({ channel }) => channel === '/meta/handshake');
    expect(refused).toMatchObject({
      successful: false,
      error: '400:maxSessionsPerCookie,2:limit_exceeded',
      advice: { reconnect: 'handshake', interval: 1_234 },
    });
    expect(server.bayeux.diagnostics.counters.get('limit_hit.maxSessionsPerCookie')).toBe(1);
    await second.disconnect();
    expect((await third.handshake()).successful).toBe(true);
  });
});

describe('the register of browsers', () => {
  it('forgets a browser some time after its last session has left', async () => {
    const server = await serve();
    const session = await poller(server);
    const inside = server.bayeux.getSession(session.clientId) as never;
    vi.useFakeTimers({ toFake: ['performance'] });
    const browsers = new Browsers(new Neighbours());
    const browser = browsers.issue();
    browsers.add(browser, inside);
    vi.advanceTimersByTime(60_000);
    browsers.sweep(1_000);
    expect(browsers.get(browser.id)).toBe(browser);
    browsers.forget(inside);
    vi.advanceTimersByTime(1_000);
    browsers.sweep(1_000);
    expect(browsers.get(browser.id)).toBe(browser);
    vi.advanceTimersByTime(1);
    browsers.sweep(1_000);
    expect(browsers.get(browser.id)).toBeUndefined();
    expect(browsers.size).toBe(0);
  });
});

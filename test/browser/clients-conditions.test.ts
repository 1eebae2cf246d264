/** What befalls a page in Chromium: no network for a while, nobody looking, standing still; and how both clients come back. */
import type { ServerResponse } from 'node:http';
import { type Launched, launch, ToxicProxy } from '@cometd-ts/testkit';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium } from './launch-chromium.ts';
import { Guests, ourPages } from './our-pages.ts';

type Transport = 'websocket' | 'long-polling';

let browser: Browser;
let guests: Guests;
let house: Launched;
let proxy: ToxicProxy;
let url: string;
let context: BrowserContext;
/** Pages that stand still until they are answered, by the path they asked for, and who waits for such a question. */
let still: Map<string, ServerResponse>;
let asked: Map<string, () => void>;
let looked: string[];

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

beforeEach(async () => {
  guests = new Guests(browser);
  still = new Map();
  asked = new Map();
  looked = [];
  await open();
  proxy = await ToxicProxy.start(house.port);
  url = proxy.through(house.url);
  context = await guests.context();
});

afterEach(async () => {
  await guests.leave();
  await proxy.close();
  await house.close();
});

async function open(port = 0): Promise<void> {
  house = await launch({
    port,
    options: { timeout: 500, maxInterval: 20_000, sweepPeriod: 50, maxSessionsPerBrowser: -1 },
    prepare: (bayeux) => {
      bayeux.createChannelIfAbsent('/service/probe').channel.addListener('message', (from) => {
        looked.push(`${from?.id}`);
      });
    },
    pages: (request, response) => {
      const path = `${request.url}`;
      if (!path.startsWith('/still')) return ourPages(request, response);
      still.set(path, response);
      asked.get(path)?.();
    },
  });
}

const home = () => new URL('/', url).href;

function publish(text: string): void {
  house.bayeux.createChannelIfAbsent('/room').channel.publish(null, text);
}

const hears = (page: Page, text: string): Promise<string[]> =>
  page.evaluate((text) => stage.noted(`heard ${text}`), text);

/** How many notes there are; what comes later is news. */
const now = (page: Page): Promise<number> => page.evaluate(() => stage.notes.length);

const noted = (page: Page, text: string, from: number): Promise<string[]> =>
  page.evaluate(([text, from]) => stage.noted(text, from), [text, from] as const);

async function enterTyped(transport: Transport, options: { backoffIncrement?: number } = {}): Promise<Page> {
  const page = await guests.visit(home(), context);
  await page.evaluate(
    ([url, transport, options]) =>
      stage.enter(url, { transports: [transport], maxNetworkDelay: 1000, maxBackoff: 60_000, ...options }),
    [url, transport, options] as const,
  );
  return page;
}

async function enterCometD(transport: Transport): Promise<Page> {
  const page = await guests.visit(home(), context);
  await page.evaluate(
    async ([url, transport]) => {
      stage.cometd(url, [transport], { maxNetworkDelay: 1000 }).handshake();
      await stage.noted('subscribed true');
      await stage.noted('/meta/connect true');
    },
    [url, transport] as const,
  );
  return page;
}

describe.each(['websocket', 'long-polling'] as const)('without a network, over %s', (transport) => {
  /** The network is gone: the browser knows, and nothing gets through. */
  async function unplug(): Promise<void> {
    proxy.blackHole();
    await context.setOffline(true);
  }

  /** It is back; what was open is not. */
  async function plug(): Promise<void> {
    proxy.reset();
    proxy.heal();
    await context.setOffline(false);
  }

  it('BayeuxClient says so, comes back in its session with its subscription, and tells of the gap', async () => {
    const page = await enterTyped(transport);
    publish('before');
    await hears(page, 'before');
    const id = await page.evaluate(() => stage.here.typed?.id);
    const from = await now(page);
    await unplug();
    // A request fails at once, a WebSocket stays as it is: the platform's word must do.
    await noted(page, transport === 'websocket' ? 'status degraded' : 'status unconnected', from);
    publish('meanwhile');
    await plug();
    await noted(page, 'status connected recovered=true gap=true', from);
    publish('after');
    await hears(page, 'after');
    const status = await page.evaluate(() => stage.here.typed?.status);
    expect(status).toEqual({ type: 'connected', transport, id, recovered: true, gap: true });
    expect(house.bayeux.sessions.map((session) => session.id)).toEqual([id]);
    expect(guests.ownComplaints).toEqual([]);
  });

  it('for a moment in which nothing was lost, BayeuxClient is as it was', async () => {
    const page = await enterTyped(transport);
    const from = await now(page);
    await context.setOffline(true);
    await noted(page, transport === 'websocket' ? 'status degraded' : 'status unconnected', from);
    publish('meanwhile');
    await context.setOffline(false);
    await noted(page, 'status connected recovered=true', from);
    await hears(page, 'meanwhile');
    expect(await page.evaluate(() => stage.here.typed?.status.type)).toBe('connected');
    expect(guests.ownComplaints).toEqual([]);
  });

  it('for so long that the server is another, BayeuxClient has a new session, and subscribes anew', async () => {
    const page = await enterTyped(transport);
    const from = await now(page);
    await unplug();
    await noted(page, 'status', from);
    const { port } = house;
    await house.close();
    await open(port);
    await plug();
    await noted(page, 'status connected recovered=false gap=true', from);
    await noted(page, 'restored /room refused ', from);
    publish('after');
    await hears(page, 'after');
    expect(guests.ownComplaints).toEqual([]);
  });

  it('CometD comes back, in its session or in a new one where its handshake listener subscribes again', async () => {
    const page = await enterCometD(transport);
    let from = await now(page);
    await unplug();
    await noted(page, '/meta/connect false', from);
    await plug();
    await noted(page, '/meta/connect true', from);
    publish('in the session');
    await hears(page, 'in the session');

    from = await now(page);
    await unplug();
    await noted(page, '/meta/connect false', from);
    const { port } = house;
    await house.close();
    await open(port);
    await plug();
    await noted(page, 'subscribed true', from);
    publish('in another session');
    await hears(page, 'in another session');
    expect(guests.ownComplaints).toEqual([]);
  });
});

it('back online, BayeuxClient does not wait for the end of its pause', async () => {
  const page = await enterTyped('long-polling', { backoffIncrement: 50_000 });
  const from = await now(page);
  proxy.refuse();
  proxy.reset();
  await noted(page, 'status unconnected', from);
  const attempts = await page.evaluate(() => stage.statuses.filter(({ type }) => type === 'unconnected').length);
  expect(attempts).toBe(1);
  await context.setOffline(true);
  proxy.heal();
  await context.setOffline(false);
  await noted(page, 'status connected recovered=true gap=true', from);
  expect(guests.ownComplaints).toEqual([]);
});

describe.each(['websocket', 'long-polling'] as const)('a hidden page that stood still, over %s', (transport) => {
  /**
   * Longer than any patience with a connect here, which is three times 500 + 1000 ms. The length of this pause is what is
   * tested: nothing that could be waited for happens in it.
   */
  const pause = 5000;

  /** Hides the page and stops it really: no timer fires, nothing is read. Answers what lets it go on, and be seen. */
  async function freeze(page: Page, name: string): Promise<() => Promise<void>> {
    const path = `/still/${name}`;
    await page.evaluate(() => stage.show('hidden'));
    const standing = new Promise<void>((resolve) => asked.set(path, resolve));
    const over = page.evaluate((url) => {
      stage.standStill(url);
      stage.show('visible');
    }, new URL(path, url).href);
    await standing;
    return async () => {
      still.get(path)?.end();
      await over;
    };
  }

  it('does not judge by the time it slept, looks at once, and has missed nothing', async () => {
    const typed = await enterTyped(transport);
    const other = await enterCometD(transport);
    const froms = [await now(typed), await now(other)] as const;
    const wake = [await freeze(typed, 'typed'), await freeze(other, 'other')];
    publish('while asleep');
    await new Promise((resolve) => setTimeout(resolve, pause));
    for (const go of wake) await go();
    await hears(typed, 'while asleep');
    await hears(other, 'while asleep');
    await noted(other, '/meta/connect true', froms[1]);
    publish('awake again');
    await hears(typed, 'awake again');
    await hears(other, 'awake again');
    const [told, heard] = await Promise.all(
      [typed, other].map((page, index) => page.evaluate((from) => stage.notes.slice(from), froms[index] ?? 0)),
    );
    // Never anything but connected.
    expect(told?.filter((text) => text.startsWith('status'))).toEqual([]);
    expect(heard?.filter((text) => text.endsWith('false'))).toEqual([]);
    expect(looked).toEqual([await typed.evaluate(() => stage.here.typed?.id)]);
    expect(guests.complaints.filter((text) => !/Synchronous XMLHttpRequest/.test(text))).toEqual([]);
  });
});

it('a page that comes back from the history looks whether its connection is alive, and finds out that it is not', async () => {
  const page = await enterTyped('websocket');
  const from = await now(page);
  proxy.blackHole();
  // This browser keeps no pages for the way back; this is what they are told there.
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
  await noted(page, 'status unconnected', from);
  proxy.heal();
  await noted(page, 'status connected recovered=true gap=true', from);
  publish('after');
  await hears(page, 'after');
  expect(guests.ownComplaints).toEqual([]);
});

/** Both clients spend a good day at our server in Chromium, over each transport they have there. */
import { furnish, type Launched, launch } from '@cometd-ts/testkit';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Hotel, openHotel } from '../integration/hotel.ts';
import { goodCometdVisit, goodTypedVisit } from '../integration/our-visits.ts';
import { launchChromium } from './launch-chromium.ts';
import { Guests, ourPages } from './our-pages.ts';

const transports = ['websocket', 'long-polling', 'callback-polling'] as const;

/** The visits know the transports that every platform has; in a browser there is one more. */
type Transport = 'websocket' | 'long-polling';

describe('our clients in Chromium', () => {
  let browser: Browser;
  let hotel: Hotel;
  let guests: Guests;
  let seen: string[][];

  beforeAll(async () => {
    browser = await launchChromium();
    hotel = await openHotel(ourPages);
  });

  afterAll(async () => {
    await browser?.close();
    await hotel?.close();
  });

  beforeEach(() => {
    guests = new Guests(browser);
    seen = [];
  });

  afterEach(() => guests.leave());

  async function visit(without?: string): Promise<Page> {
    const context = await guests.context();
    if (without) await context.addInitScript(`delete window.${without}`);
    const page = await guests.visit(new URL('/', hotel.url).href, context);
    await page.exposeFunction('restart', async () => {
      seen.push(hotel.transports());
      await hotel.restart();
    });
    return page;
  }

  interface Restarting {
    restart(): Promise<void>;
  }

  const typedVisit = (page: Page, transport: string): Promise<unknown> =>
    page.evaluate(
      ([url, transport]) => {
        const client = stage.typed(url, {
          transports: [transport === 'callback-polling' ? stage.callbackPolling() : (transport as 'websocket')],
        });
        const { restart } = globalThis as unknown as Restarting;
        return stage.typedVisit(client, { url, transport: transport as 'websocket', calls: true, restart });
      },
      [hotel.url, transport] as const,
    );

  const cometdVisit = (page: Page, transport: string): Promise<unknown> =>
    page.evaluate(
      ([url, transport]) => {
        const { restart } = globalThis as unknown as Restarting;
        const client = new stage.CometD();
        return stage.cometdVisit(client, { url, transport: transport as 'websocket', calls: true, restart });
      },
      [hotel.url, transport] as const,
    );

  it.each(transports)('BayeuxClient spends a good day here over %s', async (transport) => {
    const report = await typedVisit(await visit(), transport);
    expect(report).toEqual(goodTypedVisit({ transport: transport as Transport, calls: true }));
    expect(seen).toEqual([[transport]]);
    expect(hotel.transports()).toEqual([]);
    expect(guests.ownComplaints).toEqual([]);
  });

  it.each(transports)('CometD spends a good day here over %s', async (transport) => {
    const report = await cometdVisit(await visit(), transport);
    expect(report).toEqual(goodCometdVisit({ transport: transport as Transport, calls: true }));
    expect(seen).toEqual([[transport]]);
    expect(hotel.transports()).toEqual([]);
    expect(guests.ownComplaints).toEqual([]);
  });

  it.each(['BayeuxClient', 'CometD'])('%s spends it over XMLHttpRequest where there is no fetch', async (face) => {
    const page = await visit('fetch');
    const kinds = new Set<string>();
    page.on('request', (request) => {
      if (request.url().startsWith(hotel.url)) kinds.add(request.resourceType());
    });
    const [visiting, good] = face === 'CometD' ? [cometdVisit, goodCometdVisit] : [typedVisit, goodTypedVisit];
    expect(await visiting(page, 'long-polling')).toEqual(good({ transport: 'long-polling', calls: true }));
    expect([...kinds]).toEqual(['xhr']);
    expect(guests.ownComplaints).toEqual([]);
  });
});

describe('our clients in Chromium, when nothing goes wrong', () => {
  let browser: Browser;
  let house: Launched;
  let guests: Guests;

  beforeAll(async () => {
    browser = await launchChromium();
    house = await launch({ prepare: furnish, pages: ourPages });
    guests = new Guests(browser);
  });

  afterAll(async () => {
    await guests?.leave();
    await browser?.close();
    await house?.close();
  });

  it('choose WebSocket by themselves, and say nothing on the console from beginning to end', async () => {
    const page = await guests.visit(new URL('/', house.url).href);
    const story = await page.evaluate(async (url) => {
      await stage.enter(url);
      const cometd = stage.cometd(url, ['websocket', 'long-polling', 'callback-polling']);
      cometd.handshake();
      await stage.noted('subscribed true');
      await stage.here.typed?.getChannel('/room').publish('hello');
      await stage.noted('heard hello');
      const both = [stage.here.typed?.transport, cometd.getTransport()?.type];
      await stage.here.typed?.disconnect();
      cometd.disconnect();
      await stage.noted('/meta/disconnect true');
      return both;
    }, house.url);
    expect(story).toEqual(['websocket', 'websocket']);
    expect(guests.complaints).toEqual([]);
  });
});

/** The official CometD clients and Faye are at home here, unmodified, in Chromium, through each transport they have there. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fayeVisit, goodFayeVisit } from '../integration/faye-visit.ts';
import { type Hotel, openHotel } from '../integration/hotel.ts';
import { goodVisit, officialVisit } from '../integration/official-visit.ts';
import { clientPages } from './client-pages.ts';
import { launchChromium } from './launch-chromium.ts';

const transports = ['websocket', 'long-polling', 'callback-polling'];

describe('in Chromium', () => {
  let browser: Browser;
  let hotel: Hotel;
  let page: Page;
  let seen: string[][];

  beforeAll(async () => {
    browser = await launchChromium();
    hotel = await openHotel(clientPages);
  });

  afterAll(async () => {
    await browser?.close();
    await hotel?.close();
  });

  beforeEach(async () => {
    seen = [];
    page = await browser.newPage();
    await page.exposeFunction('restart', async () => {
      seen.push(hotel.transports());
      await hotel.restart();
    });
    await page.goto(new URL('/', hotel.url).href);
  });

  afterEach(() => page.close());

  it.each(transports)('the official client 9.0.0 spends a good day here over %s', async (transport) => {
    const report = await page.evaluate(`(async () => {
      const { CometD } = await import('/library/cometd/cometd.js');
      const visit = ${officialVisit};
      return visit(new CometD(), { url: '${hotel.url}', transport: '${transport}', restart: window.restart });
    })()`);
    expect(report).toEqual(goodVisit);
    expect(seen).toEqual([[transport]]);
    expect(hotel.transports()).toEqual([]);
  });

  it.each(transports)('the official client 7.0.19 spends a good day here over %s', async (transport) => {
    await page.addScriptTag({ url: '/library/cometd7/cometd.js' });
    const report = await page.evaluate(`(${officialVisit})(new org.cometd.CometD(), {
      url: '${hotel.url}', transport: '${transport}', restart: window.restart
    })`);
    expect(report).toEqual(goodVisit);
    expect(seen).toEqual([[transport]]);
    expect(hotel.transports()).toEqual([]);
  });

  it.each(transports)('the Faye client 1.4.3 spends a good day here over %s', async (transport) => {
    await page.addScriptTag({ url: '/library/faye/faye-browser.js' });
    const report = await page.evaluate(`(${fayeVisit})(new Faye.Client('${hotel.url}', { retry: 0.1, timeout: 10 }), {
      transport: '${transport}', restart: window.restart
    })`);
    expect(report).toEqual(goodFayeVisit);
    expect(seen).toEqual([[transport]]);
    expect(hotel.transports()).toEqual([]);
  });
});

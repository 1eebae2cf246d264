/** Timers of pages in Chromium: kept by a worker while the page's own are slow, and by the page where no worker may be. */
import { furnish, type Launched, launch, ToxicProxy } from '@cometd-ts/testkit';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium } from './launch-chromium.ts';
import { Guests, ourPages } from './our-pages.ts';

describe('the timers of CometD', () => {
  let browser: Browser;
  let house: Launched;
  let proxy: ToxicProxy;
  let guests: Guests;
  let url: string;

  beforeAll(async () => {
    browser = await launchChromium();
    house = await launch({ prepare: furnish, pages: ourPages, options: { timeout: 200 } });
  });

  afterAll(async () => {
    await browser?.close();
    await house?.close();
  });

  beforeEach(async () => {
    guests = new Guests(browser);
    proxy = await ToxicProxy.start(house.port);
    url = proxy.through(house.url);
  });

  afterEach(async () => {
    await guests.leave();
    await proxy.close();
  });

  /** What a browser does to the timers of a page long hidden: they fire once a minute. Nothing hides a page really, here. */
  const slowWhenHidden = `{
    const { setTimeout } = window;
    window.setTimeout = (fn, ms) => setTimeout(fn, document.visibilityState === 'hidden' ? 60000 : ms);
  }`;

  async function enter(path: string, slow = false): Promise<Page> {
    const context = await guests.context();
    if (slow) await context.addInitScript(slowWhenHidden);
    const page = await guests.visit(new URL(path, url).href, context);
    await page.evaluate(async (url) => {
      stage.cometd(url, ['websocket'], { maxNetworkDelay: 1000 }).handshake();
      await stage.noted('subscribed true');
    }, url);
    return page;
  }

  it('are kept by one worker, which ends with the session', async () => {
    const page = await enter('/');
    await page.evaluate((url) => stage.here.cometd?.configure({ url }), url);
    expect(page.workers()).toHaveLength(1);
    const [worker] = page.workers();
    const closed = new Promise((resolve) => worker?.once('close', resolve));
    await page.evaluate(() => stage.here.cometd?.disconnect());
    await closed;
    expect(page.workers()).toEqual([]);
    expect(guests.complaints).toEqual([]);
  });

  it('go on in a hidden page: it reconnects in time, and notices in time that the server is silent', async () => {
    const page = await enter('/', true);
    await page.evaluate(async () => {
      stage.show('hidden');
      const seen = stage.notes.length;
      await stage.noted('/meta/connect true', seen);
      await stage.noted('/meta/connect true', stage.notes.length);
    });
    proxy.blackHole();
    await page.evaluate(() => stage.noted('/meta/connect false', stage.notes.length));
    proxy.heal();
    const after = await page.evaluate(() => stage.noted('/meta/connect true', stage.notes.length));
    expect(after.at(-1)).toBe('/meta/connect true');
    house.bayeux.getChannel('/room')?.publish(null, 'hello');
    await page.evaluate(() => stage.noted('heard hello'));
    expect(guests.ownComplaints).toEqual([]);
  });

  it('are those of the page where its policy forbids workers', async () => {
    const page = await enter('/strict');
    expect(page.workers()).toEqual([]);
    proxy.blackHole();
    await page.evaluate(() => stage.noted('/meta/connect false', stage.notes.length));
    proxy.heal();
    await page.evaluate(() => stage.noted('/meta/connect true', stage.notes.length));
    house.bayeux.getChannel('/room')?.publish(null, 'hello');
    await page.evaluate(() => stage.noted('heard hello'));
    // The browser says once that it forbade a worker.
    expect(guests.ownComplaints).toHaveLength(1);
    expect(guests.ownComplaints[0]).toMatch(/worker.*Content Security Policy|Content Security Policy.*worker/);
  });

  it('are not missed by BayeuxClient, which needs no worker: such a page has nothing to complain about', async () => {
    const page = await guests.visit(new URL('/strict', url).href);
    await page.evaluate((url) => stage.enter(url, { maxNetworkDelay: 1000 }), url);
    house.bayeux.getChannel('/room')?.publish(null, 'hello');
    await page.evaluate(() => stage.noted('heard hello'));
    proxy.reset();
    await page.evaluate(() => stage.noted('status connected recovered=true gap=true'));
    expect(guests.ownComplaints).toEqual([]);
  });
});

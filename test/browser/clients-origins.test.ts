/** Pages of other origins in Chromium: let in with their cookies where the server lists them, and told so where it does not. */
import { furnish, type Launched, type LaunchOptions, launch } from '@cometd-ts/testkit';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium } from './launch-chromium.ts';
import { type Elsewhere, Guests, openElsewhere } from './our-pages.ts';

const transports = ['websocket', 'long-polling', 'callback-polling'] as const;

describe('pages of another origin', () => {
  let browser: Browser;
  let elsewhere: Elsewhere;
  let guests: Guests;
  let house: Launched | undefined;
  /** The requests that showed the browser cookie, and those that did not: the last word of their URL. */
  let withCookie: Set<string>;
  let without: Set<string>;

  beforeAll(async () => {
    browser = await launchChromium();
    elsewhere = await openElsewhere();
  });

  afterAll(async () => {
    await browser?.close();
    elsewhere?.close();
  });

  beforeEach(() => {
    guests = new Guests(browser);
    withCookie = new Set();
    without = new Set();
  });

  afterEach(async () => {
    await guests.leave();
    await house?.close();
    house = undefined;
  });

  /** Another port of this machine is another origin of the same site; another name for it is another site. */
  const sameSite = () => `http://127.0.0.1:${elsewhere.port}`;
  const otherSite = () => `http://localhost:${elsewhere.port}`;

  async function open(options: LaunchOptions['options'], scheme: 'http' | 'https' = 'http'): Promise<Launched> {
    const allowedTransports = transports;
    const launched = await launch({
      scheme,
      prepare: furnish,
      options: { allowedTransports, timeout: 500, ...options },
    });
    launched.listener.prependListener('request', ({ headers, method, url }) => {
      if (method === 'OPTIONS') return;
      const [path] = `${url}`.split('?');
      const word = `${path}`.split('/')[2] || 'other';
      (headers.cookie?.includes('BAYEUX_BROWSER=') ? withCookie : without).add(word);
    });
    launched.listener.prependListener('upgrade', ({ headers }) => {
      (headers.cookie?.includes('BAYEUX_BROWSER=') ? withCookie : without).add('upgrade');
    });
    house = launched;
    return launched;
  }

  /** Both clients come in and talk to each other; answers the transports they use. */
  const talk = (page: Page, url: string, transport: string): Promise<unknown> =>
    page.evaluate(
      async ([url, transport]) => {
        const via = transport === 'callback-polling' ? stage.callbackPolling() : (transport as 'websocket');
        await stage.enter(url, { transports: [via] });
        const cometd = stage.cometd(url, [transport]);
        cometd.handshake();
        await stage.noted('subscribed true');
        cometd.publish('/room', 'hello');
        const from = (await stage.noted('heard hello')).length;
        await stage.noted('heard hello', from);
        return [stage.here.typed?.transport, cometd.getTransport()?.type];
      },
      [url, transport] as const,
    );

  it.each(transports)('of the same site that are listed are let in over %s', async (transport) => {
    const { url } = await open({ allowedOrigins: [sameSite()], maxSessionsPerBrowser: -1 });
    const page = await guests.visit(sameSite());
    expect(await talk(page, url, transport)).toEqual([transport, transport]);
    expect(guests.complaints).toEqual([]);
  });

  it('of the same site show the cookie with every request after the handshake, by fetch and by script', async () => {
    for (const transport of ['long-polling', 'callback-polling']) {
      const { url, close } = await open({ allowedOrigins: [sameSite()], maxSessionsPerBrowser: -1 });
      await talk(await guests.visit(sameSite()), url, transport);
      expect([transport, [...without]]).toEqual([transport, ['handshake']]);
      expect(withCookie).toContain('connect');
      expect(withCookie).toContain('other');
      await guests.leave();
      await close();
      house = undefined;
      withCookie.clear();
      without.clear();
    }
    expect(guests.complaints).toEqual([]);
  });

  it('of the same site show the cookie they got by fetch also when they open a WebSocket', async () => {
    const { url } = await open({ allowedOrigins: [sameSite()] });
    const page = await guests.visit(sameSite());
    await talk(page, url, 'long-polling');
    expect([...withCookie]).not.toContain('upgrade');
    await page.evaluate((url) => stage.enter(url, { transports: ['websocket'] }), url);
    expect(withCookie).toContain('upgrade');
    expect(without).not.toContain('upgrade');
    expect(guests.complaints).toEqual([]);
  });

  it('of another site are let in with a cookie that is Secure and SameSite=None', async () => {
    const options = { browserCookieSecure: true, browserCookieSameSite: 'None', maxSessionsPerBrowser: -1 } as const;
    const { url } = await open({ allowedOrigins: [otherSite()], ...options }, 'https');
    const context = await guests.context({ ignoreHTTPSErrors: true });
    const page = await guests.visit(otherSite(), context);
    expect(await talk(page, url, 'long-polling')).toEqual(['long-polling', 'long-polling']);
    expect([...without]).toEqual(['handshake']);
    await page.evaluate((url) => stage.enter(url, { transports: ['websocket'] }), url);
    expect(withCookie).toContain('upgrade');
    expect(guests.complaints).toEqual([]);
  });

  it('of another site that lose an ordinary cookie are told that the server does not know them', async () => {
    const { url } = await open({ allowedOrigins: [otherSite()] });
    const page = await guests.visit(otherSite());
    const reason = await page.evaluate(async (url) => {
      const client = stage.typed(url, { transports: ['long-polling'] });
      await client.handshake();
      await stage.noted('status unconnected');
      const { status } = client;
      client.abort();
      return status.type === 'unconnected' ? status.reason.message : status.type;
    }, url);
    expect(reason).toMatch(/402/);
    expect(without).toContain('connect');
    expect([...withCookie]).toEqual([]);
    expect(guests.ownComplaints).toEqual([]);
  });

  it('of another site need no cookie where the server trusts the session id', async () => {
    const { url } = await open({ allowedOrigins: [otherSite()], trustClientSession: true });
    const page = await guests.visit(otherSite());
    expect(await talk(page, url, 'long-polling')).toEqual(['long-polling', 'long-polling']);
    expect([...withCookie]).toEqual([]);
    expect(guests.complaints).toEqual([]);
  });

  it('that are not listed are refused, and the typed client says so and goes on trying', async () => {
    const { url, bayeux } = await open({});
    const page = await guests.visit(sameSite());
    const story = await page.evaluate(async (url) => {
      const client = stage.typed(url);
      const answer = client.handshake().catch((error: Error) => `${error.name} ${(error as { code?: string }).code}`);
      const seen = await stage.noted('status unconnected');
      await stage.noted('status unconnected', seen.length);
      const { status } = client;
      client.abort();
      await answer;
      return { notes: seen, status, reason: status.type === 'unconnected' ? status.reason.name : null };
    }, url);
    expect(story.notes).toEqual(['status connecting', 'status unconnected']);
    expect(story.reason).toBe('ClientError');
    expect(bayeux.sessions).toEqual([]);
    expect(guests.ownComplaints.filter((text) => !/CORS policy/.test(text))).toEqual([]);
  });

  it('that are not listed are refused on each transport of CometD, which tells of each', async () => {
    const { url, bayeux } = await open({});
    const page = await guests.visit(sameSite());
    const story = await page.evaluate(async (url) => {
      const cometd = stage.cometd(url, ['websocket', 'long-polling', 'callback-polling']);
      cometd.handshake();
      // Callback-polling is never given up: it can go anywhere.
      const seen = await stage.noted('transport exception callback-polling callback-polling');
      cometd.disconnect();
      return seen;
    }, url);
    expect(story).toEqual([
      '/meta/handshake false',
      'transport exception websocket long-polling',
      '/meta/handshake false',
      'transport exception long-polling callback-polling',
      '/meta/handshake false',
      'transport exception callback-polling callback-polling',
    ]);
    expect(bayeux.sessions).toEqual([]);
    expect(guests.ownComplaints.filter((text) => !/CORS policy/.test(text))).toEqual([]);
  });
});

/** The classic script, the module for pages, and the bindings with the real toolkits, on pages in Chromium. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { launch } from '@cometd-ts/testkit';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Hotel, openHotel } from '../integration/hotel.ts';
import { goodVisit, officialVisit } from '../integration/official-visit.ts';
import { bindingsPages } from './bindings-pages.ts';
import { launchChromium } from './launch-chromium.ts';

const transports = ['websocket', 'long-polling', 'callback-polling'];
const extensions = ['ack', 'binary', 'timestamp', 'timesync', 'reload'];

describe('in Chromium', () => {
  let browser: Browser;
  let hotel: Hotel;
  let context: BrowserContext;
  let page: Page;
  let seen: string[][];
  let complaints: string[];

  beforeAll(async () => {
    execFileSync(process.execPath, [join(import.meta.dirname, '../../packages/client/bundle.js')]);
    browser = await launchChromium();
  });

  afterAll(() => browser?.close());

  beforeEach(async () => {
    hotel = await openHotel(bindingsPages);
    seen = [];
    complaints = [];
    context = await browser.newContext();
    page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.exposeFunction('restart', async () => {
      seen.push(hotel.transports());
      await hotel.restart();
    });
  });

  afterEach(async () => {
    await context.close();
    await hotel.close();
  });

  const open = (path: string): Promise<unknown> => page.goto(new URL(path, hotel.url).href);

  /** A good day of the client that an expression gives. */
  async function spendsAGoodDay(cometd: string, transport: string): Promise<void> {
    const report = await page.evaluate(`(async () => {
      const guest = await ${cometd};
      return (${officialVisit})(guest, { url: '${hotel.url}', transport: '${transport}', restart: window.restart });
    })()`);
    expect(report).toEqual(goodVisit);
    expect(seen).toEqual([[transport]]);
    expect(complaints).toEqual([]);
  }

  const requests = (): Promise<string[]> =>
    page.evaluate('requested.map((url) => new URL(url, location.href).pathname)');

  describe.each(transports)('over %s', (transport) => {
    it('the classic script spends a good day here', async () => {
      await open('/script');
      await spendsAGoodDay('new org.cometd.CometD()', transport);
    });

    it('the module for pages spends a good day here', async () => {
      await open('/module');
      await page.waitForFunction('window.client');
      await spendsAGoodDay('new client.CometD()', transport);
    });

    it('the jQuery binding spends a good day here, through $.ajax', async () => {
      await open('/jquery');
      await spendsAGoodDay('$.cometd', transport);
      const requested = await requests();
      if (transport === 'websocket') expect(requested).toEqual([]);
      else expect(requested).toEqual(expect.arrayContaining(['/cometd/handshake', '/cometd/', '/cometd/disconnect']));
      // Applications show progress with the global events, and a long poll is none.
      expect(await page.evaluate('events')).toBe(0);
    });

    it('the Dojo binding spends a good day here, through dojo/request', async () => {
      await open('/dojo');
      await spendsAGoodDay('loaded', transport);
      const requested = await requests();
      if (transport !== 'websocket') {
        expect(requested).toEqual(expect.arrayContaining(['/cometd/handshake', '/cometd/', '/cometd/disconnect']));
      }
    });

    it('the AngularJS binding spends a good day here, through $http', async () => {
      await open('/angular');
      await spendsAGoodDay('cometd', transport);
      const requested = await requests();
      if (transport === 'websocket') expect(requested).toEqual([]);
      else expect(requested).toEqual(expect.arrayContaining(['/cometd/handshake', '/cometd/', '/cometd/disconnect']));
    });

    it('what messages change is seen in AngularJS at once', async () => {
      await open('/angular');
      const shows = (id: string, text: string): Promise<void> =>
        page.locator(`#${id}`).getByText(text, { exact: true }).waitFor();
      await page.evaluate(`join('${hotel.url}', '${transport}')`);
      await shows('handshake', 'true');
      await page.evaluate("say('extra')");
      await shows('published', 'true');
      await shows('heard', 'extra');
      expect(complaints).toEqual([]);
    });
  });

  it.each([
    ['jQuery', '/jquery', '$.cometd'],
    ['Dojo', '/dojo', 'loaded'],
    ['AngularJS', '/angular', 'window.cometd'],
  ])('the %s binding reaches another origin that lists this one, and shows its cookie', async (_, path, cometd) => {
    const house = await launch({ options: { allowedOrigins: [new URL(hotel.url).origin], timeout: 1000 } });
    const asked: string[] = [];
    house.listener.prependListener('request', ({ method, url, headers }) => {
      if (method === 'POST') asked.push(`${url} ${/BAYEUX_BROWSER=/.test(`${headers.cookie}`)}`);
    });
    try {
      await open(path);
      const heard = await page.evaluate(`(async () => {
        const client = await ${cometd};
        client.unregisterTransport('websocket');
        client.configure({ url: '${house.url}', logLevel: 'error', requestHeaders: { 'content-type': 'text/plain' } });
        await new Promise((done) => client.handshake(done));
        const event = new Promise((done) => client.subscribe('/news', done));
        client.publish('/news', 'from afar');
        const { data } = await event;
        const { successful } = await new Promise((done) => client.disconnect(done));
        return [client.getTransportTypes()[0], data, successful];
      })()`);
      expect(heard).toEqual(['long-polling', 'from afar', true]);
      expect(asked).toContain('/cometd/disconnect true');
      expect(asked.filter((request) => request.startsWith('/cometd/handshake'))).toHaveLength(1);
      expect(complaints).toEqual([]);
    } finally {
      await house.close();
    }
  });

  it('jQuery has its clients and the extensions', async () => {
    await open('/jquery');
    expect(
      await page.evaluate(`[$.cometd instanceof org.cometd.CometD, $.cometd.getName(), new $.CometD('chat').getName(),
        $.cometd.getTransportTypes().join(' '), ${JSON.stringify(extensions)}.every((name) => $.cometd.getExtension(name))]`),
    ).toEqual([true, 'default', 'chat', transports.join(' '), true]);
  });

  it('jQuery is told of a listener that throws', async () => {
    await open('/jquery');
    const told = await page.evaluate(`new Promise((resolve) => {
      $.cometd.onListenerException = function (exception, handle, isListener, message) {
        resolve([exception.message, this === $.cometd, isListener, message.channel]);
      };
      $.cometd.addListener('/meta/handshake', () => { throw new Error('clumsy'); });
      $.cometd.init('${hotel.url}');
    })`);
    expect(told).toEqual(['clumsy', true, true, '/meta/handshake']);
  });

  it('the jQuery binding and its extensions are AMD modules, too', async () => {
    await open('/amd');
    expect(await page.evaluate('loaded')).toEqual([true, true, 'undefined']);
  });

  it('Dojo has its clients and the extensions, and nothing is left in org', async () => {
    await open('/dojo');
    expect(
      await page.evaluate(`loaded.then((cometd) => [cometd === dojox.cometd, cometd instanceof dojox.CometD, typeof org,
        new dojox.CometD('chat').getName(), cometd.getTransportTypes().join(' '),
        ${JSON.stringify(extensions)}.every((name) => cometd.getExtension(name))])`),
    ).toEqual([true, true, 'undefined', 'chat', transports.join(' '), true]);
  });

  it('AngularJS has its clients and the extensions', async () => {
    await open('/angular');
    expect(
      await page.evaluate(`[cometd instanceof org.cometd.CometD, new $rootScope.CometD('chat').getName(),
        cometd.getTransportTypes().join(' '), ${JSON.stringify(extensions)}.every((name) => cometd.getExtension(name))]`),
    ).toEqual([true, 'chat', transports.join(' '), true]);
  });

  it('AngularJS shows what a handshake changes that was answered from the storage', async () => {
    await open('/angular');
    await page.evaluate(`join('${hotel.url}', 'websocket')`);
    await page.locator('#handshake').getByText('true').waitFor();
    await page.evaluate("addEventListener('pagehide', () => cometd.reload())");
    await page.reload();
    await page.evaluate(`join('${hotel.url}', 'websocket')`);
    await page.locator('#handshake').getByText('reloaded').waitFor();
    await page.evaluate("say('still here')");
    await page.locator('#heard').getByText('still here').waitFor();
    expect(complaints).toEqual([]);
  });
});

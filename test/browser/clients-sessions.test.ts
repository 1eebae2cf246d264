/** Sessions and pages in Chromium: one session goes on in the next page, and two pages of one browser share its cookie. */
import type { ServerOptions } from '@cometd-ts/server';
import { furnish, type Launched, launch } from '@cometd-ts/testkit';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium } from './launch-chromium.ts';
import { Guests, ourPages, staged } from './our-pages.ts';

let browser: Browser;
let guests: Guests;
let house: Launched;
/** What arrived at the server, in order: the channels, without connects. */
let arrived: string[];

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

beforeEach(() => {
  guests = new Guests(browser);
  arrived = [];
});

afterEach(async () => {
  await guests.leave();
  await house.close();
});

async function open(options: ServerOptions = {}): Promise<void> {
  house = await launch({
    options: { allowedTransports: ['websocket', 'long-polling', 'callback-polling'], ...options },
    pages: ourPages,
    prepare: (bayeux) => {
      furnish(bayeux);
      bayeux.addExtension({
        rcvMeta: (_session, message) => {
          if (message.channel !== '/meta/connect') arrived.push(message.channel);
        },
      });
    },
  });
}

const home = () => new URL('/', house.url).href;

describe.each(['websocket', 'long-polling', 'callback-polling'])(
  'a page that is loaded again, over %s',
  (transport) => {
    const enter = (page: Page): Promise<string | null> =>
      page.evaluate(
        async ([url, transport]) => {
          const cometd = stage.cometd(url, [transport]);
          cometd.registerExtension('reload', new stage.ReloadExtension());
          cometd.handshake();
          await stage.noted('subscribed true');
          await stage.noted('/meta/connect true');
          return cometd.getClientId();
        },
        [house.url, transport] as const,
      );

    const hears = (page: Page, text: string): Promise<unknown> =>
      page.evaluate((text) => stage.noted(`heard ${text}`), text);

    const publish = (text: string): void => {
      house.bayeux.getChannel('/room')?.publish(null, text);
    };

    it('goes on in the session it had, when it said so on leaving', async () => {
      await open();
      const page = await guests.visit(home());
      const id = await enter(page);
      publish('before');
      await hears(page, 'before');
      await page.evaluate(() => addEventListener('pagehide', () => stage.here.cometd?.reload?.()));
      await page.reload();
      await staged(page);
      // Nobody is there to hear it, and the session keeps it.
      publish('between');
      expect(await enter(page)).toBe(id);
      await hears(page, 'between');
      publish('after');
      await hears(page, 'after');
      expect(arrived).toEqual(['/meta/handshake', '/meta/subscribe', '/meta/subscribe']);
      expect(house.bayeux.sessions.map((session) => session.id)).toEqual([id]);
      expect(await page.evaluate(() => stage.here.cometd?.getTransport()?.type)).toBe(transport);
      expect(guests.complaints).toEqual([]);
    });

    it('begins a new session when it did not say so', async () => {
      await open();
      const page = await guests.visit(home());
      const id = await enter(page);
      await page.reload();
      await staged(page);
      expect(await enter(page)).not.toBe(id);
      publish('after');
      await hears(page, 'after');
      expect(arrived.filter((channel) => channel === '/meta/handshake')).toHaveLength(2);
      expect(guests.complaints).toEqual([]);
    });

    it('begins a new session when it comes back too late', async () => {
      await open({ timeout: 200, maxInterval: 300, sweepPeriod: 50 });
      const page = await guests.visit(home());
      const id = await enter(page);
      const expired = new Promise<void>((resolve) => {
        house.bayeux.getSession(`${id}`)?.addListener('removed', () => resolve());
      });
      await page.evaluate(() => addEventListener('pagehide', () => stage.here.cometd?.reload?.()));
      await page.goto('about:blank');
      await expired;
      await page.goto(home());
      await staged(page);
      const next = await page.evaluate(
        async ([url, transport, id]) => {
          const cometd = stage.cometd(url, [transport]);
          cometd.registerExtension('reload', new stage.ReloadExtension());
          cometd.handshake();
          // The session of before is tried first; the server does not know it any more.
          await stage.noted('/meta/connect false');
          const seen = stage.notes.length;
          await stage.noted('/meta/handshake true', seen);
          await stage.noted('subscribed true', seen);
          await stage.noted('/meta/connect true', seen);
          return cometd.getClientId() === id ? 'the same' : 'another';
        },
        [house.url, transport, id] as const,
      );
      expect(next).toBe('another');
      publish('after');
      await hears(page, 'after');
      expect(guests.complaints).toEqual([]);
    });
  },
);

describe('two pages of one browser over long-polling', () => {
  const enter = (page: Page, face: string): Promise<void> =>
    page.evaluate(
      async ([url, face]) => {
        if (face === 'typed') {
          await stage.enter(url, { transports: ['long-polling'] });
        } else {
          stage.cometd(url, ['long-polling']).handshake();
          await stage.noted('subscribed true');
        }
      },
      [house.url, face] as const,
    );

  const advice = (page: Page): Promise<{ interval?: number; several: boolean }> =>
    page.evaluate(() => {
      const { typed, cometd } = stage.here;
      const { interval, ...more } = (typed ? typed.advice : cometd?.getAdvice()) ?? {};
      return {
        ...(interval !== undefined && { interval }),
        several: (more as Record<string, unknown>)['multiple-clients'] === true,
      };
    });

  /** Answers how to wait until the server holds a connect of a session. */
  function watchHolds(): (id: string) => Promise<void> {
    const held = new Set<string>();
    const waiting = new Map<string, () => void>();
    house.bayeux.addListener('sessionAdded', (session) => {
      session.addListener('suspended', ({ id }) => {
        held.add(id);
        waiting.get(id)?.();
      });
      session.addListener('resumed', ({ id }) => void held.delete(id));
    });
    return (id) => (held.has(id) ? Promise.resolve() : new Promise((resolve) => waiting.set(id, resolve)));
  }

  const idOf = (page: Page): Promise<string> =>
    page.evaluate(() => `${stage.here.typed ? stage.here.typed.id : stage.here.cometd?.getClientId()}`);

  const told = (page: Page, several: boolean): Promise<unknown> =>
    page.waitForFunction((several) => {
      const { typed, cometd } = stage.here;
      const advice: object = (typed ? typed.advice : cometd?.getAdvice()) ?? {};
      return ('multiple-clients' in advice && advice['multiple-clients'] === true) === several;
    }, several);

  it.each(['typed', 'CometD'])(
    'take turns (%s): the second is told, both hear all, and it stays when the first leaves',
    async (face) => {
      await open({ multiSessionInterval: 100, timeout: 10_000 });
      const isHeld = watchHolds();
      const context = await guests.context();
      const first = await guests.visit(home(), context);
      const second = await guests.visit(home(), context);
      await enter(first, face);
      await isHeld(await idOf(first));
      await enter(second, face);
      // The first connect, which the server does not hold, brings the advice.
      await told(second, true);
      expect(await advice(second)).toEqual({ interval: 100, several: true });
      expect(await advice(first)).toEqual({ interval: 0, several: false });

      for (const text of ['one', 'two', 'three']) {
        house.bayeux.getChannel('/room')?.publish(null, text);
        await Promise.all([first, second].map((page) => page.evaluate((text) => stage.noted(`heard ${text}`), text)));
      }
      await first.evaluate(async () => {
        const { typed, cometd } = stage.here;
        if (typed) return typed.disconnect();
        cometd?.disconnect();
        await stage.noted('/meta/disconnect true');
      });
      await first.close();
      await isHeld(await idOf(second));
      house.bayeux.getChannel('/room')?.publish(null, 'alone');
      await second.evaluate(() => stage.noted('heard alone'));
      // The reply that brought it brings the ordinary advice, too.
      await told(second, false);
      expect(await advice(second)).toEqual({ interval: 0, several: false });
      expect(guests.complaints).toEqual([]);
    },
  );
});

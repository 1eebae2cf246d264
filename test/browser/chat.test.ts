/** The chat of the demos, as people meet it: on both pages, on a phone, by keyboard, and while its server comes and goes. */
import { execFileSync } from 'node:child_process';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { demo } from '@cometd-ts/demos';
import { deny, ignore } from '@cometd-ts/server';
import { type Launched, launch } from '@cometd-ts/testkit';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium } from './launch-chromium.ts';

describe('the chat', () => {
  let browser: Browser;
  let house: Launched;
  let contexts: BrowserContext[];
  let complaints: string[];
  let sockets: Set<Socket>;

  beforeAll(async () => {
    // The pages load the client as it is published.
    execFileSync(process.execPath, [join(import.meta.dirname, '../../packages/client/bundle.js')]);
    browser = await launchChromium();
  });

  afterAll(() => browser?.close());

  beforeEach(async () => {
    contexts = [];
    complaints = [];
    house = await open(0);
  });

  afterEach(async () => {
    for (const context of contexts) await context.close();
    await house.close();
  });

  async function open(port: number): Promise<Launched> {
    let pages: ReturnType<typeof demo> | undefined;
    const opened = await launch({
      port,
      options: { maxInterval: 2000, sweepPeriod: 100 },
      prepare: (bayeux) => {
        pages = demo(bayeux);
      },
      pages: (request, response) => pages?.(request, response),
    });
    sockets = new Set();
    opened.listener.on('connection', (socket: Socket) => sockets.add(socket));
    return opened;
  }

  function cut(): void {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  }

  async function visit(options: Parameters<Browser['newContext']>[0] = {}, path = ''): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    contexts.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(new URL(`/${path}`, house.url).href);
    return page;
  }

  async function enter(
    name: string,
    room = 'lobby',
    options: Parameters<Browser['newContext']>[0] = {},
    path = '',
  ): Promise<Page> {
    const page = await visit(options, path);
    await page.getByLabel('Your name').fill(name);
    await page.getByLabel('Room', { exact: true }).fill(room);
    await page.getByRole('button', { name: 'Join the room' }).click();
    await inRoom(page, room);
    return page;
  }

  const enterClassic = (name: string, room?: string) => enter(name, room, {}, 'classic.html');
  /** The browser itself reports requests that find nobody; nothing else may complain. */
  const complaintsOfOurs = () =>
    complaints.filter((text) => !/ERR_|WebSocket connection to|Failed to load resource/.test(text));
  const inRoom = (page: Page, room: string) => page.getByRole('heading', { name: `#${room}` }).waitFor();
  const hears = (page: Page, text: string) => page.getByRole('log').getByText(text, { exact: true }).waitFor();
  const stateIs = (page: Page, state: string) => page.locator(`#state[data-state="${state}"]`).waitFor();
  const people = (page: Page) => page.locator('#people .label').allTextContents();
  const said = (page: Page) => page.locator('.bubble').allTextContents();

  async function say(page: Page, text: string): Promise<void> {
    await page.getByLabel('Message', { exact: true }).fill(text);
    await page.keyboard.press('Enter');
  }

  it('carries what one says to the other, as text and not as markup', async () => {
    const anna = await enter('Anna');
    const ben = await enter('Ben');
    await say(anna, 'Hello <b>Ben</b> & <img src=x onerror=alert(1)>');
    await hears(ben, 'Hello <b>Ben</b> & <img src=x onerror=alert(1)>');
    await say(ben, 'Hello Anna');
    await hears(anna, 'Hello Anna');
    expect(await said(anna)).toEqual(await said(ben));
    // The door is closed behind them, and the house fills the window.
    expect(await anna.getByLabel('Your name').isVisible()).toBe(false);
    await anna.setViewportSize({ width: 844, height: 390 });
    expect(await anna.evaluate(() => document.documentElement.scrollHeight - innerHeight)).toBe(0);
    expect(await anna.locator('[data-fate]').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('shows who joins and who leaves', async () => {
    const anna = await enter('Anna');
    const ben = await enter('Ben');
    await hears(anna, 'Ben joined');
    expect(await people(anna)).toEqual(['Anna', 'Ben']);
    expect(await people(ben)).toEqual(['Anna', 'Ben']);
    await ben.getByRole('button', { name: 'Leave the chat' }).click();
    await hears(anna, 'Ben left');
    expect(await people(anna)).toEqual(['Anna']);
  });

  it('notices somebody whose page is closed', async () => {
    const anna = await enter('Anna');
    const ben = await enter('Ben');
    await hears(anna, 'Ben joined');
    await ben.close();
    await hears(anna, 'Ben left');
  });

  it('gives a second person of the same name a number', async () => {
    await enter('Anna');
    const other = await enter('anna');
    expect(await people(other)).toEqual(['Anna', 'anna 2']);
  });

  it('shows newcomers what was said before them', async () => {
    const anna = await enter('Anna');
    await say(anna, 'Is anybody here?');
    await anna.locator('.mine:not([data-fate])').waitFor();
    const ben = await enter('Ben');
    await hears(ben, 'Is anybody here?');
  });

  it('keeps a private message between two', async () => {
    const anna = await enter('Anna');
    const ben = await enter('Ben');
    const carl = await enter('Carl');
    await anna.getByRole('button', { name: 'Write privately to Ben' }).click();
    await say(anna, 'Just for you');
    await hears(ben, 'Just for you');
    await hears(ben, 'privately to you');
    await anna.getByRole('button', { name: 'Write to everybody' }).click();
    await say(anna, 'For everybody');
    await hears(carl, 'For everybody');
    expect(await said(carl)).toEqual(['For everybody']);
    expect(await said(ben)).toEqual(['Just for you', 'For everybody']);
    expect(complaints).toEqual([]);
  });

  it('moves to another room, where the former one is not heard', async () => {
    const anna = await enter('Anna');
    const ben = await enter('Ben');
    await ben.getByRole('button', { name: 'kitchen' }).click();
    await inRoom(ben, 'kitchen');
    await hears(anna, 'Ben left');
    await say(anna, 'In the lobby');
    await anna.locator('.mine:not([data-fate])').waitFor();
    const carl = await enter('Carl', 'Kitchen');
    await say(carl, 'In the kitchen');
    await hears(ben, 'In the kitchen');
    expect(await said(ben)).toEqual(['In the kitchen']);
  });

  it('shows on both pages that the server is away, keeps what is written, and goes on when it is back', async () => {
    const anna = await enter('Anna');
    const ben = await enter('Ben');
    await say(anna, 'Before');
    await hears(ben, 'Before');
    expect(complaints).toEqual([]);

    const { port } = house;
    await house.close();
    await Promise.all([stateIs(anna, 'lost'), stateIs(ben, 'lost')]);
    await anna
      .locator('#state')
      .getByText(/next try in \d s|trying now/)
      .waitFor();
    await say(anna, 'Meanwhile');
    await anna.locator('[data-fate="waiting"]').getByText('Not sent yet', { exact: false }).waitFor();

    house = await open(port);
    await Promise.all([stateIs(anna, 'gap'), stateIs(ben, 'gap')]);
    await anna.getByRole('status').getByText('You may have missed messages').waitFor();
    await hears(ben, 'Meanwhile');
    await say(ben, 'After');
    await hears(anna, 'After');
    expect(await said(anna)).toEqual(['Before', 'Meanwhile', 'After']);
    expect(await said(ben)).toEqual(['Before', 'Meanwhile', 'After']);
    await anna.waitForFunction(() => document.querySelectorAll('[data-fate]').length === 0);
    expect((await people(anna)).sort()).toEqual(['Anna', 'Ben']);
    expect(complaintsOfOurs()).toEqual([]);
  });

  it('can be entered and used with the keyboard alone', async () => {
    const ben = await enter('Ben');
    const page = await visit({}, '#lobby');
    await page.waitForFunction(() => document.activeElement?.id === 'name');
    await page.keyboard.type('Anna');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.id === 'text');
    await page.keyboard.type('By keyboard');
    await page.keyboard.press('Enter');
    await hears(ben, 'By keyboard');
    // Backwards from the message to Ben, to write to him alone.
    const isBen = () => document.activeElement?.textContent?.endsWith('Ben') === true;
    for (let steps = 0; steps < 10 && !(await page.evaluate(isBen)); steps++) await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    await page.keyboard.type('A secret');
    await page.keyboard.press('Enter');
    await hears(ben, 'A secret');
    await page.keyboard.press('Escape');
    expect(await page.locator('#private').isVisible()).toBe(false);
    expect(complaints).toEqual([]);
  });

  it('says what is wrong with a name', async () => {
    const page = await visit();
    await page.getByRole('button', { name: 'Join the room' }).click();
    await page.getByRole('alert').getByText('Please choose a name', { exact: false }).waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('name');
  });

  it('fits a phone without scrolling sideways, with rooms and people in a drawer', async () => {
    const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
    const anna = await enter('Anna', 'lobby', phone);
    const ben = await enter('Maximilian of Nowhere 24', 'lobby', phone);
    await say(ben, `A word without end: ${'hippopotamus'.repeat(20)}`);
    await anna.locator('.bubble').waitFor();
    const sideways = () => document.documentElement.scrollWidth > document.documentElement.clientWidth;
    expect(await anna.evaluate(sideways)).toBe(false);
    const carl = await enter('Carl', 'a-room-with-a-long-name', phone);
    expect(await carl.evaluate(sideways)).toBe(false);
    await anna.getByRole('button', { name: 'Rooms and people' }).click();
    await anna.getByRole('button', { name: 'Write privately to Maximilian' }).click();
    expect(await anna.evaluate(sideways)).toBe(false);
    await say(anna, 'Psst');
    await hears(ben, 'Psst');
    expect(complaints).toEqual([]);
  });

  it('works over long-polling when WebSocket does not', async () => {
    const context = await browser.newContext();
    contexts.push(context);
    await context.addInitScript('delete window.WebSocket');
    const page = await context.newPage();
    await page.goto(new URL('/', house.url).href);
    await page.getByLabel('Your name').fill('Anna');
    await page.getByRole('button', { name: 'Join the room' }).click();
    await inRoom(page, 'lobby');
    const ben = await enter('Ben');
    await say(page, 'By polling');
    await hears(ben, 'By polling');
    expect(house.bayeux.sessions.map(({ transport }) => transport).sort()).toEqual(['long-polling', 'websocket']);
  });

  it('carries what is said between the two pages, both ways', async () => {
    const anna = await enter('Anna');
    const ben = await enterClassic('Ben');
    await hears(anna, 'Ben joined');
    expect(await ben.locator('#people').textContent()).toBe('Anna, Ben');
    await say(anna, 'Hello <b>Ben</b>');
    await hears(ben, 'Hello <b>Ben</b>');
    await say(ben, 'Hello <i>Anna</i>');
    await hears(anna, 'Hello <i>Anna</i>');
    await anna.getByRole('button', { name: 'Write privately to Ben' }).click();
    await say(anna, 'Just for you');
    await hears(ben, 'privately to you');
    expect(await said(ben)).toEqual(['Hello <b>Ben</b>', 'Hello <i>Anna</i>', 'Just for you']);
    await ben.getByRole('button', { name: 'Leave' }).click();
    await hears(anna, 'Ben left');
    expect(complaints).toEqual([]);
  });

  it('is the same session on the classic page when that is loaded again', async () => {
    const anna = await enter('Anna');
    const ben = await enterClassic('Ben');
    await say(ben, 'Before');
    await hears(anna, 'Before');
    const sessions = house.bayeux.sessions.map(({ id }) => id).sort();
    await ben.reload();
    await inRoom(ben, 'lobby');
    await hears(ben, 'Before');
    await stateIs(ben, 'connected');
    await say(ben, 'After');
    await hears(anna, 'After');
    expect(house.bayeux.sessions.map(({ id }) => id).sort()).toEqual(sessions);
    expect(await anna.getByRole('log').getByText('Ben left').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('goes on in the same sessions when all connections are cut, and nobody has left', async () => {
    const anna = await enter('Anna');
    const ben = await enterClassic('Ben');
    await hears(anna, 'Ben joined');
    await say(anna, 'Before');
    await hears(ben, 'Before');
    cut();
    await stateIs(anna, 'gap');
    await hears(anna, 'The connection is back. The last messages of the room are here; private ones may be missing.');
    await say(anna, 'After');
    await hears(ben, 'After');
    await stateIs(ben, 'connected');
    await say(ben, 'And after');
    await hears(anna, 'And after');
    expect(await people(anna)).toEqual(['Anna', 'Ben']);
    expect(await anna.getByRole('log').getByText('Ben left').count()).toBe(0);
    expect(complaintsOfOurs()).toEqual([]);
  });

  it.each([
    ['', 'Not sent: the server does not take this text.'],
    ['classic.html', 'Not sent.'],
  ])('shows on the page /%s what the server refuses, and sends it again when asked to', async (path, words) => {
    let refuses = true;
    house.bayeux.getChannel('/chat/*')?.addAuthorizer({
      authorize: (operation) => (operation === 'PUBLISH' && refuses ? deny('text') : ignore()),
    });
    const anna = await enter('Anna', 'lobby', {}, path);
    const ben = await enter('Ben');
    await say(anna, 'Hm');
    await anna.locator('[data-fate="failed"]').getByText(words).waitFor();
    expect(await said(ben)).toEqual([]);
    refuses = false;
    await anna.getByRole('button', { name: 'Try again' }).click();
    await hears(ben, 'Hm');
    await anna.locator('.mine:not([data-fate])').waitFor();
    expect(complaints).toEqual([]);
  });

  it.each(['', 'classic.html'])(
    'says on the page /%s that a message was perhaps sent, and settles it',
    async (path) => {
      const anna = await enter('Anna', 'lobby', {}, path);
      const ben = await enter('Ben');
      let release = (): void => undefined;
      let held = (): void => undefined;
      const isHeld = new Promise<void>((resolve) => {
        held = resolve;
      });
      house.bayeux.addExtension({
        rcv: (_from, { data }) => {
          if ((data as { text?: string } | undefined)?.text !== 'Did you get this?') return true;
          held();
          return new Promise<boolean>((resolve) => {
            release = () => resolve(true);
          });
        },
      });
      await say(anna, 'Did you get this?');
      await isHeld;
      cut();
      await anna.locator('[data-fate]').getByText('Perhaps sent', { exact: false }).waitFor();
      release();
      await hears(ben, 'Did you get this?');
      await anna.locator('.mine:not([data-fate])').waitFor();
      expect(await said(ben)).toEqual(['Did you get this?']);
      expect(await said(anna)).toEqual(['Did you get this?']);
      expect(complaintsOfOurs()).toEqual([]);
    },
  );

  it('says that the server has ended the conversation, and begins anew when asked to', async () => {
    const anna = await enter('Anna');
    const ben = await enterClassic('Ben');
    await hears(anna, 'Ben joined');
    for (const session of house.bayeux.sessions) session.disconnect();
    await stateIs(anna, 'ended');
    await anna.getByRole('alert').getByText('The server has ended the conversation.').waitFor();
    await ben.getByRole('alert').getByText('The server has ended the conversation.').waitFor();
    await anna.getByRole('button', { name: 'Connect again' }).click();
    await stateIs(anna, 'back');
    await ben.getByRole('button', { name: 'Join the room' }).click();
    await inRoom(ben, 'lobby');
    await say(anna, 'Here again');
    await hears(ben, 'Here again');
    expect(complaints).toEqual([]);
  });

  it('says at the door that the server does not answer, and enters when it does', async () => {
    const page = await visit();
    const { port } = house;
    await house.close();
    await page.getByLabel('Your name').fill('Anna');
    await page.getByRole('button', { name: 'Join the room' }).click();
    await page.getByRole('status').getByText('The server does not answer').waitFor();
    await page
      .locator('#join-next')
      .getByText(/next try in \d s|trying now/)
      .waitFor();
    house = await open(port);
    await inRoom(page, 'lobby');
    expect(complaintsOfOurs()).toEqual([]);
  });

  it('says that it is connected in a slower way where WebSockets fail', async () => {
    const context = await browser.newContext();
    contexts.push(context);
    await context.addInitScript(
      'window.WebSocket = class { constructor() { throw new Error("No WebSockets here"); } }',
    );
    const page = await context.newPage();
    await page.goto(new URL('/', house.url).href);
    await page.getByLabel('Your name').fill('Anna');
    await page.getByRole('button', { name: 'Join the room' }).click();
    await inRoom(page, 'lobby');
    await stateIs(page, 'slow');
    await page.getByRole('status').getByText('Connected, in a slower way').waitFor();
  });
});

/** The auction on three nodes, as bidders meet it: on different nodes, with one of them killed, and the cloud watched meanwhile. */
import type { Cloud } from '@cometd-ts/demos/cloud';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { isWhole, makePrograms, openCloud } from '../../demos/test/cluster/processes.ts';
import { launchChromium } from './launch-chromium.ts';

describe('the auction on a cluster', () => {
  let browser: Browser;
  let cloud: Cloud;
  let page: string;
  let contexts: BrowserContext[];
  let complaints: string[];

  beforeAll(async () => {
    await makePrograms();
    browser = await launchChromium();
  });

  afterAll(() => browser?.close());

  beforeEach(async () => {
    contexts = [];
    complaints = [];
    ({ cloud, url: page } = await openCloud());
    await vi.waitFor(() => expect(isWhole(cloud)).toBe(true), 20_000);
  });

  afterEach(async () => {
    for (const context of contexts) await context.close();
    await cloud.close();
  });

  async function visit(url: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    context.setDefaultTimeout(20_000);
    contexts.push(context);
    const visited = await context.newPage();
    visited.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    visited.on('pageerror', (error) => complaints.push(String(error)));
    await visited.goto(url);
    return visited;
  }

  async function enter(name: string, node: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    const url = cloud.fleet.nodes.find((one) => one.name === node)?.url ?? '';
    const entered = await visit(new URL('/', url).href, options);
    await entered.getByLabel('Your name').fill(name);
    await entered.keyboard.press('Enter');
    await stateIs(entered, `Connected to ${node}`);
    return entered;
  }

  const stateIs = (where: Page, text: string) => where.locator('#state').getByText(text, { exact: true }).waitFor();
  const lot = (where: Page, title: string) => where.getByRole('article', { name: title });
  const says = (where: Page, title: string, text: string | RegExp) => lot(where, title).getByText(text).waitFor();
  const bidders = (where: Page) => where.locator('#bidders li').allTextContents();

  async function bid(where: Page, title: string, amount: number): Promise<void> {
    await lot(where, title).getByLabel(`Your bid for ${title}`).fill(String(amount));
    await where.keyboard.press('Enter');
  }

  it('goes on when a node is killed: its bidders move, bids stay, and the cloud shows it', async () => {
    const watcher = await visit(page);
    const node = (name: string) => watcher.getByRole('article', { name });
    const anna = await enter('Anna', 'Halley');
    const ben = await enter('Ben', 'Tuttle', { reducedMotion: 'reduce' });
    await vi.waitFor(async () => expect(await bidders(anna)).toEqual(['AAnna (you)Halley', 'BBenTuttle']), 20_000);
    await node('Tuttle').getByText('Ben').waitFor();

    await bid(anna, 'Dragon kite', 45);
    await says(anna, 'Dragon kite', 'Your 45 coins are known on every node.');
    await says(ben, 'Dragon kite', 'Anna leads');
    await bid(ben, 'Dragon kite', 60);
    await says(anna, 'Dragon kite', 'Ben has overbid you with 60 coins.');
    await bid(anna, 'Dragon kite', 62);
    await says(anna, 'Dragon kite', 'That is too low by now. 65 coins would do.');
    await watcher.getByRole('row', { name: 'Dragon kite 60 60 60' }).waitFor();

    await watcher.getByRole('button', { name: 'Kill Tuttle' }).click();
    await node('Tuttle').getByText('Killed').waitFor();
    await ben
      .getByRole('status')
      .getByText(/^Tuttle is gone. You are at Halley now, in a new session/)
      .waitFor();
    await stateIs(ben, 'Connected to Halley');
    await bid(anna, 'Dragon kite', 70);
    await says(anna, 'Dragon kite', 'Your 70 coins are known on every node.');
    await bid(ben, 'Dragon kite', 80);
    await says(ben, 'Dragon kite', 'Your 80 coins are known on every node.');
    await says(anna, 'Dragon kite', 'Ben leads');
    await anna.getByRole('log').getByText('Tuttle has left the cluster.').waitFor();
    await vi.waitFor(async () => expect(await bidders(anna)).toEqual(['AAnna (you)Halley', 'BBenHalley']), 20_000);
    await node('Halley').getByText('Ben').waitFor();

    await watcher.getByRole('button', { name: 'Start Tuttle again' }).click();
    await node('Tuttle').getByText('Open', { exact: true }).waitFor();
    await watcher.getByRole('row', { name: 'Dragon kite 80 80 80' }).waitFor();
    const cleo = await enter('Cleo', 'Tuttle');
    await says(cleo, 'Dragon kite', 'Ben leads');
    // The browser itself reports requests that find nobody; nothing else may complain.
    expect(complaints.filter((text) => !/ERR_|WebSocket connection to|Failed to load resource/.test(text))).toEqual([]);
  });

  it('is used by keyboard, and fits a phone', async () => {
    const phone = await enter('Dora', 'Encke', { viewport: { width: 360, height: 740 }, hasTouch: true });
    const overflow = () => phone.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(await overflow()).toBe(0);
    await phone.getByRole('button', { name: 'Categories and bidders' }).focus();
    await phone.keyboard.press('Enter');
    await phone.getByRole('button', { name: 'From the sea' }).focus();
    await phone.keyboard.press('Enter');
    await phone.getByRole('heading', { name: 'From the sea' }).waitFor();
    expect(await phone.getByRole('article').count()).toBe(3);
    await phone.getByLabel('Your bid for Tide clock').focus();
    await phone.keyboard.press('Enter');
    await says(phone, 'Tide clock', 'Your 130 coins are known on every node.');
    await phone.goto(page);
    await phone.getByRole('article', { name: 'Halley' }).waitFor();
    expect(await overflow()).toBe(0);
    expect(complaints).toEqual([]);
  });
});

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from './launch-chromium.ts';

describe('the browser that npm brought', () => {
  let browser: Browser;
  let pages: Server;
  let origin: string;

  beforeAll(async () => {
    pages = createServer((request, response) => {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(`<title>Hello</title><p>You asked for ${request.url}</p>`);
    });
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
    pages?.close();
  });

  it('shows a page of this machine', async () => {
    const page = await browser.newPage();
    await page.goto(`${origin}/room`);
    expect(await page.title()).toBe('Hello');
    expect(await page.textContent('p')).toBe('You asked for /room');
    await page.close();
  });

  it('has fonts, so that text takes up room', async () => {
    const page = await browser.newPage();
    await page.goto(origin);
    const width = await page.evaluate(() => {
      const range = document.createRange();
      range.selectNodeContents(document.querySelector('p') as HTMLElement);
      return range.getBoundingClientRect().width;
    });
    expect(width).toBeGreaterThan(50);
    await page.close();
  });

  it('keeps origins apart: another port of this machine may be asked, but not read', async () => {
    const asked: string[] = [];
    const stranger = createServer((request, response) => {
      asked.push(String(request.url));
      response.end('secret');
    });
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const page = await browser.newPage();
    await page.goto(origin);
    const url = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}/secret`;
    const answer = await page.evaluate(
      (url) =>
        fetch(url).then(
          () => 'read',
          () => 'refused',
        ),
      url,
    );
    expect([answer, asked]).toEqual(['refused', ['/secret']]);
    await page.close();
    stranger.close();
  });

  it('survives a context that is closed', async () => {
    const first = await browser.newContext();
    await (await first.newPage()).goto(origin);
    await first.close();
    const second = await browser.newContext();
    const page = await second.newPage();
    await page.goto(origin);
    expect(await page.title()).toBe('Hello');
    await second.close();
  });
});

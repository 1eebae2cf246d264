/** Bytes between pages in Chromium and the server: every value arrives, whatever object held it. */
import { Z85 } from '@cometd-ts/protocol';
import type { ServerMessage } from '@cometd-ts/server';
import { type Launched, launch } from '@cometd-ts/testkit';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium } from './launch-chromium.ts';
import { Guests, ourPages } from './our-pages.ts';

const every = Uint8Array.from({ length: 256 }, (_, value) => value);
const hex = Buffer.from(every).toString('hex');

describe.each(['websocket', 'long-polling'] as const)('bytes over %s', (transport) => {
  let browser: Browser;
  let house: Launched;
  let guests: Guests;
  /** What arrived at `/service/upload`, decoded. */
  let uploaded: { bytes: string; last: unknown; meta: unknown }[];

  beforeAll(async () => {
    browser = await launchChromium();
    house = await launch({
      pages: ourPages,
      prepare: (bayeux) => {
        const upload = bayeux.createChannelIfAbsent('/service/upload').channel;
        upload.addListener('message', (from, _channel, message: ServerMessage) => {
          const { data, last, meta } = message.data as { data: string; last: unknown; meta: unknown };
          uploaded.push({ bytes: Buffer.from(Z85.decode(data)).toString('hex'), last, meta });
          // Back, in reverse order, as bytes: to whoever sent them.
          const reverse = Z85.encode(Z85.decode(data).toReversed());
          const answer = { data: reverse, last: true, meta: { reverse: true } };
          from?.deliver(null, { channel: '/service/upload', data: answer, ext: { binary: {} } });
        });
        bayeux.createChannelIfAbsent('/service/sum').channel.addListener('message', (from, channel, message) => {
          const { data } = message.data as { data: string };
          const sum = Z85.decode(data).reduce((total, value) => total + value, 0);
          from?.deliver(null, { id: message.id ?? '', channel: channel.id, successful: true, data: sum });
        });
      },
      // A broadcast keeps the mark that says it is bytes.
      options: { forwardFields: ['ext'] },
    });
  });

  afterAll(async () => {
    await browser?.close();
    await house?.close();
  });

  beforeEach(() => {
    guests = new Guests(browser);
    uploaded = [];
  });

  afterEach(() => guests.leave());

  async function enter(face: 'BayeuxClient' | 'CometD'): Promise<Page> {
    const page = await guests.visit(new URL('/', house.url).href);
    await page.evaluate(
      async ([url, transport, face]) => {
        const binary = new stage.BinaryExtension();
        if (face === 'BayeuxClient') {
          const client = stage.typed(url, { transports: [transport], extensions: [binary] });
          await client.handshake();
          await client.getChannel('/files').subscribe((message) => stage.note(`file ${stage.described(message)}`));
          const upload = client.getChannel('/service/upload');
          upload.addListener((message) => message.data && stage.note(`back ${stage.described(message)}`));
          return;
        }
        const cometd = stage.cometd(url, [transport]);
        cometd.registerExtension('binary', binary);
        cometd.addListener('/service/upload', (message) => {
          if (message.data) stage.note(`back ${stage.described(message)}`);
        });
        cometd.handshake();
        await stage.noted('subscribed true');
        await new Promise<void>((done) => {
          cometd.subscribe(
            '/files',
            (message) => stage.note(`file ${stage.described(message)}`),
            () => done(),
          );
        });
      },
      [house.url, transport, face] as const,
    );
    return page;
  }

  const heard = async (page: Page, what: string, count: number): Promise<string[]> => {
    await page.waitForFunction(([what, count]) => stage.notes.filter((text) => text.startsWith(what)).length >= count, [
      what,
      count,
    ] as const);
    return page.evaluate((what) => stage.notes.filter((text) => text.startsWith(what)), what);
  };

  it('travel from CometD to both faces as ArrayBuffer, whether they were a buffer, an array or a view', async () => {
    const cometd = await enter('CometD');
    const typed = await enter('BayeuxClient');
    await cometd.evaluate(async () => {
      const { buffer, view, dataView } = stage.allBytes();
      const client = stage.here.cometd;
      client?.publishBinary('/files', buffer, false, { name: 'all.bin' });
      client?.publishBinary('/files', view, false);
      client?.publishBinary('/files', dataView, true);
      client?.publishBinary('/files', [...view]);
    });
    const expected = [
      `file ArrayBuffer last=false meta={"name":"all.bin"} ${hex}`,
      `file ArrayBuffer last=false meta=undefined ${hex}`,
      `file ArrayBuffer last=true meta=undefined ${hex}`,
      `file ArrayBuffer last=true meta=undefined ${hex}`,
    ];
    expect(await heard(cometd, 'file', 4)).toEqual(expected);
    expect(await heard(typed, 'file', 4)).toEqual(expected);
    expect(guests.complaints).toEqual([]);
  });

  it('travel from BayeuxClient to both faces as ArrayBuffer', async () => {
    const typed = await enter('BayeuxClient');
    const cometd = await enter('CometD');
    const replies = await typed.evaluate(async () => {
      const { buffer, view } = stage.allBytes();
      const files = stage.here.typed?.getChannel('/files');
      const first = await files?.publishBinary(view, { last: false, meta: { name: 'all.bin' } });
      const second = await files?.publishBinary(new Uint8Array(buffer));
      const empty = await files?.publishBinary(new Uint8Array());
      return [first?.successful, second?.successful, empty?.successful];
    });
    expect(replies).toEqual([true, true, true]);
    const expected = [
      `file ArrayBuffer last=false meta={"name":"all.bin"} ${hex}`,
      `file ArrayBuffer last=true meta=undefined ${hex}`,
      'file ArrayBuffer last=true meta=undefined ',
    ];
    expect(await heard(typed, 'file', 3)).toEqual(expected);
    expect(await heard(cometd, 'file', 3)).toEqual(expected);
    expect(guests.complaints).toEqual([]);
  });

  it('travel to a service and back, chunk by chunk', async () => {
    const reversed = Buffer.from(every.toReversed()).toString('hex');
    for (const face of ['BayeuxClient', 'CometD'] as const) {
      uploaded = [];
      const page = await enter(face);
      await page.evaluate(async () => {
        const { view } = stage.allBytes();
        const { typed, cometd } = stage.here;
        for (const [at, meta] of [
          [0, { part: 1 }],
          [1, { part: 2 }],
        ] as const) {
          const last = at === 1;
          await typed?.getChannel('/service/upload').publishBinary(view, { last, meta });
          cometd?.publishBinary('/service/upload', view, last, meta);
        }
      });
      const back = `back ArrayBuffer last=true meta={"reverse":true} ${reversed}`;
      expect(await heard(page, 'back', 2)).toEqual([back, back]);
      expect(uploaded).toEqual([
        { bytes: hex, last: false, meta: { part: 1 } },
        { bytes: hex, last: true, meta: { part: 2 } },
      ]);
    }
    expect(guests.complaints).toEqual([]);
  });

  it('are the question of a remote call of CometD', async () => {
    const page = await enter('CometD');
    const answer = await page.evaluate(
      () =>
        new Promise((resolve) => {
          const { dataView } = stage.allBytes();
          stage.here.cometd?.remoteCallBinary('sum', dataView, (reply) => resolve([reply.successful, reply.data]));
        }),
    );
    expect(answer).toEqual([true, (255 * 256) / 2]);
    expect(guests.complaints).toEqual([]);
  });
});

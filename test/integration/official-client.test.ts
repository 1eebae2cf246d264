/**
 * The official CometD clients of npm are at home here, unmodified, in Node.js. Their helper gives them the browser's
 * globals, which stay within this file. It offers no document, so callback-polling is visited from a browser instead.
 */
import { CometD } from 'cometd';
import { adapt } from 'cometd-nodejs-client';
import { CometD as CometD7 } from 'cometd7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Hotel, openHotel } from './hotel.ts';
import { goodVisit, type OfficialClient, officialVisit } from './official-visit.ts';

const clients: readonly [version: string, open: () => OfficialClient][] = [
  ['9.0.0', () => new CometD() as unknown as OfficialClient],
  ['7.0.19', () => new CometD7() as unknown as OfficialClient],
];

describe.each(clients)('the official client %s', (_, open) => {
  let hotel: Hotel;
  beforeAll(async () => {
    adapt();
    hotel = await openHotel();
  });
  afterAll(() => hotel.close());

  it.each(['websocket', 'long-polling'])('spends a good day here over %s', async (transport) => {
    const seen = new Set<string>();
    const report = await officialVisit(open(), {
      url: hotel.url,
      transport,
      restart: async () => {
        for (const name of hotel.transports()) seen.add(name);
        await hotel.restart();
      },
    });
    expect(report).toEqual(goodVisit);
    expect([...seen]).toEqual([transport]);
    expect(hotel.transports()).toEqual([]);
  });
});

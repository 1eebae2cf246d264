/** The Faye client of npm is at home here, unmodified, through both transports it has in Node.js. */
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FayeClient, fayeVisit, goodFayeVisit } from './faye-visit.ts';
import { type Hotel, openHotel } from './hotel.ts';

// Faye has no types of its own.
const { Client } = createRequire(import.meta.url)('faye') as {
  Client: new (url: string, options: object) => FayeClient;
};

describe('the Faye client 1.4.3', () => {
  let hotel: Hotel;
  beforeAll(async () => {
    hotel = await openHotel();
  });
  afterAll(() => hotel.close());

  it.each(['websocket', 'long-polling'])('spends a good day here over %s', async (transport) => {
    const client = new Client(hotel.url, { retry: 0.1, timeout: 10 });
    const seen: string[][] = [];
    const report = await fayeVisit(client, {
      transport,
      restart: async () => {
        seen.push(hotel.transports());
        await hotel.restart();
      },
    });
    expect(report).toEqual(goodFayeVisit);
    expect(seen).toEqual([[transport]]);
    expect(hotel.transports()).toEqual([]);
  });
});

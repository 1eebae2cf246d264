/** A server of ours that can be torn down and built again at the same address while guests are in it. */
import type { RequestListener } from 'node:http';
import { furnish, type Launched, launch } from '@cometd-ts/testkit';

export interface Hotel {
  readonly url: string;
  /** Names of the transports that the sessions present use. */
  transports(): string[];
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** `pages` answers what is not Bayeux. Every transport is allowed. */
export async function openHotel(pages?: RequestListener): Promise<Hotel> {
  const open = (port: number): Promise<Launched> =>
    launch({
      port,
      prepare: furnish,
      options: {
        allowedTransports: ['websocket', 'long-polling', 'callback-polling'],
        timeout: 5000,
        sweepPeriod: 100,
      },
      ...(pages && { pages }),
    });
  let launched = await open(0);
  const { port, url } = launched;
  return {
    url,
    transports: () => launched.bayeux.sessions.map((session) => session.transport),
    restart: async () => {
      await launched.close();
      launched = await open(port);
    },
    close: () => launched.close(),
  };
}

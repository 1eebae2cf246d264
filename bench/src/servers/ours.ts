/** CometD for TypeScript with its defaults, but for the rates: nobody else's are bounded. */
import { BayeuxServer } from '@cometd-ts/server';
import type { Start } from './start.ts';

export const start: Start = (http) => {
  new BayeuxServer({ maxPublishRate: -1, maxHandshakeRate: -1 }).attach(http, { path: '/cometd' });
};

/** CometD for TypeScript with its defaults. */
import { BayeuxServer } from '@cometd-ts/server';
import type { Start } from './start.ts';

export const start: Start = (http) => {
  new BayeuxServer().attach(http, { path: '/cometd' });
};

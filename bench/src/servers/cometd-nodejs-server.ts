/** The long-polling server that the CometD project publishes for Node.js, with its defaults. */
import cometd from 'cometd-nodejs-server';
import type { Start } from './start.ts';

export const start: Start = (http) => {
  const server = cometd.createCometDServer();
  http.on('request', server.handle);
};

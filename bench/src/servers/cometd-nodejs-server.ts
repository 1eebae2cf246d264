/** The long-polling server that the CometD project publishes for Node.js, with its defaults. */
import cometd from 'cometd-nodejs-server';
import { createListener, listen } from './listener.ts';
import type { Start } from './start.ts';

export const start: Start = async (scenario) => {
  const server = cometd.createCometDServer();
  return { port: await listen(await createListener(scenario, server.handle)) };
};

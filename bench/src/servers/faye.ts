/** Faye with its defaults: the in-memory engine, WebSocket and long-polling. */
import faye from 'faye';
import { createListener, listen } from './listener.ts';
import type { Start } from './start.ts';

export const start: Start = async (scenario) => {
  const listener = await createListener(scenario);
  new faye.NodeAdapter({ mount: '/cometd' }).attach(listener);
  return { port: await listen(listener) };
};

/** Faye with its defaults: the in-memory engine, WebSocket and long-polling. */
import type { Server } from 'node:http';
import faye from 'faye';
import type { Start } from './start.ts';

export const start: Start = (http: Server) => {
  new faye.NodeAdapter({ mount: '/cometd' }).attach(http);
};

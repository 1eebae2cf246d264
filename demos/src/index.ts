/** The demos: what you would show a customer. */
import type { RequestListener } from 'node:http';
import type { BayeuxServer } from '@cometd-ts/server';
import { chat } from './chat.ts';
import type { Node } from './elsewhere.ts';
import { pages } from './pages.ts';

/**
 * Furnishes a server with the chat, and returns the handler of its pages for the HTTP server it is attached to.
 * The pages expect the server at `/cometd`. On a node of a cluster rooms are those of all nodes.
 */
export function demo(bayeux: BayeuxServer, node?: Node): RequestListener {
  chat(bayeux, node);
  return pages();
}

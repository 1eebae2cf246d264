/** What stands in a server under `cometd serve`: the modules of the user, the demos, and nothing else. */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BayeuxServer } from '@cometd-ts/server';
import type { ServeArguments } from './arguments.ts';
import type { Node } from './cluster.ts';
import { Complaint, reasonOf } from './complaint.ts';

/** What answers where there is nothing. */
export function notFound(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404, { 'Content-Type': 'text/plain;charset=UTF-8' });
  response.end('Nothing here\n');
}

/** Attaches the server to one that listens, or will. Throws `Complaint` for a path that is none. */
export function attach(bayeux: BayeuxServer, server: Server, given: ServeArguments): void {
  try {
    bayeux.attach(server, { path: given.path });
  } catch (error) {
    throw new Complaint(reasonOf(error));
  }
}

/** Hands the server to a module of the user's. */
export async function furnish(module: string, bayeux: BayeuxServer, node: Node | null): Promise<void> {
  const url = pathToFileURL(path.resolve(module)).href;
  let exports: { default?: unknown; services?: unknown };
  try {
    exports = await import(url);
  } catch (error) {
    throw new Complaint(`The services ${module} cannot be loaded: ${reasonOf(error)}`);
  }
  const services = exports.services ?? exports.default;
  if (typeof services !== 'function') {
    throw new Complaint(`The services ${module} must export a function, as default or as 'services'`);
  }
  try {
    if (node) await services(bayeux, node);
    else await services(bayeux);
  } catch (error) {
    bayeux.diagnostics.debug('services', () => `Failure in ${module}: ${error instanceof Error ? error.stack : error}`);
    throw new Complaint(`The services ${module} failed: ${reasonOf(error)}`);
  }
}

/** The demos are a package of their own, which is not installed with this one. */
export async function demoPages(bayeux: BayeuxServer, node: Node | null): Promise<RequestListener> {
  const name = '@cometd-ts/demos';
  let demos: { demo(bayeux: BayeuxServer, node?: Node): RequestListener };
  try {
    demos = await import(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Complaint('The demos are not installed here: clone the repository, and run npm ci and npm start there');
  }
  return node ? demos.demo(bayeux, node) : demos.demo(bayeux);
}

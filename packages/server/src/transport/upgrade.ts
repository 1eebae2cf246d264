/** How the doors are set into an HTTP server that others use too: our path is ours, every other request and upgrade stays theirs. */
import type { EventEmitter } from 'node:events';
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Http2SecureServer, Http2Server, Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { Http2Socket, isWebSocketConnect, upgradeRequestOf } from './http2-socket.ts';
import { answer } from './websocket.ts';

/** The servers of Node.js that Bayeux can be attached to. */
export type AnyHttpServer = HttpServer | HttpsServer | Http2Server | Http2SecureServer;

/** Where requests and upgrades for our path go. */
export interface Doors {
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Whether an upgrade on this path is for us. */
  servesUpgrade(path: string): boolean;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** The path of a request without its query. */
export function pathOf(url: string | undefined): string {
  const text = url ?? '/';
  const question = text.indexOf('?');
  return question < 0 ? text : text.slice(0, question);
}

/** Whether a path is the mount point or below it. */
export function isBelow(path: string, mount: string): boolean {
  if (mount === '/') return true;
  return path.startsWith(mount) && (path.length === mount.length || path[mount.length] === '/');
}

/** Sets the doors in; answers what takes them out again. */
export function setIn(server: AnyHttpServer, mount: string, doors: Doors): () => void {
  server.off('request', nobodyServes);
  const ends = [
    standBefore<[IncomingMessage, ServerResponse]>(server, 'request', {
      take: (request, response) => {
        const isOurs = isBelow(pathOf(request.url), mount);
        if (isOurs) doors.handle(request, response);
        return isOurs;
      },
      unclaimed: (_request, response) => {
        response.writeHead(404, { 'Content-Length': '0' });
        response.end();
      },
    }),
    standBefore<[IncomingMessage, Duplex, Buffer]>(server, 'upgrade', {
      take: (request, socket, head) => {
        const isOurs = doors.servesUpgrade(pathOf(request.url));
        if (isOurs) doors.upgrade(request, socket, head);
        return isOurs;
      },
      unclaimed: (_request, socket) => {
        socket.on('error', () => socket.destroy());
        answer(socket, 404, 'Nothing here speaks WebSocket');
      },
    }),
  ];
  // The HTTP/2 servers of Node.js have the same events and the same objects in them, and one more.
  if ('updateSettings' in server) {
    server.updateSettings({ enableConnectProtocol: true });
    ends.push(
      standBefore<[Http2ServerRequest, Http2ServerResponse | Duplex]>(server, 'connect', {
        take: (request, response) => {
          // HTTP/1.1 on a server for both has no stream: the second argument is the socket then.
          if (!request.stream || !isWebSocketConnect(request) || !doors.servesUpgrade(pathOf(request.url)))
            return false;
          doors.upgrade(
            upgradeRequestOf(request),
            new Http2Socket((response as Http2ServerResponse).stream),
            Buffer.alloc(0),
          );
          return true;
        },
        unclaimed: (request, response) => {
          if (!request.stream) return void response.destroy();
          (response as Http2ServerResponse).statusCode = 405;
          response.end();
        },
      }),
    );
  }
  return () => {
    for (const end of ends) end();
    if (server.listenerCount('request') === 0) server.on('request', nobodyServes);
  };
}

/** Answers where nobody is left who would: connections that are open bring requests until they are closed, and those would wait. */
function nobodyServes(this: EventEmitter, request: IncomingMessage, response: ServerResponse): void {
  if (this.listenerCount('request') > 1) return;
  if (request.httpVersionMajor < 2) response.shouldKeepAlive = false;
  response.writeHead(503, { 'Content-Length': '0' });
  response.end();
}

/** What becomes of an event: `take` answers whether it was for us, `unclaimed` is for what nobody else listens to. */
interface Claim<Args extends unknown[]> {
  take(...args: Args): boolean;
  unclaimed(...args: Args): void;
}

/** Stands before whoever listens to an event: they get what is not ours. Answers what steps aside again. */
function standBefore<Args extends unknown[]>(target: EventEmitter, event: string, claim: Claim<Args>): () => void {
  const others = target.listeners(event);
  let isOpen = true;
  const listener = (...args: Args): void => {
    if (isOpen && claim.take(...args)) return;
    for (const other of others) other.apply(target, args);
    if (others.length === 0 && target.listenerCount(event) === 1) claim.unclaimed(...args);
  };
  target.removeAllListeners(event);
  target.on(event, listener as (...args: unknown[]) => void);
  return () => {
    isOpen = false;
    // Somebody may stand before us by now: for them we go on passing on.
    if (!target.listeners(event).includes(listener)) return;
    target.off(event, listener as (...args: unknown[]) => void);
    for (const other of others) target.on(event, other as (...args: unknown[]) => void);
  };
}

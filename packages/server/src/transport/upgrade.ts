/** How the doors are set into an HTTP server that others use too: our path is ours, every other request and upgrade stays theirs. */
import type { Server as HttpServer, IncomingMessage, RequestListener, ServerResponse } from 'node:http';
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

/** Sets the doors in; answers what takes them out again, and gives the other listeners back what was theirs. */
export function setIn(server: AnyHttpServer, mount: string, doors: Doors): () => void {
  // The HTTP/2 servers of Node.js have the same events and the same objects in them, to the extent used here.
  const target = server as HttpServer;
  const others = target.listeners('request') as RequestListener[];
  target.removeAllListeners('request');

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (isBelow(pathOf(request.url), mount)) return doors.handle(request, response);
    for (const other of others) other.call(target, request, response as Parameters<RequestListener>[1]);
    if (others.length === 0 && target.listenerCount('request') === 1) {
      response.writeHead(404, { 'Content-Length': '0' });
      response.end();
    }
  };
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (doors.servesUpgrade(pathOf(request.url))) return doors.upgrade(request, socket, head);
    if (target.listenerCount('upgrade') > 1) return;
    socket.on('error', () => socket.destroy());
    answer(socket, 404, 'Nothing here speaks WebSocket');
  };
  const onConnect = (request: Http2ServerRequest, response: Http2ServerResponse): void => {
    if (!request.stream) {
      // HTTP/1.1 on a server for both: the second argument is the socket then.
      if (target.listenerCount('connect') === 1) (response as unknown as Duplex).destroy();
      return;
    }
    if (isWebSocketConnect(request) && doors.servesUpgrade(pathOf(request.url))) {
      const stream = response.stream;
      return doors.upgrade(upgradeRequestOf(request), new Http2Socket(stream), Buffer.alloc(0));
    }
    if (target.listenerCount('connect') > 1) return;
    response.statusCode = 405;
    response.end();
  };
  target.on('request', onRequest);
  target.on('upgrade', onUpgrade);
  const isHttp2 = 'updateSettings' in server;
  if (isHttp2) {
    server.updateSettings({ enableConnectProtocol: true });
    (server as Http2Server).on('connect', onConnect as never);
  }
  return () => {
    target.off('request', onRequest);
    target.off('upgrade', onUpgrade);
    if (isHttp2) (server as Http2Server).off('connect', onConnect as never);
    for (const other of others) target.on('request', other);
  };
}

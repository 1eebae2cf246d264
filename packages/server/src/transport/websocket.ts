/** The WebSocket door: which upgrades are taken, and the connections that come of them. Book appendix C; RFC 6455. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { OriginPolicy } from '../policy/origin.ts';
import type { Hall } from '../receive.ts';
import type { Rooms } from '../rooms.ts';
import { accept, offeredProtocols, refusalOf } from '../websocket/accept.ts';
import { deflatedFrame } from '../websocket/deflate.ts';
import { textFrame } from '../websocket/frame.ts';
import { Connection, type ConnectionHost } from './connection.ts';
import { RequestContext } from './context.ts';
import { FrameCache } from './frames.ts';

/** Frames of one message: many tiny ones are an attack on memory. */
const MAX_FRAGMENTS = 256;

export class WebSocketTransport {
  readonly #rooms: Rooms;
  readonly #origins: OriginPolicy;
  readonly #host: ConnectionHost;
  readonly #connections: Set<Connection> = new Set();
  /** Those whose sessions are on neighbours: these count them, and watch over them. */
  readonly #relayed: Set<Connection> = new Set();

  constructor(rooms: Rooms, hall: Hall, origins: OriginPolicy) {
    const options = rooms.settings.websocket;
    this.#rooms = rooms;
    this.#origins = origins;
    this.#host = {
      rooms,
      hall,
      options,
      via: { name: 'websocket', settings: options },
      limits: { maxMessageSize: options.maxMessageSize, maxFragments: MAX_FRAGMENTS },
      frames: new FrameCache(options, textFrame),
      compressedFrames: new FrameCache(options, deflatedFrame),
      closed: (connection) => {
        if (!this.#connections.delete(connection)) this.#relayed.delete(connection);
      },
      passedOn: (connection) => {
        this.#connections.delete(connection);
        this.#relayed.add(connection);
      },
    };
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Bytes written to all connections that their peers have not taken. */
  get bufferedBytes(): number {
    let bytes = 0;
    for (const connection of this.#connections) bytes += connection.bufferedBytes;
    return bytes;
  }

  /** Whether an upgrade on this path is for us. `mount` is where the server is attached. */
  serves(path: string, mount: string): boolean {
    const { cometdURLMapping } = this.#rooms.settings.websocket;
    if (cometdURLMapping === '') return path === mount || path.startsWith(mount.endsWith('/') ? mount : `${mount}/`);
    return cometdURLMapping
      .split(',')
      .map((mapping) => mapping.trim().replace(/\/\*$/, ''))
      .some((mapping) => path === (mapping.startsWith('/') ? mapping : `/${mapping}`));
  }

  /** Takes an upgrade, or refuses it with an HTTP status. Never throws. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { settings, diagnostics, rates } = this.#rooms;
    const ignore = (error: Error): void => diagnostics.debug('upgrade', () => `An upgrade failed: ${error.message}`);
    socket.on('error', ignore);
    if (!settings.allowedTransports.includes('websocket'))
      return answer(socket, 400, 'The websocket transport is not allowed');
    if (this.#origins.judge(request.headers) === null) {
      diagnostics.rejected('origin', request.headers.origin);
      return answer(socket, 403, 'This origin is not allowed (option allowedOrigins)');
    }
    if (this.#rooms.overload.closes() !== null)
      return answer(socket, 503, 'The server has too much to do at this moment');
    const refusal = refusalOf(request);
    if (refusal) {
      diagnostics.rejected('upgrade', refusal.reason);
      return answer(socket, refusal.status, refusal.reason, refusal.headers);
    }
    const protocol = settings.websocket.protocol === '' ? null : settings.websocket.protocol;
    if (protocol !== null && !offeredProtocols(request).includes(protocol))
      return answer(socket, 400, `The subprotocol ${protocol} must be offered`);
    const context = new RequestContext(request, settings.requestAttributes);
    const address = rates.meet(context, request);
    if (rates.isFull(address))
      return answer(socket, 429, 'This address has too many connections (limit maxConnectionsPerAddress)');
    if (!socket.readable || !socket.writable) return void socket.destroy();
    const compress = settings.websocket['enableExtension.permessage-deflate'];
    const isCompressing = accept(request, socket, protocol, compress);
    socket.off('error', ignore);
    if (address !== undefined) socket.once('close', rates.opened(address));
    this.#connections.add(new Connection(this.#host, socket, head, isCompressing, context));
  }

  sweep(): void {
    const now = this.#rooms.clock.now();
    for (const connection of this.#connections) connection.sweep(now);
  }

  stop(): void {
    for (const connection of [...this.#connections, ...this.#relayed]) connection.stop();
    this.#connections.clear();
    this.#relayed.clear();
  }
}

const phrases: ReadonlyMap<number, string> = new Map([
  [400, 'Bad Request'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [426, 'Upgrade Required'],
  [429, 'Too Many Requests'],
  [503, 'Service Unavailable'],
]);

/** Answers an upgrade that is refused, and ends the connection. */
export function answer(socket: Duplex, status: number, reason: string, headers: readonly string[] = []): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = `${reason}\n`;
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${phrases.get(status) ?? ''}\r\nConnection: close\r\nContent-Type: text/plain;charset=UTF-8\r\n` +
      `${headers.map((header) => `${header}\r\n`).join('')}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** The WebSocket door: which upgrades are taken, and the connections that come of them. Book appendix C; RFC 6455. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { OriginPolicy } from '../policy/origin.ts';
import type { Hall } from '../receive.ts';
import type { Rooms } from '../rooms.ts';
import { Connection, type ConnectionHost } from './connection.ts';
import { RequestContext } from './context.ts';
import { FrameCache } from './frames.ts';

/** Fragments of one message, and pieces of them, that a peer may send: many tiny ones are an attack on memory. */
const MAX_FRAGMENTS = 256;
const MAX_BUFFERED_CHUNKS = 1_024;

export class WebSocketTransport {
  readonly #rooms: Rooms;
  readonly #origins: OriginPolicy;
  readonly #server: WebSocketServer;
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
      frames: new FrameCache(options),
      closed: (connection) => {
        if (!this.#connections.delete(connection)) this.#relayed.delete(connection);
      },
      passedOn: (connection) => {
        this.#connections.delete(connection);
        this.#relayed.add(connection);
      },
    };
    const size = Math.max(options.maxMessageSize, 0);
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: size,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_BUFFERED_CHUNKS,
      // Without context takeover a connection keeps no compression state, and what is inflated stops at maxPayload.
      perMessageDeflate: options['enableExtension.permessage-deflate']
        ? { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 1_024 }
        : false,
      handleProtocols: (offered) =>
        options.protocol !== '' && offered.has(options.protocol) ? options.protocol : false,
    } as ConstructorParameters<typeof WebSocketServer>[0]);
    this.#server.on('wsClientError', (error, socket) => {
      rooms.diagnostics.rejected('upgrade', error.message);
      answer(socket, 400, error.message);
    });
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
    if (!this.#offersProtocol(request))
      return answer(socket, 400, `The subprotocol ${settings.websocket.protocol} must be offered`);
    const context = new RequestContext(request, settings.requestAttributes);
    const address = rates.meet(context, request);
    if (rates.isFull(address))
      return answer(socket, 429, 'This address has too many connections (limit maxConnectionsPerAddress)');
    this.#server.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      socket.off('error', ignore);
      if (address !== undefined) webSocket.on('close', rates.opened(address));
      this.#connections.add(new Connection(this.#host, webSocket, socket, context));
    });
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

  #offersProtocol(request: IncomingMessage): boolean {
    const { protocol } = this.#rooms.settings.websocket;
    if (protocol === '') return true;
    const offered = request.headers['sec-websocket-protocol'] ?? '';
    return offered.split(',').some((one) => one.trim() === protocol);
  }
}

const phrases: ReadonlyMap<number, string> = new Map([
  [400, 'Bad Request'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [429, 'Too Many Requests'],
  [503, 'Service Unavailable'],
]);

/** Answers an upgrade that is refused, and ends the connection. */
export function answer(socket: Duplex, status: number, reason: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = `${reason}\n`;
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${phrases.get(status) ?? ''}\r\nConnection: close\r\nContent-Type: text/plain;charset=UTF-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

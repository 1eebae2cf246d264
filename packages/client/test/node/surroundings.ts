/** Servers, a proxy and one-shot requests for the tests of the Node.js platform. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Server as NetServer, type Socket } from 'node:net';
import type { NodePlatform } from '@cometd-ts/client/node';
import { certificate } from '@cometd-ts/testkit';
import { onTestFinished } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';

export interface Listening {
  readonly server: Server;
  readonly port: number;
  /** `127.0.0.1:1234` */
  readonly host: string;
  /** The certificate to trust, of a secure server. */
  readonly cert: string;
  /** The upgrade requests so far. */
  readonly upgrades: IncomingMessage[];
  /** How many TCP connections there have been. */
  connections(): number;
}

/** A server on a free port that answers requests with `listener` and echoes over WebSocket; gone when the test is. */
export async function listen(
  listener: RequestListener,
  how: { secure?: boolean; cookie?: string; welcome?: (socket: WebSocket) => void } = {},
): Promise<Listening> {
  const pair = how.secure ? await certificate() : { private: '', cert: '' };
  const server = how.secure
    ? (createSecureServer({ key: pair.private, cert: pair.cert }, listener) as Server)
    : createServer(listener);
  const upgrades: IncomingMessage[] = [];
  const sockets = new WebSocketServer({ server, perMessageDeflate: true });
  sockets.on('headers', (lines, request) => {
    upgrades.push(request);
    if (how.cookie) lines.push(`Set-Cookie: ${how.cookie}`);
  });
  sockets.on('connection', (socket) => {
    // Aborted handshakes and frames too long are what some of the tests are about.
    socket.on('error', () => socket.terminate());
    socket.on('message', (data, binary) => socket.send(binary ? data : data.toString()));
    how.welcome?.(socket);
  });
  let connections = 0;
  server.on('connection', () => connections++);
  const port = await open(server);
  return { server, port, host: `127.0.0.1:${port}`, cert: pair.cert, upgrades, connections: () => connections };
}

export interface Proxy {
  readonly url: string;
  /** What was asked for: `CONNECT host:port` or `POST http://…`. */
  readonly asked: string[];
  readonly credentials: (string | undefined)[];
}

/** A proxy that tunnels (CONNECT) and forwards (absolute URLs); every host name leads to 127.0.0.1. */
export async function proxy(): Promise<Proxy> {
  const asked: string[] = [];
  const credentials: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    credentials.push(request.headers['proxy-authorization']);
    const target = new URL(request.url ?? '');
    const onward = connect(Number(target.port), '127.0.0.1', () => {
      onward.write(`POST ${target.pathname} HTTP/1.1\r\nHost: ${target.host}\r\nConnection: close\r\n`);
      onward.write(`Content-Length: ${request.headers['content-length']}\r\n\r\n`);
      request.pipe(onward, { end: false });
    });
    onward.pipe(response.socket as Socket);
    onward.on('error', () => response.destroy());
  });
  server.on('connect', (request, socket, head) => {
    asked.push(`CONNECT ${request.url}`);
    credentials.push(request.headers['proxy-authorization']);
    const onward = connect(Number(new URL(`tcp://${request.url}`).port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      onward.pipe(socket);
      socket.pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  const port = await open(server);
  return { url: `http://127.0.0.1:${port}`, asked, credentials };
}

/** Listens on a free port; when the test is over, the server and every connection go. */
export async function open(server: NetServer): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return (server.address() as AddressInfo).port;
}

export interface Answered {
  readonly status: number;
  readonly text: string;
  readonly progress: number;
}

/** Sends one POST; rejects with the reason, and the exception as its cause. */
export function post(
  platform: NodePlatform,
  url: string,
  how: { headers?: Record<string, string>; body?: string; maxBytes?: number } = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    let progress = 0;
    platform.request({
      url,
      headers: how.headers ?? {},
      body: how.body ?? '[]',
      ...(how.maxBytes === undefined ? {} : { maxBytes: how.maxBytes }),
      onProgress: () => {
        progress++;
      },
      onResponse: (status, _statusText, text) => resolve({ status, text, progress }),
      onError: (reason, cause) => reject(new Error(reason, { cause })),
    });
  });
}

export interface Conversation {
  /** What was received, in order, and how it ended. */
  readonly received: unknown[];
  readonly code: number;
  readonly errors: { message: string; httpCode?: number }[];
}

/** Opens a WebSocket, sends the texts, and closes it after as many messages; tells what happened when it is closed. */
export function talk(
  platform: NodePlatform,
  url: string,
  texts: readonly string[],
  how: { headers?: Record<string, string>; protocol?: string; expect?: number } = {},
): Promise<Conversation> {
  return new Promise((resolve) => {
    const received: unknown[] = [];
    const errors: { message: string; httpCode?: number }[] = [];
    const socket = platform.openWebSocket(url, how.protocol ?? null, how.headers ?? {});
    const expected = how.expect ?? texts.length;
    const done = (): void => {
      if (received.length >= expected) socket.close(1000, 'enough');
    };
    socket.onopen = () => {
      for (const text of texts) socket.send(text);
      done();
    };
    socket.onmessage = (event: { data: unknown }) => {
      received.push(event.data);
      done();
    };
    socket.onerror = (event: { message: string; httpCode?: number }) => errors.push(event);
    socket.onclose = (event: { code: number }) => resolve({ received, errors, code: event.code });
  });
}

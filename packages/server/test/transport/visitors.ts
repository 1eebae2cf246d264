/** A server for one test, and those who visit it: everything is closed when the test is over. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { ServerOptions } from '@cometd-ts/server';
import {
  type Launched,
  type LaunchOptions,
  launch,
  RawHttp,
  type RawHttpOptions,
  RawSession,
  RawWebSocket,
  type RawWebSocketOptions,
  type WireMessage,
} from '@cometd-ts/testkit';
import { onTestFinished } from 'vitest';

/** A server with these options that keeps its log to itself. */
export async function serve(options: ServerOptions = {}, rest: Omit<LaunchOptions, 'options'> = {}): Promise<Launched> {
  const server = await launch({ ...rest, options: { logLevel: 'silent', ...options } });
  onTestFinished(() => server.close());
  return server;
}

/** A long-polling session that has connected once. With `browser`, it shares the cookies of that session. */
export async function poller(
  server: Launched,
  options: RawHttpOptions = {},
  browser?: RawSession<RawHttp>,
): Promise<RawSession<RawHttp>> {
  const session = new RawSession(new RawHttp(server.url, options));
  onTestFinished(() => session.close());
  for (const [name, value] of browser?.client.jar ?? []) session.client.jar.set(name, value);
  await session.handshake();
  await session.connect(0);
  return session;
}

/** A WebSocket on which nothing was said yet. */
export async function caller(
  server: Launched,
  options: RawWebSocketOptions = {},
  url: string = server.url,
): Promise<RawSession<RawWebSocket>> {
  const session = new RawSession(await RawWebSocket.open(url, options));
  onTestFinished(() => session.close());
  return session;
}

/** A WebSocket session that has connected once. */
export async function talker(server: Launched, options: RawWebSocketOptions = {}): Promise<RawSession<RawWebSocket>> {
  const session = await caller(server, options);
  await session.handshake();
  await session.connect(0);
  return session;
}

/** A connect that the server holds by now. The reply comes when the hold ends; a failure waits there, too. */
export async function hold(
  server: Launched,
  session: RawSession,
  signal?: AbortSignal,
): Promise<{ readonly reply: Promise<WireMessage> }> {
  const suspended = new Promise<void>((resolve) => {
    server.bayeux.getSession(session.clientId)?.addListener('suspended', () => resolve());
  });
  const connect = session.message('/meta/connect', { connectionType: session.client.transport });
  const reply =
    session.client instanceof RawHttp
      ? session.client.send([connect], signal).then((messages) => messages.at(-1) ?? {})
      : session.client.send([connect]).then(([message]) => message ?? {});
  // Whoever does not look at the end of the hold does not mind how it ends.
  reply.catch(() => undefined);
  await suspended;
  return { reply };
}

/** The next connection that the server loses. */
export function lostConnection(server: Launched): Promise<void> {
  return new Promise((resolve) => {
    server.listener.once('connection', (socket: Socket) => socket.once('close', () => resolve()));
  });
}

/** The session leaves the server. */
export function removal(server: Launched, session: RawSession): Promise<{ timeout: boolean }> {
  return new Promise((resolve) => {
    server.bayeux
      .getSession(session.clientId)
      ?.addListener('removed', (_session, _message, timeout) => resolve({ timeout }));
  });
}

/** A TCP connection in which every byte is the test's own. */
export class Line {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  #received: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;

  static async dial(port: number): Promise<Line> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    onTestFinished(() => void socket.destroy());
    return new Line(socket);
  }

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    // The close that follows says enough.
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#wake();
        resolve();
      });
    });
  }

  get received(): Buffer {
    return this.#received;
  }

  get text(): string {
    return this.#received.toString('latin1');
  }

  send(data: string | Buffer): this {
    this.socket.write(data);
    return this;
  }

  /** Everything received, once it contains this; what came until the close when it never does. */
  async until(what: string): Promise<string> {
    while (!this.text.includes(what) && !this.socket.destroyed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.text;
  }

  /** What was received, and forgets it. */
  take(): string {
    const { text } = this;
    this.#received = Buffer.alloc(0);
    return text;
  }
}

/** The bytes of a POST. */
export function postOf(body: string | Buffer, headers: Readonly<Record<string, string>> = {}): Buffer {
  const lines = Object.entries({
    host: '127.0.0.1',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST /cometd HTTP/1.1\r\n${lines.join('')}\r\n`), Buffer.from(body)]);
}

/** A handshake as it stands on the wire. */
export const handshakeText: string = JSON.stringify([
  { id: '1', channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['websocket', 'long-polling'] },
]);

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
import type { Session } from '../../src/session/session.ts';
import { CLOSE, closeCode, type Frame, framesOf, maskedFrame, TEXT, upgradeRequest } from './wire.ts';

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

/** The session leaves the server. */
export function removal(server: Launched, session: RawSession): Promise<{ timeout: boolean }> {
  return new Promise((resolve) => {
    server.bayeux
      .getSession(session.clientId)
      ?.addListener('removed', (_session, _message, timeout) => resolve({ timeout }));
  });
}

/** What waits for the client of a session. */
export function queueOf(server: Launched, clientId: string): readonly unknown[] {
  return (server.bayeux.getSession(clientId) as Session | undefined)?.queue ?? [];
}

/** A TCP connection in which every byte is the test's own. */
export class Line {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  #chunks: Buffer[] = [];
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
      this.#chunks.push(chunk);
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
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  get text(): string {
    return this.received.toString('latin1');
  }

  send(data: string | Buffer): this {
    this.socket.write(data);
    return this;
  }

  /** Everything received, once it contains this; what came until the close when it never does. */
  async until(what: string): Promise<string> {
    await this.when(() => this.text.includes(what));
    return this.text;
  }

  /** Waits until this is so, or the connection has closed. */
  async when(isSo: () => boolean): Promise<void> {
    while (!isSo() && !this.socket.destroyed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Forgets the first bytes received. */
  drop(count: number): void {
    this.#chunks = [this.received.subarray(count)];
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

/** A WebSocket in which every frame is the test's own. It answers nothing by itself, not even pings. */
export class FrameLine {
  readonly line: Line;

  static async open(port: number, headers: Readonly<Record<string, string>> = {}): Promise<FrameLine> {
    const line = await Line.dial(port);
    line.send(upgradeRequest('/cometd', headers));
    const answer = await line.until('\r\n\r\n');
    if (!answer.startsWith('HTTP/1.1 101')) throw new Error(`the server answered ${answer}`);
    line.drop(answer.indexOf('\r\n\r\n') + 4);
    return new FrameLine(line);
  }

  constructor(line: Line) {
    this.line = line;
  }

  send(payload: unknown): this {
    this.line.send(maskedFrame(TEXT, typeof payload === 'string' ? payload : JSON.stringify(payload)));
    return this;
  }

  get frames(): Frame[] {
    return framesOf(this.line.received).frames;
  }

  /** The texts of the frames received, once there are this many. */
  async texts(count: number): Promise<string[]> {
    const texts = () => this.frames.filter(({ opcode }) => opcode === TEXT).map(({ payload }) => payload.toString());
    await this.line.when(() => texts().length >= count);
    return texts();
  }

  /** The code the server closes with; 1006 when it just goes. */
  async closed(): Promise<number> {
    const closing = () => this.frames.find(({ opcode }) => opcode === CLOSE);
    await this.line.when(() => closing() !== undefined);
    const frame = closing();
    return frame ? closeCode(frame) : 1006;
  }
}

/** A server for one test and the guests it receives: all leave when the test is over. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import {
  BayeuxServer,
  type LocalSession,
  type Logger,
  type OverloadLevel,
  type ServerMessage,
  type ServerOptions,
  type ServerSession,
} from '@cometd-ts/server';
import {
  type Launched,
  launch,
  openSession,
  type RawHttp,
  type RawSession,
  type RawTransport,
} from '@cometd-ts/testkit';
import { onTestFinished, vi } from 'vitest';

export const transports: readonly RawTransport[] = ['websocket', 'long-polling'];

/** A logger that keeps its lines; what it was given beside the text stands behind it. */
export class Notebook implements Logger {
  readonly lines: string[] = [];
  readonly debug = (...parts: unknown[]): void => this.#note('debug', parts);
  readonly info = (...parts: unknown[]): void => this.#note('info', parts);
  readonly warn = (...parts: unknown[]): void => this.#note('warn', parts);
  readonly error = (...parts: unknown[]): void => this.#note('error', parts);

  #note(level: string, parts: unknown[]): void {
    this.lines.push([level, ...parts.map((part) => (part instanceof Error ? part.message : String(part)))].join(' '));
  }
}

/** A server without a wire. */
export function found(options: ServerOptions = {}): BayeuxServer {
  const server = new BayeuxServer({ logger: new Notebook(), ...options });
  onTestFinished(() => server.stop());
  return server;
}

export interface House extends Launched {
  readonly log: Notebook;
  /** A raw session that has said nothing yet. */
  knock(transport?: RawTransport): Promise<RawSession>;
  /** A raw session that has handshaken and sent its first connect. */
  enter(transport?: RawTransport): Promise<RawSession>;
  /** The server's side of a raw session. */
  sideOf(session: RawSession): ServerSession;
}

/** A server that listens on a free port. */
export async function host(options: ServerOptions = {}): Promise<House> {
  const log = new Notebook();
  const launched = await launch({ options: { logger: log, ...options } });
  onTestFinished(() => launched.close());
  const knock = async (transport: RawTransport = 'websocket'): Promise<RawSession> => {
    const session = await openSession(transport, launched.url);
    onTestFinished(() => session.close());
    return session;
  };
  return {
    ...launched,
    log,
    knock,
    enter: async (transport) => {
      const session = await knock(transport);
      await session.handshake();
      await session.connect(0);
      return session;
    },
    sideOf: (session) => {
      const side = launched.bayeux.getSession(session.clientId);
      if (!side) throw new Error('the server does not know this session');
      return side;
    },
  };
}

/** Sends a connect that the server holds, and waits until it does. The reply comes when it comes. */
export async function held(
  house: House,
  session: RawSession,
): Promise<{ readonly reply: ReturnType<RawSession['call']> }> {
  const side = house.sideOf(session);
  const suspended = new Promise<void>((resolve) => {
    const registration = side.addListener('suspended', () => {
      registration.remove();
      resolve();
    });
  });
  const reply = session.connect();
  // A test that ends first closes the client, and nobody waits for the reply any more.
  reply.catch(() => undefined);
  await suspended;
  return { reply };
}

/** A local session that has handshaken. */
export function lodge(server: BayeuxServer, hint = 'local'): LocalSession {
  const local = server.newLocalSession(hint);
  local.handshake();
  return local;
}

/** The client of a session over long-polling. */
export function httpOf(session: RawSession): RawHttp {
  const { client } = session;
  if (client.transport !== 'long-polling') throw new Error('this session is not over long-polling');
  return client;
}

/** A second client that carries the cookies of the first. */
export function withCookiesOf(from: RawSession, to: RawSession): void {
  for (const [name, value] of httpOf(from).jar) httpOf(to).jar.set(name, value);
}

/** Takes the delay of every event loop in hand, in ms: from here on Node.js measures what `delay` says, at first none. */
export function takeTheLoop(): { delay: number } {
  const loop = { delay: 0 };
  const histogram = monitorEventLoopDelay();
  // What it measures is what it waited on purpose, and the delay.
  const measure = vi
    .spyOn(Object.getPrototypeOf(Object.getPrototypeOf(histogram)), 'percentile')
    .mockImplementation(() => (loop.delay + 10) * 1e6);
  onTestFinished(() => measure.mockRestore());
  return loop;
}

/** Resolves when a server next reaches this level of overload. */
export function reaches(server: BayeuxServer, wanted: OverloadLevel): Promise<void> {
  return new Promise((resolve) => {
    server.addListener('overload', (level) => {
      if (level === wanted) resolve();
    });
  });
}

/** Something to wait for until the test opens it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** Lets the event loop turn once: sockets are read and flushes written. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Takes the clock in hand: from here on time passes only in `pass`. Sockets go on working. */
export function stopTheClock(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
}

/** Lets so many ms pass, with a turn of the event loop every `step` ms, as the sweeper needs it. */
export async function pass(ms: number, step = 100): Promise<void> {
  for (let left = ms; left > 0; left -= step) {
    vi.advanceTimersByTime(Math.min(step, left));
    await turn();
  }
}

/** The words of a message in a record of events: its channel, and its data when it has some. */
export function told(message: ServerMessage): string {
  return message.data === undefined ? message.channel : `${message.channel} ${JSON.stringify(message.data)}`;
}

/** The server, put together: the rooms, the doors, and what applications may ask of them. Book section 6.3.2. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type {
  Bayeux,
  ChannelInitializer,
  Extension,
  ListenerOptions,
  Registration,
  SecurityPolicy,
  ServerChannel,
  ServerEvents,
  ServerSession,
} from './api.ts';
import { Diagnostics } from './diagnostics.ts';
import { Listeners } from './listeners.ts';
import { type House, Management } from './management/management.ts';
import type { DrainOptions } from './meta/drain.ts';
import type { MetricsRegistry } from './metrics/registry.ts';
import { ServerMetrics } from './metrics/server-metrics.ts';
import type { ServerOptions, Settings } from './options.ts';
import { OriginPolicy } from './policy/origin.ts';
import { Hall } from './receive.ts';
import { furnish, type Rooms } from './rooms.ts';
import type { Neighbourhood } from './session/neighbours.ts';
import { resolveOptions } from './settings.ts';
import { Guests } from './transport/guests.ts';
import { HttpTransport } from './transport/http.ts';
import { LocalSession } from './transport/local.ts';
import { type AnyHttpServer, isBelow, pathOf, setIn } from './transport/upgrade.ts';
import { WebSocketTransport } from './transport/websocket.ts';

/** A handler for `node:http` and everything that speaks like it: Express, Connect, Fastify's raw requests. */
export type RequestHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => void;

/** How a server is attached. */
export interface AttachOptions {
  /** Where it answers; everything below this path is its own. Default '/cometd'. */
  readonly path?: string;
}

/** A Bayeux server: `new BayeuxServer(options)`, then `attach` it to an HTTP server. */
export class BayeuxServer implements Bayeux {
  readonly settings: Settings;
  readonly diagnostics: Diagnostics;
  /** What monitoring systems read: see `@cometd-ts/server/prometheus` and `@cometd-ts/server/opentelemetry`. */
  readonly metrics: MetricsRegistry;
  /** What operators may see of the server while it runs, and do to it. */
  readonly management: Management;
  /** The door for what other servers of the same address have received: see `meet`. */
  readonly guests: Guests;
  readonly #rooms: Rooms;
  readonly #hall: Hall;
  readonly #listeners: Listeners<ServerEvents> = new Listeners();
  readonly #http: HttpTransport;
  readonly #webSocket: WebSocketTransport;
  readonly #detachments: Set<() => void> = new Set();
  #sweeper: NodeJS.Timeout | undefined;
  #drained: Promise<void> | undefined;
  #startedAt: number | null = null;
  #state: 'new' | 'started' | 'stopped' = 'new';

  /** Throws `TypeError` or `RangeError` for options that are wrong, naming the option. */
  constructor(options: ServerOptions = {}) {
    this.settings = resolveOptions(options);
    this.diagnostics = new Diagnostics(this.settings.logger, this.settings.logLevel);
    this.#rooms = furnish(this.settings, this.diagnostics, this.#listeners, this);
    this.#hall = new Hall(this.#rooms);
    const origins = new OriginPolicy(this.settings.allowedOrigins);
    this.#http = new HttpTransport(this.#rooms, this.#hall, origins);
    this.#webSocket = new WebSocketTransport(this.#rooms, this.#hall, origins);
    this.metrics = new ServerMetrics(this.#rooms, this.#webSocket);
    this.management = new Management(this.#rooms, this.#house(), options);
    this.guests = new Guests(this, (socket) => this.#http.hurry(socket));
    this.#listeners.add('sessionRemoved', (session) => this.#http.browsers.forget(session as never));
    this.#listeners.add('sessionRemoved', (session) => this.#rooms.rates.left(session as never));
  }

  // Its life

  get isStarted(): boolean {
    return this.#state === 'started';
  }

  /** Starts the sweeper. `attach` and the first request do it too. Throws `TypeError` after `stop`. */
  start(): void {
    if (this.#state === 'stopped') throw new TypeError('This server was stopped; make a new one');
    if (this.#state === 'started') return;
    this.#state = 'started';
    this.#startedAt = Date.now();
    this.#rooms.overload.start();
    this.#scheduleSweep();
  }

  /** Ends all sessions and connections and takes the doors out of the HTTP servers; those go on running. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    clearTimeout(this.#sweeper);
    this.#rooms.overload.stop();
    this.#rooms.drain.stop();
    for (const detach of this.#detachments) detach();
    this.#detachments.clear();
    // What was said in this turn still goes out.
    this.#rooms.flusher.flush();
    this.#rooms.sessions.clear();
    this.#webSocket.stop();
    this.#http.browsers.clear();
    this.#rooms.channels.clear();
    // What was flushed in this turn is on its way before the caller closes sockets.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** Whether new clients may be sent here: it runs, is not about to stop, and can do what there is to do. What a load balancer wants to know. */
  get isReady(): boolean {
    return this.#state !== 'stopped' && !this.#rooms.drain.isAnnounced && this.#rooms.overload.level < 3;
  }

  /**
   * Empties the server, then stops it. First nothing changes but `isReady`; then handshakes are refused with advice, and
   * the sessions are sent elsewhere a few at a time, each when its client has what is queued, and has confirmed it where
   * messages are acknowledged. Who is still here at the end of `timeout` is cut off.
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    const { emptied, ...times } = options;
    this.#drained ??= this.#rooms.drain
      .run(times)
      .then(() => emptied && this.diagnostics.guard('drain', undefined, emptied))
      .then(() => this.stop());
    return this.#drained;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** What management cannot find in the rooms. */
  #house(): House {
    const server = this;
    return {
      get state() {
        return server.#state;
      },
      get startedAt() {
        return server.#startedAt;
      },
      get connections() {
        return server.#webSocket.size;
      },
      requestsOf: (transport) => server.#http.requestsOf(transport),
    };
  }

  #scheduleSweep(): void {
    const { clock } = this.#rooms;
    clock.expect(this.settings.sweepPeriod);
    this.#sweeper = setTimeout(() => {
      clock.arrived();
      // One look at the sockets first: bytes that wait there are proof of life.
      setImmediate(() => this.#sweep());
    }, this.settings.sweepPeriod);
    this.#sweeper.unref();
  }

  #sweep(): void {
    if (this.#state !== 'started') return;
    this.#http.sweep();
    this.#webSocket.sweep();
    this.#rooms.channels.sweep();
    this.#rooms.sessions.sweep();
    this.#rooms.rates.sweep();
    this.#rooms.overload.sweep();
    this.#scheduleSweep();
  }

  // Its doors

  /** Serves everything below `path` on this HTTP, HTTPS or HTTP/2 server. Other requests and upgrades are left alone. */
  attach(server: AnyHttpServer, options: AttachOptions = {}): { detach(): void } {
    const mount = mountOf(options.path ?? '/cometd');
    this.start();
    const takeOut = setIn(server, mount, {
      handle: (request, response) => this.handleRequest(request, response),
      servesUpgrade: (path) => this.#webSocket.serves(path, mount),
      upgrade: (request, socket, head) => this.#webSocket.upgrade(request, socket, head),
    });
    this.#detachments.add(takeOut);
    return {
      detach: () => {
        if (this.#detachments.delete(takeOut)) takeOut();
      },
    };
  }

  /**
   * A handler to mount where you like, such as `app.use('/cometd', server.handler())`. With `path` it serves only what is
   * below it and calls `next` for the rest. WebSocket upgrades do not pass handlers: see `handleUpgrade`.
   */
  handler(options: AttachOptions = {}): RequestHandler {
    const mount = options.path === undefined ? undefined : mountOf(options.path);
    return (request, response, next) => {
      if (mount === undefined || isBelow(pathOf(request.url), mount)) return this.handleRequest(request, response);
      if (next) return next();
      response.writeHead(404, { 'Content-Length': '0' });
      response.end();
    };
  }

  /** Serves one HTTP request. */
  handleRequest(request: IncomingMessage, response: ServerResponse): void {
    if (this.#state === 'stopped') {
      response.writeHead(503, { 'Content-Length': '0' });
      response.end();
      return;
    }
    this.start();
    this.#http.handle(request, response);
  }

  /** Serves one WebSocket upgrade, for servers that route their upgrades themselves. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.start();
    this.#webSocket.upgrade(request, socket, head);
  }

  /** Requests of sessions that live on other servers of the same address go to these from now on. Meet them before you listen. */
  meet(neighbourhood: Neighbourhood): void {
    this.#rooms.neighbours.meet(neighbourhood);
  }

  // Its people and places

  getSession(id: string): ServerSession | undefined {
    return this.#rooms.sessions.get(id);
  }

  get sessions(): readonly ServerSession[] {
    return this.#rooms.sessions.list;
  }

  /** Takes a session out without a word to its client. */
  removeSession(session: ServerSession): boolean {
    const own = this.#rooms.sessions.get(session.id);
    return own === session && this.#rooms.sessions.remove(own, null, false);
  }

  /** A session inside the server; `idHint` makes its id readable. It has yet to handshake. */
  newLocalSession(idHint: string): LocalSession {
    return new LocalSession(this.#rooms, this.#hall, idHint);
  }

  getChannel(name: string): ServerChannel | undefined {
    return this.#rooms.channels.get(name);
  }

  get channels(): readonly ServerChannel[] {
    return this.#rooms.channels.list;
  }

  /** The channel of that name; a new one is configured before anybody else sees it. Throws `RangeError` for an illegal name. */
  createChannelIfAbsent(
    name: string,
    ...initializers: ChannelInitializer[]
  ): { readonly channel: ServerChannel; readonly created: boolean } {
    return this.#rooms.channels.createIfAbsent(name, initializers);
  }

  // Its rules

  get securityPolicy(): SecurityPolicy | null {
    return this.#rooms.admission.policy;
  }

  /** Null allows everything that authorizers allow. */
  set securityPolicy(policy: SecurityPolicy | null) {
    this.#rooms.admission.policy = policy;
  }

  addExtension(extension: Extension): Registration {
    return this.#rooms.extensions.add(extension);
  }

  get extensions(): readonly Extension[] {
    return this.#rooms.extensions.list;
  }

  addListener<Name extends keyof ServerEvents>(
    name: Name,
    listener: ServerEvents[Name],
    options?: ListenerOptions,
  ): Registration {
    return this.#listeners.add(name, listener, options);
  }

  /** Names of the transports clients may use, in order of preference. */
  get allowedTransports(): readonly string[] {
    return this.settings.allowedTransports;
  }
}

function mountOf(path: string): string {
  if (!path.startsWith('/')) throw new RangeError(`The path '${path}' must begin with a slash`);
  const mount = path.replace(/\/?\*?$/, '');
  return mount === '' ? '/' : mount;
}

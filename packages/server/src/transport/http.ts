/** The HTTP doors: `long-polling` by POST, `callback-polling` by GET. Book appendix C, "Transports". */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { chain, isPromise, type Maybe, META_CONNECT, META_HANDSHAKE, PayloadError } from '@cometd-ts/protocol';
import { createReply, type ServerMessage } from '../message.ts';
import { refuse } from '../meta/reply.ts';
import type { HttpOptions } from '../options.ts';
import { corsHeaders, type OriginPolicy, type OriginVerdict } from '../policy/origin.ts';
import type { Hall } from '../receive.ts';
import type { Rooms } from '../rooms.ts';
import type { Neighbour } from '../session/neighbours.ts';
import type { Session } from '../session/session.ts';
import type { Via } from '../session/timing.ts';
import { HttpAnswers } from './answers.ts';
import { BodyError, type BodyKind, bodyKind, InFlight, readBody, textOf } from './body.ts';
import { type Browser, Browsers } from './browsers.ts';
import { callbackOf } from './callback.ts';
import { RequestContext } from './context.ts';
import { cookieValues, showsCookie } from './cookie.ts';
import { type ExchangeHost, HttpExchange, type Service } from './http-exchange.ts';
import { PassedMessage, pass, passedOn } from './passing.ts';
import { readPayload, receiveAll } from './transport.ts';

const NO_BODY = Buffer.alloc(0);
const OVERLOADED = 'The server has too much to do at this moment';
const BODY_WAS_READ = 'Somebody read the body of a request before the Bayeux server: mount it before parsers of bodies';

export class HttpTransport {
  readonly #rooms: Rooms;
  readonly #hall: Hall;
  readonly #origins: OriginPolicy;
  readonly browsers: Browsers;
  readonly #inFlight: InFlight;
  readonly #answers: HttpAnswers;
  readonly #host: ExchangeHost;
  /** How the server's own pages, and those who are none, are served. */
  readonly #longPolling: Service;
  readonly #callbackPolling: Omit<Service, 'callback'>;
  readonly #onResponseError = (error: Error): void =>
    this.#rooms.diagnostics.debug('response', () => `A response failed: ${error.message}`);

  constructor(rooms: Rooms, hall: Hall, origins: OriginPolicy) {
    this.#rooms = rooms;
    this.#hall = hall;
    this.#origins = origins;
    this.browsers = new Browsers(rooms.neighbours);
    this.#inFlight = new InFlight(rooms.settings.maxInFlightBytes);
    this.#answers = new HttpAnswers(rooms.diagnostics, rooms.settings.longPolling.writeTimeout);
    this.#host = { rooms, hall, browsers: this.browsers, answers: this.#answers };
    const { longPolling, callbackPolling } = rooms.settings;
    const viaJson: Via = { name: 'long-polling', settings: longPolling };
    const viaScript: Via = { name: 'callback-polling', settings: callbackPolling };
    this.#longPolling = { options: longPolling, via: viaJson, cors: [], callback: null, underWay: { count: 0 } };
    this.#callbackPolling = { options: callbackPolling, via: viaScript, cors: [], underWay: { count: 0 } };
  }

  /** Serves one request. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    response.on('error', this.#onResponseError);
    this.hurry(request.socket);
    passedOn(request.socket)?.hurry();
    const service = this.#serviceFor(request, response);
    if (!service) return;
    if (service.callback !== null) {
      const messages = new RequestContext(request, undefined).parameterValues('message');
      if (messages.length === 0)
        return this.#answers.refuse(response, 400, "The parameter 'message' is missing", service.cors);
      return this.#admit(request, response, messages, service, NO_BODY);
    }
    this.#post(request, response, service);
  }

  /** The client cannot wait for the connect that is held on its connection. */
  hurry(socket: Socket): void {
    HttpExchange.heldOn(socket)?.resume(false);
  }

  /** Requests of a transport that are not answered yet, once their messages have been read. */
  requestsOf(transport: string): number {
    const service = [this.#longPolling, this.#callbackPolling].find((one) => one.via.name === transport);
    return service?.underWay.count ?? 0;
  }

  /** Cuts connections whose peer takes nothing, and forgets browsers that are gone. */
  sweep(): void {
    this.browsers.sweep(2 * this.#rooms.settings.longPolling.maxInterval);
    this.#answers.sweep(this.#rooms.clock.now());
  }

  // The door

  /** Which door a request knocks at; null when it has been answered already. */
  #serviceFor(request: IncomingMessage, response: ServerResponse): Service | null {
    const { settings } = this.#rooms;
    const isGet = request.method === 'GET';
    const verdict = isGet ? this.#origins.judgeScript(request.headers) : this.#origins.judge(request.headers);
    const cors = corsHeaders(verdict, request.headers.origin);
    if (request.method === 'OPTIONS') return this.#preflight(request, response, verdict);
    if (verdict === null) {
      this.#rooms.diagnostics.rejected('origin', request.headers.origin ?? request.headers.referer);
      this.#answers.refuse(response, 403, 'This origin is not allowed (option allowedOrigins)');
      return null;
    }
    const pause = this.#rooms.overload.closes();
    if (pause !== null) {
      this.#leaveUnread(request, response);
      this.#answers.refuse(response, 503, OVERLOADED, [...cors, 'Retry-After', String(pause)]);
      return null;
    }
    if (request.method === 'POST' && settings.allowedTransports.includes('long-polling')) {
      return verdict === 'own' ? this.#longPolling : { ...this.#longPolling, cors };
    }
    if (isGet && settings.allowedTransports.includes('callback-polling')) {
      const callback = callbackOf(request.url ?? '', settings.callbackPolling);
      if (callback) return { ...this.#callbackPolling, cors, callback };
    }
    this.#answers.refuse(response, 400, 'Unknown Bayeux Transport');
    return null;
  }

  #preflight(request: IncomingMessage, response: ServerResponse, verdict: OriginVerdict): null {
    if (verdict === null) {
      this.#rooms.diagnostics.rejected('origin', request.headers.origin);
      this.#answers.refuse(response, 403, 'This origin is not allowed (option allowedOrigins)');
      return null;
    }
    const headers: string[] = ['Content-Length', '0', ...corsHeaders(verdict, request.headers.origin)];
    if (verdict !== 'own') {
      const wanted = request.headers['access-control-request-headers'] ?? 'Content-Type';
      headers.push('Access-Control-Allow-Methods', 'POST, GET', 'Access-Control-Allow-Headers', wanted);
      headers.push('Access-Control-Max-Age', '600');
    }
    response.writeHead(200, headers);
    response.end();
    return null;
  }

  #post(request: IncomingMessage, response: ServerResponse, service: Service): void {
    let kind: BodyKind;
    try {
      kind = bodyKind(request.headers['content-type']);
    } catch (error) {
      return this.#failed(request, response, error, service);
    }
    // Nothing would ever arrive, and the client would wait for ever.
    if (request.readableEnded) return this.#failed(request, response, new Error(BODY_WAS_READ), service);
    readBody(request, service.options.maxMessageSize, this.#inFlight, this.#rooms, (body) => {
      try {
        if (body instanceof BodyError) throw body;
        const text = textOf(body, kind.charset);
        this.#admit(request, response, kind.form ? new URLSearchParams(text).getAll('message') : [text], service, body);
      } catch (error) {
        this.#failed(request, response, error, service);
      }
    });
  }

  // The messages

  #admit(
    request: IncomingMessage,
    response: ServerResponse,
    texts: readonly string[],
    service: Service,
    body: Buffer,
  ): void {
    const { settings } = this.#rooms;
    let messages: ServerMessage[];
    let context: RequestContext;
    try {
      context = new RequestContext(request, settings.requestAttributes);
      messages = readPayload(this.#rooms, texts, context);
      if (messages[0]?.channel === META_HANDSHAKE) this.#rooms.rates.meet(context, request);
    } catch (error) {
      return this.#failed(request, response, error, service);
    }
    const owner = this.#ownerOf(request, messages, service.options);
    if (!owner) return this.#receive(request, response, messages, service);
    pass(owner, context.passed(request.method ?? ''), body, response, (answer) => {
      if (answer) this.#answers.forward(response, answer);
      else this.#receive(request, response, messages, service);
    });
  }

  #receive(
    request: IncomingMessage,
    response: ServerResponse,
    messages: readonly ServerMessage[],
    service: Service,
  ): void {
    const { diagnostics } = this.#rooms;
    const isConnect = messages[0]?.channel === META_CONNECT;
    const isHandshake = messages[0]?.channel === META_HANDSHAKE;
    const session = isHandshake
      ? this.#rooms.sessions.create(service.via)
      : this.#sessionOf(messages[0]?.clientId, request, service);
    const exchange = new HttpExchange(
      this.#host,
      service,
      response,
      session,
      messages.length,
      request.httpVersionMajor >= 2,
    );
    const browser = isHandshake ? this.#browserOf(request, service) : undefined;
    if (browser && this.#isCrowded(browser, messages, exchange)) return exchange.finish();
    if (session && !isConnect && !isHandshake) session.startBatch();
    let received: Maybe<boolean>;
    try {
      received = receiveAll(this.#hall, session, messages, exchange);
    } catch (error) {
      diagnostics.failed('receive', error);
      received = true;
    }
    const done = (): void => {
      if (isHandshake && session?.isHandshook) exchange.handshaken(browser);
      exchange.finish();
      // A listener may have ended it already, by mistake.
      if (session?.isBatching && !isConnect && !isHandshake) session.endBatch();
    };
    if (!isPromise(received)) return done();
    const late = received;
    chain(
      diagnostics.guard('receive', true, () => late),
      done,
    );
  }

  /** The server that has the session or, for a handshake, the browser of a request: all tabs of a browser live on one server. */
  #ownerOf(request: IncomingMessage, messages: readonly ServerMessage[], options: HttpOptions): Neighbour | undefined {
    const { neighbours, sessions } = this.#rooms;
    if (!neighbours.areThere || request instanceof PassedMessage) return undefined;
    const [first] = messages;
    if (first?.channel !== META_HANDSHAKE) {
      const clientId: unknown = first?.clientId;
      if (typeof clientId !== 'string' || sessions.get(clientId)) return undefined;
      return neighbours.ownerOf(clientId);
    }
    const values = cookieValues(request.headers.cookie, options.browserCookieName);
    if (values.some((value) => this.browsers.get(value))) return undefined;
    return values.map((value) => neighbours.ownerOf(value)).find((owner) => owner !== undefined);
  }

  /** The browser a request shows the cookie of; only values this server has issued count. */
  #browserOf(request: IncomingMessage, { options }: Service): Browser | undefined {
    return cookieValues(request.headers.cookie, options.browserCookieName)
      .map((value) => this.browsers.get(value))
      .find((browser) => browser !== undefined);
  }

  /** One session speaks for a payload: that of its first message, if the cookie of its browser proves it. */
  #sessionOf(clientId: unknown, request: IncomingMessage, { options }: Service): Session | null {
    const session = typeof clientId === 'string' ? this.#rooms.sessions.get(clientId) : undefined;
    if (!session || session.isLocalSession) return null;
    if (options.trustClientSession) return session;
    const browser = this.browsers.of(session);
    const isProven = browser && showsCookie(request.headers.cookie, options.browserCookieName, browser.id);
    return isProven ? session : null;
  }

  /** A browser that has too many sessions gets no further one for the moment. */
  #isCrowded(browser: Browser, messages: readonly ServerMessage[], exchange: HttpExchange): boolean {
    const { maxSessionsPerCookie, longPolling } = this.#rooms.settings;
    const [message] = messages;
    if (!message || maxSessionsPerCookie < 0 || browser.sessions.size < maxSessionsPerCookie) return false;
    this.#rooms.diagnostics.limitHit('maxSessionsPerCookie');
    const reply = createReply(message);
    refuse(reply, 'limit_exceeded', 'maxSessionsPerCookie', String(maxSessionsPerCookie));
    reply.advice = { reconnect: 'handshake', interval: longPolling.maxInterval };
    this.#rooms.diagnostics.replied(reply);
    exchange.reply(reply);
    return true;
  }

  // The refusals

  /** The rest of the body is not read: the connection ends with the answer. */
  #leaveUnread(request: IncomingMessage, response: ServerResponse): void {
    if (request.complete) return;
    if (request.httpVersionMajor < 2) response.shouldKeepAlive = false;
    response.once('finish', () => request.destroy());
  }

  /** A payload is refused as a whole. */
  #failed(request: IncomingMessage, response: ServerResponse, error: unknown, service: Service): void {
    const { diagnostics } = this.#rooms;
    if (error instanceof BodyError) {
      diagnostics.rejected(`http_${error.status}`, error.message);
      this.#leaveUnread(request, response);
      return this.#answers.refuse(response, error.status, error.message, service.cors);
    }
    if (error instanceof PayloadError) {
      diagnostics.rejected(error.code, error.message);
      if (error.limit) diagnostics.limitHit(error.limit);
      return this.#answers.refuse(response, 400, error.message, service.cors);
    }
    diagnostics.failed('http', error);
    this.#answers.refuse(response, 500, 'The server failed', service.cors);
  }
}

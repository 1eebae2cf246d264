/** One HTTP request and its response, from the first message to the last byte; a held connect is one that waits. */

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { chain, META_HANDSHAKE } from '@cometd-ts/protocol';
import { payloadOf, type ServerMessage } from '../message.ts';
import type { HttpOptions } from '../options.ts';
import type { Hall } from '../receive.ts';
import type { Rooms } from '../rooms.ts';
import type { Conduit, Ending } from '../session/conduit.ts';
import type { Outlet } from '../session/flusher.ts';
import type { Hold } from '../session/holds.ts';
import type { Session } from '../session/session.ts';
import type { Via } from '../session/timing.ts';
import type { AnswerStyle, HttpAnswers } from './answers.ts';
import type { Browser, Browsers } from './browsers.ts';
import { setCookie } from './cookie.ts';
import { mayHold, type Reception } from './transport.ts';

/** What an exchange needs from its transport. */
export interface ExchangeHost {
  readonly rooms: Rooms;
  readonly hall: Hall;
  readonly browsers: Browsers;
  readonly answers: HttpAnswers;
}

/** How a request is to be served, once its door is known. */
export interface Service extends AnswerStyle {
  readonly options: Readonly<HttpOptions>;
  readonly via: Via;
  /** Requests of its transport that are not answered yet. */
  readonly underWay: { count: number };
}

/** Listeners of a queue may be shown it. */
const none: readonly ServerMessage[] = Object.freeze([]);

const exchanged: unique symbol = Symbol('the exchange of this response');
type Response = ServerResponse & { [exchanged]?: HttpExchange };

/** The exchange that holds a connect on a socket: a pipelined request behind it must not wait for it. */
const holding: unique symbol = Symbol('the held connect of this socket');
type HoldingSocket = Socket & { [holding]?: HttpExchange | undefined };

/** One listener for all responses: a parked one has no closure of its own. */
function onClose(this: Response): void {
  this[exchanged]?.closed();
}

type State = 'processing' | 'held' | 'answering' | 'closed';

export class HttpExchange implements Conduit, Outlet, Reception, Hold {
  dirty = false;
  deadline = 0;
  previous: Hold | null = null;
  next: Hold | null = null;
  list: Hold['list'] = null;
  readonly #host: ExchangeHost;
  readonly #service: Service;
  readonly #response: ServerResponse;
  readonly #session: Session | null;
  readonly #messageCount: number;
  /** Held connects this browser may have: it depends on the version of HTTP. */
  readonly #slots: number;
  readonly #isHttp2: boolean;
  /** What is to be sent with the next answer. A list of its own for the first: pushing to an empty one makes room for many. */
  #replies: ServerMessage[] | null = null;

  #state: State = 'processing';
  #browser: Browser | undefined;
  #newBrowser: Browser | null = null;
  #connect = 0;
  #wasConnected = false;
  #isConnect = false;
  #held: { readonly message: ServerMessage; readonly reply: ServerMessage } | null = null;

  constructor(
    host: ExchangeHost,
    service: Service,
    response: ServerResponse,
    session: Session | null,
    messageCount: number,
    isHttp2: boolean,
  ) {
    this.#host = host;
    this.#service = service;
    this.#response = response;
    this.#session = session;
    this.#messageCount = messageCount;
    this.#isHttp2 = isHttp2;
    this.#slots = isHttp2 ? service.options.http2MaxSessionsPerBrowser : service.options.maxSessionsPerBrowser;
    if (session) this.#browser = host.browsers.of(session);
    service.underWay.count++;
    (response as Response)[exchanged] = this;
    response.on('close', onClose);
  }

  /** The exchange that holds a connect on this connection. Over HTTP/2 there is none: requests do not wait for each other. */
  static heldOn(socket: Socket): HttpExchange | undefined {
    return (socket as HoldingSocket)[holding];
  }

  // The messages

  reply(reply: ServerMessage): void {
    if (this.#replies) this.#replies.push(reply);
    else this.#replies = [reply];
  }

  begin(): void {
    const session = this.#session;
    this.#isConnect = true;
    if (!session) return;
    session.bind(null);
    session.timing.via = this.#service.via;
    this.#connect = session.timing.beginConnect();
    this.#wasConnected = session.isConnected;
  }

  hold(message: ServerMessage, reply: ServerMessage): boolean {
    const session = this.#session;
    if (!session || this.#messageCount > 1 || reply.successful !== true || this.#state !== 'processing') return false;
    if (!session.timing.isCurrentConnect(this.#connect)) return false;
    if (session.hasNonLazyMessages && !session.isBatching) return false;
    const { browsers } = this.#host;
    if (!browsers.acquire(this.#browser, this.#slots)) {
      this.#tooManyClients(reply);
      return false;
    }
    if (!mayHold(session, reply, this.#wasConnected)) {
      browsers.release(this.#browser, this.#slots);
      return false;
    }
    this.#state = 'held';
    this.#held = { message, reply };
    if (!this.#isHttp2) (this.#response.req.socket as HoldingSocket)[holding] = this;
    session.timing.suspendExpiration();
    session.notify('suspended', session, message, session.timing.holdTime);
    session.bind(this);
    this.#host.rooms.holds.start(this, session.timing.holdTime);
    // A listener of 'suspended' may have sent something.
    if (session.hasNonLazyMessages) this.flush();
    return true;
  }

  #tooManyClients(reply: ServerMessage): void {
    const { multiSessionInterval } = this.#service.options;
    const advice = { ...reply.advice, 'multiple-clients': true };
    if (multiSessionInterval > 0) {
      reply.advice = { ...advice, reconnect: 'retry', interval: multiSessionInterval };
      return;
    }
    reply.successful = false;
    reply.advice = { ...advice, reconnect: 'none' };
  }

  // The road to the client

  flush(): void {
    if (this.#state === 'held') this.#host.rooms.flusher.add(this);
  }

  relieve(): void {
    if (this.#state === 'held') this.resume(false);
  }

  write(): void {
    const session = this.#session;
    if (this.#state !== 'held' || !session) return;
    if (session.isTerminated || session.farewell || (session.hasMessages && !session.isBatching)) this.resume(false);
  }

  release(ending: Ending): void {
    if (this.#state !== 'held') return;
    this.#letGo();
    this.#state = 'answering';
    const { duplicateMetaConnectHttpResponseCode } = this.#service.options;
    if (ending === 'stopped') this.#fail(503, 'The server stops');
    else this.#fail(duplicateMetaConnectHttpResponseCode, 'A newer connect of the same session takes over');
  }

  expire(): void {
    this.resume(true);
  }

  /** Answers the held connect: its time is over, or there is something to say. */
  resume(timeout: boolean): void {
    const session = this.#session;
    const held = this.#held;
    if (this.#state !== 'held' || !session || !held) return;
    this.#letGo();
    this.#state = 'answering';
    session.unbind(this);
    session.notify('resumed', session, held.message, timeout);
    this.#host.hall.conclude(session, held.reply);
    const { diagnostics } = this.#host.rooms;
    const left = diagnostics.guard('resume', null, () => this.#host.hall.leave(session, held.reply));
    chain(left, (reply) => {
      if (reply) this.reply(reply);
      this.finish();
    });
  }

  #letGo(): void {
    this.#host.rooms.holds.stop(this);
    if (!this.#isHttp2) (this.#response.req.socket as HoldingSocket)[holding] = undefined;
    this.#held = null;
    this.#host.browsers.release(this.#browser, this.#slots);
  }

  // The response

  /** The session of a successful handshake is bound to its browser; a new browser gets a cookie. */
  handshaken(browser: Browser | undefined): void {
    if (!this.#session) return;
    this.#newBrowser = browser ? null : this.#host.browsers.issue();
    this.#host.browsers.add(browser ?? (this.#newBrowser as Browser), this.#session);
  }

  /** Everything is processed: handshake reply, queued messages, other replies, in one response. Never into a dead socket. */
  finish(): void {
    if (this.#state === 'held') return;
    if (this.#state === 'closed' || isDead(this.#response)) {
      this.#armExpiration();
      return;
    }
    this.#state = 'answering';
    const { json, diagnostics, drain } = this.#host.rooms;
    // Who has no session here meets, on a new connection, whoever serves from now on. The others have to stay on theirs.
    if (drain.isClosed && !this.#isHttp2 && !this.#session?.isHandshook) this.#response.shouldKeepAlive = false;
    try {
      const replies = this.#replies ?? none;
      const queue = this.#mayCarryMessages() ? (this.#session?.takeQueue(replies) ?? none) : none;
      const [handshake] = replies;
      if (handshake?.channel !== META_HANDSHAKE) return this.#respond(payloadOf(json, queue, replies));
      if (queue.length > 0) handshake['x-messages'] = queue.filter((message) => message.data !== undefined).length;
      this.#respond(payloadOf(json, [handshake, ...queue], replies.slice(1)));
    } catch (error) {
      diagnostics.failed('response', error);
      this.#fail(500, 'The response cannot be written');
    }
  }

  #respond(json: string): void {
    const browser = this.#newBrowser;
    const cookie = browser && setCookie(browser.id, this.#service.options, isSecure(this.#response));
    this.#host.answers.respond(this.#response, json, this.#service, cookie);
  }

  #fail(status: number, reason: string): void {
    this.#host.answers.refuse(this.#response, status, reason, this.#service.cors);
  }

  #mayCarryMessages(): boolean {
    const session = this.#session;
    if (!session) return false;
    const first = this.#replies?.[0];
    if (first?.channel === META_HANDSHAKE)
      return first.successful === true && session.allowMessageDeliveryDuringHandshake;
    if (session.state === 'new') return false;
    return this.#isConnect || !session.isDeliverOnly(this.#service.options);
  }

  /** The response was written, or its connection is gone. */
  closed(): void {
    this.#service.underWay.count--;
    this.#host.answers.written(this.#response);
    const wasHeld = this.#state === 'held';
    if (wasHeld) this.#letGo();
    if (wasHeld) this.#session?.unbind(this);
    const wasProcessing = this.#state === 'processing';
    this.#state = 'closed';
    if (!wasProcessing) this.#armExpiration();
  }

  #armExpiration(): void {
    if (this.#isConnect) this.#session?.timing.armExpiration(this.#connect);
    else if (this.#replies?.[0]?.channel === META_HANDSHAKE) this.#session?.timing.armExpiration(0);
  }
}

function isSecure(response: ServerResponse): boolean {
  return (response.req.socket as { encrypted?: boolean }).encrypted === true;
}

/** A socket may be destroyed some time before its response is told. */
function isDead(response: ServerResponse): boolean {
  return response.destroyed || response.socket?.destroyed === true;
}

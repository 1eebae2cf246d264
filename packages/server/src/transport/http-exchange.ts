/** One HTTP request and its response, from the first message to the last byte; a held connect is one that waits. */

import type { ServerResponse } from 'node:http';
import { chain, join, META_HANDSHAKE } from '@cometd-ts/protocol';
import type { ServerMessage } from '../message.ts';
import { concludeConnect } from '../meta/connect.ts';
import type { HttpOptions } from '../options.ts';
import type { Hall } from '../receive.ts';
import type { Rooms } from '../rooms.ts';
import type { Conduit, Ending } from '../session/conduit.ts';
import type { Outlet } from '../session/flusher.ts';
import type { Session } from '../session/session.ts';
import type { Via } from '../session/timing.ts';
import type { Browser, Browsers } from './browsers.ts';
import { type ConnectKeeper, mayHold } from './transport.ts';

/** What an exchange needs from its transport. */
export interface ExchangeHost {
  readonly rooms: Rooms;
  readonly hall: Hall;
  readonly browsers: Browsers;
  readonly options: Readonly<HttpOptions>;
  readonly via: Via;
  /** Sends the body of a successful exchange, with the cookie of a new browser. */
  respond(response: ServerResponse, body: string, cookie: Browser | null): void;
  /** Sends an error status. */
  fail(response: ServerResponse, status: number, reason: string): void;
}

type State = 'processing' | 'held' | 'answering' | 'closed';

export class HttpExchange implements Conduit, Outlet, ConnectKeeper {
  dirty = false;
  readonly #host: ExchangeHost;
  readonly #response: ServerResponse;
  readonly #session: Session | null;
  readonly #messageCount: number;
  /** Held connects this browser may have: it depends on the version of HTTP. */
  readonly #slots: number;
  readonly replies: ServerMessage[] = [];

  #state: State = 'processing';
  #browser: Browser | undefined;
  #newBrowser: Browser | null = null;
  #connect = 0;
  #wasConnected = false;
  #isConnect = false;
  #held: { readonly message: ServerMessage; readonly reply: ServerMessage } | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    host: ExchangeHost,
    response: ServerResponse,
    session: Session | null,
    messageCount: number,
    isHttp2: boolean,
  ) {
    this.#host = host;
    this.#response = response;
    this.#session = session;
    this.#messageCount = messageCount;
    this.#slots = isHttp2 ? host.options.http2MaxSessionsPerBrowser : host.options.maxSessionsPerBrowser;
    if (session) this.#browser = host.browsers.of(session);
    response.on('close', () => this.#closed());
  }

  get isHeld(): boolean {
    return this.#state === 'held';
  }

  // A connect

  begin(): void {
    const session = this.#session;
    this.#isConnect = true;
    if (!session) return;
    session.bind(null);
    session.timing.via = this.#host.via;
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
      this.#tooManyClients(session, reply);
      return false;
    }
    if (!mayHold(session, reply, this.#wasConnected)) {
      browsers.release(this.#browser, this.#slots);
      return false;
    }
    this.#state = 'held';
    this.#held = { message, reply };
    session.timing.suspendExpiration();
    session.notify('suspended', session, message, session.timing.holdTime);
    session.bind(this);
    this.#timer = setTimeout(() => this.resume(true), session.timing.holdTime);
    // A listener of 'suspended' may have sent something.
    if (session.hasNonLazyMessages) this.flush();
    return true;
  }

  #tooManyClients(_session: Session, reply: ServerMessage): void {
    const { multiSessionInterval } = this.#host.options;
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
    if (session.isTerminated || (session.hasMessages && !session.isBatching)) this.resume(false);
  }

  release(ending: Ending): void {
    if (this.#state !== 'held') return;
    this.#letGo();
    this.#state = 'answering';
    const { duplicateMetaConnectHttpResponseCode } = this.#host.options;
    if (ending === 'stopped') this.#host.fail(this.#response, 503, 'The server stops');
    else
      this.#host.fail(
        this.#response,
        duplicateMetaConnectHttpResponseCode,
        'A newer connect of the same session takes over',
      );
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
    concludeConnect(session, held.reply);
    const { diagnostics } = this.#host.rooms;
    const left = diagnostics.guard('resume', null, () => this.#host.hall.leave(session, held.reply));
    chain(left, (reply) => {
      if (reply) this.replies.push(reply);
      this.finish();
    });
  }

  #letGo(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
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
    if (this.#state === 'closed' || this.#response.destroyed) {
      this.#armExpiration();
      return;
    }
    this.#state = 'answering';
    const { json, diagnostics } = this.#host.rooms;
    try {
      const queue = this.#mayCarryMessages() ? (this.#session?.takeQueue(this.replies) ?? []) : [];
      const [first] = this.replies;
      const isHandshake = first?.channel === META_HANDSHAKE;
      if (isHandshake && queue.length > 0)
        first['x-messages'] = queue.filter((message) => message.data !== undefined).length;
      const before = isHandshake ? [first] : [];
      const after = isHandshake ? this.replies.slice(1) : this.replies;
      const texts = [...before, ...queue, ...after].map((message) => message.freeze(json).json);
      this.#host.respond(this.#response, join(texts), this.#newBrowser);
    } catch (error) {
      diagnostics.failed('response', error);
      this.#host.fail(this.#response, 500, 'The response cannot be written');
    }
  }

  #mayCarryMessages(): boolean {
    const session = this.#session;
    if (!session) return false;
    const [first] = this.replies;
    if (first?.channel === META_HANDSHAKE)
      return first.successful === true && session.allowMessageDeliveryDuringHandshake;
    if (session.state === 'new') return false;
    return this.#isConnect || !session.deliverOnly;
  }

  #closed(): void {
    const wasHeld = this.#state === 'held';
    if (wasHeld) this.#letGo();
    if (wasHeld) this.#session?.unbind(this);
    const wasProcessing = this.#state === 'processing';
    this.#state = 'closed';
    if (!wasProcessing) this.#armExpiration();
  }

  #armExpiration(): void {
    if (this.#isConnect) this.#session?.timing.armExpiration(this.#connect);
    else if (this.replies[0]?.channel === META_HANDSHAKE) this.#session?.timing.armExpiration(0);
  }
}

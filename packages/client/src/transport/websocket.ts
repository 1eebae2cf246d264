/** WebSocket: one socket, a frame for each batch, replies matched by their ids. */
import { META_CONNECT, META_DISCONNECT } from '@cometd-ts/protocol';
import { adopt, type Envelope, type Failure, isEvent, type Message } from '../message.ts';
import { type WebSocketLike, world } from '../platform.ts';
import { Transport } from './transport.ts';
import { type Wait, Waits } from './waits.ts';

/** A message that was handed over and has no reply yet. */
interface Pending extends Wait {
  readonly envelope: Envelope;
}

/** One socket, from the moment it is wanted. */
interface Link {
  socket?: WebSocketLike;
  opened?: boolean;
  /** The session is over: it closes when no connect is held any more. */
  ended?: boolean;
  timer?: unknown;
}

/** How long a socket may take to open when the application sets no limit: a silent server must not hold the client for ever. */
const openingTimeout = 30_000;

export class WebSocketTransport extends Transport {
  override _type: string | null = 'websocket';
  _supported = true;
  /** Whether a socket has ever opened. */
  _worked = false;
  _failures = 0;
  _link: Link | undefined;
  /** What is sent when the socket opens. */
  _queue: Envelope[] = [];
  readonly _pending: Map<string, Pending> = new Map();
  readonly _waits: Waits = new Waits();
  /** Whoever was answered last, or sent first, hears what nobody asked for. */
  _envelope: Envelope | undefined;

  accept(_version: string, _crossDomain: boolean, _url: string): boolean {
    return this._supported && (this._cometd as { websocketEnabled?: unknown } | null)?.websocketEnabled !== false;
  }

  send(envelope: Envelope, metaConnect: boolean): void {
    this._envelope ??= envelope;
    const delay = this._delay(metaConnect);
    for (const message of envelope.messages) {
      this._pending.set(`${message.id}`, { messages: [message], envelope, delay, since: 0, due: 0, heard: 0 });
    }
    if (this._link?.opened) this._write(envelope);
    else {
      this._queue.push(envelope);
      if (!this._link) this._open();
    }
  }

  _open(): void {
    const link: Link = {};
    this._link = link;
    const { config } = this._host;
    link.timer = this.setTimeout(() => this._drop(link, 'Connect Timeout'), config.connectTimeout || openingTimeout);
    this._headers(
      (headers) => {
        if (this._link !== link) return;
        try {
          this._listen(link, this._create(headers));
        } catch (exception) {
          this._debug('Could not open a WebSocket', exception);
          this._supported = false;
          this.setTimeout(() => this._closed(link, { exception, reason: 'Exception' }), 0);
        }
      },
      (failure) => this._closed(link, failure),
    );
  }

  _create(headers: Record<string, string>): WebSocketLike {
    const { config, platform } = this._host;
    const url = `${this._url || config.urls[`${this._type}`] || config.url}`.replace(/^http/, 'ws');
    const protocol = config.protocol || null;
    if (platform.openWebSocket) return platform.openWebSocket(url, protocol, headers);
    const { WebSocket: Socket } = world();
    if (!Socket) throw new Error('There is no WebSocket');
    return protocol ? new Socket(url, protocol) : new Socket(url);
  }

  _listen(link: Link, socket: WebSocketLike): void {
    link.socket = socket;
    socket.onopen = () => {
      if (this._link === link) this._opened(link);
      else close(socket, 'Extra Connection');
    };
    socket.onmessage = ({ data }: { data?: unknown }) => {
      if (this._link === link) this._received(link, data);
    };
    let trouble: Failure | undefined;
    // The close that follows knows more.
    socket.onerror = ({ error: exception, httpCode }: { error?: unknown; httpCode?: number } = {}) => {
      trouble = { reason: 'Error', ...(exception !== undefined && { exception }), ...(httpCode && { httpCode }) };
    };
    socket.onclose = ({ code = 1006, reason }: { code?: number; reason?: string } = {}) =>
      this._closed(link, { ...trouble, websocketCode: code, ...((reason || !trouble) && { reason: reason ?? '' }) });
  }

  _opened(link: Link): void {
    this.clearTimeout(link.timer);
    link.opened = true;
    this._worked = true;
    this._failures = 0;
    for (const envelope of this._queue.splice(0)) this._write(envelope);
  }

  _write(envelope: Envelope): void {
    const link = this._link;
    const parts = this._parts(envelope, link?.socket, ({ id }) => this._pending.delete(`${id}`));
    for (const { text, messages } of parts) {
      try {
        link?.socket?.send(text);
      } catch (exception) {
        this._debug('Could not send', exception);
        this.setTimeout(() => link && this._drop(link, 'Exception', exception), 0);
        return;
      }
      for (const { id } of messages) this._waits.start(this, this._pending.get(`${id}`) as Pending);
    }
  }

  /** A reply is late: the socket is given up. */
  _late(_wait: Wait): void {
    if (this._link) this._drop(this._link, 'Message Timeout');
  }

  _received(link: Link, data: unknown): void {
    this._waits.heard = Date.now();
    const pendings = this._pending;
    let messages: Message[];
    try {
      messages = this.convertToMessages(data);
    } catch (exception) {
      this._drop(link, 'Exception', exception);
      return;
    }
    if (pendings.size > 0 && messages.some((message) => !this._isPlain(message))) {
      adopt(
        messages,
        [...pendings.values()].flatMap((pending) => pending.messages),
      );
    }
    for (const message of messages) {
      // An event may carry the id its publisher gave it; that is no reply.
      const id = isEvent(message) ? '' : `${message.id}`;
      const pending = pendings.get(id);
      if (message.channel === META_DISCONNECT && message.successful) link.ended ||= Boolean(pending) || !message.id;
      if (!pending) continue;
      pendings.delete(id);
      this._waits.end(pending);
      this._envelope = pending.envelope;
    }
    if (this._envelope) this._notifySuccess(this._envelope.onSuccess, messages);
    if (link.ended && this._link === link && !this._holds(META_CONNECT)) this._drop(link, 'Disconnect');
  }

  /** Whether a message is an event, or a reply with the id and the channel of what it answers. */
  _isPlain(message: Message): boolean {
    const { id, channel } = message;
    if (isEvent(message)) return typeof channel === 'string';
    return typeof id === 'string' && this._pending.get(id)?.messages[0]?.channel === channel;
  }

  _holds(channel: string): boolean {
    return [...this._pending.values()].some(({ messages: [message] }) => message?.channel === channel);
  }

  /** Gives a socket up at once, without waiting for its close. */
  _drop(link: Link, reason: string, exception?: unknown): void {
    if (link.socket) close(link.socket, reason);
    this._closed(link, { reason, ...(exception !== undefined && { exception }) });
  }

  _closed(link: Link, what: Failure): void {
    if (this._link !== link) return;
    const failure: Failure = { websocketCode: 1000, ...what };
    this.clearTimeout(link.timer);
    this._link = undefined;
    if (!link.opened) this._failures++;
    const { stickyReconnect, fallbackAfter } = this._host.config;
    const worked = this._worked || link.opened === true;
    this._supported &&= worked && stickyReconnect && !(fallbackAfter > 0 && this._failures >= fallbackAfter);
    const failed = [...this._pending.values()];
    this._pending.clear();
    this._queue = [];
    for (const pending of failed) this._waits.end(pending);
    for (const { envelope, messages, since } of failed) {
      const sent = since > 0 ? 'perhaps' : 'no';
      this._notifyFailure(envelope.onFailure, link.socket, messages, { ...failure, sent });
    }
    this._host.interrupted(failure);
  }

  /** Bindings wrap this one and the next, to tell their toolkit that something changed. */
  _notifySuccess(notify: Envelope['onSuccess'], messages: Message[]): void {
    notify.call(this, messages);
  }

  _notifyFailure(notify: Envelope['onFailure'], conduit: unknown, messages: Message[], failure: Failure): void {
    notify.call(this, conduit, messages, failure);
  }

  override abort(): void {
    if (this._link) this._drop(this._link, 'Abort');
    this.reset(true);
  }

  override reset(init: boolean): void {
    if (init) {
      this._worked = false;
      this._failures = 0;
      if (this._link && this._pending.size === 0) this._drop(this._link, 'Reset');
    }
    this._supported = true;
  }
}

function close(socket: WebSocketLike, reason: string): void {
  try {
    socket.close(1000, reason);
  } catch {
    // A socket that cannot be closed is closed.
  }
}

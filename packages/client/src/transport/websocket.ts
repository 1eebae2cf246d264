/** WebSocket: one socket, a frame for each batch, replies matched by their ids. */
import { adopt, type Envelope, type Failure, isEvent, type Message } from '../message.ts';
import { type WebSocketLike, world } from '../platform.ts';
import { Transport } from './transport.ts';

/** A message that was handed over and has no reply yet. */
interface Pending {
  readonly message: Message;
  readonly envelope: Envelope;
  readonly delay: number;
  since: number;
  due: number;
  sent: boolean;
}

/** Bytes that keep arriving keep a message waiting, but not for more than this many times its delay. */
const patience = 3;

/** A timer that fires this late was throttled, or the machine slept: what arrived meanwhile has not been read yet. */
const throttled = 2000;

/** How long a socket may take to open when the application sets no limit. */
const openingTimeout = 30_000;

export class WebSocketTransport extends Transport {
  _supported = true;
  /** Whether a socket has ever opened. */
  _worked = false;
  _failures = 0;
  _socket: WebSocketLike | null = null;
  _opened = false;
  _waiting: { envelope: Envelope; metaConnect: boolean }[] = [];
  readonly _pending: Map<string, Pending> = new Map();
  _connectPending = false;
  _heard = 0;
  _timer: unknown = undefined;
  _timerDue = 0;
  _connectTimer: unknown = undefined;

  accept(_version: string, _crossDomain: boolean, _url: string): boolean {
    return this._supported && (this._cometd as { websocketEnabled?: unknown } | null)?.websocketEnabled !== false;
  }

  send(envelope: Envelope, metaConnect: boolean): void {
    const now = Date.now();
    const delay = this._delay(metaConnect);
    for (const message of envelope.messages) {
      const due = now + delay;
      this._pending.set(`${message.id}`, { message, envelope, delay, since: now, due, sent: false });
    }
    if (metaConnect) this._connectPending = true;
    if (this._opened) this._write(envelope, metaConnect);
    else {
      this._waiting.push({ envelope, metaConnect });
      if (!this._socket) this._open(this._host.getURL());
    }
  }

  /** Opens the socket. */
  _open(httpUrl: string): void {
    const url = httpUrl.replace(/^http/, 'ws');
    const { config } = this._host;
    if (typeof config.requestHeaders === 'function' && this._host.platform.openWebSocket) {
      // A mark that a socket is on its way: it opens once, whoever sends meanwhile.
      const mark: WebSocketLike = { ...unopened };
      this._socket = mark;
      Promise.resolve()
        .then(config.requestHeaders)
        .then(
          (headers) => {
            if (this._socket === mark) this._dial(url, headers);
          },
          (exception: unknown) => {
            if (this._socket === mark)
              this._closed(mark, { websocketCode: 1000, reason: 'requestHeaders failed', exception });
          },
        );
      return;
    }
    this._dial(url, typeof config.requestHeaders === 'function' ? {} : config.requestHeaders);
  }

  _dial(url: string, headers: Record<string, string>): void {
    const { config } = this._host;
    let socket: WebSocketLike;
    try {
      socket = this._create(url, headers);
    } catch (exception) {
      this._debug('Could not open a WebSocket', exception);
      this._supported = false;
      this.setTimeout(() => this._fail(null, { exception, reason: 'Exception', websocketCode: 1000 }), 0);
      this._socket = null;
      return;
    }
    this._socket = socket;
    // Without a limit, a server that accepts and stays silent would hold the client for ever.
    const limit = config.connectTimeout > 0 ? config.connectTimeout : openingTimeout;
    this._connectTimer = this.setTimeout(() => {
      if (this._socket === socket && !this._opened) this._drop(socket, 'Connect Timeout');
    }, limit);
    socket.onopen = () => {
      if (this._socket !== socket) return close(socket, 'Extra Connection');
      this._onOpen();
    };
    socket.onmessage = (event: { data?: unknown }) => {
      if (this._socket === socket) this._onMessage(socket, event.data);
    };
    let error: unknown;
    socket.onerror = (event: unknown) => {
      error = event;
      // The close that follows knows more. Where none follows, this must do.
      this.setTimeout(() => this._closed(socket, { websocketCode: 1006, reason: 'Error' }), 1000);
    };
    socket.onclose = (event: { code?: number; reason?: unknown } | undefined) => {
      const reason = `${event?.reason ?? ''}`;
      this._closed(socket, { websocketCode: event?.code ?? 1006, reason: reason || (error ? 'Error' : '') });
    };
  }

  _create(url: string, headers: Record<string, string>): WebSocketLike {
    const { config, platform } = this._host;
    if (platform.openWebSocket) return platform.openWebSocket(url, config.protocol || null, headers);
    const { WebSocket: Socket } = world();
    if (!Socket) throw new Error('There is no WebSocket');
    return config.protocol ? new Socket(url, config.protocol) : new Socket(url);
  }

  _onOpen(): void {
    this.clearTimeout(this._connectTimer);
    this._opened = true;
    this._worked = true;
    this._failures = 0;
    const waiting = this._waiting;
    this._waiting = [];
    for (const { envelope, metaConnect } of waiting) this._write(envelope, metaConnect);
  }

  _write(envelope: Envelope, metaConnect: boolean): void {
    const socket = this._socket;
    const parts = this._parts(envelope.messages, (message, failure) => {
      this._pending.delete(`${message.id}`);
      this.setTimeout(() => envelope.onFailure(socket, [message], failure), 0);
    });
    const now = Date.now();
    for (const { text, messages } of parts) {
      try {
        this._socket?.send(text);
      } catch (exception) {
        this._debug('Could not send', exception);
        this.setTimeout(() => {
          if (socket) this._drop(socket, 'Exception', exception);
        }, 0);
        return;
      }
      for (const message of messages) {
        const pending = this._pending.get(`${message.id}`);
        if (!pending) continue;
        pending.sent = true;
        pending.since = now;
        pending.due = now + pending.delay;
        this._arm(pending.due);
      }
    }
    if (metaConnect && parts.length === 0) this._connectPending = false;
  }

  /** One timer for all messages: it wakes when the first of them is due. */
  _arm(due: number): void {
    if (this._timer !== undefined && this._timerDue <= due) return;
    this.clearTimeout(this._timer);
    this._timerDue = due;
    this._timer = this.setTimeout(() => {
      this._timer = undefined;
      this._judge();
    }, due - Date.now());
  }

  _judge(): void {
    const now = Date.now();
    if (now - this._timerDue > throttled) this._heard = now;
    const late: Pending[] = [];
    for (const pending of this._pending.values()) {
      if (!pending.sent) continue;
      const lively = this._heard > pending.since && now - pending.since < pending.delay * patience;
      if (lively)
        pending.due = Math.max(
          pending.due,
          Math.min(this._heard + pending.delay, pending.since + pending.delay * patience),
        );
      if (pending.due <= now) late.push(pending);
    }
    if (late.length > 0) {
      const more = this.notifyTransportTimeout(late.map(({ message }) => message));
      if (more <= 0) {
        if (this._socket) this._drop(this._socket, 'Message Timeout');
        return;
      }
      for (const pending of late) pending.due = now + more;
    }
    let first = Number.POSITIVE_INFINITY;
    for (const { sent, due } of this._pending.values()) if (sent && due < first) first = due;
    if (first < Number.POSITIVE_INFINITY) this._arm(first);
  }

  _onMessage(socket: WebSocketLike, data: unknown): void {
    this._heard = Date.now();
    let messages: Message[];
    try {
      messages = this.convertToMessages(data);
    } catch (exception) {
      this._drop(socket, 'Exception', exception);
      return;
    }
    let envelope: Envelope | undefined;
    let ended = messages.some(isGoodbye);
    if (this._pending.size > 0) {
      if (messages.some((message) => !this._isPlain(message))) {
        adopt(
          messages,
          [...this._pending.values()].map((pending) => pending.message),
        );
      }
      for (const message of messages) {
        // An event may carry the id its publisher gave it; that is no reply.
        if (message.id === undefined || isEvent(message)) continue;
        const pending = this._pending.get(`${message.id}`);
        if (!pending) continue;
        this._pending.delete(`${message.id}`);
        envelope = pending.envelope;
        if (message.channel === '/meta/connect') this._connectPending = false;
        if (message.channel === '/meta/disconnect' && message.successful) ended = true;
      }
    }
    this._envelope = envelope ?? this._envelope;
    if (this._envelope) this._notifySuccess(this._envelope.onSuccess, messages);
    if (ended && !this._connectPending && this._socket === socket) this._drop(socket, 'Disconnect');
  }

  /** Whether a message is an event, or a reply with the id and the channel of what it answers. */
  _isPlain(message: Message): boolean {
    if (isEvent(message)) return typeof message.channel === 'string';
    return typeof message.id === 'string' && this._pending.get(message.id)?.message.channel === message.channel;
  }

  /** Whoever sent last hears what nobody asked for. */
  _envelope: Envelope | undefined = undefined;

  /** Gives a socket up at once, without waiting for its close. */
  _drop(socket: WebSocketLike, reason: string, exception?: unknown): void {
    close(socket, reason);
    this._closed(socket, { websocketCode: 1000, reason, ...(exception !== undefined && { exception }) });
  }

  _closed(socket: WebSocketLike, failure: Failure): void {
    if (this._socket !== socket) return;
    this.clearTimeout(this._connectTimer);
    this.clearTimeout(this._timer);
    this._timer = undefined;
    this._socket = null;
    if (!this._opened) this._failures++;
    this._opened = false;
    const { stickyReconnect, fallbackAfter } = this._host.config;
    this._supported = this._worked && stickyReconnect && !(fallbackAfter > 0 && this._failures >= fallbackAfter);
    this._fail(socket, failure);
    this._host.interrupted(failure);
  }

  /** Fails all that waits for a reply, in the order it was sent. */
  _fail(socket: unknown, failure: Failure): void {
    const failed: Map<Envelope, { messages: Message[]; sent: boolean }> = new Map();
    for (const { envelope, message, sent } of this._pending.values()) {
      const group = failed.get(envelope);
      if (!group) failed.set(envelope, { messages: [message], sent });
      else {
        group.messages.push(message);
        group.sent ||= sent;
      }
    }
    this._pending.clear();
    this._waiting = [];
    this._connectPending = false;
    for (const [envelope, { messages, sent }] of failed) {
      this._notifyFailure(envelope.onFailure, socket, messages, { ...failure, sent: sent ? 'perhaps' : 'no' });
    }
  }

  /** Bindings wrap this one and the next, to tell their toolkit that something changed. */
  _notifySuccess(notify: Envelope['onSuccess'], messages: Message[]): void {
    notify.call(this, messages);
  }

  _notifyFailure(notify: Envelope['onFailure'], conduit: unknown, messages: Message[], failure: Failure): void {
    notify.call(this, conduit, messages, failure);
  }

  override abort(): void {
    if (this._socket) this._drop(this._socket, 'Abort');
    this.reset(true);
  }

  override reset(init: boolean): void {
    super.reset(init);
    this._supported = true;
    if (!init) return;
    this._worked = false;
    this._failures = 0;
    const socket = this._socket;
    if (socket && this._pending.size === 0) this._drop(socket, 'Reset');
  }
}

const unopened: WebSocketLike = {
  onopen: null,
  onmessage: null,
  onclose: null,
  onerror: null,
  send: () => {
    throw new Error('The WebSocket is not open');
  },
  close: () => undefined,
};

/** A disconnect that the server began. One with an id is for whoever asked for it. */
function isGoodbye({ channel, id, successful }: Message): boolean {
  return channel === '/meta/disconnect' && id === undefined && successful === true;
}

function close(socket: WebSocketLike, reason: string): void {
  try {
    socket.close(1000, reason);
  } catch {
    // A socket that cannot be closed is closed.
  }
}

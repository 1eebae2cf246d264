/** A Bayeux message inside the server: its wire fields, and beside them what never goes on the wire. */
import { type Advice, encode, type JSONContext, type Message } from '@cometd-ts/protocol';
import type { BayeuxContext } from './api.ts';

/** The names of this class's own members: a wire field of that name is not taken over, so that no peer can shadow them. */
const own = new Set([
  'lazy',
  'lazyTimeout',
  'associated',
  'handled',
  'context',
  'frozen',
  'size',
  'json',
  'freeze',
  'copy',
  'derive',
]);

const none: readonly ServerMessage[] = [];

/**
 * A Bayeux message on the server. Mutable until it is frozen, which happens just before it is queued for its recipients:
 * from then on its text is fixed and shared, and whoever wants another content makes a `copy()`.
 */
export class ServerMessage<Data = unknown> implements Message<Data> {
  declare channel: string;
  declare id?: string;
  declare clientId?: string;
  declare data?: Data;
  declare ext?: Record<string, unknown>;
  declare advice?: Advice;
  declare successful?: boolean;
  declare error?: string;
  declare subscription?: string | string[];
  declare version?: string;
  declare minimumVersion?: string;
  declare supportedConnectionTypes?: string[];
  declare connectionType?: string;
  declare timestamp?: string;
  [field: string]: unknown;

  #lazy = false;
  #lazyTimeout = -1;
  #handled = false;
  #associated: ServerMessage | null = null;
  #context: BayeuxContext | null = null;
  #json: string | undefined;
  #dataText: string | undefined;

  /**
   * @param fields wire fields, copied; @param dataText the exact source text of `data`, when it must survive to the byte;
   * @param context the request it came with
   */
  constructor(fields: Readonly<Message<Data>>, dataText?: string, context: BayeuxContext | null = null) {
    for (const name of Object.keys(fields)) {
      if (own.has(name)) continue;
      if (name === '__proto__')
        Object.defineProperty(this, name, {
          value: fields[name],
          enumerable: true,
          writable: true,
          configurable: true,
        });
      else this[name] = fields[name];
    }
    this.#dataText = dataText;
    this.#context = context;
  }

  /** Whether delivery may wait up to the lazy timeout, to travel with other messages (book 6.3.5, 9.3.2.4). */
  get lazy(): boolean {
    return this.#lazy;
  }

  set lazy(lazy: boolean) {
    this.#lazy = lazy;
  }

  /** Longest wait of this lazy message in ms, from its channel; −1 leaves it to the transport. */
  get lazyTimeout(): number {
    return this.#lazyTimeout;
  }

  set lazyTimeout(timeout: number) {
    this.#lazyTimeout = timeout;
  }

  /** The reply of a request, the request of a reply; null for messages that are neither. */
  get associated(): ServerMessage | null {
    return this.#associated;
  }

  set associated(message: ServerMessage | null) {
    this.#associated = message;
  }

  /** On a reply: the application has filled it in, and the server leaves it as it is when processing is denied. */
  get handled(): boolean {
    return this.#handled;
  }

  set handled(handled: boolean) {
    this.#handled = handled;
  }

  /** The request this message came with: headers, cookies, addresses. Null for messages made on the server. */
  get context(): BayeuxContext | null {
    return this.#context;
  }

  set context(context: BayeuxContext | null) {
    this.#context = context;
  }

  /** Whether the text of this message is fixed. */
  get frozen(): boolean {
    return this.#json !== undefined;
  }

  /** The text of a frozen message. Throws `TypeError` before `freeze()`. */
  get json(): string {
    if (this.#json === undefined) throw new TypeError('The message is not frozen yet: call freeze() first');
    return this.#json;
  }

  /** Length of the frozen text in UTF-16 code units: what queues count as bytes. */
  get size(): number {
    return this.json.length;
  }

  /** Encodes the message once and makes it immutable. Throws what the JSON context throws for data it cannot write. */
  freeze(json: JSONContext): this {
    if (this.#json !== undefined) return this;
    this.#json = encode(this, json, this.#dataText);
    return Object.freeze(this);
  }

  /** A mutable copy with the same wire fields, lazy flag and context. */
  copy(): ServerMessage<Data> {
    return this.derive(this);
  }

  /** Another message with these wire fields, and all of this one that is not on the wire. */
  derive(fields: Readonly<Message<Data>>): ServerMessage<Data> {
    const other = new ServerMessage<Data>(fields, this.#dataText, this.#context);
    other.#lazy = this.#lazy;
    other.#lazyTimeout = this.#lazyTimeout;
    other.#associated = this.#associated;
    return other;
  }
}

/** The reply to a request, not successful yet: it echoes channel, id and subscription, and each knows the other. */
export function createReply(request: ServerMessage): ServerMessage {
  const reply = echo(request);
  reply.associated = request;
  request.associated = reply;
  return reply;
}

/** What a client needs to know what is replied to. */
export function echo(message: ServerMessage): ServerMessage {
  const reply = new ServerMessage({ channel: message.channel });
  if (message.id !== undefined) reply.id = message.id;
  if (message.subscription !== undefined) reply.subscription = message.subscription;
  return reply;
}

/** The payload of these messages, one list after the other. Throws what the JSON context throws for one that cannot be encoded. */
export function payloadOf(
  json: JSONContext,
  first: readonly ServerMessage[],
  second: readonly ServerMessage[] = none,
): string {
  return `[${textsOf(json, second, textsOf(json, first, ''))}]`;
}

/** `before`, and the messages behind it. By index: an iterator is an object, and this is the way of every answer. */
function textsOf(json: JSONContext, messages: readonly ServerMessage[], before: string): string {
  let text = before;
  for (let index = 0; index < messages.length; index++) {
    const own = (messages[index] as ServerMessage).freeze(json).json;
    text = text === '' ? own : `${text},${own}`;
  }
  return text;
}

/**
 * The contract of a transport, and what all of ours have in common. It is the contract of the CometD JavaScript library:
 * transports may be derived (`Transport.derive`), and their methods replaced, so there is no `#private` state.
 */
import type { Advice } from '@cometd-ts/protocol';
import type { Envelope, Failure, Message } from '../message.ts';
import type { Configuration, JSONCodec } from '../options.ts';
import { delayOf, type Platform } from '../platform.ts';

/** What a client asks of a transport. */
export interface TransportLike {
  registered?(type: string, cometd: never): void;
  unregistered?(): void;
  /** Whether the transport works now, as far as it knows. Only `true` is yes. */
  accept(version: string, crossDomain: boolean, url: string): boolean;
  /** Sends messages; callbacks of the envelope never run before it returns. */
  send(envelope: Envelope, metaConnect: boolean): void;
  /** Forgets what waits; `init` forgets also what was learned about the network. */
  reset(init: boolean): void;
  /** Ends all that is under way; what it carried fails. */
  abort(): void;
  readonly type?: string | null;
  url?: string | null;
  getType?(): string | null;
  getURL?(): string | undefined;
  setURL?(url: string): void;
}

/** What a transport may ask of its client. */
export interface TransportHost {
  readonly config: Configuration;
  readonly platform: Platform;
  readonly advice: Advice;
  /** The URL of the transport in use, without anything appended. */
  getURL(): string;
  setTimeout(fn: () => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
  transportListeners(event: string): readonly ((messages: Message[]) => unknown)[];
  /** The connection broke, and perhaps no message was under way that fails for it. */
  interrupted(failure: Failure): void;
  log(level: 'debug' | 'info' | 'warn', args: unknown[]): void;
}

/** Messages as text, and which ones they are. */
export interface Part {
  readonly text: string;
  readonly messages: Message[];
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

export abstract class Transport implements TransportLike {
  _type: string | null = null;
  _cometd: unknown = null;
  _url: string | null = null;

  /** An object whose prototype is the given transport, for bindings that replace single methods. */
  static derive<T extends object>(base: T): T {
    return Object.create(base) as T;
  }

  registered(type: string, cometd: unknown): void {
    this._type = type;
    this._cometd = cometd;
  }

  unregistered(): void {
    this._type = null;
    this._cometd = null;
  }

  abstract accept(version: string, crossDomain: boolean, url: string): boolean;
  abstract send(envelope: Envelope, metaConnect: boolean): void;
  abstract abort(): void;

  reset(_init: boolean): void {
    // Most transports have nothing to forget.
  }

  get type(): string | null {
    return this._type;
  }

  getType(): string | null {
    return this._type;
  }

  /** The URL of this transport alone, when one was set. */
  get url(): string | null {
    return this._url;
  }

  set url(url: string | null) {
    this._url = url;
  }

  getURL(): string | undefined {
    return this._url ?? undefined;
  }

  setURL(url: string): void {
    this._url = url;
  }

  get cometd(): unknown {
    return this._cometd;
  }

  get configuration(): Configuration {
    return this._host.config;
  }

  getConfiguration(): Configuration {
    return this._host.config;
  }

  get advice(): Advice {
    return this._host.advice;
  }

  getAdvice(): Advice {
    return this._host.advice;
  }

  get _host(): TransportHost {
    const cometd = this._cometd as { _engine?: TransportHost } | null;
    if (!cometd) throw new Error('The transport is not registered');
    return cometd._engine ?? (cometd as unknown as TransportHost);
  }

  setTimeout(fn: () => void, delay: number): unknown {
    return this._host.setTimeout(fn, delay);
  }

  clearTimeout(handle: unknown): void {
    this._host.clearTimeout(handle);
  }

  _debug(...args: unknown[]): void {
    this._host.log('debug', args);
  }

  _info(...args: unknown[]): void {
    this._host.log('info', args);
  }

  _warn(...args: unknown[]): void {
    this._host.log('warn', args);
  }

  convertToJSON(messages: Message | readonly Message[]): string {
    const { jsonContext } = this._host.config;
    return jsonContext ? jsonContext.generate(messages) : JSON.stringify(messages);
  }

  /** The messages of a response: text, an array, or one object. */
  convertToMessages(response: unknown): Message[] {
    if (response === undefined || response === null) return [];
    const value: unknown =
      typeof response === 'string' || response instanceof String ? this._parse(`${response}`) : response;
    const messages: unknown[] = Array.isArray(value) ? value : [value];
    return (messages.every(isObject) ? messages : messages.filter(isObject)) as Message[];
  }

  _parse(text: string): unknown {
    const { jsonContext } = this._host.config;
    if (!jsonContext) return JSON.parse(text);
    try {
      return jsonContext.parse(text);
    } catch {
      // A convertor refused something: the message that has it is left out, its neighbours are not.
      return [JSON.parse(text)].flat().map((message) => this._convert(jsonContext, message));
    }
  }

  _convert(jsonContext: JSONCodec, message: unknown): unknown {
    try {
      return jsonContext.parse(JSON.stringify(message));
    } catch (error) {
      this._warn('Left out a message that jsonContext cannot read', error);
      return null;
    }
  }

  /** Asks the `timeout` listeners for patience: how many ms more, or 0. */
  notifyTransportTimeout(messages: Message[]): number {
    for (const listener of this._host.transportListeners('timeout')) {
      try {
        const extension = listener.call(this, messages);
        if (typeof extension === 'number' && extension > 0) return extension;
      } catch (error) {
        this._info('Exception during execution of transport listener', error);
      }
    }
    return 0;
  }

  /** How long the reply to these messages may take. */
  _delay(metaConnect: boolean): number {
    const { config, advice } = this._host;
    return config.maxNetworkDelay + (metaConnect ? delayOf(advice.timeout) : 0);
  }

  /** Finds the header fields: at once, unless the application takes its time for them. */
  _headers(use: (headers: Record<string, string>) => void, failed: (failure: Failure) => void): void {
    const { requestHeaders } = this._host.config;
    if (typeof requestHeaders !== 'function') use(requestHeaders);
    else {
      Promise.resolve()
        .then(requestHeaders)
        .then(use, (exception: unknown) => failed({ reason: 'requestHeaders failed', exception, sent: 'no' }));
    }
  }

  /** Writes messages in as few texts as the size limit allows. What is too big or has no JSON fails in a later turn. */
  _parts({ messages, onFailure }: Envelope, conduit: unknown, dropped?: (message: Message) => void): Part[] {
    const max = this._host.config.maxSendBayeuxMessageSize;
    const parts: { text: string; messages: Message[] }[] = [];
    let part: (typeof parts)[0] | undefined;
    for (const message of messages) {
      try {
        const text = this.convertToJSON(message);
        if (max > 0 && text.length > max) throw new Error(`maxSendBayeuxMessageSize ${max} exceeded`);
        if (part && !(max > 0 && part.text.length + text.length + 2 > max)) {
          part.text += `,${text}`;
          part.messages.push(message);
        } else {
          part = { text: `[${text}`, messages: [message] };
          parts.push(part);
        }
      } catch (exception) {
        dropped?.(message);
        this.setTimeout(() => onFailure(conduit, [message], { exception, sent: 'no' }), 0);
      }
    }
    for (const each of parts) each.text += ']';
    return parts;
  }

  toString(): string {
    return `${this._type}`;
  }
}

/** A Bayeux server over bare HTTP and WebSocket that says exactly what a script tells it to, however wrong. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { HonestReplies } from './honest-replies.ts';
import type { WireMessage } from './inbox.ts';

/** One request or frame of a client. */
export interface Asked {
  /** Counts from 0, over both transports. */
  readonly index: number;
  readonly transport: 'long-polling' | 'websocket';
  readonly messages: readonly WireMessage[];
}

/** What the client gets for it. */
export type Answer =
  /** A response or a frame with this text. `status` (default 200) is HTTP's; a WebSocket is closed unless it is 200. */
  | { readonly type: 'text'; readonly text: string; readonly status?: number }
  /** This text over and over in one response or frame, until the client goes away. */
  | { readonly type: 'endless'; readonly text: string }
  | { readonly type: 'silence' }
  /** The connection is reset. */
  | { readonly type: 'cut' };

/** Finds the answer; `honest` is what a good server would have said. */
export type Script = (asked: Asked, honest: readonly WireMessage[]) => Answer;

export interface MaliciousOptions {
  /** Default: the honest answer. Can be changed at any time. */
  readonly script?: Script;
  /** How long a connect is held that may be, in ms. Default 50. */
  readonly hold?: number;
}

interface Waiter {
  readonly count: number;
  readonly resolve: () => void;
}

/** The honest answer, as a script. */
export function honestly(_: Asked, honest: readonly WireMessage[]): Answer {
  return { type: 'text', text: JSON.stringify(honest) };
}

export class MaliciousServer {
  readonly url: string;
  /** Everything that was asked, oldest first. */
  readonly asked: Asked[] = [];
  readonly honest: HonestReplies;
  script: Script;
  #waiters: Waiter[] = [];
  readonly #listener: Server;
  readonly #sockets: Set<Socket> = new Set();
  readonly #webSockets: WebSocketServer = new WebSocketServer({ noServer: true });
  readonly #timers: Set<NodeJS.Timeout> = new Set();

  /** On a free port of 127.0.0.1. */
  static async start(options: MaliciousOptions = {}): Promise<MaliciousServer> {
    const listener = createServer();
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return new MaliciousServer(listener, options);
  }

  private constructor(listener: Server, { script = honestly, hold = 50 }: MaliciousOptions) {
    this.#listener = listener;
    this.script = script;
    this.honest = new HonestReplies(hold);
    this.url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/cometd`;
    listener.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    listener.on('request', (request, response) => this.#serve(request, response));
    listener.on('upgrade', (request, socket, head) => {
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#welcome(webSocket));
    });
  }

  /** Resolves when this many requests have come since the start. */
  hasAsked(count: number): Promise<void> {
    if (this.asked.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ count, resolve }));
  }

  /** The messages on this channel that came so far. */
  messages(channel: string): WireMessage[] {
    return this.asked.flatMap(({ messages }) => messages.filter((one) => one.channel === channel));
  }

  /** Says this to every open WebSocket, unasked: text as it is, anything else as JSON. */
  push(payload: unknown): void {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    for (const webSocket of this.#webSockets.clients) webSocket.send(text);
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      this.#answer('long-polling', body, (answer) => {
        if (answer.type === 'silence' || response.destroyed) return;
        if (answer.type === 'cut') {
          request.socket.resetAndDestroy();
          return;
        }
        const status = answer.type === 'text' ? (answer.status ?? 200) : 200;
        response.writeHead(status, { 'content-type': 'application/json;charset=UTF-8' });
        if (answer.type === 'text') response.end(answer.text);
        else pour(answer.text, response);
      });
    });
  }

  #welcome(webSocket: WebSocket): void {
    webSocket.on('error', () => undefined);
    webSocket.on('message', (data) => {
      this.#answer('websocket', data.toString(), (answer) => {
        if (answer.type === 'silence' || webSocket.readyState !== webSocket.OPEN) return;
        if (answer.type === 'cut') webSocket.terminate();
        else if (answer.type === 'endless') flood(answer.text, webSocket);
        else if ((answer.status ?? 200) !== 200) webSocket.close(1011, `status ${answer.status}`);
        else webSocket.send(answer.text);
      });
    });
  }

  /** An honest answer to a connect is held as it should be; so is a wrong one, since time is the server's to take. */
  #answer(transport: Asked['transport'], text: string, respond: (answer: Answer) => void): void {
    const messages = [JSON.parse(text) as WireMessage | WireMessage[]].flat();
    const asked = { index: this.asked.length, transport, messages };
    this.asked.push(asked);
    for (const { resolve } of this.#waiters.filter(({ count }) => count <= this.asked.length)) resolve();
    this.#waiters = this.#waiters.filter(({ count }) => count > this.asked.length);
    const answer = (): void => respond(this.script(asked, this.honest.to(messages)));
    if (!this.honest.holds(messages)) {
      answer();
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      answer();
    }, this.honest.hold);
    this.#timers.add(timer);
  }
}

/** Writes for ever, as fast as it is read. */
function pour(text: string, response: ServerResponse): void {
  const write = (): void => {
    while (!response.destroyed && response.write(text));
  };
  response.on('drain', write);
  write();
}

/** One message in fragments without a last one. */
function flood(text: string, webSocket: WebSocket): void {
  const send = (): void => {
    if (webSocket.readyState === webSocket.OPEN) webSocket.send(text, { fin: false }, send);
  };
  send();
}

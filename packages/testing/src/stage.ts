/** Where a script is played: HTTP requests and WebSockets, of which it sees only the messages. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { decode, defaultLimits, JSONContext, type Message } from '@cometd-ts/protocol';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Deed, Play } from './play.ts';

const CLOSE_FAILURE = 1011;

/** Whoever has sent messages, and what it was told in return. */
interface Caller {
  /** Sends these messages; for a request that is its response. */
  write(messages: readonly Message[]): void;
  /** Answers with an HTTP status, as far as that is possible. */
  fail(code: number): void;
  /** Whether it can be written to once more after `write`. */
  readonly isLasting: boolean;
}

interface Held {
  readonly caller: Caller;
  readonly messages: readonly Message[];
}

export class Stage {
  readonly http: Server;
  readonly #json: JSONContext = new JSONContext();
  readonly #webSockets: WebSocketServer = new WebSocketServer({ noServer: true });
  readonly #sockets: Set<Duplex> = new Set();
  readonly #play: Play;
  readonly #changed: () => void;
  /** Requests that are held, and connects that are held on a WebSocket. */
  #held: Held[] = [];
  /** The WebSocket that spoke last. */
  #lasting: Caller | undefined;

  constructor(play: Play, takesWebSockets: boolean, changed: () => void) {
    this.#play = play;
    this.#changed = changed;
    this.http = createServer((request, response) => this.#request(request, response));
    this.http.on('connection', (socket: Duplex) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (takesWebSockets) this.#webSockets.handleUpgrade(request, socket, head, (one) => this.#opened(one));
      else socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    });
  }

  /** Breaks all connections at once. */
  close(): void {
    this.#held = [];
    this.#lasting = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Performs what is due, as far as there is somebody to hear it. */
  perform(): void {
    const { due } = this.#play;
    for (let deed = due[0]; deed && this.#perform(deed); deed = due[0]) due.shift();
    this.#changed();
  }

  #perform(deed: Deed): boolean {
    if (deed.act === 'release') return this.#release(deed.fields);
    if (deed.act === 'cut') {
      this.#held = [];
      this.#lasting = undefined;
      // What was written before still arrives.
      for (const socket of this.#sockets) socket.end();
      return true;
    }
    const { message } = deed;
    const requests = this.#held.filter(({ caller }) => !caller.isLasting);
    if (this.#lasting) this.#lasting.write([message]);
    else if (requests.length > 0) this.#answerHeld(requests.slice(0, 1), {}, [message]);
    else return false;
    return true;
  }

  #release(fields: Readonly<Partial<Message>>): boolean {
    if (this.#held.length === 0) return false;
    this.#answerHeld(this.#held, fields, []);
    return true;
  }

  /** All the events that are due travel with the response: there is only one. */
  #answerHeld(held: readonly Held[], fields: Readonly<Partial<Message>>, events: readonly Message[]): void {
    this.#held = this.#held.filter((one) => !held.includes(one));
    for (const { caller, messages } of held) {
      caller.write([...events, ...messages.map((message) => this.#play.replyTo(message, fields))]);
    }
  }

  #receive(payload: string, caller: Caller, cut: () => void): void {
    let messages: readonly Message[];
    try {
      ({ messages } = decode(payload, { json: this.#json, limits: defaultLimits }));
    } catch (error) {
      this.#play.failure ??= error as Error;
      this.#changed();
      return caller.fail(400);
    }
    const replies: Message[] = [];
    const held: Message[] = [];
    let isSilent = false;
    for (const message of messages) {
      const answer = this.#play.take(message);
      if (answer.act === 'status') caller.fail(answer.code);
      if (answer.act === 'cut') cut();
      if (answer.act === 'status' || answer.act === 'cut') return this.perform();
      if (answer.act === 'reply') replies.push(this.#play.replyTo(message, answer.fields));
      if (answer.act === 'hold') held.push(message);
      if (answer.act === 'silence') isSilent = true;
    }
    if (caller.isLasting) this.#lasting = caller;
    if (held.length > 0 && (caller.isLasting || replies.length === 0)) this.#held.push({ caller, messages: held });
    else if (held.length > 0) replies.push(...held.map((message) => this.#play.replyTo(message, {})));
    if (replies.length > 0) caller.write(caller.isLasting ? replies : [...replies, ...this.#events()]);
    // A WebSocket is silent by itself; a request is left without a response.
    if (replies.length === 0 && held.length === 0 && !isSilent) caller.fail(400);
    this.perform();
  }

  /** Events that travel with the response to a request. Those behind another deed come later. */
  #events(): Message[] {
    const events: Message[] = [];
    const { due } = this.#play;
    for (let deed = due[0]; deed?.act === 'send'; deed = due[0]) {
      events.push(deed.message);
      due.shift();
    }
    return events;
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    const caller: Caller = {
      isLasting: false,
      write: (messages) => {
        response.setHeader('Content-Type', 'application/json;charset=UTF-8');
        response.end(this.#json.generate(messages));
      },
      fail: (code) => {
        response.writeHead(code, { 'Content-Length': '0' });
        response.end();
      },
    };
    response.on('close', () => {
      this.#held = this.#held.filter((one) => one.caller !== caller);
    });
    text(request).then(
      (payload) => this.#receive(payload, caller, () => request.socket.destroy()),
      () => response.destroy(),
    );
  }

  #opened(webSocket: WebSocket): void {
    const caller: Caller = {
      isLasting: true,
      write: (messages) => webSocket.send(this.#json.generate(messages)),
      fail: (code) => webSocket.close(CLOSE_FAILURE, String(code)),
    };
    webSocket.on('error', () => webSocket.terminate());
    webSocket.on('close', () => {
      this.#held = this.#held.filter((one) => one.caller !== caller);
      if (this.#lasting === caller) this.#lasting = undefined;
    });
    webSocket.on('message', (data) => this.#receive(data.toString(), caller, () => webSocket.terminate()));
  }
}

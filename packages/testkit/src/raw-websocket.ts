/** Bayeux over WebSocket with bare hands: frames as they are, nothing sent that the test did not send. */
import { type ClientOptions, WebSocket } from 'ws';
import { Inbox, type WireMessage } from './inbox.ts';

export interface RawWebSocketOptions extends ClientOptions {
  readonly subprotocols?: string | string[];
}

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

export class RawWebSocket {
  readonly transport = 'websocket';
  readonly inbox: Inbox = new Inbox();
  /** The messages of each frame received, in order. */
  readonly frames: WireMessage[][] = [];
  /** How the connection ended, once it has. */
  readonly closed: Promise<Closing>;
  readonly socket: WebSocket;

  /** Opens a connection; rejects when the server refuses the upgrade. `http:` URLs become `ws:`. */
  static open(url: string, options: RawWebSocketOptions = {}): Promise<RawWebSocket> {
    const { subprotocols, ...rest } = options;
    const socket = new WebSocket(url.replace(/^http/, 'ws'), subprotocols, { rejectUnauthorized: false, ...rest });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('open', () => {
        socket.off('error', reject);
        resolve(new RawWebSocket(socket));
      });
    });
  }

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      const messages = JSON.parse(data.toString()) as WireMessage[];
      this.frames.push(messages);
      this.inbox.add(messages);
    });
    this.closed = new Promise((resolve) => {
      // An error is always followed by the close, which says enough.
      socket.on('error', () => undefined);
      socket.on('close', (code, reason) => {
        this.inbox.close(new Error(`the WebSocket was closed: ${code} ${reason}`));
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /** Sends one frame: text or bytes as they are, anything else as JSON. */
  post(payload: unknown): void {
    this.socket.send(typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload));
  }

  /** Sends messages in one frame and answers with their replies, in the order of the ids. Each message needs an id. */
  async send(messages: WireMessage | readonly WireMessage[]): Promise<WireMessage[]> {
    const list = (Array.isArray(messages) ? messages : [messages]) as readonly WireMessage[];
    const replies = list.map((message) => this.inbox.reply(String(message.id)));
    this.post(list);
    return Promise.all(replies);
  }

  /** Cuts the connection without a goodbye. */
  drop(): void {
    this.socket.terminate();
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    this.socket.terminate();
    await this.closed;
  }
}

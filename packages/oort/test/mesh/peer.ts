/** A node played by hand: a WebSocket server that answers links as Java nodes do, and notes every frame. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openSession, type RawSession, type WireMessage } from '@cometd-ts/testkit';
import { onTestFinished } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';

export class Peer {
  readonly id: string;
  readonly url: string;
  /** The frames that came over links, in order. */
  readonly frames: WireMessage[][] = [];
  /** Does something with a message before it is answered; an answer it gives goes instead of the usual one. */
  script: (message: WireMessage) => WireMessage | undefined = () => undefined;
  readonly #sockets: Set<WebSocket> = new Set();
  readonly #listener: Server;

  static async start(id = 'id-peer'): Promise<Peer> {
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const peer = new Peer(listener, id);
    onTestFinished(() => peer.stop());
    return peer;
  }

  private constructor(listener: Server, id: string) {
    this.id = id;
    this.#listener = listener;
    this.url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/cometd`;
    new WebSocketServer({ server: listener }).on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('message', (data) => {
        const messages = JSON.parse(data.toString()) as WireMessage[];
        this.frames.push(messages);
        for (const message of messages) {
          const answer = this.script(message) ?? this.#answer(message);
          if (answer) socket.send(JSON.stringify([answer]));
        }
      });
    });
  }

  #answer(message: WireMessage): WireMessage | undefined {
    const { channel, advice } = message;
    // Connects are held.
    if (channel === '/meta/connect' && !advice) return undefined;
    const reply = replyTo(message);
    if (channel !== '/meta/handshake') return reply;
    const types = ['websocket', 'long-polling'];
    const ext = { 'org.cometd.oort': { oortURL: this.url, oortId: this.id }, ack: true };
    return { ...reply, version: '1.0', clientId: 'c1', supportedConnectionTypes: types, ext };
  }

  /** All messages that came on a channel. */
  heard(channel: string): WireMessage[] {
    return this.frames.flat().filter((message) => message.channel === channel);
  }

  /** Sends to whoever is connected. */
  tell(...messages: WireMessage[]): void {
    for (const socket of this.#sockets) socket.send(JSON.stringify(messages));
  }

  /** The block of its own handshakes. */
  block(cometURL: string, secret: string, more: WireMessage = {}): WireMessage {
    return { 'org.cometd.oort': { oortURL: this.url, oortId: this.id, oortSecret: secret, cometURL, ...more } };
  }

  /** Its link to a node, with a handshake that is answered. */
  async link(
    url: string,
    secret: string,
    more: WireMessage = {},
  ): Promise<{ session: RawSession; reply: WireMessage }> {
    const session = await openSession('websocket', url);
    onTestFinished(() => session.close());
    const reply = await session.handshake({ ext: this.block(url, secret, more) });
    return { session, reply };
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.terminate();
    this.#listener.closeAllConnections();
    await new Promise<void>((resolve) => this.#listener.close(() => resolve()));
  }
}

/** The usual answer, with more fields or others. */
export function replyTo({ id = '', channel = '', subscription }: WireMessage, more: WireMessage = {}): WireMessage {
  return { id, channel, successful: true, ...(subscription !== undefined && { subscription }), ...more };
}

/** `base64(SHA-512('s3cr3t'))`, as a Java node sends it. */
export const digest = 'SCVRIoQR6YrYyx+LChRDyf+6/BC2MMdkbFGKsZMx6n4s8krTg1J9oQceIXevfkG551HJxPskmaoi9pgk+WVzOQ==';

/** The way to another worker: one connection for all requests that are passed on, and one for each WebSocket. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Neighbour, Passage, PassedAnswer, PassedRequest } from '@cometd-ts/server';
import { ABORT, ANSWER, type Frame, FrameReader, frame, HURRY, REQUEST, REQUESTS, WEBSOCKET } from './wire.ts';

type Done = (answer: PassedAnswer | null) => void;

/** Bytes that may wait for a worker that does not read: requests beyond them are refused. */
const MOST_WAITING = 16_777_216;
const TOO_MUCH: PassedAnswer = {
  status: 503,
  headers: ['Content-Length', '0', 'Retry-After', '1'],
  body: Buffer.alloc(0),
  keepAlive: true,
};

/** Ids of requests begin anew after this many. */
const MOST_IDS = 2 ** 32;

export class Link implements Neighbour {
  readonly #port: number;
  readonly #secret: Buffer;
  readonly #waiting: Map<number, Done> = new Map();
  #socket: Socket | null = null;
  #ids = 0;

  constructor(port: number, secret: Buffer) {
    this.#port = port;
    this.#secret = secret;
  }

  pass(request: PassedRequest, body: Buffer, done: Done): Passage {
    const socket = this.#connected();
    if (socket.writableLength > MOST_WAITING) {
      process.nextTick(done, TOO_MUCH);
      return { abort: () => undefined, hurry: () => undefined };
    }
    const id = this.#nextId();
    this.#waiting.set(id, done);
    write(socket, frame(REQUEST, id, request, body));
    return {
      abort: () => {
        if (this.#waiting.delete(id)) write(socket, frame(ABORT, id));
      },
      hurry: () => {
        if (this.#waiting.has(id)) write(socket, frame(HURRY, id));
      },
    };
  }

  async open(request: PassedRequest): Promise<Duplex> {
    const socket = this.#dial(WEBSOCKET);
    // The first error rejects here; later ones are for whoever has the socket then.
    await once(socket, 'connect');
    socket.write(frame(REQUEST, 0, request));
    return socket;
  }

  /** The other worker is gone: requests that wait get no answer. */
  close(): void {
    this.#socket?.destroy();
  }

  #connected(): Socket {
    if (this.#socket) return this.#socket;
    const socket = this.#dial(REQUESTS);
    const reader = new FrameReader();
    socket.on('data', (chunk) => {
      reader.add(chunk);
      for (let next = reader.next(); next; next = reader.next()) this.#answered(next);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#socket = null;
      const waiting = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const done of waiting) done(null);
    });
    this.#socket = socket;
    return socket;
  }

  #dial(purpose: number): Socket {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    socket.write(Buffer.concat([this.#secret, Buffer.from([purpose])]));
    return socket;
  }

  #answered({ kind, id, head, body }: Frame): void {
    const done = this.#waiting.get(id);
    this.#waiting.delete(id);
    done?.(kind === ANSWER ? { ...(head as Omit<PassedAnswer, 'body'>), body } : null);
  }

  #nextId(): number {
    do this.#ids = (this.#ids + 1) % MOST_IDS;
    while (this.#waiting.has(this.#ids));
    return this.#ids;
  }
}

/** What is written in one turn of the event loop travels together. */
export function write(socket: Socket, bytes: Buffer): void {
  if (socket.destroyed) return;
  if (socket.writableCorked === 0) {
    socket.cork();
    process.nextTick(() => socket.uncork());
  }
  socket.write(bytes);
}

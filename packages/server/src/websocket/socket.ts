/** The server's end of a WebSocket: pongs, the closing handshake and its end, on the socket of an upgrade. RFC 6455. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { closeFrame, controlFrame, Opcode, type WebSocketError } from './frame.ts';
import { type FrameLimits, FrameReader, type FrameSink } from './reader.ts';

/** Who is told what happens. */
export interface WebSocketListener {
  /** A whole message. None comes once the closing has begun, and no bytes either. */
  text(text: string): void;
  binary(data: Buffer): void;
  /** The peer has sent a ping or a pong. */
  alive(): void;
  /** The peer has taken everything. */
  drained(): void;
  /** Something went wrong: `WebSocketError` when the peer has done it, and then it is still open. `closed` follows. */
  failed(error: Error): void;
  /** It is over. */
  closed(): void;
}

/** How long a peer may take to answer a close frame, and to take what was written before it, in ms. */
const CLOSE_PATIENCE = 30_000;
/** Bytes that wait for a peer from which on it gets nothing that can wait, is not read from, and its pings are not answered. */
export const HIGH_WATER = 65_536;
const empty = Buffer.alloc(0);

const owner: unique symbol = Symbol('the WebSocket of this socket');
type Owned = Duplex & { [owner]: ServerWebSocket };

export class ServerWebSocket implements FrameSink {
  readonly #socket: Owned;
  readonly #listener: WebSocketListener;
  readonly #reader: FrameReader;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #isPaused = false;
  #patience: NodeJS.Timeout | undefined;

  /** Listens to a socket that was accepted; `head` is what came behind the request. `mayCompress`: permessage-deflate is agreed on. */
  constructor(socket: Duplex, head: Buffer, limits: FrameLimits, mayCompress: boolean, listener: WebSocketListener) {
    this.#socket = Object.assign(socket, { [owner]: this });
    this.#listener = listener;
    this.#reader = new FrameReader(this, limits, mayCompress);
    if (socket instanceof Socket) socket.setTimeout(0).setNoDelay(true);
    if (head.length > 0) socket.unshift(head);
    socket.on('error', onError);
    socket.on('drain', onDrain);
    socket.on('end', onEnd);
    socket.on('close', onClose);
    socket.on('data', onData);
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Bytes written that the peer has not taken. */
  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  /** Writes whole frames, while it is open. False when the peer shall take some before more is written. */
  write(frames: Buffer): boolean {
    return this.#socket.write(frames);
  }

  ping(): void {
    if (this.#state === 'open') this.#socket.write(controlFrame(Opcode.ping, empty));
  }

  /** Nothing more is read, until `resume()`. Frames that have come already are still told. */
  pause(): void {
    if (this.#state !== 'open') return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** Begins the closing handshake; nothing may be written after it. 1005 is for a close without code. */
  close(code: number, reason = ''): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#socket.write(closeFrame(code, reason));
    // The answer is behind what has not been read.
    this.resume();
    this.#waitForEnd();
  }

  /** Cuts the connection. */
  terminate(): void {
    this.#state = 'closed';
    this.#socket.destroy();
  }

  // What its reader finds

  text(text: string): void {
    if (this.#state === 'open') this.#listener.text(text);
  }

  binary(data: Buffer): void {
    if (this.#state === 'open') this.#listener.binary(data);
  }

  pinged(payload: Buffer): void {
    if (this.#state === 'open' && this.bufferedBytes <= HIGH_WATER)
      this.#socket.write(controlFrame(Opcode.pong, payload));
    this.#listener.alive();
  }

  ponged(): void {
    this.#listener.alive();
  }

  /** The peer has sent its close frame: it gets ours, unless it has, and the connection ends. */
  left(code: number): void {
    this.close(code);
    this.#end();
  }

  broke(error: WebSocketError): void {
    this.#listener.failed(error);
    this.close(error.code, error.message);
    this.#end();
  }

  /** Nothing more is written. What still comes is thrown away, so that the peer gets what was written before. */
  #end(): void {
    this.#socket.end();
    this.#waitForEnd();
  }

  /** From now on the peer is waited for, but not for ever. */
  #waitForEnd(): void {
    this.#patience ??= setTimeout(() => this.#socket.destroy(), CLOSE_PATIENCE).unref();
  }

  // What its socket tells

  came(chunk: Buffer): void {
    this.#reader.read(chunk);
  }

  drained(): void {
    this.#listener.drained();
  }

  /** The peer sends nothing more, with or without a close frame: there is nobody left to talk to. */
  ended(): void {
    if (this.#state === 'open') this.#state = 'closing';
    this.#end();
  }

  lost(error: Error): void {
    this.#listener.failed(error);
    this.#socket.destroy();
  }

  closed(): void {
    this.#state = 'closed';
    this.#reader.stop();
    clearTimeout(this.#patience);
    this.#listener.closed();
  }
}

function onData(this: Owned, chunk: Buffer): void {
  this[owner].came(chunk);
}

function onDrain(this: Owned): void {
  this[owner].drained();
}

function onEnd(this: Owned): void {
  this[owner].ended();
}

function onError(this: Owned, error: Error): void {
  this[owner].lost(error);
}

function onClose(this: Owned): void {
  this[owner].closed();
}

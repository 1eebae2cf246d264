/** The two ends of a connection that exists in memory only: for `node:http` and `ws` they are sockets like any other. */
import { Duplex } from 'node:stream';
import { realSetImmediate } from './real-time.ts';

type Done = (error?: Error | null) => void;

/** One direction of a line. Whatever travels takes one turn of the event loop, and waits while the valve is shut. */
export class Valve {
  #waiting: (() => void)[] | null = null;
  #losesNext = false;

  /** `lose` is called instead of `deliver` when the line was told to lose this. */
  pass(deliver: () => void, lose: () => void): void {
    if (this.#losesNext) {
      this.#losesNext = false;
      lose();
    } else if (this.#waiting) this.#waiting.push(deliver);
    else realSetImmediate(deliver);
  }

  hold(): void {
    this.#waiting ??= [];
  }

  release(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const deliver of waiting) realSetImmediate(deliver);
  }

  loseNext(): void {
    this.#losesNext = true;
  }

  keepNext(): void {
    this.#losesNext = false;
  }
}

/** Where an end is, as `net.Socket` has it. */
export interface Place {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

export class MemorySocket extends Duplex implements Place {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  bytesWritten = 0;
  readonly #valve: Valve;
  #peer!: MemorySocket;
  /** What the peer waits for: it goes on writing when this end has read. */
  #taken: Done | undefined;

  private constructor(valve: Valve, place: Place) {
    super({ allowHalfOpen: false });
    this.#valve = valve;
    this.remoteAddress = place.remoteAddress;
    this.remotePort = place.remotePort;
    this.localAddress = place.localAddress;
    this.localPort = place.localPort;
    // A connection may break before anybody has taken its end: then nobody misses it.
    this.on('error', () => undefined);
  }

  /** A connection: its end at the client, and its end at the server. */
  static pair(toServer: Valve, toClient: Valve, atServer: Place): [client: MemorySocket, server: MemorySocket] {
    const { remoteAddress, remotePort, localAddress, localPort } = atServer;
    const atClient = {
      remoteAddress: localAddress,
      remotePort: localPort,
      localAddress: remoteAddress,
      localPort: remotePort,
    };
    const client = new MemorySocket(toServer, atClient);
    const server = new MemorySocket(toClient, atServer);
    client.#peer = server;
    server.#peer = client;
    return [client, server];
  }

  /** Breaks the connection, as a network does: both ends learn of it by an error. */
  break(code: 'ECONNRESET' | 'ECONNREFUSED' = 'ECONNRESET'): void {
    const error = Object.assign(new Error(`${code}: the line in memory was cut`), { code });
    this.destroy(error);
    this.#peer.destroy(error);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.bytesWritten += chunk.length;
    this.#valve.pass(
      () => this.#peer.#arrive(chunk, done),
      () => {
        this.break();
        done();
      },
    );
  }

  override _final(done: Done): void {
    this.#valve.pass(
      () => {
        if (!this.#peer.destroyed) this.#peer.push(null);
        done();
      },
      () => {
        this.break();
        done();
      },
    );
  }

  override _read(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  override _destroy(error: Error | null, done: Done): void {
    const peer = this.#peer;
    this.#taken?.();
    this.#taken = undefined;
    // What was written before arrives before the end does.
    this.#valve.pass(
      () => {
        if (!peer.destroyed && !peer.readableEnded) peer.push(null);
      },
      () => peer.destroy(),
    );
    done(error);
  }

  #arrive(chunk: Buffer, done: Done): void {
    if (this.destroyed || this.readableEnded) done();
    else if (this.push(chunk)) done();
    else this.#taken = done;
  }

  // What `node:http` and `ws` ask of a socket. Idle connections in memory cost nothing, so nothing times out.

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

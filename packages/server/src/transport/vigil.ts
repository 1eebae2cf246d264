/** Watches over one WebSocket connection for the sweeper: who is silent, who does not read, who never shook hands. */
import type { Duplex } from 'node:stream';
import type { WebSocketOptions } from '../options.ts';
import type { SessionClock } from '../session/clock.ts';

/** What is to be done about a connection, and the limit that says so; null while all is well. */
export type Finding =
  | { readonly act: 'ping' }
  | {
      readonly act: 'close' | 'cut';
      readonly limit: 'writeTimeout' | 'handshakeTimeout' | 'idleTimeout' | 'pingInterval';
    }
  | null;

export class Vigil {
  readonly #options: Readonly<WebSocketOptions>;
  readonly #socket: Duplex;
  readonly #clock: SessionClock;
  readonly #openedAt: number;
  #lastTraffic: number;
  #pingedAt = 0;
  #stuckSince = 0;
  #bytesTaken = -1;

  constructor(options: Readonly<WebSocketOptions>, socket: Duplex, clock: SessionClock) {
    this.#options = options;
    this.#socket = socket;
    this.#clock = clock;
    this.#openedAt = clock.now();
    this.#lastTraffic = this.#openedAt;
  }

  /** The peer gave a sign of life. */
  alive(): void {
    this.#lastTraffic = this.#clock.now();
    this.#pingedAt = 0;
  }

  /** The peer has taken everything. */
  drained(): void {
    this.#stuckSince = 0;
  }

  /** One look. `hasSession` tells whether somebody has shaken hands here, `isBlocked` whether bytes wait for the peer. */
  look(now: number, hasSession: boolean, isBlocked: boolean): Finding {
    const { writeTimeout, handshakeTimeout, idleTimeout, pingInterval } = this.#options;
    if (isBlocked) {
      if (writeTimeout >= 0 && this.#isStuck(now, writeTimeout)) return { act: 'cut', limit: 'writeTimeout' };
      // Slow, but reading: that is a sign of life too, while we do not read ourselves.
      this.alive();
    }
    const silent = now - this.#lastTraffic;
    const isLate = handshakeTimeout >= 0 && Math.min(silent, now - this.#openedAt) > handshakeTimeout;
    if (!hasSession && isLate) return { act: 'close', limit: 'handshakeTimeout' };
    if (idleTimeout >= 0 && silent > idleTimeout) return { act: 'close', limit: 'idleTimeout' };
    if (pingInterval < 0 || silent <= pingInterval) return null;
    if (this.#pingedAt === 0) {
      this.#pingedAt = now;
      return { act: 'ping' };
    }
    return now - this.#pingedAt > pingInterval ? { act: 'cut', limit: 'pingInterval' } : null;
  }

  /** Whether the peer has taken no byte for `patience` ms. */
  #isStuck(now: number, patience: number): boolean {
    const written = (this.#socket as { bytesWritten?: number }).bytesWritten ?? 0;
    const taken = written - this.#socket.writableLength;
    if (this.#stuckSince === 0 || taken !== this.#bytesTaken) {
      this.#stuckSince = now;
      this.#bytesTaken = taken;
      return false;
    }
    return now - this.#stuckSince > patience;
  }
}

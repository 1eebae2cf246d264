/** A TCP proxy that misbehaves on request: late, mute, frozen, held, sliced, slow, cut short, reset or half closed. */
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net';
import { type Dosage, Lane } from './toxic-lane.ts';

/** `up` goes to the server, `down` comes back to the client. */
export type Direction = 'up' | 'down';

/** `end` says goodbye in the middle of a word, `reset` sends RST, which a peer that has bytes left to read may see as an end. */
export type Ending = 'end' | 'reset';

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  readonly lanes: Record<Direction, Lane>;
}

interface Cut {
  left: number;
  readonly ending: Ending;
  readonly done: () => void;
}

/** Holds back the one lane whose bytes carry the text. */
interface Snare {
  readonly direction: Direction;
  readonly text: string;
  readonly caught: () => void;
}

export class ToxicProxy {
  readonly port: number;
  /** Bytes that came in from either side since the start, swallowed ones included. */
  readonly seen: Record<Direction, number> = { up: 0, down: 0 };
  #latency = 0;
  #mute = false;
  #frozen = false;
  #refusing = false;
  #cuts: Partial<Record<Direction, Cut>> = {};
  #snares: Snare[] = [];
  readonly #dosage: Dosage = {};
  readonly #links: Set<Link> = new Set();
  readonly #listener: Server;

  /** A proxy to this port of 127.0.0.1, on a free port of its own. */
  static async start(target: number): Promise<ToxicProxy> {
    const listener = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    return new ToxicProxy(listener, target);
  }

  private constructor(listener: Server, target: number) {
    this.#listener = listener;
    this.port = (listener.address() as AddressInfo).port;
    listener.on('connection', (client) => this.#accept(client, target));
  }

  /** The same URL, through this proxy. */
  through(url: string): string {
    const detour = new URL(url);
    detour.port = String(this.port);
    return detour.href;
  }

  get connections(): number {
    return this.#links.size;
  }

  /** Everything arrives this many ms late, in order; 0 ends it. */
  latency(ms: number): void {
    this.#latency = ms;
  }

  /** Bytes are swallowed both ways; the connections stay open. */
  blackHole(): void {
    this.#mute = true;
  }

  /** Nobody reads any more: both sides feel back-pressure. */
  pause(): void {
    this.#frozen = true;
    for (const link of this.#links) for (const socket of [link.client, link.server]) socket.pause();
  }

  /** Bytes go through in pieces of at most this many, each in a turn of its own; 0 ends it. */
  slice(bytes: number): void {
    this.#dosage.pieces = bytes || undefined;
  }

  /** Each connection carries at most this many bytes per second each way; 0 ends it. */
  slow(bytesPerSecond: number): void {
    this.#dosage.rate = bytesPerSecond || undefined;
  }

  /**
   * Holds back the next bytes that carry this text, and what follows them on the same connection in the same direction,
   * until `release`. Other connections are not touched. Resolves when it has caught them.
   */
  hold(direction: Direction, text: string): Promise<void> {
    return new Promise((caught) => this.#snares.push({ direction, text, caught }));
  }

  /** Lets flow what `hold` holds, and forgets what it still waited for. */
  release(): void {
    this.#snares = [];
    for (const { lanes } of this.#links) for (const lane of [lanes.up, lanes.down]) lane.release();
  }

  /** New connections are reset at once. */
  refuse(): void {
    this.#refusing = true;
  }

  /** Behaves again: what was swallowed stays lost, what was held back flows. */
  heal(): void {
    this.#latency = 0;
    this.#mute = false;
    this.#frozen = false;
    this.#refusing = false;
    this.#cuts = {};
    this.slice(0);
    this.slow(0);
    this.release();
    for (const link of this.#links) for (const socket of [link.client, link.server]) socket.resume();
  }

  /** Resets every open connection on both sides. */
  reset(): void {
    for (const link of this.#links) for (const socket of [link.client, link.server]) socket.resetAndDestroy();
  }

  /**
   * Lets this many more bytes pass that way, in all, then cuts the connection that carries the next one. Resolves when
   * it has; later connections are not cut.
   */
  cutAfter(bytes: number, direction: Direction, ending: Ending = 'end'): Promise<void> {
    return new Promise((done) => {
      this.#cuts[direction] = { left: bytes, ending, done };
    });
  }

  /** Says goodbye to the clients only; what they send still reaches the server. */
  halfClose(): void {
    for (const link of this.#links) link.client.end();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    for (const link of this.#links) for (const socket of [link.client, link.server]) socket.destroy();
    await closed;
  }

  #accept(client: Socket, target: number): void {
    if (this.#refusing) {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const server = dial({ port: target, host: '127.0.0.1', allowHalfOpen: true });
    // Pieces are to arrive as pieces.
    for (const socket of [client, server]) socket.setNoDelay(true);
    const lane = (from: Socket, to: Socket, direction: Direction): Lane =>
      new Lane(
        this.#dosage,
        (bytes) => this.#pass(link, from, to, bytes, direction),
        () => to.end(),
      );
    const link: Link = {
      client,
      server,
      lanes: { up: lane(client, server, 'up'), down: lane(server, client, 'down') },
    };
    this.#links.add(link);
    this.#pipe(link, client, server, 'up');
    this.#pipe(link, server, client, 'down');
    if (this.#frozen) for (const socket of [client, server]) socket.pause();
  }

  #pipe(link: Link, from: Socket, to: Socket, direction: Direction): void {
    const lane = link.lanes[direction];
    from.on('data', (chunk: Buffer) => {
      this.seen[direction] += chunk.length;
      if (this.#mute) return;
      this.#later(() => {
        this.#ensnare(lane, chunk, direction);
        lane.push(chunk);
      });
    });
    from.on('end', () => {
      if (!this.#mute) this.#later(() => lane.end());
    });
    // Trouble on one side is trouble on the other; the close that follows passes it on.
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#links.delete(link);
      this.#later(() => {
        lane.drop();
        to.destroy();
      });
    });
    to.on('drain', () => {
      if (!this.#frozen) from.resume();
    });
  }

  #ensnare(lane: Lane, chunk: Buffer, direction: Direction): void {
    if (lane.isHeld) return;
    const snare = this.#snares.find((one) => one.direction === direction && chunk.includes(one.text));
    if (!snare) return;
    this.#snares = this.#snares.filter((one) => one !== snare);
    lane.hold();
    snare.caught();
  }

  #pass(link: Link, from: Socket, to: Socket, chunk: Buffer, direction: Direction): void {
    const cut = this.#cuts[direction];
    if (to.destroyed) return;
    if (cut === undefined || chunk.length <= cut.left) {
      if (cut) cut.left -= chunk.length;
      if (!to.write(chunk)) from.pause();
      return;
    }
    delete this.#cuts[direction];
    this.#sever(link, to, chunk.subarray(0, cut.left), cut.ending);
    cut.done();
  }

  #sever(link: Link, to: Socket, last: Buffer, ending: Ending): void {
    for (const lane of [link.lanes.up, link.lanes.down]) lane.drop();
    const sockets = [link.client, link.server];
    if (ending === 'end') {
      to.end(last);
      for (const socket of sockets) socket.destroySoon();
      return;
    }
    const reset = (): void => {
      for (const socket of sockets) socket.resetAndDestroy();
    };
    if (last.length === 0) reset();
    else to.write(last, reset);
  }

  /** Timers of equal length fire in order, so the bytes keep theirs as long as the latency does not shrink mid-flow. */
  #later(act: () => void): void {
    if (this.#latency === 0) act();
    else setTimeout(act, this.#latency);
  }
}

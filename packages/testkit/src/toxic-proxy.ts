/** A TCP proxy that misbehaves on request: late, mute, frozen, cut short, reset or half closed. */
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net';

/** `up` goes to the server, `down` comes back to the client. */
export type Direction = 'up' | 'down';

interface Link {
  readonly client: Socket;
  readonly server: Socket;
}

export class ToxicProxy {
  readonly port: number;
  /** Bytes that came in from either side since the start, swallowed ones included. */
  readonly seen: Record<Direction, number> = { up: 0, down: 0 };
  #latency = 0;
  #mute = false;
  #frozen = false;
  #refusing = false;
  #cuts: Partial<Record<Direction, number>> = {};
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
    for (const link of this.#links) for (const socket of [link.client, link.server]) socket.resume();
  }

  /** Resets every open connection on both sides. */
  reset(): void {
    for (const link of this.#links) for (const socket of [link.client, link.server]) socket.resetAndDestroy();
  }

  /** Lets this many more bytes pass that way, in all, then cuts the connection that carries the next one. */
  cutAfter(bytes: number, direction: Direction): void {
    this.#cuts[direction] = bytes;
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
    const link: Link = { client, server: dial({ port: target, host: '127.0.0.1', allowHalfOpen: true }) };
    this.#links.add(link);
    this.#pipe(link, client, link.server, 'up');
    this.#pipe(link, link.server, client, 'down');
    if (this.#frozen) for (const socket of [client, link.server]) socket.pause();
  }

  #pipe(link: Link, from: Socket, to: Socket, direction: Direction): void {
    from.on('data', (chunk: Buffer) => {
      this.seen[direction] += chunk.length;
      if (this.#mute) return;
      this.#later(() => this.#pass(link, from, to, chunk, direction));
    });
    from.on('end', () => {
      if (!this.#mute) this.#later(() => to.end());
    });
    // Trouble on one side is trouble on the other; the close that follows passes it on.
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#links.delete(link);
      this.#later(() => to.destroy());
    });
    to.on('drain', () => {
      if (!this.#frozen) from.resume();
    });
  }

  #pass(link: Link, from: Socket, to: Socket, chunk: Buffer, direction: Direction): void {
    const budget = this.#cuts[direction];
    if (to.destroyed) return;
    if (budget === undefined || chunk.length <= budget) {
      if (budget !== undefined) this.#cuts[direction] = budget - chunk.length;
      if (!to.write(chunk)) from.pause();
      return;
    }
    to.end(chunk.subarray(0, budget));
    delete this.#cuts[direction];
    for (const socket of [link.client, link.server]) socket.destroySoon();
  }

  /** Timers of equal length fire in order, so the bytes keep theirs as long as the latency does not shrink mid-flow. */
  #later(act: () => void): void {
    if (this.#latency === 0) act();
    else setTimeout(act, this.#latency);
  }
}

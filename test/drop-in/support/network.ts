/** The surroundings of one client: a window with timers, console, XMLHttpRequest, WebSocket and script elements. */
import type { Exchange } from './exchange.ts';
import { FakeRequest, type HttpExchange } from './fake-http.ts';
import { fakeDocument } from './fake-jsonp.ts';
import { FakeWebSocket } from './fake-websocket.ts';
import { jobsDone, VirtualClock } from './virtual-clock.ts';

export type FakeWindow = Record<string, unknown>;

export class Network {
  readonly clock: VirtualClock = new VirtualClock();
  readonly window: FakeWindow;
  /** Every request ever sent, by XMLHttpRequest or JSONP. */
  readonly requests: Exchange[] = [];
  readonly sockets: FakeWebSocket[] = [];
  /** What was logged: level, then the arguments. */
  readonly log: [string, ...unknown[]][] = [];
  /** Set: `new WebSocket` throws it. */
  socketError: Error | null = null;
  readonly #taken = new Set<Exchange>();

  constructor() {
    const sent = (exchange: Exchange) => void this.requests.push(exchange);
    const refusal = (): Error | null => this.socketError;
    const sockets = this.sockets;
    const note =
      (level: string) =>
      (...args: unknown[]) =>
        void this.log.push([level, ...args]);
    this.window = {
      setTimeout: this.clock.setTimeout,
      clearTimeout: this.clock.clearTimeout,
      console: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error'), log: note('log') },
      XMLHttpRequest: class extends FakeRequest {
        constructor() {
          super(sent);
        }
      },
      WebSocket: class extends FakeWebSocket {
        constructor(...args: string[]) {
          const error = refusal();
          if (error) throw error;
          super(sockets, args);
        }
      },
    };
    this.window.document = fakeDocument(this.window, sent);
  }

  /** Requests without an answer. */
  get open(): Exchange[] {
    return this.requests.filter((exchange) => !exchange.done);
  }

  /** Channels of all requests so far, one list per request. */
  get channels(): (string | undefined)[][] {
    return this.requests.map((exchange) => exchange.channels);
  }

  /** The oldest unanswered request with a message on the channel that was not taken yet; waits for timers of 0 ms. */
  async take(channel: string): Promise<HttpExchange> {
    await this.clock.advance(0);
    const found = this.open.find((exchange) => exchange.channels.includes(channel) && !this.#taken.has(exchange));
    if (!found)
      throw new Error(
        `no request with ${channel} is open, but ${JSON.stringify(this.open.map((one) => one.channels))}`,
      );
    this.#taken.add(found);
    return found as HttpExchange;
  }

  /** The newest socket. */
  async socket(): Promise<FakeWebSocket> {
    await this.clock.advance(0);
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error('no WebSocket was opened');
    return socket;
  }

  async quiet(): Promise<void> {
    await jobsDone();
    await this.clock.advance(0);
  }
}

/** A line in memory between one client and one server: the real transports of both, and no socket. */
import { Agent, createServer, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  type AnyChannels,
  BayeuxClient,
  type ChannelMap,
  CometD,
  type CometDConfiguration,
  type NodeClientOptions,
  type NodeOptions,
  type NodePlatform,
  nodePlatform,
} from '@cometd-ts/client/node';
import { BayeuxServer } from '@cometd-ts/server';
import { MemorySocket, Valve } from './memory-socket.ts';
import { realSetImmediate } from './real-time.ts';

/** Which way a message goes. */
export type Direction = 'toServer' | 'toClient';

export interface LineOptions {
  /** Path of the Bayeux server. Default '/cometd'. */
  readonly path?: string;
  /** The address that the server sees, and counts rates by. Default '127.0.0.1'. */
  readonly address?: string;
  /** Cookies and header fields of what travels, `Origin` for one. */
  readonly node?: Pick<NodeOptions, 'cookieJar' | 'headers' | 'perMessageDeflate' | 'maxPayload'>;
}

const FIRST_PORT = 49_152;
const SERVER_PORT = 80;

/**
 * A line to a `BayeuxServer`, or to an HTTP server that one is attached to (it need not listen). Both sides do all they do
 * over a network: HTTP, WebSocket frames, cookies, limits, timeouts. Each line is a client's own network, and can fail.
 */
export class MemoryLine implements AsyncDisposable {
  /** For clients that are made elsewhere, together with `platform`. */
  readonly url: string;
  /** What a client of either entry takes as its `platform`. */
  readonly platform: NodePlatform;
  /** What a client of `@cometd-ts/client/node`, and `http.request`, take as their agent. */
  readonly agent: Agent;
  readonly #options: LineOptions;
  readonly #server: Server;
  readonly #detach: () => void;
  readonly #valves: Readonly<Record<Direction, Valve>> = { toServer: new Valve(), toClient: new Valve() };
  readonly #connections: Set<MemorySocket> = new Set();
  readonly #clients: Set<() => void> = new Set();
  #port = FIRST_PORT;
  #isCut = false;

  constructor(target: BayeuxServer | Server, options: LineOptions = {}) {
    const path = options.path ?? '/cometd';
    this.#options = options;
    this.url = `http://memory.test${path}`;
    if (target instanceof BayeuxServer) {
      this.#server = createServer();
      const { detach } = target.attach(this.#server, { path });
      this.#detach = detach;
    } else {
      this.#server = target;
      this.#detach = () => undefined;
    }
    this.agent = new MemoryAgent(() => this.#connect());
    this.platform = nodePlatform({ ...options.node, agent: this.agent });
  }

  // Clients

  /** A typed client on this line, that has yet to handshake. Its pauses have no jitter, so that tests can count on them. */
  client<Channels extends ChannelMap = AnyChannels>(options: NodeClientOptions = {}): BayeuxClient<Channels> {
    const platform = { ...this.platform, ...options.platform };
    const client = new BayeuxClient<Channels>(this.url, { jitter: 0, ...options, platform });
    this.#clients.add(() => client.abort());
    return client;
  }

  /** A `CometD` object on this line, configured, that has yet to handshake. */
  cometd(options: Partial<CometDConfiguration> = {}): CometD {
    const cometd = new CometD(undefined, { ...this.#options.node, agent: this.agent });
    cometd.configure({ logLevel: 'warn', ...options, url: this.url });
    this.#clients.add(() => cometd.disconnect());
    return cometd;
  }

  // Trouble

  /** Connections that are open now. */
  get connections(): number {
    return this.#connections.size;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  /** Breaks all connections and refuses new ones, until `restore`. */
  cut(): void {
    this.#isCut = true;
    this.reset();
  }

  restore(): void {
    this.#isCut = false;
  }

  /** Breaks all connections; new ones are welcome. */
  reset(): void {
    for (const socket of [...this.#connections]) socket.break();
  }

  /** From now on nothing arrives, and nobody is told: it waits until `release`. Default both directions. */
  hold(direction?: Direction): void {
    for (const valve of this.#valvesOf(direction)) valve.hold();
  }

  /** What was held arrives, in its order. */
  release(direction?: Direction): void {
    for (const valve of this.#valvesOf(direction)) valve.release();
  }

  /**
   * Loses what travels next in this direction, and the connection with it: a network loses nothing from the midst of a
   * connection that lives. Other connections stay.
   */
  loseNext(direction: Direction): void {
    this.#valves[direction].loseNext();
  }

  #valvesOf(direction: Direction | undefined): readonly Valve[] {
    return direction ? [this.#valves[direction]] : Object.values(this.#valves);
  }

  // Its life

  /** Ends the clients made here, and every connection. The server goes on. */
  close(): void {
    for (const end of this.#clients) end();
    this.#clients.clear();
    for (const valve of Object.values(this.#valves)) {
      valve.keepNext();
      valve.release();
    }
    this.cut();
    this.#detach();
    this.agent.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #connect(): Duplex {
    const { toServer, toClient } = this.#valves;
    const [client, server] = MemorySocket.pair(toServer, toClient, {
      remoteAddress: this.#options.address ?? '127.0.0.1',
      remotePort: this.#port++,
      localAddress: '127.0.0.1',
      localPort: SERVER_PORT,
    });
    this.#connections.add(client);
    client.on('close', () => this.#connections.delete(client));
    // Whoever asked for the connection gets it first, and hears of its trouble afterwards.
    realSetImmediate(() => {
      if (this.#isCut) return client.break('ECONNREFUSED');
      client.emit('connect');
      this.#server.emit('connection', server);
    });
    return client;
  }
}

class MemoryAgent extends Agent {
  readonly #connect: () => Duplex;

  constructor(connect: () => Duplex) {
    super({ keepAlive: true });
    this.#connect = connect;
  }

  override createConnection(): Duplex {
    return this.#connect();
  }
}

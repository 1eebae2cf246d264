/** A server and a client that are connected in memory: what most tests of an application begin with. */
import type { AnyChannels, BayeuxClient, ChannelMap, NodeClientOptions } from '@cometd-ts/client/node';
import { BayeuxServer, type ServerOptions } from '@cometd-ts/server';
import { type LineOptions, MemoryLine } from './line.ts';

export interface PairOptions extends LineOptions {
  /** The application's server, which stays its own, or options of a new one. Default a new one. */
  readonly server?: BayeuxServer | ServerOptions;
  /** Options of the client. */
  readonly client?: NodeClientOptions;
}

/** A server, and a client on a line of its own. */
export class Pair<Channels extends ChannelMap = AnyChannels> implements AsyncDisposable {
  readonly server: BayeuxServer;
  readonly line: MemoryLine;
  /** It has yet to handshake. */
  readonly client: BayeuxClient<Channels>;
  readonly #options: PairOptions;
  readonly #lines: MemoryLine[] = [];

  constructor(options: PairOptions) {
    const { server, client, ...line } = options;
    this.#options = options;
    this.server = server instanceof BayeuxServer ? server : new BayeuxServer(server);
    this.line = this.newLine(line);
    this.client = this.line.client<Channels>(client);
  }

  /** One more line to the server, for one more client. It ends with the pair. */
  newLine(options: LineOptions = {}): MemoryLine {
    const { path } = this.#options;
    const line = new MemoryLine(this.server, { ...(path === undefined ? {} : { path }), ...options });
    this.#lines.push(line);
    return line;
  }

  /** Ends clients and connections, and the server if it was made here. */
  async close(): Promise<void> {
    for (const line of this.#lines) line.close();
    if (this.server !== this.#options.server) await this.server.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Makes a server and a client that are connected in memory. Nothing has been sent yet: `await client.handshake()`. */
export function pair<Channels extends ChannelMap = AnyChannels>(options: PairOptions = {}): Pair<Channels> {
  return new Pair<Channels>(options);
}

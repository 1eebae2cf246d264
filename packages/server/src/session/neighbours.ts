/**
 * Servers that share one address: a client may knock at any of them, and is served by the one that has its session.
 *
 *     client ──▶ the server that was met ──pass / open──▶ the server whose mark the session id bears
 *
 * What carries requests between them is the application's, or that of `cometd serve --workers`.
 */
import type { Duplex } from 'node:stream';

/** A request as the server that was met has received it. Plain: it can travel as JSON. */
export interface PassedRequest {
  readonly method: string;
  readonly url: string;
  /** Such as `1.1` or `2.0`. */
  readonly httpVersion: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Whether the client came by TLS. */
  readonly secure: boolean;
  readonly remote: PassedAddress;
  readonly local: PassedAddress;
}

/** One end of the client's connection. */
export interface PassedAddress {
  readonly address?: string | undefined;
  readonly port?: number | undefined;
}

/** What is to be sent to the client. */
export interface PassedAnswer {
  readonly status: number;
  /** Names and values in turn. Those that belong to a connection are not among them. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** Whether the client's connection may serve further requests. */
  readonly keepAlive: boolean;
}

/** A request that was passed on, as long as it is not answered. */
export interface Passage {
  /** The client has gone. */
  abort(): void;
  /** Another request waits behind this one on the client's connection: a held connect is answered now. */
  hurry(): void;
}

/** Another server of the same address. */
export interface Neighbour {
  /**
   * Has a request answered there. `done` is called once, later; null means that the neighbour is gone, or has nothing to say, and the
   * request is to be answered here.
   */
  pass(request: PassedRequest, body: Buffer, done: (answer: PassedAnswer | null) => void): Passage;
  /** Opens a way for the bytes of a WebSocket. Rejects when the neighbour cannot be reached. */
  open(request: PassedRequest): Promise<Duplex>;
}

/** All other servers of one address, as one of them knows them. */
export interface Neighbourhood {
  /** What ids of sessions and values of browser cookies begin with here, and nowhere else. Letters, digits and `-`. */
  readonly mark: string;
  /** The neighbour whose mark an id begins with, if it can be reached. Never this server itself. */
  ownerOf(id: string): Neighbour | undefined;
}

/** The neighbours of this server; nobody, unless it was told of some. */
export class Neighbours {
  #neighbourhood: Neighbourhood | null = null;

  get mark(): string {
    return this.#neighbourhood?.mark ?? '';
  }

  get areThere(): boolean {
    return this.#neighbourhood !== null;
  }

  /** Throws `TypeError` for a mark that no cookie can carry. */
  meet(neighbourhood: Neighbourhood): void {
    if (!/^[\dA-Za-z-]+$/.test(neighbourhood.mark))
      throw new TypeError(`A mark is made of letters, digits and '-', not '${neighbourhood.mark}'`);
    this.#neighbourhood = neighbourhood;
  }

  ownerOf(id: string): Neighbour | undefined {
    return this.#neighbourhood?.ownerOf(id);
  }
}

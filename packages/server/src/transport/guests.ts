/** The door for what other servers of the same address have received. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Passage, PassedAnswer, PassedRequest } from '../session/neighbours.ts';
import { PassedMessage, PassedSocket, serve } from './passing.ts';

/** The server, as far as guests need it. */
interface House {
  handleRequest(request: IncomingMessage, response: ServerResponse): void;
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** Lets requests of neighbours in. Whoever calls it vouches for them: addresses of clients are believed. */
export class Guests {
  readonly #house: House;
  readonly #hurry: (socket: Socket) => void;

  constructor(house: House, hurry: (socket: Socket) => void) {
    this.#house = house;
    this.#hurry = hurry;
  }

  /** Serves a request; `done` is called once, with null when there is no answer, and not at all after `abort`. */
  request(request: PassedRequest, body: Buffer, done: (answer: PassedAnswer | null) => void): Passage {
    return serve(request, body, (...exchange) => this.#house.handleRequest(...exchange), this.#hurry, done);
  }

  /** Serves a WebSocket whose frames come through `pipe`. */
  webSocket(request: PassedRequest, pipe: Duplex): void {
    this.#house.handleUpgrade(new PassedMessage(request, new PassedSocket(request)), pipe, Buffer.alloc(0));
  }
}

/** What a run is to be: the server, the clients, and the load, as the processes of the client tell each other. */

/** Where the server is, and who its clients are. */
export interface Plan {
  /** The URL of Bayeux, `http:` or `https:`. */
  readonly url: string;
  readonly transport: 'websocket' | 'long-polling';
  /** Channel below which the rooms are: room 0 of `/chat/demo` is `/chat/demo/0`. */
  readonly channel: string;
  readonly rooms: number;
  readonly roomsPerClient: number;
  /** Users of a room: each is in one, and there are as many rooms as they fill. Then `rooms` and `roomsPerClient` do not matter. */
  readonly roomSize?: number;
  readonly ack: boolean;
  /** Takes certificates that nobody vouches for. */
  readonly insecure: boolean;
}

export interface Load {
  readonly clients: number;
  readonly batchCount: number;
  /** Messages in one batch. */
  readonly batchSize: number;
  /** From one batch to the next, in µs. 0: as fast as can be. */
  readonly batchPause: number;
  /** Characters of the text of a message. */
  readonly messageSize: number;
  /** Sender and room by chance; else in turns. */
  readonly randomize: boolean;
}

/** A run as told to each process. */
export interface Run {
  readonly load: Load;
  /** Tells messages of this run from those of others. */
  readonly name: string;
  /** When the first batch is due, in µs of the clock that all processes of a machine share. */
  readonly start: number;
}

/** The clock that all processes of this machine share, in µs. */
export function micros(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1e3;
}

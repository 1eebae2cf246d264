/** Requests that go from one server of an address to another: taken apart where they came in, put together where they are served. */
import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Neighbour, Passage, PassedAnswer, PassedRequest } from '../session/neighbours.ts';

/** The request that was passed on last from a connection, while it has no answer. */
const passing: unique symbol = Symbol('the passed request of this socket');
type PassingSocket = Socket & { [passing]?: Passage | undefined };

/** The request of this connection that waits for its answer from a neighbour. */
export function passedOn(socket: Socket): Passage | undefined {
  return (socket as PassingSocket)[passing];
}

/** Has a neighbour answer. `done` is called once, and not at all when the client leaves before. */
export function pass(
  owner: Neighbour,
  request: PassedRequest,
  body: Buffer,
  response: ServerResponse,
  done: (answer: PassedAnswer | null) => void,
): void {
  const socket = response.req.socket as PassingSocket;
  const isPipelined = response.req.httpVersionMajor < 2;
  let isOver = false;
  const end = (): void => {
    isOver = true;
    response.off('close', onClose);
    if (isPipelined && socket[passing] === passage) socket[passing] = undefined;
  };
  const onClose = (): void => {
    end();
    passage.abort();
  };
  response.on('close', onClose);
  const passage = owner.pass(request, body, (answer) => {
    if (isOver) return;
    end();
    done(answer);
  });
  if (isPipelined && !isOver) socket[passing] = passage;
}

/** The client's connection, as far as the server that serves it may see it. What is written here becomes the answer. */
export class PassedSocket extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly encrypted: boolean;
  readonly #chunks: Buffer[] = [];

  constructor({ remote, local, secure }: PassedRequest) {
    super({ allowHalfOpen: true });
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
    this.localAddress = local.address;
    this.localPort = local.port;
    this.encrypted = secure;
  }

  get written(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  override _read(): void {
    // Nothing ever comes this way: the request is here whole.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }
}

/** A request another server has received. It goes no further. */
export class PassedMessage extends IncomingMessage {
  constructor(passed: PassedRequest, socket: PassedSocket) {
    super(socket as unknown as Socket);
    const [major = 1, minor = 1] = passed.httpVersion.split('.').map(Number);
    this.method = passed.method;
    this.url = passed.url;
    this.headers = { ...passed.headers } as IncomingMessage['headers'];
    this.httpVersion = passed.httpVersion;
    this.httpVersionMajor = major;
    this.httpVersionMinor = minor;
    this.complete = true;
  }
}

/** Serves a request of another server with `handle`; `hurry` is called with its socket when the client cannot wait. */
export function serve(
  passed: PassedRequest,
  body: Buffer,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  hurry: (socket: Socket) => void,
  done: (answer: PassedAnswer | null) => void,
): Passage {
  const socket = new PassedSocket(passed);
  const request = new PassedMessage(passed, socket);
  request.push(body);
  request.push(null);
  const response = new ServerResponse(request);
  response.assignSocket(socket as unknown as Socket);
  let isOver = false;
  const end = (answer: PassedAnswer | null): void => {
    if (isOver) return;
    isOver = true;
    done(answer);
  };
  response.on('finish', () => {
    end(answerOf(socket.written));
    socket.destroy();
  });
  response.on('close', () => end(null));
  handle(request, response);
  return {
    abort: () => {
      isOver = true;
      socket.destroy();
    },
    hurry: () => hurry(socket as unknown as Socket),
  };
}

/** Headers of a connection, and one that each server writes itself. */
const ofConnection: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'date', 'transfer-encoding']);

/** Takes the bytes of a response apart. */
export function answerOf(bytes: Buffer): PassedAnswer {
  const end = bytes.indexOf('\r\n\r\n');
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers: string[] = [];
  let keepAlive = true;
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    if (!ofConnection.has(name.toLowerCase())) headers.push(name, value);
    else if (name.toLowerCase() === 'connection' && value === 'close') keepAlive = false;
  }
  return { status: Number(first.split(' ')[1]), headers, body: bytes.subarray(end + 4), keepAlive };
}

/** Where other workers bring what they have received for sessions of this one. Only who knows the secret comes in. */
import { timingSafeEqual } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Guests, Passage, PassedRequest } from '@cometd-ts/server';
import { write } from './link.ts';
import {
  ABORT,
  ANSWER,
  type Frame,
  FrameReader,
  frame,
  GREETING_LENGTH,
  HURRY,
  NO_ANSWER,
  REQUEST,
  REQUESTS,
  SECRET_LENGTH,
  WEBSOCKET,
} from './wire.ts';

/** How long a greeting may take, in ms. */
const PATIENCE = 5_000;

export interface Door {
  readonly port: number;
  close(): void;
}

/** Opens the door on a free port of the loopback interface. */
export async function openDoor(secret: Buffer, guests: Guests): Promise<Door> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    greet(socket, secret, guests);
  });
  return {
    port: await listenInside(server),
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Listens on a free port of the loopback interface that is this worker's alone; answers the port. */
export async function listenInside(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // Not exclusive, it would be shared among all workers, as the port of the clients is.
    server.listen({ port: 0, host: '127.0.0.1', exclusive: true }, resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Hears the greeting out, and lets in what comes after it. */
function greet(socket: Socket, secret: Buffer, guests: Guests): void {
  let said: Buffer = Buffer.alloc(0);
  const impatience = setTimeout(() => socket.destroy(), PATIENCE).unref();
  socket.on('close', () => clearTimeout(impatience));
  socket.on('data', function hear(chunk: Buffer) {
    said = Buffer.concat([said, chunk]);
    if (said.length < GREETING_LENGTH) return;
    clearTimeout(impatience);
    socket.off('data', hear);
    socket.pause();
    if (!timingSafeEqual(said.subarray(0, SECRET_LENGTH), secret)) return void socket.destroy();
    if (said.length > GREETING_LENGTH) socket.unshift(said.subarray(GREETING_LENGTH));
    const purpose = said[SECRET_LENGTH];
    if (purpose === REQUESTS) requests(socket, guests);
    else if (purpose === WEBSOCKET) webSocket(socket, guests);
    else socket.destroy();
  });
}

function requests(socket: Socket, guests: Guests): void {
  const reader = new FrameReader();
  const underWay = new Map<number, Passage>();
  const take = ({ kind, id, head, body }: Frame): void => {
    if (kind === ABORT) {
      underWay.get(id)?.abort();
      underWay.delete(id);
    } else if (kind === HURRY) underWay.get(id)?.hurry();
    else if (kind === REQUEST) {
      const passage = guests.request(head as PassedRequest, body, (answer) => {
        underWay.delete(id);
        if (!answer) return write(socket, frame(NO_ANSWER, id));
        const { body: content, ...rest } = answer;
        write(socket, frame(ANSWER, id, rest, content));
      });
      underWay.set(id, passage);
    }
  };
  socket.on('data', (chunk) => {
    reader.add(chunk);
    for (let next = reader.next(); next; next = reader.next()) take(next);
  });
  socket.on('close', () => {
    for (const passage of underWay.values()) passage.abort();
  });
  socket.resume();
}

function webSocket(socket: Socket, guests: Guests): void {
  const reader = new FrameReader();
  socket.on('data', function hear(chunk: Buffer) {
    reader.add(chunk);
    const opening = reader.next();
    if (!opening) return;
    socket.off('data', hear);
    socket.pause();
    const rest = reader.rest();
    if (rest.length > 0) socket.unshift(rest);
    guests.webSocket(opening.head as PassedRequest, socket);
    socket.resume();
  });
  socket.resume();
}

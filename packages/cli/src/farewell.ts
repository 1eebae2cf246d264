/** How an HTTP server ends: everybody is told, each in the way of the protocol spoken, and who does not go is cut off. */
import type { Server } from 'node:http';
import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** How long peers have to hang up, in ms. */
const PATIENCE = 1_000;

/** Takes note of who comes, from now on; answers what closes the server, and resolves when the last one is gone. */
export function farewell(server: Server): () => Promise<void> {
  const connections = new Set<Socket>();
  const goodbyes = new Map<object, () => void>();
  const greet = (peer: Socket | Http2Session, goodbye: () => void): void => {
    goodbyes.set(peer, goodbye);
    peer.once('close', () => goodbyes.delete(peer));
  };
  const isSecure = 'setSecureContext' in server;
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    if (!isSecure) greet(socket, () => socket.end());
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol !== 'h2') greet(socket, () => socket.end());
  });
  server.on('session', (session: Http2Session) => greet(session, () => session.close()));

  return async () => {
    // The timer keeps nothing alive: when all have gone before, so has the process.
    const cutOff = setTimeout(() => {
      for (const socket of connections) socket.destroy();
    }, PATIENCE).unref();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const goodbye of goodbyes.values()) goodbye();
    await closed;
    // A server that has been handed its connections waits for none of them.
    await Promise.all([...connections].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    clearTimeout(cutOff);
  };
}

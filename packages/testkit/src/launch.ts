/** A Bayeux server on a free port of 127.0.0.1, in any of the four ways to speak HTTP, and everything closed in the end. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createSecureServer, createServer as createServer2 } from 'node:http2';
import { createServer as createServerTls } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { BayeuxServer, type ServerOptions } from '@cometd-ts/server';
import { generate } from 'selfsigned';

/** `http2` is HTTP/2 in clear, `http2s` HTTP/2 over TLS with HTTP/1.1 for those who ask for it. */
export type Scheme = 'http' | 'https' | 'http2' | 'http2s';

export interface LaunchOptions {
  /** Default `http`. */
  readonly scheme?: Scheme;
  /** Default `/cometd`. */
  readonly path?: string;
  /** Default 0, any free port. A restart on the same port names it. */
  readonly port?: number;
  readonly options?: ServerOptions;
  /** Answers the requests that are not the Bayeux server's. Default none: they wait. */
  readonly pages?: RequestListener;
  /** Runs before the first request can arrive. */
  readonly prepare?: (bayeux: BayeuxServer) => void;
}

export interface Launched {
  readonly bayeux: BayeuxServer;
  /** Where clients knock: `http://127.0.0.1:1234/cometd`. */
  readonly url: string;
  readonly port: number;
  /** The HTTP server it is attached to, for tests that look at its connections. */
  readonly listener: Server;
  /** Ends the Bayeux server, the listener, and every connection. */
  close(): Promise<void>;
}

export async function launch(launching: LaunchOptions = {}): Promise<Launched> {
  const { scheme = 'http', path = '/cometd', port: wanted = 0, options = {}, pages, prepare } = launching;
  const bayeux = new BayeuxServer(options);
  prepare?.(bayeux);
  const listener = await listenerOf(scheme);
  if (pages) listener.on('request', pages);
  const sockets = new Set<Socket>();
  listener.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  bayeux.attach(listener, { path });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(wanted, '127.0.0.1', resolve);
  });
  const { port } = listener.address() as AddressInfo;
  return {
    bayeux,
    port,
    listener,
    url: `${scheme === 'http' || scheme === 'http2' ? 'http' : 'https'}://127.0.0.1:${port}${path}`,
    close: async () => {
      await bayeux.stop();
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function listenerOf(scheme: Scheme): Promise<Server> {
  if (scheme === 'http') return createServer();
  // The HTTP/2 servers of Node.js speak the same events; their types only say so in part.
  if (scheme === 'http2') return createServer2() as unknown as Server;
  const { private: key, cert } = await certificate();
  if (scheme === 'https') return createServerTls({ key, cert });
  return createSecureServer({ key, cert, allowHTTP1: true }) as unknown as Server;
}

/** A fresh certificate for 127.0.0.1 and localhost, good for a day. */
export async function certificate(): Promise<{ private: string; cert: string }> {
  return generate([{ name: 'commonName', value: 'localhost' }], {
    keySize: 2048,
    // Deno refuses SHA-1, and so will others.
    algorithm: 'sha256',
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
}

/** The HTTP server under the servers that are written for Node.js: HTTP, HTTPS, or HTTP/2 beside HTTP/1.1. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createServerTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { generate } from 'selfsigned';
import type { Scenario } from '../scenarios.ts';

/** Sessions come faster than a server under load accepts them. */
const BACKLOG = 4_096;

/** A certificate of its own for each run, with the kind of key that costs the least. */
export async function certificate(): Promise<{ readonly cert: string; readonly key: string }> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' });
  return { cert, key };
}

/** Not yet listening. HTTP/2 has the same events, and requests and responses that fit those of HTTP/1.1. */
export async function createListener({ tls, http2 }: Scenario, onRequest?: RequestListener): Promise<Server> {
  const listener = !tls
    ? createServer()
    : http2
      ? (createSecureServer({ ...(await certificate()), allowHTTP1: true }) as unknown as Server)
      : createServerTls(await certificate());
  // Idle keep-alive connections must not vanish between two polls, whoever the server is.
  listener.keepAliveTimeout = 120_000;
  if (onRequest) listener.on('request', onRequest);
  return listener;
}

/** Resolves with the port. */
export function listen(listener: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG }, () =>
      resolve((listener.address() as AddressInfo).port),
    );
  });
}

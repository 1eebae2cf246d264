/** The HTTP server under `cometd serve`: in clear, or with TLS and HTTP/2, with time limits against the slow. */
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { AddressInfo, Server as NetServer } from 'node:net';
import type { ServeArguments } from './arguments.ts';
import { Complaint, reasonOf } from './complaint.ts';

/** Times in ms: headers and requests that dribble in are cut; idle connections stay longer than clients pause. */
const limits = {
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  connectionsCheckingInterval: 2_000,
  keepAliveTimeout: 75_000,
  maxHeaderSize: 16_384,
} as const;

/** Makes the server; with `--cert` and `--key` it speaks TLS, HTTP/2 and HTTP/1.1. Servers with the same `ticketKeys` resume each other's TLS sessions. */
export async function createListener(
  given: ServeArguments,
  pages: RequestListener,
  ticketKeys?: Buffer,
): Promise<Server> {
  if (given.cert === undefined && given.key === undefined) return createServer(limits, pages);
  if (given.cert === undefined || given.key === undefined) throw new Complaint('--cert and --key belong together');
  const [cert, key] = await Promise.all([fileOf('--cert', given.cert), fileOf('--key', given.key)]);
  try {
    const options = {
      cert,
      key,
      ...(ticketKeys && { ticketKeys }),
      allowHTTP1: true,
      handshakeTimeout: limits.headersTimeout,
      ...limits,
    };
    // The types of HTTP/2 say less than it does: its server has the events and objects of an HTTP/1.1 server.
    const server = createSecureServer(options, pages as never) as unknown as Server;
    // It also takes no notice of the times among its options, and reads them when it begins to listen.
    return Object.assign(server, limits);
  } catch (error) {
    throw new Complaint(`The certificate and key are not usable: ${reasonOf(error)}`);
  }
}

async function fileOf(flag: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new Complaint(`${flag} cannot be read: ${reasonOf(error)}`);
  }
}

/** Where a server is to listen, and how another port is asked for. */
export interface Address {
  readonly port: number;
  readonly host: string;
  readonly choice: string;
}

const refusals: Readonly<Record<string, (given: Address) => string>> = {
  EADDRINUSE: ({ port, choice }) => `Port ${port} is taken: stop who has it, or choose another with ${choice}`,
  EACCES: ({ port }) => `Port ${port} needs more rights than this user has: choose one above 1023`,
  EADDRNOTAVAIL: ({ host }) => `This machine has no address ${host}`,
  EAI_AGAIN: ({ host }) => `The host ${host} cannot be looked up`,
  ENOTFOUND: ({ host }) => `There is no host named ${host}`,
};

/** The server of management: never with TLS, for it is not for the network of the clients. */
export function createManagement(pages: RequestListener): Server {
  return createServer(limits, pages);
}

/** Listens; answers the port. Throws `Complaint` when the port or host is not to be had. */
export async function listen(server: NetServer, given: Address): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(given.port, given.host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    const refusal = refusals[(error as NodeJS.ErrnoException).code ?? ''];
    throw new Complaint(refusal?.(given) ?? `Cannot listen: ${reasonOf(error)}`);
  }
  return (server.address() as AddressInfo).port;
}

/** What a browser needs to come here. */
export function originOf(scheme: string, host: string, port: number): string {
  const name = ['0.0.0.0', '::'].includes(host) ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `${scheme}://${name}:${port}`;
}

/** Tells the person at the keyboard where the server is. */
export function announce(given: ServeArguments, port: number, management: string | undefined): void {
  if (management !== undefined) console.log(`Management is listening on ${management}`);
  const scheme = given.cert === undefined ? 'http' : 'https';
  console.log(`CometD is listening on ${originOf(scheme, given.host, port)}${given.demo ? '/' : given.path}`);
}

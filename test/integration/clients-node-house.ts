/** A server that remembers what it was asked, in clear or over TLS, and both clients for Node.js behind one small face. */
import { createServer, request as forward, type IncomingMessage, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import {
  BayeuxClient,
  type ClientOptions,
  CometD,
  type Failure,
  type Message,
  type NodeOptions,
} from '@cometd-ts/client/node';
import { BayeuxServer, type ServerOptions } from '@cometd-ts/server';
import { certificate, furnish } from '@cometd-ts/testkit';
import { onTestFinished } from 'vitest';
import type { Via } from '../faults/watched.ts';

export interface NodeHouse {
  readonly url: string;
  /** The certificate to trust; empty without TLS. */
  readonly cert: string;
  readonly bayeux: BayeuxServer;
  readonly http: Server;
  readonly requests: IncomingMessage[];
  readonly upgrades: IncomingMessage[];
  /** Whether upgrades are answered with 503. */
  refusing: boolean;
  /** Ends all connections there are. */
  cut(): void;
}

/** A furnished server on a free port; gone when the test is. */
export async function open(how: { secure?: boolean; options?: ServerOptions } = {}): Promise<NodeHouse> {
  const pair = how.secure ? await certificate() : { private: '', cert: '' };
  const http: Server = how.secure ? createSecureServer({ key: pair.private, cert: pair.cert }) : createServer();
  const bayeux = new BayeuxServer({ timeout: 5000, sweepPeriod: 100, ...how.options });
  furnish(bayeux);
  const sockets = new Set<Socket>();
  http.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  http.on('request', (request, response) => {
    house.requests.push(request);
    bayeux.handleRequest(request, response);
  });
  http.on('upgrade', (request, socket, head) => {
    house.upgrades.push(request);
    if (house.refusing) socket.end('HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    else bayeux.handleUpgrade(request, socket, head);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const house: NodeHouse = {
    url: `${how.secure ? 'https' : 'http'}://127.0.0.1:${port}/cometd`,
    cert: pair.cert,
    bayeux,
    http,
    requests: [],
    upgrades: [],
    refusing: false,
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
  onTestFinished(async () => {
    await bayeux.stop();
    const closed = new Promise((resolve) => http.close(resolve));
    house.cut();
    await closed;
  });
  return house;
}

export interface Proxy {
  readonly url: string;
  /** What was asked for: `CONNECT host:port` or `POST http://…`. */
  readonly asked: string[];
}

/** A proxy that tunnels (CONNECT) and forwards (absolute URLs); gone when the test is. */
export async function openProxy(): Promise<Proxy> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const onward = forward(`${request.url}`, { method: `${request.method}`, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.on('connect', (request, socket, head) => {
    asked.push(`CONNECT ${request.url}`);
    const onward = connect(Number(new URL(`tcp://${request.url}`).port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      onward.pipe(socket);
      socket.pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** What the tests ask of either client. */
export interface Visitor {
  /** Resolves when a connect was answered; rejects with why the first handshake failed. */
  arrive(): Promise<void>;
  /** The same, however many handshakes it takes. */
  persist(): Promise<void>;
  readonly transport: string | null;
  /** Resolves with the reply, good or bad. */
  publish(channel: string, data: unknown): Promise<Message>;
  /** Resolves when the server has confirmed. */
  subscribe(channel: string, listener: (message: Message) => void): Promise<void>;
  batch(block: () => void): void;
  leave(): Promise<void>;
}

export interface Plan {
  readonly url: string;
  /** Default both, WebSocket first. */
  readonly via?: Via;
  readonly options?: ClientOptions;
  readonly node?: NodeOptions;
}

const quick: ClientOptions = { backoffIncrement: 5, maxBackoff: 20, maxNetworkDelay: 3000, logLevel: 'error' };

export interface Face {
  readonly name: string;
  readonly visit: (plan: Plan) => Visitor;
}

export const faces: readonly Face[] = [
  {
    name: 'BayeuxClient',
    visit: ({ url, via, options, node = { proxy: false } }) => {
      const client = new BayeuxClient(url, {
        ...quick,
        jitter: 0,
        ...(via && { transports: [via] }),
        ...options,
        node,
      });
      onTestFinished(() => client.abort());
      return {
        arrive: () =>
          new Promise((resolve, reject) => {
            client.addListener('status', (status) => {
              if (status.type === 'connected') resolve();
              if (status.type === 'unconnected') reject(status.reason);
            });
            client.handshake().catch(reject);
          }),
        persist: async () => {
          await client.handshake();
          await client.waitFor('connected');
        },
        get transport() {
          return client.transport;
        },
        publish: (channel, data) => client.getChannel(channel).publish(data),
        subscribe: async (channel, listener) => {
          await client.getChannel(channel).subscribe(listener);
        },
        batch: (block) => client.batch(block),
        leave: () => client.disconnect(),
      };
    },
  },
  {
    name: 'CometD',
    visit: ({ url, via, options, node = { proxy: false } }) => {
      const cometd = new CometD(undefined, node);
      for (const type of cometd.getTransportTypes()) {
        if (type === 'callback-polling' || (via && type !== via)) cometd.unregisterTransport(type);
      }
      cometd.configure({ ...quick, url, ...options });
      onTestFinished(() => {
        if (!cometd.isDisconnected()) cometd.disconnect();
      });
      return {
        arrive: () =>
          new Promise((resolve, reject) => {
            cometd.addListener('/meta/connect', ({ successful }) => successful && resolve());
            cometd.onTransportException = (failure) => reject(asError(failure));
            cometd.handshake(({ successful, failure }) => {
              if (!successful) reject(asError(failure));
            });
          }),
        persist: () =>
          new Promise((resolve) => {
            cometd.addListener('/meta/connect', ({ successful }) => successful && resolve());
            cometd.handshake();
          }),
        get transport() {
          return cometd.getTransport()?.type ?? null;
        },
        publish: (channel, data) => new Promise((resolve) => cometd.publish(channel, data, resolve)),
        subscribe: (channel, listener) =>
          new Promise((resolve) => {
            cometd.subscribe(channel, listener, () => resolve());
          }),
        batch: (block) => cometd.batch(block),
        leave: () => new Promise((resolve) => cometd.disconnect(() => resolve())),
      };
    },
  },
];

function asError({ reason, exception, httpCode, websocketCode }: Failure = {}): Error {
  return new Error(`${reason} ${httpCode ?? websocketCode ?? ''}`, { cause: exception });
}

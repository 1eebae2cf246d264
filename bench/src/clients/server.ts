/**
 * The process of the server that the clients meet: ours for all who speak Bayeux, Socket.IO for its own. Over WebSocket
 * it pushes as long as its window is open; each byte on a second port, the line, says that the client has received some
 * more. Over long-polling it pushes when a poll has come, so that one response never holds the messages of two pushes.
 */
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { BayeuxServer } from '@cometd-ts/server';
import { Server as SocketIo } from 'socket.io';
import { answer } from '../child.ts';
import { CHANNEL } from '../scenarios.ts';
import { type Chat, type ClientName, CREDIT, chatter, findScenario, WINDOW } from './scenarios.ts';

/** Where the server and its line listen, on 127.0.0.1. */
export interface Address {
  readonly port: number;
  readonly line: number;
}

interface Host {
  /** Messages pushed together leave together. */
  push(chats: readonly Chat[]): void;
  /** The transports of the clients present. */
  transports(): string[];
}

const [client, scenarioName] = process.argv.slice(2) as [ClientName, string];
const scenario = findScenario(scenarioName);

function bayeux(http: HttpServer): Host {
  // With a frame of its own for every message, they can still share a write, or the server could not keep up.
  const server = new BayeuxServer({
    messagesPerFrame: scenario.together,
    maxFrameSize: 65_536,
    maxPublishRate: -1,
    maxHandshakeRate: -1,
  });
  server.attach(http, { path: '/cometd' });
  const { channel } = server.createChannelIfAbsent(CHANNEL, (made) => {
    made.persistent = true;
  });
  return {
    push: (chats) => {
      for (const chat of chats) channel.publish(null, chat);
    },
    transports: () => server.sessions.map((session) => session.transport),
  };
}

function socketIo(http: HttpServer): Host {
  const server = new SocketIo(http, { perMessageDeflate: false, serveClient: false });
  server.on('connection', (socket) => {
    const { conn } = socket;
    socket.on('publish', (_chat: unknown, acknowledge: () => void) => acknowledge());
    // Socket.IO writes each packet by itself. This is about its client, so its server gets the help it needs to keep up.
    conn.on('flush', () => {
      const tcp = conn.request.socket;
      tcp.cork();
      process.nextTick(() => tcp.uncork());
    });
  });
  return {
    push: (chats) => {
      for (const chat of chats) server.emit('message', chat);
    },
    transports: () =>
      [...server.sockets.sockets.values()].map(({ conn: { transport } }) =>
        transport.name === 'polling' ? 'long-polling' : transport.name,
      ),
  };
}

const http = createHttpServer();
http.keepAliveTimeout = 120_000;
const host = client === 'socket.io-client' ? socketIo(http) : bayeux(http);

/** The first poll of a client has come when this many ms have passed. */
const SETTLED = 300;

const next = chatter(scenario);
const push = (count: number): void => host.push(Array.from({ length: count }, next));

const line = createServer((socket) => {
  socket.on('data', (bytes) => {
    for (let i = 0; i < bytes.length; i++) push(CREDIT);
  });
  socket.on('error', () => socket.destroy());
});

function start(): void {
  if (scenario.task !== 'receive') return;
  if (scenario.transport === 'websocket') {
    for (let pushed = 0; pushed < WINDOW; pushed += CREDIT) push(CREDIT);
    return;
  }
  setTimeout(() => {
    push(scenario.together);
    // A POST of Socket.IO is no poll.
    const method = client === 'socket.io-client' ? 'GET' : 'POST';
    http.on('request', (request) => {
      if (request.method === method) setImmediate(() => push(scenario.together));
    });
  }, SETTLED);
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen({ port: 0, host: '127.0.0.1' }, resolve);
  });
  return (server.address() as AddressInfo).port;
}

answer({
  listen: async (): Promise<Address> => ({ port: await listen(http), line: await listen(line) }),
  transports: () => host.transports(),
  start,
  /** Where /proc does not tell. In ns. */
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) * 1_000;
  },
});

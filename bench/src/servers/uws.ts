/**
 * A limit: uWebSockets, whose sockets, HTTP and fan-out are C++. It speaks as much Bayeux as the load does, and has
 * nothing else of it: sessions do not expire, nothing is checked, queues are hardly bounded.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scenario } from '../scenarios.ts';
import { certificate } from './listener.ts';
import type { Peer } from './native.ts';
import type { Prepared } from './start.ts';
import {
  fetchUws,
  type HttpResponse,
  loadUws,
  type TemplatedApp,
  UWS_VERSION,
  type Uws,
  type WebSocket,
} from './uws-package.ts';

interface Message {
  readonly channel: string;
  readonly id: string;
  readonly clientId?: string;
  readonly subscription?: string | readonly string[];
  readonly data?: unknown;
  readonly advice?: { readonly timeout?: number };
}

/** Of long-polling; a WebSocket is its own session. */
interface Session {
  readonly queue: string[];
  parked: HttpResponse | undefined;
}

const PATH = '/cometd';
/** In seconds: no connection may end because it is idle. */
const IDLE = 960;
/** In bytes: what does not fit would be dropped without a word. */
const BACKPRESSURE = 1 << 30;

/** The package is a binary for some platforms and versions of Node.js. */
export function prepare(): Prepared {
  const obstacle = fetchUws();
  if (obstacle !== '') return { obstacle, versions: {} };
  try {
    loadUws();
    return { obstacle: '', versions: { uwebsockets: UWS_VERSION } };
  } catch (error) {
    return { obstacle: `uWebSockets does not run here: ${(error as Error).message.split('\n', 1)[0]}`, versions: {} };
  }
}

export async function start({ tls, http2, ack, lazy, binary, depth }: Scenario): Promise<Peer> {
  if (http2 || ack || lazy || binary || depth > 0) throw new Error('uWebSockets knows only messages and channels');
  const uws = loadUws();
  const app = tls ? await secured(uws.SSLApp) : uws.App();
  overWebSocket(app);
  overHttp(app);
  const listening = await new Promise<object | false>((resolve) => app.listen('127.0.0.1', 0, resolve));
  if (!listening) throw new Error('uWebSockets cannot listen');
  return {
    port: uws.us_socket_local_port(listening),
    stop: async () => {
      app.close();
    },
  };
}

/** It reads its certificate from files. */
async function secured(createApp: Uws['SSLApp']): Promise<TemplatedApp> {
  const { cert, key } = await certificate();
  const folder = mkdtempSync(join(tmpdir(), 'bench-uws-'));
  writeFileSync(join(folder, 'cert.pem'), cert);
  writeFileSync(join(folder, 'key.pem'), key);
  const app = createApp({ cert_file_name: join(folder, 'cert.pem'), key_file_name: join(folder, 'key.pem') });
  rmSync(folder, { recursive: true });
  return app;
}

function overWebSocket(app: TemplatedApp): void {
  let lastClient = 0;
  const onMessage = (socket: WebSocket, message: Message): void => {
    switch (message.channel) {
      case '/meta/handshake':
        socket.send(`[${shaken(message, `ws${++lastClient}`, 'websocket')}]`);
        break;
      case '/meta/connect':
        // Where a connect may wait, it waits forever.
        if (message.advice?.timeout === 0) socket.send(`[${done(message)}]`);
        break;
      case '/meta/subscribe':
        for (const channel of subscriptionsOf(message)) socket.subscribe(channel);
        socket.send(`[${done(message)}]`);
        break;
      default:
        app.publish(message.channel, `[${delivered(message)}]`);
        socket.send(`[${done(message)}]`);
    }
  };
  app.ws(PATH, {
    idleTimeout: IDLE,
    maxPayloadLength: 1 << 20,
    maxBackpressure: BACKPRESSURE,
    message: (socket, frame) => {
      for (const message of JSON.parse(Buffer.from(frame).toString()) as Message[]) onMessage(socket, message);
    },
  });
}

function overHttp(app: TemplatedApp): void {
  const sessions = new Map<string, Session>();
  const channels = new Map<string, Session[]>();
  let due: Session[] = [];
  /** Outside the handler of a request, because inside it only its own response is corked: the others take a write for each piece. */
  const answerPolls = (): void => {
    const sessionsDue = due;
    due = [];
    for (const session of sessionsDue) {
      if (session.parked && session.queue.length > 1) answerPoll(session);
    }
  };
  const onMessage = (response: HttpResponse, message: Message): void => {
    const session = sessions.get(message.clientId ?? '');
    switch (message.channel) {
      case '/meta/handshake': {
        const clientId = `lp${sessions.size}`;
        sessions.set(clientId, { queue: [], parked: undefined });
        send(response, shaken(message, clientId, 'long-polling'));
        break;
      }
      case '/meta/connect':
        session!.parked = response;
        session!.queue.push(done(message));
        if (session!.queue.length > 1 || message.advice?.timeout === 0) answerPoll(session!);
        break;
      case '/meta/subscribe':
        for (const channel of subscriptionsOf(message)) {
          const subscribers = channels.get(channel) ?? [];
          subscribers.push(session!);
          channels.set(channel, subscribers);
        }
        send(response, done(message));
        break;
      default: {
        const text = delivered(message);
        for (const subscriber of channels.get(message.channel) ?? []) {
          subscriber.queue.push(text);
          if (due.push(subscriber) === 1) setImmediate(answerPolls);
        }
        send(response, done(message));
      }
    }
  };
  app.post(PATH, (response) => {
    let body = '';
    // Who goes away is not missed: the load fails when a connection ends.
    response.onAborted(() => undefined);
    response.onData((chunk, isLast) => {
      body += Buffer.from(chunk).toString();
      if (isLast) onMessage(response, (JSON.parse(body) as [Message])[0]);
    });
  });
}

function answerPoll(session: Session): void {
  send(session.parked!, session.queue.join(','));
  session.queue.length = 0;
  session.parked = undefined;
}

function send(response: HttpResponse, messages: string): void {
  response.cork(() => {
    response.writeHeader('Content-Type', 'application/json').end(`[${messages}]`);
  });
}

function shaken({ id }: Message, clientId: string, transport: string): string {
  const types = `"supportedConnectionTypes":["${transport}"]`;
  return `{"channel":"/meta/handshake","version":"1.0","successful":true,"id":"${id}","clientId":"${clientId}",${types}}`;
}

function subscriptionsOf({ subscription = [] }: Message): readonly string[] {
  return typeof subscription === 'string' ? [subscription] : subscription;
}

function done({ channel, id, subscription }: Message): string {
  const what = subscription === undefined ? '' : `,"subscription":${JSON.stringify(subscription)}`;
  return `{"channel":"${channel}","successful":true,"id":"${id}"${what}}`;
}

function delivered({ channel, data, id }: Message): string {
  return `{"channel":"${channel}","data":${JSON.stringify(data)},"id":"${id}"}`;
}

/** Clients with an ack extension: ours with both faces, and the official ones, each as far as these tests need it. */
import { createRequire } from 'node:module';
import { AckExtension, BayeuxClient, CometD } from '@cometd-ts/client/node';
import { AckExtension as OfficialAckExtension, CometD as OfficialCometD } from 'cometd';
import { adapt } from 'cometd-nodejs-client';
import { CometD as OfficialCometD7 } from 'cometd7';
import { quick, type Via } from './watched.ts';

export interface AckClient {
  /** The clientId, which tells whether the session is still the one it was. */
  readonly id: string | null | undefined;
  /** Handshakes, connects for the first time, and subscribes. */
  enter(channel: string, heard: (data: unknown) => void): Promise<void>;
  leave(): Promise<unknown>;
}

/** How long a client waits for a reply beyond the time the server may hold it, in ms. */
export interface Patience {
  readonly maxNetworkDelay?: number;
}

type Open = (url: string, via: Via, patience?: Patience) => AckClient;

// In version 7 each extension is a file of its own.
const OfficialAckExtension7 = createRequire(import.meta.url)('cometd7/AckExtension') as new () => object;

interface Reply {
  readonly successful?: boolean;
  readonly data?: unknown;
}

/** What the object of the CometD JavaScript library has, ours and theirs. */
interface CometDLike {
  configure(options: object): void;
  unregisterTransport(type: string): unknown;
  registerExtension(name: string, extension: object): boolean;
  addListener(channel: string, heard: (message: Reply) => void): object;
  removeListener(listener: object): void;
  handshake(done: (reply: Reply) => void): void;
  subscribe(channel: string, heard: (message: Reply) => void, done: (reply: Reply) => void): object;
  disconnect(done: (reply: Reply) => void): void;
  isDisconnected(): boolean;
  getClientId(): string | null | undefined;
}

// The globals of a browser for the official clients, which share one cookie.
adapt();

const typed: Open = (url, via, patience) => {
  const client = new BayeuxClient(url, { ...quick, ...patience, transports: [via], extensions: [new AckExtension()] });
  return {
    get id() {
      return client.id;
    },
    async enter(channel, heard) {
      await client.handshake();
      await client.waitFor('connected');
      await client.getChannel(channel).subscribe((message) => heard(message.data));
    },
    leave: () => client.disconnect().catch(() => client.abort()),
  };
};

function classic(make: () => object, ack: () => object): Open {
  return (url, via, patience) => {
    const client = make() as CometDLike;
    for (const other of ['websocket', 'long-polling', 'callback-polling'])
      if (other !== via) client.unregisterTransport(other);
    client.registerExtension('ack', ack());
    client.configure({
      url,
      logLevel: 'error',
      backoffIncrement: 10,
      maxBackoff: 50,
      maxNetworkDelay: 3000,
      ...patience,
    });
    const asked = (what: string, act: (done: (reply: Reply) => void) => void): Promise<void> =>
      new Promise((resolve, reject) =>
        act((reply) => (reply.successful ? resolve() : reject(new Error(`${what}: ${JSON.stringify(reply)}`)))),
      );
    return {
      get id() {
        return client.getClientId();
      },
      async enter(channel, heard) {
        const connected = asked('connect', (done) => {
          const listener = client.addListener('/meta/connect', (reply) => {
            client.removeListener(listener);
            done(reply);
          });
        });
        await asked('handshake', (done) => client.handshake(done));
        await connected;
        await asked('subscribe', (done) => client.subscribe(channel, (message) => heard(message.data), done));
      },
      leave: async () => {
        if (!client.isDisconnected()) await new Promise<Reply>((done) => client.disconnect(done));
      },
    };
  };
}

export const ackClients: readonly (readonly [name: string, open: Open])[] = [
  ['BayeuxClient', typed],
  [
    'CometD',
    classic(
      () => new CometD(),
      () => new AckExtension(),
    ),
  ],
  [
    'the official client 9',
    classic(
      () => new OfficialCometD(),
      () => new OfficialAckExtension(),
    ),
  ],
  [
    'the official client 7',
    classic(
      () => new OfficialCometD7(),
      () => new OfficialAckExtension7(),
    ),
  ],
];

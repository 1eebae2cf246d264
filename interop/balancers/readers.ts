/** Clients of three makes that read the news behind a balancer, each from an address of its own, and note what they hear. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { AckExtension, BayeuxClient, CometD } from '@cometd-ts/client/node';
import { AckExtension as OfficialAckExtension, CometD as OfficialCometD } from 'cometd';
import { adapt } from 'cometd-nodejs-client';
import { onTestFinished } from 'vitest';

/** The globals of a browser for the official client, and with them no cookie of a test before. */
export function openBrowser(): void {
  adapt();
}

export type Via = 'websocket' | 'long-polling';

export const makes = ['BayeuxClient', 'CometD', 'cometd.js'] as const;
export type Make = (typeof makes)[number];

/** What CometD's object and ours have in common. */
interface Face {
  configure(options: object): void;
  registerExtension(name: string, extension: object): boolean;
  unregisterTransport(name: string): unknown;
  addListener(channel: string, heard: (message: { successful?: boolean }) => void): object;
  subscribe(channel: string, heard: (message: { data?: unknown }) => void): object;
  getClientId(): string;
  handshake(): void;
  disconnect(): void;
}

export class Reader {
  readonly name: string;
  readonly via: Via;
  /** What was heard in each session, in order. */
  readonly heard: Map<string, string[]> = new Map();
  /** The longest time in which nothing was heard, in ms. */
  longestSilence = 0;
  #lastHeard = 0;
  #first: () => void = () => undefined;

  constructor(name: string, via: Via) {
    this.name = name;
    this.via = via;
  }

  /** Resolves when it has heard something. */
  static async open(number: number, make: Make, via: Via, port: number): Promise<Reader> {
    const reader = new Reader(`${make} ${number} over ${via}`, via);
    const url = `http://${await lane(`127.0.1.${number + 1}`, port)}/cometd`;
    const first = new Promise<void>((resolve) => {
      reader.#first = resolve;
    });
    if (make === 'BayeuxClient') await reader.#enterTyped(url, via);
    else reader.#enter(make === 'CometD' ? ours() : official(), url, via);
    await first;
    return reader;
  }

  async #enterTyped(url: string, via: Via): Promise<void> {
    const client = new BayeuxClient(url, { transports: [via], extensions: [new AckExtension()], logLevel: 'error' });
    onTestFinished(() => client.abort());
    await client.handshake();
    await client.getChannel('/news').subscribe(({ data }) => this.#hear(client.id ?? '', data));
  }

  #enter(client: Face, url: string, via: Via): void {
    client.unregisterTransport(via === 'websocket' ? 'long-polling' : 'websocket');
    client.unregisterTransport('callback-polling');
    client.configure({ url, logLevel: 'error' });
    client.addListener('/meta/handshake', ({ successful }) => {
      if (successful) client.subscribe('/news', ({ data }) => this.#hear(client.getClientId(), data));
    });
    onTestFinished(() => client.disconnect());
    client.handshake();
  }

  #hear(session: string, data: unknown): void {
    const now = performance.now();
    if (this.#lastHeard) this.longestSilence = Math.max(this.longestSilence, now - this.#lastHeard);
    this.#lastHeard = now;
    const before = this.heard.get(session);
    if (before) before.push(String(data));
    else this.heard.set(session, [String(data)]);
    this.#first();
  }
}

function ours(): Face {
  const client = new CometD() as unknown as Face;
  client.registerExtension('ack', new AckExtension());
  return client;
}

function official(): Face {
  const client = new OfficialCometD() as unknown as Face;
  client.registerExtension('ack', new OfficialAckExtension());
  return client;
}

/** A way to the balancer that begins and comes out at this address: the official client has one cookie jar for each host. */
async function lane(address: string, port: number): Promise<string> {
  const server = createServer({ noDelay: true }, (socket) => {
    const behind = connect({ port, host: '127.0.0.1', localAddress: address, noDelay: true });
    const cut = (): void => {
      socket.destroy();
      behind.destroy();
    };
    for (const one of [socket, behind]) one.on('error', cut);
    socket.pipe(behind).pipe(socket);
    onTestFinished(cut);
  });
  await once(server.listen(0, address), 'listening');
  onTestFinished(() => void server.close());
  return `${address}:${(server.address() as AddressInfo).port}`;
}

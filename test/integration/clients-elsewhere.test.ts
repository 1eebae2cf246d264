/** Our clients are at home at servers that others wrote: Faye, and the one the CometD project publishes for Node.js. Neither has remote calls. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo, Socket } from 'node:net';
import { BayeuxClient, CometD } from '@cometd-ts/client/node';
import { afterEach, describe, expect, it } from 'vitest';
import { cometdVisit, goodCometdVisit, goodTypedVisit, hasty, type OurVisit, typedVisit } from './our-visits.ts';

/** Makes it serve; answers how to end what outlives the HTTP server. */
type Foreign = (http: Server) => () => void;

const load = createRequire(import.meta.url);
const faye = load('faye') as {
  NodeAdapter: new (options: { mount: string; timeout: number }) => { attach(server: Server): void };
};
const nodejsServer = load('cometd-nodejs-server') as {
  createCometDServer(options: object): { handle: RequestListener; close(): void };
};

interface House {
  readonly name: string;
  readonly transport: OurVisit['transport'];
  readonly repeats: boolean;
  readonly start: Foreign;
}

const startFaye: Foreign = (http) => {
  new faye.NodeAdapter({ mount: '/cometd', timeout: 5 }).attach(http);
  return () => undefined;
};

const startNodejsServer: Foreign = (http) => {
  const server = nodejsServer.createCometDServer({ timeout: 5000, maxInterval: 5000 });
  http.on('request', server.handle);
  return () => server.close();
};

const houses: readonly House[] = [
  { name: 'Faye 1.4.3', transport: 'websocket', repeats: false, start: startFaye },
  { name: 'Faye 1.4.3', transport: 'long-polling', repeats: false, start: startFaye },
  { name: 'cometd-nodejs-server 1.2.1', transport: 'long-polling', repeats: true, start: startNodejsServer },
];

/** A foreign server that can be torn down and built again at the same address. */
class Foreigner {
  readonly #start: Foreign;
  readonly #sockets: Set<Socket> = new Set();
  #http: Server | undefined;
  #end: () => void = () => undefined;
  port = 0;

  constructor(start: Foreign) {
    this.#start = start;
  }

  async open(): Promise<void> {
    const http = createServer();
    http.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#end = this.#start(http);
    await new Promise<void>((resolve) => http.listen(this.port, '127.0.0.1', resolve));
    this.port = (http.address() as AddressInfo).port;
    this.#http = http;
  }

  async close(): Promise<void> {
    this.#end();
    const closed = new Promise((resolve) => this.#http?.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

describe.each(houses)('at $name, over $transport', ({ transport, repeats, start }) => {
  let foreigner: Foreigner | undefined;
  afterEach(() => foreigner?.close());

  async function visit(): Promise<OurVisit> {
    const house = new Foreigner(start);
    foreigner = house;
    await house.open();
    const restart = async (): Promise<void> => {
      await house.close();
      await house.open();
    };
    return { url: `http://127.0.0.1:${house.port}/cometd`, transport, calls: false, repeats, restart };
  }

  it('the typed client spends a good day', async () => {
    const plan = await visit();
    const client = new BayeuxClient(plan.url, { transports: [transport], ...hasty });
    expect(await typedVisit(client, plan)).toEqual(goodTypedVisit(plan));
  });

  it('CometD spends a good day', async () => {
    const plan = await visit();
    expect(await cometdVisit(new CometD(), plan)).toEqual(goodCometdVisit(plan));
  });
});

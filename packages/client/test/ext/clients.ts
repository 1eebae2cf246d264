/** Clients that the extensions are registered with, and a server of ours for them to talk to. */
import { type Launched, launch } from '@cometd-ts/testkit';
import { CometD as OfficialCometD } from 'cometd';
import { adapt } from 'cometd-nodejs-client';
import { CometD as OfficialCometD7 } from 'cometd7';
import { onTestFinished } from 'vitest';
import { CometD } from '../../src/cometd.ts';
import type { Extension } from '../../src/ext/extension.ts';
import type { ReloadHost } from '../../src/ext/reload.ts';
import type { Message } from '../../src/message.ts';

type Callback = (message: Message) => void;
type LaunchOptions = NonNullable<Parameters<typeof launch>[0]>;

/** The part of the CometD API that these tests use. */
export interface Client extends ReloadHost {
  configure(options: object): void;
  unregisterTransport(type: string): unknown;
  registerExtension(name: string, extension: object): boolean;
  unregisterExtension(name: string): boolean;
  addListener(channel: string, heard: Callback): object;
  handshake(done: Callback): void;
  subscribe(channel: string, heard: Callback, done?: Callback): object;
  publish(channel: string, data: unknown, done?: Callback): void;
  publishBinary(channel: string, data: unknown, last: boolean, meta: object, done?: Callback): void;
  disconnect(done: Callback): void;
  isDisconnected(): boolean;
}

export const clients: readonly [name: string, open: () => Client][] = [
  ['our own client', () => new CometD() as unknown as Client],
  ['the official client 9.0.0', () => new OfficialCometD() as unknown as Client],
  ['the official client 7.0.19', () => new OfficialCometD7() as unknown as Client],
];

export const transports = ['websocket', 'long-polling'] as const;

/** Every client over every transport. */
export const routes: readonly [client: string, transport: string, open: () => Client][] = clients.flatMap(
  ([name, open]) => transports.map((transport): [string, string, () => Client] => [name, transport, open]),
);

/** A server for one test. */
export async function serve(launching: LaunchOptions = {}): Promise<Launched> {
  const launched = await launch({ ...launching, options: { timeout: 2000, ...launching.options } });
  onTestFinished(() => launched.close());
  return launched;
}

// The globals of a browser, for all clients of a file: they share one cookie, as the clients of one browser do.
adapt();

/** A client for one test, which speaks over one transport only. */
export function enter(open: () => Client, url: string, transport: string): Client {
  const client = open();
  for (const other of ['websocket', 'long-polling', 'callback-polling']) {
    if (other !== transport) client.unregisterTransport(other);
  }
  client.configure({ url, logLevel: 'error', backoffIncrement: 50, maxNetworkDelay: 3000 });
  onTestFinished(async () => {
    if (!client.isDisconnected()) await reply((done) => client.disconnect(done));
  });
  return client;
}

/** The message a callback is called with. */
export function reply(act: (done: Callback) => void): Promise<Message> {
  return new Promise(act);
}

/** An extension, and what a client would do with it: it gets messages from hand to hand. */
export function feed(extension: Fed, host: object = {}): Record<'incoming' | 'outgoing', Feeder> {
  const debug: unknown[][] = [];
  extension.registered('test', { _debug: (...line: unknown[]) => debug.push(line), ...host } as never);
  return {
    incoming: (message) => through(extension.incoming(message), message),
    outgoing: (message) => through(extension.outgoing(message), message),
  };
}

type Fed = Pick<Extension, 'incoming' | 'outgoing'> & { registered(name: string, host: never): void };
type Feeder = (message: Message) => Message | null;

function through(result: Message | null | undefined | void, message: Message): Message | null {
  return result === undefined ? message : (result ?? null);
}

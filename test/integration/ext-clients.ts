/** The object of the CometD library, ours and the official ones, with the extensions that belong to each. */
import { createRequire } from 'node:module';
import { BinaryExtension, CometD, TimeStampExtension, TimeSyncExtension } from '@cometd-ts/client/node';
import {
  BinaryExtension as OfficialBinaryExtension,
  CometD as OfficialCometD,
  TimeStampExtension as OfficialTimeStampExtension,
  TimeSyncExtension as OfficialTimeSyncExtension,
} from 'cometd';
import { adapt } from 'cometd-nodejs-client';
import { CometD as OfficialCometD7 } from 'cometd7';
import { onTestFinished } from 'vitest';

export interface Reply {
  readonly channel?: string;
  readonly successful?: boolean;
  readonly error?: string;
  readonly data?: unknown;
  readonly timestamp?: string;
  readonly advice?: { readonly reconnect?: string };
}

type Done = (reply: Reply) => void;

export interface Client {
  configure(options: object): void;
  unregisterTransport(type: string): unknown;
  registerExtension(name: string, extension: object): boolean;
  addListener(channel: string, heard: Done): object;
  handshake(done: Done): void;
  subscribe(channel: string, heard: Done, done: Done): object;
  publish(channel: string, data: unknown, done: Done): void;
  publishBinary(channel: string, data: unknown, last: boolean, meta: object, done: Done): void;
  remoteCallBinary(channel: string, data: unknown, last: boolean, meta: object, done: Done): void;
  disconnect(done: Done): void;
  isDisconnected(): boolean;
}

export interface TimeSync {
  getTimeOffset(): number;
  getNetworkLag(): number;
}

type ExtensionName = 'BinaryExtension' | 'TimeStampExtension' | 'TimeSyncExtension';

export interface Kind {
  readonly name: string;
  open(): Client;
  extension(name: ExtensionName): object;
}

const ours = { BinaryExtension, TimeStampExtension, TimeSyncExtension };
const official = {
  BinaryExtension: OfficialBinaryExtension,
  TimeStampExtension: OfficialTimeStampExtension,
  TimeSyncExtension: OfficialTimeSyncExtension,
};

// The globals of a browser for the official clients, which share one cookie.
adapt();
const load = createRequire(import.meta.url);

export const kinds: readonly Kind[] = [
  {
    name: 'our client',
    open: () => new CometD() as unknown as Client,
    extension: (name) => new ours[name](),
  },
  {
    name: 'the official client 9',
    open: () => new OfficialCometD() as unknown as Client,
    extension: (name) => new official[name](),
  },
  {
    name: 'the official client 7',
    open: () => new OfficialCometD7() as unknown as Client,
    // In version 7 each extension is a file of its own.
    extension: (name) => new (load(`cometd7/${name}`) as new () => object)(),
  },
];

/** A client for one test, over one transport. */
export function open(kind: Kind, url: string, transport: string): Client {
  const client = kind.open();
  for (const other of ['websocket', 'long-polling', 'callback-polling'])
    if (other !== transport) client.unregisterTransport(other);
  client.configure({ url, logLevel: 'error', backoffIncrement: 50, maxNetworkDelay: 5000 });
  onTestFinished(async () => {
    if (!client.isDisconnected()) await asked((done) => client.disconnect(done));
  });
  return client;
}

export function asked(act: (done: Done) => void): Promise<Reply> {
  return new Promise(act);
}

/** What an application does with a CometD object: the same for ours and for the official one. */
import { CHANNEL } from '../scenarios.ts';
import type { Peer } from './peer.ts';
import type { Chat, Transport } from './scenarios.ts';

interface Message {
  readonly successful?: boolean;
  readonly data?: unknown;
}

type Callback = (message: Message) => void;

/** The part of the API that the benchmark uses. */
export interface CometDLike {
  configure(options: { url: string; logLevel: 'warn' }): void;
  unregisterTransport(type: string): unknown;
  addListener(channel: string, heard: Callback): unknown;
  handshake(done: Callback): void;
  subscribe(channel: string, heard: Callback, done: Callback): unknown;
  publish(channel: string, data: unknown, done: Callback): void;
}

export async function connectCometD(
  cometd: CometDLike,
  origin: string,
  transport: Transport,
  lost: (reason: unknown) => void,
): Promise<Peer> {
  cometd.configure({ url: `${origin}/cometd`, logLevel: 'warn' });
  for (const other of ['websocket', 'long-polling', 'callback-polling']) {
    if (other !== transport) cometd.unregisterTransport(other);
  }
  cometd.addListener('/meta/unsuccessful', (reply) => lost(JSON.stringify(reply)));
  await successful((done) => cometd.handshake(done));
  return {
    subscribe: (heard) =>
      successful((done) => cometd.subscribe(CHANNEL, (message) => heard(message.data as Chat), done)),
    publish: (chat, done) =>
      cometd.publish(CHANNEL, chat, (reply) => {
        if (reply.successful) done();
        else lost(JSON.stringify(reply));
      }),
  };
}

function successful(ask: (done: Callback) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    ask((reply) => {
      if (reply.successful) resolve();
      else reject(new Error(JSON.stringify(reply)));
    });
  });
}

/** What each client of the comparison is: a function that connects it over one transport. */
import type { Chat, ClientName, Transport } from './scenarios.ts';

export interface Peer {
  /** Resolves when the server has confirmed. */
  subscribe(heard: (chat: Chat) => void): Promise<void>;
  /** `done` is called when the server has acknowledged, in the way that this client has for it. */
  publish(chat: Chat, done: () => void): void;
}

/** `origin` has no path. After it resolved, what goes wrong is told to `lost`. */
export type Connect = (origin: string, transport: Transport, lost: (reason: unknown) => void) => Promise<Peer>;

const connects: Readonly<Record<ClientName, () => Promise<{ readonly connect: Connect }>>> = {
  BayeuxClient: () => import('./bayeux-client.ts'),
  CometD: () => import('./comet-d.ts'),
  cometd: () => import('./official.ts'),
  faye: () => import('./faye.ts'),
  'socket.io-client': () => import('./socket-io.ts'),
  floor: () => import('./floor.ts'),
};

export async function connectOf(client: ClientName): Promise<Connect> {
  return (await connects[client]()).connect;
}

/** A server without sockets, and clients inside it that write down what they hear. */
import {
  BayeuxServer,
  type LocalSession,
  type Logger,
  type ServerMessage,
  type ServerOptions,
} from '@cometd-ts/server';
import { onTestFinished } from 'vitest';

/** What was logged as an error, and a server that logs there. */
export function openServer(options: ServerOptions = {}): { bayeux: BayeuxServer; errors: unknown[] } {
  const errors: unknown[] = [];
  const quiet = (): void => undefined;
  const logger: Logger = { debug: quiet, info: quiet, warn: quiet, error: (_, error) => errors.push(error) };
  const bayeux = new BayeuxServer({ logger, ...options });
  onTestFinished(() => bayeux.stop());
  return { bayeux, errors };
}

export interface Guest {
  readonly session: LocalSession;
  readonly heard: ServerMessage[];
  /** Resolves with the data of all that was heard, once that is so much. */
  hears(count: number): Promise<unknown[]>;
  publish(channel: string, data: unknown): Promise<ServerMessage>;
}

/** A client that listens on these channels. */
export async function enter(bayeux: BayeuxServer, ...channels: string[]): Promise<Guest> {
  const session = bayeux.newLocalSession('guest');
  await session.handshake();
  const heard: ServerMessage[] = [];
  let look = (): void => undefined;
  for (const channel of channels) {
    session.getChannel(channel).addListener((_, message) => {
      heard.push(message);
      look();
    });
  }
  return {
    session,
    heard,
    hears: (count) =>
      new Promise((resolve) => {
        look = () => heard.length >= count && resolve(heard.map(({ data }) => data));
        look();
      }),
    publish: async (channel, data) => session.getChannel(channel).publish(data),
  };
}

/** A promise that somebody else keeps. */
export class Gate {
  readonly opened: Promise<void>;
  open: () => void = () => undefined;

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}

/** A real server, and typed clients whose every request and frame is written down on its way out. */
import {
  type BayeuxClient,
  type Message,
  type NodeClientOptions,
  nodePlatform,
  type Platform,
} from '@cometd-ts/client/node';
import { DefaultSecurityPolicy, type ServerOptions, type ServerSession } from '@cometd-ts/server';
import { furnish, type Launched, launch } from '@cometd-ts/testkit';
import { onTestFinished } from 'vitest';
import { type Via, Watched } from '../faults/watched.ts';

/** A furnished server where nobody may subscribe below `/secret` or publish below `/mute`; gone when the test is. */
export async function serve(options: ServerOptions = {}, port = 0): Promise<Launched> {
  const server = await launch({ port, options: { timeout: 5000, sweepPeriod: 100, ...options }, prepare: furnish });
  server.bayeux.securityPolicy = new House();
  onTestFinished(() => server.close());
  return server;
}

class House extends DefaultSecurityPolicy {
  override canSubscribe(...[server, session, channel, message]: Parameters<DefaultSecurityPolicy['canSubscribe']>) {
    return !channel.id.startsWith('/secret') && super.canSubscribe(server, session, channel, message);
  }

  override canPublish(...[server, session, channel, message]: Parameters<DefaultSecurityPolicy['canPublish']>) {
    return !channel.id.startsWith('/mute') && super.canPublish(server, session, channel, message);
  }
}

/** Requests and frames, each a list of messages, in the order they were sent. */
export class Wire {
  readonly envelopes: Message[][] = [];
  readonly platform: Platform;

  constructor() {
    const real = nodePlatform({ proxy: false });
    this.platform = {
      ...real,
      request: (request) => {
        this.envelopes.push(JSON.parse(request.body) as Message[]);
        return real.request(request);
      },
      openWebSocket: (url, protocol, headers) => {
        const socket = real.openWebSocket(url, protocol, headers);
        const send = socket.send.bind(socket);
        socket.send = (text) => {
          this.envelopes.push(JSON.parse(text) as Message[]);
          send(text);
        };
        return socket;
      },
    };
  }

  /** The messages on this channel, oldest first. */
  sent(channel: string): Message[] {
    return this.envelopes.flat().filter((message) => message.channel === channel);
  }

  /** What was subscribed to, and unsubscribed from with a minus, in order. */
  get subscriptions(): string[] {
    return this.envelopes.flat().flatMap(({ channel, subscription }) => {
      if (channel === '/meta/subscribe') return [`${subscription}`];
      return channel === '/meta/unsubscribe' ? [`-${subscription}`] : [];
    });
  }
}

export interface Guest {
  readonly watched: Watched;
  readonly client: BayeuxClient;
  readonly wire: Wire;
}

/** A client that has not begun. */
export function invite(url: string, via: Via, options: NodeClientOptions = {}): Guest {
  const wire = new Wire();
  const watched = new Watched(url, via, { platform: wire.platform, ...options });
  onTestFinished(() => watched.client.abort());
  return { watched, client: watched.client, wire };
}

/** A client that is connected. */
export async function arrive(url: string, via: Via, options: NodeClientOptions = {}): Promise<Guest> {
  const guest = invite(url, via, options);
  await guest.client.handshake();
  await guest.client.waitFor('connected', { timeout: 8000 });
  return guest;
}

/** The session of a client at the server. */
export function sessionOf(server: Launched, client: BayeuxClient): ServerSession {
  const session = server.bayeux.getSession(client.id ?? '');
  if (!session) throw new Error(`The server has no session ${client.id}`);
  return session;
}

/** Resolves when the server holds a connect of this client: what it says then arrives at once. */
export function isHeld(server: Launched, client: BayeuxClient): Promise<void> {
  const session = sessionOf(server, client);
  return new Promise((resolve) => {
    session.addListener('suspended', () => resolve());
    // A connect may be held already. What is delivered lets it go, and the next one is held.
    session.deliver(null, { channel: '/next', data: null });
  });
}

/** Ends a server and starts one with an empty memory in its place. */
export async function restart(server: Launched): Promise<Launched> {
  await server.close();
  return serve({}, server.port);
}

/** Resolves with the next message that a client hears on this channel. */
export function heard(client: BayeuxClient, channel: string): Promise<Message> {
  return new Promise((resolve) => {
    const registration = client.getChannel(channel).addListener((message) => {
      registration.remove();
      resolve(message);
    });
  });
}

/** Runs a loop over messages beside the test, and keeps what it hears. */
export function collect(
  messages: AsyncIterable<Message>,
  until: (data: unknown) => boolean = () => false,
): { readonly data: unknown[]; readonly end: Promise<void> } {
  const data: unknown[] = [];
  const run = async (): Promise<void> => {
    for await (const message of messages) {
      data.push(message.data);
      if (until(message.data)) break;
    }
  };
  const end = run();
  end.catch(() => undefined);
  return { data, end };
}

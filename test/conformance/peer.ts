/** Whom the conformance suite talks to, and the guests it sends there. */
import { openSession, type RawSession, type RawTransport } from '@cometd-ts/testkit';
import { afterEach } from 'vitest';

export interface Peer {
  /** Names the server in titles. */
  readonly name: string;
  /** `java` where a server of the CometD family may differ from our decisions; everything else holds for both. */
  readonly kind: 'ours' | 'java';
  /** Asked when a test runs, not before. */
  readonly url: () => string;
  /** Options the server runs with, in ms. */
  readonly timeout: number;
  readonly maxInterval: number;
  readonly sweepPeriod: number;
  /** The server answers on `/service/echo` like a remote call, and disconnects whoever publishes to `/service/kick`. */
  readonly furnished: boolean;
}

export const transports: readonly RawTransport[] = ['websocket', 'long-polling'];

export interface Guests {
  /** A client that has said nothing. */
  stranger(transport: RawTransport): Promise<RawSession>;
  /** After its handshake. */
  handshaken(transport: RawTransport): Promise<RawSession>;
  /** After its first connect, so that the next one is held. */
  connected(transport: RawTransport): Promise<RawSession>;
}

/** Guests of this peer; all leave when their test ends. */
export function guestsOf(peer: Peer): Guests {
  const open: RawSession[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((session) => session.close()));
  });
  const stranger = async (transport: RawTransport) => {
    const session = await openSession(transport, peer.url());
    open.push(session);
    return session;
  };
  const handshaken = async (transport: RawTransport) => {
    const session = await stranger(transport);
    await session.handshake();
    return session;
  };
  const connected = async (transport: RawTransport) => {
    const session = await handshaken(transport);
    await session.connect(0);
    return session;
  };
  return { stranger, handshaken, connected };
}

let names = 0;

/** A channel nobody used before, so that tests do not hear each other, even on a server that runs for days. */
export function freshChannel(parent: string = ''): string {
  names += 1;
  return `${parent}/c${Date.now().toString(36)}x${names}`;
}

/** Lets a guest be reached: over long-polling a connect must be held for events to travel. The result settles with its reply. */
export function listen(session: RawSession, hold: number = 5000): Promise<unknown> {
  return session.connect(hold).catch(() => 'the test ended first');
}

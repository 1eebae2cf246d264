/** What the load asks of a client, whichever protocol it speaks. */
import type { Scenario, ServerName } from '../scenarios.ts';
import type { Chat } from './chatter.ts';
import type { Route } from './line.ts';

export interface PeerOptions {
  readonly route: Route;
  /** What it publishes. Default small talk. */
  readonly chat?: Chat;
  /** Subscribes before it counts as connected. */
  readonly subscribes: boolean;
  /** To what. Default the channel of small talk. */
  readonly subscriptions?: readonly string[];
  /** Negotiates the acknowledgement extension. Default false. */
  readonly ack?: boolean;
  /** Polls over HTTP/2. Default false. */
  readonly http2?: boolean;
  /** Bytes that hold so many messages; valid only during the call. */
  readonly onMessages: (bytes: Buffer, count: number) => void;
  /** A publish of this client was answered, where its protocol answers. */
  readonly onReply: () => void;
  readonly onLost: (error: Error) => void;
}

export interface Peer {
  /** Publishes so many frames of messages stamped with the time given, in µs: frames of their own, but with one write. */
  publish(stamp: number, count: number): void;
  /** Reads nothing any more. */
  stop(): void;
}

/** Connects one client: fulfilled when it is ready and, if wanted, subscribed. */
export type Connect = (options: PeerOptions) => Promise<Peer>;

/** A dialect per transport; `asksReply` when a publish is to be answered rather than delivered. */
export async function connectOf(server: ServerName, { transport, kind }: Scenario): Promise<Connect> {
  const polls = transport === 'long-polling';
  switch (server) {
    case 'socket.io': {
      const { connectSocketIo } = await import('./socket-io.ts');
      return (options) => connectSocketIo(options, kind === 'reply');
    }
    case 'floor': {
      const { connectFloor, connectFloorPolling } = await import('./floor.ts');
      return polls ? connectFloorPolling : connectFloor;
    }
    default: {
      if (polls) return (await import('./bayeux-polling.ts')).connectBayeuxPolling;
      return (await import('./bayeux-websocket.ts')).connectBayeux;
    }
  }
}
